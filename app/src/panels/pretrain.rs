//! Pre-training: its settings, estimate and warnings, and its curves in detail.

use super::choice::{ChoiceField, SwitchField};
use super::deferred_mount::DeferredMount;
use super::estimate::EstimateLine;
use super::field::NumberField;
use super::file_button::FileButton;
use super::hero::{PretrainAction, PretrainStatus};
use super::loss_chart::{Curves, LossTable};
use super::presets::PresetCards;
use super::start::{ApplyChanges, PhaseWarnings};
use crate::context::app;
use crate::file_import::Source;
use crate::localize_message::localize_message;
use crate::settings::{FIELDS, Field, LENGTHS, NSP, SWITCHES, TOKENIZER};
use crate::state::StateSlice;
use crate::tr;
use crate::workspace::{OnlyIn, Section, Step, in_page};
use leptos::prelude::*;
use protocol::{Phase, StartFrom};

/// The pre-training panel.
#[component]
pub fn PretrainPanel() -> impl IntoView {
    view! {
        <Section
            step=Step::Pretrain
            lead=tr!("Some tokens of each document are masked, and the model learns to predict them. No labels are needed.")
            action=view! { <PretrainAction /> }.into_any()
        >
            <PretrainStatus />
            <PresetCards />
            <div class="fields">
                <LengthField />
            </div>
            <details class="more">
                <summary>{tr!("More settings")}</summary>
                <DeferredMount>
                    <div class="fields">
                        <ChoiceField choice=TOKENIZER />
                        {FIELDS.map(|key| view! { <NumberField field=Field::of(key) /> }).collect_view()}
                    </div>
                </DeferredMount>
                <DeferredMount>
                    <SwitchField switch=NSP />
                    {SWITCHES.map(|switch| view! { <SwitchField switch /> }).collect_view()}
                    <WordVectors />
                </DeferredMount>
            </details>
            <OnlyIn is_here=in_page><ApplyChanges /></OnlyIn>
            <EstimateLine />
            <GoOn />
            <OnlyIn is_here=in_page><PhaseWarnings phase=Phase::Pretrain /></OnlyIn>
            <OnlyIn is_here=in_page><DeferredMount><Curves /></DeferredMount></OnlyIn>
            <DeferredMount><LossTable /></DeferredMount>
        </Section>
    }
    .into_any()
}

/// Button that continues training the current model.
#[component]
fn GoOn() -> impl IntoView {
    let app = app();
    let reason = app.memo(
        &[
            StateSlice::Engine,
            StateSlice::Corpus,
            StateSlice::Runs,
            StateSlice::Progress,
        ],
        |state| state.reason_not_to_start(Phase::Pretrain, StartFrom::Scratch),
    );
    let has_model = app.memo(&[StateSlice::Runs, StateSlice::Engine], |state| {
        state.model.pretrained
    });
    view! {
        <div class="start" hidden=move || !has_model.get()>
            <button
                type="button"
                data-testid="go-on"
                disabled=move || reason.get().is_some()
                on:click=move |_| app.pretrain(true)
            >
                {tr!("Continue training the current model")}
            </button>
            <p class="help">{tr!("Trains for the length set above with a new learning-rate schedule. Vocabulary and model size stay the same.")}</p>
        </div>
    }
}

/// Input for pre-trained word vectors that initialise the embeddings of new models.
#[component]
fn WordVectors() -> impl IntoView {
    let app = app();
    let name = RwSignal::new(app.word_vectors());
    let take = move |sources: Result<Vec<Source>, String>| {
        if let Some(source) = sources.unwrap_or_default().into_iter().next() {
            name.set(Some(source.name.clone()));
            app.set_word_vectors(Some(source));
        }
    };
    let clear = move |_| {
        name.set(None);
        app.set_word_vectors(None);
    };
    let words = move || match name.get() {
        Some(name) => tr!("New models start from the vectors in {name}.", name),
        None => tr!("A new model can start from word vectors in word2vec's text form."),
    };
    view! {
        <div class="block">
            <p class="help">{words}</p>
            <div class="buttons">
                <FileButton id="choose-vectors" testid="vectors-input" words=tr!("Choose word vectors") take=take />
                <button type="button" hidden=move || name.with(Option::is_none) on:click=clear>
                    {tr!("Start from random ones again")}
                </button>
            </div>
        </div>
    }
}

#[component]
fn LengthField() -> impl IntoView {
    let app = app();
    let (unit, _) = app.settings.with_untracked(|settings| settings.length());
    let unit = RwSignal::new(unit);
    let rejected = RwSignal::new(None::<String>);
    let set = move |text: &str| {
        let result = app
            .settings
            .try_update(|settings| settings.set_length(unit.get_untracked(), text));
        rejected.set(
            result
                .and_then(Result::err)
                .map(|error| localize_message(&error.message)),
        );
    };
    let choose = move |event| {
        let key = event_target_value(&event);
        unit.set(
            LENGTHS
                .into_iter()
                .find(|length| *length == key)
                .unwrap_or("epochs"),
        );
        set("");
    };
    let default = move || {
        if unit.get() == "epochs" {
            tr!("automatic")
        } else {
            String::new()
        }
    };
    let option = move |key: &'static str| {
        view! { <option value=key selected=key == unit.get_untracked()>{Field::of(key).label()}</option> }
    };
    let help = move || {
        rejected.get().unwrap_or_else(|| {
            tr!("Empty means one pass over much text, and up to eight over little.")
        })
    };
    view! {
        <div class="field">
            <label for="set-length">{tr!("Length")}</label>
            <div class="joined">
                <input
                    id="set-length"
                    type="text"
                    inputmode="decimal"
                    autocomplete="off"
                    placeholder=default
                    aria-describedby="set-length-help"
                    aria-invalid=move || rejected.with(Option::is_some).to_string()
                    prop:value=move || app.settings.with(|settings| settings.value(unit.get()))
                    on:change=move |event| set(&event_target_value(&event))
                />
                <select aria-label=tr!("Unit of the length") on:change=choose>
                    {LENGTHS.map(option).collect_view()}
                </select>
            </div>
            <p id="set-length-help" class="help" class:refused=move || rejected.with(Option::is_some)>{help}</p>
        </div>
    }
}
