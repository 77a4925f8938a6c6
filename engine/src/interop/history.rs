//! What a run told, beside its model: the few lines of `metrics.jsonl` that its curves need, for the page to draw.

use protocol::Event;

/// The events of a run, one per line.
pub const HISTORY_FILE: &str = "metrics.jsonl";
/// Bytes of it that are read: an hour's run has less than one megabyte.
const MAX_BYTES: usize = 64 << 20;
/// Steps that are kept: a chart has no more points.
const MAX_STEPS: usize = 512;

/// The start, steps, evaluations and end of the run in the lines of a `metrics.jsonl`; lines that are none of these, or no
/// events, are passed over. Files are not named: they may be private.
pub fn history(lines: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(&lines[..lines.len().min(MAX_BYTES)]);
    let events: Vec<Event> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(is_kept).collect();
    let steps = events.iter().filter(|event| is_step(event)).count();
    let (one_in, mut seen) = (steps.div_ceil(MAX_STEPS).max(1), 0);
    let mut is_drawn = |event: &Event| {
        if !is_step(event) {
            return true;
        }
        seen += 1;
        seen % one_in == 0 || seen == steps
    };
    events.into_iter().filter(|event| is_drawn(event)).collect()
}

/// The same as lines.
pub fn history_lines(lines: &[u8]) -> Vec<u8> {
    let line = |event: Event| serde_json::to_string(&event).expect("events serialise") + "\n";
    history(lines).into_iter().map(line).collect::<String>().into_bytes()
}

fn is_step(event: &Event) -> bool {
    matches!(event, Event::Step { .. })
}

fn is_kept(event: &Event) -> bool {
    is_step(event) || matches!(event, Event::Started { .. } | Event::Evaluated { .. } | Event::Finished { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        events.push(Event::Checkpoint { run: "pretrain".into(), step: steps, path: "/home/somebody/run".into() });
        events.push(Event::Finished { run: "pretrain".into(), step: steps, stopped: false, elapsed_secs: 2.0 });
        let lines: Vec<String> = events.iter().map(|event| serde_json::to_string(event).expect("events")).collect();
        format!("{}\nno event\n{{\"event\":\"unknown\"}}\n", lines.join("\n")).into_bytes()
    }

    #[test]
    fn the_curves_stay_and_paths_do_not() {
        let few = history(&lines(20));
        assert_eq!(few.len(), 21);
        let bytes = history_lines(&lines(20));
        assert!(!String::from_utf8_lossy(&bytes).contains("somebody"));
        assert_eq!(history(&bytes), few, "what was written reads back");
    }

    #[test]
    fn long_runs_are_thinned_to_the_last_step() {
        let many = history(&lines(5000));
        assert!((MAX_STEPS / 2..=MAX_STEPS + 2).contains(&many.len()), "{}", many.len());
        assert!(many.iter().any(|event| matches!(event, Event::Step { step: 5000, .. })));
        assert!(history(b"\xff\xfe{").is_empty() && history(&[]).is_empty());
    }
}
