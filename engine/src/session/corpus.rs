//! A corpus in tokens, kept between commands so that a second run does not learn its words again.

use crate::data::examples::{Packed, SentencePairs};
use crate::data::floors::Floors;
use crate::data::{Corpus, Tokenizer};
use crate::error::Result;
use protocol::{Event, RunConfig, TokenizerKind};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Words learned from a corpus, and the corpus in them.
pub struct Learned {
    /// The words.
    pub tokenizer: Rc<Tokenizer>,
    /// Training documents, without labels.
    pub train: Packed,
    /// Held-out documents, where there are any.
    pub valid: Option<Packed>,
    settings: (TokenizerKind, bool, usize, Option<usize>),
    given: bool,
}

impl Learned {
    /// Learns the words of `corpus`, or takes `tokenizer`'s, and encodes all documents.
    ///
    /// # Errors
    /// When the corpus is too small to learn from.
    pub fn of(corpus: &Corpus, config: &RunConfig, tokenizer: Option<Rc<Tokenizer>>) -> Result<Self> {
        let given = tokenizer.is_some();
        let tokenizer = match tokenizer {
            Some(tokenizer) => tokenizer,
            None => Rc::new(Tokenizer::learn(
                config.tokenizer,
                config.cased,
                config.vocab_size,
                &mut corpus.pretraining_texts(),
            )?),
        };
        let train = pack(&tokenizer, corpus.pretraining_texts())?;
        let valid = pack(&tokenizer, corpus.held_out_texts()).ok();
        Ok(Self { tokenizer, train, valid, settings: settings(config), given })
    }

    /// Whether this is what `config` asks for, with the words of `tokenizer` where those are given.
    pub fn serves(&self, config: &RunConfig, tokenizer: Option<&Rc<Tokenizer>>) -> bool {
        match tokenizer {
            Some(tokenizer) => Rc::ptr_eq(tokenizer, &self.tokenizer) && config.limit == self.settings.3,
            None => !self.given && settings(config) == self.settings,
        }
    }

    /// Tokens per training document.
    pub fn mean_tokens(&self) -> f64 {
        mean_tokens(&self.train)
    }

    /// What a loss on this corpus is measured against.
    pub fn floors(&self) -> Floors {
        Floors::of(self.train.tokens(), &self.tokenizer.specials(), self.tokenizer.len())
    }
}

/// The event that tells a person what was read.
pub fn report(corpus: &Corpus) -> Event {
    let labels: BTreeSet<&String> = corpus.labelled_train().flat_map(|document| &document.labels).collect();
    Event::Corpus {
        files: corpus.files().to_vec(),
        documents: corpus.training_documents() as u64,
        labelled_train: corpus.labelled_train().count() as u64,
        labelled_valid: corpus.labelled_valid().count() as u64,
        labelled_test: corpus.labelled_test().count() as u64,
        labels: labels.len() as u64,
    }
}

/// Encodes the sentences of documents.
///
/// # Errors
/// When there are fewer than two documents.
pub fn pairs(tokenizer: &Tokenizer, documents: &[Vec<&str>]) -> Result<SentencePairs> {
    let encode = |sentences: &Vec<&str>| sentences.iter().map(|sentence| tokenizer.encode(sentence)).collect();
    Ok(SentencePairs::new(documents.iter().map(encode), tokenizer.specials())?)
}

/// Encodes and packs texts.
///
/// # Errors
/// When they hold no token.
pub fn pack<'a>(tokenizer: &Tokenizer, texts: impl Iterator<Item = &'a str>) -> Result<Packed> {
    Ok(Packed::new(texts.map(|text| tokenizer.encode(text)), tokenizer.specials())?)
}

/// Tokens per document, without the separators.
pub fn mean_tokens(packed: &Packed) -> f64 {
    packed.tokens().len() as f64 / packed.documents().max(1) as f64
}

/// A number for all texts and labels in order: two corpora with the same one give the same batches.
pub fn fingerprint(corpus: &Corpus) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    corpus.pretraining_texts().for_each(&mut add);
    add("held out");
    corpus.held_out_texts().for_each(&mut add);
    for document in corpus.labelled_train().chain(corpus.labelled_valid()) {
        document.texts().for_each(&mut add);
        document.labels.iter().for_each(|label| add(label));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn settings(config: &RunConfig) -> (TokenizerKind, bool, usize, Option<usize>) {
    (config.tokenizer, config.cased, config.vocab_size, config.limit)
}
