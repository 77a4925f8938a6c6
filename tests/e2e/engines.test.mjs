// The page in the other two browser engines, Firefox and WebKit, on the CPU: a run, a classifier, its
// answer with its evidence, and the same loss as in Chromium. Skipped where an engine is not
// installed.
//
// Environment, optional: CLOZELAB_FIREFOX and CLOZELAB_WEBKIT (the programs).

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import puppeteer from 'puppeteer-core';
import { launch, serve } from './harness.mjs';

const LINK = '?preset=fast-nano&max-len=16&batch-size=8&vocab-size=1000&steps=60&seed=7&finetune-epochs=0.05&parts=one';
const FIREFOX = found(process.env.CLOZELAB_FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox');
const WEBKIT = found(process.env.CLOZELAB_WEBKIT, ...['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/webkit2gtk-4.1/MiniBrowser`));
const DRIVER_PORT = 24873;

let site;
before(async () => (site = await serve()));
after(() => site?.close());

function found(...programs) {
  return programs.find((program) => program && existsSync(program));
}

/** Waits until an expression is truthy in the page, and returns its value. */
async function until(evaluate, what, expression, seconds = 60) {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; await sleep(200)) {
    const value = await evaluate(expression);
    if (value) return value;
  }
  assert.fail(`waited in vain for ${what}`);
}

const part = (name) => `document.querySelector('[data-testid="${name}"]')`;
const ready = (button) => `${part(button)} && !${part(button)}.disabled`;
const idle = `${part('stop')} === null || ${part('stop')}.closest('[hidden]') !== null || ${part('stop')}.disabled`;

/** Trains a model and a classifier, asks it, and returns the held-out loss and the answers. */
async function journey(evaluate) {
  await until(evaluate, 'the start button', ready('start-pretrain'));
  await evaluate(`${part('start-pretrain')}.click()`);
  const loss = await until(evaluate, 'the last step', `${part('runs')}?.textContent.includes('finished') && ${part('loss')}?.dataset.value`, 120);
  await evaluate(`${part('nav-finetune')}.click()`);
  await until(evaluate, 'the start button of fine-tuning', ready('start-finetune'));
  await evaluate(`${part('start-finetune')}.click()`);
  await until(evaluate, 'a score', `Number(${part('f1')}?.dataset.value) > 0 && (${idle})`, 180);
  await evaluate(`${part('nav-try')}.click()`);
  await evaluate(`${part('classify-input')}.form.requestSubmit()`);
  const label = await until(evaluate, 'a label', `${part('classify-result')}.querySelector('tbody th')?.textContent`);
  const words = await until(evaluate, 'the evidence', `${part('evidence')}.querySelectorAll('.evidence button').length`);
  return { loss, label, words };
}

let expected;
async function inChromium() {
  expected ??= (async () => {
    const browser = await launch({ view: 'steps' });
    try {
      const page = await (await browser.newContext({ serviceWorkers: 'block' })).newPage();
      await page.goto(site.url + LINK);
      return await journey((expression) => page.evaluate(expression));
    } finally {
      await browser.close();
    }
  })();
  return expected;
}

test('Firefox trains and answers as Chromium does', { skip: !FIREFOX && 'Firefox is not installed', timeout: 600_000 }, async () => {
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true });
  try {
    const page = await browser.newPage();
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(site.url + LINK);
    assert.deepEqual(await journey((expression) => page.evaluate(expression)), await inChromium());
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
  }
});

test('WebKit trains and answers as Chromium does', { skip: !WEBKIT && 'WebKit is not installed', timeout: 600_000 }, async () => {
  const driver = spawn('xvfb-run', ['-a', 'dbus-run-session', 'WebKitWebDriver', `--port=${DRIVER_PORT}`], { stdio: 'ignore', detached: true });
  const call = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${DRIVER_PORT}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${path}: ${value.message}`);
    return value;
  };
  try {
    for (let tries = 0; !(await call('GET', '/status').catch(() => null)); tries += 1) {
      assert.ok(tries < 100, 'WebKitWebDriver does not start');
      await sleep(200);
    }
    const options = { binary: WEBKIT, args: ['--automation'] };
    const { sessionId } = await call('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
    await call('POST', `/session/${sessionId}/url`, { url: site.url + LINK });
    const evaluate = (expression) => call('POST', `/session/${sessionId}/execute/sync`, { script: `return ${expression}`, args: [] });
    assert.deepEqual(await journey(evaluate), await inChromium());
    await call('DELETE', `/session/${sessionId}`);
  } finally {
    // The whole group: xvfb-run does not pass a signal on.
    execFileSync('kill', ['--', `-${driver.pid}`]);
  }
});
