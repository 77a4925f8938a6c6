//! Panel 3, fine-tuning: its initial weights, its settings, and its scores.

use super::choice::ChoiceField;
use super::compare::ComparePanel;
use super::field::NumberField;
use super::loss_chart::FinetuneCurves;
use super::scores::Scores;
use super::section::Section;
use super::start::{PhaseSentence, PhaseWarnings, StartButton};
use super::verdict::VerdictLine;
use crate::chart_context::ChartContext;
use crate::context::app;
use crate::settings::{CLASS_WEIGHTS, FREEZE, NEAR_DUPLICATES, TASK, finetune_fields};
use crate::tr;
use leptos::context::Provider;
use leptos::prelude::*;
use protocol::Phase;

/// The fine-tuning panel.
#[component]
pub fn FinetunePanel() -> impl IntoView {
    view! {
        <Section
            id="finetune"
            number="3"
            title=tr!("Fine-tune")
            lead=tr!("The labelled lines teach the classifier. Run it from both starts to see what pre-training is worth.")
        >
            <StartChoice />
            <div class="fields">
                {finetune_fields().map(|field| view! { <NumberField field /> }).collect_view()}
                <ChoiceField choice=TASK />
                <ChoiceField choice=FREEZE />
                <ChoiceField choice=CLASS_WEIGHTS />
                <ChoiceField choice=NEAR_DUPLICATES />
            </div>
            <StartButton phase=Phase::Finetune label=tr!("Start fine-tuning") testid="start-finetune" />
            <PhaseSentence phase=Phase::Finetune />
            <VerdictLine phase=Phase::Finetune />
            <PhaseWarnings phase=Phase::Finetune />
            // A separate chart context: the steps of fine-tuning are unrelated to those of
            // pre-training.
            <Provider value=ChartContext::default()>
                <Scores />
                <FinetuneCurves />
            </Provider>
            <ComparePanel />
        </Section>
    }
    .into_any()
}

#[component]
fn StartChoice() -> impl IntoView {
    view! {
        <fieldset>
            <legend>{tr!("Start from")}</legend>
            <StartOption value="pretrained" words=tr!("the pre-trained weights") />
            <StartOption value="scratch" words=tr!("scratch: random weights, same vocabulary") />
            <StartOption
                value="both"
                words=tr!("both, one after the other, beside n-grams: what is pre-training worth?")
            />
        </fieldset>
    }
}

#[component]
fn StartOption(value: &'static str, words: String) -> impl IntoView {
    let app = app();
    let choose = move |_| {
        app.settings
            .update(|settings| settings.edit("finetune-from", value).unwrap_or_default())
    };
    let chosen = move || {
        let now = app
            .settings
            .with(|settings| settings.value("finetune-from"));
        now == value || (now.is_empty() && value == "pretrained")
    };
    view! {
        <label class="option">
            <input
                type="radio"
                name="finetune-from"
                value=value
                prop:checked=chosen
                on:change=choose
            />
            {words}
        </label>
    }
}
