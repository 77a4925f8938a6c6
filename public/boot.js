// Starts the page. A file of its own, because the page's policy allows no script inside the document.
import init from './page.js';

init({ module_or_path: new URL('./page_bg.wasm', import.meta.url) }).catch((error) => {
  const reason = error?.message ?? error;
  window.cannotStart(`The page could not be started (${reason}). Reload it, or take a current browser with WebAssembly.`);
});

// Stores the site for later visits. If the browser refuses, as in a private window, the page works
// without it.
async function storeSite() {
  const workers = navigator.serviceWorker;
  if (!workers || !isSecureContext) return;
  const registration = await workers.register('./service-worker.js', { updateViaCache: 'none' });
  // The page shows a button, also if it mounts later.
  const offer = () => {
    if (!registration.waiting || !workers.controller) return;
    document.documentElement.dataset.update = 'ready';
    dispatchEvent(new Event('clozelab-update'));
  };
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', offer));
  offer();
  addEventListener('clozelab-apply-update', () => {
    // Another tab may have replaced the build already.
    if (!registration.waiting) return location.reload();
    workers.addEventListener('controllerchange', () => location.reload());
    registration.waiting.postMessage('activate');
  });
  workers.addEventListener('message', ({ data }) => data === 'other-tabs' && dispatchEvent(new Event('clozelab-update-refused')));
}

// After the page: its own files come first.
addEventListener('load', () => setTimeout(() => storeSite().catch((error) => console.info('The site is not stored for later visits:', error)), 3000));
