// No run is lost: it resumes bit for bit after the browser is killed, automatically after its
// worker ended or stopped responding, on a stored corpus or on files that are selected again; a
// comparison resumes from its finished runs; tabs see each other's runs.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inflateRawSync } from 'node:zlib';
import { Journey, ROOT, launchProfile, withBrowser } from './harness.mjs';

const NANO = '?preset=fast-nano&max-len=16&batch-size=8&vocab-size=300&seed=3&backend=cpu';
const STEPS = 4000;

// Under `cargo xtask chaos` the browser is killed at a random moment after the first checkpoint.
const RANDOM_MS = process.env.CLOZELAB_RANDOM_KILLS ? 5000 : 0;

const LINES = Array.from({ length: 300 }, (_, index) => `the bird number ${index} sees a tree near river ${index % 7} and ${index % 11} fish`).join('\n');

const CLOZELAB = process.env.CLOZELAB_BIN ?? join(ROOT, 'target', 'release', 'clozelab');

const here = withBrowser();

/**
 * Yields names and contents of the files in a `.zip`, whose directory is at its end (APPNOTE.TXT,
 * 4.3.12).
 */
function* entries(bytes) {
  let at = bytes.readUInt32LE(bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1')) + 16);
  while (bytes.readUInt32LE(at) === 0x02014b50) {
    const [method, size, local] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 42)];
    const [name, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const data = bytes.subarray(start, start + size);
    yield [bytes.toString('utf8', at + 46, at + 46 + name), method === 8 ? inflateRawSync(data) : data];
    at += 46 + name + extra + comment;
  }
}

/** Returns the file in a `.zip` whose name ends with `wanted`. */
function inZip(bytes, wanted) {
  for (const [name, data] of entries(bytes)) if (name.endsWith(wanted)) return data;
  return assert.fail(`no ${wanted} in the archive`);
}

/** Extracts the files of a `.zip` to a folder. */
function unpacked(bytes, folder) {
  for (const [name, data] of entries(bytes)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), data);
  }
}

/** Returns the SHA-256 of the weights that the page saves. */
async function weights(journey) {
  const [download] = await Promise.all([journey.page.waitForEvent('download'), journey.press('export-model', 30)]);
  const bytes = readFileSync(await download.path());
  return createHash('sha256').update(inZip(bytes, 'model.safetensors')).digest('hex');
}

const opened = async (context, query) => {
  const journey = new Journey(context.pages()[0] ?? (await context.newPage()), []);
  await journey.page.goto(here.site.url + query);
  await journey.ready(1);
  return journey;
};

const saved = (journey, seconds = 60) => journey.until('a checkpoint', async () => /saved at step/.test(await journey.text('runs')), seconds);
const finished = (journey, seconds = 120) => journey.until('the end of the run', async () => /finished, [\d,]+ steps/.test(await journey.text('runs')), seconds);

/** Kills all processes of a browser at once, as a crash of the machine would. */
function kill(profile) {
  const pids = execFileSync('pgrep', ['-f', profile], { encoding: 'utf8' }).trim().split('\n').map(Number);
  for (const pid of pids.filter((pid) => pid !== process.pid)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process ended with its parent.
    }
  }
}

/** Returns the weights of an uninterrupted run. */
async function undisturbed(query, start) {
  const context = await here.browser.newContext();
  try {
    const journey = await opened(context, query);
    await start(journey);
    await finished(journey);
    return await weights(journey);
  } finally {
    await context.close();
  }
}

/**
 * Starts a run, kills the browser after a checkpoint, and passes the page in a new browser to
 * `then`.
 */
async function killed(query, start, then) {
  const profile = mkdtempSync(join(tmpdir(), 'clozelab-profile-'));
  try {
    const first = await launchProfile(profile);
    const journey = await opened(first, query);
    await start(journey);
    await saved(journey);
    // The row that names the checkpoint is stored after the checkpoint itself.
    await journey.page.waitForTimeout(300 + RANDOM_MS * Math.random());
    assert.ok(await journey.part('stop').isEnabled(), 'the run is active when the browser is killed');
    kill(profile);
    const second = await launchProfile(profile);
    try {
      await then(await opened(second, query));
    } finally {
      await second.close();
    }
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

const pretrains = (journey) => journey.press('start-pretrain', 60);

test('a run whose browser is killed resumes with the same weights to the last bit', async () => {
  const query = `${NANO}&steps=${STEPS}`;
  const expected = await undisturbed(query, pretrains);
  await killed(query, pretrains, async (journey) => {
    await journey.press('resume-run', 30);
    await finished(journey);
    assert.match(await journey.text('runs'), /finished, 4,000 steps/);
    assert.equal(await weights(journey), expected);
  });
});

/** Returns the events of one kind in the log of a run directory, whose last line may be incomplete. */
const logged = (run, kind) => readFileSync(join(run, 'metrics.jsonl'), 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line)).filter(({ event }) => event === kind);

/** Returns the last step in the log of a run directory; 0 if there is none yet. */
const lastStep = (run) => (existsSync(join(run, 'run.json')) && existsSync(join(run, 'metrics.jsonl')) ? (logged(run, 'step').at(-1)?.step ?? 0) : 0);

/** Pre-trains on the command line until a condition holds, and ends the process with a signal. */
async function nativeRun(words, signal, isEnough) {
  const child = spawn(CLOZELAB, ['pretrain', ...words], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  try {
    for (const end = Date.now() + 30_000; !isEnough(); await sleep(20)) assert.ok(Date.now() < end, 'it trains');
  } finally {
    child.kill(signal);
    await ended;
  }
}

/** Resumes a run directory on the command line until a step is logged, and stops it. */
async function resumedNatively(run, text, until) {
  await nativeRun(['--resume', '--corpus', text, '--out', run], 'SIGINT', () => lastStep(run) >= until);
}

/** Stops the run, and extracts its directory as the page saves it to `folder`; returns its path. */
async function savedRun(journey, folder) {
  await journey.press('stop');
  await journey.idle(30);
  const [download] = await Promise.all([journey.page.waitForEvent('download'), journey.press('save-run', 30)]);
  unpacked(readFileSync(await download.path()), folder);
  return join(folder, 'clozelab-model');
}

test('a run that was saved with its checkpoint continues on the command line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clozelab-run-'));
  try {
    const text = join(folder, 'own.txt');
    writeFileSync(text, LINES);
    let run;
    await here.open(`${NANO}&steps=100000`, async (journey) => {
      await journey.ready(3);
      await journey.choose({ 'own.txt': LINES });
      await journey.until('the own file', async () => /own\.txt/.test(await journey.text('file-table')));
      await pretrains(journey);
      await saved(journey);
      run = await savedRun(journey, folder);
    });
    const stopped = logged(run, 'step').at(-1).step;
    await resumedNatively(run, text, stopped + 50);
    const steps = logged(run, 'step').map(({ step }) => step);
    assert.deepEqual(steps, [...steps].sort((a, b) => a - b), 'the log continues where the page stopped');
    const started = logged(run, 'started').map(({ step }) => step);
    assert.ok(started.length >= 2 && started.at(-1) >= stopped - 8, JSON.stringify(started));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a run that the command line left unfinished continues in the page, and back on the command line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clozelab-run-'));
  const [text, begun, undisturbed] = ['own.txt', 'begun', 'undisturbed'].map((name) => join(folder, name));
  try {
    writeFileSync(text, LINES);
    const shape = '--preset fast-nano --max-len 16 --batch-size 8 --vocab-size 300 --seed 3 --device cpu --steps 100000 --checkpoint-every 100';
    // Killed, so that the directory has no model but that of its checkpoint, which its log is ahead of.
    await nativeRun(['--corpus', text, ...shape.split(' '), '--out', begun], 'SIGKILL', () => lastStep(begun) > 150);
    cpSync(begun, undisturbed, { recursive: true });
    const handedOver = logged(begun, 'checkpoint').at(-1).step;
    await resumedNatively(undisturbed, text, handedOver + 200);
    let run;
    // Interrupted by Ctrl-C, so that it has a model and a report.
    await here.open(NANO, async (journey) => {
      await journey.ready(3);
      await journey.part('import-folder').setInputFiles(undisturbed);
      await journey.usable('resume-run', 30);
    });
    await here.open(NANO, async (journey) => {
      await journey.ready(3);
      await journey.part('import-folder').setInputFiles(begun);
      await journey.usable('resume-run', 30);
      assert.match(await journey.text('runs'), /Imported pre-training/);
      await journey.press('resume-run');
      await journey.until('the question for its text', async () => /Choose the same files again/.test(await journey.text('error')));
      await journey.choose({ 'own.txt': LINES });
      await journey.reaches('step', handedOver + 200, 60);
      await journey.until('a checkpoint of its own', async () => Number(/saved at step ([\d,]+)/.exec(await journey.text('runs'))?.[1].replaceAll(',', '') ?? 0) > handedOver, 60);
      run = await savedRun(journey, folder);
    });
    const losses = new Map(logged(undisturbed, 'step').map(({ step, loss }) => [step, loss]));
    const common = logged(run, 'step').filter(({ step }) => step > handedOver && step <= handedOver + 100 && losses.has(step));
    assert.ok(common.length >= 10, `${common.length} steps to compare after step ${handedOver}`);
    for (const { step, loss } of common) assert.ok(Math.abs(loss - losses.get(step)) < 1e-3, `step ${step}: ${loss} in the page, ${losses.get(step)} without it`);
    await resumedNatively(run, text, logged(run, 'step').at(-1).step + 50);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a classifier whose browser is killed resumes with the same weights to the last bit', async () => {
  const query = `${NANO}&finetune-epochs=2&finetune-from=scratch`;
  const start = (journey) => journey.press('start-finetune', 60);
  const expected = await undisturbed(query, start);
  await killed(query, start, async (journey) => {
    await journey.press('resume-run', 30);
    await finished(journey);
    assert.equal(await weights(journey), expected);
  });
});

test('a run goes on by itself after its worker ended, failed or fell silent', async () => {
  const faults = {
    closed: () => close(),
    failed: () => {
      setTimeout(() => Promise.reject(new Error('a test')));
    },
    silent: () => {
      setTimeout(() => {
        for (;;);
      });
    },
  };
  for (const [name, fault] of Object.entries(faults)) {
    await here.open(`${NANO}&steps=1000000`, async (journey) => {
      await journey.ready(3);
      await pretrains(journey);
      await saved(journey);
      await journey.page.workers()[0].evaluate(fault);
      const seconds = name === 'silent' ? 60 : 10;
      await journey.until(`word of the worker that ${name}`, async () => /and the run resumes/.test(await journey.text('error')), seconds);
      const then = await journey.value('step');
      await journey.until('further steps', async () => (await journey.value('step')) > then + 100, 60);
      await journey.press('stop');
      await journey.idle(60);
      journey.complaints.length = 0;
    });
  }
});

test('text that may be stored is there after a reload; text that may not is recognised when it is chosen again', async () => {
  for (const stores of [true, false]) {
    const context = await here.browser.newContext();
    try {
      const query = `${NANO}&steps=1000000`;
      const journey = await opened(context, query);
      await journey.choose({ 'own.txt': LINES });
      await journey.until('the own file', async () => /own\.txt/.test(await journey.text('file-table')));
      await journey.press(stores ? 'store-text' : 'store-no-text');
      await pretrains(journey);
      await saved(journey);
      await journey.page.reload();
      await journey.ready(1);
      assert.equal(/own\.txt/.test(await journey.text('file-table')), stores);
      assert.equal(await journey.part('store-text').isVisible(), false, 'the question is asked once');
      await journey.press('resume-run', 30);
      if (!stores) {
        await journey.until('the request', async () => /Choose the same files again/.test(await journey.text('error')));
        await journey.choose({ 'own.txt': LINES });
      }
      await journey.until('further steps', async () => (await journey.value('step')) > 0 && (await journey.part('stop').isEnabled()), 60);
      const then = await journey.value('step');
      await journey.until('further steps', async () => (await journey.value('step')) > then, 60);
    } finally {
      await context.close();
    }
  }
});

test('a comparison goes on from its finished runs, with the model that it began with', async () => {
  const context = await here.browser.newContext();
  try {
    const journey = await opened(context, `${NANO}&steps=30&finetune-epochs=1`);
    await pretrains(journey);
    await finished(journey);
    await journey.until('the model to be kept', async () => /Open its model \(/.test(await journey.text('runs')), 20);
    await journey.unfold();
    await journey.page.locator('#compare-seeds').fill('1');
    await journey.page.locator('#compare-shares').fill('0.05');
    await journey.press('start-compare');
    await journey.until('the third run', async () => /run 3 of/i.test(await journey.page.locator('#compare').innerText()), 120);
    await journey.page.reload();
    await journey.ready(3);
    await journey.page.locator('[data-testid=resume-run]:visible').click();
    await journey.until('the end', async () => /Show its result/.test(await journey.text('runs')), 240);
    const rows = (await journey.page.locator('[data-testid=runs] tbody tr').allInnerTexts()).map((row) => row.replace(/\s+/g, ' '));
    assert.ok(rows.some((row) => /Comparison 1 .*finished/.test(row)), rows.join('\n'));
  } finally {
    await context.close();
  }
});

test('the worker has the content policy of the page', async () => {
  await here.open(NANO, async (journey) => {
    await journey.ready(3);
    const blocked = await journey.page.workers()[0].evaluate(() => {
      const violated = new Promise((resolve) => addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective)));
      fetch('http://localhost:9/').catch(() => {});
      return Promise.race([violated, new Promise((resolve) => setTimeout(resolve, 5000, 'nothing'))]);
    });
    assert.equal(blocked, 'connect-src');
    journey.complaints.length = 0;
  });
});

test('another tab sees that a run is under way here, and closing this one asks first', async () => {
  const context = await here.browser.newContext();
  try {
    const journey = await opened(context, `${NANO}&steps=1000000`);
    await pretrains(journey);
    await saved(journey);
    const other = new Journey(await context.newPage(), []);
    await other.page.goto(here.site.url + NANO);
    await other.ready(3);
    const elsewhere = async () => /running in another tab, step [\d,]+/.test(await other.text('runs'));
    await other.until('the run of the other tab', elsewhere, 20);
    assert.equal(await other.page.getByRole('button', { name: 'Delete', exact: true }).isVisible(), false);
    const step = async () => Number(/another tab, step ([\d,]+)/.exec(await other.text('runs'))?.[1].replace(/,/g, ''));
    const then = await step();
    await other.until('its progress', async () => (await step()) > then, 40);
    const asked = journey.page.waitForEvent('dialog');
    await journey.page.close({ runBeforeUnload: true });
    assert.equal((await asked).type(), 'beforeunload');
    await other.until('the end of the other tab', async () => !(await elsewhere()) && (await other.part('resume-run').isVisible()), 20);
  } finally {
    await context.close();
  }
});

test('everything that is stored can be deleted, and the page says what it was', async () => {
  const context = await here.browser.newContext();
  try {
    const journey = await opened(context, `${NANO}&steps=50`);
    await journey.choose({ 'own.txt': LINES });
    await journey.press('store-text', 30);
    await pretrains(journey);
    await finished(journey);
    await journey.until('the model to be kept', async () => /Open its model \(/.test(await journey.text('runs')), 20);
    await journey.press('delete-everything');
    await journey.press('delete-everything');
    await journey.until('the report', async () => /Deleted 1 runs \(1 with a model/.test(await journey.page.locator('#runs-panel').innerText()), 20);
    const left = await journey.page.evaluate(async () => {
      const files = [];
      for await (const [name] of (await navigator.storage.getDirectory()).entries()) files.push(name);
      return { files, choices: localStorage.length };
    });
    assert.deepEqual(left, { files: [], choices: 0 });
    await journey.page.reload();
    await journey.ready(3);
    assert.match(await journey.text('runs'), /No run yet/);
  } finally {
    await context.close();
  }
});
