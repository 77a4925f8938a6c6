// The CPU engine with several workers: their number is shown, a link can limit it, and it does not
// change the results. A run continues if a worker fails.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { withBrowser } from './harness.mjs';

// Batches that are large enough to be shared, with dropout.
const SHARED = '?preset=bert-tiny&max-len=16&batch-size=32&vocab-size=300&seed=3&backend=cpu&steps=60';

const here = withBrowser();

/** Trains with a number of workers; returns the losses and a digest of the saved model. */
async function trained(workers, meanwhile = async () => {}) {
  let result;
  await here.open(`${SHARED}&workers=${workers}`, async (journey) => {
    await journey.ready(3);
    assert.equal(await journey.value('workers'), workers);
    const trajectory = await journey.follow();
    await journey.press('start-pretrain', 60);
    await journey.reaches('step', 10, 60);
    assert.equal(journey.page.workers().length, workers, 'the workers were started');
    await meanwhile(journey);
    await journey.reaches('step', 60, 90);
    await journey.idle(60);
    const [download] = await Promise.all([journey.page.waitForEvent('download'), journey.press('export-model', 30)]);
    const digest = createHash('sha256').update(readFileSync(await download.path())).digest('hex');
    result = { losses: (await trajectory()).map(({ step, loss }) => [step, loss]), digest };
  });
  return result;
}

test('one, two and four workers give the same model to the last bit', async () => {
  const one = await trained(1);
  assert.ok(one.losses.at(-1)[1] < one.losses[0][1], 'the loss falls');
  for (const workers of [2, 4]) {
    const several = await trained(workers);
    assert.equal(several.digest, one.digest, `${workers} workers`);
  }
});

test('a run continues after a worker fails', async () => {
  const alone = await trained(1);
  const left = await trained(2, async (journey) => {
    await journey.page.workers()[1].evaluate(() => {
      setTimeout(() => {
        throw new Error('out of memory');
      });
    });
    await journey.until('the worker to end', () => journey.page.workers().length === 1);
  });
  assert.equal(left.digest, alone.digest);
});

test('an invalid number of workers is refused by name', async () => {
  await here.open(`${SHARED}&workers=none`, async (journey) => {
    await journey.ready(3);
    await journey.until('the notice', async () => /workers: "none" is not a whole number from 1 to 4/.test(await journey.page.innerText('body')));
  });
});
