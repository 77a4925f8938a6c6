// Writes the results of the benchmark as a Markdown page.

import { arch, cpus, release, totalmem } from 'node:os';
import { middle } from './counts.mjs';

const CALLS = { launches: 'launches', submits: 'submits', bindGroups: 'bind groups', readbacks: 'readbacks', buffers: 'buffers created' };

/** Returns the page, and whether all programs agreed with the reference. */
export function report(measured, how) {
  const sections = measured.map(section);
  return {
    text: `${head(measured, how)}\n${sections.join('\n')}`,
    agrees: measured.every(({ results }) => Object.values(results).flat().every(({ agrees }) => agrees)),
  };
}

function head(measured, { rounds, tolerances: [first, later, steps] }) {
  const browser = measured.flatMap(({ results }) => Object.values(results).flat()).find(({ browser }) => browser)?.browser;
  const gib = Math.round(totalmem() / 2 ** 30);
  return `# Benchmarks

\`cargo xtask bench --jax\` writes this page. It trains the same model in each program: BERT as
published, without dropout, AdamW with clipping and decay, the vocabulary of the bundled text. All
programs start from the same weights and read the same batches, and compute the masked-LM head for
the masked positions only. A program gets figures only if its losses agree with those of the native
engine: the first within ${first}, the first ${steps} within ${later}, relative.

A figure is the median over ${rounds} rounds, in which the programs take turns, of the median step
after a warm-up; the spread is that of the rounds. A step ends when its loss and gradient norm have
arrived as numbers. In the browser each measurement has a new process with an empty profile. The
page is cross-origin isolated, so that WebAssembly has threads. The first step is timed from the
start of the page or the process, without reading text or weights and learning a vocabulary; all
files are compressed alike. Calls of WebGPU are counted by wrapping its methods; pipelines and
buffers are those of a whole run, which includes evaluations in Clozelab and none in the others.
TensorFlow.js is measured for the small shape alone, where its steps already take seconds.

${new Date().toISOString().slice(0, 10)}, ${cpus()[0].model.trim()}, ${cpus().length} cores, ${gib} GiB, Linux ${release()}
${arch()}${browser ? `, Chromium ${browser}` : ''}.
${emulation(measured)}`;
}

/** Says so if WebGPU was emulated. */
function emulation(measured) {
  const devices = measured.flatMap(({ results }) => Object.values(results).flat()).map(({ device }) => device);
  if (!devices.some((device) => /swiftshader|llvmpipe/i.test(device))) return '';
  return `
WebGPU is emulated on the CPU there. Its times say nothing about a GPU; counts, and ratios of like
with like, do.
`;
}

function section({ title, settings, results }) {
  const entries = Object.entries(results).filter(([, rounds]) => rounds.length > 0);
  const reference = entries[0][1];
  const hasCounts = entries.some(([, rounds]) => rounds[0].pipelines > 0);
  const shape = Object.entries(settings).map(([key, value]) => `${key} ${value}`).join(', ');
  const speed = entries.map(([name, rounds]) => speedRow(name, rounds, reference));
  const table = [
    '| program | ms per step (spread) | time relative to Clozelab | tokens/s | first step | sent | largest difference of losses |',
    '|---|---|---|---|---|---|---|',
    ...speed.map((cells) => row(cells(settings))),
  ];
  const counts = hasCounts ? ['', ...countTable(entries)] : [];
  return `## ${title}\n\n${shape}.\n\n${[...table, ...counts].join('\n')}\n`;
}

const row = (cells) => `| ${cells.join(' | ')} |`;

function speedRow(name, rounds, reference) {
  const [ms, base] = [rounds, reference].map((list) => middle(list.map(({ ms }) => ms)));
  const { device } = rounds[0];
  const later = Math.max(...rounds.map(({ later }) => later));
  const version = /[\d.]+$/.exec(rounds[0].name)?.[0];
  const label = [name, version, device].filter(Boolean).join(', ');
  return (settings) => {
    if (!rounds.every(({ agrees }) => agrees)) return [label, 'losses differ', '', '', '', '', later.toExponential(1)];
    const all = rounds.map(({ ms }) => ms);
    const first = middle(rounds.map(({ firstStepSecs }) => firstStepSecs ?? NaN));
    const sent = rounds[0].sentBytes;
    return [
      label,
      `${figure(ms)} (${figure(Math.min(...all))} to ${figure(Math.max(...all))})`,
      (ms / base).toFixed(2),
      Math.round((settings['batch-size'] * settings['max-len'] * 1000) / ms).toLocaleString('en'),
      Number.isNaN(first) ? '' : `${first.toFixed(1)} s`,
      sent ? `${Math.round(sent / 1e3).toLocaleString('en')} kB` : '',
      later.toExponential(1),
    ];
  };
}

function countTable(entries) {
  const figures = ([name, [round]]) => {
    const calls = Object.keys(CALLS).map((key) => String(round.counts[key]));
    return row([name, ...calls, round.pipelines, `${(round.deviceBytes / 2 ** 20).toFixed(0)} MiB`]);
  };
  const heads = Object.values(CALLS).map((name) => `${name} per step`);
  return [
    row(['program', ...heads, 'pipelines in all', 'bytes of buffers created']),
    `|${'---|'.repeat(heads.length + 3)}`,
    ...entries.map(figures),
  ];
}

const figure = (ms) => (ms >= 100 ? Math.round(ms).toLocaleString('en') : ms.toFixed(1));
