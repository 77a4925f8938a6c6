//! Runs encoded in a link: their configuration, seed and curves, never any of their text. Labels
//! are words of the text, so per-label scores are left out. Pure.

use crate::chart::curve::Curve;
use crate::guide::Guide;
use crate::settings::Settings;
use crate::state::{HeldOut, Plan, Run, Score, Stage};
use crate::tr;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{ClassifierMetrics, Phase, StartFrom};
use serde::{Deserialize, Serialize};

/// Prefix of the link's fragment.
pub const MARK: &str = "#share=";

/// Number of points of a shared curve, so that the link stays short enough to be sent.
const POINTS: usize = 60;

/// Maximum number of runs in a link, for the same reason.
pub const MAX_RUNS: usize = 8;

/// Maximum length in bytes of a fragment that is read.
const MAX_BYTES: usize = 100_000;

/// Maximum number of characters of a run's name.
const MAX_NAME_CHARS: usize = 80;

/// Separator between the runs of a fragment; not a base64 character.
const SEPARATOR: char = '.';

/// A run as encoded in a link.
#[derive(Serialize, Deserialize)]
struct Shared {
    /// Version of the encoding.
    v: u32,
    phase: Phase,
    from: Option<StartFrom>,
    settings: Vec<(String, String)>,
    plan: Option<SharedPlan>,
    /// Training loss by step.
    loss: Vec<(u64, f64)>,
    /// Step, held-out loss and masked accuracy.
    held_out: Vec<(u64, f64, f64)>,
    /// Step, epoch, whether on the test set, micro F1 and macro F1.
    f1: Vec<(u64, f64, bool, f64, f64)>,
    /// Number of documents in the validation set and in the test set; 0 if unknown.
    #[serde(default)]
    documents: (u64, u64),
    /// Mean F1 of the n-gram baseline.
    #[serde(default)]
    baseline: Option<f64>,
    /// Number of steps done: the last point of a thinned curve may be earlier.
    #[serde(default)]
    steps: u64,
    /// Name that the user gave the run.
    #[serde(default)]
    name: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct SharedPlan {
    parameters: u64,
    steps: u64,
    vocab_size: u64,
    uniform: f64,
    unigram: f64,
    bigram: Option<f64>,
    labels: usize,
}

/// Settings that contain words of the text: column names and label separators.
const TEXT_KEYS: [&str; 4] = [
    "text-column",
    "label-column",
    "label-separator",
    "label-map",
];

/// Returns the settings of a run that may be shared.
fn settings(run: &Run) -> Vec<(String, String)> {
    run.pairs
        .iter()
        .filter(|(key, _)| !TEXT_KEYS.contains(&key.as_str()))
        .cloned()
        .collect()
}

/// Settings of fine-tuning that are independent of the preceding pre-training.
const FINETUNE_KEYS: [&str; 4] = ["epochs", "lr", "task", "label-fraction"];

/// Returns the query that sets the configuration of `runs`, with its `?`; empty if everything is at
/// its default. The last run of each phase determines the settings; if both initialisations of
/// fine-tuning occur, both are set.
pub fn query(runs: &[&Run]) -> String {
    let mut merged = Settings::default();
    let last = |phase| runs.iter().rev().find(|run| run.phase == phase);
    let pretrained = last(Phase::Pretrain);
    for run in pretrained.into_iter().chain(last(Phase::Finetune)) {
        merged.finetune_from = run.from.unwrap_or(merged.finetune_from);
        let applies = |key: &str| {
            run.phase == Phase::Pretrain || pretrained.is_none() || FINETUNE_KEYS.contains(&key)
        };
        for (key, value) in settings(run).into_iter().filter(|(key, _)| applies(key)) {
            // Settings that a link has no name for are left out.
            let _ = merged.set(if_finetuned(run.phase, &key), &value);
        }
    }
    let is_from = |from| runs.iter().any(|run| run.from == Some(from));
    merged.finetune_both = is_from(StartFrom::Pretrained) && is_from(StartFrom::Scratch);
    let text = crate::query::write(&merged, &Guide::default());
    if text.is_empty() {
        text
    } else {
        format!("?{text}")
    }
}

/// Returns the link's key of a setting: length and learning rate of fine-tuning have their own.
fn if_finetuned(phase: Phase, key: &str) -> &str {
    match (phase, key) {
        (Phase::Finetune, "epochs") => "finetune-epochs",
        (Phase::Finetune, "lr") => "finetune-lr",
        _ => key,
    }
}

/// Returns at most [`POINTS`] elements of a list: evenly spaced, including the last.
fn thinned<T: Clone>(list: &[T]) -> Vec<T> {
    let every = list.len().div_ceil(POINTS).max(1);
    list.iter().rev().step_by(every).rev().cloned().collect()
}

/// Returns the fragment that encodes `runs`.
pub fn fragment(runs: &[&Run]) -> String {
    let encoded: Vec<String> = runs.iter().map(|run| encode(run)).collect();
    format!("{MARK}{}", encoded.join(&SEPARATOR.to_string()))
}

fn encode(run: &Run) -> String {
    let round = |value: f64| (value * 1e4).round() / 1e4;
    // Finer than any displayed value, so that values look the same where the link is opened.
    let round_f1 = |value: f64| (value * 1e6).round() / 1e6;
    let curve = run.curve.reduced(POINTS);
    let documents = |is_test| {
        let of_split = run
            .scores
            .iter()
            .rfind(|score| (score.split == "test") == is_test);
        of_split.map_or(0, |score| score.metrics.n)
    };
    let shared = Shared {
        v: 1,
        phase: run.phase,
        from: run.from,
        settings: settings(run),
        plan: run.plan.as_ref().map(|plan| SharedPlan {
            parameters: plan.parameters,
            steps: plan.steps,
            vocab_size: plan.vocab_size,
            uniform: round(plan.uniform),
            unigram: round(plan.unigram),
            bigram: plan.bigram.map(round),
            labels: plan.labels,
        }),
        loss: curve
            .buckets()
            .iter()
            .map(|bucket| (bucket.middle() as u64, round(bucket.mean())))
            .collect(),
        held_out: thinned(&run.held_out)
            .iter()
            .map(|quality| (quality.step, round(quality.loss), round(quality.accuracy)))
            .collect(),
        f1: thinned(&run.scores)
            .iter()
            .map(|score| {
                let metrics = &score.metrics;
                (
                    score.step,
                    round(score.epoch),
                    score.split == "test",
                    round_f1(metrics.micro_f1),
                    round_f1(metrics.macro_f1),
                )
            })
            .collect(),
        documents: (documents(false), documents(true)),
        baseline: run.baseline.map(round_f1),
        steps: run.steps_done(),
        name: run
            .title
            .as_ref()
            .map(|title| title.chars().take(MAX_NAME_CHARS).collect()),
    };
    let text = serde_json::to_string(&shared).expect("a run is plain data");
    URL_SAFE_NO_PAD.encode(text)
}

/// Returns the runs encoded in a fragment; `None` if it contains none.
///
/// # Errors
/// Returns a message if the runs cannot be decoded.
pub fn read(fragment: &str) -> Option<Result<Vec<Run>, String>> {
    let text = fragment.strip_prefix(MARK)?;
    Some(decode_all(text).ok_or_else(|| tr!("The results in this link cannot be read.")))
}

fn decode_all(text: &str) -> Option<Vec<Run>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut runs: Vec<Run> = text
        .split(SEPARATOR)
        .take(MAX_RUNS)
        .map(decode)
        .collect::<Option<_>>()?;
    let titles: Vec<Option<String>> = runs.iter().map(|run| run.title.clone()).collect();
    for (number, run) in runs.iter_mut().enumerate() {
        run.id = format!("shared-{}", number + 1);
        let duplicates = titles[..number]
            .iter()
            .filter(|title| **title == run.title)
            .count();
        if let Some(title) = run.title.as_mut().filter(|_| duplicates > 0) {
            *title = format!("{title} {}", duplicates + 1);
        }
    }
    Some(runs)
}

fn decode(text: &str) -> Option<Run> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let shared: Shared = serde_json::from_str(str::from_utf8(&bytes).ok()?).ok()?;
    let finite = shared.loss.iter().all(|(_, loss)| loss.is_finite());
    if shared.v != 1 || !finite {
        return None;
    }
    Some(run_of(shared))
}

fn run_of(shared: Shared) -> Run {
    let mut run = Run::new("shared-1".into(), shared.phase);
    run.shared = true;
    run.from = shared.from;
    run.settings = shared
        .settings
        .iter()
        .map(|(key, value)| format!("{key} {value}"))
        .collect::<Vec<_>>()
        .join(" · ");
    run.pairs = shared.settings;
    let title = match shared.phase {
        Phase::Pretrain => tr!("Shared pre-training"),
        Phase::Finetune => tr!("Shared fine-tuning"),
    };
    let name = shared
        .name
        .map(|name| name.chars().take(MAX_NAME_CHARS).collect::<String>());
    run.title = Some(match shared.from {
        _ if name.is_some() => tr!("{run} (shared)", run = name.unwrap_or_default()),
        Some(StartFrom::Pretrained) => tr!("{run}, pre-trained", run = title),
        Some(StartFrom::Scratch) => tr!("{run}, from scratch", run = title),
        None => title,
    });
    run.plan = shared.plan.map(|plan| Plan {
        parameters: plan.parameters,
        steps: plan.steps,
        vocab_size: plan.vocab_size,
        uniform: plan.uniform,
        unigram: plan.unigram,
        bigram: plan.bigram,
        labels: plan.labels,
    });
    let mut curve = Curve::default();
    shared
        .loss
        .iter()
        .for_each(|(step, loss)| curve.push(*step, *loss));
    run.curve = curve;
    let held_out = |(step, loss, accuracy)| HeldOut {
        step,
        loss,
        accuracy,
        pairs: None,
    };
    run.held_out = shared.held_out.into_iter().map(held_out).collect();
    run.scores = shared
        .f1
        .into_iter()
        .map(|figures| score(figures, shared.documents))
        .collect();
    run.baseline = shared.baseline.filter(|f1| (0.0..=1.0).contains(f1));
    let steps = [
        run.curve.buckets().last().map(|bucket| bucket.last),
        run.scores.last().map(|score| score.step),
    ];
    mark_networks(&mut run.scores);
    run.reach(shared.steps);
    run.reach(steps.into_iter().flatten().max().unwrap_or(0));
    run.stage = Stage::Finished;
    run
}

/// Restores the `network` of validation scores, which the encoding lacks. Of two validation scores
/// at the same step the second belongs to the whole classifier, and earlier scores belong to single
/// networks.
fn mark_networks(scores: &mut [Score]) {
    let valid = |score: &Score| score.split != "test";
    let joined = (1..scores.len()).rfind(|&index| {
        valid(&scores[index])
            && valid(&scores[index - 1])
            && scores[index].step == scores[index - 1].step
    });
    if let Some(joined) = joined {
        scores[..joined]
            .iter_mut()
            .for_each(|score| score.network = Some(1));
    }
}

fn score(
    (step, epoch, test, micro_f1, macro_f1): (u64, f64, bool, f64, f64),
    (valid, tested): (u64, u64),
) -> Score {
    let n = if test { tested } else { valid };
    let mean_f1 = (micro_f1 + macro_f1) / 2.0;
    let split = if test { "test" } else { "valid" }.into();
    Score {
        step,
        epoch,
        split,
        network: None,
        metrics: ClassifierMetrics {
            n,
            micro_f1,
            macro_f1,
            mean_f1,
            ..ClassifierMetrics::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::LabelMetrics;

    fn run() -> Run {
        let mut run = Run::new("finetune-1".into(), Phase::Finetune);
        run.pairs = vec![
            ("preset".into(), "fast-nano".into()),
            ("seed".into(), "3".into()),
        ];
        run.plan = Some(Plan {
            parameters: 9,
            steps: 1000,
            uniform: 9.0,
            unigram: 6.5,
            ..Plan::default()
        });
        (1..=1000).for_each(|step| run.curve.push(step, 9.0 - step as f64 / 500.0));
        run.held_out.push(HeldOut {
            step: 1000,
            loss: 7.12345,
            accuracy: 0.25,
            pairs: None,
        });
        let secret = LabelMetrics {
            label: "secret-label".into(),
            ..LabelMetrics::default()
        };
        let metrics = ClassifierMetrics {
            n: 30,
            micro_f1: 0.7,
            macro_f1: 0.5,
            per_label: vec![secret],
            ..Default::default()
        };
        run.baseline = Some(0.65);
        run.reach(1003);
        run.scores.push(Score {
            step: 1000,
            epoch: 2.0,
            split: "test".into(),
            network: None,
            metrics,
        });
        run
    }

    fn read_one(fragment: &str) -> Run {
        let [run] = read(fragment)
            .expect("a run")
            .expect("readable")
            .try_into()
            .expect("one");
        run
    }

    /// The benefit of pre-training shows only when several curves are shared together.
    #[test]
    fn several_runs_keep_distinct_names() {
        let (mut pretrained, mut scratch, mut before) = (run(), run(), run());
        pretrained.from = Some(StartFrom::Pretrained);
        scratch.from = Some(StartFrom::Scratch);
        before.phase = Phase::Pretrain;
        before.pairs.push(("epochs".into(), "3".into()));
        let all = [&before, &pretrained, &scratch, &scratch];
        assert_eq!(
            query(&all),
            "?seed=3&preset=fast-nano&epochs=3&finetune-from=both"
        );
        let mut earlier = run();
        earlier.phase = Phase::Pretrain;
        earlier.pairs = vec![
            ("steps".into(), "40".into()),
            ("mask-rate".into(), "0.4".into()),
        ];
        let mut later = run();
        later.pairs.extend([
            ("epochs".into(), "2".into()),
            ("max-len".into(), "16".into()),
        ]);
        assert_eq!(
            query(&[&earlier, &before, &later]),
            "?seed=3&preset=fast-nano&epochs=3&finetune-epochs=2",
            "nothing of the run before is left, and what phases share is that of pre-training"
        );
        let back = read(&fragment(&all)).expect("runs").expect("readable");
        let names: Vec<String> = back
            .iter()
            .map(|run| format!("{} {}", run.id, run.name()))
            .collect();
        let expected = [
            "shared-1 Shared pre-training",
            "shared-2 Shared fine-tuning, pre-trained",
            "shared-3 Shared fine-tuning, from scratch",
            "shared-4 Shared fine-tuning, from scratch 2",
        ];
        assert_eq!(names, expected);
        let many = read(&fragment(&[&before; 20]))
            .expect("runs")
            .expect("readable");
        assert_eq!(many.len(), MAX_RUNS);
        let broken = format!("{}.!!!", fragment(&[&before]));
        assert!(read(&broken).expect("meant for us").is_err());
    }

    #[test]
    fn shared_runs_have_settings_and_curves_but_no_labels() {
        let fragment = fragment(&[&run()]);
        assert!(fragment.len() < 4000, "{} characters", fragment.len());
        let plain = String::from_utf8(
            URL_SAFE_NO_PAD
                .decode(&fragment[MARK.len()..])
                .expect("ours"),
        )
        .expect("text");
        assert!(!plain.contains("secret"), "{plain}");
        let back = read_one(&fragment);
        assert_eq!(
            (back.pairs.clone(), back.scores[0].metrics.mean_f1),
            (run().pairs, 0.6)
        );
        assert_eq!(back.held_out[0].loss, 7.1235);
        assert!((back.curve.near(500).expect("a loss") - 8.0).abs() < 0.1);
        assert_eq!(
            (back.steps_done(), back.stage, back.shared, back.phase),
            (1003, Stage::Finished, true, Phase::Finetune)
        );
        assert_eq!((back.scores[0].metrics.n, back.baseline), (30, Some(0.65)));
        let mut named = run();
        named.title = Some("Lesson 1".into());
        assert_eq!(
            read_one(&super::fragment(&[&named])).name(),
            "Lesson 1 (shared)"
        );
    }

    #[test]
    fn query_contains_no_words_of_the_text() {
        let mut run = run();
        run.pairs.extend([
            ("text-column".into(), "secret".into()),
            ("epochs".into(), "2".into()),
        ]);
        assert_eq!(query(&[&run]), "?seed=3&preset=fast-nano&finetune-epochs=2");
        run.from = Some(StartFrom::Scratch);
        run.pairs
            .insert(0, ("of-another-version".into(), "1".into()));
        assert_eq!(
            query(&[&run]),
            "?seed=3&preset=fast-nano&finetune-epochs=2&finetune-from=scratch"
        );
        assert!(!fragment(&[&run]).is_empty());
        let back = read_one(&fragment(&[&run]));
        assert!(back.pairs.iter().all(|(_, value)| value != "secret"));
    }

    #[test]
    fn very_long_runs_are_thinned() {
        let mut run = run();
        let quality = |step| HeldOut {
            step,
            loss: 5.0,
            accuracy: 0.1,
            pairs: None,
        };
        run.held_out = (0..50_000).map(quality).collect();
        let back = read_one(&fragment(&[&run]));
        assert!(
            back.held_out.len() <= POINTS
                && back.held_out.last().is_some_and(|last| last.step == 49_999)
        );
    }

    #[test]
    fn invalid_fragments_are_refused() {
        assert!(read("").is_none() && read("#data").is_none());
        let infinite = URL_SAFE_NO_PAD.encode(r#"{"v":1,"phase":"pretrain","from":null,"settings":[],"plan":null,"loss":[[1,1e999]],"held_out":[],"f1":[]}"#);
        for nonsense in [
            "",
            "!!!",
            "e30",
            "bm90IGpzb24",
            &infinite,
            &"A".repeat(200_000),
        ] {
            assert!(
                read(&format!("{MARK}{nonsense}"))
                    .expect("meant for us")
                    .is_err(),
                "{nonsense:.20}"
            );
        }
    }
}
