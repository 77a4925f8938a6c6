// The start of the page: what is known about the model, and the handlers.

const MAX_TOKENS = 512;

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
