// Files as users have them: a competition's table with a column per label, cells with several
// labels, several files; how each is read; and labelling a file.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withBrowser } from './harness.mjs';

const QUERY = '?preset=mean&tokenizer=word&max-len=16&vocab-size=100&hidden-size=4';

const here = withBrowser();

/** Enters a value into a field of the table's settings and leaves the field, as a user would. */
async function set(journey, id, value) {
  await journey.page.locator(id).fill(value);
  await journey.page.locator(id).press('Tab');
}

const data = (journey) => journey.page.locator('#data').innerText();
const cells = (journey) => journey.page.locator('[data-testid=first-documents] tbody tr').allInnerTexts();

test('a column per label, several labels in a cell, and the first documents as they were read', async () => {
  await here.open(QUERY, async (journey) => {
    await journey.ready(3);
    const rows = Array.from({ length: 60 }, (_, i) => `${i},"comment number ${i}, said by someone",${Number(i % 2 === 0)},${Number(i % 3 === 0)},${['red;blue', 'blue', 'red', 'green;red', 'green'][i % 5]}`);
    await journey.choose({ 'comments.csv': ['id,comment_text,toxic,rude,tags', ...rows].join('\n') });
    await journey.until('the table', async () => /comments\.csv/.test(await journey.text('file-table')));
    await journey.until('what is odd', async () => /2 labels look like several labels separated by ";"/.test(await data(journey)));
    assert.match(await data(journey), /in a table, split them with “Label separator”/);

    await journey.part('first-documents').locator('summary').click();
    await journey.until('its first documents', async () => (await cells(journey)).length === 5);
    assert.match((await cells(journey))[0], /2\s+comment number 0, said by someone\s+red;blue/);
    assert.match(await journey.text('first-documents'), /55 documents more/);

    await journey.page.getByText('Columns and encoding').click();
    await set(journey, '#set-label-separator', ';');
    await journey.until('three labels', async () => /3 labels/.test(await data(journey)));
    await journey.until('them in the first documents', async () => /red\s+blue/.test((await cells(journey))[0] ?? ''));
    assert.doesNotMatch(await data(journey), /look like several/);

    await set(journey, '#set-label-column', 'toxic, rude');
    await journey.until('a label for each column', async () => /the labels are 2 columns: toxic, rude\./.test(await journey.text('columns')));
    assert.match(await data(journey), /rows with 0 or no in every label column \(20\)/);
    await journey.until('them in the first documents', async () => /none/.test((await cells(journey))[1] ?? ''));
    assert.match((await cells(journey))[0], /toxic\s+rude/);
    await set(journey, '#set-label-column', 'toxic, rood');
    await journey.until('no run by columns that are not there', async () => /columns that are set/.test(await journey.page.locator('.stage').innerText()) && await journey.part('start-pretrain').isDisabled());
    await set(journey, '#set-label-column', 'toxic, rude');
    await journey.usable('start-pretrain');
    assert.deepEqual(await journey.page.locator('#data .bars >> nth=0 >> tbody th').allTextContents(), ['toxic', 'none', 'rude'], 'the labels');
    assert.deepEqual(await journey.violations(), [], 'axe finds nothing');
    assert.equal(await journey.overflow(), 0);
    await journey.picture('files-wide-dark');
  }, { colorScheme: 'dark' });
});

test('a folder of many files shows its first files, and more at each press', async () => {
  await here.open(QUERY, async (journey) => {
    await journey.ready(3);
    const count = 720;
    await journey.choose(Object.fromEntries(Array.from({ length: count }, (_, i) => [`part-${i}.txt`, `a text of part ${i}\n`])));
    const files = journey.page.locator('[data-testid=file-table] tbody th[scope=row]');
    const shows = (number) => journey.until(`${number} files`, async () => (await files.count()) === number);
    await shows(100);
    assert.equal(await journey.text('more-files'), 'Show 500 more files');
    await journey.press('more-files');
    await shows(600);
    assert.equal(await journey.text('more-files'), 'Show 120 more files');

    // Changing a role reads the files again: the rows stay.
    const use = journey.page.getByLabel('Use of part-599.txt');
    await use.selectOption('test');
    await journey.until('the file to be read for the test', async () => (await use.isEnabled()) && (await use.inputValue()) === 'test');
    assert.equal(await files.count(), 600);

    await journey.press('more-files');
    await shows(count);
    assert.equal(await journey.part('more-files').count(), 0);
    assert.equal(await journey.page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Files');
    assert.deepEqual(await journey.violations(), [], 'axe finds nothing');
  });
});

test('a table shows its first rows with a use for each column, and labels that differ by a slip are merged', async () => {
  // Semicolons, Windows-1252, line ends in cells, empty subjects and a misspelt label: a
  // spreadsheet of tickets.
  const kinds = ['Rechnung', 'Versand', 'Störung'];
  const kind = (i) => (i === 7 ? 'Rechnug' : kinds[i % 3]);
  const row = (i) => `${4000 + i};${i % 4 ? `Frage ${i} zu ${kinds[i % 3]}` : ''};"Guten Tag, meine Nachricht über ${kinds[i % 3]}\nmit der Nummer ${i}";${kind(i)}`;
  const table = ['Nr;Betreff;Nachricht;Bereich', ...Array.from({ length: 120 }, (_, i) => row(i))].join('\r\n');
  const file = { name: 'tickets.csv', mimeType: 'text/csv', buffer: Buffer.from(table, 'latin1') };
  for (const [name, options] of [
    ['columns-light-1280', { colorScheme: 'light', viewport: { width: 1280, height: 720 } }],
    ['columns-dark-360', { colorScheme: 'dark', viewport: { width: 360, height: 740 } }],
    ['columns-dark-1920', { colorScheme: 'dark', viewport: { width: 1920, height: 1080 } }],
  ]) {
    await here.open('?preset=mean&max-len=16&vocab-size=500', async (journey) => {
      const uses = () => journey.page.locator('[data-testid=column-role]').evaluateAll((all) => all.map(({ value }) => value).join());
      const choose = (column, use) => journey.page.locator(`[data-testid=column-role][data-column="${column}"]`).selectOption(use);
      const data = () => journey.page.locator('#data').innerText();
      await journey.ready(3);
      await journey.part('file-input').setInputFiles([file]);
      await journey.until('the columns', async () => (await uses()) === 'ignore,text,text,label', 20);
      assert.match(await data(), /4 labels/);
      assert.match(await journey.text('file-table'), /windows-1252/);
      assert.match(await journey.text('file-table'), /120 120/, 'no row is lost');
      assert.deepEqual(await journey.violations(), [], 'axe finds nothing');
      assert.equal(await journey.overflow(), 0);
      await journey.page.locator('figure.columns').scrollIntoViewIfNeeded();
      await journey.picture(name);
      if (options.viewport.width !== 1280) return;
      await choose('Betreff', 'ignore');
      await journey.until('one text', async () => (await uses()) === 'ignore,ignore,text,label', 20);
      await choose('Bereich', 'ignore');
      await journey.until('no labels', async () => /No labels found/.test(await data()), 20);
      await choose('Bereich', 'label');
      await journey.until('the labels', async () => /4 labels/.test(await data()), 20);
      await journey.press('merge-labels');
      await journey.until('the labels that are meant', async () => /3 labels/.test(await data()), 20);
      await journey.press('undo-merge');
      await journey.until('those that were there', async () => /4 labels/.test(await data()), 20);
      // Labels can also be renamed and deleted individually.
      const names = () => journey.page.locator('[data-testid=label-name]').evaluateAll((all) => all.map(({ value }) => value).sort().join());
      await journey.page.locator('#data summary', { hasText: /^Labels/ }).click();
      await journey.page.getByText('Rename or delete labels').click();
      await journey.until('a field for each label', async () => (await names()) === 'Rechnug,Rechnung,Störung,Versand');
      const field = journey.page.getByRole('textbox', { name: 'Name of Versand', exact: true });
      await field.fill('Lieferung');
      await field.press('Enter');
      await journey.until('another name', async () => (await names()) === 'Lieferung,Rechnug,Rechnung,Störung', 20);
      await journey.page.getByRole('button', { name: 'Delete Rechnug', exact: true }).click();
      await journey.until('one less', async () => (await names()) === 'Lieferung,Rechnung,Störung', 20);
      assert.match(await data(), /3 labels/);
      assert.deepEqual(await journey.violations(), [], 'axe finds nothing');
      await journey.page.locator('.label-names').scrollIntoViewIfNeeded();
      await journey.picture('label-names-light-1280');
      await journey.press('undo-merge');
      await journey.until('the deleted one', async () => (await names()) === 'Lieferung,Rechnug,Rechnung,Störung', 20);
      await journey.press('undo-merge');
      await journey.until('the first names', async () => (await names()) === 'Rechnug,Rechnung,Störung,Versand', 20);
    }, options);
  }
});

test('archives are opened, and the files in them have uses of their own', async () => {
  const given = (name) => fileURLToPath(new URL(`../../engine/data/tests/data/${name}`, import.meta.url));
  await here.open(QUERY, async (journey) => {
    const names = () => journey.page.locator('[data-testid=file-table] tbody th').allInnerTexts();
    const use = (name) => journey.page.getByRole('combobox', { name: `Use of ${name}`, exact: true });
    const take = (name) => journey.part('file-input').setInputFiles([given(name)]);
    await journey.ready(3);
    await journey.page.route('**/unpack_bg.wasm', (route) => route.abort());
    await take('documents.zip');
    await journey.until('what blocks it', async () => /could not be opened: .+Check the connection/s.test(await journey.page.locator('body').innerText()), 20);
    await journey.page.unroute('**/unpack_bg.wasm');
    await take('documents.zip');
    await journey.until('the documents', async () => (await names()).join() === 'documents.zip/letters/minutes.docx,documents.zip/letters/plain.txt', 20);
    await take('splits.zip');
    await journey.until('its tables', async () => (await names()).join() === 'splits.zip/train.csv,splits.zip/test.csv', 20);
    assert.equal(await use('splits.zip/test.csv').inputValue(), 'test');
    await use('splits.zip/test.csv').selectOption('valid');
    await journey.until('another use', async () => (await use('splits.zip/test.csv').inputValue()) === 'valid', 20);
    assert.equal(await use('splits.zip/train.csv').inputValue(), 'train', 'the other table keeps its use');
    await take('classes.zip');
    await journey.until('its files', async () => (await names()).length === 6, 20);
    assert.match(await journey.page.locator('#data').innerText(), /2 labels/);
    await journey.picture('archive-light-1280');
    await journey.page.getByRole('button', { name: 'Remove classes.zip', exact: true }).first().click();
    await journey.until('the bundled text', async () => (await names()).includes('train.txt'), 20);
    await take('tickets.xlsx');
    await journey.until('the workbook', async () => (await names()).join() === 'tickets.xlsx', 20);
    const text = async (name) => (await journey.page.locator(name).innerText()).replace(/\s+/g, ' ');
    await journey.until('its labels', async () => /3 labels/.test(await text('#data')), 20);
    assert.match(await text('#data'), /left out: "Notes"/);
    await journey.picture('workbook-light-1280');
    await take('splits.xlsx');
    await journey.until('its sheets', async () => (await names()).join() === 'splits.xlsx/Train.csv,splits.xlsx/Test.csv', 20);
    await take('secret.zip');
    await journey.until('why not', async () => /is encrypted/.test(await journey.page.locator('body').innerText()), 20);
  });
});

test('files join the present ones where that is chosen, and the bundled text comes back after the last', async () => {
  await here.open(QUERY, async (journey) => {
    const names = () => journey.page.locator('[data-testid=file-table] tbody th').allInnerTexts();
    const line = (i) => `a line of text with number ${i} in it __label__${i % 2 ? 'odd' : 'even'}\n`;
    const text = (count) => Array.from({ length: count }, (_, i) => line(i)).join('');
    await journey.ready(3);
    assert.equal(await journey.part('join-files').isVisible(), false, 'nothing joins the bundled text');
    assert.equal(await journey.page.getByRole('button', { name: /^Remove / }).count(), 4, 'each can go while another one stays');
    await journey.choose({ 'one.txt': text(40) });
    await journey.until('the first', async () => (await names()).join() === 'one.txt');
    await journey.part('join-files').check();
    await journey.choose({ 'two.txt': text(50) });
    await journey.until('both', async () => (await names()).join() === 'one.txt,two.txt');
    await journey.page.getByLabel('Use of two.txt').selectOption('test');
    await journey.until('its use', async () => /50 documents for the test/.test(await data(journey)));

    // A file that cannot be used is reported and can be removed.
    await journey.choose({ 'picture.png': new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0]) });
    await journey.until('the refusal', async () => /picture\.png could not be used/.test(await journey.text('refused-files')));
    await journey.page.getByRole('button', { name: 'Remove picture.png' }).click();
    await journey.until('it to go', async () => (await journey.text('refused-files')) === '');

    // A newer file replaces one of the same name and keeps its role; typed text is a new file each
    // time.
    await journey.choose({ 'two.txt': text(60) });
    await journey.until('the newer one', async () => /60 documents for the test/.test(await data(journey)));
    await journey.page.getByText('Paste text', { exact: true }).click();
    for (const expected of ['one.txt,two.txt,pasted.txt', 'one.txt,two.txt,pasted.txt,pasted-2.txt']) {
      await journey.part('paste').fill(text(20));
      await journey.press('use-paste');
      await journey.until(expected, async () => (await names()).join() === expected);
    }
    await journey.part('first-documents').locator('summary').click();
    await journey.page.getByLabel('File', { exact: true }).selectOption('one.txt');
    await journey.until('its first documents', async () => /35 documents more/.test(await journey.text('first-documents')));
    assert.deepEqual(await journey.violations(), [], 'axe finds nothing');
    assert.equal(await journey.overflow(), 0);
    await journey.picture('files-narrow-light');

    await journey.choose({ 'picture.png': new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0]) });
    await journey.until('the refusal', async () => /picture\.png could not be used/.test(await journey.text('refused-files')));
    for (const name of await names()) await journey.page.getByRole('button', { name: `Remove ${name}`, exact: true }).click();
    await journey.until('the bundled text', async () => (await names()).includes('train.txt'));
    await journey.part('join-files').waitFor({ state: 'hidden' });
  }, { colorScheme: 'light', viewport: { width: 360, height: 740 } });
});

test('each document of a file is labelled, and the table is saved and can be trained on', async () => {
  await here.open('?preset=mean&max-len=16&vocab-size=500&steps=20&finetune-from=scratch&finetune-epochs=0.3', async (journey) => {
    const input = journey.part('label-file-input');
    const status = () => journey.part('label-file').innerText();
    const choose = (name, text) => input.setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
    await journey.ready(3);
    assert.equal(await input.isEnabled(), false);
    assert.match(await status(), /There is no classifier yet/);
    await journey.press('start-finetune', 30);
    await journey.idle(60);
    await journey.until('the input', () => input.isEnabled());

    const rows = Array.from({ length: 300 }, (_, i) => `${i},"a large bird, number ${i}"`);
    const [download] = await Promise.all([
      journey.page.waitForEvent('download'),
      choose('birds.csv', ['id,text', ...rows, '301,'].join('\n')),
    ]);
    assert.equal(download.suggestedFilename(), 'birds-labelled.csv');
    const table = await readFile(await download.path(), 'utf8');
    assert.match(table, /^id,text,label,score,confidence,unsure\n0,"a large bird, number 0",[^\n]*[a-z][^\n]*,0\.\d{4}/);
    assert.equal(table.trimEnd().split('\n').length, 302, 'the header and each row, one without text among them');
    await journey.until('the word', async () => /300 documents are labelled; birds-labelled\.csv .*Left out: 1 empty \(first: line 302\)[^]*taken from: text/.test(await status()));
    assert.deepEqual(await journey.violations(), [], 'axe finds nothing');

    // A slow job can be stopped; a file that cannot be read is reported.
    const many = Array.from({ length: 200000 }, (_, i) => `a large bird, number ${i}`).join('\n');
    await choose('many.txt', many);
    await journey.until('how far it is', async () => /many\.txt: [\d,]+ of about [\d,]+ documents are labelled/.test(await status()), 60);
    assert.equal(await journey.part('start-pretrain').isEnabled(), false, 'a run would wait for the file');
    await journey.part('classify-input').press('Enter');
    await journey.until('an answer meanwhile', async () => (await journey.rows('classify-result').count()) > 0);
    await journey.picture('label-file-light-1280');
    await journey.part('label-file').getByRole('button', { name: 'Stop' }).click();
    await journey.until('it to end', async () => !/many\.txt/.test(await status()) && (await input.isEnabled()));
    await choose('picture.png', new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0]));
    await journey.until('the reason', async () => /picture\.png/.test(await journey.text('error')));
    assert.doesNotMatch(await status(), /picture\.png/);

    await journey.choose({ 'birds-labelled.csv': table });
    await journey.until('the table as text', async () => /birds-labelled\.csv/.test(await journey.text('file-table')));
    await journey.until('all of them labelled', async () => / 300 300 /.test(await journey.text('file-table')));
  }, { colorScheme: 'light' });
});
