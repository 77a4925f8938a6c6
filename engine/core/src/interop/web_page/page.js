// The page: passes texts to the model, which runs in a worker, and shows its answers.

const SHOWN_LABELS = 5;
const SHOWN_TOKENS = 5;

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
