//! `--tensorboard`: the scalars of a run as an event file of TensorBoard, written while it trains.
//!
//! Each process of a run writes its own file. It begins with a session start, at which TensorBoard
//! discards the points that an interrupted process recorded for later steps.
//!
//! Source: `tensorflow/core/util/event.proto`, `summary.proto` and `lib/io/record_writer.h`.

use prost::Message;
use protocol::{ClassifierMetrics, Event, MaskedLmMetrics, Metrics};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const FILE_VERSION: &str = "brain.Event:2";
/// `SessionLog.SessionStatus.START`.
const SESSION_START: i32 = 1;
/// Added to a rotated checksum, so that data that contains its own checksum stays verifiable.
const CHECKSUM_MASK: u32 = 0xa282_ead8;

/// `tensorflow.Event`, reduced to what this program writes.
#[derive(Clone, PartialEq, Message)]
struct Record {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    /// Optional, since a field that equals its default would not be written.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// An event file, open for appending.
#[derive(Debug)]
pub(crate) struct EventFile(File);

impl EventFile {
    /// Creates the event file of a run that starts or resumes after `step`.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn create(dir: &Path, step: u64) -> io::Result<Self> {
        let name = format!(
            "events.out.tfevents.{:.0}.clozelab.{}",
            now(),
            std::process::id()
        );
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(dir.join(name))?;
        let mut events = Self(file);
        events.write(Record {
            file_version: Some(FILE_VERSION.into()),
            ..Record::default()
        })?;
        events.start(step)?;
        Ok(events)
    }

    /// Appends the scalars of an event; events without any are ignored.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn append(&mut self, event: &Event) -> io::Result<()> {
        if let Event::RolledBack { step, .. } = event {
            return self.start(*step);
        }
        let Some((step, scalars)) = scalars(event) else {
            return Ok(());
        };
        let values = scalars.into_iter().map(|(tag, value)| Value {
            tag,
            simple_value: Some(value as f32),
        });
        self.write(Record {
            step: step as i64,
            summary: Some(Summary {
                values: values.collect(),
            }),
            ..Record::default()
        })
    }

    /// Marks that training continues after `step`.
    fn start(&mut self, step: u64) -> io::Result<()> {
        self.write(Record {
            step: step as i64 + 1,
            session_log: Some(SessionLog {
                status: SESSION_START,
            }),
            ..Record::default()
        })
    }

    fn write(&mut self, record: Record) -> io::Result<()> {
        let data = Record {
            wall_time: now(),
            ..record
        }
        .encode_to_vec();
        self.0.write_all(&framed(&data))
    }
}

/// Frames a record: length, checksum of the length, data, checksum of the data.
fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [
        &length[..],
        &checksum(&length).to_le_bytes(),
        data,
        &checksum(data).to_le_bytes(),
    ]
    .concat()
}

fn checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(CHECKSUM_MASK)
}

/// Seconds since 1970.
fn now() -> f64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

/// A number of an event and its name in TensorBoard.
type Scalar = (String, f64);

/// Returns the step and the scalars of an event that has any.
fn scalars(event: &Event) -> Option<(u64, Vec<Scalar>)> {
    match event {
        Event::Step {
            step,
            loss,
            masked_lm_loss,
            next_sentence_loss,
            lr,
            tokens_per_sec,
            grad_norm,
            ..
        } => {
            let always = [
                ("train/loss", Some(*loss)),
                ("train/masked_lm_loss", *masked_lm_loss),
                ("train/next_sentence_loss", *next_sentence_loss),
                ("train/learning_rate", Some(*lr)),
                ("train/gradient_norm", Some(*grad_norm)),
                ("train/tokens_per_second", Some(*tokens_per_sec)),
            ];
            Some((*step, named("", always)))
        }
        Event::Evaluated {
            step,
            split,
            network,
            metrics,
            ..
        } => {
            let prefix = match network {
                Some(network) => format!("{split}/network_{network}/"),
                None => format!("{split}/"),
            };
            Some((*step, named(&prefix, scores(metrics))))
        }
        _ => None,
    }
}

/// Returns the scalars that have a value, their names prefixed with `prefix`.
fn named<'a>(
    prefix: &str,
    scalars: impl IntoIterator<Item = (&'a str, Option<f64>)>,
) -> Vec<Scalar> {
    scalars
        .into_iter()
        .filter_map(|(name, value)| Some((format!("{prefix}{name}"), value?)))
        .collect()
}

fn scores(metrics: &Metrics) -> Vec<(&'static str, Option<f64>)> {
    match metrics {
        Metrics::MaskedLm(MaskedLmMetrics {
            masked_lm_loss,
            masked_accuracy,
            next_sentence_loss,
            next_sentence_accuracy,
            ..
        }) => vec![
            ("masked_lm_loss", Some(*masked_lm_loss)),
            ("masked_accuracy", Some(*masked_accuracy)),
            ("next_sentence_loss", *next_sentence_loss),
            ("next_sentence_accuracy", *next_sentence_accuracy),
        ],
        Metrics::Classifier(ClassifierMetrics {
            loss,
            micro_f1,
            macro_f1,
            mean_f1,
            precision_at_1,
            accuracy,
            expected_calibration_error,
            ..
        }) => vec![
            ("loss", Some(*loss)),
            ("micro_f1", Some(*micro_f1)),
            ("macro_f1", Some(*macro_f1)),
            ("mean_f1", Some(*mean_f1)),
            ("precision_at_1", Some(*precision_at_1)),
            ("accuracy", *accuracy),
            ("expected_calibration_error", *expected_calibration_error),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the records of an event file, after a check of all checksums.
    fn records(dir: &Path) -> Vec<Record> {
        let mut files = std::fs::read_dir(dir).expect("a folder");
        let path = files.next().expect("a file").expect("readable").path();
        let bytes = std::fs::read(path).expect("readable");
        let (mut records, mut rest) = (Vec::new(), bytes.as_slice());
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().expect("8 bytes")) as usize;
            let data = &rest[12..12 + length];
            assert_eq!(framed(data), rest[..16 + length]);
            records.push(Record::decode(data).expect("a record"));
            rest = &rest[16 + length..];
        }
        records
    }

    /// The files of TensorFlow begin with a record of 24 bytes.
    #[test]
    fn checksums_are_those_of_tensorflow() {
        assert_eq!(
            checksum(&24_u64.to_le_bytes()).to_le_bytes(),
            *b"\xa3\x7fK\""
        );
    }

    #[test]
    fn steps_and_scores_become_scalars() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let mut events = EventFile::create(folder.path(), 4).expect("writable");
        let step = Event::Step {
            run: "r".into(),
            step: 5,
            loss: 2.5,
            masked_lm_loss: None,
            next_sentence_loss: None,
            lr: 0.0,
            tokens_per_sec: 100.0,
            elapsed_secs: 1.0,
            eta_secs: 1.0,
            grad_norm: 0.5,
        };
        let evaluated = Event::Evaluated {
            run: "r".into(),
            step: 6,
            epoch: 1.0,
            split: "valid".into(),
            network: Some(2),
            metrics: Metrics::Classifier(ClassifierMetrics {
                micro_f1: 0.5,
                ..ClassifierMetrics::default()
            }),
        };
        let finished = Event::Finished {
            run: "r".into(),
            step: 6,
            stopped: false,
            elapsed_secs: 1.0,
        };
        for event in [step, evaluated, finished] {
            events.append(&event).expect("writable");
        }
        let records = records(folder.path());
        assert_eq!(records[0].file_version.as_deref(), Some(FILE_VERSION));
        assert_eq!(
            (records[1].step, &records[1].session_log),
            (
                5,
                &Some(SessionLog {
                    status: SESSION_START
                })
            )
        );
        let value = |record: &Record, tag: &str| {
            let summary = record.summary.as_ref().expect("scalars");
            let value = summary.values.iter().find(|value| value.tag == tag);
            value.and_then(|value| value.simple_value)
        };
        assert_eq!(records[2].step, 5);
        assert_eq!(value(&records[2], "train/loss"), Some(2.5));
        assert_eq!(value(&records[2], "train/learning_rate"), Some(0.0));
        assert_eq!(value(&records[2], "train/masked_lm_loss"), None);
        assert_eq!(value(&records[3], "valid/network_2/micro_f1"), Some(0.5));
        assert_eq!(records.len(), 4, "the end of a run has no scalars");
    }
}
