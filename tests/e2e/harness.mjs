// Shared by all journeys: the site served as in production, a browser with or without WebGPU, and a
// monitor for everything that a user would call broken. Knows the page only by its data-testid
// names.
//
// Environment, all optional: CLOZELAB_DIST (the site; default dist/), CLOZELAB_XTASK (its server;
// default: cargo xtask), CHROMIUM (the browser), CLOZELAB_SCREENSHOTS (folder for screenshots).

import { chromium } from 'playwright-core';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

// WCAG 2.2 at levels A and AA, and axe's further recommendations.
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

// Disables the browser's own requests and all host names but this machine's: any remaining request
// comes from the page.
const QUIET = [
  '--headless=new', '--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--disable-quic', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];
const WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

// Polling interval of waits.
const POLL_MS = 50;

export const SITE = process.env.CLOZELAB_DIST ?? join(ROOT, 'dist');

/** Serves a folder on a free port, like `cargo xtask serve`; call `close` at the end. */
export async function serve(folder = SITE) {
  const args = ['serve', '--no-build', '--port', '0', '--dir', resolve(folder)];
  const xtask = process.env.CLOZELAB_XTASK;
  const server = spawn(xtask ?? 'cargo', xtask ? args : ['xtask', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /^Clozelab is ready at (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(line)?.[1];
    assert.ok(url, `the server's first line is its address, not "${line}"`);
    return { url, close: () => server.kill() };
  }
  throw new Error(`the server ended with ${server.exitCode} before it was ready`);
}

/**
 * Starts a browser. `webgpu` enables a software adapter, without it WebGPU has no adapter; `view` is
 * the layout that its pages prefer: in the page view every part is visible; `args` are switches.
 */
export async function launch({ webgpu = false, view = 'page', args: more = [] } = {}) {
  const args = [...QUIET, ...(webgpu ? WEBGPU : []), ...more];
  const browser = await chromium.launch({ executablePath: findBrowser(), args, ignoreDefaultArgs: ['--headless', '--enable-unsafe-swiftshader'] });
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (options) => preferring(view, await newContext(options));
  return browser;
}

/** Makes the pages of a context open in a view, as if the user had chosen it before. */
async function preferring(view, context) {
  await context.addInitScript((view) => {
    try {
      localStorage.getItem('clozelab-view') ?? localStorage.setItem('clozelab-view', view);
    } catch {
      // An empty page, or storage that a test denies.
    }
  }, view);
  return context;
}

/** Starts a browser with a persistent profile, in the page view. */
export async function launchProfile(folder) {
  const context = await chromium.launchPersistentContext(folder, { executablePath: findBrowser(), args: QUIET, ignoreDefaultArgs: ['--headless', '--enable-unsafe-swiftshader'], acceptDownloads: true, viewport: { width: 1280, height: 900 } });
  return preferring('page', context);
}

function findBrowser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
  return found ?? assert.fail('no Chromium on PATH: run `cargo xtask setup`, or set CHROMIUM');
}

/**
 * Serves the site, or another folder, and starts a browser with the options of `launch` for the
 * tests of a file. During the tests, `site` and `browser` are set, and `open` visits a path of the
 * site.
 */
export function withBrowser({ folder, ...options } = {}) {
  const here = { open: (query, journey, profile) => visit(here.browser, here.site.url + query, journey, profile) };
  before(async () => {
    // Each is assigned as soon as it is started, so that it is closed even if the other fails.
    await Promise.all([serve(folder).then((site) => (here.site = site)), launch(options).then((browser) => (here.browser = browser))]);
  });
  after(async () => {
    await here.browser?.close();
    here.site?.close();
  });
  return here;
}

/** Opens `url` in a new profile, runs the journey, and fails if there were complaints. */
export async function visit(browser, url, journey, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: 'block', ...options });
  try {
    const page = await context.newPage();
    const complaints = watch(context, page, new URL(url).origin);
    await page.addInitScript(recordLongTasks);
    await page.goto(url);
    await journey(new Journey(page, complaints));
    assert.deepEqual(complaints, [], 'the page gave reason to complain');
  } finally {
    await context.close();
  }
}

/** Collects console errors, uncaught exceptions, failed requests and requests to other origins. */
function watch(context, page, origin) {
  const complaints = [];
  const local = (url) => url.startsWith(`${origin}/`) || /^(data|blob|about):/.test(url);
  // A browser requests the icon by itself if a document names none, as with plain text files.
  const icon = (message) => message.location().url === `${origin}/favicon.ico`;
  page.on('console', (message) => message.type() === 'error' && !icon(message) && complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('crash', () => complaints.push('the page crashed'));
  page.on('websocket', (socket) => complaints.push(`socket: ${socket.url()}`));
  context.on('request', (request) => local(request.url()) || complaints.push(`off-origin: ${request.url()}`));
  context.on('response', (response) => response.status() >= 400 && complaints.push(`${response.status()}: ${response.url()}`));
  return complaints;
}

/**
 * Runs in the page: records every task that blocked its thread for more than 50 ms, with its start.
 */
function recordLongTasks() {
  window.longTasks = [];
  const keep = (list) => window.longTasks.push(...list.getEntries().map(({ startTime, duration }) => ({ startTime, duration })));
  new PerformanceObserver(keep).observe({ type: 'longtask', buffered: true });
}

/** Runs in the page: records `step` and `loss`, so that no report between two polls is missed. */
function recordTrajectory() {
  const number = (id) => Number(document.querySelector(`[data-testid=${id}]`)?.getAttribute('data-value') ?? NaN);
  window.trajectory = [];
  const look = () => {
    const [step, loss] = [number('step'), number('loss')];
    const last = window.trajectory.at(-1);
    if (step > 0 && Number.isFinite(loss) && (last?.step !== step || last.loss !== loss)) window.trajectory.push({ step, loss });
  };
  for (const id of ['step', 'loss']) {
    const target = document.querySelector(`[data-testid=${id}]`);
    new MutationObserver(look).observe(target, { attributes: true, attributeFilter: ['data-value'] });
  }
}

/** A page driven and observed by its data-testid names. */
export class Journey {
  constructor(page, complaints) {
    this.page = page;
    this.complaints = complaints;
    // The page asks for confirmation before it is left during a run.
    page.on('dialog', (dialog) => dialog.accept());
  }

  /** Returns the element with this name. */
  part(id) {
    return this.page.getByTestId(id);
  }

  /** Returns the number in `step`, `loss`, `tokens-per-sec` or `f1`; NaN if there is none. */
  async value(id) {
    const text = await this.part(id).getAttribute('data-value');
    return text === null || text === '' ? NaN : Number(text);
  }

  /** Returns the visible text of the element, with single spaces. */
  async text(id) {
    return (await this.part(id).innerText()).replace(/\s+/g, ' ').trim();
  }

  /** Waits until `ask` returns true; a timeout names `what` it waited for. */
  async until(what, ask, seconds = 30) {
    const end = Date.now() + seconds * 1000;
    while (!(await ask())) {
      if (Date.now() > end) assert.fail(`waited ${seconds} s for ${what}; the page says "${await this.situation()}"`);
      await sleep(POLL_MS);
    }
  }

  /** Waits until a number is at least `least`. */
  reaches(id, least, seconds) {
    return this.until(`${id} to reach ${least}`, async () => (await this.value(id)) >= least, seconds);
  }

  /** Waits until a control is enabled. */
  usable(id, seconds) {
    return this.until(`${id} to be usable`, () => this.part(id).isEnabled(), seconds);
  }

  /** Waits until a control is enabled, and presses it. */
  async press(id, seconds) {
    await this.usable(id, seconds);
    await this.part(id).click();
  }

  /** Waits until the engine is ready and the bundled or selected corpus is read. */
  async ready(rows = 1, seconds = 60) {
    await this.until('the engine', async () => !/loading/i.test(await this.text('device')), seconds);
    await this.until(`${rows} row(s) in the file table`, async () => (await this.rows('file-table').count()) >= rows, seconds);
  }

  /** Waits until no run is active. */
  idle(seconds) {
    return this.until('the run to end', async () => !(await this.part('stop').isEnabled()), seconds);
  }

  /** Pre-trains with the current settings, for at least `steps` steps. */
  async pretrain(steps, seconds = 90) {
    await this.press('start-pretrain', 60);
    await this.reaches('step', steps, seconds);
    await this.idle(60);
  }

  /** Returns the rows of a table. */
  rows(id) {
    return this.page.locator(`[data-testid=${id}] tbody tr`);
  }

  /** Opens all collapsed sections. */
  unfold() {
    return this.page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
  }

  /** Selects files as a user would: `{ name: text or bytes }`. */
  choose(files) {
    const list = Object.entries(files).map(([name, data]) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(data) }));
    return this.part('file-input').setInputFiles(list);
  }

  /** Starts recording every `{ step, loss }` that the page shows. */
  async follow() {
    await this.page.evaluate(recordTrajectory);
    return () => this.page.evaluate('window.trajectory');
  }

  /** Returns the tasks over 50 ms on the page's thread since `since`, a time from `now()`. */
  longTasks(since) {
    return this.page.evaluate((since) => window.longTasks.filter((task) => task.startTime >= since), since);
  }

  /** Returns the page's clock. */
  now() {
    return this.page.evaluate(() => performance.now());
  }

  /** Returns the violations found by axe, one line per element. */
  async violations() {
    await this.page.evaluate(await axeSource());
    const found = await this.page.evaluate((tags) => window.axe.run(document, { runOnly: tags }), AXE_TAGS);
    return found.violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target.join(' ')}`));
  }

  /** Returns by how many pixels the page is wider than its window. */
  overflow() {
    return this.page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);
  }

  /** Presses Tab until the element with this name has the focus. */
  async tabTo(id, limit = 150) {
    for (let count = 0; count < limit; count += 1) {
      await this.page.keyboard.press('Tab');
      if (await this.page.evaluate((id) => document.activeElement?.dataset.testid === id, id)) return;
    }
    assert.fail(`${limit} presses of Tab did not lead to ${id}`);
  }

  /** Saves a screenshot of the whole page. */
  async picture(name) {
    const folder = process.env.CLOZELAB_SCREENSHOTS ?? join(ROOT, 'target', 'screenshots');
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  }

  /** Describes the page in one line, for a failed wait. */
  async situation() {
    const text = await this.page.evaluate(() => document.body.innerText).catch((error) => `(${error.message})`);
    return [...this.complaints, text.replace(/\s+/g, ' ').slice(0, 600)].join(' | ');
  }
}

let axe;
async function axeSource() {
  axe ??= (await import('node:fs/promises')).readFile(AXE, 'utf8');
  return axe;
}
