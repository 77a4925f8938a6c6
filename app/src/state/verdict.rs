//! The result of a finished run in one sentence, and a suggestion of what to do next.

use super::{Run, RunState, Stage};
use crate::localize_message::localize_message;
use crate::tr;
use crate::wording::figure;
use protocol::{Phase, StartFrom};

/// Suggested next action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Continue training the pre-trained model.
    GoOn,
    /// Fine-tune the model.
    Finetune,
    /// Fine-tune from the other initial weights.
    OtherStart(StartFrom),
    /// Open the error analysis.
    Review,
}

impl Next {
    /// Returns the label of the button.
    pub fn words(self) -> String {
        match self {
            Self::GoOn => tr!("Train it longer"),
            Self::Finetune => tr!("Fine-tune it"),
            Self::OtherStart(StartFrom::Scratch) => tr!("Fine-tune from scratch too"),
            Self::OtherStart(StartFrom::Pretrained) => {
                tr!("Fine-tune from the pre-trained weights too")
            }
            Self::Review => tr!("See what it confuses"),
        }
    }
}

/// A result and a suggestion.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Result as a sentence.
    pub sentence: String,
    /// Suggested next action, if there is one.
    pub next: Option<Next>,
    /// Alternative action.
    pub also: Option<Next>,
}

/// Smallest difference in loss that is reported, in nats.
const MIN_LOSS_DIFFERENCE: f64 = 0.05;

/// Smallest difference in F1 that is reported.
const MIN_F1_DIFFERENCE: f64 = 0.01;

impl RunState {
    /// Returns the verdict on the last run of a phase; `None` while it is active, and if it failed.
    pub fn verdict(&self, phase: Phase) -> Option<Verdict> {
        let run = self.runs_of(phase).rfind(|run| run.is_own())?;
        if !matches!(run.stage, Stage::Finished | Stage::Stopped) {
            return None;
        }
        match phase {
            Phase::Pretrain => self.pretrained(run),
            Phase::Finetune => self.finetuned(run),
        }
    }

    fn pretrained(&self, run: &Run) -> Option<Verdict> {
        let plan = run.plan.as_ref()?;
        let labels = self.corpus.as_ref().is_some_and(|corpus| corpus.labels > 0);
        let Some(last) = run.held_out.last() else {
            let sentence = match run.stage {
                Stage::Stopped => {
                    tr!("It was stopped before anything was measured on held-out text.")
                }
                _ => tr!(
                    "Nothing was measured on held-out text: there is too little of it. With more text, what it has understood can be told from what it knows by heart."
                ),
            };
            let also = labels.then_some(Next::Finetune);
            return (run.steps_done() > 0).then_some(Verdict {
                sentence,
                next: Some(Next::GoOn),
                also,
            });
        };
        let best = run
            .held_out
            .iter()
            .min_by(|a, b| a.loss.total_cmp(&b.loss))?;
        let (loss, unigram) = (figure(last.loss, 2), figure(plan.unigram, 2));
        let falling = run.held_out.len() >= 2
            && run.held_out[run.held_out.len() - 2].loss - last.loss > 2.0 * MIN_LOSS_DIFFERENCE;
        let verdict = |sentence: String, next| {
            let also = (labels && next == Some(Next::GoOn)).then_some(Next::Finetune);
            Some(Verdict {
                sentence,
                next,
                also,
            })
        };
        if last.loss - best.loss > MIN_LOSS_DIFFERENCE {
            let sentence = tr!(
                "The held-out loss rises since step {step}: from there on it learned its text by heart. A shorter run, or more text, does better.",
                step = best.step
            );
            return verdict(sentence, labels.then_some(Next::Finetune));
        }
        if last.loss > plan.unigram + MIN_LOSS_DIFFERENCE {
            let sentence = tr!(
                "It does not even know yet how frequent words are (held-out loss {loss}, frequencies alone {unigram}).",
                loss,
                unigram
            );
            return verdict(sentence, Some(Next::GoOn));
        }
        if last.loss > plan.unigram - MIN_LOSS_DIFFERENCE {
            let sentence = tr!(
                "So far it only knows how frequent words are (held-out loss {loss}, frequencies alone {unigram}).",
                loss,
                unigram
            );
            return verdict(sentence, Some(Next::GoOn));
        }
        let below = figure(plan.unigram - last.loss, 2);
        let sentence = match plan
            .bigram
            .filter(|bigram| last.loss > *bigram)
            .map(|bigram| figure(bigram, 2))
        {
            Some(bigram) => tr!(
                "It begins to read context: its held-out loss {loss} lies between knowing word frequencies ({unigram}) and knowing the word before ({bigram}).",
                loss,
                unigram,
                bigram
            ),
            None => tr!(
                "It reads context: its held-out loss {loss} is {below} nats below knowing only word frequencies.",
                loss,
                below
            ),
        };
        match (falling, labels) {
            (true, _) => verdict(
                format!("{sentence} {}", tr!("The loss was still falling.")),
                Some(Next::GoOn),
            ),
            (false, labels) => verdict(sentence, labels.then_some(Next::Finetune)),
        }
    }

    /// Returns the last fine-tuning run with the same settings but other initial weights that
    /// satisfies `wanted`.
    pub(super) fn other_start(&self, run: &Run, wanted: impl Fn(&Run) -> bool) -> Option<&Run> {
        let is_other = |other: &&Run| {
            other.text == run.text && other.pairs == run.pairs && other.from != run.from
        };
        self.runs_of(Phase::Finetune)
            .rfind(|other| run.from.is_some() && is_other(other) && wanted(other))
    }

    fn finetuned(&self, run: &Run) -> Option<Verdict> {
        let score = best_mean_f1(run)?;
        let other = self.other_start(run, |other| best_mean_f1(other).is_some());
        let baseline_sentence = self.baseline.as_ref().map(|baseline| {
            let n_grams = baseline.test.mean_f1;
            let (f1, features) = (figure(n_grams, 3), localize_message(&baseline.member));
            match score < n_grams - MIN_F1_DIFFERENCE {
                true => {
                    tr!(
                        "N-grams alone ({features}) reach {f1}, which is better: more text, more epochs or another model may help.",
                        features,
                        f1
                    )
                }
                false => tr!("N-grams alone ({features}) reach {f1}.", features, f1),
            }
        });
        let Some(other) = other else {
            let mean = tr!(
                "Mean F1 {f1} on the validation documents.",
                f1 = figure(score, 3)
            );
            let sentence = [Some(mean), baseline_sentence]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" ");
            let missing = match run.from {
                Some(StartFrom::Pretrained) => Some(StartFrom::Scratch),
                _ => self.model.pretrained.then_some(StartFrom::Pretrained),
            };
            let also = missing.map(|_| Next::Review);
            return Some(Verdict {
                sentence,
                next: missing.map(Next::OtherStart).or(Some(Next::Review)),
                also,
            });
        };
        let (pretrained, scratch) = match run.from {
            Some(StartFrom::Pretrained) => (score, best_mean_f1(other)?),
            _ => (best_mean_f1(other)?, score),
        };
        let (a, b) = (figure(pretrained, 3), figure(scratch, 3));
        let gain = pretrained - scratch;
        let comparison = if gain > MIN_F1_DIFFERENCE {
            let gain = figure(gain, 3);
            tr!(
                "Pre-training adds {gain} mean F1 here ({a} against {b} from scratch, on the validation documents).",
                gain,
                a,
                b
            )
        } else if gain < -MIN_F1_DIFFERENCE {
            tr!(
                "Pre-training does not pay here: mean F1 {a} against {b} from scratch, on the validation documents.",
                a,
                b
            )
        } else {
            tr!(
                "Pre-training makes no difference here (mean F1 {a} against {b} from scratch, on the validation documents).",
                a,
                b
            )
        };
        let caveat = tr!("One run each: a comparison over several seeds says more.");
        let sentence = [Some(comparison), Some(caveat), baseline_sentence]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        Some(Verdict {
            sentence,
            next: Some(Next::Review),
            also: None,
        })
    }
}

/// Returns the mean F1 of a run's best checkpoint on the validation set.
fn best_mean_f1(run: &Run) -> Option<f64> {
    Some(run.kept_valid()?.metrics.mean_f1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Corpus, HeldOut, Plan, Score};
    use protocol::{ClassifierMetrics, Figures, LinearResult};

    fn pretrained(losses: &[f64]) -> RunState {
        let mut run = Run::new("pretrain-1".into(), Phase::Pretrain);
        run.plan = Some(Plan {
            unigram: 6.0,
            ..Plan::default()
        });
        let held_out = |(place, loss): (usize, &f64)| HeldOut {
            step: 10 * place as u64,
            loss: *loss,
            accuracy: 0.1,
            pairs: None,
        };
        run.held_out = losses.iter().enumerate().map(held_out).collect();
        run.stage = Stage::Finished;
        let corpus = Some(Corpus {
            labels: 3,
            ..Corpus::default()
        });
        RunState {
            runs: vec![run],
            corpus,
            ..RunState::default()
        }
    }

    fn finetuned(scores: &[(StartFrom, f64)], n_grams: Option<f64>) -> RunState {
        let run = |(place, (from, mean_f1)): (usize, &(StartFrom, f64))| {
            let mut run = Run::new(format!("finetune-{place}"), Phase::Finetune);
            let metrics = ClassifierMetrics {
                mean_f1: *mean_f1,
                micro_f1: *mean_f1,
                ..ClassifierMetrics::default()
            };
            run.from = Some(*from);
            run.scores = vec![Score {
                step: 1,
                epoch: 1.0,
                split: "valid".into(),
                network: None,
                metrics,
            }];
            run.stage = Stage::Finished;
            run
        };
        let figures = |mean_f1| Figures {
            mean_f1,
            ..Figures::default()
        };
        let baseline = n_grams.map(|mean_f1| LinearResult {
            test: figures(mean_f1),
            ..LinearResult::default()
        });
        let mut state = RunState {
            runs: scores.iter().enumerate().map(run).collect(),
            baseline,
            ..RunState::default()
        };
        state.model.pretrained = true;
        state
    }

    #[test]
    fn pre_training_verdict_follows_the_held_out_loss() {
        for (losses, words, next) in [
            (
                &[7.0, 6.2][..],
                "does not even know yet how frequent",
                Some(Next::GoOn),
            ),
            (&[7.0, 6.02], "only knows how frequent", Some(Next::GoOn)),
            (&[6.0, 5.5, 5.0], "still falling", Some(Next::GoOn)),
            (
                &[6.0, 5.02, 5.0],
                "It reads context: its held-out loss 5.00 is 1.00 nats below",
                Some(Next::Finetune),
            ),
            (
                &[5.5, 5.0, 5.4],
                "rises since step 10",
                Some(Next::Finetune),
            ),
        ] {
            let verdict = pretrained(losses)
                .verdict(Phase::Pretrain)
                .expect("a verdict");
            assert!(verdict.sentence.contains(words), "{}", verdict.sentence);
            assert_eq!(verdict.next, next);
            let also = (next == Some(Next::GoOn)).then_some(Next::Finetune);
            assert_eq!(
                verdict.also, also,
                "with labels there is always a way to a classifier"
            );
        }
        let mut improving = pretrained(&[6.0, 5.02, 5.0]);
        improving.runs[0].plan = Some(Plan {
            unigram: 6.0,
            bigram: Some(4.5),
            ..Plan::default()
        });
        let verdict = improving.verdict(Phase::Pretrain).expect("a verdict");
        assert!(
            verdict.sentence.starts_with("It begins to read context"),
            "{}",
            verdict.sentence
        );
        assert_eq!(verdict.next, Some(Next::Finetune), "it has flattened out");
        assert_eq!(
            pretrained(&[]).verdict(Phase::Pretrain),
            None,
            "no step was done"
        );
        let mut stopped = pretrained(&[]);
        stopped.runs[0].reach(40);
        for (stage, words) in [
            (
                Stage::Stopped,
                "It was stopped before anything was measured",
            ),
            (
                Stage::Finished,
                "Nothing was measured on held-out text: there is too little",
            ),
        ] {
            stopped.runs[0].stage = stage;
            let verdict = stopped.verdict(Phase::Pretrain).expect("a verdict");
            assert!(verdict.sentence.starts_with(words), "{}", verdict.sentence);
            assert_eq!(verdict.also, Some(Next::Finetune));
        }
        let mut running = pretrained(&[5.0]);
        running.runs[0].stage = Stage::Running;
        assert_eq!(running.verdict(Phase::Pretrain), None);
    }

    #[test]
    fn fine_tuning_verdict_compares_initial_weights_and_n_grams() {
        use StartFrom::{Pretrained, Scratch};
        for (scores, n_grams, words, next) in [
            (
                &[(Pretrained, 0.6)][..],
                None,
                "Mean F1 0.600",
                Next::OtherStart(Scratch),
            ),
            (
                &[(Scratch, 0.6)],
                Some(0.7),
                "0.700, which is better",
                Next::OtherStart(Pretrained),
            ),
            (
                &[(Pretrained, 0.6), (Scratch, 0.5)],
                Some(0.4),
                "adds 0.100 mean F1",
                Next::Review,
            ),
            (
                &[(Scratch, 0.6), (Pretrained, 0.5)],
                None,
                "does not pay here: mean F1 0.500 against 0.600 from scratch, on the validation documents",
                Next::Review,
            ),
            (
                &[(Pretrained, 0.6), (Scratch, 0.605)],
                None,
                "makes no difference",
                Next::Review,
            ),
        ] {
            let verdict = finetuned(scores, n_grams)
                .verdict(Phase::Finetune)
                .expect("a verdict");
            assert!(verdict.sentence.contains(words), "{}", verdict.sentence);
            let also = (next != Next::Review).then_some(Next::Review);
            assert_eq!((verdict.next, verdict.also), (Some(next), also));
        }
    }

    #[test]
    fn verdict_uses_the_last_run_that_has_scores() {
        use StartFrom::{Pretrained, Scratch};
        let mut state = finetuned(&[(Scratch, 0.5), (Scratch, 0.9), (Pretrained, 0.6)], None);
        (state.runs[1].scores, state.runs[1].stage) = (vec![], Stage::Stopped);
        let verdict = state.verdict(Phase::Finetune).expect("a verdict");
        assert!(
            verdict.sentence.contains("adds 0.100 mean F1"),
            "{}",
            verdict.sentence
        );
        assert!(
            state
                .headline(Phase::Finetune)
                .is_some_and(|words| words.matches("Finished").count() == 2)
        );
    }
}
