// Starts the page. A file of its own, because the page's policy allows no script inside the document.
import init from './page.js';

init({ module_or_path: new URL('./page_bg.wasm', import.meta.url) }).catch((error) => {
  const main = document.querySelector('#app main');
  const line = document.createElement('p');
  line.setAttribute('role', 'alert');
  line.textContent = `The page could not be started (${error?.message ?? error}). A current browser with WebAssembly is needed; reloading may help.`;
  main?.append(line);
});
