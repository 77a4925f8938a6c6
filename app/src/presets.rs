//! Presets as shown on cards, and which of them a device can train while the user waits. Pure.

use crate::wording::duration;
use crate::{mark, tr};
use protocol::{Estimate, Preset, PresetFamily};
use std::collections::BTreeMap;

/// A preset as shown on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// Name of the preset.
    pub name: &'static str,
    /// Short title.
    pub title: &'static str,
}

impl Card {
    /// Describes the size of the model.
    pub fn shape(&self) -> String {
        let Some(preset) = Preset::find(self.name) else {
            return String::new();
        };
        match preset.family {
            PresetFamily::Textcnn => tr!("filters of 2, 3, 4 and 5 words, 128 each"),
            PresetFamily::Mean => tr!("ignores the order of words"),
            _ => tr!(
                "{layers} layer of size {size}"
                    | "{layers} layers of size {size}" % preset.layers as u64,
                layers = preset.layers,
                size = preset.hidden_size
            ),
        }
    }
}

/// A group of related presets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Heading of the group.
    pub title: &'static str,
    /// Presets in the order shown.
    pub presets: &'static [Card],
}

/// All groups in the order shown. The first group suits users without a specific need.
pub const GROUPS: [Group; 4] = [
    Group {
        title: mark!("Learns fastest"),
        presets: &[
            card("fast-nano", mark!("Nano")),
            card("fast-tiny", mark!("Tiny")),
            card("fast-mini", mark!("Mini")),
            card("fast-small", mark!("Small")),
        ],
    },
    Group {
        title: mark!("BERT as published"),
        presets: &[
            card("bert-tiny", mark!("BERT tiny")),
            card("bert-mini", mark!("BERT mini")),
            card("bert-small", mark!("BERT small")),
            card("bert-medium", mark!("BERT medium")),
            card("bert-base", mark!("BERT base")),
        ],
    },
    Group {
        title: mark!("Six layers, as in 2018"),
        presets: &[
            card("tiny", mark!("2018 tiny")),
            card("small", mark!("2018 small")),
            card("big", mark!("2018 big")),
        ],
    },
    Group {
        title: mark!("Without attention"),
        presets: &[
            card("textcnn", mark!("TextCNN")),
            card("mean", mark!("Mean of all words")),
        ],
    },
];

const fn card(name: &'static str, title: &'static str) -> Card {
    Card { name, title }
}

/// Maximum duration in seconds that a user is assumed to wait for: five minutes fit into a lesson.
const MAX_WAIT_SECS: f64 = 300.0;

/// Returns the duration of the run in seconds: the requested one, otherwise the one extrapolated
/// from timed steps. `None` without either.
pub fn run_secs(estimate: &Estimate) -> Option<f64> {
    let tried = (estimate.step_secs > 0.0).then_some(estimate.step_secs * estimate.steps as f64);
    estimate.seconds.or(tried)
}

/// Describes the duration of a run: a range if the timed steps differ considerably. `None` if the
/// duration is unknown.
pub fn run_time(estimate: &Estimate) -> Option<String> {
    let middle = run_secs(estimate)?;
    let [least, most] = estimate
        .step_secs_range
        .map(|secs| secs * estimate.steps as f64);
    if estimate.seconds.is_none() && most > least * NOTABLE_SPREAD {
        return Some(tr!(
            "{least} to {most}",
            least = duration(least),
            most = duration(most)
        ));
    }
    Some(duration(middle))
}

/// Ratio of the slowest to the fastest step above which the duration is given as a range.
const NOTABLE_SPREAD: f64 = 1.2;

/// Returns the largest preset of the fastest-training group whose measured duration is within
/// [`MAX_WAIT_SECS`]. `None` until all of them have been measured.
pub fn suggested(estimates: &BTreeMap<String, Estimate>) -> Option<&'static str> {
    let tried = |name: &str| estimates.get(name).filter(|estimate| estimate.tried);
    let measured: Option<Vec<_>> = GROUPS[0]
        .presets
        .iter()
        .map(|preset| Some((preset.name, tried(preset.name)?)))
        .collect();
    let fits = |estimate: &Estimate| run_secs(estimate).is_some_and(|secs| secs <= MAX_WAIT_SECS);
    measured?
        .into_iter()
        .filter(|(_, estimate)| fits(estimate))
        .map(|(name, _)| name)
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_match_the_presets_of_the_protocol() {
        let shown: Vec<&str> = GROUPS
            .iter()
            .flat_map(|group| group.presets.iter().map(|preset| preset.name))
            .collect();
        assert_eq!(shown, protocol::PRESET_NAMES);
    }

    #[test]
    fn varying_step_times_give_a_range() {
        let time_text = |step_secs, step_secs_range| {
            run_time(&Estimate {
                steps: 100,
                step_secs,
                step_secs_range,
                ..Estimate::default()
            })
        };
        assert_eq!(time_text(0.5, [0.48, 0.52]).as_deref(), Some("50 s"));
        assert_eq!(
            time_text(0.5, [0.4, 0.9]).as_deref(),
            Some("40 s to 1 min 30 s")
        );
        assert_eq!(time_text(0.0, [0.0, 0.0]), None);
        let timed_run = Estimate {
            steps: 900,
            step_secs: 0.5,
            step_secs_range: [0.1, 0.9],
            seconds: Some(300.0),
            ..Estimate::default()
        };
        assert_eq!(
            run_time(&timed_run).as_deref(),
            Some("5 min 0 s"),
            "only its steps are uncertain"
        );
    }

    #[test]
    fn largest_preset_within_the_wait_is_suggested() {
        let names = ["fast-nano", "fast-tiny", "fast-mini", "fast-small"];
        for (secs, expected) in [
            (&[10.0, 100.0, 299.0, 900.0][..], Some("fast-mini")),
            (&[10.0, 100.0, 299.0, 0.0], Some("fast-mini")),
            (&[400.0, 900.0, 900.0, 900.0], None),
            (&[10.0, 100.0], None),
        ] {
            let estimate = |secs: f64| Estimate {
                steps: 100,
                step_secs: secs / 100.0,
                tried: true,
                ..Estimate::default()
            };
            let estimates = names
                .iter()
                .zip(secs)
                .map(|(name, secs)| (name.to_string(), estimate(*secs)))
                .collect();
            assert_eq!(suggested(&estimates), expected, "{secs:?}");
        }
        let size = |name: &&str| ((*name).to_string(), Estimate::default());
        assert_eq!(
            suggested(&names.iter().map(size).collect()),
            None,
            "sizes tell no time"
        );
    }
}
