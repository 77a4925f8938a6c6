//! Step 3: where fine-tuning starts, its settings, and how well the labels are learned.

use super::choice::ChoiceField;
use super::compare::ComparePanel;
use super::field::NumberField;
use super::scores::Scores;
use super::section::Section;
use super::start::{PhaseStatus, StartButton};
use crate::lab::{chosen_start, lab};
use crate::settings::{FINETUNE_FIELDS, TASK};
use leptos::prelude::*;
use protocol::{Phase, StartFrom};

/// Choice of weights, settings, start button and scores.
#[component]
pub fn FinetunePanel() -> impl IntoView {
    view! {
        <Section
            id="finetune"
            number="3"
            title="Fine-tune"
            lead="The labelled lines teach the classifier. Run it from both starts to see what pre-training is worth."
        >
            <StartChoice />
            <div class="fields">
                {FINETUNE_FIELDS.map(|field| view! { <NumberField field /> }).collect_view()}
                <ChoiceField choice=TASK />
            </div>
            <StartButton phase=Phase::Finetune label="Start fine-tuning" testid="start-finetune" />
            <PhaseStatus phase=Phase::Finetune />
            <Scores />
            <ComparePanel />
        </Section>
    }
    .into_any()
}

#[component]
fn StartChoice() -> impl IntoView {
    view! {
        <fieldset>
            <legend>"Start from"</legend>
            <StartOption from=StartFrom::Pretrained value="pretrained" words="the pre-trained weights" />
            <StartOption from=StartFrom::Scratch value="scratch" words="scratch: random weights, same vocabulary" />
        </fieldset>
    }
}

#[component]
fn StartOption(from: StartFrom, value: &'static str, words: &'static str) -> impl IntoView {
    let lab = lab();
    let choose = move |_| lab.settings.update(|settings| settings.finetune_from = from);
    view! {
        <label class="option">
            <input
                type="radio"
                name="finetune-from"
                value=value
                prop:checked=move || chosen_start(lab) == from
                on:change=choose
            />
            {words}
        </label>
    }
}
