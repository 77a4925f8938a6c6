// The model: all parts of a classifier and the masked language model, as a worker that answers the
// page's questions.

const MAX_TOKENS = 512;

class Model {
  /** `files` maps the names in a model directory to parsed JSON or to bytes. */
  constructor(files, unicode) {
    this.config = files["config.json"];
    this.tokenizer = new Tokenizer(files["tokenizer.json"], unicode);
    const network = (name) => new Network(this.config, readTensors(files[name]));
    this.networks = [network("model.safetensors")];
    const { threshold, threshold_scales } = this.config;
    this.header = files["classifier.json"] ?? { networks: 1, weights: [1], bias: 0, threshold, threshold_scales };
    for (let number = 2; number <= this.header.networks; number++) {
      this.networks.push(network(`parts/network-${number}.safetensors`));
    }
    const { linear: header } = this.header;
    this.linear = header && new LinearClassifier(header, readTensors(files["parts/linear.safetensors"]));
  }

  /** Returns the labels of one text or pair, and whether its end was ignored: `{labels, isCut}`. */
  classify(texts) {
    const documents = texts.map(cleaned);
    const ids = documents.map((text) => this.tokenizer.encode(text));
    const tokens = ids.flat();
    const limit = this.config.clozelab_trained_len ?? Math.min(this.config.max_position_embeddings, MAX_TOKENS);
    if (tokens.length === 0) {
      return { labels: [], isCut: false };
    }
    const [row, second] = this.assembled(ids, limit);
    const logits = this.networks.map((network) => network.classLogits(row, second));
    if (this.linear) {
      logits.push(this.linear.margins(documents, tokens));
    }
    const { weights, bias, label_bias: labelBias } = this.header;
    const fused = Array.from(logits[0], (_, label) =>
      logits.reduce((sum, part, index) => sum + weights[index] * part[label], bias + (labelBias?.[label] ?? 0)),
    );
    const isMulti = this.config.problem_type === "multi_label_classification";
    const probabilities = isMulti ? fused.map((logit) => 1 / (1 + Math.exp(-logit))) : [...softmax(fused)];
    return { labels: this.ranked(probabilities, isMulti), isCut: tokens.length > limit - 1 - ids.length };
  }

  /**
   * Returns `{label, score, isPredicted}` of each label, the best first. Predicted are the best one
   * and, where a text may have several labels, those above their threshold.
   */
  ranked(probabilities, isMulti) {
    const { threshold, threshold_scales: scales } = this.header;
    const labels = probabilities.map((score, id) => ({
      label: this.config.id2label[id],
      score,
      isPredicted: isMulti && score >= (threshold ?? 0.5) * (scales?.[id] ?? 1),
    }));
    labels.sort((a, b) => b.score - a.score);
    labels[0].isPredicted = true;
    return labels;
  }

  /** Returns `[CLS] a [SEP] b [SEP]` of at most `length` tokens, and where `b` begins. The longer
   * text is cut first. */
  assembled(texts, length) {
    const { cls, sep } = this.tokenizer;
    const isPair = texts.length > 1;
    let [first, second = []] = texts;
    const room = Math.max(length - (isPair ? 3 : 2), 0);
    if (first.length + second.length > room) {
      const secondLength = Math.min(second.length, Math.max(room >> 1, room - first.length));
      first = first.slice(0, room - secondLength);
      second = second.slice(0, secondLength);
    }
    const ids = [cls, ...first, sep];
    const begin = ids.length;
    return [isPair ? [...ids, ...second, sep] : ids, begin];
  }

  /** Returns the `count` most probable tokens of each `[MASK]`: `[[{token, score}]]`. */
  fillMask(text, count) {
    const { tokenizer } = this;
    const ids = [tokenizer.cls, ...tokenizer.encodeTyped(cleaned(text)), tokenizer.sep];
    const places = ids.flatMap((id, place) => (id === tokenizer.mask ? [place] : []));
    if (places.length === 0) {
      fail("Replace the word to predict with [MASK].");
    }
    if (ids.length > this.config.max_position_embeddings) {
      fail(`The text has ${ids.length} tokens; the model reads ${this.config.max_position_embeddings}. Shorten it.`);
    }
    return this.networks[0].maskedProbabilities(ids, places).map((probabilities) =>
      Array.from(probabilities, (score, id) => ({ token: tokenizer.tokens[id], score, id }))
        .filter(({ id }) => tokenizer.isText(id))
        .sort((a, b) => b.score - a.score || a.id - b.id)
        .slice(0, count)
        .map(({ token, score }) => ({ token, score })),
    );
  }
}

let model;

self.addEventListener("message", ({ data: { id, method, values } }) => {
  try {
    const result = method === "open" ? void (model = new Model(...values)) : model[method](...values);
    self.postMessage({ id, result });
  } catch (error) {
    self.postMessage({ id, error: error.message });
  }
});
