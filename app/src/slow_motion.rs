//! The frames in which one masked word is followed through a model. Pure.

use protocol::SlowMotion;

/// What a frame shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The line with the word hidden.
    Masked,
    /// The embedding of `[MASK]`.
    Embedding,
    /// The scores of the query with each key.
    Scores,
    /// The softmax of the scores.
    Softmax,
    /// The weighted values and their sum.
    Mixture,
    /// The prediction.
    Prediction,
    /// The prediction after one training step.
    Training,
}

impl Frame {
    /// All frames in order.
    const ALL: [Self; 7] = [
        Self::Masked,
        Self::Embedding,
        Self::Scores,
        Self::Softmax,
        Self::Mixture,
        Self::Prediction,
        Self::Training,
    ];

    fn needs_attention(self) -> bool {
        matches!(self, Self::Scores | Self::Softmax | Self::Mixture)
    }

    /// Returns the frames of a model: those of attention only if it has any.
    pub fn of(motion: &SlowMotion) -> Vec<Self> {
        let has_attention = motion.attention.is_some();
        let frames = Self::ALL.into_iter();
        frames
            .filter(|frame| has_attention || !frame.needs_attention())
            .collect()
    }
}

/// Returns the length of a bar for each value, 0 to 1: relative to the largest, or to the range if
/// there are negative values.
pub fn bar_lengths(values: &[f64]) -> Vec<f64> {
    let lowest = values.iter().copied().fold(0.0, f64::min);
    let highest = values.iter().copied().fold(lowest, f64::max);
    let range = (highest - lowest).max(f64::MIN_POSITIVE);
    let length = |value: &f64| ((value - lowest) / range).clamp(0.0, 1.0);
    values.iter().map(length).collect()
}

/// Returns the cells of a strip of numbers as SVG: one square each, stronger for larger numbers,
/// with a class for the sign.
pub fn strip(numbers: &[f32], columns: usize) -> String {
    let largest = numbers
        .iter()
        .fold(f32::MIN_POSITIVE, |a, b| a.max(b.abs()));
    let cell = |(place, number): (usize, &f32)| {
        let (x, y) = (place % columns, place / columns);
        let class = if *number < 0.0 {
            "negative"
        } else {
            "positive"
        };
        let opacity = number.abs() / largest;
        format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"1\" height=\"1\" class=\"{class}\" fill-opacity=\"{opacity:.2}\"><title>{number:.3}</title></rect>"
        )
    };
    numbers.iter().enumerate().map(cell).collect()
}

/// Returns whether a typed word is the token, ignoring case.
pub fn is_guessed(typed: &str, token: &str) -> bool {
    let token = token.strip_prefix("##").unwrap_or(token);
    typed.trim().to_lowercase() == token.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::HeadTrace;

    #[test]
    fn a_model_without_attention_has_fewer_frames() {
        let mut motion = SlowMotion::default();
        assert_eq!(Frame::of(&motion).len(), 4);
        motion.attention = Some(HeadTrace::default());
        assert_eq!(Frame::of(&motion), Frame::ALL);
    }

    #[test]
    fn bars_fill_the_range_of_the_values() {
        assert_eq!(bar_lengths(&[0.5, 0.25, 0.0]), [1.0, 0.5, 0.0]);
        assert_eq!(bar_lengths(&[-1.0, 0.0, 1.0]), [0.0, 0.5, 1.0]);
        assert_eq!(bar_lengths(&[0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(bar_lengths(&[]), [0.0; 0]);
    }

    #[test]
    fn cells_show_sign_and_size() {
        let cells = strip(&[1.0, -0.5, 0.0], 2);
        assert!(cells.contains(
            "x=\"1\" y=\"0\" width=\"1\" height=\"1\" class=\"negative\" fill-opacity=\"0.50\""
        ));
        assert!(cells.contains("x=\"0\" y=\"1\""));
        assert_eq!(cells.matches("<rect").count(), 3);
    }

    #[test]
    fn a_guess_matches_whatever_its_case() {
        assert!(is_guessed(" Pot ", "pot") && is_guessed("ing", "##ing"));
        assert!(!is_guessed("", "pot"));
    }
}
