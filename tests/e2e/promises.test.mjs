// Features promised by the 2018 system: other backbones, tables, word vectors, next-sentence
// prediction, the fair comparison and the lessons. On the CPU, at the smallest meaningful sizes.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { withBrowser } from './harness.mjs';

const SMALL = '?preset=textcnn&max-len=16&batch-size=8&vocab-size=500&seed=3&steps=20&finetune-epochs=0.1';
const PHONE = { viewport: { width: 360, height: 740 } };

const here = withBrowser();

/** Returns the contents of the file that a button saves. */
async function save(journey, id) {
  const [download] = await Promise.all([journey.page.waitForEvent('download'), journey.part(id).click()]);
  return readFile(await download.path(), 'utf8');
}

test('a TextCNN learns from the link, is compared with scratch and n-grams, and the lessons answer', async () => {
  await here.open(SMALL, async (journey) => {
    await journey.ready(3);
    await journey.pretrain(20);
    await journey.unfold();

    await journey.page.locator('#compare-seeds').fill('0');
    await journey.until('a refusal', async () => /Seeds must be/.test(await journey.page.locator('#start-compare-reason').innerText()));
    await journey.page.locator('#compare-seeds').fill('1');
    await journey.page.locator('#compare-shares').fill('0.02');
    await journey.press('start-compare');
    await journey.until('its runs to be counted', async () => /^Run \d+ of at least 8\.$/.test(await journey.text('comparing')), 60);
    await journey.until('the comparison', async () => /n-grams/.test(await journey.text('comparison')), 240);
    await journey.idle(30);
    const rows = await journey.page.locator('[data-testid=comparison] tbody tr').allInnerTexts();
    assert.equal(rows.length, 3, rows.join('\n'));
    for (const row of rows) assert.match(row, /0\.\d{3}/, row);
    assert.match(await journey.part('comparison-chart').getAttribute('aria-label'), /^Micro F1 on validation documents, by epoch: pre-trained 0\.\d+ .*; from scratch .*; n-grams /);
    assert.match(await journey.text('runs'), /Comparison 1/);
    const table = await save(journey, 'comparison-csv');
    assert.match(await save(journey, 'comparison-chart-svg'), /^<svg [^]*polyline/);
    assert.match(await save(journey, 'comparison-chart-png'), /^.PNG/);
    assert.match(table, /^documents,start,micro F1,micro F1 sd,.*\n\d+,pre-trained,0\.\d+.*\n\d+,from scratch,.*\n\d+,n-grams,/);

    await journey.page.waitForTimeout(500);
    await journey.page.reload();
    await journey.until('the comparison of before', async () => /Comparison 1, earlier/.test(await journey.text('runs')), 30);
    await journey.page.getByRole('button', { name: 'Show its result' }).click();
    await journey.until('its result', async () => (await journey.rows('comparison').count()) === 3, 20);
    await journey.ready(3);
    await journey.pretrain(20);
    await journey.unfold();

    await journey.page.getByRole('button', { name: 'Context on both sides' }).click();
    await journey.until('guesses in the lesson', async () => /used for cutting wood\s+\S+ \d/.test(await journey.page.locator('#lesson-masked-lm').innerText()));
    await journey.page.getByRole('button', { name: 'Draw another mask' }).click();
    await journey.until('counts of treatments', async () => /\d+ hidden/.test(await journey.page.locator('#lesson-masking').innerText()));
    assert.deepEqual(await journey.violations(), [], 'axe finds nothing');
    assert.equal(await journey.overflow(), 0);
    await journey.picture('promises-wide-light');
  }, { colorScheme: 'light' });
});

test('every control fits a phone, light and dark', async () => {
  for (const [name, options] of [
    ['promises-wide-dark', { colorScheme: 'dark' }],
    ['promises-narrow-light', { ...PHONE, colorScheme: 'light' }],
    ['promises-narrow-dark', { ...PHONE, colorScheme: 'dark' }],
  ]) {
    await here.open(SMALL, async (journey) => {
      await journey.ready(3);
      await journey.unfold();
      await journey.usable('start-pretrain', 60);
      assert.deepEqual(await journey.violations(), [], `axe finds nothing: ${name}`);
      assert.equal(await journey.overflow(), 0, name);
      await journey.picture(name);
    }, options);
  }
});

test('tables, word vectors and next-sentence prediction work in the page as on the command line', async () => {
  await here.open('?preset=mean&tokenizer=word&max-len=16&batch-size=8&vocab-size=100&hidden-size=4&steps=10&nsp=true', async (journey) => {
    await journey.ready(3);
    const row = (i) => `${i},"the cat number ${i} sleeps. it purrs, ""loud"" and long. then it eats.",${i % 2 ? 'odd' : 'even'}`;
    const table = ['id,story,kind', ...Array.from({ length: 200 }, (_, i) => row(i))].join('\n');
    await journey.choose({ 'stories.csv': table });
    await journey.until('the table', async () => /stories\.csv/.test(await journey.text('file-table')));
    await journey.unfold();
    assert.match(await journey.text('columns'), /stories\.csv: the text is its column “story”/);
    assert.deepEqual(await journey.page.locator('#columns option').evaluateAll((all) => all.map(({ value }) => value)), ['id', 'story', 'kind']);
    await journey.page.locator('#set-text-column').fill('story');
    await journey.page.locator('#set-text-column').press('Tab');
    await journey.page.locator('#set-label-column').fill('kind');
    await journey.page.locator('#set-label-column').press('Tab');
    await journey.until('two labels', async () => /2 labels/.test(await journey.page.locator('#data').innerText()));
    assert.match(await journey.text('columns'), /the labels are “kind”/);
    await journey.part('encoding').selectOption('utf-16le');
    await journey.until('what is no table in that encoding', async () => /has no column/.test(await journey.text('error')), 20);
    await journey.part('encoding').selectOption('');
    await journey.until('the text again', async () => /UTF-8/.test(await journey.text('file-table')) && /2 labels/.test(await journey.page.locator('#data').innerText()), 20);
    await journey.part('vectors-input').setInputFiles({
      name: 'vectors.txt', mimeType: 'text/plain', buffer: Buffer.from('2 4\nthe 1 2 3 4\ncat 4 3 2 1\n'),
    });
    await journey.pretrain(10);
    const panel = await journey.page.locator('#pretrain').innerText();
    assert.match(panel, /Word vectors found for 2 tokens/);
    await journey.until('the other loss', async () => /of the pairs told right/.test(await journey.page.locator('#lesson-next-sentence').innerText()));
  });
});
