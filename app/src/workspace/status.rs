//! The status of each step in the navigation: its progress or its content. Pure.

use super::Step;
use crate::state::{Run, RunState, Stage};
use crate::tr;
use crate::wording::{self, figure, grouped};
use protocol::Phase;

/// Describes a step in a few words; `None` if there is nothing to say yet.
pub fn status(state: &RunState, step: Step) -> Option<String> {
    match step {
        Step::Data => of_data(state),
        Step::Pretrain => of_phase(state, Phase::Pretrain),
        Step::Finetune => of_phase(state, Phase::Finetune),
        Step::Try => of_model(state),
        Step::Attention => of_attention(state),
        Step::Label => None,
        Step::Errors => state
            .review
            .as_ref()
            .map(|review| wording::documents(review.n)),
        Step::Runs => (!state.runs.is_empty()).then(|| {
            let count = state.runs.len() as u64;
            tr!(
                "{count} run" | "{count} runs" % count,
                count = grouped(count)
            )
        }),
        Step::Learn => Some(tr!("lessons")),
    }
}

fn of_data(state: &RunState) -> Option<String> {
    if state.reading {
        return Some(tr!("reading…"));
    }
    let corpus = state.corpus.as_ref()?;
    let documents = wording::documents(corpus.documents);
    let labelled: u64 = corpus.labelled.iter().sum();
    if labelled == 0 {
        return Some(documents);
    }
    Some(tr!(
        "{documents}, {count} labelled",
        documents,
        count = grouped(labelled)
    ))
}

fn of_phase(state: &RunState, phase: Phase) -> Option<String> {
    let run = state.runs_of(phase).next_back()?;
    if matches!(run.stage, Stage::Failed(_)) {
        return Some(tr!("failed"));
    }
    if !run.stage.is_over() {
        return Some(progress(run));
    }
    if let Some(score) = run.kept_score() {
        let f1 = figure(score.metrics.micro_f1, 2);
        return Some(match score.metrics.interval {
            Some(interval) => {
                let [low, high] = interval.micro_f1.map(|value| figure(value, 2));
                tr!("micro F1 {f1} ({low} to {high})", f1, low, high)
            }
            None => tr!("micro F1 {f1}", f1),
        });
    }
    Some(run.result())
}

fn progress(run: &Run) -> String {
    let done = grouped(run.steps_done());
    match &run.plan {
        Some(plan) if plan.steps > 0 => tr!(
            "step {done} of {planned}",
            done,
            planned = grouped(plan.steps)
        ),
        _ => tr!("preparing"),
    }
}

fn of_model(state: &RunState) -> Option<String> {
    match (state.model.guesses, state.model.classifier) {
        (true, true) => Some(tr!("fill a mask, classify")),
        (true, false) => Some(tr!("fill a mask")),
        (false, true) => Some(tr!("classify")),
        (false, false) => None,
    }
}

fn of_attention(state: &RunState) -> Option<String> {
    let frames = state.film(None).frames();
    let map = frames
        .iter()
        .rev()
        .find_map(|frame| frame.attention.as_ref())?;
    let heads = (map.layers * map.heads) as u64;
    Some(tr!(
        "{heads} head" | "{heads} heads" % heads,
        heads = grouped(heads)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Corpus;

    #[test]
    fn a_step_without_content_says_nothing() {
        let state = RunState::default();
        for step in Step::ALL {
            let expected = (step == Step::Learn).then(|| "lessons".to_string());
            assert_eq!(status(&state, step), expected, "{step:?}");
        }
    }

    #[test]
    fn data_counts_documents_and_labels() {
        let mut state = RunState::default();
        state.corpus = Some(Corpus {
            documents: 2973,
            labelled: [268, 29, 0],
            ..Corpus::default()
        });
        let words = status(&state, Step::Data);
        assert_eq!(words.as_deref(), Some("2,973 documents, 297 labelled"));
        state.reading = true;
        assert_eq!(status(&state, Step::Data).as_deref(), Some("reading…"));
    }

    #[test]
    fn a_run_shows_its_progress_then_its_result() {
        let mut run = Run::new("pretrain-1".into(), Phase::Pretrain);
        run.stage = Stage::Running;
        run.plan = Some(crate::state::Plan {
            steps: 3400,
            ..Default::default()
        });
        run.reach(1240);
        let mut state = RunState::default();
        state.runs.push(run);
        let words = |state: &RunState| status(state, Step::Pretrain).unwrap_or_default();
        assert_eq!(words(&state), "step 1,240 of 3,400");
        state.runs[0].stage = Stage::Failed(Default::default());
        assert_eq!(words(&state), "failed");
    }
}
