//! The learned vocabulary: its coverage of the text, document lengths in tokens, a search over its
//! entries, nearest words, and tokenisation of any text.

use super::bar_table::{Bar, Bars};
use crate::context::app;
use crate::state::{StateSlice, Vocabulary};
use crate::tr;
use crate::wording::{self, figure, grouped, percent};
use crate::workspace::{Fold, Step};
use leptos::prelude::*;
use protocol::{Candidate, VocabularyEntry};

/// Collapsible view of the vocabulary.
#[component]
pub fn VocabularyTable() -> impl IntoView {
    let app = app();
    let vocabulary = app.memo(&[StateSlice::Vocabulary], |state| state.vocabulary.clone());
    let size = move || {
        vocabulary
            .with(|v| v.as_ref().map(|v| wording::tokens(v.size)))
            .unwrap_or_default()
    };
    let entries = move || {
        vocabulary
            .with(|v| v.as_ref().map(|v| v.entries.clone()))
            .unwrap_or_default()
    };
    let coverage =
        Memo::new(move |_| vocabulary.with(|v| v.as_ref().map(coverage).unwrap_or_default()));
    let lengths =
        Memo::new(move |_| vocabulary.with(|v| v.as_ref().map(lengths).unwrap_or_default()));
    let suggested = move || vocabulary.with(|v| v.as_ref().and_then(suggestion));
    let take = move |_| {
        let max_len = suggested()
            .map(|(max_len, _)| max_len.to_string())
            .unwrap_or_default();
        app.settings
            .update(|settings| settings.edit("max-len", &max_len).unwrap_or_default());
    };
    let unknown = move || vocabulary.with(|v| v.as_ref().map(unknown));
    view! {
        <Fold step=Step::Data title=move || tr!("Vocabulary: {size}", size = size()) testid="vocabulary">
            <TokenStrip />
            <NearestWords />
            <p class="help">{unknown}</p>
            <div class="pair">
                <Bars
                    caption=tr!("How much of the text the most common tokens cover")
                    heads=[tr!("Tokens"), tr!("Share of the text")]
                    rows=coverage
                />
                <Bars caption=tr!("How long documents are") heads=[tr!("Tokens"), tr!("Documents")] rows=lengths />
            </div>
            <div class="start" hidden=move || suggested().is_none()>
                <p class="help">{move || suggested().map(|(_, words)| words)}</p>
                <button type="button" on:click=take>{tr!("Use it")}</button>
            </div>
            <div class="field search">
                <label for="vocabulary-search">{tr!("Tokens that contain")}</label>
                <input
                    id="vocabulary-search"
                    type="search"
                    autocomplete="off"
                    on:input=move |event| app.look_up(event_target_value(&event))
                />
            </div>
            <div class="scroll tall" role="region" aria-label=tr!("Vocabulary entries") tabindex="0">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{tr!("Token")}</th>
                            <th scope="col" class="number">{tr!("ID")}</th>
                            <th scope="col" class="number">{tr!("Count")}</th>
                        </tr>
                    </thead>
                    <tbody>{move || entries().into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </Fold>
    }
    .into_any()
}

/// Tokenises a text while it is typed.
#[component]
fn TokenStrip() -> impl IntoView {
    let app = app();
    let tokens = app.memo(&[StateSlice::Answers], |state| state.tokenized.clone());
    let count =
        move || tokens.with(|tokens| tokens.as_ref().map(|tokens| wording::tokens(tokens.count)));
    let token = |entry: VocabularyEntry| {
        let (row, count) = (grouped(entry.id), grouped(entry.count));
        let words = tr!("row {row}, occurs {count} times", row, count);
        view! { <li class="token"><span class="shown" title=words><bdi>{entry.token}</bdi></span></li> }
    };
    view! {
        <div class="block">
            <label for="tokenize">{tr!("Type a text and see its tokens")}</label>
            <input
                id="tokenize"
                type="text"
                autocomplete="off"
                data-testid="tokenize-input"
                on:input=move |event| app.tokenize(event_target_value(&event))
            />
            <p class="help">{count}</p>
            <ol class="tokens strip" data-testid="tokenize-result">
                {move || tokens.get().unwrap_or_default().tokens.into_iter().map(token).collect_view()}
            </ol>
        </div>
    }
}

/// Nearest neighbours of a word, in the word vectors of the text and in the language model.
#[component]
fn NearestWords() -> impl IntoView {
    let app = app();
    let found = app.memo(&[StateSlice::Answers], |state| state.neighbours.clone());
    let word = RwSignal::new(String::new());
    let ask = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let word = word.get_untracked().trim().to_string();
        if !word.is_empty() {
            app.neighbours(word);
        }
    };
    let bars = |candidates: &[Candidate]| {
        let bar = |near: &Candidate| Bar {
            name: near.token.clone(),
            share: near.score.clamp(0.0, 1.0),
            words: figure(near.score, 2),
        };
        candidates.iter().map(bar).collect::<Vec<Bar>>()
    };
    let own = Memo::new(move |_| {
        found.with(|found| found.as_ref().map(|f| bars(&f.own)).unwrap_or_default())
    });
    let model = Memo::new(move |_| {
        found.with(|found| found.as_ref().map(|f| bars(&f.model)).unwrap_or_default())
    });
    view! {
        <form class="block" data-testid="vectors" on:submit=ask>
            <label for="nearest">{tr!("Type a word and see its nearest words")}</label>
            <div class="ask">
                <input
                    id="nearest"
                    type="text"
                    autocomplete="off"
                    data-testid="nearest-input"
                    on:input=move |event| word.set(event_target_value(&event))
                />
                <button type="submit">{tr!("Show")}</button>
            </div>
            <p class="help">
                {tr!("Words that keep the same company get vectors that point the same way. They come from counts of your own text, and by default pre-training starts from them.")}
            </p>
            <div class="pair">
                <Bars
                    caption=tr!("In the text's own word vectors")
                    heads=[tr!("Token"), tr!("Cosine")]
                    rows=own
                />
                <Bars caption=tr!("In the language model") heads=[tr!("Token"), tr!("Cosine")] rows=model />
            </div>
        </form>
    }
}

fn coverage(vocabulary: &Vocabulary) -> Vec<Bar> {
    let bar = |point: &protocol::CoveragePoint| Bar {
        name: grouped(point.tokens),
        share: point.share,
        words: percent(point.share),
    };
    vocabulary
        .coverage
        .iter()
        .filter(|point| point.tokens >= MIN_COVERAGE_TOKENS)
        .map(bar)
        .collect()
}

/// Minimum number of tokens for a row of the coverage table.
const MIN_COVERAGE_TOKENS: u64 = 16;

fn lengths(vocabulary: &Vocabulary) -> Vec<Bar> {
    let max = vocabulary
        .lengths
        .iter()
        .map(|count| count.documents)
        .max()
        .unwrap_or(0)
        .max(1) as f64;
    let bar = |count: &protocol::LengthCount| Bar {
        name: tr!("up to {tokens}", tokens = grouped(count.up_to)),
        share: count.documents as f64 / max,
        words: grouped(count.documents),
    };
    vocabulary.lengths.iter().map(bar).collect()
}

fn unknown(vocabulary: &Vocabulary) -> String {
    match vocabulary.unknown_share {
        share if share > 0.0 => tr!(
            "It does not know {share} of the tokens of your files.",
            share = percent(share)
        ),
        _ => tr!("It knows every token of your files."),
    }
}

/// Share of the documents that fit the suggested maximum length without truncation; the engine's
/// default.
const FITTING_SHARE: f64 = 0.98;

/// Returns the shortest maximum length, a multiple of 8 including `[CLS]` and `[SEP]`, that fits
/// nearly all documents, and a sentence with the share that fits.
fn suggestion(vocabulary: &Vocabulary) -> Option<(u64, String)> {
    let all: u64 = vocabulary.lengths.iter().map(|count| count.documents).sum();
    let mut fitting = 0;
    let enough = vocabulary.lengths.iter().find(|count| {
        fitting += count.documents;
        fitting as f64 >= FITTING_SHARE * all as f64
    })?;
    let max_len = (enough.up_to + 2).next_multiple_of(8);
    let share = percent(fitting as f64 / all as f64);
    Some((
        max_len,
        tr!(
            "With a maximum length of {max_len}, {share} of the documents fit whole.",
            max_len,
            share
        ),
    ))
}

fn row(entry: VocabularyEntry) -> impl IntoView {
    view! {
        <tr>
            <th scope="row"><bdi>{entry.token}</bdi></th>
            <td class="number">{grouped(entry.id)}</td>
            <td class="number">{grouped(entry.count)}</td>
        </tr>
    }
}
