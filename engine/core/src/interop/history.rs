//! Extracts the events that the charts need from a run's log (`metrics.jsonl`).

use protocol::{Event, Metrics};

/// The log of a run: one event per line.
pub const HISTORY_FILE: &str = "metrics.jsonl";
/// Maximum number of bytes of the log that are read; an hour of training takes less than one
/// megabyte.
pub const MAX_HISTORY_BYTES: usize = 64 << 20;
/// Maximum number of steps, and of evaluations, that are kept; enough for a chart.
const MAX_POINTS: usize = 512;

/// Returns the start, steps, evaluations and end of the run from the lines of a log, and skips all
/// other lines. File and device names are removed, since the model may be shared, and only the last
/// evaluation of each split keeps its metrics per label.
pub fn history(lines: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(&lines[..lines.len().min(MAX_HISTORY_BYTES)]);
    let events: Vec<Event> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(is_relevant)
        .collect();
    let mut steps = Sampler::new(events.iter().filter(|event| is_step(event)).count());
    let mut evaluations = Sampler::new(events.iter().filter(|event| is_evaluation(event)).count());
    let is_drawn = |event: &Event| match event {
        Event::Step { .. } => steps.takes_next(),
        Event::Evaluated { .. } => evaluations.takes_next(),
        _ => true,
    };
    let mut selected: Vec<Event> = events.into_iter().filter(is_drawn).collect();
    let mut seen: Vec<String> = Vec::new();
    for event in selected.iter_mut().rev() {
        match event {
            Event::Started { device, .. } => device.clear(),
            Event::Evaluated {
                split,
                metrics: Metrics::Classifier(metrics),
                ..
            } if seen.contains(split) => {
                metrics.per_label.clear();
            }
            Event::Evaluated { split, .. } => seen.push(split.clone()),
            _ => {}
        }
    }
    selected
}

/// Selects about [`MAX_POINTS`] evenly spaced items, including the last ones.
struct Sampler {
    all: usize,
    seen: usize,
}

/// Number of final items that are always kept: at the end, a run evaluates each split and each
/// network.
const LAST: usize = 8;

impl Sampler {
    fn new(all: usize) -> Self {
        Self { all, seen: 0 }
    }

    fn takes_next(&mut self) -> bool {
        self.seen += 1;
        let stride = self.all.div_ceil(MAX_POINTS - LAST).max(1);
        self.seen.is_multiple_of(stride) || self.seen + LAST > self.all
    }
}

/// Like [`history`], encoded as lines.
pub fn history_lines(lines: &[u8]) -> Vec<u8> {
    history(lines).iter().flat_map(line).collect()
}

/// Returns the lines of a log until the checkpoint at `step`; without a line of that checkpoint, those
/// of steps until then.
pub fn history_until(lines: &[u8], step: u64) -> Vec<u8> {
    let text = String::from_utf8_lossy(&lines[..lines.len().min(MAX_HISTORY_BYTES)]);
    let events: Vec<(&str, Event)> = text
        .lines()
        .filter_map(|line| Some((line, serde_json::from_str(line).ok()?)))
        .collect();
    let is_checkpoint = |(_, event): &(_, Event)| matches!(event, Event::Checkpoint { step: at, .. } if *at == step);
    let end = events.iter().rposition(is_checkpoint);
    let is_earlier = |(_, event): &&(&str, Event)| match event {
        Event::Step { step: at, .. }
        | Event::Evaluated { step: at, .. }
        | Event::Checkpoint { step: at, .. }
        | Event::RolledBack { step: at, .. }
        | Event::Started { step: at, .. } => *at <= step,
        Event::Finished { .. } => false,
        _ => true,
    };
    let until = end.map_or(events.len(), |end| end + 1);
    events[..until]
        .iter()
        .filter(is_earlier)
        .flat_map(|(line, _)| line.bytes().chain([b'\n']))
        .collect()
}

fn line(event: &Event) -> Vec<u8> {
    let text = serde_json::to_string(event).expect("events serialise");
    (text + "\n").into_bytes()
}

fn is_step(event: &Event) -> bool {
    matches!(event, Event::Step { .. })
}

fn is_evaluation(event: &Event) -> bool {
    matches!(event, Event::Evaluated { .. })
}

fn is_relevant(event: &Event) -> bool {
    is_step(event)
        || is_evaluation(event)
        || matches!(
            event,
            Event::Started { .. } | Event::RolledBack { .. } | Event::Finished { .. }
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{ClassifierMetrics, LabelMetrics};

    fn lines(steps: u64) -> Vec<u8> {
        let step = |step: u64| Event::Step {
            run: "pretrain".into(),
            step,
            loss: 1.0,
            masked_lm_loss: None,
            next_sentence_loss: None,
            lr: 0.1,
            tokens_per_sec: 1.0,
            elapsed_secs: 1.0,
            eta_secs: 1.0,
            grad_norm: 1.0,
        };
        let mut events: Vec<Event> = (1..=steps).map(step).collect();
        events.push(Event::Checkpoint {
            run: "pretrain".into(),
            step: steps,
            path: "/home/somebody/run".into(),
        });
        events.push(Event::Finished {
            run: "pretrain".into(),
            step: steps,
            stopped: false,
            elapsed_secs: 2.0,
        });
        let lines: Vec<String> = events
            .iter()
            .map(|event| serde_json::to_string(event).expect("events"))
            .collect();
        format!(
            "{}\nno event\n{{\"event\":\"unknown\"}}\n",
            lines.join("\n")
        )
        .into_bytes()
    }

    #[test]
    fn a_log_ends_at_the_checkpoint_from_which_a_run_resumes() {
        let log = String::from_utf8(lines(3)).expect("JSON");
        let twice = format!("{log}{log}");
        let count = |text: &str, step| {
            let until = history_until(text.as_bytes(), step);
            String::from_utf8(until).expect("JSON").lines().count()
        };
        assert_eq!(count(&log, 3), 4, "three steps and the checkpoint");
        assert_eq!(count(&twice, 3), 8, "the last checkpoint of that step");
        assert_eq!(count(&twice, 2), 4, "no checkpoint of that step");
        assert_eq!(count("{\"event\":", 2), 0);
    }

    #[test]
    fn history_keeps_curves_and_drops_paths() {
        let few = history(&lines(20));
        assert_eq!(few.len(), 21);
        let bytes = history_lines(&lines(20));
        assert!(!String::from_utf8_lossy(&bytes).contains("somebody"));
        assert_eq!(history(&bytes), few, "what was written reads back");
    }

    #[test]
    fn only_the_last_evaluations_keep_metrics_per_label() {
        let line = |step: u64, split: &str| {
            let metrics = ClassifierMetrics {
                per_label: vec![LabelMetrics::default()],
                ..ClassifierMetrics::default()
            };
            let (run, split, metrics) = (
                "finetune".into(),
                split.into(),
                Metrics::Classifier(metrics),
            );
            let event = Event::Evaluated {
                run,
                step,
                epoch: step as f64,
                split,
                network: None,
                metrics,
            };
            serde_json::to_string(&event).expect("events") + "\n"
        };
        let mut log: String = (0..20_000).map(|step| line(step, "valid")).collect();
        log += &line(20_000, "test");
        let events = history(log.as_bytes());
        assert!(
            (MAX_POINTS / 2..=MAX_POINTS).contains(&events.len()),
            "{}",
            events.len()
        );
        let has_labels = |event: &&Event| match event {
            Event::Evaluated {
                metrics: Metrics::Classifier(metrics),
                ..
            } => !metrics.per_label.is_empty(),
            _ => false,
        };
        assert_eq!(events.iter().filter(has_labels).count(), 2);
        assert!(matches!(
            events.last(),
            Some(Event::Evaluated { step: 20_000, .. })
        ));
    }

    #[test]
    fn long_runs_are_thinned_but_keep_the_last_step() {
        let many = history(&lines(5000));
        assert!(
            (MAX_POINTS / 2..=MAX_POINTS + 2).contains(&many.len()),
            "{}",
            many.len()
        );
        assert!(
            many.iter()
                .any(|event| matches!(event, Event::Step { step: 5000, .. }))
        );
        assert!(history(b"\xff\xfe{").is_empty() && history(&[]).is_empty());
    }
}
