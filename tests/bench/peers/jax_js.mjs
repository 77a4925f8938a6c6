// Repeats the first steps of a Clozelab run in jax-js: BERT as published, without dropout, and AdamW,
// in three functions compiled by `jit`: looking up rows of the word table, the gradients, the update.
// One function for all would fail ("routine primitive scatter input is not imm"), since only the
// argument of a compiled function can be scattered into the gradient of the table.

import { defaultDevice, init, jit, nn, numpy as np, scipySpecial, valueAndGrad, vjp } from '@jax-js/jax';
import { corrections, readFixture, runSteps } from './fixture.mjs';

// Every use of an array gives up a reference to it, and tracing needs no exact count.
const use = (x) => x.ref;

const WORDS = 'bert.embeddings.word_embeddings.weight';

const oneHot = (ids, count) => nn.oneHot(use(ids), count);

function layerNorm(p, name, x, eps) {
  const centred = use(x).sub(np.mean(use(x), -1, { keepdims: true }));
  const variance = np.mean(np.square(use(centred)), -1, { keepdims: true });
  const normal = use(centred).div(np.sqrt(variance.add(eps)));
  return normal.mul(use(p[`${name}.weight`])).add(use(p[`${name}.bias`]));
}

const linear = (p, name, x) => np.matmul(use(x), np.transpose(use(p[`${name}.weight`]))).add(use(p[`${name}.bias`]));

const gelu = (x) => use(x).mul(0.5).mul(scipySpecial.erf(use(x).mul(Math.SQRT1_2)).add(1));

/** Computes hidden states `[B * T, D]` from word embeddings; `batch.keep` is `[B, 1, 1, T]`. */
function encode({ p, words }, config, batch, [b, t]) {
  const { hidden_size: d, num_attention_heads: heads, layer_norm_eps: eps } = config;
  const table = (part) => use(p[`bert.embeddings.${part}_embeddings.weight`]);
  const positions = table('position').slice([0, t]);
  const segment = table('token_type').slice([0, 1]);
  let x = layerNorm(p, 'bert.embeddings.LayerNorm', use(words).reshape([b, t, d]).add(positions).add(segment).reshape([b * t, d]), eps);
  for (let layer = 0; layer < config.num_hidden_layers; layer += 1) {
    const name = `bert.encoder.layer.${layer}`;
    const split = (part) => np.transpose(linear(p, `${name}.attention.self.${part}`, x).reshape([b, t, heads, d / heads]), [0, 2, 1, 3]);
    const [q, k, v] = ['query', 'key', 'value'].map(split);
    const scores = np.matmul(q, np.transpose(k, [0, 1, 3, 2])).div(Math.sqrt(d / heads)).add(use(batch.keep));
    const context = np.transpose(np.matmul(nn.softmax(scores, -1), v), [0, 2, 1, 3]).reshape([b * t, d]);
    x = layerNorm(p, `${name}.attention.output.LayerNorm`, use(x).add(linear(p, `${name}.attention.output.dense`, context)), eps);
    const inner = gelu(linear(p, `${name}.intermediate.dense`, x));
    x = layerNorm(p, `${name}.output.LayerNorm`, use(x).add(linear(p, `${name}.output.dense`, inner)), eps);
  }
  return x;
}

/** Computes the mean cross-entropy of the masked positions; the head is computed for those alone. */
function lossOf({ p, words }, config, batch, [b, t]) {
  const x = encode({ p, words }, config, batch, [b, t]);
  const rows = np.matmul(oneHot(batch.positions, b * t), x);
  const features = layerNorm(p, 'cls.predictions.transform.LayerNorm', gelu(linear(p, 'cls.predictions.transform.dense', rows)), config.layer_norm_eps);
  const table = use(p[WORDS]);
  const logits = np.matmul(features, np.transpose(table)).add(use(p['cls.predictions.bias']));
  const logProbabilities = nn.logSoftmax(logits, -1);
  const ofTarget = np.sum(logProbabilities.mul(oneHot(batch.targets, config.vocab_size)), -1);
  return np.sum(ofTarget.mul(use(batch.weights))).div(np.sum(use(batch.weights))).mul(-1);
}

const lookUp = (table, ids) => np.take(table, ids, 0);

/** Returns the functions of a step, compiled. */
function stepFunctions(config, settings, dims) {
  const gradients = jit((p, words, batch) => {
    const [loss, of] = valueAndGrad((inputs) => lossOf(inputs, config, batch, dims))({ p, words });
    return [loss, of.p, of.words];
  });
  return { words: jit(lookUp), gradients, update: jit((...inputs) => update(settings, ...inputs)) };
}

/** Updates parameters `p` and moments by gradients; those of the looked-up `words` are apart. */
function update(settings, { p, m, v }, gradients, words, ids, loss, { lr, correction1, correction2 }) {
  const { beta1, beta2, eps, weight_decay: decay, clip_norm: clipNorm } = settings;
  const [, back] = vjp((table) => lookUp(table, use(ids)), [use(p[WORDS])]);
  gradients = { ...gradients, [WORDS]: use(gradients[WORDS]).add(back(words)[0]) };
  const squares = Object.values(gradients).map((g) => np.sum(np.square(use(g))));
  const norm = np.sqrt(squares.reduce((a, b) => a.add(b)));
  const clip = np.minimum(np.array(clipNorm).div(use(norm)), 1);
  const next = { p: {}, m: {}, v: {} };
  for (const [name, gradient] of Object.entries(gradients)) {
    const g = use(gradient).mul(use(clip));
    next.m[name] = use(m[name]).mul(beta1).add(use(g).mul(1 - beta1));
    next.v[name] = use(v[name]).mul(beta2).add(np.square(g).mul(1 - beta2));
    const root = np.sqrt(use(next.v[name]).div(use(correction2))).add(eps);
    const change = use(next.m[name]).div(use(correction1)).div(root);
    const decayed = p[name].ndim > 1 ? change.add(use(p[name]).mul(decay)) : change;
    next.p[name] = use(p[name]).sub(decayed.mul(use(lr)));
  }
  return [next, np.stack([loss, norm])];
}

/** Runs a fixture of rows of `length` tokens on `device`, 'webgpu' or 'wasm'. */
export async function run({ url, device, length }) {
  const fixture = await readFixture(url);
  const devices = await init(device);
  if (!devices.includes(device)) throw new Error(`jax-js has no ${device} here`);
  defaultDevice(device);
  const { config, steps, weights } = fixture;
  const array = (data, shape) => np.array(data).reshape(shape);
  const of = (make) => Object.fromEntries([...weights].map(([name, { shape, data }]) => [name, array(make(data), shape)]));
  let state = { p: of((data) => data), m: of((data) => new Float32Array(data.length)), v: of((data) => new Float32Array(data.length)) };
  const dims = [steps.batches[0].ids.length / length, length];
  const step = stepFunctions(config, steps.optimizer, dims);
  const ints = (list) => array(Int32Array.from(list), [list.length]);
  const result = await runSteps(fixture, async (batch, lr, count) => {
    const [correction1, correction2] = corrections(steps.optimizer, count);
    const ids = ints(batch.ids);
    const inputs = {
      keep: array(Float32Array.from(batch.attention_mask, (keep) => (keep ? 0 : -1e9)), [dims[0], 1, 1, length]),
      positions: ints(batch.masked_positions),
      targets: ints(batch.masked_targets),
      weights: array(Float32Array.from(batch.masked_weights), [batch.masked_weights.length]),
    };
    const scalars = { lr: np.array(lr), correction1: np.array(correction1), correction2: np.array(correction2) };
    const words = step.words(use(state.p[WORDS]), use(ids));
    const parameters = Object.fromEntries(Object.entries(state.p).map(([name, array]) => [name, use(array)]));
    const [of, gradients, ofWords] = step.gradients(parameters, words, inputs);
    const [next, report] = step.update(state, gradients, ofWords, ids, of, scalars);
    state = next;
    const [loss, norm] = await report.data();
    return { loss, norm };
  });
  return { name: 'jax-js 0.1.25', device, ...result };
}
