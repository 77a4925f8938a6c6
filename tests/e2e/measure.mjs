// Measurements that are taken by hand and noted with the machine, never asserted:
//
//     node measure.mjs [start] [visit] [press] [chart] [speed] [workers]
//
// visit: time and bytes of a first visit over a line of 10 Mbit/s, and of a second visit
// start: paints and blocking time while the page loads, on a CPU throttled four times
// press: delay from an input to the next paint during a run, with and without throttling
// chart: cost of a refresh when a run has 100,000 points, with a simulated engine
// speed: steps per second with the page visible, compared with the engine alone
// workers: steps per second with two CPU workers, compared with one

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT, launch, serve } from './harness.mjs';

const RUN = 'preset=fast-tiny&seed=3&steps=1000000&backend=cpu';
const SLOW = 4;
const POINTS = Number(process.env.POINTS ?? 100_000);

const site = await serve();

async function open(browser, query, prepare) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await prepare?.(page, session);
  await page.goto(`${site.url}?${query}`);
  return { page, session };
}

const throttle = (rate) => (_, session) => session.send('Emulation.setCPUThrottlingRate', { rate });

async function train(page) {
  await page.waitForSelector('[data-testid=start-pretrain]:enabled', { timeout: 60_000 });
  await page.click('[data-testid=start-pretrain]');
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=step]').dataset.value) > 20, null, { timeout: 120_000 });
}

function recordLoading() {
  const seen = { lcp: 0, cls: 0, long: [] };
  window.seen = seen;
  const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  watch('largest-contentful-paint', (entry) => (seen.lcp = entry.startTime));
  watch('layout-shift', (entry) => (seen.cls += entry.hadRecentInput ? 0 : entry.value));
  watch('longtask', (entry) => seen.long.push([entry.startTime, entry.duration]));
  setInterval(() => {
    if (document.querySelector('.stage')) seen.page ??= performance.now();
    if (document.querySelector('[data-testid=device][data-state=ready]')) seen.engine ??= performance.now();
  }, 10);
}

async function start() {
  const browser = await launch();
  for (let round = 0; round < 3; round += 1) {
    const { page } = await open(browser, 'backend=cpu', async (page, session) => {
      await throttle(SLOW)(page, session);
      await page.addInitScript(recordLoading);
    });
    await page.waitForFunction(() => window.seen.engine, null, { timeout: 60_000 });
    await sleep(3000);
    const seen = await page.evaluate(() => ({ ...window.seen, fcp: performance.getEntriesByName('first-contentful-paint')[0].startTime }));
    const blocking = seen.long.filter(([at]) => at > seen.fcp && at < seen.engine).reduce((sum, [, ms]) => sum + Math.max(0, ms - 50), 0);
    const ms = ({ fcp, lcp, page, engine }) => [fcp, lcp, page, engine].map(Math.round).join(' ');
    console.log(`start, CPU ${SLOW}x slower: first paint, largest paint, page, engine in ms: ${ms(seen)}; blocking ${Math.round(blocking)} ms; shift ${seen.cls.toFixed(3)}`);
    await page.context().close();
  }
  await browser.close();
}

// 10 Mbit/s and a round trip of 40 ms.
const LINE = { offline: false, latency: 40, downloadThroughput: 10e6 / 8, uploadThroughput: 10e6 / 8 };

/** Opens the site; returns the milliseconds until the page can be used and until the engine is ready. */
async function load(page) {
  const began = Date.now();
  await page.goto(`${site.url}?backend=cpu`);
  await page.waitForSelector('[data-testid=nav-data]', { timeout: 60_000 });
  const usable = Date.now() - began;
  await page.waitForSelector('[data-testid=start-pretrain]:enabled', { timeout: 120_000 });
  return `page usable after ${usable} ms, start button after ${Date.now() - began} ms`;
}

async function visit() {
  const browser = await launch({ view: 'steps' });
  for (let round = 0; round < 3; round += 1) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
    for (const name of ['first', 'second']) {
      const page = await context.newPage();
      const session = await context.newCDPSession(page);
      await session.send('Network.enable');
      await session.send('Network.emulateNetworkConditions', LINE);
      // The engine's worker has a session of its own and is not counted.
      let bytes = 0;
      session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
      const words = await load(page);
      await page.evaluate(() => navigator.serviceWorker?.ready);
      await sleep(5000);
      console.log(`visit ${name}: ${words}; ${Math.round(bytes / 1000)} kB by the page itself`);
      await page.close();
    }
    await context.close();
  }
  await browser.close();
}

const PRESSES = ['another-mask', 'another-line', 'head', 'theme', 'typing', 'section'];

async function press() {
  const browser = await launch();
  for (const rate of [1, SLOW]) {
    const { page } = await open(browser, RUN, async (page, session) => {
      await throttle(rate)(page, session);
      await page.addInitScript(() => {
        window.presses = [];
        const keep = (list) => list.getEntries().forEach((entry) => entry.interactionId && window.presses.push([entry.name, Math.round(entry.duration)]));
        new PerformanceObserver(keep).observe({ type: 'event', durationThreshold: 16, buffered: true });
      });
    });
    await train(page);
    await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
    for (let round = 0; round < 3; round += 1) {
      for (const name of PRESSES) {
        await act(page, name, round);
        await sleep(400);
      }
    }
    const presses = await page.evaluate(() => window.presses);
    const longest = presses.map(([, ms]) => ms).sort((a, b) => b - a);
    console.log(`press, CPU ${rate}x slower: ${presses.length} events over 16 ms; longest ${longest.slice(0, 5).join(', ')} ms of ${PRESSES.length * 3} presses`);
    await page.context().close();
  }
  await browser.close();
}

async function act(page, name, round) {
  const button = (text) => page.getByRole('button', { name: text }).first().click();
  if (name === 'another-mask') return button('Other masks');
  if (name === 'another-line') return button('Other document');
  if (name === 'head') return page.locator('[data-testid=attention-grid] button').nth(round % 4).click();
  if (name === 'theme') return button(/theme/);
  if (name === 'typing') return page.getByTestId('fill-mask-input').pressSequentially('tree', { delay: 40 });
  return page.locator('#pretrain summary').first().click();
}

/** Replaces the engine: reports a run of many steps at once, and then ten steps a second. */
function tellingEngine(points, protocol) {
  const tell = (event) => postMessage({ message: JSON.stringify(event), buffers: [] });
  const stepOf = (step) => ({
    event: 'step', run: 'pretrain-1', step, loss: 9 / (1 + step / 5000) + Math.sin(step) / 5, masked_lm_loss: null, next_sentence_loss: null,
    lr: 0.002 * (1 - step / 2e6), tokens_per_sec: 9000 + (step % 700), elapsed_secs: step / 20, eta_secs: 100, grad_norm: 1 + (step % 13) / 10,
  });
  onmessage = ({ data }) => {
    const { command } = JSON.parse(data.message);
    if (command === 'open') tell({ event: 'ready', device: { backend: 'cpu', name: 'CPU (only telling)', software: false } });
    if (command === 'set_corpus') {
      const file = { name: 'a.txt', role: 'train', bytes: 9, encoding: 'UTF-8', documents: 9, labelled: 0, dropped: [] };
      tell({ event: 'corpus', files: [file], documents: 9, labelled_train: 0, labelled_valid: 0, labelled_test: 0, labels: 0, label_counts: [], repeated: 0, leaked_valid: 0, leaked_test: 0 });
    }
    if (command === 'pretrain') {
      tell({ event: 'started', run: 'pretrain-1', phase: 'pretrain', parameters: 9, steps: 2e6, tokens: 9, device: 'CPU', vocab_size: 9, uniform: 9, unigram: 6.4, bigram: 5, labels: [], step: 0 });
      for (let step = 1; step <= points; step += 1) tell(stepOf(step));
      let step = points;
      setInterval(() => tell(stepOf((step += 1))), 100);
    }
  };
  tell({ event: 'hello', protocol });
}

function protocolVersion() {
  const source = readFileSync(join(ROOT, 'engine/protocol/src/lib.rs'), 'utf8');
  return /PROTOCOL_VERSION: u32 = (\d+)/.exec(source)[1];
}

async function chart() {
  const browser = await launch();
  const body = `(${tellingEngine})(${POINTS}, ${protocolVersion()})`;
  const { page, session } = await open(browser, 'backend=cpu', (page) =>
    page.route('**/worker.js', (route) => route.fulfill({ contentType: 'text/javascript', body })),
  );
  await page.waitForSelector('[data-testid=start-pretrain]:enabled', { timeout: 60_000 });
  await page.click('[data-testid=start-pretrain]');
  await page.waitForFunction((points) => Number(document.querySelector('[data-testid=step]').dataset.value) > points, POINTS, { timeout: 300_000 });
  for (const opened of [false, true]) {
    if (opened) await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
    await sleep(3000);
    const { tasks, paints } = await traced(session, 5000);
    const sum = (list) => list.reduce((a, b) => a + b, 0);
    const figure = (ms) => ms.toFixed(1);
    console.log(
      `chart, ${POINTS} points, ${opened ? 'every part unfolded' : 'as opened'}: painted ${paints.length} times in 5 s, middle ${figure(paints[paints.length >> 1])} ms, ` +
        `longest ${figure(paints[0])} ms; the page's thread worked ${figure(sum(tasks) / 50)} ms of each 100, longest task ${figure(tasks[0])} ms`,
    );
  }
  await browser.close();
}

// Names of Chromium's trace events for a task of a thread.
const TASKS = ['RunTask', 'ThreadControllerImpl::RunTask'];

/**
 * Returns the milliseconds of each task on the page's thread during a period, and of each paint,
 * longest first.
 */
async function traced(session, time) {
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline', '__metadata'] } });
  await sleep(time);
  const complete = new Promise((done) => session.once('Tracing.tracingComplete', done));
  await session.send('Tracing.end');
  await complete;
  session.removeAllListeners('Tracing.dataCollected');
  const mains = events.filter((event) => event.name === 'thread_name' && event.args.name === 'CrRendererMain');
  const tasksOf = ({ pid, tid }) => events.filter((event) => event.pid === pid && event.tid === tid && TASKS.includes(event.name));
  const busiest = mains.map(tasksOf).sort((a, b) => b.length - a.length)[0];
  const millis = (list) => list.map((event) => (event.dur ?? 0) / 1000).sort((a, b) => b - a);
  const { pid, tid } = busiest[0];
  // Charts are the only thing painted before a frame.
  const paints = events.filter((event) => event.pid === pid && event.tid === tid && event.name === 'FireAnimationFrame');
  return { tasks: millis(busiest), paints: millis(paints) };
}

const steps = (page) => page.evaluate(() => Number(document.querySelector('[data-testid=step]').dataset.value));

async function perSecond(read, secs) {
  const [from, began] = [await read(), Date.now()];
  await sleep(secs * 1000);
  return ((await read()) - from) / ((Date.now() - began) / 1000);
}

/** Measures the engine without a page: a document that only starts the worker. */
async function alone(browser) {
  const { page } = await open(browser, '', (page) => page.route(`${site.url}?`, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' })));
  await page.evaluate(async (query) => {
    const names = [['train.txt', 'train'], ['pretrain_extra.txt', 'train'], ['valid.txt', 'valid'], ['test.txt', 'test']];
    const blobs = await Promise.all(names.map(async ([name]) => (await fetch(`./bundle/${name}`)).blob()));
    const settings = Object.fromEntries(new URLSearchParams(query));
    const worker = new Worker('./worker.js', { type: 'module' });
    const send = (message, buffers = []) => worker.postMessage({ message: JSON.stringify(message), buffers });
    window.step = 0;
    worker.onmessage = ({ data }) => {
      const event = JSON.parse(data.message);
      if (event.event === 'step') window.step = event.step;
      if (event.event !== 'hello') return;
      send({ command: 'open', backend: 'cpu' });
      send({ command: 'set_corpus', files: names.map(([name, role]) => ({ name, role })) }, blobs);
      send({ command: 'pretrain', run: 'r', config: { preset: settings.preset, seed: 3, steps: 1000000 } });
    };
  }, RUN);
  await page.waitForFunction(() => window.step > 40, null, { timeout: 120_000 });
  const rate = await perSecond(() => page.evaluate(() => window.step), 30);
  await page.context().close();
  return rate;
}

async function visible(browser, query = RUN) {
  const { page } = await open(browser, query);
  await train(page);
  const rate = await perSecond(() => steps(page), 30);
  await page.context().close();
  return rate;
}

async function speed() {
  const browser = await launch();
  for (let round = 0; round < 3; round += 1) {
    const [engine, page] = [await alone(browser), await visible(browser)];
    console.log(`speed, steps/s: engine alone ${engine.toFixed(2)}, page visible ${page.toFixed(2)} (${((100 * page) / engine).toFixed(0)} %)`);
  }
  await browser.close();
}

async function workers() {
  const browser = await launch();
  for (const preset of ['fast-tiny', 'bert-tiny', 'fast-nano', 'textcnn']) {
    for (let round = 0; round < 3; round += 1) {
      const rate = (count) => visible(browser, `preset=${preset}&seed=3&steps=1000000&backend=cpu&workers=${count}`);
      const [one, two] = [await rate(1), await rate(2)];
      console.log(`workers, ${preset}, steps/s: one ${one.toFixed(2)}, two ${two.toFixed(2)} (${(two / one).toFixed(2)} times)`);
    }
  }
  await browser.close();
}

const asked = process.argv.slice(2);
const measures = { start, visit, press, chart, speed, workers };
for (const name of asked.length ? asked : Object.keys(measures)) await measures[name]();
site.close();
