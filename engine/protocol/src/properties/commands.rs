//! Property tests of commands.

use super::messages::{check, texts, values};
use crate::{
    Annotations, BackendChoice, Command, CompareConfig, FileInfo, FileRole, LineQuery, Quoting,
    RunConfig, StartFrom,
};
use fuzz::Bytes;
use serde_json::Value;

fn file() -> FileInfo {
    let member_roles = [("a.zip/b.txt".to_string(), FileRole::Test)].into();
    FileInfo {
        name: "a.zip".into(),
        role: Some(FileRole::Train),
        encoding: Some("utf-8".into()),
        member_roles,
    }
}

/// Returns one command of most variants that have fields.
fn every_kind() -> Vec<Command> {
    let (run, text, config, request) = (
        "r".to_string(),
        "a [MASK]".to_string(),
        RunConfig::default(),
        3,
    );
    vec![
        Command::Open {
            backend: BackendChoice::Gpu,
            workers: Some(2),
        },
        Command::SetCorpus {
            files: vec![file()],
            text_column: Some("text".into()),
            label_column: None,
            label_separator: Some("|".into()),
            quoting: Some(Quoting::Double),
            label_map: [
                ("a".to_string(), Some("b".to_string())),
                ("c".to_string(), None),
            ]
            .into(),
            annotations: [("a text".to_string(), vec!["a".to_string()])].into(),
        },
        Command::PreviewMasking {
            config: config.clone(),
            example: 1,
            epoch: 2,
            text: Some(text.clone()),
        },
        Command::Pretrain {
            run: run.clone(),
            config: config.clone(),
            go_on: true,
        },
        Command::Finetune {
            run: run.clone(),
            config: config.clone(),
            from: StartFrom::Pretrained,
        },
        Command::Compare {
            run: run.clone(),
            config: config.clone(),
            compare: CompareConfig::default(),
            known: vec![],
        },
        Command::SetWordVectors { file: Some(file()) },
        Command::Toy {
            run,
            config: config.clone(),
        },
        Command::Pause,
        Command::Step { steps: 4 },
        Command::FillMask {
            request,
            text: text.clone(),
            top_k: 5,
        },
        Command::FillMasks {
            request,
            texts: vec![text.clone()],
            top_k: 5,
        },
        Command::Classify {
            request,
            text: text.clone(),
            top_k: 5,
        },
        Command::Map {
            request,
            source: crate::MapSource::Words,
        },
        Command::MeasureLabels {
            request,
            training: vec![Annotations::new()],
            held_out: [(text.clone(), vec![text.clone()])].into(),
        },
        Command::SlowMotion {
            request,
            text: text.clone(),
            position: Some(2),
            layer: 1,
            head: 0,
        },
        Command::Explain {
            request,
            text: text.clone(),
            label: Some(text.clone()),
        },
        Command::LabelFile {
            request,
            file: file(),
            text_column: None,
            quoting: Some(Quoting::None),
            own_thresholds: true,
            splits_long: false,
        },
        Command::Attend {
            request,
            text: text.clone(),
        },
        Command::Neighbours {
            request,
            word: text.clone(),
            top_k: 5,
        },
        Command::Review {
            request,
            split: "valid".into(),
        },
        Command::Lines {
            request,
            query: LineQuery::Missed { label: "x".into() },
            limit: 5,
        },
        Command::Estimate {
            request,
            config: config.clone(),
            tries: true,
        },
        Command::Baseline { config },
        Command::Vocabulary {
            filter: text,
            limit: 5,
        },
        Command::ImportModel {
            request: 1,
            files: vec![file()],
        },
        Command::StoreCheckpoint {
            run: "r".into(),
            files: vec![file()],
        },
    ]
}

fn messages() -> Vec<Value> {
    every_kind()
        .iter()
        .map(|command| serde_json::to_value(command).expect("serialises"))
        .collect()
}

#[test]
fn commands_round_trip() {
    fuzz::check("commands", 8000, &values(messages()), |command| {
        check::<Command>(command.to_string().as_bytes())
    });
}

#[test]
fn arbitrary_text_is_a_command_or_refused() {
    fuzz::check("command-texts", 8000, &texts(&messages()), |Bytes(text)| {
        check::<Command>(&text)
    });
}
