// A model exported as one web page: opened from the disk, without a server, it gives the answers of
// the command line.
//
// Environment, optional: CLOZELAB_BIN (the command line; default target/release/clozelab).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Journey, launch, ROOT } from './harness.mjs';

const CLOZELAB = process.env.CLOZELAB_BIN ?? join(ROOT, 'target', 'release', 'clozelab');
// Probabilities of two programs in 32-bit arithmetic; the erf of the page is exact within 1.2e-7.
const TOLERANCE = 1e-4;
// Weights as 16-bit floats have three digits.
const HALF_TOLERANCE = 5e-3;
// The code of a page without its weights.
const MAX_CODE_BYTES = 1e6;

const ANIMALS = ['cat', 'dog', 'owl', 'bee', 'eel', 'fox'];
const PLACES = ['yard', 'barn', 'hive', 'pond', 'wood', 'tree'];
// Case with context, marks, scripts without spaces, characters beyond 16 bits, white space.
const HOSTILE = [
  'ΟΔΥΣΣΕΥΣ İstanbul ǅ ẞ', 'e\u0301tude Ångström naïve', '狐狸住在森林里 fox 🦊🏽', 'เรือสีแดงจอดอยู่ใกล้ท่าน้ำ', 'x\u00a0y\u2003z\u200bq\u0007r',
  'don\'t--a_b (c) "d" €5 ½ ² ⓐ', '', '   ', '[MASK] is text [CLS]', 'नमस्ते دنیا ﷺ', 'a'.repeat(150), '\u{1F469}\u200D\u{1F680} \uD7A3 각',
];

let folder;
let browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'clozelab-standalone-'));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

function clozelab(args, options = {}) {
  return execFileSync(CLOZELAB, [...args, '--device', 'cpu'], { cwd: folder, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'], maxBuffer: 1 << 28, ...options });
}

/** Returns the JSON lines that a command prints. */
function answers(args, input) {
  const lines = clozelab(args, { input }).trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

/** Writes documents to train on. `labelled` makes a line of an animal, a place and an index. */
function write(name, count, labelled) {
  const line = (_, index) => labelled(ANIMALS[index % 6], PLACES[(index * 5 + (index >> 3)) % 6], index);
  writeFileSync(join(folder, name), `${Array.from({ length: count }, line).join('\n')}\n`);
}

/** Opens an exported page, with all requests but those of the file itself reported. */
async function open(name, journey, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  try {
    const page = await context.newPage();
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    context.on('request', (request) => /^(file|blob|data):/.test(request.url()) || complaints.push(request.url()));
    await page.goto(pathToFileURL(join(folder, name)).href);
    await page.waitForFunction(() => document.getElementById('status').hidden || document.querySelector('#status .error'));
    await journey(new Journey(page, complaints));
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

/** Compares the probabilities of all labels, and the predicted ones, with those of `predict`. */
async function compare(model, texts, labels, tolerance = TOLERANCE) {
  const input = texts.map((text) => text.join('\t')).join('\n');
  const predict = (...flags) => answers(['predict', '--model', model, '--data', '-', ...flags], input);
  const [all, predicted] = [predict('--top-k', String(labels)), predict()];
  assert.deepEqual([all.length, predicted.length], [texts.length, texts.length]);
  await open(`${model}.html`, async ({ page }) => {
    for (const [index, text] of texts.entries()) {
      const { labels: found } = await page.evaluate((text) => ask('classify', text), text);
      const what = `${model}: ${text}`;
      assert.equal(found.length, all[index].labels.length, what);
      for (const { label, score } of all[index].labels) {
        const own = found.find((candidate) => candidate.label === label).score;
        assert.ok(Math.abs(own - score) < tolerance, `${what}: ${label} ${own} instead of ${score}`);
      }
      const names = found.filter(({ isPredicted }) => isPredicted).map(({ label }) => label);
      assert.deepEqual(names, predicted[index].labels.map(({ label }) => label), what);
    }
  });
}

const TRAINING = ['--steps', '30', '--batch-size', '8', '--max-len', '24', '--vocab-size', '300'];

test('a page labels as the command line does: every backbone, tokenizer and kind of task', async () => {
  const sentence = (animal, place, index = 0) => `The ${animal}s café sleeps in the ${place}; 狐狸 ${animal}ing, ไม่ ${place} no. ${index}!`;
  write('multi.txt', 240, (animal, place, index) => `${sentence(animal, place, index)} __label__${animal} __label__${place}`);
  write('single.txt', 240, (animal, place, index) => `${sentence(animal, place, index)} __label__${animal}`);
  write('pairs.txt', 240, (animal, place, index) => `${sentence(animal, place, index)}\tIs it a ${ANIMALS[(index >> 1) % 6]}? __label__${index % 2 ? 'yes' : 'no'}`);
  const long = ANIMALS.map((animal) => sentence(animal, 'pond')).join(' ');
  const texts = [...ANIMALS.map((animal, index) => sentence(animal, PLACES[index])), long, ...HOSTILE];
  const train = (model, data, flags, half = []) => {
    clozelab(['finetune', '--train', data, '--out', model, ...TRAINING, ...flags]);
    clozelab(['export', '--model', model, '--html', `${model}.html`, ...half]);
  };
  train('multi', 'multi.txt', ['--preset', 'fast-nano']);
  train('cnn', 'single.txt', ['--preset', 'textcnn', '--tokenizer', 'char', '--parts', 'fusion']);
  train('mean', 'multi.txt', ['--backbone', 'mean', '--tokenizer', 'word', '--parts', 'seeds']);
  train('pairs', 'pairs.txt', ['--preset', 'bert-tiny', '--parts', 'fusion', '--strip-accents']);
  train('half', 'single.txt', ['--preset', 'fast-nano', '--parts', 'one'], ['--half']);
  await compare('half', texts.map((text) => [text]), 6, HALF_TOLERANCE);
  for (const [model, labels] of [['multi', 12], ['cnn', 6], ['mean', 12]]) await compare(model, texts.map((text) => [text]), labels);
  await compare('pairs', ANIMALS.map((animal, index) => [sentence(animal, PLACES[index]), `Is it a ${ANIMALS[index ^ 1]}?`]), 2);
});

test('a page fills masks as the command line does', async () => {
  write('text.txt', 200, (animal, place) => `The ${animal} sleeps in the ${place}. `);
  for (const preset of ['fast-nano', 'bert-tiny', 'textcnn', 'mean']) {
    const shape = preset === 'mean' ? '--backbone' : '--preset';
    clozelab(['pretrain', '--corpus', 'text.txt', '--out', `words-${preset}`, shape, preset, ...TRAINING]);
    clozelab(['export', '--model', `words-${preset}`, '--html', `words-${preset}.html`]);
    const text = 'The [MASK] sleeps in the [MASK].';
    const [{ masks }] = answers(['fill-mask', '--model', `words-${preset}`, text, '--top-k', '20']);
    await open(`words-${preset}.html`, async ({ page }) => {
      const found = await page.evaluate((text) => ask('fillMask', text, 25), text);
      for (const [index, { candidates }] of masks.entries()) {
        for (const { token, score } of candidates) {
          const own = found[index].find((candidate) => candidate.token === token);
          assert.ok(Math.abs(own.score - score) < TOLERANCE, `${preset}: ${token} ${own.score} instead of ${score}`);
        }
      }
      await page.getByTestId('masked').fill(text);
      await page.getByRole('button', { name: 'Predict' }).click();
      await page.waitForFunction(() => document.querySelectorAll('#predictions li').length === 10);
      await page.getByTestId('masked').fill('no mask');
      await page.getByRole('button', { name: 'Predict' }).click();
      await page.getByText('Replace the word to predict with [MASK].').waitFor();
    });
  }
});

test('a text is labelled by typing, and a table keeps its rows, columns and quoting', async () => {
  write('tickets.csv', 240, (animal, place, index) => (index === 0 ? 'id;message;kind' : `${index};"The ${animal}; it ""sleeps"" in the ${place}";${animal}`));
  clozelab(['finetune', '--train', 'tickets.csv', '--out', 'tickets', '--preset', 'fast-nano', ...TRAINING]);
  clozelab(['export', '--model', 'tickets', '--html', 'tickets.html', '--half']);
  const code = readFileSync(join(folder, 'tickets.html'), 'utf8').replace(/"[A-Za-z0-9+/=]{1000,}"/g, '""');
  assert.ok(code.length < MAX_CODE_BYTES, `${code.length} bytes besides the weights`);
  const table = 'id;message;note\r\n7;"The cat; it ""sleeps"" in the yard";=1+1\r\n8;The owl in the tree;-3\r\n';
  for (const [width, colorScheme] of [[1280, 'light'], [1920, 'dark'], [360, 'dark']]) {
    await open('tickets.html', async (journey) => {
      const { page } = journey;
      await page.getByTestId('text').fill('The cat; it "sleeps" in the yard');
      await page.getByRole('button', { name: 'Label', exact: true }).click();
      await page.locator('#labels li').first().waitFor();
      await page.getByTestId('file').setInputFiles({ name: 'new.csv', mimeType: 'text/csv', buffer: Buffer.from(table) });
      await page.getByTestId('start').click();
      await page.getByText('2 of 2 rows labelled.').waitFor();
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('save').click()]);
      const saved = readFileSync(await download.path(), 'utf8');
      assert.match(saved, /^\ufeffid;message;note;label;confidence\r\n7;"The cat; it ""sleeps"" in the yard";=1\+1;\w+;0\.\d{4}\r\n8;The owl in the tree;-3;\w+;0\.\d{4}\r\n$/);
      assert.equal(await journey.overflow(), 0);
      assert.deepEqual(await journey.violations(), [], 'axe finds nothing');
      await journey.picture(`standalone-${width}-${colorScheme}`);
    }, { viewport: { width, height: 900 }, colorScheme });
  }
});

test('a pair has a second text, also in a file', async () => {
  write('pairs.csv', 240, (animal, place, index) => (index === 0 ? 'text_a;text_b;label' : `The ${animal} sleeps in the ${place} no. ${index};Is it a ${ANIMALS[(index >> 1) % 6]}?;${index % 2 ? 'yes' : 'no'}`));
  clozelab(['finetune', '--train', 'pairs.csv', '--out', 'asked', '--preset', 'fast-nano', ...TRAINING]);
  clozelab(['export', '--model', 'asked', '--html', 'asked.html']);
  const table = 'text_a;text_b\nThe cat sleeps in the yard;Is it a cat?\nThe owl sleeps in the barn;Is it a bee?\n';
  writeFileSync(join(folder, 'new.csv'), table);
  const expected = answers(['predict', '--model', 'asked', '--data', 'new.csv']);
  await open('asked.html', async ({ page }) => {
    await page.getByTestId('text').fill('The cat sleeps in the yard');
    await page.getByTestId('second').fill('Is it a cat?');
    await page.getByRole('button', { name: 'Label', exact: true }).click();
    await page.locator('#labels .predicted').filter({ hasText: expected[0].labels[0].label }).waitFor();
    await page.getByTestId('file').setInputFiles(join(folder, 'new.csv'));
    await page.getByTestId('start').click();
    await page.getByText('2 of 2 rows labelled.').waitFor();
    const cells = await page.locator('#rows td:last-child').allInnerTexts();
    for (const [index, cell] of cells.entries()) assert.ok(Math.abs(Number(cell) - expected[index].labels[0].score) < 2 * TOLERANCE, `${cell} ${JSON.stringify(expected[index])}`);
  });
});

test('files are read as they are meant, and what cannot be read is reported', async () => {
  const read = (name, content) => open('tickets.html', async ({ page }) => {
    await page.getByTestId('file').setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
    const [place, words] = expected[name];
    await page.locator(place).filter({ hasText: words }).waitFor();
    assert.equal(await page.locator('#table').isVisible(), place === '#described', name);
  });
  const expected = {
    'lines.txt': ['#described', /: 3 rows/],
    'one.csv': ['#described', /: 1 row\./],
    'headless.csv': ['#described', /: 2 rows/],
    'declared.csv': ['#described', /: 1 row\./],
    'unbalanced.tsv': ['#described', /: 3 rows/],
    'objects.jsonl': ['#described', /: 2 rows/],
    'utf16.csv': ['#described', /: 1 row\./],
    'other.csv': ['#described', /lacks columns of the training data \(message\)/],
    'broken.jsonl': ['#file-error', /Line 2 is not valid JSON/],
    'empty.csv': ['#file-error', /has no text/],
    'picture.png': ['#file-error', /is not text/],
  };
  await read('lines.txt', 'Hello, I cannot log in\nPlease, help\nThanks, bye\n');
  await read('one.csv', 'Hello, I cannot log in\n');
  await read('headless.csv', '1;the cat sleeps in the yard\n2;the owl sleeps in the tree\n');
  await read('declared.csv', 'sep=;\nid;message\n1;the cat\n');
  await read('unbalanced.tsv', '1\t"Great movie\n2\tbad\n3\tfine\n');
  await read('objects.jsonl', '{"message": "the cat"}\n{"message": "the owl", "constructor": 1}\n');
  await read('utf16.csv', Buffer.from('id;message\n1;the cat\n', 'utf16le'));
  await read('other.csv', 'id;words\n1;the cat\n2;the owl\n');
  await read('broken.jsonl', '{"message": "the cat"}\n{"message": \n');
  await read('empty.csv', '\n');
  await read('picture.png', Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 1, 2, 3, 4]));
});
