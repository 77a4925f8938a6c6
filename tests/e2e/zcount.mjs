import { serve, launch } from './harness.mjs';
const site = await serve('/tmp/dist_count');
const browser = await launch({ webgpu: true });
const page = await (await browser.newContext()).newPage();
let last = {};
let C = {};
page.on('console', (m) => { const t = m.text(); if (t.startsWith('COUNT ')) C = JSON.parse(t.slice(6)); else console.log('console', t.slice(0, 400)); });
page.on('pageerror', (e) => console.log('pageerror', e.message.slice(0, 300)));
page.on('worker', (w) => w.on('console', (m) => { const t = m.text(); if (t.startsWith('COUNT ')) C = JSON.parse(t.slice(6)); }));
const q = process.argv[2];
const t0 = Date.now();
await page.goto(site.url + q);
await page.waitForSelector('[data-testid=start-pretrain]:enabled', { timeout: 120000 });
console.log('device', await page.textContent('[data-testid=device]'), Date.now() - t0);
const t1 = Date.now();
await page.click('[data-testid=start-pretrain]');
let seen = -1; let prev;
const marks = [];
const end = Date.now() + Number(process.argv[3] ?? 120) * 1000;
while (Date.now() < end) {
  await new Promise((r) => setTimeout(r, 250));
  const s = await page.evaluate(() => Number(document.querySelector('[data-testid=step]')?.dataset.value ?? 0));
  if (s !== seen) { marks.push([s, Date.now() - t1, { ...C }]); seen = s; }
  if (s >= Number(process.argv[4] ?? 12)) break;
}
for (let i = 1; i < marks.length; i++) {
  const [a, ta, ca] = marks[i - 1]; const [b, tb, cb] = marks[i];
  const d = Object.fromEntries(Object.keys(cb).map((k) => [k, +((cb[k] - (ca[k] ?? 0)) / (b - a)).toFixed(1)]));
  console.log(`step ${a}->${b} ${tb} ms, per step ${((tb - ta) / (b - a)).toFixed(0)} ms`, JSON.stringify(d));
}
console.log('total', JSON.stringify(C));
console.log('loss', await page.evaluate(() => document.querySelector('[data-testid=loss]')?.dataset.value));
await browser.close(); site.close(); process.exit(0);
