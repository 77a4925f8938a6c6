// Starts the page. A file of its own, because the page's policy allows no script inside the document.
import init from './page.js';

init({ module_or_path: new URL('./page_bg.wasm', import.meta.url) }).catch((error) => {
  const reason = error?.message ?? error;
  window.cannotStart(`The page could not be started (${reason}). Reload it, or take a current browser with WebAssembly.`);
});
