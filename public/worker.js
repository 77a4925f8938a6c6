// Starts the engine in its worker. If the engine cannot be loaded or fails, the page receives an
// event with the reason and starts another worker.
function fail(message, hint, code = 'engine-crashed') {
  const event = { event: 'failed', run: '', code, message, hint };
  postMessage({ message: JSON.stringify(event), buffers: [] });
}

const reason = (error) => String(error?.message ?? error);

// A helper computes gradients for the worker that started it, which sends the compiled engine.
const parameters = new URL(import.meta.url).searchParams;
self.isHelper = parameters.has('helper');

self.startHelper = () => {
  const url = new URL(import.meta.url);
  url.search = '?helper';
  // As a blob, the helper inherits the content policy of this worker.
  const script = new Blob([`import ${JSON.stringify(url.href)};`], { type: 'text/javascript' });
  const address = URL.createObjectURL(script);
  const helper = new Worker(address, { type: 'module' });
  URL.revokeObjectURL(address);
  helper.postMessage(compiled);
  return helper;
};

// The page waits for this lock: the browser releases it when the worker ends, for whatever reason.
const lock = parameters.get('lock');
if (lock) navigator.locks?.request(lock, () => new Promise(() => {}));

// Reports GPU errors as described by WebGPU; the page adds the message for the user. The engine
// would only report a location in its source.
const requestDevice = self.GPUAdapter?.prototype.requestDevice;
if (requestDevice) {
  self.GPUAdapter.prototype.requestDevice = async function (...options) {
    const device = await requestDevice.apply(this, options);
    device.addEventListener('uncapturederror', ({ error }) => {
      fail(reason(error), '', error instanceof GPUOutOfMemoryError ? 'gpu-memory' : 'gpu-refused');
    });
    device.lost.then(({ message }) => fail(message, '', 'gpu-lost'));
    return device;
  };
}

// Returns the file `runs/FOLDER/CHECKPOINT/NAME` in the origin private file system.
async function checkpointFile(folder, checkpoint, name, create) {
  let directory = await navigator.storage.getDirectory();
  for (const part of ['runs', folder, checkpoint]) directory = await directory.getDirectoryHandle(part, { create });
  return directory.getFileHandle(name, { create });
}

self.loadFile = async (folder, checkpoint, name) => {
  const file = await (await checkpointFile(folder, checkpoint, name, false)).getFile();
  return file.arrayBuffer();
};

self.saveFile = async (folder, checkpoint, name, bytes) => {
  const file = await (await checkpointFile(folder, checkpoint, name, true)).createSyncAccessHandle();
  try {
    file.truncate(0);
    if (file.write(bytes, { at: 0 }) !== bytes.length) throw new Error('there is no room left');
    file.flush();
  } finally {
    file.close();
  }
};

// The module for archives, workbooks and Word documents is loaded on first use. An instance that
// has failed is not reused: under another URL the browser creates a new one.
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

// Smallest module with a SIMD instruction: (func (drop (v128.const 0))).
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, ...Array(16).fill(0), 26, 11];

// The compiled engine, for helpers.
let compiled;

async function compile() {
  const response = await fetch(new URL('./engine_bg.wasm', import.meta.url));
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  // Streaming needs a server that names the type of the file.
  const isNamed = response.headers.get('Content-Type')?.startsWith('application/wasm');
  return isNamed ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

async function start(module) {
  try {
    const [{ default: initialize }, engine] = await Promise.all([import('./engine.js'), module ?? compile()]);
    compiled = engine;
    await initialize({ module_or_path: engine });
  } catch (error) {
    fail(`The engine could not be loaded: ${reason(error)}`, 'Check the connection and restart the engine.');
  }
}

if (self.isHelper) {
  addEventListener('message', ({ data }) => start(data), { once: true });
} else if (WebAssembly.validate(new Uint8Array(SIMD))) {
  start();
} else {
  fail(
    'This browser or processor has no WebAssembly SIMD, which the engine computes with.',
    'Open the page in a current browser (Chrome or Edge 91, Firefox 89, Safari 16.4 or newer), or use the command line.',
  );
}
