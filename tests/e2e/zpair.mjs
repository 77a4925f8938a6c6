import { serve, launch } from './harness.mjs';
async function run(dist, q, from, to) {
  const site = await serve(dist);
  const browser = await launch({ webgpu: true });
  const page = await (await browser.newContext()).newPage();
  const t00 = Date.now();
  await page.goto(site.url + q);
  await page.waitForSelector('[data-testid=start-pretrain]:enabled', { timeout: 120000 });
  const t0 = Date.now();
  await page.evaluate(() => { window.marks = []; let seen = -1; setInterval(() => { const s = Number(document.querySelector('[data-testid=step]')?.dataset.value ?? 0); if (s !== seen) { window.marks.push([s, performance.now()]); seen = s; } }, 5); });
  await page.click('[data-testid=start-pretrain]');
  await page.waitForFunction((n) => Number(document.querySelector('[data-testid=step]')?.dataset.value ?? 0) >= n, to, { timeout: 250000 });
  const m = await page.evaluate(() => window.marks);
  const first = m.find(([s]) => s >= 1), a = m.find(([s]) => s >= from), b = m.find(([s]) => s >= to);
  console.log(dist, q.slice(16, 60), 'load+first step', Date.now() - t00 - (m[m.length - 1][1] - first[1]) | 0, 'ms; per step', ((b[1] - a[1]) / (b[0] - a[0])).toFixed(0), 'ms');
  await browser.close(); site.close();
}
const small = '?backend=webgpu&preset=bert-tiny&batch-size=2&max-len=16&vocab-size=1000&steps=400&report-every=1';
const large = '?backend=webgpu&preset=bert-tiny&batch-size=8&max-len=64&vocab-size=2048&steps=400&report-every=1';
const fast = '?backend=webgpu&preset=fast-tiny&batch-size=2&max-len=16&vocab-size=1000&steps=400&report-every=1';
for (let r = 0; r < 2; r++) {
  await run('/work/main/dist', small, 4, 10); await run('/tmp/web/dist', small, 4, 14);
  await run('/work/main/dist', large, 2, 4); await run('/tmp/web/dist', large, 4, 12);
  await run('/work/main/dist', fast, 3, 6); await run('/tmp/web/dist', fast, 4, 12);
}
process.exit(0);
