// The linear classifier: TF-IDF of word and character n-grams, and word vectors, each normalised
// to length 1. N-grams are looked up by their 64-bit FNV-1a hash, kept as two halves.

const UNSPACED =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]/u;
const WORD_CHARACTER = /[\p{Alphabetic}\p{N}\p{M}]/u;
const LONGEST_CHARACTERS = 5;

/** Updates the hash `[high, low]` with each byte. */
function hashed([high, low], bytes) {
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0;
    // The prime is 2^40 + 435; the products stay below 2^53.
    const product = low * 435;
    high = (high * 435 + Math.floor(product / 2 ** 32) + ((low << 8) >>> 0)) % 2 ** 32;
    low = product % 2 ** 32;
  }
  return [high, low];
}

const UTF8 = new TextEncoder();

function hashStart(kind, part) {
  return hashed([0xcbf29ce4, 0x84222325], [kind.charCodeAt(0), part]);
}

/** Hash table from n-grams to features: open addressing with linear probing. */
class GramTable {
  /** `hashes` holds the lower and the upper half of each hash. */
  constructor(hashes, idf) {
    this.hashes = hashes;
    this.idf = idf;
    this.count = hashes.length / 2;
    this.capacity = 2 ** Math.ceil(Math.log2(2 * this.count + 2));
    this.slots = new Int32Array(this.capacity).fill(-1);
    for (let index = 0; index < this.count; index++) {
      let slot = hashes[2 * index] & (this.capacity - 1);
      while (this.slots[slot] >= 0) {
        slot = (slot + 1) & (this.capacity - 1);
      }
      this.slots[slot] = index;
    }
  }

  /** Returns the index of an n-gram, or -1. */
  index([high, low]) {
    for (let slot = low & (this.capacity - 1); ; slot = (slot + 1) & (this.capacity - 1)) {
      const index = this.slots[slot];
      if (index < 0 || (this.hashes[2 * index] === low && this.hashes[2 * index + 1] === high)) {
        return index;
      }
    }
  }

  /** Returns pairs of a feature and its value, `(1 + ln count) idf`, normalised to length 1. */
  features(grams, offset) {
    const counts = new Map();
    for (const gram of grams) {
      const index = this.index(gram);
      if (index >= 0) {
        counts.set(index, (counts.get(index) ?? 0) + 1);
      }
    }
    const values = [...counts].map(([index, count]) => [
      offset + index,
      (1 + Math.log(count)) * this.idf[index],
    ]);
    return normalized(values);
  }
}

function normalized(features) {
  const length = Math.sqrt(features.reduce((sum, [, value]) => sum + value * value, 0));
  return length > 0 ? features.map(([feature, value]) => [feature, value / length]) : features;
}

/** Splits into lower-case words, letters of scripts without spaces, and other characters. */
function wordsOf(text) {
  const words = [];
  let word = "";
  for (const c of text.toLowerCase()) {
    if (WORD_CHARACTER.test(c) && !UNSPACED.test(c)) {
      word += c;
      continue;
    }
    if (word) {
      words.push(word);
      word = "";
    }
    if (!WHITE.test(c)) {
      words.push(c);
    }
  }
  return word ? [...words, word] : words;
}

/** Returns the hashes of all n-grams of one to `longest` words; the texts of a pair are told apart. */
function wordGrams(texts, longest) {
  return texts.flatMap((text, part) => {
    const words = wordsOf(text).map((word) => UTF8.encode(` ${word}`));
    return words.flatMap((_, begin) => {
      let hash = hashStart("w", part);
      return words.slice(begin, begin + longest).map((word) => (hash = hashed(hash, word)));
    });
  });
}

/** Returns the hashes of the n-grams of two to five characters within words padded by blanks. */
function characterGrams(texts) {
  const grams = [];
  texts.forEach((text, part) => {
    const words = text.toLowerCase().split(/\p{White_Space}+/u);
    for (const word of words.filter(Boolean)) {
      const characters = Array.from(` ${word} `, (c) => UTF8.encode(c));
      for (let begin = 0; begin < characters.length; begin++) {
        let hash = hashStart("c", part);
        characters.slice(begin, begin + LONGEST_CHARACTERS).forEach((character, index) => {
          hash = hashed(hash, character);
          if (index > 0) {
            grams.push(hash);
          }
        });
      }
    }
  });
  return grams;
}

class LinearClassifier {
  constructor(header, tensors) {
    const data = (name) => tensors[name]?.data;
    this.header = header;
    this.words = new GramTable(data("words.hash"), data("words.idf"));
    this.characters = data("characters.hash") && new GramTable(data("characters.hash"), data("characters.idf"));
    this.vectors = data("vectors");
    this.bias = data("bias");
    [this.starts, this.labels, this.values] = ["starts", "labels", "values"].map((name) => data(`weights.${name}`));
  }

  /** Returns the margin of each label for the `texts` of a document and their token ids. */
  margins(texts, ids) {
    let features = this.words.features(wordGrams(texts, this.header.longest), 0);
    let offset = this.words.count;
    if (this.characters) {
      features = features.concat(this.characters.features(characterGrams(texts), offset));
      offset += this.characters.count;
    }
    const width = this.header.dense;
    if (width) {
      const sums = Array.from({ length: width }, (_, i) => [
        offset + i,
        ids.reduce((sum, id) => sum + this.vectors[id * width + i], 0),
      ]);
      features = features.concat(normalized(sums));
    }
    if (this.header.member === "naive-bayes") {
      const value = 1 / Math.sqrt(features.length);
      features = features.map(([feature]) => [feature, value]);
    }
    const margins = Float64Array.from(this.bias);
    for (const [feature, value] of features) {
      for (let entry = this.starts[feature]; entry < this.starts[feature + 1]; entry++) {
        margins[this.labels[entry]] += value * this.values[entry];
      }
    }
    return margins;
  }
}
