// Reads a folder that `clozelab bench --export` wrote, in a page that serves it at `url`.

/**
 * Returns { config, steps, weights, ms }; `weights` maps names to { shape, data }, `ms` is the time
 * that reading took.
 */
export async function readFixture(url) {
  const began = performance.now();
  const file = async (name) => {
    const response = await fetch(new URL(name, url));
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    return response;
  };
  const config = await (await file('config.json')).json();
  const steps = await (await file('steps.json')).json();
  const weights = readSafetensors(await (await file('model.safetensors')).arrayBuffer());
  return { config, steps, weights, ms: performance.now() - began };
}

/** Reads the format of safetensors: the length of a JSON header, the header, the arrays. */
function readSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__');
  return new Map(
    tensors.map(([name, { shape, data_offsets: [begin, end] }]) => {
      const data = new Float32Array(buffer.slice(8 + length + begin, 8 + length + end));
      return [name, { shape, data }];
    }),
  );
}

/**
 * Runs all steps of a fixture, read by `readFixture`, with `step(batch, lr, count)`, which resolves to the loss and the
 * gradient norm once both are there as numbers; `count` is the number of the step, from 1.
 */
export async function runSteps({ steps, ms }, step) {
  const result = { losses: [], gradNorms: [], ms: [], counts: [], firstStepAt: 0 };
  for (const [index, batch] of steps.batches.entries()) {
    const before = performance.now();
    const { loss, norm } = await step(batch, steps.learning_rates[index], index + 1);
    result.ms.push(performance.now() - before);
    result.counts.push({ ...globalThis.webgpuCounts });
    result.losses.push(loss);
    result.gradNorms.push(norm);
    // Since the navigation to the page, without reading the fixture.
    if (index === 0) result.firstStepAt = performance.now() - ms;
  }
  return result;
}

/** Returns the bias corrections of AdamW after `count` steps. */
export const corrections = ({ beta1, beta2 }, count) => [1 - beta1 ** count, 1 - beta2 ** count];
