//! Short interactive lessons on masked language models, with the page itself as the example.
//!
//! Sources: Devlin et al. 2019 (masked LM, next-sentence prediction), Vaswani et al. 2017
//! (attention, position-wise feed-forward network), Firth 1957 and Levy et al. 2015 (word vectors).
//! The questions come from the documentation of the 2018 system.

use super::choice::SwitchField;
use super::lesson_link::LessonLink;
use super::slow_motion::{SlowMotionForm, SlowMotionView};
use crate::context::app;
use crate::focus;
use crate::guide::LESSONS;
use crate::language::translated;
use crate::preview_context::scope;
use crate::settings::NSP;
use crate::state::{Masking, Stage, StateSlice};
use crate::tr;
use crate::wording::{self, figure, percent};
use crate::workspace::{Section, Step};
use leptos::prelude::*;
use protocol::{Candidate, MaskKind, MaskedToken, Phase};

/// All lessons, collapsed except for the one that the link requests.
#[component]
pub fn LearnPanel() -> impl IntoView {
    let app = app();
    // A requested lesson is shown alone: the others would push it and the model it refers to out of
    // view.
    let all = RwSignal::new(app.guide.with_value(|guide| guide.lesson.is_none()));
    provide_context(AllLessons(all));
    let show_all = move |_| {
        all.set(true);
        // The button disappears with the focus on it; the lessons are mounted in the next frame.
        request_animation_frame(|| focus::on("#learn .lesson summary"));
    };
    view! {
        <Section
            step=Step::Learn
            lead=tr!("Short lessons on what happens here. Each has a short activity; do it to complete the lesson.")
        >
            <BothSides />
            <ThreeTreatments />
            <WordVectors />
            <NextSentence />
            <Attention />
            <OneWord />
            <PositionWise />
            <div hidden=move || !all.get()><LessonLink /></div>
            <div class="buttons" hidden=all>
                <button type="button" class="quiet" on:click=show_all>{tr!("All lessons")}</button>
            </div>
        </Section>
    }
    .into_any()
}

/// Context: whether all lessons are listed.
#[derive(Clone, Copy)]
struct AllLessons(RwSignal<bool>);

#[component]
fn Lesson(
    /// Name of the lesson in links.
    name: &'static str,
    /// Whether the exercise of the lesson has been completed.
    done: Signal<bool>,
    children: Children,
) -> impl IntoView {
    let app = app();
    let title = LESSONS.iter().find(|(lesson, _)| *lesson == name);
    let title = title.map(|(_, title)| translated(title));
    let is_requested = app
        .guide
        .with_value(|guide| guide.lesson.as_deref() == Some(name));
    let AllLessons(all) = expect_context();
    let completed = RwSignal::new(lessons::is_done(name));
    Effect::new(move |_| {
        if done.get() && !completed.get_untracked() {
            lessons::remember(name);
            completed.set(true);
        }
    });
    let mark = move || {
        if completed.get() {
            tr!("✓ done")
        } else {
            String::new()
        }
    };
    view! {
        <details id=format!("lesson-{name}") class="lesson" open=is_requested hidden=move || !is_requested && !all.get()>
            <summary>{title}" "<span class="summary-note" role="status">{mark}</span></summary>
            <div class="lesson-body">{children()}</div>
        </details>
    }
}

/// Lessons completed in this browser, or in this tab if storage is denied.
mod lessons {
    use crate::local_storage;

    const KEY: &str = "clozelab-lessons";

    fn saved() -> String {
        local_storage::get(KEY).unwrap_or_default()
    }

    /// Returns whether the lesson was completed before.
    pub fn is_done(name: &str) -> bool {
        saved().split(',').any(|other| other == name)
    }

    /// Saves that the lesson was completed.
    pub fn remember(name: &str) {
        local_storage::keep(KEY, format!("{},{name}", saved()).trim_start_matches(','));
    }
}

/// The same mask with its left context only, and with context on both sides.
const QUESTIONS: [&str; 2] = ["a [MASK]", "a [MASK] used for cutting wood"];

#[component]
fn BothSides() -> impl IntoView {
    let app = app();
    let ready = app.memo(&[StateSlice::Runs, StateSlice::Engine], |state| {
        state.model.guesses
    });
    // Which answers the user has asked for; both are computed by the same model.
    let asked = RwSignal::new([false; QUESTIONS.len()]);
    let answers = app.memo(&[StateSlice::Answers], |state| state.contexts.clone());
    let done = Signal::derive(move || {
        asked.get().iter().all(|asked| *asked) && answers.with(|answers| !answers.is_empty())
    });
    let ask = move |place: usize| {
        asked.update(|asked| asked[place] = true);
        if answers.with_untracked(Vec::is_empty) {
            app.compare_contexts(&QUESTIONS);
        }
    };
    let column = move |place: usize| {
        let item = |candidate: Candidate| {
            view! { <li><bdi>{candidate.token}</bdi> " " <span class="help">{percent(candidate.score)}</span></li> }
        };
        let answer = move || {
            let answer = answers.with(|answers| answers.get(place).cloned());
            answer.filter(|_| asked.get()[place])
        };
        let items = move || answer().map(|best| best.into_iter().map(item).collect_view());
        view! {
            <div hidden=move || answer().is_none()>
                <p><b>{QUESTIONS[place]}</b></p>
                <ol>{items}</ol>
            </div>
        }
    };
    view! {
        <Lesson name="masked-lm" done>
            <p>
                {tr!("A left-to-right language model factors a sentence into next words: each word is guessed from those before it, and never sees those after it. A right-to-left model does the reverse. A masked language model hides some words and guesses them from everything that is left, on both sides at once. It cannot write text word by word, but what it learns of a word takes the whole sentence into account.")}
            </p>
            <p>{tr!("Try it: the same blank, first with only what stands before it, then with both sides.")}</p>
            <div class="buttons">
                <button type="button" disabled=move || !ready.get() on:click=move |_| ask(0)>
                    {tr!("Context before only")}
                </button>
                <button type="button" disabled=move || !ready.get() on:click=move |_| ask(1)>
                    {tr!("Context on both sides")}
                </button>
            </div>
            <p class="help" hidden=ready>{tr!("Pre-train or open a model first.")}</p>
            <div class="side-by-side" data-testid="both-sides" role="status">{column(0)} {column(1)}</div>
        </Lesson>
    }
}

#[component]
fn ThreeTreatments() -> impl IntoView {
    let app = app();
    let scope = scope();
    let masking = app.memo(&[StateSlice::Masking], |state| {
        state.masking.as_ref().map(count_kinds)
    });
    let is_drawn = RwSignal::new(false);
    let done = is_drawn.into();
    let again = move |_| {
        is_drawn.set(true);
        scope.epoch.update(|epoch| *epoch += 1);
        scope.look();
    };
    view! {
        <Lesson name="masking" done>
            <p>
                {tr!("Of the words that are chosen, 80 % become [MASK], 10 % become a random word and 10 % stay. If all became [MASK], the model could learn to think only where [MASK] stands, and later, when you label your text, there is none. A random word forces it to doubt every word that it sees; a kept one forces it to have an opinion on a word even where it is right.")}
            </p>
            <p class="status" aria-live="polite">
                {move || masking.get().unwrap_or_else(|| tr!("No text has been read yet."))}
            </p>
            <button type="button" disabled=move || masking.with(Option::is_none) on:click=again>
                {tr!("Draw another mask")}
            </button>
        </Lesson>
    }
}

fn count_kinds(masking: &Masking) -> String {
    let count = |kind| {
        masking
            .tokens
            .iter()
            .filter(|token| token.kind == kind)
            .count() as u64
    };
    let (hidden, swapped, kept) = (
        count(MaskKind::Masked),
        count(MaskKind::Random),
        count(MaskKind::Kept),
    );
    let tokens = masking
        .tokens
        .iter()
        .filter(|token| token.kind != MaskKind::Special)
        .count() as u64;
    let pairs = masking
        .tokens
        .iter()
        .filter(|token| token.kind == MaskKind::Random);
    let became = |token: &MaskedToken| {
        let (original, shown) = (&token.original, &token.shown);
        tr!("“{original}” became “{shown}”", original, shown)
    };
    let (tokens, swaps) = (
        wording::tokens(tokens),
        pairs.map(became).collect::<Vec<_>>().join(", "),
    );
    if swaps.is_empty() {
        return tr!(
            "In the text under the microscope, of {tokens}: {hidden} hidden, {swapped} swapped, {kept} kept.",
            tokens,
            hidden,
            swapped,
            kept
        );
    }
    tr!(
        "In the text under the microscope, of {tokens}: {hidden} hidden, {swapped} swapped ({swaps}), {kept} kept.",
        tokens,
        hidden,
        swapped,
        swaps,
        kept
    )
}

/// Words of the bundled text whose nearest neighbours are instructive.
const EXAMPLE_WORDS: [&str; 3] = ["river", "yellow", "musician"];

#[component]
fn WordVectors() -> impl IntoView {
    let app = app();
    let ready = app.memo(&[StateSlice::Engine, StateSlice::Corpus], |state| {
        state.corpus.is_some()
    });
    let found = app.memo(&[StateSlice::Answers], |state| {
        let found = state
            .neighbours
            .as_ref()
            .filter(|found| EXAMPLE_WORDS.contains(&found.word.as_str()))?;
        let words = |near: &[Candidate]| {
            near.iter()
                .take(5)
                .map(|near| near.token.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (word, own) = (found.word.clone(), words(&found.own));
        Some(if found.model.is_empty() {
            tr!("{word}, from co-occurrence alone: {own}.", word, own)
        } else {
            let model = words(&found.model);
            tr!(
                "{word}, from co-occurrence alone: {own}. In the language model: {model}.",
                word,
                own,
                model
            )
        })
    });
    let done = Signal::derive(move || found.with(Option::is_some));
    let button = move |word: &'static str| {
        view! {
            <button type="button" disabled=move || !ready.get() on:click=move |_| app.neighbours(word.into())>
                {word}
            </button>
        }
    };
    view! {
        <Lesson name="word-vectors" done>
            <p>
                {tr!("Before any training, the page counts which words stand near which, at most five apart, and records how much more often than chance each pair occurs (positive pointwise mutual information). A table of thousands of rows and columns is then reduced to about a hundred numbers per word. Words with the same neighbours get nearly the same numbers, although nobody said what they mean: “You shall know a word by the company it keeps” (Firth 1957). Pre-training starts from these vectors and is far ahead of a random start.")}
            </p>
            <p>{tr!("Try it: the nearest words of a word, before and after pre-training. Under Vocabulary you can ask for any other.")}</p>
            <div class="buttons">{EXAMPLE_WORDS.map(button).collect_view()}</div>
            <p class="help" hidden=ready>{tr!("No text has been read yet.")}</p>
            <p class="status" role="status" data-testid="company" hidden=move || found.with(Option::is_none)>{found}</p>
        </Lesson>
    }
}

#[component]
fn NextSentence() -> impl IntoView {
    let app = app();
    let latest = app.memo(&[StateSlice::Runs], |state| {
        let mut runs = state
            .runs_of(Phase::Pretrain)
            .filter_map(|run| Some((run.name(), run.held_out.last()?.pairs?)));
        runs.next_back().map(|(name, (loss, accuracy))| {
            tr!(
                "{name}: {share} of the pairs told right, loss {loss} nats (0.69 is chance).",
                name,
                share = percent(accuracy),
                loss = figure(loss, 2)
            )
        })
    });
    let done = Signal::derive(move || latest.with(Option::is_some));
    view! {
        <Lesson name="next-sentence" done>
            <p>
                {tr!("Two texts go in together, [CLS] the man went to the store [SEP] he bought a gallon of milk [SEP]. Half of the time the second one really follows (IsNext), half of the time it is a random one from another document (NotNext): penguins are flightless birds. The model tells which, from the vector of the whole text. It was meant for tasks on pairs; later work (Liu et al. 2019) found that it helps little, which is why it is a switch here. It needs documents of several sentences: a dictionary of one-sentence definitions makes it easy and useless.")}
            </p>
            <p>{tr!("Try it: switch it on, pre-train, and its loss is reported beside the other.")}</p>
            <SwitchField switch=NSP />
            <p class="status" hidden=move || latest.with(Option::is_none)>{latest}</p>
        </Lesson>
    }
}

#[component]
fn Attention() -> impl IntoView {
    let app = app();
    let reason = app.memo(
        &[
            StateSlice::Engine,
            StateSlice::Corpus,
            StateSlice::Runs,
            StateSlice::Progress,
        ],
        |state| state.reason_not_to_count(),
    );
    let counted = app.memo(&[StateSlice::Answers], |state| state.counted.clone());
    let done = app.memo(&[StateSlice::Runs, StateSlice::Answers], |state| {
        let counts = |run: &crate::state::Run| {
            run.id.starts_with("counting") && run.stage == Stage::Finished
        };
        state.runs.iter().any(counts)
    });
    let done = Signal::derive(move || done.get());
    view! {
        <Lesson name="attention" done>
            <p>
                {tr!("Each position asks a question (its query), offers a description of itself (its key) and something to take away (its value). A position compares its query with every key, turns the matches into shares that sum to 1, and takes that mixture of values: any two words are one step apart, however far they stand. Several heads do this side by side on smaller vectors, so that one can look at the word before while another looks for a verb. In the student project of 2018 that this page re-creates, the heads were put back together in the wrong order, which is one of the reasons why its Transformer never learned.")}
            </p>
            <p>
                {tr!("Try it: a hundred coin flips, and the question whether more than 51 are heads. It can only be answered by a head that looks at all positions evenly. The published BERT, with 2 layers of 128, learns it in well under the 10,000 steps that the same project expected, within a few minutes.")}
            </p>
            <button
                type="button"
                data-testid="start-toy"
                aria-describedby="start-toy-reason"
                disabled=move || reason.get().is_some()
                on:click=move |_| app.toy()
            >
                {tr!("Let it learn to count")}
            </button>
            <p id="start-toy-reason" class="help">{move || reason.get().unwrap_or_default()}</p>
            <p class="status" data-testid="toy-result" hidden=move || counted.with(Option::is_none)>{counted}</p>
        </Lesson>
    }
}

#[component]
fn OneWord() -> impl IntoView {
    let frame = expect_context::<SlowMotionView>().frame;
    let done = Signal::derive(move || frame.get() > 0);
    view! {
        <Lesson name="slow-motion" done>
            <p>
                {tr!("Follow one masked word through the model with its real numbers: embedding, scores, softmax, weighted values and prediction. Then see what one training step changes.")}
            </p>
            <SlowMotionForm />
        </Lesson>
    }
}

#[component]
fn PositionWise() -> impl IntoView {
    let app = app();
    let choose = move |preset: &'static str| {
        app.settings
            .update(|settings| settings.edit("preset", preset).unwrap_or_default());
    };
    let runs = app.memo(&[StateSlice::Runs], |state| {
        let line = |run: &crate::state::Run| {
            let (settings, loss) = (&run.settings, figure(run.held_out.last()?.loss, 2));
            Some(tr!("{settings}: held-out loss {loss}", settings, loss))
        };
        state
            .runs_of(Phase::Pretrain)
            .filter_map(line)
            .collect::<Vec<_>>()
    });
    let done = Signal::derive(move || runs.with(|runs| runs.len() >= 2));
    view! {
        <Lesson name="position-wise" done>
            <p>
                {tr!("After each round of attention, a small network with one hidden layer, four times as wide, is applied to every position by itself: attention moves information between positions, this network works on it in place. Most of a block's weights stand here.")}
            </p>
            <p>
                {tr!("Try it: pre-train with the mean of all words, which has neither, then with convolutions, which see a few neighbours, then with the Transformer, for the same length. The three losses tell what order, neighbours and distance are worth on your text.")}
            </p>
            <div class="buttons">
                <button type="button" on:click=move |_| choose("mean")>{tr!("Take the mean")}</button>
                <button type="button" on:click=move |_| choose("textcnn")>{tr!("Take convolutions")}</button>
                <button type="button" on:click=move |_| choose("fast-tiny")>{tr!("Take the Transformer")}</button>
            </div>
            <p class="help">
                {move || {
                    let preset = app.settings.with(|settings| settings.pretrain.preset.clone());
                    tr!("Chosen now: {preset}.", preset)
                }}
            </p>
            <ul class="plain">{move || runs.get().into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ul>
        </Lesson>
    }
}
