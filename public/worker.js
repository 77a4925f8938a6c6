// Starts the engine in its worker. When it cannot be loaded or dies, the page is told in the engine's own words, so
// that it can show a sentence and offer a new one.
function fail(message, hint) {
  const event = { event: 'failed', run: '', code: 'engine-crashed', message, hint };
  postMessage({ message: JSON.stringify(event), buffers: [] });
}

const reason = (error) => String(error?.message ?? error);

// The module for archives, workbooks and Word documents is loaded on first use. An instance that has failed is not used
// again; under another address the browser makes a new one.
let archives;
let failures = 0;

self.openArchives = async (described, blobs) => {
  archives ??= import(`./unpack.js${failures ? `?${failures}` : ''}`).then(async (module) => {
    await module.default();
    return module;
  });
  try {
    return (await archives).open(described, blobs);
  } catch (error) {
    archives = undefined;
    failures += 1;
    throw error;
  }
};

addEventListener('unhandledrejection', (rejection) => {
  rejection.preventDefault();
  fail(`The engine stopped: ${reason(rejection.reason)}`, 'Restart the engine; if it stops again, choose a smaller preset.');
});

// The smallest module with an instruction of the SIMD proposal: (func (drop (v128.const 0))).
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, ...Array(16).fill(0), 26, 11];

if (WebAssembly.validate(new Uint8Array(SIMD))) {
  import('./engine.js')
    .then((engine) => engine.default())
    .catch((error) => {
      fail(`The engine could not be loaded: ${reason(error)}`, 'Check the connection and restart the engine.');
    });
} else {
  fail(
    'This browser or processor has no WebAssembly SIMD, which the engine computes with.',
    'Open the page in a current browser (Chrome or Edge 91, Firefox 89, Safari 16.4 or newer), or use the command line.',
  );
}
