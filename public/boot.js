// Starts the page. A file of its own, because the page's policy allows no script inside the document.
import init from './page.js';

init({ module_or_path: new URL('./page_bg.wasm', import.meta.url) }).catch((error) => {
  const reason = error?.message ?? error;
  window.cannotStart(`The page could not be started (${reason}). Reload it, or take a current browser with WebAssembly.`);
});

// Stores the site for later visits. Where the browser refuses, as in a private window, the page
// works without.
async function storeSite() {
  const workers = navigator.serviceWorker;
  if (!workers || !isSecureContext) return;
  const registration = await workers.register('./service-worker.js', { updateViaCache: 'none' });
  // The page shows a button; a run is not interrupted.
  const offer = () => registration.waiting && workers.controller && dispatchEvent(new Event('clozelab-update'));
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', offer));
  offer();
  addEventListener('clozelab-apply-update', () => {
    workers.addEventListener('controllerchange', () => location.reload());
    registration.waiting?.postMessage('activate');
  });
}

// After the page: its own files come first.
addEventListener('load', () => setTimeout(() => storeSite().catch((error) => console.info('The site is not stored for later visits:', error)), 3000));
