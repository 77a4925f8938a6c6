//! A run of the page as a command line. The native engine is several times faster on most machines;
//! on the CPU its results differ by rounding only.

use super::{Engine, Origin, Run, RunState};
use protocol::{FileRole, Phase, RunConfig, SettingKind, StartFrom};

/// Stands for a model whose directory the page does not know.
const UNKNOWN_MODEL: &str = "MODEL";

/// Stands for files whose names the page does not know, as those of an earlier visit.
const UNKNOWN_FILE: &str = "TEXT";

impl RunState {
    /// Returns the command that trains the run with this id on the command line; `None` if it is
    /// neither pre-training nor fine-tuning, or needs a file that exists only in the page: a label
    /// map.
    pub fn command_line(&self, id: &str) -> Option<String> {
        let run = self
            .runs
            .iter()
            .find(|run| run.id == id && run.is_own() && !run.is_imported())?;
        if run.pairs.iter().any(|(key, _)| key == "label-map") {
            return None;
        }
        let mut words = vec!["clozelab".to_string()];
        let (command, train_flag, roles) = match run.phase {
            Phase::Pretrain => ("pretrain", "--corpus", &[FileRole::Valid][..]),
            Phase::Finetune => (
                "finetune",
                "--train",
                &[FileRole::Valid, FileRole::Test][..],
            ),
        };
        words.extend([command, train_flag].map(String::from));
        words.extend(self.files_of(run, FileRole::Train, run.phase == Phase::Pretrain));
        for role in roles {
            let flag = match role {
                FileRole::Test => "--test",
                _ => "--valid",
            };
            let files = self.known_files(run, *role);
            if !files.is_empty() {
                words.push(flag.into());
                words.extend(files);
            }
        }
        if run.origin.is_some() || run.from == Some(StartFrom::Pretrained) {
            words.extend(["--from".into(), self.directory_of(run.origin.as_ref())]);
        }
        words.extend(["--out".into(), format!("runs/{}", run.id)]);
        words.extend(
            run.pairs
                .iter()
                .flat_map(|(key, value)| flag(run, key, value)),
        );
        let names_device = words.iter().any(|word| word == "--device");
        let is_on_cpu = matches!(&self.engine, Engine::Ready(device) if device.backend == "cpu");
        if is_on_cpu && !names_device {
            words.extend(["--device", "cpu"].map(String::from));
        }
        Some(words.join(" "))
    }

    /// Returns the directory of the weights that a run started from, as these commands name it.
    fn directory_of(&self, origin: Option<&Origin>) -> String {
        let run = origin.and_then(|origin| match origin {
            Origin::Run(key) => self.runs.iter().find(|run| run.key == *key),
            Origin::Import(_) => None,
        });
        run.map_or(UNKNOWN_MODEL.into(), |run| format!("runs/{}", run.id))
    }

    /// Returns the files of a role, or a placeholder where their names are unknown. Fine-tuning
    /// reads only those with labels.
    fn files_of(&self, run: &Run, role: FileRole, without_labels: bool) -> Vec<String> {
        let mut files: Vec<String> = self
            .corpus
            .iter()
            .filter(|_| run.text == self.texts)
            .flat_map(|corpus| &corpus.files)
            .filter(|file| file.role == role && (without_labels || file.labelled > 0))
            .map(|file| quoted(on_disk(&file.name)))
            .collect();
        // The files of an archive follow each other.
        files.dedup();
        if files.is_empty() {
            vec![UNKNOWN_FILE.into()]
        } else {
            files
        }
    }

    fn known_files(&self, run: &Run, role: FileRole) -> Vec<String> {
        let mut files = self.files_of(run, role, true);
        files.retain(|file| file != UNKNOWN_FILE);
        files
    }
}

/// Returns the file that holds this one: an archive, or the file itself.
fn on_disk(name: &str) -> &str {
    let ends = [".zip/", ".docx/", ".xlsx/"].map(|end| name.find(end).map(|at| at + end.len() - 1));
    ends.into_iter()
        .flatten()
        .min()
        .map_or(name, |end| &name[..end])
}

/// Returns a setting as a flag with its value. A key of a link is that of a flag, but for the
/// device, and for the settings that links name by their phase.
fn flag(run: &Run, key: &str, value: &str) -> Vec<String> {
    let spec = RunConfig::SETTINGS
        .iter()
        .find(|spec| spec.link_key == key || spec.key == key);
    let (name, is_switch) = spec.map_or((key, false), |spec| {
        (spec.key, matches!(spec.kind, SettingKind::Switch))
    });
    debug_assert!(spec.is_some(), "{key} of {} is a setting", run.id);
    let flag = format!("--{name}");
    if is_switch {
        return if value == "true" { vec![flag] } else { vec![] };
    }
    let value = if name == "device" && value == "webgpu" {
        "gpu"
    } else {
        value
    };
    vec![flag, quoted(value)]
}

/// Quotes a text for a POSIX shell, where it needs quotes.
fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./,:=+".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Corpus;
    use protocol::FileReport;

    fn file(name: &str, role: FileRole, labelled: u64) -> FileReport {
        FileReport {
            name: name.into(),
            role,
            bytes: 0,
            encoding: "utf-8".into(),
            documents: labelled,
            labelled,
            dropped: vec![],
            columns: None,
        }
    }

    fn state() -> RunState {
        let files = vec![
            file("my notes.txt", FileRole::Train, 0),
            file("train.csv", FileRole::Train, 20),
            file("valid.csv", FileRole::Valid, 5),
            file("test.csv", FileRole::Test, 5),
        ];
        RunState {
            corpus: Some(Corpus {
                files,
                ..Corpus::default()
            }),
            ..RunState::default()
        }
    }

    fn config(pairs: &[(&str, &str)]) -> RunConfig {
        let mut config = RunConfig::default();
        for (key, value) in pairs {
            config.set(key, value).expect("a setting");
        }
        config
    }

    #[test]
    fn a_pretraining_run_names_files_and_settings() {
        let mut state = state();
        let config = config(&[("preset", "fast-nano"), ("steps", "20"), ("nsp", "true")]);
        let id = state.begin(Phase::Pretrain, &config, None, false);
        let command = state.command_line(&id).expect("a command");
        assert_eq!(
            command,
            "clozelab pretrain --corpus 'my notes.txt' train.csv --valid valid.csv \
             --out runs/pretrain-1 --preset fast-nano --steps 20 --nsp"
        );
    }

    #[test]
    fn fine_tuning_reads_labelled_files_and_starts_from_the_weights() {
        let mut state = state();
        let from = Some(StartFrom::Pretrained);
        let id = state.begin(Phase::Finetune, &RunConfig::default(), from, true);
        let command = state.command_line(&id).expect("a command");
        assert_eq!(
            command,
            "clozelab finetune --train train.csv --valid valid.csv --test test.csv \
             --from MODEL --out runs/finetune-1"
        );
    }

    #[test]
    fn continued_runs_start_from_the_run_before() {
        let mut state = state();
        let first = state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
        state.run_mut(&first).key = "k1".into();
        let second = state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
        state.run_mut(&second).origin = Some(Origin::Run("k1".into()));
        let command = state.command_line(&second).expect("a command");
        assert!(
            command.contains(" --from runs/pretrain-1 --out runs/pretrain-2"),
            "{command}"
        );
    }

    #[test]
    fn a_label_map_exists_only_in_the_page() {
        let mut state = state();
        let config = config(&[("label-map", "{\"a\":\"b\"}")]);
        let id = state.begin(Phase::Finetune, &config, Some(StartFrom::Scratch), false);
        assert_eq!(state.command_line(&id), None);
    }

    #[test]
    fn files_of_an_archive_are_read_from_the_archive() {
        assert_eq!(on_disk("texts.zip/a/b.txt"), "texts.zip");
        assert_eq!(on_disk("folder/a.txt"), "folder/a.txt");
    }

    #[test]
    fn unknown_files_have_a_placeholder() {
        let mut state = state();
        let id = state.begin(Phase::Pretrain, &RunConfig::default(), None, false);
        state.corpus = None;
        let command = state.command_line(&id).expect("a command");
        assert_eq!(
            command,
            "clozelab pretrain --corpus TEXT --out runs/pretrain-1"
        );
    }

    #[test]
    fn texts_are_quoted_for_a_shell() {
        for (text, expected) in [
            ("a.txt", "a.txt"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(rm)", "'$(rm)'"),
            ("ตั๋ว.csv", "'ตั๋ว.csv'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
