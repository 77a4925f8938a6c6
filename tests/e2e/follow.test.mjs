// The display follows the user's choices: settings change the preview and the vocabulary, a new run
// starts a new preview history, the loaded model is named, and a long query shows that it is
// pending.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withBrowser } from './harness.mjs';

const NANO = '?preset=fast-nano&max-len=16&batch-size=8&vocab-size=1000&seed=3&backend=cpu';
const LINES = Array.from({ length: 200 }, (_, index) => `the bird number ${index} sees a tree near river ${index % 7}`).join('\n');

const here = withBrowser();

const tally = async (journey) => (await journey.text('masking-preview')).match(/(\d+) of (\d+) tokens chosen/)?.slice(1).map(Number);

async function set(journey, key, value) {
  const input = journey.page.locator(`#set-${key}`);
  await input.fill(value);
  await input.press('Tab');
}

test('settings change the mask and the vocabulary at once, and a value that is not taken stays where it can be mended', async () => {
  await here.open(NANO, async (journey) => {
    await journey.ready(3);
    await journey.unfold();
    await journey.until('the text', async () => (await tally(journey))?.[0] > 0, 60);
    const [before, all] = await tally(journey);
    await set(journey, 'mask-rate', '0.9');
    await journey.until('a larger share', async () => (await tally(journey))[0] > Math.max(before, all / 2), 30);
    await set(journey, 'vocab-size', '300');
    await journey.until('fewer tokens', async () => /Vocabulary: 300 tokens/.test((await journey.text('vocabulary')).replace(/\s+/g, ' ')), 30);
    await set(journey, 'batch-size', '0');
    const field = journey.page.locator('#set-batch-size');
    assert.equal(await field.inputValue(), '0', 'what was typed stands beside what is wrong with it');
    assert.match(await journey.page.locator('#set-batch-size-help').innerText(), /"0" is not between 1 and 1,000,000/);
    await set(journey, 'batch-size', '4');
    assert.match(await journey.page.locator('#set-batch-size-help').innerText(), /Examples per step/);
  });
});

test('a new run is seen as it learns, whatever was replayed of the one before, and its model is named', async () => {
  await here.open(`${NANO}&steps=40`, async (journey) => {
    await journey.ready(3);
    await journey.unfold();
    assert.equal(await journey.part('step').isVisible(), false, 'no bar covers the start');
    await journey.press('start-pretrain', 60);
    await journey.idle(60);
    assert.match(await journey.page.locator('#try').innerText(), /Fill in the blank\s+Pre-training 1/);
    await journey.part('attention-scrubber').fill('0');
    await journey.until('the first moment', async () => /before training|step 1\b/.test(await journey.page.locator('label[for=scrubber]').innerText()));
    await journey.press('start-pretrain');
    await journey.until('the second run', async () => /Pre-training 2\. Finished/.test(await journey.page.locator('.stage .status').innerText()), 60);
    await journey.until('its newest moment', async () => /\(step 40\)/.test(await journey.text('masking-preview')), 10);
    assert.equal(await journey.part('attention-scrubber').isVisible(), true);
    await journey.part('attention-input').fill('the bird sees');
    await journey.part('attention-input').press('Enter');
    await journey.until('no replay of a typed text', async () => !(await journey.part('attention-scrubber').isVisible()), 10);
  });
});

test('text that is pasted beside every input is taken, a word is not, and long names stay within the page', async () => {
  await here.open(NANO, async (journey) => {
    await journey.ready(3);
    const paste = (text) =>
      journey.page.evaluate((text) => {
        const data = new DataTransfer();
        data.setData('text', text);
        document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));
      }, text);
    const names = () => journey.page.locator('[data-testid=file-table] tbody tr th').allInnerTexts();
    const before = await names();
    await paste('word');
    await journey.page.waitForTimeout(1000);
    assert.deepEqual(await names(), before, 'a word replaces nothing');
    await paste(LINES);
    await journey.until('the pasted text', async () => (await names()).join() === 'pasted.txt', 30);
    await journey.choose({ [`${'n'.repeat(150)}.txt`]: `${LINES}\nit is ${'w'.repeat(400)} __label__${'l'.repeat(150)}` });
    await journey.until('the long name', async () => (await names()).join().length > 100, 30);
    await journey.unfold();
    assert.equal(await journey.overflow(), 0);
  });
});

test('files dragged over the page mark it, and are taken wherever they are dropped', async () => {
  await here.open(NANO, async (journey) => {
    await journey.ready(3);
    const drag = (kind) =>
      journey.page.evaluate(
        ([kind, text]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], 'dragged.txt'));
          document.querySelector('footer').dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
          return getComputedStyle(document.body, '::after').content;
        },
        [kind, LINES],
      );
    assert.equal(await drag('dragleave'), 'none');
    assert.notEqual(await drag('dragover'), 'none', 'the page shows that it takes them');
    await journey.picture('dragging-1280');
    assert.equal(await drag('dragleave'), 'none');
    await drag('dragover');
    assert.equal(await drag('drop'), 'none');
    await journey.until('the dropped file', async () => (await journey.rows('file-table').locator('th').allInnerTexts()).join() === 'dragged.txt', 30);
  });
});

for (const [width, height] of [[1280, 720], [360, 740]]) {
  test(`Start is on the first screen, and stays where it is while the text and the engine come, ${width} wide`, async () => {
    await here.open('?backend=cpu', async (journey) => {
      const top = async () => (await journey.part('start-pretrain').boundingBox())?.y;
      await journey.until('Start', async () => (await top()) > 0, 30);
      const tops = [await top()];
      await journey.until('the text', async () => {
        tops.push(await top());
        return (await tally(journey))?.[0] > 0;
      }, 60);
      await journey.ready(3);
      tops.push(await top());
      assert.ok(Math.max(...tops) - Math.min(...tops) <= 1, `it stood at ${[...new Set(tops)]}`);
      const box = await journey.part('start-pretrain').boundingBox();
      assert.ok(box.y + box.height <= height, `all of it: it ends at ${box.y + box.height}`);
      for (const [kind, count] of [['masked', 2], ['random', 1], ['kept', 1]]) assert.equal(await journey.page.locator(`.tokens > .${kind}`).count(), count, `the first line shows what ${kind} is`);
    }, { viewport: { width, height } });
  });
}

test('a classifier has curves, counts labels by their own thresholds when asked to, and its lines are gone to', async () => {
  const labelled = LINES.split('\n').map((line, index) => `${line} __label__${index % 3 ? 'odd' : 'even'} __label__${index % 2 ? 'left' : 'right'}`);
  await here.open(`${NANO}&finetune-epochs=2&finetune-from=scratch`, async (journey) => {
    await journey.ready(3);
    await journey.choose({ 'labelled.txt': labelled.join('\n') });
    await journey.ready(1);
    await journey.press('start-finetune', 60);
    await journey.idle(90);
    await journey.unfold();
    await journey.until('curves', async () => /last: .*Fine-tuning 1/.test(await journey.part('finetune-loss-chart').getAttribute('aria-label')), 20);
    await journey.part('finetune-curves').scrollIntoViewIfNeeded();
    await journey.page.waitForTimeout(500);
    await journey.picture('finetune-curves-light-1280');
    assert.match(await journey.page.locator('#fill-mask-reason').innerText(), /The current model cannot fill masks/);
    await journey.part('classify-input').fill('the bird sees a tree');
    await journey.part('classify-input').press('Enter');
    await journey.until('labels', async () => /✓ = predicted/.test(await journey.text('classify-result')), 20);
    await journey.page.getByLabel('Each label counts from its own threshold').check();
    assert.match(await journey.text('classify-result'), /above its own threshold/);
    await journey.press('review-valid', 20);
    await journey.until('a matrix', () => journey.part('confusion').locator('button').first().isVisible(), 30);
    await journey.part('confusion').locator('button').first().click();
    await journey.until('its lines', () => journey.part('lines').locator('.scroll').isVisible(), 20);
    assert.match(await journey.rows('lines').first().locator('th').innerText(), /^labelled\.txt:\d+$/);
    const inView = () => journey.part('lines').locator('.scroll').evaluate((region) => region === document.activeElement && region.getBoundingClientRect().top < innerHeight);
    await journey.until('the focus to go there', inView, 10);
  }, { colorScheme: 'light' });
});
