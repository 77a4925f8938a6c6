//! Settings of a run as flags: one for each entry of [`RunConfig::SETTINGS`].

use super::parse::{set_given, text_of};
use crate::terminal::output::plain;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use engine::error::Error;
use protocol::{Phase, RunConfig, SettingGroup, SettingKind, SettingSpec, message};
use std::marker::PhantomData;
use std::path::Path;

/// The settings that a command takes.
pub trait Scope: 'static {
    /// Whether the flags work before the name of the command too.
    const IS_GLOBAL: bool = false;

    /// Whether the command takes the settings of a group.
    fn includes(group: SettingGroup) -> bool;
}

/// Device and seed: settings of every command.
#[derive(Clone, Debug, Default)]
pub struct General;

impl Scope for General {
    const IS_GLOBAL: bool = true;

    fn includes(group: SettingGroup) -> bool {
        group == SettingGroup::General
    }
}

/// Settings of the commands that train.
#[derive(Clone, Debug, Default)]
pub struct Training;

impl Scope for Training {
    fn includes(group: SettingGroup) -> bool {
        group != SettingGroup::General
    }
}

/// Settings that say how tables are read.
#[derive(Clone, Debug, Default)]
pub struct Tables;

impl Scope for Tables {
    fn includes(group: SettingGroup) -> bool {
        group == SettingGroup::Tables
    }
}

/// The settings of a scope that were given, as text.
#[derive(Clone, Debug, Default)]
pub struct SettingFlags<S> {
    given: Vec<(&'static SettingSpec, String)>,
    scope: PhantomData<S>,
}

impl<S: Scope> SettingFlags<S> {
    /// Returns the given settings and their texts, in the order of the help.
    pub fn given(&self) -> &[(&'static SettingSpec, String)] {
        &self.given
    }

    /// Returns the given settings that apply to a phase.
    pub fn of_phase(&self, phase: Phase) -> Self {
        let applies = |spec: &SettingSpec| spec.group.phase().is_none_or(|only| only == phase);
        let given = self.given.iter().filter(|(spec, _)| applies(spec));
        Self {
            given: given.cloned().collect(),
            scope: PhantomData,
        }
    }

    /// Returns the given flags that apply to the other phase only.
    pub fn of_other_phase(&self, phase: Phase) -> Vec<String> {
        let is_other = |spec: &SettingSpec| spec.group.phase().is_some_and(|only| only != phase);
        let given = self.given.iter().filter(|(spec, _)| is_other(spec));
        given.map(|(spec, _)| format!("--{}", spec.key)).collect()
    }

    /// Returns the text of a setting that was given.
    pub fn value(&self, key: &str) -> Option<&str> {
        let found = self.given.iter().find(|(spec, _)| spec.key == key);
        found.map(|(_, text)| text.as_str())
    }

    /// Sets the fields of `config` whose flags were given.
    ///
    /// # Errors
    /// Returns an error if a value cannot be parsed or the label map cannot be read.
    pub fn apply(&self, config: &mut RunConfig) -> Result<(), Error> {
        for (spec, text) in &self.given {
            match spec.kind {
                SettingKind::LabelMap => {
                    let map = text_of(Path::new(text))?;
                    set_given(config, spec.key, &map)
                        .map_err(|error| in_file(text, &map, error))?;
                }
                _ if is_vector_file(spec, text) => {}
                _ => set_given(config, spec.key, text)?,
            }
        }
        Ok(())
    }
}

/// Adds the file, and the reason if it is no JSON, to an error about the content of a file.
fn in_file(path: &str, content: &str, error: Error) -> Error {
    let Error::Input {
        code,
        message,
        hint,
    } = error
    else {
        return error;
    };
    let path = plain(path);
    let message = match serde_json::from_str::<serde_json::Value>(content) {
        Ok(_) => message!("{message} (in {path})", message, path),
        Err(reason) => message!(
            "{message} (in {path}: {reason})",
            message,
            path,
            reason = reason.to_string()
        ),
    };
    Error::Input {
        code,
        message,
        hint,
    }
}

/// Whether the value of a setting is the name of a file of word vectors.
pub fn is_vector_file(spec: &SettingSpec, text: &str) -> bool {
    spec.key == EMBEDDING_INIT && text != "auto" && !spec.names().contains(&text)
}

/// The setting whose flag takes the name of a file too.
const EMBEDDING_INIT: &str = "embedding-init";

impl<S: Scope> FromArgMatches for SettingFlags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let text = |spec: &SettingSpec| match spec.kind {
            SettingKind::Switch => matches.get_flag(spec.key).then(|| "true".into()),
            _ => matches.get_one::<String>(spec.key).cloned(),
        };
        Ok(Self {
            given: settings::<S>()
                .filter_map(|spec| Some((spec, text(spec)?)))
                .collect(),
            scope: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<S: Scope> Args for SettingFlags<S> {
    fn augment_args(command: Command) -> Command {
        settings::<S>().fold(command, |command, spec| {
            command.arg(flag(spec).global(S::IS_GLOBAL))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Returns the settings of a scope in the order of their groups.
fn settings<S: Scope>() -> impl Iterator<Item = &'static SettingSpec> {
    let mut settings: Vec<&SettingSpec> = RunConfig::SETTINGS
        .iter()
        .filter(|spec| S::includes(spec.group))
        .collect();
    settings.sort_by_key(|spec| spec.group);
    settings.into_iter()
}

fn flag(spec: &'static SettingSpec) -> Arg {
    let flag = Arg::new(spec.key)
        .long(spec.key)
        .help(help(spec))
        .help_heading(heading(spec.group))
        .value_name(value_name(spec));
    let flag = match spec.key {
        "steps" => flag.conflicts_with_all(["epochs", "minutes"]),
        "epochs" => flag.conflicts_with("minutes"),
        _ => flag,
    };
    match spec.kind {
        SettingKind::Switch => flag.action(ArgAction::SetTrue),
        // A switch with a default of its own: `--freeze` alone turns it on.
        SettingKind::Choice(names) if names().contains(&"true") => {
            flag.num_args(0..=1).default_missing_value("true")
        }
        _ => flag,
    }
}

fn help(spec: &SettingSpec) -> String {
    let mut help = spec.help.trim_end_matches('.').to_string();
    if spec.key == EMBEDDING_INIT {
        help.push_str("; FILE has vectors in word2vec text format");
    } else if spec.names().len() > NAMES_IN_VALUE {
        help.push_str(&format!(": {}", spec.names().join(", ")));
    }
    if !spec.default.is_empty() {
        help.push_str(&format!(" [default: {}]", spec.default));
    }
    help
}

/// Number of names up to which they are listed in place of the value.
const NAMES_IN_VALUE: usize = 5;

fn value_name(spec: &SettingSpec) -> String {
    match spec.kind {
        SettingKind::Integer | SettingKind::Switch => "N".into(),
        SettingKind::Real => "F".into(),
        SettingKind::Choice(names) if spec.key == EMBEDDING_INIT => {
            format!("{}|FILE", names().join("|"))
        }
        SettingKind::Choice(names) if names().len() <= NAMES_IN_VALUE => {
            let mut names = names();
            // Links say `backend=webgpu` for a GPU.
            names.retain(|name| *name != "webgpu");
            names.join("|")
        }
        SettingKind::Choice(_) => "NAME".into(),
        SettingKind::Text if spec.key.ends_with("column") => "COLUMN".into(),
        SettingKind::Text => "TEXT".into(),
        SettingKind::LabelMap => "FILE".into(),
    }
}

/// Heading of the flags of every command.
pub const GENERAL_HEADING: &str = "Global options";

fn heading(group: SettingGroup) -> &'static str {
    match group {
        SettingGroup::General => GENERAL_HEADING,
        SettingGroup::Model => "Model",
        SettingGroup::Vocabulary => "Vocabulary",
        SettingGroup::Training => "Training",
        SettingGroup::Masking => "Masking",
        SettingGroup::Classifier => "Classifier",
        SettingGroup::Tables => "Tables",
    }
}

/// Hides the flags that a comparison refuses, or that its model determines.
pub fn hide_determined(command: Command) -> Command {
    hide(command, |spec| {
        matches!(spec.group, SettingGroup::Model | SettingGroup::Vocabulary)
            || matches!(spec.key, "lr" | "label-fraction" | "freeze" | "parts")
    })
    .mut_arg("embeddings", |flag| flag.hide(true))
}

/// Hides the flags of the other phase in the help of a command that trains. They are accepted with a
/// warning, so that a script may give the same flags to both commands.
pub fn hide_other_phase(command: Command, phase: Phase) -> Command {
    hide(command, |spec| {
        spec.group.phase().is_some_and(|other| other != phase)
    })
}

fn hide(command: Command, is_hidden: impl Fn(&SettingSpec) -> bool) -> Command {
    settings::<Training>()
        .filter(|spec| is_hidden(spec))
        .fold(command, |command, spec| {
            command.mut_arg(spec.key, |flag| flag.hide(true))
        })
}
