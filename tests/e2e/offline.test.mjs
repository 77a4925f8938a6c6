// The service worker: after one visit the page works without the server, and a new build replaces
// the stored one as a whole, when the user wants it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SITE, withBrowser } from './harness.mjs';

const NANO = '?preset=fast-nano&max-len=16&batch-size=8&vocab-size=1000&seed=3&steps=10';

// A copy, since a test changes it.
const folder = mkdtempSync(join(tmpdir(), 'clozelab-offline-'));
cpSync(SITE, folder, { recursive: true });
const here = withBrowser({ folder, view: 'steps' });
after(() => rmSync(folder, { recursive: true }));

const isStored = (journey) => journey.page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state === 'activated');

const digest = (text) => createHash('sha256').update(text).digest('hex');

test('after one visit the page works without the server', async () => {
  await here.open(NANO, async (journey) => {
    await journey.ready(3);
    await journey.until('the stored site', () => isStored(journey), 60);
    await journey.page.context().setOffline(true);
    await journey.page.reload();
    await journey.ready(3);
    await journey.pretrain(10);
    assert.deepEqual(await journey.violations(), []);
  }, { serviceWorkers: 'allow' });
});

test('a new version waits until it is wanted, and comes as a whole', async () => {
  await here.open(NANO, async (journey) => {
    await journey.ready(3);
    await journey.until('the stored site', () => isStored(journey), 60);
    const [style, script] = ['style.css', 'service-worker.js'].map((name) => join(folder, name));
    const [old, marked] = [readFileSync(style, 'utf8'), `${readFileSync(style, 'utf8')}\n:root { --version: new; }\n`];
    const list = readFileSync(script, 'utf8');
    assert.ok(list.includes(digest(old)), 'the build lists the style sheet');
    writeFileSync(style, marked);
    writeFileSync(script, list.replace(digest(old), digest(marked)));
    const version = () => journey.page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--version'));
    await journey.page.reload();
    await journey.ready(3);
    await journey.until('the offer', () => journey.part('update').isVisible(), 30);
    assert.equal(await version(), '', 'the page in use keeps its build');
    await journey.part('update').click();
    await journey.until('the new version', async () => (await version().catch(() => '')) === 'new', 30);
    await journey.ready(3);
    assert.equal(await journey.part('update').isVisible(), false);
  }, { serviceWorkers: 'allow' });
});
