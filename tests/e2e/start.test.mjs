// If the page or its engine cannot start, a message says why and what can be done, and nothing
// waits forever.

import { after, before, test } from 'node:test';
import { launch, serve } from './harness.mjs';

// Disables the V8 features that SIMD needs, as on a processor without it.
const NO_SIMD = ['--js-flags=--no-enable-sse3 --no-enable-ssse3 --no-enable-sse4-1 --no-enable-avx'];

let site;
before(async () => {
  site = await serve();
});
after(() => site?.close());

const blocked = (file) => (page) => page.route(`**/${file}`, (route) => route.abort());

/** Serves the document as seen by a browser that does not support modules. */
const withoutModules = (page) =>
  page.route(site.url, async (route) => {
    const response = await route.fetch();
    const html = (await response.text()).replace('type="module"', 'type="unknown"').replace('nomodule defer', 'defer');
    await route.fulfill({ response, body: html });
  });

const CASES = [
  { name: 'a browser without modules', prepare: withoutModules, says: /too old for the page/ },
  { name: 'a blocked script of the page', prepare: blocked('page.js'), says: /could not be loaded\. Reload it; where an extension/ },
  { name: 'a blocked first script', prepare: blocked('boot.js'), says: /could not be loaded\. Reload it; where an extension/ },
  { name: 'a blocked module of the page', prepare: blocked('page_bg.wasm'), says: /The page could not be started \(.+\)/ },
  { name: 'a blocked engine', prepare: blocked('engine_bg.wasm'), says: /The engine could not be loaded: .+Check the connection/ },
  { name: 'a processor without SIMD', args: NO_SIMD, says: /no WebAssembly SIMD.+Open the page in a current browser/ },
];

for (const { name, prepare, args, says } of CASES) {
  test(`${name} is told`, async (t) => {
    const browser = await launch({ args });
    t.after(() => browser.close());
    const page = await browser.newPage();
    await prepare?.(page);
    await page.goto(site.url);
    const alert = page.getByRole('alert').filter({ hasText: says });
    await alert.first().waitFor({ timeout: 30_000 });
    // The device line may change shortly after the alert; then nothing is shown as loading.
    await page.waitForFunction(() => !/is loading/.test(document.body.innerText), null, { timeout: 5_000 });
  });
}
