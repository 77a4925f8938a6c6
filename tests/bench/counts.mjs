// Counts calls of WebGPU, wherever the code that makes them runs.

/**
 * Runs in a page or a worker before anything else: keeps the calls so far in
 * `globalThis.webgpuCounts`.
 */
export function countWebgpu() {
  const counts = { launches: 0, submits: 0, bindGroups: 0, pipelines: 0, readbacks: 0, buffers: 0, bufferBytes: 0 };
  globalThis.webgpuCounts = counts;
  const count = (type, method, add) => {
    const prototype = globalThis[type]?.prototype;
    const original = prototype?.[method];
    if (!original) return;
    prototype[method] = function (...args) {
      add(...args);
      return original.apply(this, args);
    };
  };
  count('GPUComputePassEncoder', 'dispatchWorkgroups', () => (counts.launches += 1));
  count('GPUComputePassEncoder', 'dispatchWorkgroupsIndirect', () => (counts.launches += 1));
  count('GPUQueue', 'submit', () => (counts.submits += 1));
  count('GPUDevice', 'createBindGroup', () => (counts.bindGroups += 1));
  count('GPUDevice', 'createComputePipeline', () => (counts.pipelines += 1));
  count('GPUDevice', 'createComputePipelineAsync', () => (counts.pipelines += 1));
  count('GPUBuffer', 'mapAsync', () => (counts.readbacks += 1));
  count('GPUDevice', 'createBuffer', ({ size }) => {
    counts.buffers += 1;
    counts.bufferBytes += size;
  });
}

/** Runs in a worker: every message that it posts carries the counts. */
export function postCounts() {
  const post = self.postMessage.bind(self);
  self.postMessage = (data, ...rest) => post({ ...data, counts: { ...globalThis.webgpuCounts } }, ...rest);
}

/** Returns the median per step of each count, over steps from `first` on. */
export function perStep(counts, first) {
  const later = counts.slice(first);
  const names = Object.keys(later[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, middle(later.slice(1).map((count, index) => count[name] - later[index][name]))]));
}

/** Returns the median of a list; NaN if it is empty. */
export function middle(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length ? (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2 : NaN;
}
