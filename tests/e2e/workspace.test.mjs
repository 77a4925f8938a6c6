// The step view: panels in the middle, one step at a time beside them, no page scroll.
//
// Environment, optional: CLOZELAB_BIN (the command line; default target/release/clozelab).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, withBrowser } from './harness.mjs';

const NANO = '?preset=fast-nano&max-len=16&batch-size=8&vocab-size=1000&seed=3';
const STEPS = ['data', 'pretrain', 'finetune', 'try', 'attention', 'label', 'errors', 'runs', 'learn'];

// Relative difference of the browser's and the native CPU engine after 20 steps; their instruction
// sets round differently.
const ROUNDING = 1e-5;

const here = withBrowser({ view: 'steps' });

const open = async (journey, step) => {
  const entry = journey.part(`nav-${step}`);
  if (!(await entry.isVisible())) await journey.part('more-steps').click();
  await entry.click();
  await journey.until(`the step ${step}`, async () => (await entry.getAttribute('aria-current')) === 'step', 5);
};

/** Returns by how many pixels the page is higher and wider than its window. */
const excess = (journey) => journey.page.evaluate(() => {
  const { scrollHeight, scrollWidth } = document.scrollingElement;
  return [scrollHeight - innerHeight, scrollWidth - innerWidth];
});

const focused = (journey) => journey.page.evaluate(() => document.activeElement?.tagName);

/** Returns the smallest font size of visible text, in pixels, with the text. */
const smallestText = (journey) => journey.page.evaluate(() => {
  let smallest = [Infinity, ''];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const [text, element] = [walker.currentNode.data.trim(), walker.currentNode.parentElement];
    if (!text || !element.checkVisibility() || element.closest('.visually-hidden, option')) continue;
    const size = parseFloat(getComputedStyle(element).fontSize);
    if (size < smallest[0]) smallest = [size, text];
  }
  return smallest;
});

test('every step fits one screen before, during and after a run, without accessibility problems', async () => {
  for (const viewport of [{ width: 1280, height: 720 }, { width: 1920, height: 1080 }, { width: 1024, height: 768 }]) {
    await here.open(`${NANO}&steps=60`, async (journey) => {
      const visitAll = async (when) => {
        for (const step of STEPS) {
          await open(journey, step);
          assert.deepEqual(await excess(journey), [0, 0], `${step} ${when} at ${viewport.width}`);
        }
      };
      await journey.usable('start-pretrain', 60);
      await visitAll('before a run');
      await open(journey, 'pretrain');
      await journey.press('start-pretrain');
      await journey.reaches('step', 5, 60);
      await visitAll('during a run');
      await journey.idle(60);
      await visitAll('after a run');
      if (viewport.width !== 1280) return;
      for (const step of STEPS) {
        await open(journey, step);
        assert.deepEqual(await journey.violations(), [], step);
      }
    }, { viewport });
  }
});

test('panels fill the stage and the screen, by keys and by buttons, and the focus is never lost', async () => {
  await here.open(`${NANO}&steps=40`, async (journey) => {
    await journey.usable('start-pretrain', 60);
    await journey.page.keyboard.press('Control+Enter');
    await journey.reaches('step', 1, 60);
    await journey.idle(60);
    assert.notEqual(await focused(journey), 'BODY', 'after the run');
    const before = await journey.part('loss-chart').boundingBox();
    await journey.part('enlarge-loss').click();
    await journey.until('an enlarged chart', async () => (await journey.part('loss-chart').boundingBox()).width > 1.3 * before.width, 5);
    assert.equal(await journey.part('masking-preview').isVisible(), false);
    await journey.page.keyboard.press('Escape');
    await journey.until('all panels', () => journey.part('masking-preview').isVisible(), 5);
    await journey.page.keyboard.press('p');
    await journey.until('presenting mode', async () => (await journey.part('present').getAttribute('aria-pressed')) === 'true', 5);
    const seen = [];
    for (let count = 0; count < 3; count += 1) {
      seen.push(await journey.page.locator('.panel.enlarged').getAttribute('id'));
      await journey.page.keyboard.press('ArrowRight');
    }
    assert.deepEqual(seen, ['panel-line', 'panel-loss', 'panel-heads']);
    await journey.page.keyboard.press('Escape');
    for (const [place, step] of STEPS.entries()) {
      await journey.page.keyboard.press(String(place + 1));
      await journey.until(step, async () => (await journey.part(`nav-${step}`).getAttribute('aria-current')) === 'step', 5);
      await journey.until(`a focus in ${step}`, async () => (await focused(journey)) !== 'BODY', 2);
      // There the digits give labels.
      if (step === 'label') await open(journey, 'data');
    }
    await journey.page.goBack();
    await journey.until('the step before', async () => (await journey.part('nav-runs').getAttribute('aria-current')) === 'step', 5);
    await journey.until('the focus after going back', async () => (await focused(journey)) !== 'BODY', 2);
    await journey.page.keyboard.press('?');
    await journey.until('the sheet', () => journey.page.locator('#keys').isVisible(), 5);
    assert.deepEqual(await journey.violations(), []);
    await journey.page.keyboard.press('Escape');
    assert.notEqual(await focused(journey), 'BODY', 'the focus is back');
  }, { viewport: { width: 1280, height: 720 } });
});

test('presenting at 1920x1080 shows no text below 20 px', async () => {
  await here.open(`${NANO}&steps=40`, async (journey) => {
    await journey.press('start-pretrain', 60);
    await journey.reaches('step', 5, 60);
    await journey.idle(60);
    await journey.part('present').click();
    for (let count = 0; count < 3; count += 1) {
      const [size, text] = await smallestText(journey);
      assert.ok(size >= 20, `${size} px: ${text}`);
      assert.deepEqual(await journey.violations(), []);
      await journey.picture(`present-${count}-light-1920`);
      await journey.page.keyboard.press('ArrowRight');
    }
  }, { viewport: { width: 1920, height: 1080 } });
});

test('a link opens its step, hides parts without a gap, and one page shows everything', async () => {
  await here.open(`${NANO}&hide=data,review#finetune`, async (journey) => {
    await journey.until('its step', async () => (await journey.part('nav-finetune').getAttribute('aria-current')) === 'step', 20);
    await journey.until('the hidden step', async () => !(await journey.part('nav-data').isVisible()), 20);
    const number = (step) => journey.part(`nav-${step}`).locator('.step-title').evaluate((title) => getComputedStyle(title, '::before').content);
    assert.match(await number('pretrain'), /counter/);
    await journey.part('view').click();
    await journey.until('one page', () => journey.page.locator('#try').isVisible(), 5);
    assert.equal(await journey.page.locator('#data').isVisible(), false, 'what the link hides stays hidden');
    await journey.page.reload();
    await journey.until('the choice is remembered', () => journey.page.locator('#try').isVisible(), 30);
    await journey.part('view').click();
    await journey.until('steps again', async () => !(await journey.page.locator('#try').isVisible()), 5);
  });
});

test('print shows one page with painted charts, whatever is on the screen', async () => {
  await here.open(`${NANO}&steps=40`, async (journey) => {
    await journey.press('start-pretrain', 60);
    await journey.reaches('step', 5, 60);
    await journey.idle(60);
    await open(journey, 'runs');
    await journey.page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    await journey.page.emulateMedia({ media: 'print' });
    assert.equal(await journey.page.locator('.layout').getAttribute('data-view'), 'page');
    assert.equal(await journey.part('masking-preview').isVisible(), true);
    assert.equal(await journey.part('start-pretrain').isVisible(), false);
    const painted = await journey.page.locator('canvas.chart').evaluateAll((charts) => charts.filter((chart) => chart.checkVisibility() && chart.clientWidth > 0).map((chart) => {
      const { data } = chart.getContext('2d').getImageData(0, 0, chart.width, chart.height);
      return data.some((value) => value > 0);
    }));
    assert.ok(painted.length > 0 && painted.every(Boolean), `${painted}`);
    await journey.page.evaluate(() => dispatchEvent(new Event('afterprint')));
    await journey.page.emulateMedia({ media: 'screen' });
    assert.equal(await journey.page.locator('.layout').getAttribute('data-view'), 'steps');
  });
});

test('a phone has a tab bar, fits its width, and hardly shifts during a run', async () => {
  await here.open(`${NANO}&steps=2000`, async (journey) => {
    await journey.usable('start-pretrain', 60);
    for (const step of STEPS) {
      await open(journey, step);
      assert.deepEqual(await excess(journey), [0, 0], step);
    }
    await open(journey, 'pretrain');
    await journey.page.evaluate(() => {
      window.shift = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shift += entry.hadRecentInput ? 0 : entry.value))).observe({ type: 'layout-shift', buffered: false });
    });
    await journey.press('start-pretrain');
    await journey.reaches('step', 200, 60);
    const shift = await journey.page.evaluate('window.shift');
    assert.ok(shift < 0.1, `layout shift ${shift}`);
    await journey.part('stop').click();
    await journey.idle(30);
    await open(journey, 'learn');
    assert.deepEqual(await journey.violations(), []);
  }, { viewport: { width: 360, height: 740 } });
});

test('documents are labelled by keys, stored at once, applied, saved, and found after a reload', async () => {
  const lines = Array.from({ length: 60 }, (_, i) => `the ${['cat purrs', 'dog barks'][i % 2]} ${i}${i % 3 ? '' : ` __label__${['cat', 'dog'][i % 2]}`}`);
  await here.open(`${NANO}&steps=20`, async (journey) => {
    await journey.usable('start-pretrain', 60);
    await journey.choose({ 'animals.txt': lines.join('\n') });
    await journey.until('the file', async () => /60 documents|54 documents|, \d+ labelled/.test(await journey.text('nav-data')) && /animals/.test(await journey.part('file-table').textContent()), 30);
    await open(journey, 'label');
    await journey.press('label-start');
    await journey.until('a document', () => journey.part('label-line').isVisible(), 20);
    const given = {};
    for (let count = 1; count <= 10; count += 1) {
      const text = (await journey.text('label-line'));
      const label = /cat/.test(text) ? 'cat' : 'dog';
      const names = await journey.part('label-choice').evaluateAll((buttons) => buttons.map((button) => button.dataset.label));
      given[text] = label;
      await journey.page.keyboard.press(String(names.indexOf(label) + 1));
      await journey.until(`${count} labels`, async () => (await journey.value('labelled-count')) === count, 5);
      await journey.until('the next document', async () => (await journey.text('label-line')) !== text, 10);
    }
    assert.equal(Object.keys(given).length, 10, 'no document twice');
    await journey.page.keyboard.press('u');
    await journey.until('one label less', async () => (await journey.value('labelled-count')) === 9, 5);
    const back = await journey.text('label-line');
    assert.ok(given[back], 'the last document is back');
    await journey.page.keyboard.press(given[back] === 'cat' ? '1' : '2');
    const stored = await journey.page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('clozelab-annotation-')).length);
    assert.ok(stored >= 9, `${stored} labels are stored`);
    assert.deepEqual(await journey.violations(), []);
    await journey.picture('label-light-1280');
    const [download] = await Promise.all([journey.page.waitForEvent('download'), journey.part('save-labels').click()]);
    const saved = (await readFile(await download.path(), 'utf8')).trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(saved.every(({ text, labels }) => labels.length === 1 && text.includes(labels[0])), JSON.stringify(saved));
    const labelled = async () => Number(/, (\d+) labelled/.exec(await journey.text('nav-data'))[1]);
    assert.equal(await labelled(), 20);
    await open(journey, 'finetune');
    await journey.until('the new labels count', async () => (await labelled()) === 30, 20);
    await journey.page.reload();
    await journey.usable('start-pretrain', 60);
    await open(journey, 'label');
    await journey.until('the stored labels', async () => (await journey.value('labelled-count')) === 10, 20);
  }, { viewport: { width: 1280, height: 720 } });
});

test('labels are measured on held-out random documents as they are given', async () => {
  const lines = Array.from({ length: 160 }, (_, i) => `the ${['cat purrs', 'dog barks'][i % 2]} ${i}${i < 8 ? ` __label__${['cat', 'dog'][i % 2]}` : ''}`);
  await here.open(NANO, async (journey) => {
    await journey.usable('start-pretrain', 60);
    await journey.choose({ 'animals.txt': lines.join('\n') });
    await journey.until('the file', async () => /animals/.test(await journey.part('file-table').textContent()), 30);
    await open(journey, 'label');
    await journey.press('label-start');
    assert.equal(await journey.page.locator('#sampler option[value=uncertain]').isDisabled(), true, 'no classifier yet');
    for (let count = 1; count <= 80; count += 1) {
      await journey.until('a document', async () => (await journey.part('label-line').isVisible()) && (await journey.text('label-line')) !== '', 20);
      const text = await journey.text('label-line');
      const names = await journey.part('label-choice').evaluateAll((buttons) => buttons.map((button) => button.dataset.label));
      await journey.page.keyboard.press(String(names.indexOf(/cat/.test(text) ? 'cat' : 'dog') + 1));
      await journey.until(`${count} labels`, async () => (await journey.value('labelled-count')) === count, 5);
    }
    const words = () => journey.text('label-progress');
    await journey.until('a measurement', async () => /trained on \d+ documents reaches micro F1 [01]\.\d\d on \d+ documents held out/.test(await words()), 20);
    assert.equal(await journey.page.locator('#sampler option[value=uncertain]').isDisabled(), false, 'the labels can choose');
    await journey.page.locator('#sampler').selectOption('uncertain');
    await journey.until('another document', async () => (await journey.part('label-line').isVisible()), 20);
    assert.deepEqual(await journey.violations(), []);
    await journey.picture('label-progress-light-1280');
  }, { viewport: { width: 1280, height: 720 } });
});

test('one masked word is followed number by number, and a training step changes its probability', async () => {
  await here.open(`${NANO}&steps=20&lesson=slow-motion#learn`, async (journey) => {
    await journey.usable('start-pretrain', 60);
    await open(journey, 'pretrain');
    await journey.pretrain(20);
    await open(journey, 'learn');
    await journey.press('slow-motion-start', 30);
    const frame = journey.part('slow-motion-frame');
    await journey.until('the masked line', async () => (await frame.count()) === 1 && /\[MASK\]/.test(await frame.innerText()), 20);
    await journey.part('slow-motion-guess').fill('kettle');
    assert.deepEqual(await journey.violations(), []);
    await journey.picture('slow-motion-0-light-1280');
    const seen = [];
    for (let number = 1; number <= 6; number += 1) {
      await journey.press('slow-motion-next');
      await journey.until('the next frame', async () => !seen.includes(await frame.locator('h3').innerText()), 5);
      seen.push(await frame.locator('h3').innerText());
      assert.ok((await journey.overflow()) <= 0);
      await journey.picture(`slow-motion-${number}-light-1280`);
    }
    assert.equal(seen.length, 6, seen.join(', '));
    assert.match(await frame.innerText(), /goes from [\d.]+ % to [\d.]+ %/);
    assert.deepEqual(await journey.violations(), []);
    assert.match(await journey.page.locator('#lesson-slow-motion summary').innerText(), /done/);
  }, { viewport: { width: 1280, height: 720 }, colorScheme: 'light' });
});

test('planted wrong labels are listed, corrected, and the correction counts', async () => {
  const lines = Array.from({ length: 120 }, (_, i) => `the ${['cat purrs', 'dog barks'][i % 2]} near ${i % 13} __label__${['cat', 'dog'][(i + (i % 20 === 7)) % 2]}`);
  await here.open(NANO, async (journey) => {
    await journey.usable('start-pretrain', 60);
    await journey.choose({ 'animals.txt': lines.join('\n') });
    await journey.until('the file', async () => /animals/.test(await journey.part('file-table').textContent()), 30);
    await open(journey, 'label');
    await journey.press('find-suspicious', 30);
    const items = journey.part('suspicious').locator('li');
    await journey.until('suspicious labels', async () => (await items.count()) >= 6, 60);
    const first = await items.first().innerText();
    assert.match(first, /the cat purrs[\s\S]*dog → cat|the dog barks[\s\S]*cat → dog/);
    const count = await items.count();
    await items.first().getByTestId('accept-label').click();
    await journey.until('one less', async () => (await items.count()) === count - 1, 5);
    assert.equal(await journey.value('labelled-count'), 1);
  }, { viewport: { width: 1280, height: 720 } });
});

test('a map selects documents by a lasso and by label, and the selected ones are labelled next', async () => {
  const lines = Array.from({ length: 120 }, (_, i) => `the ${['cat purrs', 'dog barks'][i % 2]} near ${i % 13} of ${i}${i % 3 ? '' : ` __label__${['cat', 'dog'][i % 2]}`}`);
  await here.open(NANO, async (journey) => {
    await journey.usable('start-pretrain', 60);
    await journey.choose({ 'animals.txt': lines.join('\n') });
    await journey.until('the file', async () => /animals/.test(await journey.part('file-table').textContent()), 30);
    await open(journey, 'label');
    assert.ok(await journey.part('map-model').isDisabled(), 'there is no model yet');
    await journey.press('map-words', 30);
    const [map, panel] = [journey.part('document-map'), journey.page.locator('#panel-document-map')];
    await journey.until('the documents', async () => (await map.locator('circle').count()) > 100, 60);
    const hollow = await map.locator('.hollow').count();
    assert.ok(hollow >= 70, `${hollow} documents have no label`);
    await panel.locator('.map-legend button').first().click();
    const selected = async () => Number(/Selected: (\d+) documents/.exec(await panel.innerText())?.[1] ?? 0);
    await journey.until('the labelled cats', async () => (await selected()) >= 15, 5);
    assert.ok(await journey.part('label-selected').isDisabled(), 'they have labels');
    await panel.getByRole('button', { name: 'Enlarge the panel' }).click();
    await map.scrollIntoViewIfNeeded();
    const { x, y, width, height } = await map.boundingBox();
    const corners = [[0.01, 0.01], [0.99, 0.01], [0.99, 0.99], [0.01, 0.99]].map(([a, b]) => [x + a * width, y + b * height]);
    await journey.page.mouse.move(...corners[0]);
    await journey.page.mouse.down();
    for (const corner of corners) await journey.page.mouse.move(...corner, { steps: 5 });
    await journey.page.mouse.up();
    await journey.until('all documents', async () => (await selected()) === (await map.locator('circle').count()), 5);
    await journey.picture('map-1280');
    assert.deepEqual(await journey.violations(), []);
    await journey.part('label-selected').click();
    await journey.page.keyboard.press('Escape');
    await journey.until('one of them', () => journey.part('label-line').isVisible(), 5);
    const text = await journey.text('label-line');
    await journey.page.keyboard.press(/cat/.test(text) ? '1' : '2');
    await journey.until('its mark is filled', async () => (await map.locator('.hollow').count()) === hollow - 1, 5);
  }, { viewport: { width: 1280, height: 720 } });
});

test('terms are explained in their panel, by pointer and by keyboard', async () => {
  await here.open(NANO, async (journey) => {
    await journey.usable('start-pretrain', 60);
    const terms = new Set();
    for (const step of STEPS) {
      await open(journey, step);
      for (const summary of await journey.page.locator('.terms summary:visible').all()) {
        terms.add(await summary.innerText());
        await summary.press('Enter');
        const meaning = summary.locator('xpath=following-sibling::p');
        assert.ok((await meaning.isVisible()) && (await meaning.innerText()).length > 20, await summary.innerText());
        await summary.press('Enter');
      }
    }
    assert.ok(terms.size >= 20, [...terms].join(', '));
    await open(journey, 'pretrain');
    await journey.page.locator('#panel-loss .terms summary').first().click();
    await journey.picture('terms-1280');
    assert.deepEqual(await journey.violations(), []);
  });
});

test('the copied commands repeat the runs on the command line', async () => {
  const clozelab = process.env.CLOZELAB_BIN ?? join(ROOT, 'target', 'release', 'clozelab');
  const folder = mkdtempSync(join(tmpdir(), 'clozelab-commands-'));
  const bundle = join(ROOT, 'public', 'bundle');
  for (const name of readdirSync(bundle)) symlinkSync(join(bundle, name), join(folder, name));
  /** Runs a command and returns the last of its events of a kind. */
  const last = (command, kind) => {
    const [program, ...args] = command.split(' ');
    assert.equal(program, 'clozelab');
    const output = execFileSync(clozelab, [...args, '--json', '--quiet'], { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });
    return output.trim().split('\n').map((line) => JSON.parse(line)).filter(({ event }) => event === kind).at(-1);
  };
  try {
    await here.open(`${NANO}&steps=20&finetune-epochs=0.05`, async (journey) => {
      await journey.ready(3);
      await journey.pretrain(20);
      await open(journey, 'finetune');
      await journey.press('start-finetune');
      await journey.until('the second run', async () => /Fine-tuning 1/.test(await journey.part('runs').textContent()), 20);
      await journey.idle(120);
      await open(journey, 'runs');
      const commands = [];
      for (const place of [0, 1]) {
        await journey.part('copy-command').nth(place).click();
        commands.push(await journey.part('copy-command-link').nth(place).inputValue());
      }
      const [pretrain, finetune] = commands;
      assert.match(pretrain, /^clozelab pretrain --corpus .*train\.txt.* --valid valid\.txt --out runs\/pretrain-1 /);
      assert.match(finetune, /^clozelab finetune --train train\.txt --valid valid\.txt --test test\.txt --from runs\/pretrain-1 --out runs\/finetune-1 /);
      await open(journey, 'pretrain');
      await journey.unfold();
      const [download] = await Promise.all([journey.page.waitForEvent('download'), journey.part('export-json').click()]);
      const runs = JSON.parse(await readFile(await download.path(), 'utf8'));
      const agrees = (here, there, what) => assert.ok(Math.abs(here / there - 1) < ROUNDING, `${what}: ${here} here, ${there} natively`);
      agrees(runs[0].held_out.at(-1).loss, last(pretrain, 'evaluated').masked_lm_loss, 'held-out loss');
      const { metrics } = runs[1].scores.at(-1);
      const native = last(finetune, 'evaluated');
      assert.equal(metrics.n, native.n);
      agrees(metrics.micro_f1, native.micro_f1, 'micro F1');
      agrees(metrics.macro_f1, native.macro_f1, 'macro F1');
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
