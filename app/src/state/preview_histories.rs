//! Histories of the preview: the latest, and, while that is of a classifier without word
//! predictions, the one of the language model before it.

use super::preview_history::{AttentionMap, PreviewHistory};
use protocol::MaskedToken;

/// One preview history, or two.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreviewHistories {
    newest: PreviewHistory,
    guessed: Option<PreviewHistory>,
}

impl PreviewHistories {
    /// Returns the history of a run, otherwise the default: during a run the latest, afterwards the
    /// one with predictions.
    pub fn of(&self, run: Option<&str>, is_under_way: bool) -> &PreviewHistory {
        let selected = self.all().find(|film| run.is_some() && film.run() == run);
        let default = self
            .guessed
            .as_ref()
            .filter(|_| !is_under_way)
            .unwrap_or(&self.newest);
        selected.unwrap_or(default)
    }

    /// Returns all histories, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &PreviewHistory> {
        self.guessed.iter().chain([&self.newest])
    }

    /// Like [`PreviewHistory::add`]. A classifier starts a second history as long as the text and
    /// its mask stay the same.
    pub fn add(&mut self, run: String, step: Option<u64>, tokens: Vec<MaskedToken>) {
        let is_same = self
            .newest
            .last()
            .is_some_and(|last| last.shows_the_same(&tokens));
        let is_guessed = tokens.iter().any(|token| token.loss.is_some());
        match &mut self.guessed {
            // Outside of a run, the language model was queried.
            Some(guessed) if is_same && is_guessed && run.is_empty() => {
                return guessed.add(run, step, tokens);
            }
            Some(_) if is_same && !is_guessed => {}
            Some(_) => self.guessed = None,
            None if is_same && !is_guessed && !run.is_empty() && self.newest.is_guessed() => {
                self.guessed = Some(std::mem::take(&mut self.newest));
            }
            None => {}
        }
        self.newest.add(run, step, tokens);
    }

    /// Like [`PreviewHistory::attend`].
    pub fn attend(&mut self, run: &str, step: Option<u64>, map: AttentionMap) {
        let films = self.guessed.iter_mut().chain([&mut self.newest]);
        for film in films.filter(|film| {
            film.last()
                .is_some_and(|last| last.run == run && last.step == step)
        }) {
            film.attend(run, step, map.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::MaskKind;

    fn tokens(word: &str, loss: Option<f64>) -> Vec<MaskedToken> {
        vec![MaskedToken {
            original: word.into(),
            shown: "[MASK]".into(),
            kind: MaskKind::Masked,
            guesses: vec![],
            loss,
        }]
    }

    fn runs(films: &PreviewHistories) -> Vec<&str> {
        films.all().filter_map(PreviewHistory::run).collect()
    }

    #[test]
    fn predictions_stay_during_fine_tuning_and_are_the_default_afterwards() {
        let mut films = PreviewHistories::default();
        let guessed = || tokens("cat", Some(0.7));
        films.add("pretrain-1".into(), Some(9), guessed());
        films.add("finetune-1".into(), Some(1), tokens("cat", None));
        films.add("finetune-2".into(), Some(2), tokens("cat", None));
        assert_eq!(runs(&films), ["pretrain-1", "finetune-2"]);
        let shown = |run, is_under_way| films.of(run, is_under_way).run();
        assert_eq!(
            (shown(None, true), shown(None, false)),
            (Some("finetune-2"), Some("pretrain-1"))
        );
        assert_eq!(shown(Some("pretrain-1"), true), Some("pretrain-1"));
        assert_eq!(shown(Some("finetune-2"), false), Some("finetune-2"));
        assert_eq!(
            shown(Some("finetune-1"), false),
            Some("pretrain-1"),
            "it is gone"
        );

        let map = || AttentionMap::new(vec!["a".into()], 1, 1, vec![255]).expect("fits");
        films.add(String::new(), None, guessed());
        films.attend("", None, map());
        let (with_predictions, newest) = (films.of(None, false), films.of(None, true));
        assert_eq!(
            (with_predictions.frames().len(), newest.frames().len()),
            (2, 1),
            "the look now is one of the model that guesses"
        );
        assert_eq!(
            with_predictions
                .last()
                .and_then(|last| last.attention.clone()),
            Some(map())
        );
        films.attend("finetune-2", Some(2), map());
        assert!(
            films
                .of(None, true)
                .last()
                .is_some_and(|last| last.attention.is_some())
        );
        films.add("pretrain-2".into(), Some(1), guessed());
        assert_eq!(runs(&films), ["pretrain-2"]);
    }

    #[test]
    fn another_text_ends_both_histories() {
        for next in [tokens("cow", None), tokens("cow", Some(0.5))] {
            let mut films = PreviewHistories::default();
            films.add("pretrain-1".into(), Some(9), tokens("cat", Some(0.7)));
            films.add("finetune-1".into(), Some(1), tokens("cat", None));
            films.add("finetune-1".into(), Some(2), next);
            assert_eq!(runs(&films), ["finetune-1"]);
        }
        let mut films = PreviewHistories::default();
        films.add("finetune-1".into(), Some(1), tokens("cat", None));
        films.add("finetune-2".into(), Some(1), tokens("cat", None));
        assert_eq!(runs(&films), ["finetune-2"], "nothing was guessed");
    }
}
