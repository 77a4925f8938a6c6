// WebGPU in the browser, on a software adapter: it is named as such, `auto` prefers the CPU engine to it, and its losses
// are those of the CPU engine. A step takes seconds there, so that three steps of the smallest shape must do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { train } from './engine.mjs';
import { launch, serve, visit } from './harness.mjs';

// One step from the same weights: only the order of sums differs between the two backends.
const FIRST_STEP_TOLERANCE = 1e-4;

// Each later step adds to the difference; AdamW's division by small second moments magnifies it.
const RUN_TOLERANCE = 1e-3;

const STEPS = 3;
const CONFIG = { preset: 'fast-nano', seed: 3, 'vocab-size': 200, 'max-len': 16, 'batch-size': 4 };
const PAGE = `?backend=webgpu&preset=fast-nano&max-len=16&batch-size=4&vocab-size=200&seed=3&steps=${STEPS}`;

// The first step compiles every kernel.
const PATIENCE_SECONDS = 150;

const nouns = ['bird', 'tree', 'stone', 'river', 'house', 'road', 'cloud', 'boat'];
const verbs = ['sees', 'likes', 'finds', 'leaves', 'passes'];
const sentence = (index) => `the ${nouns[index % 8]} ${verbs[index % 5]} a ${nouns[(3 * index + 1) % 8]} near the ${nouns[(5 * index + 2) % 8]}`;
const sentences = (count, from = 0) => Array.from({ length: count }, (_, index) => sentence(from + index)).join('\n');

let site, browser;
before(async () => {
  [site, browser] = await Promise.all([serve(), launch({ webgpu: true })]);
});
after(async () => {
  await browser?.close();
  site?.close();
});

test('auto takes the CPU engine rather than a software adapter, and says so', async () => {
  await visit(browser, `${site.url}?backend=auto`, async (journey) => {
    await journey.ready();
    assert.match(await journey.text('device'), /CPU/);
    assert.match(await journey.text('device'), /software/i);
  });
});

test('a run on the software adapter, named as such, reaches its last step', { timeout: 300_000 }, async () => {
  await visit(browser, site.url + PAGE, async (journey) => {
    await journey.ready(1, 120);
    assert.match(await journey.text('device'), /WebGPU/);
    assert.match(await journey.text('device'), /software/i);
    await journey.choose({ 'sentences.txt': sentences(120) });
    await journey.until('the own file', async () => /sentences\.txt/.test(await journey.text('file-table')));
    await journey.press('start-pretrain');
    await journey.reaches('step', STEPS, PATIENCE_SECONDS);
    assert.ok((await journey.value('loss')) > 0);
    await journey.idle(PATIENCE_SECONDS);
  });
});

const relative = (a, b) => Math.abs(a - b) / Math.abs(b);

test('GPU and CPU engine give the same losses', { timeout: 600_000 }, async () => {
  const files = [
    { name: 'train.txt', role: 'train', text: sentences(120) },
    { name: 'valid.txt', role: 'valid', text: sentences(8, 1000) },
  ];
  const plan = { files, configs: [{ ...CONFIG, steps: 1 }, { ...CONFIG, steps: STEPS }] };
  // Any file of the site will do: the page itself would start an engine of its own.
  await visit(browser, `${site.url}worker.js`, async ({ page }) => {
    const [cpuOne, cpuAll] = await train(page, site.url, { ...plan, backend: 'cpu' });
    const [gpuOne, gpuAll] = await train(page, site.url, { ...plan, backend: 'gpu' });
    assert.equal(gpuOne.device.backend, 'gpu');
    assert.equal(cpuOne.device.backend, 'cpu');
    const compare = (what, gpu, cpu, tolerance) => {
      assert.ok(Number.isFinite(cpu) && cpu !== 0, `${what} on the CPU is ${cpu}`);
      assert.ok(relative(gpu, cpu) <= tolerance, `${what}: GPU ${gpu}, CPU ${cpu}, allowed ${tolerance} relative`);
    };
    compare('loss of the first step', gpuOne.meanLoss, cpuOne.meanLoss, FIRST_STEP_TOLERANCE);
    compare('gradient norm of the first step', gpuOne.gradNorm, cpuOne.gradNorm, RUN_TOLERANCE);
    compare(`mean loss of ${STEPS} steps`, gpuAll.meanLoss, cpuAll.meanLoss, RUN_TOLERANCE);
    compare(`held-out loss after ${STEPS} steps`, gpuAll.heldOut, cpuAll.heldOut, RUN_TOLERANCE);
  });
});
