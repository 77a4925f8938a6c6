// Views of a model's internals: the first screen, the preview, attention, charts, error analysis.
// On the CPU, at sizes that take seconds.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withBrowser } from './harness.mjs';

const NANO = '?preset=fast-nano&max-len=16&batch-size=8&vocab-size=1000&seed=3';

const here = withBrowser();

/** Presses buttons that save files, and checks the files. */
async function savesAs(journey, files) {
  for (const [id, pattern] of Object.entries(files)) {
    const [download] = await Promise.all([journey.page.waitForEvent('download'), journey.part(id).click()]);
    assert.match((await readFile(await download.path())).toString('utf8'), pattern, id);
  }
}

const heads = (journey) => journey.page.locator('[data-testid=attention-grid] button');

const loss = async (journey) => Number(/loss ([\d.]+)/.exec(await journey.text('masking-preview'))?.[1] ?? NaN);

/** Returns the share of a canvas that is painted, 0 to 1. */
const painted = (journey, selector) => journey.page.locator(selector).evaluate((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let seen = 0;
  for (let i = 3; i < data.length; i += 4) seen += data[i] > 0 ? 1 : 0;
  return (4 * seen) / data.length;
});

/** Checks that the parts of the first screen are completely visible above the run bar. */
const inView = async (journey) => {
  const bar = (await journey.page.locator('.run-bar').boundingBox()) ?? { y: journey.page.viewportSize().height };
  for (const id of ['start-pretrain', 'masking-preview', 'loss-chart', 'attention-grid']) {
    const box = await journey.part(id).boundingBox();
    assert.ok(box.y >= 0 && box.y + box.height <= bar.y, `${id} is in view: ${JSON.stringify(box)} above ${bar.y}`);
  }
};

test('the default model fits the first screen too, while it trains', async () => {
  await here.open('?max-len=16&batch-size=4&vocab-size=1000&steps=20', async (journey) => {
    await journey.ready(3);
    await journey.pretrain(20);
    assert.equal(await heads(journey).count(), 8);
    await inView(journey);
    assert.match(await journey.page.locator('.stage .status').innerText(), /Finished after 20 steps/);
  }, { viewport: { width: 1280, height: 720 } });
});

test('the first screen needs no scrolling, and after Start the line fills in and the heads appear', async () => {
  await here.open(`${NANO}&steps=300`, async (journey) => {
    await journey.ready(3);
    await journey.until('a masked line', async () => /tokens chosen/.test(await journey.text('masking-preview')));
    assert.equal(await heads(journey).count(), 0, 'no model, no heads');
    await inView(journey);
    await journey.press('start-pretrain');
    await journey.until('guesses of the line', async () => (await loss(journey)) > 0, 30);
    const early = await journey.text('masking-preview');
    assert.match(early, /\d of \d+ guessed right, loss \d+\.\d+ \(step \d+\)/);
    assert.equal(await heads(journey).count(), 2);
    const sure = () => journey.page.locator('.sure').evaluateAll((bars) => bars.map((bar) => parseFloat(bar.style.width)).reduce((sum, width) => sum + width));
    const begun = await sure();
    await journey.idle(60);
    assert.ok((await sure()) > begun, `the bars grow, from ${begun} to ${await sure()}`);
    assert.match(await journey.text('masking-preview'), /\(step 300\)/, 'the last step is shown too');
    assert.match(await journey.text('pretrain-verdict'), /held-out loss \d/, 'what the run came to, in a sentence');
    assert.equal(await journey.part('pretrain-next').isEnabled(), true, 'and what to do next');
    assert.match(await journey.page.locator('.stage .status').innerText(), /\d/, 'a sentence says what happened');
    assert.deepEqual(await journey.violations(), []);
    await journey.picture('stage-light-1280');
  }, { viewport: { width: 1280, height: 720 }, colorScheme: 'light' });
});

test('the microscope takes a sentence, another mask and another share, during a run, and replays it', async () => {
  await here.open(`${NANO}&steps=100000`, async (journey) => {
    await journey.ready(3);
    await journey.unfold();
    await journey.press('start-pretrain');
    await journey.until('guesses', async () => (await loss(journey)) > 0, 30);
    await journey.part('own-sentence').fill('a large animal with four legs and a tail');
    await journey.part('own-sentence').press('Enter');
    await journey.until('the own sentence', async () => /a large animal with four legs and a tail/.test(await journey.text('masking-preview')), 20);
    await journey.page.locator('#scope-rate').fill('0.9');
    await journey.until('most tokens chosen', async () => {
      const [, chosen, all] = /(\d+) of (\d+) tokens chosen/.exec(await journey.text('masking-preview')) ?? [];
      return chosen / all > 0.8;
    }, 20);
    await journey.until('a film', () => journey.part('scrubber').isVisible(), 30);
    await journey.until('some frames', async () => Number(await journey.part('scrubber').getAttribute('max')) >= 3, 30);
    await journey.press('pause');
    await journey.usable('resume', 10);
    const now = await journey.text('masking-preview');
    await journey.part('scrubber').fill('0');
    await journey.until('an earlier moment', async () => (await journey.text('masking-preview')) !== now);
    await journey.part('scrubber').fill(await journey.part('scrubber').getAttribute('max'));
    await journey.until('now again', async () => (await journey.text('masking-preview')) === now);
    const step = await journey.value('step');
    await journey.press('step-once');
    await journey.until('one step more', async () => (await journey.value('step')) === step + 1);
    await journey.usable('resume', 10);
    await journey.press('stop');
    await journey.idle(20);
  });
});

test('attention has a grid, lines and a map, for the keyboard too, and of any text up to 512 tokens', async () => {
  await here.open(`${NANO}&steps=30`, async (journey) => {
    await journey.ready(3);
    await journey.pretrain(30);
    await journey.part('attention-input').fill('a small pot used for cooking');
    await journey.part('attention-input').press('Enter');
    await journey.until('the head in words', async () => /Layer 1, head 1 .*entropy/.test(await journey.text('attention-detail')));
    await heads(journey).first().focus();
    await journey.page.keyboard.press('ArrowRight');
    await journey.until('the second head', async () => /Layer 1, head 2/.test(await journey.text('attention-detail')));
    await journey.page.locator('#attention-token').fill('3');
    await journey.until('what a token looks at', async () => /small looks at \S+ \d+ %/.test(await journey.text('attention-detail')));
    await journey.part('attention-detail').scrollIntoViewIfNeeded();
    assert.ok((await painted(journey, '.heat-map')) > 0.3, 'the map is painted');
    const whole = await journey.page.locator('.thumbnail').first().evaluate((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, 1);
      return Array.from({ length: canvas.width }, (_, column) => data[4 * column + 3] > 0);
    });
    assert.ok(whole.every(Boolean), `an untrained head looks everywhere, from the first column on: ${whole}`);
    assert.ok((await painted(journey, '.lines-canvas')) > 0.005, 'lines are painted');
    await journey.page.locator('.heat-map').hover({ position: { x: 120, y: 130 } });
    await journey.until('the cell under the pointer', async () => /\S+ looks at \S+: [\d.]+ %/.test(await journey.text('attention-detail')));
    await journey.picture('attention-dark-1280');
    for (const view of ['lines', 'map']) {
      const [download] = await Promise.all([journey.page.waitForEvent('download'), journey.part(`attention-${view}-png`).click()]);
      assert.equal(download.suggestedFilename(), `clozelab-attention-${view}-1-2.png`);
      const png = await readFile(await download.path());
      const { width } = view === 'map' ? await journey.page.locator('.heat-map').boundingBox() : { width: 560 };
      assert.ok(Math.abs(png.readUInt32BE(16) - 2 * width) <= 2, `twice as sharp as ${width}: ${png.readUInt32BE(16)}`);
      assert.ok(png.length > 3000, 'not empty');
    }

    await journey.part('attention-input').fill('a pot '.repeat(30));
    await journey.part('attention-input').press('Enter');
    await journey.until('a text of 60 words', async () => Number(await journey.page.locator('#attention-token').getAttribute('max')) >= 62, 30);
    const { width } = await journey.page.locator('.heat-map').boundingBox();
    assert.ok(width >= 84 + 11 * 62, `a map of 62 tokens has room for their names: ${width}`);
    assert.equal(await journey.overflow(), 0, 'it scrolls by itself');

    await journey.part('attention-input').fill('a '.repeat(510));
    const since = await journey.now();
    await journey.part('attention-input').press('Enter');
    await journey.until('a long text', async () => Number(await journey.page.locator('#attention-token').getAttribute('max')) === 512, 60);
    await journey.page.locator('#attention-token').fill('400');
    await sleep(500);
    const slow = (await journey.longTasks(since)).filter((task) => task.duration > 400);
    assert.deepEqual(slow, [], '512 tokens do not freeze the page');
    assert.deepEqual(await journey.violations(), []);
  }, { colorScheme: 'dark' });
});

test('a model without attention says so', async () => {
  await here.open('?preset=textcnn&max-len=16&batch-size=8&vocab-size=500&seed=3&steps=5', async (journey) => {
    await journey.ready(3);
    await journey.pretrain(5);
    await journey.until('the reason', async () => /no attention/.test(await journey.text('attention-grid')));
  });
});

test('charts have a cross-hair, zoom, log axes and files', async () => {
  await here.open(`${NANO}&steps=60`, async (journey) => {
    await journey.ready(3);
    await journey.pretrain(60);
    await journey.unfold();
    const chart = journey.page.locator('.stage .chart-steps');
    await chart.focus();
    await journey.page.keyboard.press('ArrowLeft');
    await journey.until('the cross-hair in words', async () => /Step \d+: Pre-training 1 \d/.test(await journey.page.locator('.stage figcaption').innerText()));
    const curves = journey.part('curves');
    assert.match(await curves.innerText(), /Step \d+: Pre-training 1/, 'all charts share it');
    await journey.page.keyboard.press('+');
    await journey.until('a stretch', () => curves.getByRole('button', { name: 'Show all steps' }).isEnabled());
    await journey.page.keyboard.press('0');
    await journey.until('all again', async () => !(await curves.getByRole('button', { name: 'Show all steps' }).isEnabled()));
    await curves.getByText('Logarithmic values').click();
    await journey.page.locator('#smoothing').selectOption({ label: 'off' });

    await savesAs(journey, {
      'export-csv': /^run,settings,figure,step,value\n[^]*Pre-training 1,[^]*seed=3[^]*,loss,/,
      'export-json': /"seed"/,
      'loss-chart-svg': /^<svg [^]*polyline/,
      'loss-chart-png': /^.PNG/,
    });
    assert.deepEqual(await journey.violations(), []);
    await journey.picture('charts-light-1280');
  }, { colorScheme: 'light' });
});

test('fine-tuning from both starts draws both beside n-grams, and the review opens the lines behind its numbers', async () => {
  await here.open(`${NANO}&steps=60&finetune-epochs=0.3&finetune-from=both`, async (journey) => {
    await journey.ready(3);
    await journey.pretrain(60);
    await journey.press('start-finetune', 30);
    const runs = () => journey.text('runs');
    await journey.until('both runs', async () => /Fine-tuning 1, from scratch.*Fine-tuning 2, pre-trained/.test(await runs()), 240);
    await journey.until('the second F1', async () => /Fine-tuning 2/.test(await journey.text('f1')), 240);
    await journey.idle(60);
    const words = await journey.part('f1-chart').getAttribute('aria-label');
    assert.match(words, /Fine-tuning 1, from scratch.*Fine-tuning 2, pre-trained.*N-grams alone: mean F1 0\.\d+/);
    await journey.part('f1-chart').locator('..').focus();
    await journey.page.keyboard.press('ArrowLeft');
    await journey.page.keyboard.press('ArrowRight');
    await journey.until('the scores under the cross-hair', async () => /After epoch \d\.\d: Fine-tuning 1, from scratch micro 0\.\d{3}.*; Fine-tuning 2/.test(await journey.page.locator('#finetune').innerText()));
    await journey.part('finetune-curves').evaluate((details) => (details.open = true));
    assert.match(await journey.text('finetune-curves'), /Step \d+: Fine-tuning 1, from scratch \d/, 'the curves by step share it');

    assert.match(await journey.page.locator('.stage').innerText(), /guessed right, loss \d\.\d+ \(step 60\)/, 'the guesses are still there');
    const replay = journey.page.getByLabel('Run to replay').first();
    await journey.page.locator('.stage summary', { hasText: 'Try your own sentence' }).click();
    assert.deepEqual(await replay.locator('option').allInnerTexts(), ['Pre-training 1', 'Fine-tuning 2, pre-trained']);
    await replay.selectOption({ label: 'Fine-tuning 2, pre-trained' });
    await journey.until('a classifier guesses nothing', async () => !/guessed right/.test(await journey.page.locator('.stage').innerText()));
    await journey.part('scrubber').press('Home');
    await replay.selectOption({ label: 'Pre-training 1' });
    await journey.until('its last guesses', async () => /guessed right.*\(step 60\)/.test(await journey.page.locator('.stage').innerText()));

    await savesAs(journey, { 'f1-chart-svg': /^<svg [^]*– – Fine-tuning 2, pre-trained/, 'f1-chart-png': /^.PNG/, 'finetune-loss-chart-svg': /^<svg [^]*● Fine-tuning 1/ });

    await journey.press('review-valid', 30);
    await journey.until('the matrix', async () => (await journey.page.locator('[data-testid=confusion] tbody tr').count()) > 5, 60);
    await journey.page.locator('[data-testid=confusion] .cell').first().click();
    await journey.until('its lines', async () => (await journey.page.locator('[data-testid=lines] tbody tr').count()) > 0);
    const missed = journey.page.getByRole('button', { name: /^\d+ with \S+ were not given it$/ }).first();
    const [count, , label] = (await missed.getAttribute('aria-label')).split(' ');
    await missed.click();
    await journey.until('what was missed', async () => new RegExp(`(^|of )${Number(count).toLocaleString('en')} line`).test(await journey.page.locator('[data-testid=lines] [role=status]').innerText()));
    assert.equal(await journey.part('lines').locator('h3').innerText(), `“${label}”, not given`);
    for (const truth of await journey.page.locator('[data-testid=lines] tbody td:nth-child(3)').allInnerTexts()) assert.ok(truth.split(', ').includes(label), truth);
    await journey.part('threshold').fill('0.9');
    await journey.until('another threshold', async () => /From 90.0 % on: precision/.test(await journey.page.locator('#review').innerText()));
    const confidence = () => journey.part('surest').locator('..').innerText();
    assert.match(await confidence(), /Among the 80\.0 % most confident of 800 documents/);
    await journey.part('surest').fill('0.5');
    await journey.until('another share', async () => /Among the 50\.0 % most confident/.test(await confidence()));
    assert.match(await journey.part('reliability-chart').getAttribute('aria-label'), /ideal .*observed [01]/);
    await journey.press('review-uncertain');
    await journey.until('the doubts', async () => (await journey.part('lines').locator('h3').innerText()) === 'The least certain documents without a label');
    await journey.until('twenty lines', async () => (await journey.page.locator('[data-testid=lines] tbody tr').count()) === 20);
    const region = journey.part('lines').locator('.scroll');
    await region.evaluate((region) => region.scrollTo(0, region.scrollHeight));
    const above = await region.evaluate((region) => region.scrollTop);
    await journey.press('more-lines');
    await journey.until('forty lines', async () => (await journey.page.locator('[data-testid=lines] tbody tr').count()) === 40, 60);
    assert.ok(above > 100 && (await region.evaluate((region) => region.scrollTop)) === above, 'a person stays where they were');
    await journey.unfold();
    assert.deepEqual(await journey.violations(), []);
    assert.equal(await journey.overflow(), 0);
    await journey.picture('review-light-1280');
  }, { colorScheme: 'light' });
});

test('a finished model can be asked before anything is trained', async () => {
  await here.open('', async (journey) => {
    await journey.ready(3);
    await journey.press('finished-model');
    await journey.until('the hidden words', async () => (await journey.value('clozes')) >= 6, 30);
    assert.equal(await journey.part('finished-model').isVisible(), false, 'there is a model now');
    await journey.until('guesses of the first line', async () => (await loss(journey)) > 0);
    await journey.part('clozes').click();
    assert.match(await journey.page.locator('.clozes').innerText(), /the capital and largest \[MASK\] of france.*city/s);
    await journey.part('fill-mask-input').fill('a small island in the [MASK] ocean');
    await journey.page.getByRole('button', { name: 'Predict', exact: true }).click();
    await journey.until('an ocean', async () => /atlantic|pacific/.test(await journey.text('fill-mask-result')));
    const runs = () => journey.page.locator('#runs-table tbody').innerText();
    assert.match(await runs(), /Imported pre-training.*3,580 steps/s, 'its run, with its curves');
    assert.match(await journey.part('loss-chart').getAttribute('aria-label'), /Imported pre-training/);
    assert.doesNotMatch(await journey.page.locator('#stage').innerText(), /kept in this browser/, 'nobody kept it here');
    const heads = await journey.page.locator('[data-testid=attention-grid]').innerText();
    assert.ok((heads.match(/3 before|3 after/g) ?? []).length >= 2, heads);
    await journey.picture('finished-model');

    await journey.press('finished-classifier');
    await journey.until('a classifier', async () => /Imported fine-tuning/.test(await runs()), 30);
    await journey.part('classify-input').fill('a small evergreen shrub of the mediterranean with fragrant leaves');
    await journey.page.getByRole('button', { name: 'Classify', exact: true }).click();
    await journey.until('a plant', async () => /plant[^]*✓/.test(await journey.text('classify-result')));
    const evidence = journey.part('evidence');
    await journey.until('the evidence of its words', async () => (await evidence.locator('.evidence button').count()) === 10);
    assert.ok((await evidence.locator('.evidence .for').allInnerTexts()).includes('mediterranean'), await evidence.innerText());
    await evidence.getByLabel('Label').selectOption({ index: 0 });
    const second = await evidence.getByLabel('Label').inputValue();
    await journey.until('the evidence for another label', async () => (await evidence.locator('caption').innerText()).includes(`“${second}”`));
    await evidence.getByRole('button', { name: 'shrub' }).click();
    assert.equal(await journey.part('fill-mask-input').inputValue(), 'a small evergreen [MASK] of the mediterranean with fragrant leaves');
    assert.deepEqual(await journey.violations(), []);
    assert.equal(await journey.part('finished-model-try').isVisible(), true, 'the other one can be opened again');
    await journey.picture('finished-classifier');
  });
});

test('an estimate tells size, memory and time, and a text in tokens is shown as it is typed', async () => {
  await here.open(`${NANO}&steps=60`, async (journey) => {
    await journey.ready(3);
    await journey.unfold();
    const told = () => journey.text('estimate-result');
    await journey.until('the size', async () => /parameters, about .* of memory, 60 steps of 128 tokens\.$/.test(await told()), 20);
    await journey.press('estimate', 60);
    await journey.until('the estimate', async () => /parameters, about .* of memory, 60 steps of 128 tokens: about \d+ s/.test(await told()), 60);
    await journey.page.locator('#set-batch-size').fill('16');
    await journey.page.locator('#set-batch-size').press('Tab');
    await journey.until('another size, and no time', async () => /60 steps of 256 tokens\.$/.test(await told()), 20);
    await journey.part('tokenize-input').fill('cooking pots');
    await journey.until('tokens', async () => (await journey.page.locator('[data-testid=tokenize-result] li').count()) >= 2);
    const data = await journey.page.locator('#data').innerText();
    assert.match(data, /\d+\.\d % of the documents fit whole/);
    assert.match(data, /noun/, 'the label histogram');
    await journey.part('paste').fill(Array.from({ length: 60 }, (_, i) => `my own line ${i} about a ${i % 2 ? 'cat' : 'dog'} __label__${i % 2 ? 'cat' : 'dog'}`).join('\n'));
    await journey.part('use-paste').click();
    await journey.until('the pasted text', async () => /pasted\.txt/.test(await journey.text('file-table')));
  });
});

test('changed settings start the run anew when asked to, and each field says its range and can be reset', async () => {
  await here.open(`${NANO}&steps=100000`, async (journey) => {
    await journey.ready(3);
    await journey.unfold();
    await journey.press('start-pretrain');
    await journey.reaches('step', 5);
    const change = journey.part('apply-changes');
    assert.equal(await change.isVisible(), false);
    await journey.page.locator('#set-batch-size').fill('4');
    await journey.page.locator('#set-batch-size').press('Tab');
    await journey.until('the offer', () => change.isVisible());
    await change.click();
    await journey.until('the second run', async () => /stopped at step[^]*Pre-training 2[^]*batch-size 4/.test(await journey.text('runs')), 20);
    await journey.reaches('step', 5);
    assert.match(await journey.page.locator('#set-batch-size-help').innerText(), /1 to 1,000,000/);
    await journey.page.getByRole('button', { name: 'Reset Batch size' }).click();
    assert.equal(await journey.page.locator('#set-batch-size').inputValue(), '');
    await journey.press('stop');
    await journey.idle(20);
  });
});
