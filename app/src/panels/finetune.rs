//! Fine-tuning: its initial weights, its settings, and its scores.

use super::choice::ChoiceField;
use super::compare::ComparePanel;
use super::field::NumberField;
use super::loss_chart::FinetuneCurves;
use super::scores::{LabelTable, Scores};
use super::start::{PhaseSentence, PhaseWarnings, StartButton};
use super::verdict::VerdictLine;
use crate::chart_context::ChartContext;
use crate::context::app;
use crate::settings::{CLASS_WEIGHTS, FREEZE, NEAR_DUPLICATES, TASK, finetune_fields};
use crate::tr;
use crate::workspace::{Panel, Section, Step};
use leptos::context::Provider;
use leptos::prelude::*;
use protocol::Phase;

/// The fine-tuning panel.
#[component]
pub fn FinetunePanel() -> impl IntoView {
    view! {
        // A separate chart context: the steps of fine-tuning are unrelated to those of
        // pre-training.
        <Provider value=ChartContext::default()>
        <Section
            step=Step::Finetune
            lead=tr!("The labelled documents teach the classifier. Fine-tune from both starts to see what pre-training adds.")
            shape="three"
            action=view! { <Action /> }.into_any()
            panels=view! { <Panels /> }.into_any()
        >
            <PhaseSentence phase=Phase::Finetune />
            <VerdictLine phase=Phase::Finetune />
            <PhaseWarnings phase=Phase::Finetune />
            <StartChoice />
            <div class="fields">
                {finetune_fields().map(|field| view! { <NumberField field /> }).collect_view()}
                <ChoiceField choice=TASK />
                <ChoiceField choice=FREEZE />
                <ChoiceField choice=CLASS_WEIGHTS />
                <ChoiceField choice=NEAR_DUPLICATES />
            </div>
        </Section>
        </Provider>
    }
    .into_any()
}

#[component]
fn Action() -> impl IntoView {
    view! { <StartButton phase=Phase::Finetune label=tr!("Start fine-tuning") testid="start-finetune" /> }
}

#[component]
fn Panels() -> impl IntoView {
    view! {
        <Panel id="scores" title=tr!("Scores") note=tr!("F1 on documents held out from training")>
            <Scores />
            <FinetuneCurves />
        </Panel>
        <Panel id="comparison" title=tr!("Does pre-training help?") note=tr!("pre-trained, from scratch, n-gram baseline")>
            <ComparePanel />
        </Panel>
        <Panel id="by-label" title=tr!("Scores by label") note=tr!("the 50 most frequent")>
            <LabelTable />
        </Panel>
    }
}

#[component]
fn StartChoice() -> impl IntoView {
    view! {
        <fieldset>
            <legend>{tr!("Start from")}</legend>
            <StartOption value="pretrained" words=tr!("the pre-trained weights") />
            <StartOption value="scratch" words=tr!("from scratch (random weights)") />
            <StartOption
                value="both"
                words=tr!("both, and compare with an n-gram baseline")
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
