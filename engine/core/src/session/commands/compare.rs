//! Measures the benefit of pre-training with a fair comparison: fine-tuning from the language model
//! and from scratch, with the same tokenizer, configuration, documents and epochs, each at the
//! learning rate that is best for it on the validation set, over several seeds, next to a linear
//! n-gram baseline.
//!
//! The 2018 system compared two learning rates without meaning to; each choice here answers one of
//! its defects (`docs/from-the-2018-system.md`).

pub(crate) mod baseline;
mod verdict;

use crate::error::{Error, Result};
use crate::session::checks::{no_corpus, no_pretrained_model};
use crate::session::commands::finetune::Start;
use crate::session::dataset::tokenized_corpus::Labelled;
use crate::session::run::plan;
use crate::session::run::task::Split;
use crate::session::run::{Finished, Score};
use crate::session::{Host, Session};
use protocol::{
    ClassifierMetrics, CompareConfig, Comparison, ComparisonCondition, ComparisonPoint,
    ComparisonRun, ComparisonTrial, EpochFigures, Event, Figures, FileRole, Message, PartsKind,
    RunConfig, SWEPT_RATES, Setting, Spread, SweepPoint, message,
};
use std::collections::BTreeMap;

/// Default learning rates of the sweep, as multiples of the backbone's default.
const SWEEP: [f64; SWEPT_RATES] = [0.25, 0.5, 1.0, 2.0];
/// Maximum number of extra learning rates, tried if the best one is at an edge of the sweep.
const MAX_WIDENINGS: usize = 3;
/// Maximum number of seeds.
const MAX_SEEDS: u64 = 100;

/// Results of an interrupted comparison to reuse, and a callback for new ones.
pub struct Progress<'a> {
    /// Finished trials of an earlier attempt.
    pub known: Vec<ComparisonTrial>,
    /// Called with each new trial.
    pub on_cell: &'a mut dyn FnMut(&ComparisonTrial) -> Result<()>,
    /// Seconds of pre-training behind the language model, if known.
    pub pretraining_secs: Option<f64>,
}

impl<H: Host> Session<H> {
    /// Checks that a comparison can be carried out.
    ///
    /// # Errors
    /// Returns an error if there is no language model or it is a classifier, the corpus has no labels
    /// or no validation documents, or a setting cannot be used.
    pub fn check_comparison(&self, config: &RunConfig, compare: &CompareConfig) -> Result<()> {
        check(compare)?;
        plan::check_numbers(config)?;
        let model = self.models.language_model.as_ref();
        let model = model.ok_or_else(no_pretrained_model)?;
        if model.heads.classifier {
            return Err(Error::input(
                "is-classifier",
                message!(
                    "the model is a classifier: it was already trained on labels, so the comparison would not show what pre-training adds"
                ),
                message!("Use the pre-trained model that the classifier was fine-tuned from."),
            ));
        }
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        Labelled::of(corpus, config)?.survey.labels()?;
        if corpus.labelled_documents(FileRole::Valid) == 0 {
            let hint = message!(
                "Add a validation set ({valid}) or more labelled documents.",
                valid = Setting::named("valid")
            );
            return Err(Error::input(
                "no-validation",
                message!("a comparison needs a labelled validation set"),
                hint,
            ));
        }
        Ok(())
    }

    /// Compares fine-tuning from the language model with fine-tuning from scratch and with the
    /// n-gram baseline. `None` if it was stopped.
    ///
    /// # Errors
    /// Returns an error if there is no language model, the corpus has no labels or no validation
    /// documents, a setting cannot be used, or a run fails.
    pub async fn compare(
        &mut self,
        run: &str,
        config: &RunConfig,
        compare: &CompareConfig,
        mut progress: Progress<'_>,
    ) -> Result<Option<Comparison>> {
        self.check_comparison(config, compare)?;
        self.warn_of_files_without_labels(run);
        self.report_near_duplicates(run, config)?;
        let model = self
            .models
            .language_model
            .as_ref()
            .ok_or_else(no_pretrained_model)?;
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let measured_on = if corpus.labelled_documents(FileRole::Test) > 0 {
            "test"
        } else {
            "valid"
        }
        .to_string();
        let default_lr = plan::default_lr(&model.config, false);
        let lrs = if compare.lrs.is_empty() {
            SWEEP.map(|share| share * default_lr).to_vec()
        } else {
            compare.lrs.clone()
        };
        let mut fractions = compare.label_fractions.clone();
        fractions.sort_by(f64::total_cmp);
        fractions.dedup();
        let classifier = self.models.classifier.clone();
        let latest = self.models.latest;
        let mut points = Vec::new();
        for fraction in fractions {
            let arms = Arms {
                run,
                config,
                fraction,
                lrs: &lrs,
                seeds: compare.seeds,
            };
            let point = self.point(&arms, &mut progress).await;
            // A comparison does not replace the models of the session.
            (self.models.classifier, self.models.latest) = (classifier.clone(), latest);
            match point? {
                Some(point) => points.push(point),
                None => return Ok(None),
            }
        }
        let sentence = verdict::verdict(&points);
        // Both conditions train for the same number of epochs, whatever the length was given in.
        let last = points
            .first()
            .and_then(|point| point.pretrained.runs.first()?.valid.last());
        let epochs = last.map_or(0.0, |figures| (figures.epoch * 100.0).round() / 100.0);
        let comparison = Comparison {
            points,
            epochs,
            seeds: compare.seeds,
            measured_on,
            pretraining_secs: progress.pretraining_secs,
            sentence,
        };
        self.host.emit(Event::Compared {
            run: run.into(),
            comparison: comparison.clone(),
        });
        Ok(Some(comparison))
    }

    async fn point(
        &mut self,
        arms: &Arms<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<Option<ComparisonPoint>> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let has_test = corpus.labelled_documents(FileRole::Test) > 0;
        let measured = if has_test {
            FileRole::Test
        } else {
            FileRole::Valid
        };
        let (linear, documents) = self.linear(&arms.of_labels(), measured).await?;
        let Some(pretrained) = self.arm(arms, true, progress).await? else {
            return Ok(None);
        };
        let Some(scratch) = self.arm(arms, false, progress).await? else {
            return Ok(None);
        };
        Ok(Some(ComparisonPoint {
            label_fraction: arms.fraction,
            documents,
            pretrained,
            scratch,
            linear,
        }))
    }

    /// Runs the learning-rate sweep of one condition with the first seed, then all seeds at the
    /// best rate.
    async fn arm(
        &mut self,
        arms: &Arms<'_>,
        pretrained: bool,
        progress: &mut Progress<'_>,
    ) -> Result<Option<ComparisonCondition>> {
        let first = arms.config.seed;
        let mut results: BTreeMap<u64, (f64, ComparisonRun)> = BTreeMap::new();
        let mut pending: Vec<f64> = arms.lrs.to_vec();
        let mut widenings = 0;
        while let Some(lr) = pending.pop() {
            let Some(run) = self.cell(arms, pretrained, lr, first, progress).await? else {
                return Ok(None);
            };
            // Positive floats order like their bits.
            results.insert(lr.to_bits(), (lr, run));
            if pending.is_empty() && widenings < MAX_WIDENINGS {
                widenings += 1;
                pending.extend(beyond_the_edge(&results).filter(|lr| *lr <= plan::max_lr()));
            }
        }
        let best =
            results.values().fold(
                None,
                |best: Option<&(f64, ComparisonRun)>, result| match best {
                    Some(best) if best.1.valid_micro_f1 >= result.1.valid_micro_f1 => Some(best),
                    _ => Some(result),
                },
            );
        let lr = best.expect("at least one rate was tried").0;
        let mut runs = Vec::new();
        for seed in first..first + arms.seeds {
            let known = results
                .get(&lr.to_bits())
                .filter(|_| seed == first)
                .map(|(_, run)| run.clone());
            let run = match known {
                Some(run) => Some(run),
                None => self.cell(arms, pretrained, lr, seed, progress).await?,
            };
            let Some(run) = run else { return Ok(None) };
            runs.push(run);
        }
        let sweep_secs: f64 = results.values().map(|(_, run)| run.elapsed_secs).sum();
        let other_secs: f64 = runs.iter().skip(1).map(|run| run.elapsed_secs).sum();
        let spread = |pick: fn(&Figures) -> f64| Spread::of(runs.iter().map(|run| pick(&run.test)));
        let sweep = results.values().map(|(lr, run)| SweepPoint {
            lr: *lr,
            valid_micro_f1: run.valid_micro_f1,
        });
        Ok(Some(ComparisonCondition {
            lr,
            sweep: sweep.collect(),
            micro_f1: spread(|figures| figures.micro_f1),
            macro_f1: spread(|figures| figures.macro_f1),
            mean_f1: spread(|figures| figures.mean_f1),
            precision_at_1: spread(|figures| figures.precision_at_1),
            secs_per_run: runs.iter().map(|run| run.elapsed_secs).sum::<f64>() / runs.len() as f64,
            total_secs: sweep_secs + other_secs,
            runs,
        }))
    }

    /// Runs one trial, or looks it up in the known ones; `None` if it was stopped.
    async fn cell(
        &mut self,
        arms: &Arms<'_>,
        pretrained: bool,
        lr: f64,
        seed: u64,
        progress: &mut Progress<'_>,
    ) -> Result<Option<ComparisonRun>> {
        let same = |cell: &&ComparisonTrial| {
            cell.pretrained == pretrained
                && cell.lr == lr
                && cell.run.seed == seed
                && cell.label_fraction == arms.fraction
        };
        if let Some(cell) = progress.known.iter().find(same) {
            return Ok(Some(cell.run.clone()));
        }
        let start = if pretrained { "pretrained" } else { "scratch" };
        let name = format!(
            "{}-{start}-{}-{}-seed-{seed}",
            arms.run,
            arms.fraction,
            rounded(lr)
        );
        let config = RunConfig {
            lr: Some(lr),
            seed,
            ..arms.of_labels()
        };
        let start = if pretrained {
            Start::Pretrained
        } else {
            Start::LikeTheLanguageModel
        };
        let run = match self.finetune_from(&name, &config, start, None).await {
            Ok(Finished { outcome, .. }) if outcome.stopped => return Ok(None),
            Ok(Finished {
                outcome, scores, ..
            }) => run_of(seed, &scores, outcome.elapsed_secs),
            // Divergence at one learning rate does not end the sweep.
            Err(Error::Diverged { step }) => {
                let message = message!(
                    "the run with learning rate {rate} diverged at step {step}; its score counts as zero",
                    rate = rounded(lr),
                    step
                );
                self.warn(arms.run, "diverged-run", message);
                ComparisonRun {
                    seed,
                    valid_micro_f1: 0.0,
                    test: Figures::default(),
                    valid: Vec::new(),
                    elapsed_secs: 0.0,
                    diverged: true,
                }
            }
            Err(error) => return Err(error),
        };
        let cell = ComparisonTrial {
            pretrained,
            label_fraction: arms.fraction,
            lr,
            run,
        };
        (progress.on_cell)(&cell)?;
        self.host.emit(Event::ComparedRun {
            run: arms.run.into(),
            cell: cell.clone(),
        });
        Ok(Some(cell.run))
    }
}

/// What all trials of a point have in common.
struct Arms<'a> {
    run: &'a str,
    config: &'a RunConfig,
    fraction: f64,
    lrs: &'a [f64],
    seeds: u64,
}

impl Arms<'_> {
    /// Returns the configuration for this share of the labels.
    fn of_labels(&self) -> RunConfig {
        // Both conditions are single networks: only their initial weights are compared.
        RunConfig {
            label_fraction: Some(self.fraction),
            parts: Some(PartsKind::One),
            freeze: Some(false),
            ..self.config.clone()
        }
    }
}

/// Rounds to three significant digits, enough to distinguish the rates in a run name.
fn rounded(lr: f64) -> f64 {
    format!("{lr:.2e}").parse().unwrap_or(lr)
}

/// Returns the next rate to try if the best one so far is the smallest or the largest.
fn beyond_the_edge(results: &BTreeMap<u64, (f64, ComparisonRun)>) -> Option<f64> {
    let rates: Vec<&(f64, ComparisonRun)> = results.values().collect();
    let best = (0..rates.len()).reduce(|a, b| {
        if rates[b].1.valid_micro_f1 > rates[a].1.valid_micro_f1 {
            b
        } else {
            a
        }
    })?;
    match best {
        0 => Some(rates[0].0 / 2.0),
        last if last + 1 == rates.len() => Some(rates[last].0 * 2.0),
        _ => None,
    }
}

fn run_of(seed: u64, scores: &[Score], elapsed_secs: f64) -> ComparisonRun {
    let valid: Vec<EpochFigures> = scores
        .iter()
        .filter(|score| score.split == Split::Valid)
        .map(|score| EpochFigures {
            epoch: score.epoch,
            figures: score.figures,
        })
        .collect();
    // On a tie the later one wins, as in the run itself.
    let best = valid
        .iter()
        .max_by(|a, b| a.figures.micro_f1.total_cmp(&b.figures.micro_f1));
    let best = best.map(|best| best.figures).unwrap_or_default();
    let test = scores
        .iter()
        .find(|score| score.split == Split::Test)
        .map_or(best, |score| score.figures);
    ComparisonRun {
        seed,
        valid_micro_f1: best.micro_f1,
        test,
        valid,
        elapsed_secs,
        diverged: false,
    }
}

/// Extracts the metrics that a comparison records.
pub fn figures(metrics: &ClassifierMetrics) -> Figures {
    let ClassifierMetrics {
        micro_f1,
        macro_f1,
        mean_f1,
        precision_at_1,
        loss,
        ..
    } = *metrics;
    Figures {
        micro_f1,
        macro_f1,
        mean_f1,
        precision_at_1,
        loss,
    }
}

fn check(compare: &CompareConfig) -> Result<()> {
    let refuse = |message: Message| {
        Err(Error::input(
            "bad-setting",
            message,
            message!(
                "Change it or leave it out; compare {help} describes the valid values.",
                help = Setting::named("help")
            ),
        ))
    };
    if !(1..=MAX_SEEDS).contains(&compare.seeds) {
        return refuse(message!(
            "{seeds} is {value}, but it must be between 1 and {max}",
            value = compare.seeds,
            max = MAX_SEEDS,
            seeds = Setting::named("seeds")
        ));
    }
    if let Some(bad) = compare
        .label_fractions
        .iter()
        .find(|share| !(**share > 0.0 && **share <= 1.0))
    {
        return refuse(message!(
            "{label_fractions} contains {bad}, but a fraction must be above 0 and at most 1",
            bad,
            label_fractions = Setting::named("label-fractions")
        ));
    }
    if compare.label_fractions.is_empty() {
        return refuse(message!(
            "{label_fractions} is empty",
            label_fractions = Setting::named("label-fractions")
        ));
    }
    if let Some(bad) = compare
        .lrs
        .iter()
        .find(|lr| !(**lr > 0.0 && **lr <= plan::max_lr()))
    {
        return refuse(message!(
            "{lrs} contains {bad}, but a learning rate must be above 0 and at most {max}",
            bad,
            max = plan::max_lr(),
            lrs = Setting::named("lrs")
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::verdict::tests::run;
    use super::*;

    #[test]
    fn the_sweep_is_extended_if_an_edge_is_best() {
        let results = |scores: &[(f64, f64)]| {
            scores
                .iter()
                .map(|(lr, score)| (lr.to_bits(), (*lr, run(*score))))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(
            beyond_the_edge(&results(&[(1.0, 0.5), (2.0, 0.4)])),
            Some(0.5)
        );
        assert_eq!(
            beyond_the_edge(&results(&[(1.0, 0.4), (2.0, 0.5)])),
            Some(4.0)
        );
        assert_eq!(
            beyond_the_edge(&results(&[(1.0, 0.4), (2.0, 0.5), (4.0, 0.3)])),
            None
        );
    }

    #[test]
    fn invalid_settings_are_refused() {
        let refused = |change: fn(&mut CompareConfig)| {
            let mut compare = CompareConfig::default();
            change(&mut compare);
            check(&compare).is_err()
        };
        assert!(refused(|c| c.seeds = 0) && refused(|c| c.label_fractions = vec![0.0]));
        assert!(refused(|c| c.label_fractions = vec![]) && refused(|c| c.lrs = vec![1e-3, 1e30]));
        assert!(!refused(|_| ()));
    }
}
