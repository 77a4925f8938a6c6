// Text to token ids, as `tokenizers` and Clozelab compute them from `tokenizer.json`.

const SPECIAL_NAMES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const ASCII_PUNCTUATION = /[!-/:-@[-`{-~]/;
const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/u;
const WHITE = /\p{White_Space}/u;

/** Returns whether one of the ascending, inclusive `ranges` contains the code of `c`. */
function holds(ranges, c) {
  const code = c.codePointAt(0);
  return ranges.some(([first, last]) => first <= code && code <= last);
}

/** Replaces control characters by spaces and removes byte order marks, as in training. */
function cleaned(text) {
  return text.replaceAll("\ufeff", "").replace(/[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]/g, " ");
}

class Tokenizer {
  /** `unicode` lists where today's Unicode differs from that of `tokenizers`. */
  constructor(json, unicode) {
    const { model, normalizer, pre_tokenizer: splitter, added_tokens: added } = json;
    this.unicode = unicode;
    this.ids = new Map(Object.entries(model.vocab));
    this.tokens = [];
    for (const [token, id] of this.ids) {
      this.tokens[id] = token;
    }
    added.forEach(({ content, id }) => (this.tokens[id] = content));
    const idOf = (name) => this.ids.get(name) ?? added.find(({ content }) => content === name).id;
    [this.pad, this.unknown, this.cls, this.sep, this.mask] = SPECIAL_NAMES.map(idOf);
    this.specials = new Set(SPECIAL_NAMES.map(idOf));
    this.isWordPiece = model.type === "WordPiece";
    this.prefix = model.continuing_subword_prefix ?? "##";
    this.maxChars = model.max_input_chars_per_word ?? 100;
    this.longest = this.tokens.reduce((longest, token) => Math.max(longest, token.length), 0);
    const isBert = normalizer?.type === "BertNormalizer";
    this.lowercase = isBert ? normalizer.lowercase : normalizer?.type === "Lowercase";
    this.clean = isBert && normalizer.clean_text;
    this.spaceChinese = isBert && normalizer.handle_chinese_chars;
    this.stripAccents = isBert && (normalizer.strip_accents ?? normalizer.lowercase);
    this.splitting = splitter.type;
    const others = added.filter(({ content }) => !SPECIAL_NAMES.includes(content));
    this.splitRaw = this.matcher(others.filter(({ normalized }) => !normalized));
    this.splitNormalized = this.matcher(
      others
        .filter(({ normalized }) => normalized)
        .map((token) => ({ ...token, content: this.normalize(token.content).join("") })),
    );
  }

  /** Returns a function that splits text into strings and ids of the added `tokens`. */
  matcher(tokens) {
    const known = new Map(tokens.filter(({ content }) => content).map((token) => [token.content, token]));
    if (known.size === 0) {
      return (text) => [text];
    }
    const escaped = [...known.keys()]
      .sort((a, b) => b.length - a.length)
      .map((content) => content.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
    const pattern = new RegExp(escaped.join("|"), "gu");
    const isWord = (c) => c !== undefined && /[\p{Alphabetic}\p{N}_]/u.test(c);
    return (text) => {
      const pieces = [];
      let begin = 0;
      for (const match of text.matchAll(pattern)) {
        const end = match.index + match[0].length;
        const token = known.get(match[0]);
        const before = [...text.slice(0, match.index)].pop();
        if (token.single_word && (isWord(before) || isWord([...text.slice(end, end + 2)][0]))) {
          continue;
        }
        pieces.push(text.slice(begin, match.index), token.id);
        begin = end;
      }
      pieces.push(text.slice(begin));
      return pieces.filter((piece) => piece !== "");
    };
  }

  /** Returns the normalised characters of `text`. */
  normalize(text) {
    const { later_format: laterFormat, later_marks: laterMarks, former_marks: formerMarks } = this.unicode;
    const out = [];
    const put = (c) => out.push(...(this.lowercase ? c.toLowerCase() : c));
    for (let c of text) {
      if (this.clean) {
        const isOther = /[\p{Cc}\p{Cf}\p{Co}\ufffd]/u.test(c) && !/[\t\n\r]/.test(c) && !holds(laterFormat, c);
        if (isOther) {
          continue;
        }
        c = WHITE.test(c) ? " " : c;
      }
      const spaced = this.spaceChinese && CHINESE.test(c);
      if (spaced) {
        out.push(" ");
      }
      if (this.stripAccents && !holds(laterMarks, c)) {
        const parts = [...c.normalize("NFD")];
        parts.filter((part) => !/\p{Mn}/u.test(part) && !holds(formerMarks, part)).forEach(put);
      } else {
        put(c);
      }
      if (spaced) {
        out.push(" ");
      }
    }
    return out;
  }

  /** Returns the kind of a normalised character: runs of one kind are a word. */
  kind(c) {
    if (WHITE.test(c)) {
      return "space";
    }
    switch (this.splitting) {
      case "BertPreTokenizer":
        return this.isPunctuation(c) ? "alone" : "letter";
      case "Whitespace":
        return /[\p{Alphabetic}\u200c\u200d\p{Pc}\p{Nd}\p{M}]/u.test(c) ? "letter" : "symbol";
      case "Sequence":
        return "alone";
      default:
        return "letter";
    }
  }

  isPunctuation(c) {
    if (c <= "\x7f") {
      return ASCII_PUNCTUATION.test(c);
    }
    const { later_punctuation: later, former_punctuation: former } = this.unicode;
    return (/\p{P}/u.test(c) && !holds(later, c)) || holds(former, c);
  }

  /** Splits normalised characters into words, each a list of characters. */
  split(characters) {
    const words = [];
    let previous = "space";
    for (const c of characters) {
      const kind = this.kind(c);
      if (kind !== "space") {
        if (kind === previous && kind !== "alone") {
          words[words.length - 1].push(c);
        } else {
          words.push([c]);
        }
      }
      previous = kind;
    }
    return words;
  }

  /** Returns the id of a piece of text, or undefined; special tokens are no text. */
  piece(text) {
    const id = this.ids.get(text);
    return this.specials.has(id) ? undefined : id;
  }

  /** Returns the ids of a word: the longest known pieces from left to right. */
  wordIds(word) {
    if (!this.isWordPiece) {
      return [this.piece(word.join("")) ?? this.unknown];
    }
    if (word.length > this.maxChars) {
      return [this.unknown];
    }
    const ids = [];
    for (let start = 0; start < word.length; ) {
      let end = Math.min(word.length, start + this.longest);
      let id;
      for (; end > start; end--) {
        id = this.piece((start > 0 ? this.prefix : "") + word.slice(start, end).join(""));
        if (id !== undefined) {
          break;
        }
      }
      if (id === undefined) {
        return [this.unknown];
      }
      ids.push(id);
      start = end;
    }
    return ids;
  }

  /** Returns the token ids of a text, in which special tokens are text. */
  encode(text) {
    return this.splitRaw(text).flatMap((piece) => {
      if (typeof piece === "number") {
        return [piece];
      }
      return this.splitNormalized(this.normalize(piece).join("")).flatMap((part) =>
        typeof part === "number" ? [part] : this.split(part).flatMap((word) => this.wordIds(word)),
      );
    });
  }

  /** Returns the token ids of a typed text, in which `[MASK]` is a special token. */
  encodeTyped(text) {
    const parts = text.split(/(\[(?:PAD|UNK|CLS|SEP|MASK)\])/);
    const specials = [this.pad, this.unknown, this.cls, this.sep, this.mask];
    return parts.flatMap((part, index) =>
      index % 2 === 1 ? [specials[SPECIAL_NAMES.indexOf(part)]] : this.encode(part),
    );
  }

  /** Returns whether `id` is a token of text. */
  isText(id) {
    return !this.specials.has(id) && Boolean(this.tokens[id]);
  }
}
