// Tables: delimited text and JSON in, delimited text out.

const DELIMITERS = ["\t", ";", ",", "|"];
/** Number of rows, and of characters, that are examined to choose the delimiter. */
const SAMPLE_ROWS = 100;
const SAMPLE_CHARACTERS = 1_000_000;
/** Maximum length of a column name. */
const MAX_NAME = 60;
/** Decodes UTF-8, UTF-16, or else Windows-1252. */
function decoded(bytes, fileName) {
  const marks = { "255,254": "utf-16le", "254,255": "utf-16be" };
  const start = bytes.subarray(0, 4096);
  const zeros = [0, 1].map((parity) => start.filter((byte, index) => byte === 0 && index % 2 === parity).length);
  const unmarked = zeros[1] > 0.3 * start.length ? "utf-16le" : zeros[0] > 0.3 * start.length ? "utf-16be" : "utf-8";
  const encoding = marks[start.slice(0, 2).join()] ?? unmarked;
  if (encoding === "utf-8" && zeros[0] + zeros[1] > 0) {
    throw new Error(`${fileName} is not text. Save a workbook or a document as CSV or plain text first.`);
  }
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/**
 * Splits delimited text into rows of cells (RFC 4180), without blank lines: `{rows, isBalanced}`.
 * Not balanced is a text that ends inside quotes.
 */
function delimitedRows(text, delimiter, quotes = true) {
  const rows = [];
  let [row, cell, isQuoted, wasQuoted] = [[], "", false, false];
  const endCell = () => {
    row.push(cell);
    [cell, wasQuoted] = ["", false];
  };
  const endRow = () => {
    endCell();
    if (row.length > 1 || row[0].trim()) {
      rows.push(row);
    }
    row = [];
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (isQuoted) {
      if (c !== '"') {
        cell += c;
      } else if (text[i + 1] === '"') {
        cell += '"';
        i++;
      } else {
        isQuoted = false;
      }
    } else if (c === '"' && cell === "" && !wasQuoted && quotes) {
      [isQuoted, wasQuoted] = [true, true];
    } else if (c === delimiter) {
      endCell();
    } else if (c === "\n" || c === "\r") {
      i += c === "\r" && text[i + 1] === "\n" ? 1 : 0;
      endRow();
    } else {
      cell += c;
    }
  }
  if (cell || row.length) {
    endRow();
  }
  return { rows, isBalanced: !isQuoted };
}

/** Returns the delimiter with which nearly all of the first rows have the same number of cells. */
function delimiterOf(text) {
  const isCut = text.length > SAMPLE_CHARACTERS;
  const sample = text.slice(0, SAMPLE_CHARACTERS);
  const width = (delimiter) => {
    const rows = delimitedRows(sample, delimiter).rows.slice(0, isCut ? -1 : undefined).slice(0, SAMPLE_ROWS);
    const usual = rows[0]?.length ?? 0;
    const same = rows.filter((row) => row.length === usual).length;
    return usual > 1 && rows.length > 1 && same >= 0.9 * rows.length ? usual : 0;
  };
  const [best] = DELIMITERS.map((delimiter) => [width(delimiter), delimiter]).sort((a, b) => b[0] - a[0]);
  return best[0] > 0 ? best[1] : undefined;
}

/** Parses an array of objects or JSON Lines; undefined if the text is neither. */
function objects(text) {
  if (text.trimStart().startsWith("[")) {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    try {
      return line.trim() ? [JSON.parse(line)] : [];
    } catch {
      throw new Error(`Line ${index + 1} is not valid JSON.`);
    }
  });
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns whether the first line, or the whole text, is a JSON object or an array of objects. */
function looksLikeJson(text) {
  const start = text.trimStart();
  if (start.startsWith("[")) {
    return objects(text)?.every?.(isObject) ?? false;
  }
  try {
    return isObject(JSON.parse(start.split("\n", 1)[0]));
  } catch {
    return false;
  }
}

/**
 * Reads a file: `{cells, names, delimiter}`. `cells` are all rows, `names` the columns of JSON;
 * without a delimiter each row is a line of text.
 */
function readTable(bytes, fileName) {
  let text = decoded(bytes, fileName).replace(/^\ufeff/, "");
  if (looksLikeJson(text)) {
    const rows = objects(text);
    const names = [...new Set(rows.flatMap(Object.keys))];
    const shown = (value) => (typeof value === "string" ? value : value == null ? "" : JSON.stringify(value));
    const cells = rows.map((row) => names.map((name) => (Object.hasOwn(row, name) ? shown(row[name]) : "")));
    return { cells, names, delimiter: "," };
  }
  const declared = /^sep=(.)\r?\n/.exec(text);
  text = declared ? text.slice(declared[0].length) : text;
  const delimiter = declared?.[1] ?? (/\.txt$/i.test(fileName) ? undefined : delimiterOf(text));
  if (delimiter === undefined) {
    return { cells: delimitedRows(text, undefined, false).rows };
  }
  const quoted = delimitedRows(text, delimiter);
  const { rows } = quoted.isBalanced ? quoted : delimitedRows(text, delimiter, false);
  return { cells: rows, delimiter };
}

/** Returns whether the first row has column names: those of training, or short distinct words. */
function hasHeader([first], trained) {
  const isName = (cell) => cell.trim() && cell.length <= MAX_NAME && Number.isNaN(Number(cell.replace(",", ".")));
  const isKnown = trained?.some((name) => first.includes(name));
  return isKnown || (first.every(isName) && new Set(first).size === first.length);
}

/** Returns the columns to classify: those of training, else the `count` with the longest texts. */
function textColumns(names, rows, trained, count) {
  const known = (trained ?? []).map((name) => names.indexOf(name));
  if (known.length && known.every((index) => index >= 0)) {
    return known;
  }
  const sample = rows.slice(0, SAMPLE_ROWS);
  const length = (index) => sample.reduce((sum, row) => sum + (row[index] ?? "").length, 0);
  const ranked = names.map((_, index) => index).sort((a, b) => length(b) - length(a));
  return ranked.slice(0, count).sort((a, b) => a - b);
}

/**
 * Returns a cell that no spreadsheet evaluates as a formula: those can open addresses and start
 * programs. A signed number stays as it is. The user's own cells are copied unchanged.
 */
function inert(cell) {
  const isFormula = /^[=+\-@\t\r]/.test(cell) && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);
  return isFormula ? `'${cell}` : cell;
}

/** Returns rows of cells as delimited text with a byte order mark, which Excel needs for UTF-8. */
function writeTable(rows, delimiter) {
  const needsQuotes = (cell) => /["\r\n]|^\s|\s$/.test(cell) || cell.includes(delimiter);
  const written = (cell) => (needsQuotes(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return `\ufeff${rows.map((row) => row.map(written).join(delimiter)).join("\r\n")}\r\n`;
}
