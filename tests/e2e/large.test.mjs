// A file larger than the memory that a page should take: it is read where it lies, a slice at a time.

import assert from 'node:assert/strict';
import { createWriteStream, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, serve, visit } from './harness.mjs';

const LINES = 400_000;
const WORDS = 'the man went to a store and bought milk bread wine some paper then he walked home past an old green river'.split(' ');
// Two bytes for each of some forty million tokens, and what the engine takes anyway.
const MOST_WASM_BYTES = 220 * 2 ** 20;

let site, browser, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'clozelab-large-'));
  [site, browser] = await Promise.all([serve(), launch()]);
});
after(async () => {
  await browser?.close();
  site?.close();
  rmSync(folder, { recursive: true });
});

async function write(path) {
  const out = createWriteStream(path);
  let bytes = 0;
  for (let i = 0; i < LINES; i++) {
    const line = Array.from({ length: 104 }, (_, k) => WORDS[(i * 31 + k * k * 7 + (i % 11) * k) % WORDS.length]).join(' ') + ` ${i}\n`;
    bytes += line.length;
    if (!out.write(line)) await new Promise((drained) => out.once('drain', drained));
  }
  await new Promise((closed) => out.end(closed));
  return bytes;
}

const engineMemory = ({ page }) =>
  page.workers()[0].evaluate(async (url) => (await (await import(url)).default()).memory.buffer.byteLength, new URL('engine.js', site.url).href);

test('a file of 200 MB is read and learned from in bounded memory, and one that changes is noticed', { timeout: 600_000 }, async () => {
  const path = join(folder, 'large.txt');
  const bytes = await write(path);
  assert.ok(bytes > 200e6, `${bytes} bytes`);
  await visit(browser, `${site.url}?preset=fast-nano&tokenizer=word&vocab-size=500&max-len=16&batch-size=8&steps=5`, async (journey) => {
    await journey.ready(3);
    const began = Date.now();
    await journey.part('file-input').setInputFiles(path);
    await journey.until('the file', async () => /large\.txt/.test(await journey.text('file-table')), 120);
    const read = Date.now();
    await journey.usable('start-pretrain', 60);
    await journey.press('start-pretrain', 60);
    await journey.reaches('step', 5, 240);
    await journey.idle(60);
    const memory = await engineMemory(journey);
    console.log(`read in ${(read - began) / 1000} s, learned from after ${(Date.now() - read) / 1000} s, ${memory >> 20} MiB`);
    assert.ok(memory < MOST_WASM_BYTES, `${memory} bytes of wasm memory`);
    await journey.picture('large-file');

    truncateSync(path, 1000);
    await journey.page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
    await journey.page.locator('#set-vocab-size').fill('400');
    await journey.page.locator('#set-vocab-size').press('Tab');
    await journey.press('start-pretrain', 60);
    await journey.until('the change is told', async () => /large\.txt/.test(await journey.text('error')), 120);
  });
});
