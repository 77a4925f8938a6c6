//! Deserialisation of events. Written by hand because serde's derive for a tagged enum compiles
//! every variant with all its fields twice, which made up a twentieth of the page's code. Here the
//! event is read into a map, and each field is taken from it.

use super::Event;
use crate::Message;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Error, Map, Value};

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).and_then(|map| read(Fields(map)).map_err(D::Error::custom))
    }
}

/// Defines [`read`] and, for tests, the name of each kind of event.
macro_rules! kinds {
    ($(
        $name:literal => $variant:ident {
            $($field:ident),* $(; in words $($words:ident),+)? $(; or default $($default:ident),+)? $(; in the rest $rest:ident)?
        },
    )*) => {
        fn read(mut fields: Fields) -> Result<Event, Error> {
            let kind: String = fields.take("event")?;
            Ok(match kind.as_str() {
                $($name => Event::$variant {
                    $($field: fields.take(stringify!($field))?,)*
                    $($($words: fields.take_message(stringify!($words))?,)+)?
                    $($($default: fields.take_or_default(stringify!($default))?,)+)?
                    $($rest: fields.rest()?,)?
                },)*
                other => return Err(Error::custom(format!("there is no event \"{other}\""))),
            })
        }

        /// The names of all kinds of events.
        #[cfg(test)]
        pub(super) const NAMES: &[&str] = &[$($name),*];

        /// Returns the name of the kind. The match is exhaustive, so that a kind which [`read`]
        /// lacks does not compile.
        #[cfg(test)]
        pub(super) fn name(event: &Event) -> &'static str {
            match event {
                $(Event::$variant { .. } => $name,)*
            }
        }
    };
}

kinds! {
    "hello" => Hello { protocol },
    "alive" => Alive {},
    "ready" => Ready { device },
    "corpus" => Corpus { files, documents, labelled_train, labelled_valid, labelled_test, labels; in the rest traits },
    "masking" => Masking { example, tokens, step; or default run },
    "attention" => Attention { request, step, tokens, layers, heads; or default run },
    "tokenized" => Tokenized { request, tokens, count },
    "neighbours" => Neighbours { request, word, own, model },
    "reviewed" => Reviewed { request, review },
    "lines" => Lines { request, lines, more },
    "estimated" => Estimated { request, estimate },
    "baseline" => Baseline { result },
    "started" => Started { run, phase, parameters, steps, tokens, device, vocab_size, uniform, unigram, bigram, step; or default labels },
    "compiling" => Compiling { run; in words message },
    "step" => Step { run, step, loss, masked_lm_loss, next_sentence_loss, lr, tokens_per_sec, elapsed_secs, eta_secs, grad_norm },
    "evaluated" => Evaluated { run, step, epoch, split; or default network; in the rest metrics },
    "checkpoint" => Checkpoint { run, step, path },
    "rolled_back" => RolledBack { run, step },
    "warning" => Warning { code; in words message; or default run },
    "paused" => Paused { run, step },
    "resumed" => Resumed { run, step },
    "finished" => Finished { run, step, stopped, elapsed_secs },
    "failed" => Failed { code, request; in words message, hint; or default run },
    "counted" => Counted { run, learned, step, loss, accuracy },
    "compared_run" => ComparedRun { run, cell },
    "compared" => Compared { run, comparison },
    "guesses" => Guesses { request, masks },
    "filled_masks" => FilledMasks { request, step, guesses },
    "classified" => Classified { request, labels, threshold; or default cutoffs, thresholds, words, unseen },
    "mapped" => Mapped { request, points; or default more },
    "labels_measured" => LabelsMeasured { request, held_out, scores },
    "slow_motion" => SlowMotion { request, motion },
    "explained" => Explained { request, label, score, words; or default more },
    "labelled" => Labelled { request, documents, of, columns; or default dropped, warnings },
    "vocabulary" => Vocabulary { size, entries; or default coverage, unknown_share, lengths },
    "exported" => Exported { request, name },
    "imported" => Imported { summary, labels, guesses },
    "history" => History { run, events, checkpoint },
}

/// Fields of an event that have not been taken yet.
struct Fields(Map<String, Value>);

impl Fields {
    /// Takes a field. A missing field is an error unless its type is an option.
    #[inline(never)]
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Error> {
        let value = self.0.remove(name).unwrap_or_default();
        T::deserialize(value).map_err(|error| Error::custom(format!("{name}: {error}")))
    }

    /// Takes a message with its template and arguments, if they were serialised.
    #[inline(never)]
    fn take_message(&mut self, name: &str) -> Result<Message, Error> {
        let parts = format!("{name}_parts");
        // Parts that a later version wrote may be unreadable: the sentence is enough.
        let parts = self.take(&parts).unwrap_or_default();
        Ok(Message::deserialized(self.take(name)?, parts))
    }

    #[inline(never)]
    fn take_or_default<T: DeserializeOwned + Default>(&mut self, name: &str) -> Result<T, Error> {
        if self.0.contains_key(name) {
            self.take(name)
        } else {
            Ok(T::default())
        }
    }

    /// Reads a struct whose fields are flattened into those of the event.
    #[inline(never)]
    fn rest<T: DeserializeOwned>(self) -> Result<T, Error> {
        T::deserialize(Value::Object(self.0))
    }
}
