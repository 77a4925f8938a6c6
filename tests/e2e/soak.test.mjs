// A long run leaks nothing: after warm-up, the page's elements and heap, the memory of both wasm
// modules and the GPU buffers stay constant. Measured while the run is paused, after garbage
// collection.
//
// CLOZELAB_SOAK_MINUTES, optional: duration of the run with every view open, default under a
// minute.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch, serve, visit } from './harness.mjs';

const LINK = '?preset=fast-nano&max-len=16&seed=3&steps=100000';

// Step at which every buffer has its final size (first steps without evaluation, chart, optimizer
// state), number of steps on a fast machine, and minimum on any machine.
const ON_CPU = { link: `${LINK}&backend=cpu&batch-size=8&vocab-size=1000`, warm: 200, steps: 2000, minimum: 500 };
const ON_GPU = { link: `${LINK}&backend=webgpu&batch-size=4&vocab-size=200`, warm: 40, steps: 200, minimum: 80 };
const LIMIT_SECONDS = 100;

// Every view is open: the example, its attention and preview history, the charts, all collapsible
// sections. The history holds 64 snapshots before it is thinned out, and a fast run previews
// several times a second: it is full by this step.
const ALL_OPEN = { link: `${LINK}&backend=cpu&batch-size=8&vocab-size=1000`, warm: 1000, minimum: 1200 };
const OPEN_MINUTES = Number(process.env.CLOZELAB_SOAK_MINUTES ?? 0.7);
const OPEN_LOOKS = 6;

// A label may appear or disappear during the run.
const ELEMENTS_TOLERANCE = 30;

// The list of the newest evaluations fills up if it is open.
const LISTED = 40;

// Two thousand points of a chart are 32 kB; the rest is V8's own caches.
const HEAP_TOLERANCE = 1_000_000;

// A page of wasm memory has 64 KiB, and an allocator requests several at once: this allows one such
// request, not one per step.
const WASM_TOLERANCE = 4 * 1024 * 1024;

// Previews, predictions and checkpoints between the steps take buffers that the pools free only now
// and then: the total goes up and down by 300 kB (from 3.3 to 3.6 MB over 1,000 steps). A step's
// activations at this size are 100 kB; leaked by each of 40 or more steps, they would be megabytes.
const GPU_TOLERANCE = 512 * 1024;

let site;
before(async () => {
  site = await serve();
});
after(() => site?.close());

/**
 * Runs in the engine's worker: counts the bytes of buffers that are created and not yet destroyed
 * or collected.
 */
function countGpuBuffers() {
  self.gpuBytes = 0;
  const { createBuffer } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  const collected = new FinalizationRegistry((bytes) => (self.gpuBytes -= bytes));
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    self.gpuBytes += descriptor.size;
    collected.register(buffer, descriptor.size, buffer);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    if (collected.unregister(this)) self.gpuBytes -= this.size;
    return destroy.call(this);
  };
}

/**
 * Returns the bytes of a wasm module's memory. A second call of its start function returns the
 * running instance.
 */
const memory = (scope, script, base) =>
  scope.evaluate(async (url) => (await (await import(url)).default()).memory.buffer.byteLength, new URL(script, base).href);

async function measure({ page }) {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  await session.detach();
  const elements = await page.evaluate(() => document.querySelectorAll('*').length);
  return {
    elements,
    heap: usedSize,
    pageWasm: await memory(page, 'page.js', site.url),
    engineWasm: await memory(page.workers()[0], 'engine.js', site.url),
    gpu: await page.workers()[0].evaluate(() => self.gpuBytes ?? 0),
  };
}

async function pausedAt(journey, step, seconds) {
  await journey.reaches('step', step, seconds);
  await journey.press('pause');
  await journey.usable('resume', 10);
  const figures = { step: await journey.value('step'), ...(await measure(journey)) };
  await journey.press('resume');
  return figures;
}

const OWN_TEXT = Array.from({ length: 200 }, (_, index) => `the bird number ${index} sees a tree near river ${index % 7}`);

async function soak(t, { link, warm, steps, minimum }, webgpu) {
  const browser = await launch({ webgpu });
  t.after(() => browser.close());
  await visit(browser, site.url + link, async (journey) => {
    await journey.ready(1, 120);
    if (webgpu) {
      await journey.page.workers()[0].evaluate(countGpuBuffers);
      // The bundled text would be measured on longer than it is trained on.
      await journey.choose({ 'own.txt': OWN_TEXT.join('\n') });
      await journey.until('the own file', async () => /own\.txt/.test(await journey.text('file-table')));
    }
    await journey.press('start-pretrain');
    const early = await pausedAt(journey, warm, 120);
    await journey.reaches('step', steps, LIMIT_SECONDS).catch(() => {});
    const late = await pausedAt(journey, minimum, 1);
    await journey.press('stop');
    t.diagnostic(`warm ${JSON.stringify(early)}, late ${JSON.stringify(late)}`);
    if (webgpu) assert.ok(early.gpu > 0, 'buffers were counted');
    assertFlat(early, late);
  });
}

function assertFlat(early, late, elements = ELEMENTS_TOLERANCE) {
  const grown = (what, tolerance) => {
    const growth = late[what] - early[what];
    assert.ok(growth <= tolerance, `${what} grew by ${growth} from step ${early.step} to ${late.step}`);
  };
  grown('elements', elements);
  grown('heap', HEAP_TOLERANCE);
  grown('pageWasm', WASM_TOLERANCE);
  grown('engineWasm', WASM_TOLERANCE);
  grown('gpu', GPU_TOLERANCE);
}

test('memory and elements stay as they are after warm-up', { timeout: 240_000 }, (t) => soak(t, ON_CPU, false));

test('buffers on the GPU stay as they are after warm-up', { timeout: 300_000 }, (t) => soak(t, ON_GPU, true));

test('with every view open a long run leaves nothing behind either', { timeout: (OPEN_MINUTES + 5) * 60_000 }, async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  await visit(browser, site.url + ALL_OPEN.link.replace('steps=100000', 'steps=10000000'), async (journey) => {
    await journey.ready(3, 120);
    await journey.press('start-pretrain');
    await journey.unfold();
    await journey.part('own-sentence').fill('a large animal with four legs and a tail');
    await journey.part('own-sentence').press('Enter');
    const early = await pausedAt(journey, ALL_OPEN.warm, 120);
    const looks = [early];
    for (let look = 1; look <= OPEN_LOOKS; look += 1) {
      await sleep((OPEN_MINUTES * 60_000) / OPEN_LOOKS);
      looks.push(await pausedAt(journey, looks.at(-1).step + 1, 60));
      t.diagnostic(JSON.stringify(looks.at(-1)));
    }
    await journey.press('stop');
    await journey.idle(60);
    const late = looks.at(-1);
    assert.ok(late.step >= ALL_OPEN.minimum, `it came to step ${late.step}`);
    assertFlat(early, late, ELEMENTS_TOLERANCE + LISTED);
  });
});
