// Features around runs: lessons, runs that outlive their tab, export and import of models, links
// with results, languages, mobile screens. On the CPU, at sizes that take seconds.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { visit, withBrowser } from './harness.mjs';

const NANO = '?preset=fast-nano&max-len=16&batch-size=8&vocab-size=1000&seed=3';

const here = withBrowser();

test('a link opens a lesson, which completes itself, and leaves parts out', async () => {
  await here.open(`${NANO}&steps=20&lesson=masking&hide=finetune,review,export-model`, async (journey) => {
    await journey.ready(3);
    const lesson = journey.page.locator('#lesson-masking');
    assert.equal(await lesson.getAttribute('open'), '', 'it stands open');
    const token = journey.page.locator('[data-testid=masking-preview] .token.masked').first();
    await token.waitFor();
    const [first, spoken] = [await lesson.boundingBox(), await token.boundingBox()];
    assert.ok(first.y < spoken.y && spoken.y + spoken.height < 710, `before everything else, with what it speaks of in sight: ${first.y}, ${spoken.y}`);
    assert.equal(await journey.page.locator('.lesson:visible').count(), 1, 'the others wait');
    await journey.picture('lesson-light-1280');
    await journey.page.getByRole('button', { name: 'All lessons' }).focus();
    await journey.page.keyboard.press('Enter');
    await journey.until('the focus on a lesson', () => journey.page.evaluate(() => document.activeElement?.closest('.lesson') !== null));
    assert.equal(await journey.page.locator('.lesson[id]:visible').count(), 7);
    for (const selector of ['#finetune', '#review', '[data-testid=export-model]', '[data-testid=nav-errors]']) {
      assert.equal(await journey.page.locator(selector).first().isVisible(), false, selector);
    }
    await journey.page.getByRole('button', { name: 'Draw another mask' }).click();
    await journey.until('the lesson to be done', async () => /✓ done/.test(await lesson.innerText()));
    assert.deepEqual(await journey.violations(), []);
    assert.match(journey.page.url(), /lesson=masking/);
  });
});

test('runs outlive their tab with name, figures and model, can be opened, compared, deleted', async () => {
  const context = await here.browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: 'block' });
  const { Journey } = await import('./harness.mjs');
  try {
    const first = new Journey(await context.newPage(), []);
    await first.page.goto(`${here.site.url}${NANO}&steps=20`);
    await first.ready(3);
    await first.pretrain(20);
    await first.until('the model to be kept', async () => /Open its model/.test(await first.text('runs')), 30);
    await first.page.getByRole('button', { name: 'Rename' }).click();
    await first.page.getByLabel('Name of the run').fill('My <b>first</b> run');
    await first.page.getByLabel('Name of the run').press('Enter');
    await first.until('its name', async () => /My <b>first<\/b> run/.test(await first.text('runs')));
    await sleep(500);
    await first.page.close();

    const second = new Journey(await context.newPage(), []);
    await second.page.goto(`${here.site.url}${NANO.replace('seed=3', 'seed=4')}&steps=15`);
    await second.ready(3);
    await second.until('the run of before', async () => /My <b>first<\/b> run/.test(await second.text('runs')), 20);
    assert.match(await second.text('storage'), /keeps runs and models, in .* of /);
    await second.page.getByRole('button', { name: /Open its model/ }).click();
    await second.until('the model', async () => /Opened:/.test(await second.page.locator('#runs-panel').innerText()), 30);
    await second.part('fill-mask-input').fill('a small [MASK]');
    await second.part('fill-mask-input').press('Enter');
    await second.until('guesses of the kept model', async () => (await second.page.locator('[data-testid=fill-mask-result] tbody tr').count()) > 0);
    await second.pretrain(15);
    await second.page.getByLabel('Show My <b>first</b> run in the charts').check();
    await second.unfold();
    await second.until('the difference', async () => /seed[^]*3[^]*4/.test(await second.page.locator('#runs-panel').innerText()));
    const row = second.page.locator('[data-testid=runs] tbody tr').first();
    await row.getByRole('button', { name: 'Delete' }).click();
    await row.getByRole('button', { name: 'Delete for good?' }).click();
    await second.until('the run to go', async () => !/My <b>first/.test(await second.text('runs')));
    await sleep(300);
    await second.page.reload();
    await second.ready(3);
    await sleep(500);
    assert.doesNotMatch(await second.text('runs'), /My <b>first/, 'it stays deleted');
  } finally {
    await context.close();
  }
});

test('a saved model can be dropped anywhere, and guesses stand beside those of the model before', async () => {
  await here.open(`${NANO}&steps=20`, async (journey) => {
    await journey.ready(3);
    await journey.pretrain(20);
    const ask = async () => {
      await journey.part('fill-mask-input').fill('a small [MASK] used for cooking');
      await journey.part('fill-mask-input').press('Enter');
      await journey.until('guesses', async () => (await journey.page.locator('[data-testid=fill-mask-result] tbody tr').count()) > 0);
    };
    await ask();
    assert.doesNotMatch(await journey.text('fill-mask-result'), /Before/);
    const [download] = await Promise.all([journey.page.waitForEvent('download'), journey.part('export-model').click()]);
    const bytes = (await readFile(await download.path())).toString('base64');
    await journey.press('go-on');
    await journey.until('the second run', async () => /Pre-training 2/.test(await journey.text('runs')), 20);
    await journey.idle(60);
    await ask();
    await journey.until('both models', async () => /Before/.test(await journey.text('fill-mask-result')));
    await journey.page.evaluate((bytes) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], 'model.zip'));
      window.dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
    }, bytes);
    await journey.until('the model', async () => /Opened:/.test(await journey.page.locator('#runs-panel').innerText()), 30);
    assert.equal(await journey.rows('file-table').count(), 4, 'the text stays');
  });
});

test('a link carries settings and curves, of one run or of all in the charts, and one with nonsense says so', async () => {
  let link, all;
  await here.open(`${NANO}&steps=40&finetune-epochs=0.1`, async (journey) => {
    await journey.ready(3);
    await journey.pretrain(40);
    await journey.part('share-run').click();
    await journey.until('the link', () => journey.part('share-run-link').isVisible());
    link = await journey.part('share-run-link').inputValue();
    assert.ok(link.length < 8000 && !link.includes('cooking'), `${link.length} characters`);
    assert.equal(await journey.part('share-shown').isVisible(), false, 'one run has a link of its own');
    await journey.press('start-finetune', 30);
    await journey.idle(60);
    await journey.press('share-shown');
    await journey.until('the link to both', () => journey.part('share-shown-link').isVisible());
    all = await journey.part('share-shown-link').inputValue();
    await journey.page.locator('[data-testid=runs] input[type=checkbox]').first().uncheck();
    await journey.until('no link to other runs than are chosen', async () => !(await journey.part('share-shown-link').isVisible()));
  });
  await visit(here.browser, link, async (journey) => {
    await journey.ready(3);
    assert.match(await journey.page.locator('.stage .status').innerText(), /^This link brought the curves of a run: Shared pre-training/);
    assert.match(await journey.text('runs'), /Shared pre-training .*preset fast-nano.*held-out loss \d/);
    assert.match(await journey.part('loss-chart').getAttribute('aria-label'), /Shared pre-training: loss \d/);
    await journey.usable('start-pretrain', 60);
  });
  await visit(here.browser, all, async (journey) => {
    await journey.ready(3);
    assert.match(await journey.page.locator('.stage .status').innerText(), /^This link brought the curves of 2 runs: Shared pre-training; Shared fine-tuning, pre-trained/);
    assert.match(await journey.part('loss-chart').getAttribute('aria-label'), /Shared pre-training: loss \d/);
    assert.match(await journey.part('f1-chart').getAttribute('aria-label'), /Shared fine-tuning, pre-trained/);
    await journey.picture('shared-runs');
  });
  await here.open('?preset=huge&lr=fast#share=bm9uc2Vuc2U', async (journey) => {
    await journey.ready(3);
    assert.match(await journey.text('error'), /cannot be (used|read)/);
    await journey.usable('start-pretrain', 60);
  });
});

test('where storage is denied the page works and says what that means', async () => {
  const denied = { serviceWorkers: 'block' };
  await here.open('', async (journey) => {
    await journey.page.addInitScript(() => {
      const deny = () => { throw new DOMException('denied', 'SecurityError'); };
      Object.defineProperty(IDBFactory.prototype, 'open', { value: deny });
      Object.defineProperty(window, 'localStorage', { get: deny });
      Object.defineProperty(navigator, 'storage', { get: () => undefined });
    });
    await journey.page.goto(`${here.site.url}${NANO}&steps=10`);
    await journey.ready(3);
    await journey.until('the sentence', async () => /keeps nothing/.test(await journey.text('storage')));
    await journey.pretrain(10);
    assert.equal(await journey.part('error').isVisible(), false);
  }, denied);
});

test('the laboratory fits a phone, light and dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await here.open(`${NANO}&steps=30&finetune-epochs=0.1`, async (journey) => {
      await journey.ready(3);
      await journey.pretrain(30);
      await journey.press('start-finetune', 30);
      await journey.until('an F1', async () => (await journey.value('f1')) >= 0, 90);
      await journey.idle(60);
      await journey.press('review-valid', 30);
      await journey.until('the matrix', async () => (await journey.page.locator('[data-testid=confusion] tbody tr').count()) > 5, 60);
      for (const text of ['a small [MASK] used for cooking', 'a small [MASK] used for cooking']) {
        await journey.part('fill-mask-input').fill(text);
        await journey.part('fill-mask-input').press('Enter');
        await sleep(500);
      }
      await journey.until('both answers', async () => /Before/.test(await journey.text('fill-mask-result')));
      await journey.part('classify-input').press('Enter');
      await journey.until('labels', async () => (await journey.rows('classify-result').count()) > 0);
      await journey.page.getByLabel('Each label counts from its own threshold').check();
      await journey.until('thresholds', async () => /Own threshold/.test(await journey.text('classify-result')));
      for (const id of ['fill-mask-result', 'classify-result']) {
        const right = await journey.page.locator(`[data-testid=${id}] table`).evaluate((table) => table.getBoundingClientRect().right);
        assert.ok(right <= 360, `${id} ends at ${right} pixels`);
      }
      await journey.unfold();
      await sleep(300);
      assert.equal(await journey.overflow(), 0, colorScheme);
      assert.deepEqual(await journey.violations(), [], colorScheme);
      await journey.picture(`laboratory-${colorScheme}-360`);
    }, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, colorScheme });
  }
});

test('the page speaks Thai by link, by the browser\'s language and by choice, which holds when it is loaded again', async () => {
  const lang = (journey) => journey.page.evaluate(() => document.documentElement.lang);
  const start = (journey) => journey.text('start-pretrain');
  await here.open(`${NANO}&steps=30&lang=th`, async (journey) => {
    await journey.until('the file table', async () => (await journey.rows('file-table').count()) >= 3, 60);
    assert.equal(await lang(journey), 'th');
    assert.match(await start(journey), /[\u0e00-\u0e7f]/, 'Start is a Thai word');
    await journey.pretrain(30);
    await journey.unfold();
    const words = await journey.page.locator('main').innerText();
    assert.ok(words.match(/[\u0e00-\u0e7f]/g).length > 3000, 'all of it is Thai');
    assert.deepEqual(await journey.violations(), []);
    assert.equal(await journey.overflow(), 0);
    await journey.picture('thai-light-360');
    await journey.part('language').selectOption('en');
    await journey.until('English', async () => (await start(journey).catch(() => '')) === 'Start pre-training');
    assert.equal(await lang(journey), 'en');
    await journey.until('the run', async () => /Pre-training 1/.test(await journey.text('runs')));
    await journey.page.reload();
    await journey.until('English, and the kept run', async () => /Pre-training 1, earlier/.test(await journey.text('runs')));
  }, { viewport: { width: 360, height: 740 }, colorScheme: 'light' });
  await here.open('', async (journey) => {
    await journey.until('Thai', async () => /[\u0e00-\u0e7f]/.test(await start(journey)), 60);
    await journey.picture('thai-dark-1280');
  }, { locale: 'th-TH', colorScheme: 'dark' });
});

test('a link that leaves out what is no part of the page says so', async () => {
  await here.open(`${NANO}&hide=zzz,review`, async (journey) => {
    await journey.ready(3);
    await journey.until('the sentence', async () => /does not have: zzz\./.test(await journey.text('error')), 20);
    assert.equal(await journey.page.locator('#review').isVisible(), false);
  });
});

test('models are cards that are measured together, and files are removed one by one', async () => {
  await here.open(`${NANO}&steps=60`, async (journey) => {
    await journey.ready(3);
    const figures = journey.page.locator('.card-figures');
    const sized = async () => (await figures.allTextContents()).filter((text) => / parameters\s+[\d.]+ .*B$/.test(text)).length;
    await journey.until('the sizes of all models', async () => (await sized()) === 14, 20);
    await journey.press('estimate-all', 60);
    await journey.until('four figures', async () => (await figures.allInnerTexts()).filter((text) => / parameters\s+.*B · /.test(text)).length === 4, 90);
    assert.match(await journey.text('suggestion'), /is the largest that is done here in five minutes/);
    await journey.page.getByRole('radio', { name: /^Mini/ }).first().check({ force: true });
    assert.match(journey.page.url(), /preset=fast-mini/);
    const before = await journey.rows('file-table').count();
    await journey.page.getByRole('button', { name: /^Remove / }).last().click();
    await journey.until('a row less', async () => (await journey.rows('file-table').count()) === before - 1);
    await journey.ready(before - 1);
    await journey.part('file-table').scrollIntoViewIfNeeded();
    await journey.picture('cards-light-1280');
  }, { colorScheme: 'light' });
});
