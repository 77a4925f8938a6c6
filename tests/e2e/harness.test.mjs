// Tests of the harness: a page without faults passes, and each kind of fault is detected.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { launch, visit, withBrowser } from './harness.mjs';

const here = withBrowser({ folder: fileURLToPath(new URL('./fixture', import.meta.url)) });

test('a page without faults passes, and its numbers are read', async () => {
  await here.open('', async (journey) => {
    assert.equal(await journey.text('device'), 'CPU');
    assert.ok(Number.isNaN(await journey.value('loss')));
    const trajectory = await journey.follow();
    await journey.tabTo('start-pretrain');
    await journey.page.keyboard.press('Enter');
    await journey.reaches('step', 10);
    await journey.idle();
    const seen = (await trajectory()).filter(({ step, loss }) => loss === 5 - step / 10);
    assert.deepEqual(seen.map(({ step }) => step), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.deepEqual(await journey.violations(), []);
    assert.equal(await journey.overflow(), 0);
  });
});

test('every fault is noticed', async () => {
  const faults = [];
  const journey = here.open('faulty.html', async (journey) => {
    await sleep(500);
    assert.ok((await journey.longTasks(0)).some(({ duration }) => duration >= 200));
    assert.ok((await journey.overflow()) > 1000);
    const violations = (await journey.violations()).join('\n');
    for (const rule of ['document-title', 'html-has-lang', 'image-alt']) assert.match(violations, new RegExp(`^${rule}:`, 'm'));
    faults.push(...journey.complaints);
  });
  await assert.rejects(journey, /gave reason to complain/);
  for (const fault of ['console: a printed error', 'exception: an uncaught exception', 'off-origin: https://example.invalid/pixel.png', `404: ${here.site.url}absent.js`]) {
    assert.ok(faults.includes(fault), `${fault} is not in ${faults.join('; ')}`);
  }
});

test('a wait that is in vain says what it waited for', async () => {
  await here.open('', async (journey) => {
    await assert.rejects(journey.reaches('step', 1, 0.2), /waited 0.2 s for step to reach 1; the page says "A page without faults/);
  });
});

const adapter = (page) =>
  page.evaluate(async () => {
    const adapter = await navigator.gpu?.requestAdapter();
    return adapter ? `${adapter.info.architecture}, timestamps ${adapter.features.has('timestamp-query')}` : 'none';
  });

test('without WebGPU there is no adapter', async () => {
  await here.open('', async ({ page }) => assert.equal(await adapter(page), 'none'));
});

test('with WebGPU there is a software adapter that the engine can use', async () => {
  const other = await launch({ webgpu: true });
  try {
    await visit(other, here.site.url, async ({ page }) => assert.equal(await adapter(page), 'swiftshader, timestamps true'));
  } finally {
    await other.close();
  }
});
