//! The first screen: a masked example and a start button. During a run, the predictions for the
//! example, the attention heads and the loss are updated, and a verdict explains the result.

use super::attention::AttentionGrid;
use super::clozes::Clozes;
use super::deferred_mount::DeferredMount;
use super::loss_chart::LossChart;
use super::microscope::{Microscope, MicroscopeSettings, OtherLooks, Predictions};
use super::start::{PhaseSentence, StartButton};
use super::try_it::FinishedModel;
use super::verdict::VerdictLine;
use crate::tr;
use leptos::prelude::*;
use protocol::Phase;

/// The masking preview, the start button of pre-training, the loss chart and the attention heads.
#[component]
pub fn Stage() -> impl IntoView {
    view! {
        <section id="stage" class="stage" aria-labelledby="stage-heading" tabindex="-1">
            <div class="stage-text">
                <h2 id="stage-heading">{tr!("A model learns to guess the hidden words")}</h2>
                <Microscope />
                <div class="stage-actions">
                    <StartButton phase=Phase::Pretrain label=tr!("Start") testid="start-pretrain" />
                    <DeferredMount><OtherLooks /></DeferredMount>
                </div>
                <PhaseSentence phase=Phase::Pretrain />
                <DeferredMount><FinishedModel phase=Phase::Pretrain testid="finished-model" /></DeferredMount>
                <DeferredMount><VerdictLine phase=Phase::Pretrain /></DeferredMount>
                <DeferredMount><Predictions /></DeferredMount>
                <DeferredMount><Clozes /></DeferredMount>
                <details class="more">
                    <summary>{tr!("Under the microscope: your own sentence, another mask, replay")}</summary>
                    <DeferredMount><MicroscopeSettings /></DeferredMount>
                </details>
            </div>
            <div class="stage-figures">
                <DeferredMount><LossChart /></DeferredMount>
                <DeferredMount><AttentionGrid /></DeferredMount>
            </div>
        </section>
    }
    .into_any()
}
