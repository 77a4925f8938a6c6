//! The panels of pre-training: a masked line with the model's predictions, the loss and the
//! attention heads. Lessons act on them too. Also the next actions: start, and the verdict.

use super::attention::HeadsPanel;
use super::clozes::Clozes;
use super::deferred_mount::DeferredMount;
use super::loss_chart::LossPanel;
use super::microscope::{Microscope, MicroscopeSettings, OtherLooks, Predictions};
use super::slow_motion::SlowMotionPanel;
use super::start::{ApplyChanges, PhaseSentence, PhaseWarnings, StartButton};
use super::try_it::FinishedModel;
use super::verdict::VerdictLine;
use crate::tr;
use crate::workspace::{OnlyIn, Panel, Step, View, in_page, in_steps, workspace};
use leptos::prelude::*;
use protocol::Phase;

/// The masked line, the loss and the heads.
#[component]
pub fn Stage() -> impl IntoView {
    let workspace = workspace();
    let is_away = move || !workspace.shows(Step::shows_stage);
    view! {
        <section id="stage" class="panels stage" class:away=is_away data-shape="stage" tabindex="-1">
            <Panel id="line" title=tr!("A model learns to predict masked words")>
                <Microscope />
                <div class="stage-actions">
                    <OnlyIn is_here=in_page><PretrainStart /></OnlyIn>
                    <DeferredMount><OtherLooks /></DeferredMount>
                </div>
                <OnlyIn is_here=in_page><PretrainOutcome /></OnlyIn>
                <DeferredMount><Predictions /></DeferredMount>
                <DeferredMount><Clozes /></DeferredMount>
                <details class="more">
                    <summary>{tr!("Try your own sentence, change the mask, replay training")}</summary>
                    <DeferredMount><MicroscopeSettings /></DeferredMount>
                </details>
            </Panel>
            <OnlyIn is_here=|view, step| view == View::Page || step != Step::Runs>
                <DeferredMount><LossPanel /></DeferredMount>
            </OnlyIn>
            <OnlyIn is_here=|view, step| view == View::Page || step != Step::Attention>
                <DeferredMount><HeadsPanel /></DeferredMount>
            </OnlyIn>
            <OnlyIn is_here=|view, step| view == View::Page || step == Step::Learn>
                <SlowMotionPanel />
            </OnlyIn>
        </section>
    }
    .into_any()
}

/// The start button of pre-training, below the settings in the step view.
#[component]
pub fn PretrainAction() -> impl IntoView {
    view! { <OnlyIn is_here=in_steps><PretrainStart /><ApplyChanges /></OnlyIn> }.into_any()
}

/// What the last run came to, above the settings in the step view.
#[component]
pub fn PretrainStatus() -> impl IntoView {
    view! {
        <OnlyIn is_here=in_steps>
            <PretrainOutcome />
            <PhaseWarnings phase=Phase::Pretrain />
        </OnlyIn>
    }
    .into_any()
}

#[component]
fn PretrainStart() -> impl IntoView {
    view! { <StartButton phase=Phase::Pretrain label=tr!("Start pre-training") testid="start-pretrain" /> }
}

/// What the last run came to, with what to do next; or a finished model to open.
#[component]
fn PretrainOutcome() -> impl IntoView {
    view! {
        <PhaseSentence phase=Phase::Pretrain />
        <FinishedModel phase=Phase::Pretrain testid="finished-model" />
        <VerdictLine phase=Phase::Pretrain />
    }
}
