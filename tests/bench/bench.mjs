// The benchmark of `cargo xtask bench`: the engine beside other programs that train the same model
// from the same weights on the same batches. A program whose losses differ gets no figure.
//
//     node bench.mjs [rounds]
//
// Environment: CLOZELAB_BIN (the command line), CLOZELAB_DIST (the site; default dist/), CHROMIUM,
// CLOZELAB_JAX (a Python with JAX; without it JAX is left out), CLOZELAB_BENCHMARKS (the file to
// write; default docs/benchmarks.md).

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT, SITE } from '../e2e/harness.mjs';
import { PAGES, countingWorker, measureEngine, measurePeer } from './browser.mjs';
import { middle, perStep } from './counts.mjs';
import { report } from './report.mjs';
import { serveBench } from './site.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const BIN = process.env.CLOZELAB_BIN ?? join(ROOT, 'target/release/clozelab');
const JAX = process.env.CLOZELAB_JAX;
const TARGET = process.env.CLOZELAB_BENCHMARKS ?? join(ROOT, 'docs/benchmarks.md');
const ROUNDS = Number(process.argv[2] ?? 3);

// Steps that compile kernels and fill caches.
const WARM_UP = 5;
// Tolerances of the losses, relative to those of the native engine.
const FIRST_LOSS = 1e-4;
const LATER_LOSSES = 1e-3;
const COMPARED_STEPS = 20;

const JAX_JS = { page: '/jax-js.html', script: '/peers/jax_js.mjs' };
const TFJS = { page: '/tfjs.html', script: '/peers/tfjs.mjs' };

/** Shapes, and the programs that train each; the first program is what the others are compared with. */
const CASES = [
  {
    title: 'Native CPU',
    settings: { preset: 'bert-tiny', 'batch-size': 16, 'max-len': 32, steps: 60 },
    programs: { Clozelab: native, JAX: jax },
  },
  {
    title: 'Native CPU, the head on nine of ten positions',
    settings: { preset: 'bert-tiny', 'batch-size': 16, 'max-len': 32, 'mask-rate': 0.9, steps: 40 },
    programs: { Clozelab: native, JAX: jax },
  },
  {
    title: 'Native CPU, four layers',
    settings: { preset: 'bert-mini', 'hidden-size': 128, 'batch-size': 32, 'max-len': 128, steps: 24 },
    programs: { Clozelab: native, JAX: jax },
  },
  {
    title: 'Browser CPU',
    settings: { preset: 'bert-tiny', 'batch-size': 16, 'max-len': 32, steps: 40 },
    programs: {
      Clozelab: engine({ backend: 'cpu', workers: 2 }),
      'Clozelab, one worker': engine({ backend: 'cpu', workers: 1 }),
      'jax-js, Wasm': peer(JAX_JS, 'wasm'),
    },
  },
  {
    title: 'Browser WebGPU, a small shape',
    settings: { preset: 'bert-tiny', 'batch-size': 2, 'max-len': 16, 'vocab-size': 1000, steps: 24 },
    programs: {
      Clozelab: engine({ backend: 'gpu' }),
      'jax-js, WebGPU': peer(JAX_JS, 'webgpu'),
      'TensorFlow.js, WebGPU': peer(TFJS, 'webgpu'),
    },
  },
  {
    title: 'Browser WebGPU',
    settings: { preset: 'bert-tiny', 'batch-size': 8, 'max-len': 64, 'vocab-size': 2048, steps: 24 },
    programs: { Clozelab: engine({ backend: 'gpu' }), 'jax-js, WebGPU': peer(JAX_JS, 'webgpu') },
  },
];

const flags = (settings) => Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);

/** Runs the command line's benchmark; `export` is the folder that it writes the fixture to. */
function native({ settings }, fixture) {
  const args = ['bench', '--device', 'cpu', '--dropout', '0', '--json', '--export', fixture, ...flags(settings)];
  const measured = JSON.parse(execFileSync(BIN, args, { encoding: 'utf8' }));
  const { losses } = readSteps(fixture);
  return { name: 'Clozelab', device: `${measured.device}, ${measured.threads} threads`, losses, median: measured.ms_per_step };
}

/** Runs JAX; `null` without it. */
function jax({ settings }, fixture) {
  if (!JAX) return null;
  const args = [join(HERE, 'peers/jax_native.py'), fixture, String(settings['max-len'])];
  const { first_step_secs: secs, ...measured } = JSON.parse(execFileSync(JAX, args, { encoding: 'utf8' }));
  return { ...measured, device: 'CPU, all threads', firstStepAt: secs * 1e3 };
}

function engine(where) {
  return ({ settings }, _, site) => measureEngine(site, where, { ...settings, dropout: 0 });
}

function peer(program, device) {
  return ({ settings }, _, site) => measurePeer(site, program, device, { fixture: '/fixture/', length: settings['max-len'] });
}

const readSteps = (fixture) => JSON.parse(readFileSync(join(fixture, 'steps.json'), 'utf8'));

/** Returns the largest relative differences from the reference: of the first loss, and of the rest. */
function differences(losses, reference) {
  const relative = losses.slice(0, COMPARED_STEPS).map((loss, step) => Math.abs(loss - reference[step]) / reference[step]);
  return { first: relative[0], later: Math.max(...relative) };
}

/** Requests the files of all programs, so that none is compressed while it is measured. */
async function compressAll(site) {
  const jaxJs = readdirSync(join(HERE, 'node_modules/@jax-js/jax/dist')).filter((name) => name.endsWith('.js'));
  const paths = [
    ...jaxJs.map((name) => `node_modules/@jax-js/jax/dist/${name}`),
    'node_modules/@tensorflow/tfjs/dist/tf.min.js',
    'node_modules/@tensorflow/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js',
    ...readdirSync(join(HERE, 'peers')).map((name) => `peers/${name}`),
    ...['config.json', 'steps.json', 'model.safetensors'].map((name) => `fixture/${name}`),
    'clozelab/worker.js', 'clozelab/engine.js', 'clozelab/engine_bg.wasm',
  ];
  for (const path of paths) await fetch(new URL(path, site.url));
}

/** Measures each program of a case once per round, in turn, forwards and backwards. */
async function measureCase(bench) {
  const fixture = mkdtempSync(join(tmpdir(), 'clozelab-bench-'));
  const worker = countingWorker(readFileSync(join(SITE, 'worker.js'), 'utf8'));
  const folders = { '/clozelab/': SITE, '/peers/': join(HERE, 'peers'), '/node_modules/': join(HERE, 'node_modules'), '/fixture/': fixture };
  native(bench, fixture);
  const reference = readSteps(fixture);
  const site = await serveBench(folders, { ...PAGES, '/clozelab/worker.js': worker });
  const results = Object.fromEntries(Object.keys(bench.programs).map((name) => [name, []]));
  try {
    await compressAll(site);
    for (let round = 1; round <= ROUNDS; round += 1) {
      const order = Object.entries(bench.programs);
      for (const [name, program] of round % 2 ? order.reverse() : order) {
        const result = await program(bench, fixture, site);
        if (!result) continue;
        results[name].push(summary(result, reference));
        console.error(`${bench.title}, round ${round}, ${name}: ${JSON.stringify(results[name].at(-1))}`);
      }
    }
  } finally {
    site.close();
    rmSync(fixture, { recursive: true });
  }
  return { title: bench.title, settings: bench.settings, results };
}

/** Condenses a measurement to the figures that are reported. */
function summary(result, reference) {
  if (result.losses.length < COMPARED_STEPS) throw new Error(`${result.name} reported ${result.losses.length} losses`);
  const { first, later } = differences(result.losses, reference.losses);
  const counts = perStep(result.counts ?? [], WARM_UP);
  return {
    name: result.name,
    device: result.device,
    browser: result.browser,
    ms: result.median ?? middle(result.ms.slice(WARM_UP)),
    firstStepSecs: result.firstStepAt ? result.firstStepAt / 1e3 : null,
    sentBytes: result.sentBytes ?? null,
    pipelines: result.counts?.at(-1)?.pipelines ?? null,
    deviceBytes: result.counts?.at(-1)?.bufferBytes ?? null,
    counts,
    first,
    later,
    agrees: first <= FIRST_LOSS && later <= LATER_LOSSES,
  };
}

const measured = [];
for (const bench of CASES) measured.push(await measureCase(bench));
const { text, agrees } = report(measured, { rounds: ROUNDS, tolerances: [FIRST_LOSS, LATER_LOSSES, COMPARED_STEPS] });
writeFileSync(TARGET, text);
console.log(`${TARGET} is written`);
if (!agrees) {
  console.error('a program has other losses than the engine: it got no figure');
  process.exitCode = 1;
}
