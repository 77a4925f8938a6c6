//! Data: choosing files by drop, file picker or folder picker, or using the bundled
//! dictionary, and what was read from them.

use super::choice::TableField;
use super::columns::ColumnPicker;
use super::deferred_mount::DeferredMount;
use super::file_button::FileButton;
use super::file_table::FileTable;
use super::first_documents::FirstDocuments;
use super::label_edits::{LabelEdits, LabelMerges, LabelNames};
use super::labels::{LabelHistogram, PasteBox};
use super::vocabulary::VocabularyTable;
use crate::context::{app, had_own_files};
use crate::language::translated;
use crate::localize_message::localize_message;
use crate::settings::{Field, QUOTING, TABLE_FIELDS};
use crate::state::{Corpus, RunState, StateSlice};
use crate::tr;
use crate::wording::{self, grouped};
use crate::workspace::{Panel, Section, Step};
use leptos::prelude::*;
use protocol::{CorpusTraits, FileReport, FileRole, Message, TableColumns, is_note};

/// The data panel: file input, file table, reader settings, warnings, labels and vocabulary.
#[component]
pub fn DataPanel() -> impl IntoView {
    provide_context(LabelEdits::new(app()));
    view! {
        <Section
            step=Step::Data
            lead=tr!("One document per line, or a table with a text column. Labels in a column or as __label__name also teach a classifier.")
            shape="three"
            panels=view! { <Panels /> }.into_any()
        >
            <DropZone />
            <StoreTextQuestion />
            <Totals />
            <Warnings />
            <FileTable />
            <Columns />
            <PasteBox />
        </Section>
    }
    .into_any()
}

/// What was read: the first documents, the labels and the vocabulary.
#[component]
fn Panels() -> impl IntoView {
    view! {
        <Panel id="documents" title=tr!("Documents") note=tr!("as they were read")>
            <ColumnRoles />
            <DeferredMount><FirstDocuments /></DeferredMount>
        </Panel>
        <Panel id="labels" title=tr!("Labels")>
            <DeferredMount><LabelHistogram><LabelNames /></LabelHistogram></DeferredMount>
        </Panel>
        <Panel id="vocabulary" title=tr!("Vocabulary") note=tr!("tokens and document lengths")>
            <DeferredMount><VocabularyTable /></DeferredMount>
        </Panel>
    }
}

/// Asks for permission to store the text, once, when the user first brings their own files.
#[component]
fn StoreTextQuestion() -> impl IntoView {
    let app = app();
    let is_asking =
        Memo::new(move |_| app.read(&[StateSlice::Corpus], |_| app.asks_to_store_text()));
    view! {
        <div class="start" hidden=move || !is_asking.get()>
            <p class="help">
                {tr!("May this browser store your text, so that a run can resume after a reload or a crash? It stays on this computer.")}
            </p>
            <button type="button" data-testid="store-text" on:click=move |_| app.answer_store_text(true)>{tr!("Store it")}</button>
            <button type="button" data-testid="store-no-text" on:click=move |_| app.answer_store_text(false)>
                {tr!("Do not store it")}
            </button>
        </div>
    }
}

#[component]
fn DropZone() -> impl IntoView {
    let app = app();
    let over = RwSignal::new(false);
    let own = Memo::new(move |_| app.read(&[StateSlice::Corpus], |_| app.has_own_files()));
    // The hint to choose the earlier files again is obsolete once the user has loaded files.
    let had = RwSignal::new(had_own_files());
    Effect::new(move |_| {
        if own.get() {
            had.set(false);
        }
    });
    let in_use = move || match had.get() {
        true => tr!(
            "Your files are not stored in the browser: choose them again. For now the bundled dictionary is loaded. Runs and models are stored."
        ),
        false => tr!("Using the bundled dictionary. Your own files will replace it."),
    };
    view! {
        <div
            class="drop-zone"
            class:over=over
            data-testid="drop-zone"
            on:dragenter=move |_| over.set(true)
            on:dragover=move |_| over.set(true)
            on:dragleave=move |_| over.set(false)
            on:drop=move |_| over.set(false)
        >
            <p class="drop-title">{tr!("Drop text files or folders here")}</p>
            <p class="help">
                {tr!("Plain text, CSV, TSV, JSON, .xlsx or .docx, also as .zip, .gz, .bz2 or .xz, in any encoding. A saved model is opened.")}
            </p>
            <div class="choices">
                <FileInput id="choose-files" label=tr!("Choose files") folder=false />
                <FileInput id="choose-folder" label=tr!("Choose a folder") folder=true />
                <button type="button" hidden=move || !own.get() on:click=move |_| app.go_back_to_bundle()>
                    {tr!("Use the bundled dictionary again")}
                </button>
            </div>
            <label class="option" hidden=move || !own.get()>
                <input
                    type="checkbox"
                    data-testid="join-files"
                    prop:checked=app.joins
                    on:change=move |event| app.joins.set(event_target_checked(&event))
                />
                <span>
                    {tr!("Add to these files")} " "
                    <span class="help">{tr!("A file with the same name replaces the old one.")}</span>
                </span>
            </label>
            <p class="help" hidden=own>{in_use}</p>
        </div>
    }
}

#[component]
fn FileInput(id: &'static str, label: String, folder: bool) -> impl IntoView {
    let app = app();
    let testid = if folder { "folder-input" } else { "file-input" };
    let take = move |sources| app.take(async move { sources }, &tr!("The files could not be read"));
    view! { <FileButton id testid words=label multiple=true folder take /> }
}

/// The tables among the files, with their names.
fn tables() -> Memo<Vec<(String, TableColumns)>> {
    app().memo(&[StateSlice::Corpus], |state| {
        let files = state
            .corpus
            .as_ref()
            .map(|corpus| corpus.files.as_slice())
            .unwrap_or_default();
        let table = |file: &FileReport| Some((file.name.clone(), file.columns.clone()?));
        files.iter().filter_map(table).collect::<Vec<_>>()
    })
}

/// Whether the engine cannot read files again at present.
fn busy() -> Memo<bool> {
    app().memo(
        &[StateSlice::Runs, StateSlice::Progress],
        RunState::is_at_work,
    )
}

/// The first rows of tables, with the roles of their columns.
#[component]
fn ColumnRoles() -> impl IntoView {
    view! { <ColumnPicker tables=tables() busy=busy() /> }
}

/// Columns of the tables, and the settings of the reader: columns, quoting and encoding.
#[component]
fn Columns() -> impl IntoView {
    let app = app();
    let changed = Callback::new(move |()| app.read_again());
    let tables = tables();
    let names = move || {
        let mut names: Vec<String> = Vec::new();
        tables.with(|tables| {
            for name in tables.iter().flat_map(|(_, columns)| &columns.names) {
                if names.len() < MAX_SUGGESTED && !names.contains(name) {
                    names.push(name.clone());
                }
            }
        });
        names
    };
    let option = |name: String| view! { <option value=name></option> };
    let sentence = |(file, columns): &(String, TableColumns)| view! { <li><bdi>{taken_from(file, columns)}</bdi></li> };
    let sentences = move || {
        let more = tables.with(|tables| tables.len().saturating_sub(MAX_TABLES) as u64);
        let more = (more > 0)
            .then(|| view! { <li>{tr!("… and {files} more.", files = grouped(more))}</li> });
        (
            tables.with(|tables| tables.iter().take(MAX_TABLES).map(sentence).collect_view()),
            more,
        )
    };
    // The fields stay enabled while files are read: a changed value triggers another read
    // afterwards.
    let busy = busy();
    view! {
        <ul class="plain help" data-testid="columns">{sentences}</ul>
        <details class="more">
            <summary>{tr!("Columns and encoding")}</summary>
            <datalist id="columns">{move || names().into_iter().map(option).collect_view()}</datalist>
            <div class="fields">
                {TABLE_FIELDS.map(|key| {
                    let suggests = key.ends_with("column");
                    view! { <TableField field=Field::of(key) suggests busy changed /> }
                }).collect_view()}
                <QuotingField busy />
                <EncodingField busy />
            </div>
        </details>
    }
}

/// Selector for the quoting style of table cells.
#[component]
fn QuotingField(busy: Memo<bool>) -> impl IntoView {
    let app = app();
    let option = move |(value, words): &'static (&'static str, &'static str)| {
        let chosen = move || {
            let now = app.settings.with(|settings| settings.value(QUOTING.key));
            now == *value || (now.is_empty() && *value == "auto")
        };
        view! { <option value=*value prop:selected=chosen>{translated(words)}</option> }
    };
    let choose = move |event: web_sys::Event| {
        let name = event_target_value(&event);
        app.settings
            .update(|settings| settings.edit(QUOTING.key, &name).unwrap_or_default());
        app.read_again();
    };
    view! {
        <div class="field">
            <label for="set-quoting">{QUOTING.label()}</label>
            <select id="set-quoting" disabled=busy on:change=choose>{QUOTING.options.iter().map(option).collect_view()}</select>
            <p class="help">{QUOTING.help()}</p>
        </div>
    }
}

/// Selector for the encoding of the user's files.
#[component]
fn EncodingField(busy: Memo<bool>) -> impl IntoView {
    let app = app();
    let option = move |(value, words): (&'static str, String)| {
        let chosen = move || {
            app.encoding
                .with(|encoding| encoding.as_deref().unwrap_or_default() == value)
        };
        view! { <option value=value prop:selected=chosen>{words}</option> }
    };
    let detected = std::iter::once(("", tr!("detect automatically")));
    let options = detected
        .chain(ENCODINGS.map(|name| (name, name.into())))
        .map(option);
    let choose = move |event: web_sys::Event| {
        let name = event_target_value(&event);
        app.encoding.set((!name.is_empty()).then_some(name));
        app.read_again();
    };
    view! {
        <div class="field">
            <label for="encoding">{tr!("Encoding")}</label>
            <select id="encoding" data-testid="encoding" disabled=busy on:change=choose>{options.collect_view()}</select>
            <p class="help">{tr!("Applies to all files. Change it if characters look wrong.")}</p>
        </div>
    }
}

/// Describes which columns of a table hold its text and its labels.
fn taken_from(file: &str, TableColumns { text, labels, .. }: &TableColumns) -> String {
    let (text, count) = (text.join(" + "), labels.len() as u64);
    match labels.as_slice() {
        [] => tr!(
            "{file}: the text is its column “{text}”; none holds labels.",
            file,
            text
        ),
        [label] => tr!(
            "{file}: the text is its column “{text}”, the labels are “{label}”.",
            file,
            text,
            label
        ),
        _ => {
            let more = if labels.len() > MAX_LABEL_COLUMNS {
                ", …"
            } else {
                ""
            };
            let labels = labels
                .iter()
                .take(MAX_LABEL_COLUMNS)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
                + more;
            let count = grouped(count);
            tr!(
                "{file}: the text is its column “{text}”, the labels are {count} columns: {labels}.",
                file,
                text,
                count,
                labels
            )
        }
    }
}

/// Maximum number of label columns named in a sentence.
const MAX_LABEL_COLUMNS: usize = 8;

/// Maximum number of columns suggested in the column inputs.
const MAX_SUGGESTED: usize = 200;

/// Maximum number of tables whose columns are listed; a folder may hold thousands of similar ones.
const MAX_TABLES: usize = 5;

/// Encodings offered for selection, by their WHATWG names.
const ENCODINGS: [&str; 12] = [
    "utf-8",
    "utf-16le",
    "windows-1252",
    "windows-1250",
    "windows-1251",
    "koi8-r",
    "windows-874",
    "gb18030",
    "big5",
    "shift_jis",
    "euc-jp",
    "euc-kr",
];

#[component]
fn Totals() -> impl IntoView {
    let app = app();
    let totals = app.memo(&[StateSlice::Corpus], |state| match &state.corpus {
        Some(corpus) if !state.reading => describe(corpus),
        _ if state.reading => tr!("The text is being read…"),
        _ => tr!("No text has been read yet."),
    });
    view! { <p class="totals">{totals}</p> }
}

fn describe(corpus: &Corpus) -> String {
    let [train, valid, test] = corpus.labelled.map(wording::documents);
    let text = tr!(
        "{documents} to learn from.",
        documents = wording::documents(corpus.documents)
    );
    let training = corpus
        .files
        .iter()
        .filter(|file| file.role == FileRole::Train)
        .map(|file| file.documents);
    let text = match training.sum::<u64>().saturating_sub(corpus.documents) {
        0 => text,
        held_out => {
            format!(
                "{text} {}",
                tr!(
                    "Set aside for validation: {documents}.",
                    documents = wording::documents(held_out)
                )
            )
        }
    };
    let CorpusTraits {
        repeated,
        leaked_valid,
        leaked_test,
        ..
    } = corpus.traits;
    let text = match repeated {
        0 => text,
        repeated => format!(
            "{text} {}",
            tr!("Duplicates: {count}.", count = grouped(repeated))
        ),
    };
    let text = match leaked_valid + leaked_test {
        0 => text,
        leaked => {
            format!(
                "{text} {}",
                tr!(
                    "Held-out texts that are training texts too: {count}.",
                    count = grouped(leaked)
                )
            )
        }
    };
    if corpus.labels == 0 {
        return format!(
            "{text} {}",
            tr!("No labels found. Choose a label column to train a classifier.")
        );
    }
    let labels = wording::labels(corpus.labels);
    let labelled = tr!(
        "{labels} on {train} for training, {valid} for validation, {test} for the test.",
        labels,
        train,
        valid,
        test
    );
    format!("{text} {labelled}")
}

#[component]
fn Warnings() -> impl IntoView {
    let app = app();
    // The columns in use are listed above.
    let warnings = app.memo(&[StateSlice::Corpus, StateSlice::Warnings], |state| {
        // The label map warning is expected: a label renamed twice has an old name that no file
        // contains.
        let is_shown = |code: &str| !["columns", "unused-label-map"].contains(&code);
        state
            .warnings
            .iter()
            .filter(|(code, _)| is_shown(code))
            .cloned()
            .collect::<Vec<_>>()
    });
    let is_minor = |code: &str| is_note(code) || code == "guessed-column";
    let row = move |(code, message): (String, Message)| view! { <li class:note=is_minor(&code)>{localize_message(&message)}</li> };
    view! {
        <Show when=move || warnings.with(|warnings| !warnings.is_empty())>
            <ul class="warnings">{move || warnings.get().into_iter().map(row).collect_view()}</ul>
        </Show>
        <LabelMerges />
    }
}
