// Files: labels each row of a table and saves the result.

const SHOWN_ROWS = 8;
/** Cells that stand for a missing text, as in training. */
const MISSING = new Set(source.missing);

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
  const texts = columns.map((index) => row[index]).filter((cell) => !MISSING.has((cell ?? "").trim()));
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
