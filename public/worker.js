// Starts the engine in its worker. When it cannot be loaded or dies, the page is told in the engine's own words, so
// that it can show a sentence and offer a new one.
function fail(message, hint) {
  const event = { event: 'failed', run: '', code: 'engine-crashed', message, hint };
  postMessage({ message: JSON.stringify(event), buffers: [] });
}

const reason = (error) => String(error?.message ?? error);

addEventListener('unhandledrejection', (rejection) => {
  rejection.preventDefault();
  fail(`The engine stopped: ${reason(rejection.reason)}`, 'Restart the engine; if it stops again, choose a smaller preset.');
});

import('./engine.js')
  .then((engine) => engine.default())
  .catch((error) => {
    fail(`The engine could not be loaded: ${reason(error)}`, 'Check the connection and restart the engine.');
  });
