// A file larger than the memory that a page should use: it is read from disk in slices.
//
// CLOZELAB_LARGE_MB, optional: size of the file, default 200 MB.

import assert from 'node:assert/strict';
import { createWriteStream, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { withBrowser } from './harness.mjs';

const MEGABYTES = Number(process.env.CLOZELAB_LARGE_MB ?? 200);
const WORDS = 'the man went to a store and bought milk bread wine some paper then he walked home past an old green river'.split(' ');
const WORDS_PER_LINE = 104;
// Per megabyte, two bytes for each of about 210,000 tokens, and while counting words about a
// hundred for each of 1,900 lines, since the number at the end of a line is a distinct word. The
// constant is the engine's own memory.
const MOST_WASM_BYTES = (92 + 0.64 * MEGABYTES) * 2 ** 20;
// Timeouts are for 200 MB and grow with the size of the file.
const PATIENCE = Math.max(1, MEGABYTES / 200);

let folder;
before(() => (folder = mkdtempSync(join(tmpdir(), 'clozelab-large-'))));
after(() => rmSync(folder, { recursive: true }));
const here = withBrowser();

async function write(path) {
  const out = createWriteStream(path);
  let bytes = 0;
  for (let i = 0; bytes < MEGABYTES * 1e6; i++) {
    const line = Array.from({ length: WORDS_PER_LINE }, (_, k) => WORDS[(i * 31 + k * k * 7 + (i % 11) * k) % WORDS.length]).join(' ') + ` ${i}\n`;
    bytes += line.length;
    if (!out.write(line)) await new Promise((drained) => out.once('drain', drained));
  }
  await new Promise((closed) => out.end(closed));
}

const engineMemory = ({ page }) =>
  page.workers()[0].evaluate(async (url) => (await (await import(url)).default()).memory.buffer.byteLength, new URL('engine.js', here.site.url).href);

test(`a file of ${MEGABYTES} MB is read and learned from in bounded memory, and one that changes is noticed`, { timeout: PATIENCE * 600_000 }, async () => {
  const path = join(folder, 'large.txt');
  await write(path);
  await here.open('?preset=fast-nano&tokenizer=word&vocab-size=500&max-len=16&batch-size=8&steps=5', async (journey) => {
    await journey.ready(3);
    const began = Date.now();
    await journey.part('file-input').setInputFiles(path);
    await journey.until('the file', async () => /large\.txt/.test(await journey.text('file-table')), PATIENCE * 120);
    const read = Date.now();
    await journey.usable('start-pretrain', PATIENCE * 60);
    await journey.press('start-pretrain', PATIENCE * 60);
    await journey.reaches('step', 5, PATIENCE * 240);
    await journey.idle(60);
    const memory = await engineMemory(journey);
    console.log(`read in ${(read - began) / 1000} s, learned from after ${(Date.now() - read) / 1000} s, ${memory >> 20} MiB`);
    assert.ok(memory < MOST_WASM_BYTES, `${memory} bytes of wasm memory`);
    await journey.picture('large-file');

    truncateSync(path, 1000);
    await journey.unfold();
    await journey.page.locator('#set-vocab-size').fill('400');
    await journey.page.locator('#set-vocab-size').press('Tab');
    await journey.press('start-pretrain', 60);
    await journey.until('the change is told', async () => /large\.txt/.test(await journey.text('error')), PATIENCE * 120);
  });
});
