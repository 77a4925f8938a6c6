// Repeats the first steps of a Clozelab run in TensorFlow.js: BERT as published, without dropout, and
// AdamW. The page has loaded `tf` and the WebGPU backend.

import { corrections, readFixture, runSteps } from './fixture.mjs';

const { tf } = globalThis;

function layerNorm(p, name, x, eps) {
  const { mean, variance } = tf.moments(x, -1, true);
  const normal = x.sub(mean).mul(variance.add(eps).rsqrt());
  return normal.mul(p[`${name}.weight`]).add(p[`${name}.bias`]);
}

const linear = (p, name, x) => tf.matMul(x, p[`${name}.weight`], false, true).add(p[`${name}.bias`]);

const gelu = (x) => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1));

/** Computes hidden states `[B * T, D]`; `batch.keep` is `[B, 1, 1, T]`. */
function encode(p, config, batch, [b, t]) {
  const { hidden_size: d, num_attention_heads: heads, layer_norm_eps: eps } = config;
  const table = (part) => p[`bert.embeddings.${part}_embeddings.weight`];
  const words = tf.gather(table('word'), batch.ids).reshape([b, t, d]);
  const sum = words.add(table('position').slice([0, 0], [t, d])).add(table('token_type').slice([0, 0], [1, d]));
  let x = layerNorm(p, 'bert.embeddings.LayerNorm', sum.reshape([b * t, d]), eps);
  for (let layer = 0; layer < config.num_hidden_layers; layer += 1) {
    const name = `bert.encoder.layer.${layer}`;
    const split = (part) => linear(p, `${name}.attention.self.${part}`, x).reshape([b, t, heads, d / heads]).transpose([0, 2, 1, 3]);
    const [q, k, v] = ['query', 'key', 'value'].map(split);
    const scores = tf.matMul(q, k, false, true).div(Math.sqrt(d / heads)).add(batch.keep);
    const context = tf.matMul(tf.softmax(scores), v).transpose([0, 2, 1, 3]).reshape([b * t, d]);
    x = layerNorm(p, `${name}.attention.output.LayerNorm`, x.add(linear(p, `${name}.attention.output.dense`, context)), eps);
    const inner = gelu(linear(p, `${name}.intermediate.dense`, x));
    x = layerNorm(p, `${name}.output.LayerNorm`, x.add(linear(p, `${name}.output.dense`, inner)), eps);
  }
  return x;
}

/** Computes the mean cross-entropy of the masked positions; the head is computed for those alone. */
function lossOf(p, config, batch, dims) {
  const rows = tf.gather(encode(p, config, batch, dims), batch.positions);
  const features = layerNorm(p, 'cls.predictions.transform.LayerNorm', gelu(linear(p, 'cls.predictions.transform.dense', rows)), config.layer_norm_eps);
  const logits = tf.matMul(features, p['bert.embeddings.word_embeddings.weight'], false, true).add(p['cls.predictions.bias']);
  const ofTarget = tf.logSoftmax(logits).mul(tf.oneHot(batch.targets, config.vocab_size)).sum(-1);
  return ofTarget.mul(batch.weights).sum().div(batch.weights.sum()).neg();
}

/** Updates parameters and moments in place; returns loss and gradient norm, `[2]`. */
function trainStep({ p, m, v }, config, settings, batch, dims, { lr, correction1, correction2 }) {
  const { beta1, beta2, eps, weight_decay: decay, clip_norm: clipNorm } = settings;
  return tf.tidy(() => {
    const { value, grads } = tf.variableGrads(() => lossOf(p, config, batch, dims));
    // `addN` of scalars is wrong on WebGPU.
    const squares = Object.values(grads).map((g) => g.square().sum());
    const norm = squares.reduce((a, b) => a.add(b)).sqrt();
    const clip = tf.minimum(tf.scalar(clipNorm).div(norm), 1);
    for (const [name, gradient] of Object.entries(grads)) {
      const g = gradient.mul(clip);
      m[name].assign(m[name].mul(beta1).add(g.mul(1 - beta1)));
      v[name].assign(v[name].mul(beta2).add(g.square().mul(1 - beta2)));
      const change = m[name].div(correction1).div(v[name].div(correction2).sqrt().add(eps));
      const decayed = p[name].rank > 1 ? change.add(p[name].mul(decay)) : change;
      p[name].assign(p[name].sub(decayed.mul(lr)));
    }
    return tf.stack([value, norm]);
  });
}

/** Runs a fixture of rows of `length` tokens on `device`. */
export async function run({ url, device, length }) {
  const fixture = await readFixture(url);
  if (!(await tf.setBackend(device))) throw new Error(`TensorFlow.js has no ${device} here`);
  const { config, steps, weights } = fixture;
  // `variableGrads` names gradients by variable, and names are unique.
  const variables = (prefix, make) => Object.fromEntries([...weights].map(([name, { shape, data }]) => [name, tf.variable(tf.tensor(make(data), shape), prefix === '', prefix + name)]));
  const zeros = (data) => new Float32Array(data.length);
  const state = { p: variables('', (data) => data), m: variables('m ', zeros), v: variables('v ', zeros) };
  const dims = [steps.batches[0].ids.length / length, length];
  const ints = (list) => tf.tensor1d(Int32Array.from(list), 'int32');
  const result = await runSteps(fixture, async (batch, lr, count) => {
    const [correction1, correction2] = corrections(steps.optimizer, count);
    const inputs = {
      ids: ints(batch.ids),
      keep: tf.tensor(Float32Array.from(batch.attention_mask, (keep) => (keep ? 0 : -1e9)), [dims[0], 1, 1, length]),
      positions: ints(batch.masked_positions),
      targets: ints(batch.masked_targets),
      weights: tf.tensor1d(Float32Array.from(batch.masked_weights)),
    };
    const report = trainStep(state, config, steps.optimizer, inputs, dims, { lr, correction1, correction2 });
    const [loss, norm] = await report.data();
    tf.dispose([inputs, report]);
    return { loss, norm };
  });
  return { name: `TensorFlow.js ${tf.version.tfjs}`, device, ...result };
}
