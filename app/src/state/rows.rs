//! Rows of the table of runs: new runs, saved runs, and the differences between those shown.

use super::run::IMPORTED;
use super::{Run, RunState, Stage, Text};
use crate::mark;
use protocol::{CompareConfig, Event, Message, Phase, RunConfig, SettingSpec, StartFrom};
use std::collections::BTreeSet;

impl RunState {
    /// Adds the row of a run that is about to be started, and returns its id. If the run continues
    /// from existing weights, they are those of the loaded model.
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
            // N-grams trained on other documents are no baseline of this run.
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

    /// Adds the row of a comparison, and returns its id.
    pub fn begin_comparison(&mut self, config: &RunConfig, compare: &CompareConfig) -> String {
        self.min_runs = compare.min_runs();
        let id = self.begin_other("compare", config);
        let (text, origin) = (self.text_id(), self.origin());
        let run = self.run_mut(&id);
        run.resume.text = text;
        run.resume.min_runs = compare.min_runs();
        run.origin = origin;
        id
    }

    /// Returns the current corpus.
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

    /// Sets the minimum number of runs of a comparison that is resumed.
    pub fn expect_runs(&mut self, min_runs: u64) {
        self.min_runs = min_runs;
    }

    /// Returns the number of the current run of an active comparison, and the minimum number of its
    /// runs.
    pub fn comparing(&self) -> Option<(u64, u64)> {
        let name = self
            .runs
            .iter()
            .rfind(|run| run.id.starts_with("compare") && !run.stage.is_over())?;
        let comparison_id = name.id.split('-').take(2).collect::<Vec<_>>().join("-");
        let started = self
            .runs
            .iter()
            .filter(|run| run.id.starts_with(&format!("{comparison_id}-")))
            .count() as u64;
        (started > 0).then_some((started, self.min_runs.max(started)))
    }

    /// Stores the JSON of a comparison's [`Event::Compared`] with its row.
    pub fn keep_comparison(&mut self, id: &str, json: &str) {
        self.run_mut(id).comparison = Some(json.into());
    }

    /// Shows the results of a past comparison.
    pub fn show_comparison(&mut self, id: &str) {
        let json = self
            .runs
            .iter()
            .find(|run| run.id == id)
            .and_then(|run| run.comparison.as_deref());
        if let Some(Ok(Event::Compared { comparison, .. })) = json.map(serde_json::from_str) {
            self.comparison = Some(comparison);
        }
    }

    /// Adds the row of a comparison or of the counting task, and returns its id.
    pub fn begin_other(&mut self, word: &str, config: &RunConfig) -> String {
        match word {
            "compare" => self.comparison = None,
            _ => self.counted = None,
        }
        self.add_row(word, Phase::Finetune, config).id.clone()
    }

    /// Records that the n-gram baseline is being trained on the labels that `config` selects.
    pub fn ask_baseline(&mut self, config: &RunConfig) {
        self.baseline_of = labels_of(config);
    }

    /// Returns the mean F1 of the n-gram baseline: on the current documents, otherwise on those of
    /// the last run shown.
    pub fn n_grams(&self) -> Option<f64> {
        let now = self.baseline.as_ref().map(|baseline| baseline.test.mean_f1);
        now.or_else(|| {
            self.shown_of(Phase::Finetune)
                .rfind(|run| !run.is_imported())?
                .baseline
        })
    }

    fn unused_id(&self, word: &str) -> String {
        let is_unused = |id: &String| self.runs.iter().all(|run| run.id != *id);
        (1..)
            .map(|number| format!("{word}-{number}"))
            .find(is_unused)
            .expect("numbers do not run out")
    }

    fn add_row(&mut self, word: &str, phase: Phase, config: &RunConfig) -> &mut Run {
        self.notice = None;
        let mut run = Run::new(self.unused_id(word), phase);
        run.settings = crate::settings::describe(config);
        self.runs.push(run);
        self.runs.last_mut().expect("just added")
    }

    /// Returns the key of the run with this id, if it has one.
    pub fn key_of(&self, id: &str) -> Option<String> {
        self.runs
            .iter()
            .find(|run| run.id == id && !run.key.is_empty())
            .map(|run| run.key.clone())
    }

    /// Returns the run with this key.
    pub fn run_of_key(&mut self, key: &str) -> Option<&mut Run> {
        self.runs
            .iter_mut()
            .find(|run| run.key == key && !key.is_empty())
    }

    /// Adds runs saved by earlier sessions, which charts do not show until requested. A run that
    /// was active when its tab was closed has ended.
    pub fn take_saved(&mut self, saved: Vec<Run>) {
        let known = |key: &str| self.runs.iter().any(|run| run.key == key);
        let start_date = |run: &Run| {
            run.key
                .split_once('@')
                .and_then(|(_, date)| date.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        let mut old: Vec<Run> = Vec::new();
        // Inserted one by one: instantiating a sort for this type would add kilobytes to the page.
        for run in saved.into_iter().filter(|run| !known(&run.key)) {
            old.insert(
                old.partition_point(|other| start_date(other) <= start_date(&run)),
                run,
            );
        }
        for run in &mut old {
            // Another run of this tab may have the same id; keys are unique.
            run.id.clone_from(&run.key);
            run.old = true;
            run.shown = false;
            run.fail(Message::phrase(mark!("its tab was closed")));
        }
        old.append(&mut self.runs);
        self.runs = old;
    }

    /// Updates a saved run that another tab may have changed; `elsewhere`: it is active there.
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
        run.fail(Message::phrase(mark!("its tab was closed")));
    }

    /// Adds the run that an imported model comes from, with its curves, or updates the run that is
    /// being resumed.
    pub(super) fn take_history(&mut self, id: String, events: Vec<Event>) {
        if let Some(run) = self
            .runs
            .iter_mut()
            .find(|run| run.id == id && !id.starts_with(IMPORTED))
        {
            return run.replay(events);
        }
        self.runs.retain(|run| run.id != id);
        let mut run = Run::unknown(&id);
        events.into_iter().for_each(|event| run.apply(event));
        run.fail(Message::phrase(mark!(
            "the log does not record how it ended"
        )));
        run.old = true;
        self.runs.push(run);
    }

    /// Makes the imported run with the engine's id `imported`, which reads `text`, one of this browser,
    /// once its checkpoint is stored. Returns its new id and the key of its storage, which contains
    /// the `date`. `None` if there is nothing to store: the run has finished, or its checkpoint was
    /// stored before.
    pub fn adopt_imported(
        &mut self,
        imported: &str,
        text: Text,
        date: f64,
    ) -> Option<(String, String)> {
        let is_known = |run: &Run| run.resume.imported.as_deref() == Some(imported);
        if self
            .runs
            .iter()
            .any(|run| is_known(run) && run.resume.saved.is_some())
        {
            self.runs.retain(|run| run.id != imported);
            return None;
        }
        // An earlier attempt to store it failed.
        self.runs.retain(|run| !is_known(run));
        let index = self.runs.iter().position(|run| run.id == imported)?;
        if self.runs[index].stage == Stage::Finished {
            return None;
        }
        let word = match self.runs[index].phase {
            Phase::Pretrain => "pretrain",
            Phase::Finetune => "finetune",
        };
        let id = self.unused_id(word);
        let run = &mut self.runs[index];
        run.id.clone_from(&id);
        run.key = format!("{id}@{date}");
        run.resume.imported = Some(imported.into());
        run.resume.text = text;
        Some((id, run.key.clone()))
    }

    /// Returns whether pre-training with these settings would only repeat the last run.
    pub fn would_repeat(&self, config: &RunConfig) -> bool {
        let Some(last) = self.runs_of(Phase::Pretrain).next_back() else {
            return false;
        };
        let mut pairs = config.pairs();
        pairs.retain(|(key, _)| only_phase(key) != Some(Phase::Finetune));
        let is_same_pair =
            |((key, value), (other, expected)): (&(String, String), &(&str, String))| {
                key == other && value == expected
            };
        let before: Vec<_> = last
            .pairs
            .iter()
            .filter(|(key, _)| only_phase(key) != Some(Phase::Finetune))
            .collect();
        let is_same =
            before.len() == pairs.len() && before.into_iter().zip(&pairs).all(is_same_pair);
        let begins_afresh =
            last.origin.is_none() && !self.model.continues && last.text == self.texts;
        let begins_afresh =
            begins_afresh && last.vectors == self.vectors && config.minutes.is_none();
        is_same && begins_afresh && last.stage == Stage::Finished
    }

    /// Returns the settings in which the shown runs differ: the key and the value of each run,
    /// `None` for the default and a dash if the setting does not apply.
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
            phase if only_phase(key).is_some_and(|only| only != phase) => {
                Some(NOT_APPLICABLE.to_string())
            }
            // The settings of an imported run are unknown.
            _ if run.is_imported() => Some(NOT_APPLICABLE.to_string()),
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
        let from = |run: &&Run| Some(run.from.map_or(NOT_APPLICABLE, StartFrom::name).to_string());
        let start = (
            "from".to_string(),
            shown.iter().map(from).collect::<Vec<_>>(),
        );
        let rows = keys.into_iter().map(row).chain([start]);
        rows.filter(|(_, values)| values.iter().any(|value| *value != values[0]))
            .collect()
    }
}

/// Returns the only phase that a setting applies to, if it is one.
fn only_phase(link_key: &str) -> Option<Phase> {
    SettingSpec::find(link_key).and_then(|spec| spec.group.phase())
}

/// Placeholder for a setting that does not apply.
const NOT_APPLICABLE: &str = "–";

/// Identifies the labelled documents that a run trains on.
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
