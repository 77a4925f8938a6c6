// WebGPU in the browser, on a software adapter: it is reported as such, `auto` prefers the CPU
// engine, and its losses match those of the CPU engine, in the browser and on the command line. A
// step of the smallest shape takes a third of a second there.
//
// Environment, optional: CLOZELAB_BIN (the command line; default target/release/clozelab).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { summary, train } from './engine.mjs';
import { ROOT, withBrowser } from './harness.mjs';

// One step from the same weights: the backends differ only in the order of sums.
const FIRST_STEP_TOLERANCE = 1e-4;

// Each later step adds to the difference; AdamW's division by small second moments amplifies it.
const RUN_TOLERANCE = 1e-3;

const STEPS = 20;
const CONFIG = { preset: 'fast-nano', seed: 3, 'vocab-size': 200, 'max-len': 16, 'batch-size': 4 };
const PAGE = `?backend=webgpu&preset=fast-nano&max-len=16&batch-size=4&vocab-size=200&seed=3&steps=${STEPS}`;

// The first step compiles every kernel.
const PATIENCE_SECONDS = 150;

const nouns = ['bird', 'tree', 'stone', 'river', 'house', 'road', 'cloud', 'boat'];
const verbs = ['sees', 'likes', 'finds', 'leaves', 'passes'];
const sentence = (index) => `the ${nouns[index % 8]} ${verbs[index % 5]} a ${nouns[(3 * index + 1) % 8]} near the ${nouns[(5 * index + 2) % 8]}`;
const sentences = (count, from = 0) => Array.from({ length: count }, (_, index) => sentence(from + index)).join('\n');

const here = withBrowser({ webgpu: true });

test('auto takes the CPU engine rather than a software adapter, and says so', async () => {
  await here.open('?backend=auto', async (journey) => {
    await journey.ready();
    assert.match(await journey.text('device'), /CPU/);
    assert.match(await journey.text('device'), /software/i);
  });
});

test('a run on the software adapter, named as such, reaches its last step', { timeout: 300_000 }, async () => {
  await here.open(PAGE, async (journey) => {
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

/** Runs the same configurations on the command line and returns the events of each. */
function natively(files, configs) {
  const clozelab = process.env.CLOZELAB_BIN ?? join(ROOT, 'target', 'release', 'clozelab');
  const folder = mkdtempSync(join(tmpdir(), 'clozelab-'));
  try {
    files.forEach(({ name, text }) => writeFileSync(join(folder, name), text));
    return configs.map((config, index) => {
      const flags = Object.entries(config).flatMap(([key, value]) => [`--${key}`, String(value)]);
      const args = ['pretrain', '--corpus', 'train.txt', '--valid', 'valid.txt', '--out', `run-${index}`, '--device', 'cpu', '--json', '--quiet'];
      const lines = execFileSync(clozelab, [...args, ...flags], { cwd: folder, encoding: 'utf8' }).trim().split('\n');
      return summary({ device: { backend: 'native' }, events: lines.map((line) => JSON.parse(line)) });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const relative = (a, b) => Math.abs(a - b) / Math.abs(b);

test('all engines give the same losses: GPU and CPU in the browser, CPU natively', { timeout: 600_000 }, async (t) => {
  const files = [
    { name: 'train.txt', role: 'train', text: sentences(120) },
    { name: 'valid.txt', role: 'valid', text: sentences(8, 1000) },
  ];
  const plan = { files, configs: [{ ...CONFIG, steps: 1 }, { ...CONFIG, steps: STEPS }] };
  const [nativeOne, nativeAll] = natively(files, plan.configs);
  // Any file of the site will do: the page itself would start another engine.
  await here.open('worker.js', async ({ page }) => {
    for (const backend of ['cpu', 'gpu']) {
      const [one, all] = await train(page, here.site.url, { ...plan, backend });
      assert.equal(one.device.backend, backend);
      const compare = (what, found, native, tolerance) => {
        t.diagnostic(`${backend}, ${what}: ${found}, natively ${native}`);
        assert.ok(Number.isFinite(native) && native !== 0, `${what} is ${native} natively`);
        assert.ok(relative(found, native) <= tolerance, `${what}: ${backend} ${found}, native ${native}, allowed ${tolerance} relative`);
      };
      compare('loss of the first step', one.meanLoss, nativeOne.meanLoss, FIRST_STEP_TOLERANCE);
      compare('gradient norm of the first step', one.gradNorm, nativeOne.gradNorm, RUN_TOLERANCE);
      compare(`mean loss of ${STEPS} steps`, all.meanLoss, nativeAll.meanLoss, RUN_TOLERANCE);
      compare(`held-out loss after ${STEPS} steps`, all.heldOut, nativeAll.heldOut, RUN_TOLERANCE);
    }
  });
});

test('a run survives two crashes of the GPU process, the second one on the CPU', async () => {
  await here.open('?preset=fast-nano&max-len=16&batch-size=8&vocab-size=300&seed=3&backend=webgpu&steps=100000', async (journey) => {
    await journey.ready(3, 120);
    await journey.press('start-pretrain', 60);
    await journey.until('a checkpoint', async () => /saved at step/.test(await journey.text('runs')), 240);
    const session = await here.browser.newBrowserCDPSession();
    for (const told of [/connection to the GPU was lost.*The engine restarted, and the run resumes/, /The engine restarted on the CPU, and the run resumes/]) {
      // The answer is lost with the process.
      session.send('Browser.crashGpuProcess').catch(() => {});
      await journey.until('word of the crash', async () => told.test(await journey.text('error')), 10);
      const then = await journey.value('step');
      await journey.until('further steps', async () => (await journey.value('step')) > then + 1, 120);
      await journey.page.getByRole('button', { name: 'Dismiss' }).click();
    }
    assert.match(await journey.text('device'), /^CPU/);
    await journey.press('stop');
    await journey.idle(60);
    journey.complaints.length = 0;
  });
});
