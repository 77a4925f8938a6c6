//! The `convert` command: converts other systems' data sets to lines with `__label__` labels. It
//! reads and writes line by line, so that a file of any size takes little memory; only one
//! fingerprint per text stays in memory.

use crate::args::{Cail, Convert, Source};
use crate::inputs;
use crate::output_file::{output_error, output_exists};
use crate::run_dir::store::shown;
use crate::terminal::output;
use engine::error::Error;
use protocol::message;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::io::{BufRead, BufWriter, Write};
use std::path::Path;

/// A line of CAIL2018: the facts of a case and its accusations.
#[derive(Deserialize)]
struct Case {
    fact: String,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    accusation: Vec<String>,
}

/// Number of lines by outcome.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    written: u64,
    repeated: u64,
    empty: u64,
    unreadable: u64,
    first_unreadable: u64,
}

/// Runs the `convert` command.
///
/// # Errors
/// Returns an error if the input cannot be read, the output exists or cannot be written, or the
/// input contains no case.
pub(crate) fn convert(args: &Convert) -> Result<(), Error> {
    let Source::Cail(args) = &args.source;
    if args.output.exists() {
        return Err(output_exists(&args.output));
    }
    let counts = cail(args)?;
    let Counts {
        written,
        repeated,
        empty,
        unreadable,
        first_unreadable,
    } = counts;
    output::print_stderr(&format!(
        "{written} cases written to {}",
        shown(&args.output)
    ));
    for (n, what) in [
        (repeated, "skipped: text already seen"),
        (empty, "skipped: no text"),
    ] {
        if n > 0 {
            output::print_stderr(&format!("{n} {what}"));
        }
    }
    if unreadable > 0 {
        output::print_stderr(&format!(
            "{unreadable} skipped: not a CAIL2018 case (first: line {first_unreadable})"
        ));
    }
    Ok(())
}

fn cail(args: &Cail) -> Result<Counts, Error> {
    let mut seen = HashSet::new();
    for path in &args.without {
        each_line(path, &mut |_, line| {
            let text = plain_text(line);
            seen.extend((!text.is_empty()).then(|| fingerprint(&text)));
            Ok(())
        })?;
    }
    let folder = args
        .output
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let temporary = tempfile::Builder::new()
        .tempfile_in(folder)
        .map_err(|error| output_error(&args.output, &error))?;
    let mut out = BufWriter::new(temporary);
    let mut counts = Counts::default();
    each_line(&args.input, &mut |number, line| {
        let Ok(case) = serde_json::from_str::<Case>(line) else {
            counts.unreadable += u64::from(!line.trim().is_empty());
            counts.first_unreadable = if counts.unreadable == 1 {
                number
            } else {
                counts.first_unreadable
            };
            return Ok(());
        };
        let text = case.fact.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            counts.empty += 1;
        } else if seen.insert(fingerprint(&text)) {
            counts.written += 1;
            writeln!(out, "{text}{}", labels(&case.meta.accusation))
                .map_err(|error| output_error(&args.output, &error))?;
        } else {
            counts.repeated += 1;
        }
        Ok(())
    })?;
    if counts.written + counts.repeated == 0 {
        return Err(Error::Input {
            code: "no-cases",
            message: message!(
                "{path} contains no CAIL2018 cases",
                path = shown(&args.input)
            ),
            hint: message!(
                "Each line must be a JSON object with {fields}.",
                fields = "\"fact\" and \"meta\": {\"accusation\": [..]}"
            ),
        });
    }
    let temporary = out
        .into_inner()
        .map_err(|error| output_error(&args.output, error.error()))?;
    temporary
        .persist_noclobber(&args.output)
        .map_err(|error| output_error(&args.output, &error.error))?;
    Ok(counts)
}

/// Brackets that CAIL puts around an accusation or a part of one, such as `[a、b]c`; they are not
/// part of its name.
const BRACKETS: [char; 6] = ['[', ']', '［', '］', '【', '】'];

/// Formats labels as ` __label__a __label__b`. A label is one word, so white space in it becomes
/// `_`.
fn labels(accusations: &[String]) -> String {
    let one = |name: &String| {
        let name = name.replace(BRACKETS, "");
        name.split_whitespace().collect::<Vec<_>>().join("_")
    };
    accusations
        .iter()
        .map(one)
        .filter(|name| !name.is_empty())
        .map(|name| format!(" __label__{name}"))
        .collect()
}

/// Returns the text of a line of another split, which is a case or an already converted line.
fn plain_text(line: &str) -> String {
    let text = serde_json::from_str::<Case>(line).map(|case| case.fact);
    let text = text.unwrap_or_else(|_| line.split(" __label__").next().unwrap_or_default().into());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fingerprint(text: &str) -> [u8; 16] {
    let digest = Sha256::digest(text);
    digest[..16].try_into().expect("a digest has 32 bytes")
}

fn each_line(
    path: &Path,
    take: &mut dyn FnMut(u64, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut reader = crate::commands::predict::unpacked(&shown(path), inputs::open(path)?)?;
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = reader
            .read_until(b'\n', &mut bytes)
            .map_err(|error| Error::Input {
                code: "unreadable-input",
                message: message!(
                    "{path} cannot be read after line {number}: {error}",
                    path = shown(path),
                    number = number - 1,
                    error = error.to_string()
                ),
                hint: message!("Check the file."),
            })?;
        if read == 0 {
            break;
        }
        take(
            number,
            String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}'),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_become_labelled_lines_without_repeated_texts() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let path = |name: &str| root.path().join(name);
        let case = |fact: &str, accusation: &str| {
            format!("{{\"fact\":\"{fact}\",\"meta\":{{\"accusation\":[{accusation}]}}}}\n")
        };
        let valid = case("old fact", "\"theft\"");
        let train = [
            case("a\\nb", "\"theft\",\"[dangerous driving]\""),
            case("a b", "\"fraud\""),
            case("old  fact", "\"theft\""),
            case(" ", "\"theft\""),
            "not json\n".into(),
            case("c", "\"[组织、强迫]某事\",\"[a] [b\",\"[]\""),
        ];
        std::fs::write(path("valid.json"), valid).expect("writable");
        std::fs::write(path("train.json"), train.concat()).expect("writable");
        let args = Cail {
            input: path("train.json"),
            output: path("train.txt"),
            without: vec![path("valid.json")],
        };
        let counts = cail(&args).expect("cases");
        assert_eq!(
            counts,
            Counts {
                written: 2,
                repeated: 2,
                empty: 1,
                unreadable: 1,
                first_unreadable: 5
            }
        );
        let written = std::fs::read_to_string(path("train.txt")).expect("written");
        assert_eq!(
            written,
            "a b __label__theft __label__dangerous_driving\nc __label__组织、强迫某事 __label__a_b\n"
        );
        let again = Cail {
            input: path("train.json"),
            output: path("more.txt"),
            without: vec![path("train.txt"), path("valid.json")],
        };
        assert_eq!(cail(&again).expect("cases").written, 0);
        let none = Cail {
            input: path("train.txt"),
            output: path("none.txt"),
            without: Vec::new(),
        };
        assert_eq!(cail(&none).expect_err("no case").code(), "no-cases");
        assert!(!path("none.txt").exists());
    }
}
