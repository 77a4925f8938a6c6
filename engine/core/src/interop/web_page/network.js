// The networks: hidden states of a document, its class logits, and masked-word probabilities. One
// document is computed at a time, so there is no padding.

/** A network of the shape in `config.json` with the tensors of one safetensors file. */
class Network {
  constructor(config, tensors) {
    this.config = config;
    this.tensors = tensors;
    this.epsilon = config.layer_norm_eps;
    this.isBert = config.model_type === "bert";
    this.base = this.isBert ? "bert" : "clozelab";
    this.words = tensors[`${this.base}.embeddings.word_embeddings.weight`];
  }

  has(name) {
    return name in this.tensors;
  }

  tensor(name) {
    return this.tensors[name] ?? fail(`the tensor ${name} is missing`);
  }

  linear(x, rows, name) {
    return linear(x, rows, this.tensor(`${name}.weight`), this.tensors[`${name}.bias`]);
  }

  norm(x, rows, name) {
    return layerNorm(x, rows, this.tensor(`${name}.weight`), this.tensor(`${name}.bias`), this.epsilon);
  }

  /**
   * Returns the last hidden states `[T, F]` of the token `ids`. Those from index `second` on belong
   * to the second text of a pair.
   */
  hidden(ids, second) {
    const length = ids.length;
    switch (this.config.model_type) {
      case "bert":
        return this.bert(this.embedded(ids, second), length);
      case "clozelab-fast":
        return this.fast(this.embedded(ids, second), length);
      case "clozelab-textcnn":
        return this.textCnn(this.embedded(ids, second), length);
      case "clozelab-mean":
        return withMean(this.embedded(ids, second), length, this.config.hidden_size);
      default:
        return fail(`this page cannot compute a model of type ${this.config.model_type}`);
    }
  }

  /** Returns the sum of the embeddings of each token, `[T, D]`. */
  embedded(ids, second) {
    const width = this.config.hidden_size;
    const x = new Float32Array(ids.length * width);
    const tables = [[this.words, (place) => ids[place]]];
    const name = (table) => `${this.base}.embeddings.${table}_embeddings.weight`;
    if (this.has(name("position"))) {
      tables.push([this.tensor(name("position")), (place) => place]);
    }
    if (this.has(name("token_type"))) {
      tables.push([this.tensor(name("token_type")), (place) => Number(place >= second)]);
    }
    for (const [{ data }, rowOf] of tables) {
      for (let place = 0; place < ids.length; place++) {
        const row = rowOf(place) * width;
        for (let i = 0; i < width; i++) {
          x[place * width + i] += data[row + i];
        }
      }
    }
    return x;
  }

  /** BERT's encoder (Devlin et al. 2019): normalisation after each sublayer. */
  bert(embedded, length) {
    let x = this.norm(embedded, length, "bert.embeddings.LayerNorm");
    for (let layer = 0; layer < this.config.num_hidden_layers; layer++) {
      const name = `bert.encoder.layer.${layer}`;
      const [q, k, v] = ["query", "key", "value"].map((part) =>
        this.linear(x, length, `${name}.attention.self.${part}`),
      );
      const context = attention(q, k, v, length, this.config.num_attention_heads);
      const attended = this.linear(context, length, `${name}.attention.output.dense`);
      x = this.norm(add(attended, x), length, `${name}.attention.output.LayerNorm`);
      const inner = gelu(this.linear(x, length, `${name}.intermediate.dense`));
      x = this.norm(add(this.linear(inner, length, `${name}.output.dense`), x), length, `${name}.output.LayerNorm`);
    }
    return x;
  }

  /** Clozelab's `fast-*` encoder: normalisation before each sublayer, rotary positions. */
  fast(embedded, length) {
    let x = embedded;
    const heads = this.config.num_attention_heads;
    for (let layer = 0; layer < this.config.num_hidden_layers; layer++) {
      const name = `clozelab.layers.${layer}`;
      x = add(depthwise(x, length, this.tensor(`${name}.conv.weight`)), x);
      const qkv = this.linear(this.norm(x, length, `${name}.attention.norm`), length, `${name}.attention.qkv`);
      const [q, k, v] = [0, 1, 2].map((part) => columns(qkv, length, 3, part));
      const context = attention(rotated(q, length, heads), rotated(k, length, heads), v, length, heads);
      x = add(this.linear(context, length, `${name}.attention.output`), x);
      const inner = gelu(this.linear(this.norm(x, length, `${name}.mlp.norm`), length, `${name}.mlp.up`));
      x = add(this.linear(inner, length, `${name}.mlp.down`), x);
    }
    return this.norm(x, length, "clozelab.final_norm");
  }

  /** TextCNN (Kim 2014) without pooling: each layer keeps the length. */
  textCnn(embedded, length) {
    let x = embedded;
    const { filter_sizes: sizes, num_filters: filters, num_hidden_layers: layers } = this.config;
    for (let layer = 0; layer < layers; layer++) {
      const joined = new Float32Array(length * sizes.length * filters);
      sizes.forEach((size, branch) => {
        const own = layer === 0 ? x : columns(x, length, sizes.length, branch);
        const windows = shifted(own, length, size);
        const features = linear(windows, length, this.tensor(`clozelab.layers.${layer}.conv_${size}.weight`));
        for (let place = 0; place < length; place++) {
          const row = features.subarray(place * filters, (place + 1) * filters);
          joined.set(row, (place * sizes.length + branch) * filters);
        }
      });
      x = gelu(this.norm(joined, length, `clozelab.layers.${layer}.norm`));
    }
    return x;
  }

  /** Returns the logits of the labels, `[C]`. */
  classLogits(ids, second) {
    const hidden = this.hidden(ids, second);
    const width = hidden.length / ids.length;
    const pooling = this.config.clozelab_pooling ?? { bert: "cls", "clozelab-fast": "max-mean" }[this.config.model_type];
    let pooled;
    if (this.config.model_type === "clozelab-mean") {
      pooled = hidden.slice(this.config.hidden_size, width);
    } else if (pooling === "cls") {
      pooled = this.linear(hidden.subarray(0, width), 1, "bert.pooler.dense").map(Math.tanh);
    } else if (pooling === "first-token") {
      pooled = hidden.subarray(0, width);
    } else if (pooling === "mean") {
      pooled = mean(hidden, ids.length);
    } else if (pooling === "max-mean") {
      pooled = new Float32Array([...maximum(hidden, ids.length), ...mean(hidden, ids.length)]);
    } else {
      pooled = maximum(hidden, ids.length);
    }
    return this.linear(pooled, 1, "classifier");
  }

  /** Returns the probability of each token at each of the `places`. */
  maskedProbabilities(ids, places) {
    const hidden = this.hidden(ids, ids.length);
    const width = hidden.length / ids.length;
    return places.map((place) => {
      let row = hidden.subarray(place * width, (place + 1) * width);
      if (this.has("cls.predictions.transform.dense.weight")) {
        const dense = gelu(this.linear(row, 1, "cls.predictions.transform.dense"));
        row = this.norm(dense, 1, "cls.predictions.transform.LayerNorm");
      }
      return softmax(linear(row, 1, this.words, this.tensor("cls.predictions.bias")));
    });
  }
}

function fail(message) {
  throw new Error(message);
}

/** Returns the columns of part `part` of `parts` equal parts of each row. */
function columns(x, rows, parts, part) {
  const all = x.length / rows;
  const width = all / parts;
  const y = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    y.set(x.subarray(row * all + part * width, row * all + (part + 1) * width), row * width);
  }
  return y;
}

/** Returns the depth-wise convolution of `x` `[T, D]` over three positions; outside are zeros. */
function depthwise(x, length, { data: weight }) {
  const width = x.length / length;
  const y = new Float32Array(x.length);
  for (let place = 0; place < length; place++) {
    for (let tap = 0; tap < 3; tap++) {
      const other = place + tap - 1;
      if (other < 0 || other >= length) {
        continue;
      }
      for (let i = 0; i < width; i++) {
        y[place * width + i] += weight[i * 3 + tap] * x[other * width + i];
      }
    }
  }
  return y;
}

/**
 * Returns for each position the `size` rows around it, side by side; outside are zeros. An even
 * number covers one more position on the right (TensorFlow's SAME padding).
 */
function shifted(x, length, size) {
  const width = x.length / length;
  const left = (size - 1) >> 1;
  const y = new Float32Array(length * size * width);
  for (let place = 0; place < length; place++) {
    for (let tap = 0; tap < size; tap++) {
      const other = place + tap - left;
      if (other >= 0 && other < length) {
        y.set(x.subarray(other * width, (other + 1) * width), (place * size + tap) * width);
      }
    }
  }
  return y;
}

/** Returns `x` `[T, H K]` with rotary positions (Su et al. 2021, eq. 34) over pairs (i, i + K/2). */
function rotated(x, length, heads) {
  const width = x.length / length;
  const size = width / heads;
  const half = size / 2;
  const y = new Float32Array(x.length);
  for (let place = 0; place < length; place++) {
    for (let i = 0; i < half; i++) {
      const angle = place * 10_000 ** ((-2 * i) / size);
      const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
      for (let head = 0; head < heads; head++) {
        const at = place * width + head * size + i;
        y[at] = x[at] * cosine - x[at + half] * sine;
        y[at + half] = x[at + half] * cosine + x[at] * sine;
      }
    }
  }
  return y;
}

/** Returns the scaled dot-product attention of `q`, `k` and `v`, each `[T, H K]`. */
function attention(q, k, v, length, heads) {
  const width = q.length / length;
  const size = width / heads;
  const y = new Float32Array(q.length);
  for (let head = 0; head < heads; head++) {
    const offset = head * size;
    for (let query = 0; query < length; query++) {
      const at = query * width + offset;
      const scores = Array.from({ length }, (_, key) => dot(q, at, k, key * width + offset, size) / Math.sqrt(size));
      softmax(scores).forEach((probability, key) => {
        for (let i = 0; i < size; i++) {
          y[at + i] += probability * v[key * width + offset + i];
        }
      });
    }
  }
  return y;
}

/** Returns the mean of the rows of `x` `[T, F]`. */
function mean(x, length) {
  const width = x.length / length;
  return Float32Array.from({ length: width }, (_, i) => {
    let sum = 0;
    for (let place = 0; place < length; place++) {
      sum += x[place * width + i];
    }
    return sum / length;
  });
}

/** Returns the maximum of the rows of `x` `[T, F]`. */
function maximum(x, length) {
  const width = x.length / length;
  return Float32Array.from({ length: width }, (_, i) => {
    let highest = -Infinity;
    for (let place = 0; place < length; place++) {
      highest = Math.max(highest, x[place * width + i]);
    }
    return highest;
  });
}

/** Returns each row of `x` `[T, D]` followed by the mean of all rows, `[T, 2 D]`. */
function withMean(x, length, width) {
  const average = mean(x, length);
  const y = new Float32Array(2 * x.length);
  for (let place = 0; place < length; place++) {
    y.set(x.subarray(place * width, (place + 1) * width), 2 * place * width);
    y.set(average, (2 * place + 1) * width);
  }
  return y;
}
