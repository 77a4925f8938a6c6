// The engine without the page: a worker that is driven by protocol messages, for unrounded numbers.

/**
 * Pre-trains once per configuration, in one engine on one backend, and summarises each run. `page`
 * is any page of the site at `base`; `files` are `{ name, role, text }`.
 */
export async function train(page, base, plan) {
  const runs = await page.evaluate(exchange, { base, ...plan });
  return runs.map(summary);
}

/** Summarises a run by the numbers that engines are compared by. */
export function summary({ device, events }) {
  const steps = events.filter(({ event }) => event === 'step');
  const evaluated = events.filter(({ event }) => event === 'evaluated').at(-1);
  return { device, meanLoss: meanLoss(steps), gradNorm: steps[0]?.grad_norm, heldOut: evaluated?.masked_lm_loss };
}

/**
 * A reported loss is the mean since the previous report, so the weighted mean does not depend on
 * when the run reported.
 */
function meanLoss(steps) {
  let [sum, before] = [0, 0];
  for (const { step, loss } of steps) {
    sum += loss * (step - before);
    before = step;
  }
  return sum / before;
}

/**
 * Runs in the page: one engine, one corpus, one run after another; returns the events of each run.
 */
async function exchange({ base, backend, files, configs }) {
  const worker = new Worker(new URL('worker.js', base), { type: 'module' });
  const waiting = [];
  const inbox = [];
  worker.onmessage = ({ data }) => {
    inbox.push(JSON.parse(data.message));
    waiting.splice(0).forEach((wake) => wake());
  };
  const until = async (kinds) => {
    const events = [];
    for (;;) {
      while (inbox.length === 0) await new Promise((wake) => waiting.push(wake));
      const event = inbox.shift();
      events.push(event);
      if (event.event === 'failed') throw new Error(`${event.code}: ${event.message} ${event.hint}`);
      if (kinds.includes(event.event)) return events;
    }
  };
  const send = (command, buffers = []) => worker.postMessage({ message: JSON.stringify(command), buffers }, buffers);
  try {
    await until(['hello']);
    send({ command: 'open', backend });
    const { device } = (await until(['ready'])).at(-1);
    const buffers = files.map(({ text }) => new TextEncoder().encode(text).buffer);
    send({ command: 'set_corpus', files: files.map(({ name, role }) => ({ name, role })) }, buffers);
    await until(['corpus']);
    const runs = [];
    for (const [index, config] of configs.entries()) {
      send({ command: 'pretrain', run: `pretrain-${index}`, config });
      runs.push({ device, events: await until(['finished']) });
    }
    return runs;
  } finally {
    worker.terminate();
  }
}
