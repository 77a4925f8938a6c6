// Tensors of safetensors files, and arithmetic on matrices in row-major order.

/** Returns the value of each 16-bit float by its bits. */
function halfTable() {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    table[bits] = bits >> 15 ? -magnitude : magnitude;
  }
  return table;
}

/**
 * Reads a safetensors file: `{name: {shape, data}}`. Floats become a Float32Array; 64-bit integers
 * become a Uint32Array of their lower and upper halves.
 */
function readTensors(bytes) {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  delete header.__metadata__;
  let halves;
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(header)) {
    const { buffer } = bytes.slice(8 + length + begin, 8 + length + end);
    let data;
    if (dtype === "F32") {
      data = new Float32Array(buffer);
    } else if (dtype === "F16") {
      halves ??= halfTable();
      data = Float32Array.from(new Uint16Array(buffer), (bits) => halves[bits]);
    } else if (dtype === "U32" || dtype === "U64") {
      data = new Uint32Array(buffer);
    } else {
      throw new Error(`tensor ${name} has the unknown type ${dtype}`);
    }
    tensors[name] = { shape, data };
  }
  return tensors;
}

/** Returns `x` `[rows, K]` times the transpose of `weight` `[N, K]`, plus `bias` `[N]`: `[rows, N]`. */
function linear(x, rows, { shape: [outputs, inputs], data: weight }, bias) {
  const y = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    const start = row * inputs;
    for (let output = 0; output < outputs; output++) {
      y[row * outputs + output] = dot(x, start, weight, output * inputs, inputs) + (bias ? bias.data[output] : 0);
    }
  }
  return y;
}

/** Returns the dot product of `length` numbers of `a` and `b`. */
function dot(a, atA, b, atB, length) {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < length; i += 4) {
    s0 += a[atA + i] * b[atB + i];
    s1 += a[atA + i + 1] * b[atB + i + 1];
    s2 += a[atA + i + 2] * b[atB + i + 2];
    s3 += a[atA + i + 3] * b[atB + i + 3];
  }
  for (; i < length; i++) {
    s0 += a[atA + i] * b[atB + i];
  }
  return s0 + s1 + s2 + s3;
}

/** Normalises each row of `x` `[rows, D]`, then scales and shifts it. */
function layerNorm(x, rows, weight, bias, epsilon) {
  const width = weight.data.length;
  const y = new Float32Array(x.length);
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    let mean = 0;
    for (let i = 0; i < width; i++) {
      mean += x[start + i] / width;
    }
    let variance = 0;
    for (let i = 0; i < width; i++) {
      variance += (x[start + i] - mean) ** 2 / width;
    }
    const scale = 1 / Math.sqrt(variance + epsilon);
    for (let i = 0; i < width; i++) {
      y[start + i] = (x[start + i] - mean) * scale * weight.data[i] + bias.data[i];
    }
  }
  return y;
}

/** Adds `b` to `a` in place and returns `a`. */
function add(a, b) {
  for (let i = 0; i < a.length; i++) {
    a[i] += b[i];
  }
  return a;
}

/** Returns the error function within 1.2e-7 (Press et al., Numerical Recipes, `erfcc`). */
function erf(x) {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const series = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
  ];
  const exponent = series.reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  const complement = t * Math.exp(-x * x + exponent);
  return x >= 0 ? 1 - complement : complement - 1;
}

/** Applies the exact GELU in place and returns `x`. */
function gelu(x) {
  for (let i = 0; i < x.length; i++) {
    x[i] *= 0.5 * (1 + erf(x[i] * Math.SQRT1_2));
  }
  return x;
}

/** Returns the softmax of a list of numbers. */
function softmax(logits) {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
