// Measures programs in Chromium, each in a browser of its own with an empty profile.

import { launch } from '../e2e/harness.mjs';
import { countWebgpu, postCounts } from './counts.mjs';

const TIMEOUT_MS = 900_000;

/** Pages that load a peer; the script then calls its `run`. */
export const PAGES = {
  '/jax-js.html': `<!doctype html><script type="importmap">{"imports": {"@jax-js/jax": "/node_modules/@jax-js/jax/dist/index.js"}}</script>`,
  '/tfjs.html': `<!doctype html>
<script src="/node_modules/@tensorflow/tfjs/dist/tf.min.js"></script>
<script src="/node_modules/@tensorflow/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js"></script>`,
  '/engine.html': '<!doctype html>',
};

async function inNewBrowser(site, path, job) {
  const browser = await launch({ webgpu: true });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.addInitScript(countWebgpu);
    site.takeSent();
    await page.goto(new URL(path, site.url).href);
    const result = await job(page);
    return { ...result, sentBytes: site.takeSent(), browser: browser.version() };
  } finally {
    await browser.close();
  }
}

/** Measures a peer, the module `script`, on a fixture. */
export const measurePeer = (site, { page, script }, device, { fixture, length }) =>
  inNewBrowser(site, page, (tab) =>
    tab.evaluate(
      async ({ script, ...options }) => {
        const { run } = await import(script);
        return run(options);
      },
      { script, device, length, url: new URL(fixture, site.url).href },
    ),
  );

/** Returns the source of the engine's worker, changed to count calls of WebGPU. */
export const countingWorker = (source) => `(${countWebgpu})();\n(${postCounts})();\n${source}`;

/** Measures the engine on `backend` with a number of CPU workers; `config` are its settings. */
export const measureEngine = (site, { backend, workers }, config) =>
  inNewBrowser(site, '/engine.html', (tab) => tab.evaluate(trainEngine, { backend, workers, config }));

/** Runs in the page: trains in a worker of the site, and notes when each step arrived. */
async function trainEngine({ backend, workers, config }) {
  const worker = new Worker('/clozelab/worker.js', { type: 'module' });
  const send = (message, buffers = []) => worker.postMessage({ message: JSON.stringify(message), buffers });
  const sendCorpus = async () => {
    const names = [['train.txt', 'train'], ['valid.txt', 'valid']];
    const blobs = await Promise.all(names.map(async ([name]) => (await fetch(`/clozelab/bundle/${name}`)).blob()));
    send({ command: 'set_corpus', files: names.map(([name, role]) => ({ name, role })) }, blobs);
  };
  const result = { losses: [], gradNorms: [], ms: [], counts: [] };
  const times = {};
  let before = null;
  await new Promise((done, fail) => {
    worker.onerror = ({ message }) => fail(new Error(message));
    worker.onmessage = ({ data }) => {
      const event = JSON.parse(data.message);
      const now = performance.now();
      if (event.event === 'hello') send({ command: 'open', backend, workers });
      if (event.event === 'ready') {
        Object.assign(times, { ready: now, device: event.device.name });
        sendCorpus().catch(fail);
      }
      if (event.event === 'corpus') send({ command: 'pretrain', run: 'bench', config });
      if (event.event === 'started') times.started = now;
      if (event.event === 'step') {
        times.first ??= now;
        if (before !== null) result.ms.push(now - before);
        result.losses.push(event.loss);
        result.gradNorms.push(event.grad_norm);
        result.counts.push(data.counts);
      }
      // What comes between two steps, such as an evaluation, belongs to neither.
      before = event.event === 'step' ? now : null;
      if (event.event === 'failed') fail(new Error(`${event.code}: ${event.message}`));
      if (event.event === 'finished') done();
    };
  });
  worker.terminate();
  // Without reading the text and learning a vocabulary: the peers get token ids and weights.
  return { name: 'Clozelab', device: times.device, ...result, firstStepAt: times.ready + times.first - times.started };
}
