// The page: passes texts and tables to the model, which runs in a worker, and shows its answers.

const SHOWN_LABELS = 5;
const SHOWN_ROWS = 8;
const SHOWN_TOKENS = 5;
const MAX_TOKENS = 512;

const element = (id) => document.getElementById(id);
const source = JSON.parse(element("model").textContent);
const { files } = source;
const config = files["config.json"];
const labels = Object.values(config.id2label ?? {});
const { names: trainedColumns, is_pair: hasPairColumns } = config.clozelab_text_columns ?? {};
const hasSegments = config.type_vocab_size > 1;
const isPair = Boolean(config.clozelab_pairs || hasPairColumns || (hasSegments && config.model_type !== "bert"));
/** A BERT has two token types whether or not it was trained on pairs. */
const mayBePair = isPair || (hasSegments && !trainedColumns);

/** Decodes base64 to bytes. */
function bytesOf(base64) {
  if (Uint8Array.fromBase64) {
    return Uint8Array.fromBase64(base64);
  }
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    bytes[i] = text.charCodeAt(i);
  }
  return bytes;
}

const code = new Blob([element("inference").textContent], { type: "text/javascript" });
const worker = new Worker(URL.createObjectURL(code));
const waiting = new Map();
let requests = 0;

worker.addEventListener("message", ({ data: { id, result, error } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error === undefined) {
    resolve(result);
  } else {
    reject(new Error(error));
  }
});

worker.addEventListener("error", (event) => showError(element("status"), event));

/** Calls a method of the model in the worker. */
function ask(method, ...values) {
  return new Promise((resolve, reject) => {
    const id = requests++;
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, method, values });
  });
}

/** Creates an element with a class and text. */
function make(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function percent(score) {
  return score.toLocaleString("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** Shows the message of an error in an element. */
function showError(container, { message }) {
  container.hidden = false;
  container.replaceChildren(make("span", "error", message || "The model could not be started in this browser."));
}

/** Shows names and probabilities as a list of bars. */
function bars(list, items) {
  list.replaceChildren(
    ...items.map(({ name, score, isPredicted }) => {
      const item = make("li", isPredicted ? "predicted" : "");
      const bar = make("div", "bar");
      bar.append(make("i", ""));
      bar.firstChild.style.width = percent(score);
      item.append(make("bdi", "", (isPredicted ? "✓ " : "") + name), bar, make("span", "score", percent(score)));
      return item;
    }),
  );
}

async function showLabels(event) {
  event.preventDefault();
  const second = element("second").value;
  const texts = [element("text").value, ...(mayBePair && second.trim() ? [second] : [])];
  try {
    const { labels: ranked, isCut } = await ask("classify", texts);
    const shown = ranked.filter(({ isPredicted }, rank) => isPredicted || rank < SHOWN_LABELS);
    bars(element("labels"), shown.map(({ label, score, isPredicted }) => ({ name: label, score, isPredicted })));
    const note = ranked.length === 0 ? "There is no text to label." : "";
    element("note").textContent = isCut ? "The text is longer than this model reads; its end was ignored." : note;
  } catch (error) {
    showError(element("note"), error);
  }
}

async function showPredictions(event) {
  event.preventDefault();
  const container = element("predictions");
  try {
    const masks = await ask("fillMask", element("masked").value, SHOWN_TOKENS);
    container.replaceChildren(
      ...masks.flatMap((candidates, index) => {
        const list = make("ol", "");
        bars(list, candidates.map(({ token, score }) => ({ name: token, score })));
        return masks.length > 1 ? [make("p", "note", `[MASK] ${index + 1}`), list] : [list];
      }),
    );
  } catch (error) {
    showError(container, error);
  }
}

// ---- Files ----

/** The opened file: `{name, delimiter, cells, names, rows}`; `names` is empty for lines of text. */
let table;
/** The added cells of each labelled row: label and confidence. */
let results = [];
let cutTexts = 0;
let isStopped = false;
let opened = 0;

/** Returns the columns of the text; -1 stands for no second text. */
function chosenColumns() {
  const selects = [...element("columns").querySelectorAll("select")];
  return selects.map((select) => Number(select.value)).filter((index) => index >= 0);
}

function columnField(index, chosen, count) {
  const field = make("p", "");
  const select = make("select", "");
  select.id = `column-${index}`;
  const position = ["First", "Second"][index] ?? `Text ${index + 1}`;
  const words = mayBePair ? `${position} text` : `${position} column of the text, joined`;
  const label = make("label", "", count === 1 ? "Column with the text" : words);
  label.htmlFor = select.id;
  if (mayBePair && index > 0) {
    select.append(new Option("none", -1));
  }
  table.names.forEach((name, column) => select.append(new Option(name, column)));
  select.value = chosen;
  select.addEventListener("change", resetResults);
  field.append(label, select);
  return field;
}

async function openFile(all) {
  const [file] = all;
  if (!file || labels.length === 0) {
    return;
  }
  isStopped = true;
  opened += 1;
  const own = opened;
  element("table").hidden = true;
  element("file-error").textContent = all.length > 1 ? `Only the first of these files is read: ${file.name}.` : "";
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    // Another file may have been chosen in the meantime.
    if (own !== opened) {
      return;
    }
    const read = readTable(bytes, file.name);
    if (read.cells.length === 0) {
      throw new Error(`${file.name} has no text.`);
    }
    table = { ...read, name: file.name };
    element("header-field").hidden = !read.delimiter || Boolean(read.names);
    element("header").checked = hasHeader(read.cells, trainedColumns);
    element("table").hidden = false;
    applyHeader();
  } catch (error) {
    const isFolder = error.name === "NotFoundError" || error.name === "NotReadableError";
    showError(element("file-error"), isFolder ? { message: "This is not a readable file. A folder cannot be opened." } : error);
  }
}

/** Separates the column names from the rows, and starts over with the labels. */
function applyHeader() {
  const { delimiter, cells } = table;
  const width = Math.max(...cells.slice(0, SAMPLE_ROWS).map((row) => row.length));
  const isNamed = !element("header-field").hidden && element("header").checked;
  const numbered = Array.from({ length: width }, (_, index) => `column ${index + 1}`);
  const jsonNames = element("header-field").hidden && delimiter ? table.names : undefined;
  table.names = jsonNames ?? (delimiter ? (isNamed ? cells[0] : numbered) : []);
  table.rows = isNamed ? cells.slice(1) : cells;
  const chosen = textColumns(table.names, table.rows, trainedColumns, isPair ? 2 : 1);
  const fields = mayBePair && chosen.length === 1 ? [...chosen, -1] : chosen;
  element("columns").replaceChildren(...fields.map((column, index) => columnField(index, column, fields.length)));
  const missing = delimiter ? (trainedColumns ?? []).filter((name) => !table.names.includes(name)) : [];
  const count = table.rows.length;
  const rows = `${table.name}: ${count.toLocaleString("en")} ${count === 1 ? "row" : "rows"}.`;
  const lacks = `It lacks columns of the training data (${missing.join(", ")}): check the column below.`;
  element("described").textContent = missing.length ? `${rows} ${lacks}` : rows;
  resetResults();
}

function resetResults() {
  [results, cutTexts, isStopped] = [[], 0, true];
  element("save").hidden = true;
  element("done").textContent = "";
  element("progress").hidden = true;
  showRows();
}

/** Returns the text of a row, or the two texts of a pair. */
function textsOf(row, columns) {
  if (!table.delimiter) {
    return row;
  }
  const texts = columns.map((index) => row[index]).filter((cell) => !isMissing(cell));
  return mayBePair || texts.length < 2 ? texts : [texts.join(" ")];
}

/** Returns the cells that are added to a row. */
function addedCells(ranked) {
  const predicted = ranked.filter(({ isPredicted }) => isPredicted);
  const names = predicted.map(({ label }) => label).join(";");
  return [inert(names), predicted.length ? predicted[0].score.toFixed(4) : ""];
}

/** Returns the cells of a row in the table to save. */
function outputRow(row, added) {
  if (!table.delimiter) {
    return [row[0], ...added];
  }
  return [...Array.from({ length: Math.max(table.names.length, row.length) }, (_, index) => row[index] ?? ""), ...added];
}

function header() {
  const names = table.delimiter ? table.names : ["text"];
  const added = ["label", "confidence"].map((name) => (names.includes(name) ? `predicted_${name}` : name));
  return [...names, ...added];
}

function showRows() {
  const head = make("tr", "");
  head.append(...header().map((name) => make("th", "", name)));
  const body = table.rows.slice(0, SHOWN_ROWS).map((row, index) => {
    const line = make("tr", "");
    const cells = outputRow(row, results[index] ?? ["", ""]);
    line.append(...cells.map((cell, column) => make("td", column === cells.length - 2 ? "label" : "", cell)));
    return line;
  });
  element("rows").replaceChildren(head, ...body);
}

async function labelRows() {
  const [columns, own, { rows }] = [chosenColumns(), table, table];
  resetResults();
  isStopped = false;
  const progress = element("progress");
  const setRunning = (isRunning) => {
    element("start").disabled = isRunning;
    element("stop").hidden = !isRunning;
    progress.hidden = !isRunning;
  };
  setRunning(true);
  element("save").hidden = true;
  const began = performance.now();
  try {
    for (let index = 0; index < rows.length && !isStopped && table === own; index++) {
      const texts = textsOf(rows[index], columns);
      const { labels: ranked, isCut } = texts.length ? await ask("classify", texts) : { labels: [] };
      // The columns may have been changed, or another file opened, while the model was at work.
      if (isStopped || table !== own) {
        break;
      }
      cutTexts += Number(isCut ?? false);
      results[index] = addedCells(ranked);
      progress.value = (index + 1) / rows.length;
      if (index < SHOWN_ROWS) {
        showRows();
      }
      if (index % 10 === 0 || index + 1 === rows.length) {
        element("done").textContent = progressOf(rows.length, (performance.now() - began) / 1000);
      }
    }
  } catch (error) {
    showError(element("done"), error);
  }
  setRunning(false);
  element("save").hidden = table !== own || results.length === 0;
}

/** Describes how far the labelling of a file of `total` rows is after `seconds`. */
function progressOf(total, seconds) {
  const count = (number) => number.toLocaleString("en");
  const done = results.length;
  const left = Math.round((seconds / done) * (total - done));
  const empty = results.filter(([label]) => label === "").length;
  const notes = [
    left > 5 ? `About ${left < 120 ? `${left} s` : `${Math.round(left / 60)} min`} left.` : "",
    empty ? `Without text: ${count(empty)}.` : "",
    cutTexts ? `Longer than the model reads, so that the end was ignored: ${count(cutTexts)}.` : "",
  ];
  return [`${count(done)} of ${count(total)} rows labelled.`, ...notes].filter(Boolean).join(" ");
}

function saveTable() {
  const rows = results.map((added, index) => {
    const row = table.rows[index];
    return outputRow(table.delimiter ? row : [inert(row[0])], added);
  });
  const text = writeTable([header(), ...rows], table.delimiter ?? ",");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = `${table.name.replace(/\.[^.]*$/, "")}-labelled.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// ---- About ----

/** Shows the Markdown of a model card: headings, tables and paragraphs. */
function showCard(container, markdown) {
  const cells = (line) => line.split("|").slice(1, -1).map((cell) => cell.trim());
  const row = (line, tag) => {
    const made = make("tr", "");
    made.append(...cells(line).map((cell) => make(tag, "", cell.replaceAll("`", ""))));
    return made;
  };
  for (const block of markdown.split("\n\n")) {
    const lines = block.split("\n");
    if (block.startsWith("#")) {
      container.append(make("h3", "", block.replace(/^#+ /, "")));
    } else if (block.startsWith("|")) {
      const grid = make("table", "");
      grid.append(row(lines[0], "th"), ...lines.slice(2).map((line) => row(line, "td")));
      const scroll = make("div", "scroll");
      scroll.append(grid);
      container.append(scroll);
    } else {
      container.append(make("p", "", lines.join(" ").replaceAll("`", "")));
    }
  }
}

// ---- Start ----

function facts() {
  const { networks = 1, linear } = files["classifier.json"] ?? {};
  const positions = config.max_position_embeddings;
  if (labels.length === 0) {
    const size = config.vocab_size.toLocaleString("en");
    return `A masked language model with a vocabulary of ${size} tokens, words of its training text. It reads texts of up to ${positions} tokens.`;
  }
  const parts = `${networks === 1 ? "one network" : `${networks} networks`}${linear ? " and a linear classifier" : ""}`;
  const perText = config.problem_type === "multi_label_classification" ? "several per text" : "one per text";
  const read = config.clozelab_trained_len ?? Math.min(positions, MAX_TOKENS);
  return `A classifier with ${labels.length} labels, ${perText}: ${parts}. It reads the first ${read} tokens of a text. Its vocabulary has words of its training text.`;
}

async function start() {
  element("status").textContent = "Loading the model …";
  element("facts").textContent = facts();
  showCard(element("card"), source.card);
  const parsed = Object.fromEntries(
    Object.entries(files).map(([name, content]) => [name, name.endsWith(".safetensors") ? bytesOf(content) : content]),
  );
  await ask("open", parsed, source.unicode);
  element("status").hidden = true;
  element("classify").hidden = element("file").hidden = labels.length === 0;
  element("second-field").hidden = !mayBePair;
  element("fill").hidden = !source.fills_masks;
}

element("classify").querySelector("form").addEventListener("submit", showLabels);
element("fill").querySelector("form").addEventListener("submit", showPredictions);
element("choose").addEventListener("change", (event) => openFile(event.target.files));
element("start").addEventListener("click", labelRows);
element("header").addEventListener("change", applyHeader);
element("stop").addEventListener("click", () => (isStopped = true));
element("save").addEventListener("click", saveTable);
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", name === "dragover");
    if (name === "drop") {
      openFile(event.dataTransfer.files);
    }
  });
}
start().catch((error) => showError(element("status"), error));
