// No user data is lost: the metrics of a run when its tab closes or its engine stops, files
// selected in quick succession or after a stop, word vectors, an edited name, and a run and the
// user's files when the language changes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Journey, withBrowser } from './harness.mjs';

const NANO = '?preset=fast-nano&max-len=16&batch-size=8&vocab-size=300&seed=3&backend=cpu';
const LINES = Array.from({ length: 200 }, (_, index) => `the bird number ${index} sees a tree near river ${index % 7}`).join('\n');
const VECTORS = Array.from({ length: 9 }, (_, word) => ['the', 'bird', 'number', 'sees', 'a', 'tree', 'near', 'river', '1'][word] + ' 0.1'.repeat(32)).join('\n');

const here = withBrowser();

/** Simulates a trap in the engine's wasm by the failure that the worker would report. */
const stopEngine = ({ page }) =>
  page.workers()[0].evaluate(() => {
    const event = { event: 'failed', run: '', code: 'engine-crashed', message: 'the engine stopped: a test', hint: 'Restart it.' };
    postMessage({ message: JSON.stringify(event), buffers: [] });
    close();
  });

const names = (journey) => journey.page.locator('[data-testid=file-table] tbody tr th').allInnerTexts();

/** Advances the page's clock by a minute, so that periodic work is due. */
const aMinuteLater = ({ page }) =>
  page.evaluate(() => {
    const now = Date.now;
    Date.now = () => now() + 60_000;
  });

test('a run whose tab is closed, early or late, and one whose engine stops, leave what they told', async () => {
  const context = await here.browser.newContext();
  const begun = async () => {
    const journey = new Journey(await context.newPage(), []);
    await journey.page.goto(`${here.site.url}${NANO}&steps=100000`);
    await journey.ready(3);
    return journey;
  };
  const closed = (journey, count) =>
    journey.until(`${count} runs of closed tabs`, async () => (await journey.text('runs')).match(/Pre-training 1, earlier.*?its tab was closed/g)?.length === count, 20);
  try {
    const early = await begun();
    await early.press('start-pretrain');
    await early.reaches('step', 1, 60);
    await early.page.waitForTimeout(3000);
    await early.page.close();

    const late = await begun();
    await closed(late, 1);
    await late.page.getByRole('button', { name: /^Open its model/ }).click();
    await late.until('the model of the closed tab', async () => /its model is at hand/.test(await late.text('runs')), 20);
    await late.part('fill-mask-input').fill('the [MASK] sees a tree');
    await late.part('fill-mask-input').press('Enter');
    await late.until('its guesses', async () => (await late.rows('fill-mask-result').count()) >= 2, 20);
    await late.press('start-pretrain');
    await late.reaches('step', 50, 60);
    await aMinuteLater(late);
    await late.reaches('step', 100, 60);
    await late.page.waitForTimeout(500);
    await late.page.close();

    const second = await begun();
    await closed(second, 2);
    await second.press('start-pretrain');
    await second.reaches('step', 50, 60);
    await stopEngine(second);
    await second.until('its return', async () => /the engine stopped: a test.*and the run resumes/i.test(await second.text('error')));
    await second.until('its progress', async () => (await second.value('step')) > 50 && (await second.part('stop').isEnabled()), 30);
    await second.page.reload();
    await second.ready(3);
    const names = async () => (await second.page.locator('[data-testid=runs] th[scope=row]').allInnerTexts()).map((name) => name.replace(/\s+/g, ' ').trim());
    await second.until('all runs', async () => (await names()).filter((name) => name.startsWith('Pre-training 1, earlier')).length === 3, 20);
    assert.match((await names())[1], /goes on from Pre-training 1, earlier/, 'it began with the model that was opened');
  } finally {
    await context.close();
  }
});

test('where storage is full a run goes on, and is told not to be kept', async () => {
  await here.open(`${NANO}&steps=20`, async (journey) => {
    await journey.ready(3);
    const session = await journey.page.context().newCDPSession(journey.page);
    await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(here.site.url).origin, quotaSize: 1000 });
    await journey.press('start-pretrain', 60);
    await journey.idle(60);
    await journey.until('the end', async () => /Finished after 20 steps/.test(await journey.page.locator('.stage .status').innerText()), 20);
    await journey.until('the trouble', async () => /could not be (kept|saved)/.test(await journey.text('error')), 20);
    assert.match(await journey.text('runs'), /Pre-training 1/);
    await journey.part('fill-mask-input').fill('the [MASK] sees a tree');
    await journey.part('fill-mask-input').press('Enter');
    await journey.until('guesses', async () => (await journey.rows('fill-mask-result').count()) >= 2, 20);
  });
});

test('an engine that stops is replaced by itself, and the new one has the word vectors', async () => {
  await here.open(`${NANO}&steps=2`, async (journey) => {
    await journey.ready(3);
    await journey.unfold();
    await journey.page.locator('#choose-vectors').setInputFiles({ name: 'vectors.txt', mimeType: 'text/plain', buffer: Buffer.from(VECTORS) });
    await stopEngine(journey);
    await journey.until('another engine', async () => /The engine restarted\./.test(await journey.text('error')));
    await journey.ready(3);
    await journey.choose({ 'own.txt': LINES });
    await journey.until('the own file', async () => (await names(journey)).join() === 'own.txt', 60);
    await journey.press('start-pretrain', 30);
    await journey.idle(60);
    assert.match(await journey.page.locator('#pretrain').innerText(), /Word vectors found for \d+ tokens/);
  });
});

test('files removed one after another are both gone, and files chosen early give no error', async () => {
  await here.open(NANO, async (journey) => {
    await journey.usable('start-pretrain', 60);
    await journey.choose({ 'a.txt': LINES, 'b.txt': LINES, 'c.txt': LINES });
    await journey.until('the own files', async () => (await names(journey)).length === 3);
    assert.equal(await journey.part('error').isVisible(), false, await journey.part('error').innerText());
    // Within one task: the engine has not answered the first request when the second arrives.
    await journey.page.evaluate(() => {
      for (const name of ['a.txt', 'b.txt']) document.querySelector(`[data-testid=file-table] button[aria-label*="${name}"]`).click();
    });
    await journey.until('one file to stay', async () => (await names(journey)).join() === 'c.txt', 20);
  });
});

test('what is said of the present files outlives files that are refused, and a later visit says that own files are gone', async () => {
  await here.open(NANO, async (journey) => {
    const data = () => journey.page.locator('#data').innerText();
    await journey.ready(3);
    assert.doesNotMatch(await data(), /not kept/);
    await journey.choose({ 'own.txt': `${LINES}\n${LINES}` });
    await journey.until('the copies', async () => /200 of the 400 training documents repeat/.test(await data()));
    assert.match(await data(), /Duplicates: 200\./);
    await journey.choose({ 'empty.txt': '' });
    await journey.until('the refusal', async () => /"empty\.txt" is empty\.$/m.test(await journey.part('error').innerText()));
    assert.match(await data(), /200 of the 400 training documents repeat/);

    await journey.page.reload();
    await journey.ready(3);
    assert.match(await data(), /Your files are not stored in the browser: choose them again/);
    await journey.choose({ 'own.txt': LINES.split('\n').map((line) => `${line} __label__bird`).join('\n') });
    await journey.until('the only label', async () => /the same label, "bird"/.test(await data()));
    assert.match(await journey.page.locator('#start-finetune-reason').innerText(), /a classifier needs two/);
    for (const goBack of ['Use the bundled dictionary again', 'Remove own.txt']) {
      await journey.page.getByRole('button', { name: goBack }).click();
      await journey.until('the bundled text', async () => /Using the bundled dictionary\. Your own files will replace it/.test(await data()), 20);
      await journey.page.reload();
      await journey.ready(3);
      assert.doesNotMatch(await data(), /not kept/, goBack);
      await journey.choose({ 'own.txt': LINES });
      await journey.until('the files', async () => /own\.txt/.test(await journey.text('file-table')), 20);
    }
  });
});

test('a name that is left alone stays the page\'s own', async () => {
  await here.open(`${NANO}&steps=5`, async (journey) => {
    await journey.ready(3);
    await journey.press('start-pretrain');
    await journey.idle(60);
    const rename = journey.page.getByRole('button', { name: 'Rename' });
    await rename.press('Enter');
    await journey.page.getByLabel('Name of the run').press('Escape');
    assert.equal(await rename.evaluate((button) => button === document.activeElement), true, 'the focus goes back');
    await rename.click();
    await journey.page.getByLabel('Name of the run').press('Enter');
    await journey.page.waitForTimeout(500);
    await journey.page.goto(`${here.site.url}${NANO}&lang=th`);
    await journey.until('the name in Thai', async () => /การฝึกล่วงหน้า 1/.test(await journey.text('runs')), 60);
  });
});

test('another language ends no run and keeps own files, by keyboard too', async () => {
  await here.open(`${NANO}&steps=100000`, async (journey) => {
    await journey.ready(3);
    await journey.choose({ 'own.txt': LINES });
    await journey.until('the own file', async () => (await names(journey)).join() === 'own.txt');
    await journey.press('start-pretrain', 60);
    await journey.until('a step', async () => (await journey.value('step')) > 0, 60);
    await journey.unfold();
    const [sentence, size] = ['#own-sentence', '#set-batch-size'].map((id) => journey.page.locator(id));
    await sentence.fill('a bird sees');
    await size.fill('0');
    await size.press('Tab');
    const language = journey.part('language');
    await language.focus();
    await journey.page.keyboard.press('ArrowDown');
    await journey.until('Thai', async () => /[\u0e00-\u0e7f]/.test(await journey.text('start-pretrain')), 30);
    const [lang, focused] = await journey.page.evaluate(() => [document.documentElement.lang, document.activeElement.dataset.testid]);
    assert.deepEqual([lang, focused, await language.inputValue()], ['th', 'language', 'th']);
    await journey.until('what was unfolded', () => size.isVisible(), 10);
    assert.deepEqual([await sentence.inputValue(), await size.inputValue()], ['a bird sees', '0'], 'what was typed stays');
    assert.match(await journey.page.locator('#set-batch-size-help').innerText(), /"0"[^a-z]+1[^a-z]+1,000,000/);
    const then = await journey.value('step');
    await journey.until('the run to go on', async () => (await journey.value('step')) > then, 60);
    assert.deepEqual(await names(journey), ['own.txt']);
    await language.selectOption('en');
    await journey.until('English', async () => (await journey.text('stop')) === 'Stop', 30);
    assert.deepEqual(await names(journey), ['own.txt']);
    await journey.press('stop');
    await journey.idle(60);
  });
});
