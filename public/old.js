// Browsers that know no modules run this instead of the page, so that they say why it stays empty.
document.querySelector('#app main').innerHTML =
  '<p role="alert">This browser is too old for the page: it needs JavaScript modules and WebAssembly. A current one will do. ' +
  'The same engine runs on the command line: <code>clozelab demo</code>.</p>';
