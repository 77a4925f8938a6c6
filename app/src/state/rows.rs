//! The rows of the table of runs: a new one, those that the browser kept, and how the shown ones differ.

use super::{Run, RunState, Stage, Text};
use crate::mark;
use protocol::{CompareConfig, Event, Phase, RunConfig, StartFrom};
use std::collections::BTreeSet;

impl RunState {
    /// Adds the row of a run that is about to be asked for, and returns its name.
    /// Where it takes over values, they are those of the model at hand.
    pub fn begin(
        &mut self,
        phase: Phase,
        config: &RunConfig,
        from: Option<StartFrom>,
        takes_over: bool,
    ) -> String {
        let word = if phase == Phase::Pretrain {
            "pretrain"
        } else {
            "finetune"
        };
        if phase == Phase::Finetune && self.baseline_of != labels_of(config) {
            // N-grams that learned from other documents are no baseline of this run.
            self.baseline = None;
        }
        let takes_over = takes_over || phase == Phase::Pretrain && self.model.continues;
        let (text, vectors, origin) = (
            self.texts,
            self.vectors,
            self.origin().filter(|_| takes_over),
        );
        let baseline = self
            .baseline
            .as_ref()
            .filter(|_| phase == Phase::Finetune)
            .map(|found| found.test.mean_f1);
        let text_id = self.text_id();
        let run = self.add_row(word, phase, config);
        run.baseline = baseline;
        run.pairs = config
            .pairs()
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect();
        run.text = text;
        run.vectors = vectors;
        run.resume.text = text_id;
        run.from = from;
        run.origin = origin;
        run.id.clone()
    }

    /// Adds the row of a comparison, and returns its name.
    pub fn begin_comparison(&mut self, config: &RunConfig, compare: &CompareConfig) -> String {
        self.least_runs = compare.least_runs();
        let id = self.begin_other("compare", config);
        let (text, origin) = (self.text_id(), self.origin());
        let run = self.run_mut(&id);
        run.resume.text = text;
        run.resume.least_runs = compare.least_runs();
        run.origin = origin;
        id
    }

    /// The text in use.
    fn text_id(&self) -> Text {
        let fingerprint = self
            .corpus
            .as_ref()
            .map(|corpus| corpus.traits.fingerprint.clone());
        Text {
            fingerprint: fingerprint.unwrap_or_default(),
            bundled: false,
        }
    }

    /// A comparison resumes that asks for so many runs.
    pub fn expect_runs(&mut self, least: u64) {
        self.least_runs = least;
    }

    /// Which run of a comparison under way is at work, of how many at least.
    pub fn comparing(&self) -> Option<(u64, u64)> {
        let name = self
            .runs
            .iter()
            .rfind(|run| run.id.starts_with("compare") && !run.stage.is_over())?;
        let whole = name.id.split('-').take(2).collect::<Vec<_>>().join("-");
        let begun = self
            .runs
            .iter()
            .filter(|run| run.id.starts_with(&format!("{whole}-")))
            .count() as u64;
        (begun > 0).then_some((begun, self.least_runs.max(begun)))
    }

    /// Keeps with its row what a comparison came to: the text of its [`Event::Compared`].
    pub fn keep_comparison(&mut self, id: &str, told: &str) {
        self.run_mut(id).comparison = Some(told.into());
    }

    /// Shows again what a comparison came to.
    pub fn show_comparison(&mut self, id: &str) {
        let told = self
            .runs
            .iter()
            .find(|run| run.id == id)
            .and_then(|run| run.comparison.as_deref());
        if let Some(Ok(Event::Compared { comparison, .. })) = told.map(serde_json::from_str) {
            self.comparison = Some(comparison);
        }
    }

    /// Adds the row of a comparison or of the counting task, and returns its name.
    pub fn begin_other(&mut self, word: &str, config: &RunConfig) -> String {
        match word {
            "compare" => self.comparison = None,
            _ => self.counted = None,
        }
        self.add_row(word, Phase::Finetune, config).id.clone()
    }

    /// N-grams are about to learn the labels that `config` asks for.
    pub fn ask_baseline(&mut self, config: &RunConfig) {
        self.baseline_of = labels_of(config);
    }

    /// Mean F1 of n-grams: on the present documents, else on those that the last shown run learned from.
    pub fn n_grams(&self) -> Option<f64> {
        let now = self.baseline.as_ref().map(|baseline| baseline.test.mean_f1);
        now.or_else(|| {
            self.shown_of(Phase::Finetune)
                .rfind(|run| !run.is_imported())?
                .baseline
        })
    }

    fn add_row(&mut self, word: &str, phase: Phase, config: &RunConfig) -> &mut Run {
        self.notice = None;
        let free = |id: &String| self.runs.iter().all(|run| run.id != *id);
        let id = (1..)
            .map(|number| format!("{word}-{number}"))
            .find(free)
            .expect("numbers do not run out");
        let mut run = Run::new(id, phase);
        run.settings = crate::settings::describe(config);
        self.runs.push(run);
        self.runs.last_mut().expect("just added")
    }

    /// The key of the run of this name, if it has one.
    pub fn key_of(&self, id: &str) -> Option<String> {
        self.runs
            .iter()
            .find(|run| run.id == id && !run.key.is_empty())
            .map(|run| run.key.clone())
    }

    /// The run of that key.
    pub fn run_of_key(&mut self, key: &str) -> Option<&mut Run> {
        self.runs
            .iter_mut()
            .find(|run| run.key == key && !key.is_empty())
    }

    /// Takes in runs of other days, which charts do not show until asked to. A run that was under way when its tab ended
    /// is over.
    pub fn take_saved(&mut self, saved: Vec<Run>) {
        let known = |key: &str| self.runs.iter().any(|run| run.key == key);
        let begun = |run: &Run| {
            run.key
                .split_once('@')
                .and_then(|(_, date)| date.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        let mut old: Vec<Run> = Vec::new();
        // Put in place one by one: a sort of its own would make the page larger by kilobytes.
        for run in saved.into_iter().filter(|run| !known(&run.key)) {
            old.insert(
                old.partition_point(|other| begun(other) <= begun(&run)),
                run,
            );
        }
        for run in &mut old {
            // A number may be taken by a run of this tab; keys are never used twice.
            run.id.clone_from(&run.key);
            run.old = true;
            run.shown = false;
            run.fail(mark!("its tab was closed"));
        }
        old.append(&mut self.runs);
        self.runs = old;
    }

    /// Takes in a run anew that another tab may have changed; `elsewhere`: it runs there.
    pub fn refresh_saved(&mut self, saved: Run, elsewhere: bool) {
        let Some(run) = self
            .runs
            .iter_mut()
            .find(|run| run.key == saved.key && run.old)
        else {
            return;
        };
        let (id, shown) = (std::mem::take(&mut run.id), run.shown);
        *run = saved;
        (run.id, run.shown, run.old) = (id, shown, true);
        run.resume.elsewhere = elsewhere;
        run.fail(mark!("its tab was closed"));
    }

    /// Shows the run that an imported model comes from, with its curves, or that of a run which is resumed.
    pub(super) fn take_history(&mut self, id: String, events: Vec<Event>) {
        if let Some(run) = self
            .runs
            .iter_mut()
            .find(|run| run.id == id && !run.is_imported())
        {
            return run.replay(events);
        }
        self.runs.retain(|run| run.id != id);
        let mut run = Run::unknown(&id);
        events.into_iter().for_each(|event| run.apply(event));
        run.fail(mark!("the log does not record how it ended"));
        run.old = true;
        self.runs.push(run);
    }

    /// Whether pre-training with these settings would only repeat the last run.
    pub fn would_repeat(&self, config: &RunConfig) -> bool {
        let Some(last) = self.runs_of(Phase::Pretrain).next_back() else {
            return false;
        };
        let mut pairs = config.pairs();
        pairs.retain(|(key, _)| !OF_FINETUNING.contains(key));
        let same = |((key, value), (other, wanted)): (&(String, String), &(&str, String))| {
            key == other && value == wanted
        };
        let before: Vec<_> = last
            .pairs
            .iter()
            .filter(|(key, _)| !OF_FINETUNING.contains(&key.as_str()))
            .collect();
        let is_same = before.len() == pairs.len() && before.into_iter().zip(&pairs).all(same);
        let begins_afresh =
            last.origin.is_none() && !self.model.continues && last.text == self.texts;
        let begins_afresh =
            begins_afresh && last.vectors == self.vectors && config.minutes.is_none();
        is_same && begins_afresh && last.stage == Stage::Finished
    }

    /// The settings in which the shown runs differ: the key, and each run's value, `None` for the default and a dash where it
    /// says nothing of the run.
    pub fn differences(&self) -> Vec<(String, Vec<Option<String>>)> {
        let shown: Vec<&Run> = self
            .runs
            .iter()
            .filter(|run| run.shown && run.is_own())
            .collect();
        let keys: BTreeSet<&String> = shown
            .iter()
            .flat_map(|run| run.pairs.iter().map(|(key, _)| key))
            .collect();
        let value = |run: &Run, key: &str| match run.phase {
            Phase::Pretrain if OF_FINETUNING.contains(&key) => Some(NO_VALUE.to_string()),
            Phase::Finetune if OF_PRETRAINING.contains(&key) => Some(NO_VALUE.to_string()),
            // Its settings did not come with it.
            _ if run.is_imported() => Some(NO_VALUE.to_string()),
            _ => run
                .pairs
                .iter()
                .find(|(other, _)| other == key)
                .map(|(_, value)| value.clone()),
        };
        let row = |key: &String| {
            (
                key.clone(),
                shown.iter().map(|run| value(run, key)).collect::<Vec<_>>(),
            )
        };
        let from = |run: &&Run| Some(run.from.map_or(NO_VALUE, StartFrom::name).to_string());
        let start = (
            "from".to_string(),
            shown.iter().map(from).collect::<Vec<_>>(),
        );
        let rows = keys.into_iter().map(row).chain([start]);
        rows.filter(|(_, values)| values.iter().any(|value| *value != values[0]))
            .collect()
    }
}

/// Settings that say nothing of a run of the other phase.
const OF_PRETRAINING: [&str; 5] = [
    "mask-rate",
    "max-predictions",
    "whole-word",
    "nsp",
    "seed-masking",
];
const OF_FINETUNING: [&str; 7] = [
    "label-fraction",
    "task",
    "parts",
    "class-weights",
    "near-duplicates",
    "pooling",
    "freeze",
];
/// Stands where a setting says nothing.
const NO_VALUE: &str = "–";

/// Which labelled documents a run learns from.
fn labels_of(config: &RunConfig) -> String {
    let RunConfig {
        limit,
        label_fraction,
        task,
        class_weights,
        near_duplicates,
        ..
    } = config;
    format!("{limit:?} {label_fraction:?} {task:?} {class_weights:?} {near_duplicates:?}")
}
