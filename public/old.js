// Browsers that know no modules run this instead of the page.
window.cannotStart('This browser is too old for the page: it needs JavaScript modules and WebAssembly. A current one will do.');
