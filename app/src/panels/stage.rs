//! The first screen: one line of the text, hidden in part, and a button. After it is pressed the same line fills in, the
//! heads sharpen, the loss falls, and a sentence says what that means.

use super::attention::AttentionGrid;
use super::loss_chart::LossChart;
use super::microscope::{Guesses, Microscope, OtherLooks};
use super::start::{PhaseSentence, StartButton};
use super::verdict::VerdictLine;
use leptos::prelude::*;
use protocol::Phase;

/// The text under the microscope, the start of pre-training, the loss and the heads.
#[component]
pub fn Stage() -> impl IntoView {
    view! {
        <section id="stage" class="stage" aria-labelledby="stage-heading">
            <div class="stage-text">
                <h2 id="stage-heading">"A model learns to guess the hidden words"</h2>
                <Microscope />
                <div class="stage-actions">
                    <StartButton phase=Phase::Pretrain label="Start" testid="start-pretrain" />
                    <OtherLooks />
                </div>
                <PhaseSentence phase=Phase::Pretrain />
                <VerdictLine phase=Phase::Pretrain />
                <Guesses />
            </div>
            <div class="stage-figures">
                <LossChart />
                <AttentionGrid />
            </div>
        </section>
    }
    .into_any()
}
