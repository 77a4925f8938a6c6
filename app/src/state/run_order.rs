//! The order of the table of runs, and the comparison of results with the pinned run.

use super::{Run, RunState};
use crate::tr;
use crate::wording::signed;
use std::cmp::Ordering;

/// A column by which the table of runs can be sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// Time of the start.
    #[default]
    Start,
    /// Number of parameters.
    Size,
    /// Result: classifiers by mean F1, then language models by held-out loss.
    Result,
}

/// An order of the table of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOrder {
    /// The column.
    pub column: Column,
    /// Whether the order is reversed: latest, largest or worst first.
    pub is_reversed: bool,
}

impl RunOrder {
    /// Returns the order after a press on the head of a column: that column's, or its reverse.
    pub fn pressed(self, column: Column) -> Self {
        Self {
            column,
            is_reversed: self.column == column && !self.is_reversed,
        }
    }
}

/// A result that can be compared with others of its kind.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Result {
    /// Mean F1 of a classifier.
    MeanF1(f64),
    /// Held-out loss of a language model, in nats.
    Loss(f64),
}

impl Run {
    fn comparable_result(&self) -> Option<Result> {
        let score = self.kept_score();
        score
            .map(|score| Result::MeanF1(score.metrics.mean_f1))
            .or_else(|| Some(Result::Loss(self.held_out.last()?.loss)))
    }
}

impl RunState {
    /// Returns the ids of all runs but the first `skipped` in the given order. Runs without the
    /// figure that they are sorted by are last.
    pub fn run_ids(&self, order: RunOrder, skipped: usize) -> Vec<String> {
        let mut runs: Vec<&Run> = self.runs.iter().skip(skipped).collect();
        match order.column {
            Column::Start => {}
            Column::Size => runs.sort_by(|a, b| by_size(a, b)),
            Column::Result => runs.sort_by(|a, b| by_result(a, b)),
        }
        if order.is_reversed {
            runs.reverse();
        }
        runs.into_iter().map(|run| run.id.clone()).collect()
    }

    /// Pins a run, or releases it. Returns the keys of the runs that changed.
    pub fn pin(&mut self, key: &str) -> Vec<String> {
        let mut changed = Vec::new();
        for run in &mut self.runs {
            let is_pinned = run.key == key && !run.is_pinned;
            if run.is_pinned != is_pinned {
                run.is_pinned = is_pinned;
                changed.push(run.key.clone());
            }
        }
        changed
    }

    /// Describes the difference between the result of a run and that of the pinned run; `None` if
    /// they are of different kinds.
    pub fn against_pinned(&self, run: &Run) -> Option<String> {
        let pinned = self.runs.iter().find(|other| other.is_pinned)?;
        if pinned.key == run.key {
            return None;
        }
        let difference = match (run.comparable_result()?, pinned.comparable_result()?) {
            (Result::MeanF1(f1), Result::MeanF1(other)) => signed(f1 - other, 3),
            (Result::Loss(loss), Result::Loss(other)) => signed(loss - other, 2),
            _ => return None,
        };
        Some(tr!(
            "{difference} against {name}",
            difference,
            name = pinned.name()
        ))
    }
}

fn by_size(a: &Run, b: &Run) -> Ordering {
    let size = |run: &Run| run.plan.as_ref().map_or(u64::MAX, |plan| plan.parameters);
    size(a).cmp(&size(b))
}

/// The best classifier first, then the best language model.
fn by_result(a: &Run, b: &Run) -> Ordering {
    let rank = |run: &Run| match run.comparable_result() {
        Some(Result::MeanF1(f1)) => (0, -f1),
        Some(Result::Loss(loss)) => (1, loss),
        None => (2, 0.0),
    };
    let (a, b) = (rank(a), rank(b));
    a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::HeldOut;
    use protocol::Phase;

    fn run(id: &str, loss: Option<f64>) -> Run {
        let mut run = Run::new(id.into(), Phase::Pretrain);
        run.key = format!("{id}@1");
        run.held_out.extend(loss.map(|loss| HeldOut {
            step: 1,
            loss,
            accuracy: 0.5,
            pairs: None,
        }));
        run
    }

    fn state() -> RunState {
        RunState {
            runs: vec![run("a", Some(5.0)), run("b", None), run("c", Some(4.0))],
            ..RunState::default()
        }
    }

    #[test]
    fn runs_are_sorted_by_their_results() {
        let state = state();
        let order = RunOrder::default();
        assert_eq!(state.run_ids(order, 0), ["a", "b", "c"]);
        assert_eq!(state.run_ids(order, 1), ["b", "c"]);
        let best = order.pressed(Column::Result);
        assert_eq!(state.run_ids(best, 0), ["c", "a", "b"]);
        let worst = best.pressed(Column::Result);
        assert_eq!(state.run_ids(worst, 0), ["b", "a", "c"]);
        assert_eq!(worst.pressed(Column::Size).pressed(Column::Start), order);
    }

    #[test]
    fn results_are_compared_with_the_only_pinned_run() {
        let mut state = state();
        let against = |state: &RunState, index: usize| state.against_pinned(&state.runs[index]);
        assert_eq!(against(&state, 0), None);
        assert_eq!(state.pin("c@1"), ["c@1"]);
        assert_eq!(
            against(&state, 0),
            Some(format!("+1.00 against {}", state.runs[2].name()))
        );
        assert_eq!([against(&state, 1), against(&state, 2)], [None, None]);
        assert_eq!(state.pin("a@1"), ["a@1", "c@1"]);
        assert_eq!(
            against(&state, 2),
            Some(format!("−1.00 against {}", state.runs[0].name()))
        );
        assert_eq!(state.pin("a@1"), ["a@1"]);
        assert_eq!(against(&state, 2), None);
    }
}
