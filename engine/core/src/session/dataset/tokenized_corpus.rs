//! A tokenized corpus, kept in memory between commands so that the vocabulary is learned once. The
//! host caches the tokens of a large corpus between sessions.

use crate::data::embeddings::WordEmbeddings;
use crate::data::entropy_baselines::EntropyBaselines;
use crate::data::examples::{
    EncodedDocument, EncodedDocuments, EncodedDocumentsBuilder, Packed, SentencePairs, Tokens,
    TokensBuilder,
};
use crate::data::labels::LabelSet;
use crate::data::{Corpus, Document, LabelSurvey, Selection, Tokenizer, VocabularyLearner};
use crate::error::{Error, Result};
use crate::session::dataset::cache::{self, Encoded};
use crate::session::host::Host;
use protocol::{
    CoveragePoint, Event, FileRole, LengthCount, Message, NearDuplicates, RunConfig, TaskKind,
    TokenizerKind, message,
};
use std::cell::{OnceCell, RefCell};
use std::io;
use std::rc::Rc;

/// The tokenizer of a corpus and the encoded documents.
pub struct TokenizedCorpus {
    /// The tokenizer that the documents are encoded with.
    pub tokenizer: Rc<Tokenizer>,
    /// Training documents, without labels.
    pub train: Packed,
    /// Validation documents, if there are any.
    pub valid: Option<Packed>,
    settings: (
        TokenizerKind,
        [bool; 2],
        (usize, Option<u64>),
        Option<usize>,
    ),
    given: bool,
    coverage: OnceCell<Vec<CoveragePoint>>,
    lengths: OnceCell<Vec<LengthCount>>,
    /// Vectors of the vocabulary, and the width they were requested with.
    embeddings: RefCell<Option<(usize, Option<Rc<WordEmbeddings>>)>>,
}

impl TokenizedCorpus {
    /// Learns the vocabulary of `corpus` (or uses `tokenizer`) and encodes all documents, or loads
    /// both from the cache. `progress` receives progress messages.
    ///
    /// # Errors
    /// Returns an error if the corpus is too small, can no longer be read, or its tokens do not fit
    /// into storage.
    pub fn of(
        host: &impl Host,
        progress: &dyn Fn(Message),
        corpus: &Corpus,
        config: &RunConfig,
        tokenizer: Option<Rc<Tokenizer>>,
    ) -> Result<Self> {
        let given = tokenizer.is_some();
        let (tokenizer, train, valid) = if corpus.is_streamed() {
            let key = cache::key(corpus, config, tokenizer.as_deref());
            match host
                .cached(&key)
                .and_then(|pieces| cache::restored(&pieces, tokenizer.clone()))
            {
                Some(found) => {
                    progress(message!(
                        "reusing the tokens of this text from an earlier run"
                    ));
                    found
                }
                None => {
                    let made = encoded(host, progress, corpus, config, tokenizer)?;
                    host.cache(&key, &cache::pieces(&made));
                    made
                }
            }
        } else {
            encoded(host, progress, corpus, config, tokenizer)?
        };
        let (specials, vocab_size) = (tokenizer.specials(), tokenizer.len());
        let train = Packed::new(train, specials, vocab_size)?;
        let valid = Packed::new(valid, specials, vocab_size).ok();
        let (coverage, lengths) = (OnceCell::new(), OnceCell::new());
        let embeddings = RefCell::default();
        Ok(Self {
            tokenizer,
            train,
            valid,
            settings: settings(config),
            given,
            coverage,
            lengths,
            embeddings,
        })
    }

    /// Whether it can be used for `config`: same tokenizer settings and limit or, if `tokenizer` is
    /// given, that very tokenizer and the same limit.
    pub fn serves(&self, config: &RunConfig, tokenizer: Option<&Rc<Tokenizer>>) -> bool {
        match tokenizer {
            Some(tokenizer) => {
                Rc::ptr_eq(tokenizer, &self.tokenizer) && config.limit == self.settings.3
            }
            None => !self.given && settings(config) == self.settings,
        }
    }

    /// Returns word vectors `[V, width]` learned from the training documents; `None` if no two
    /// different tokens ever occur side by side.
    pub fn embeddings(&self, width: usize) -> Option<Rc<WordEmbeddings>> {
        let mut known = self.embeddings.borrow_mut();
        if known.as_ref().is_none_or(|(known, _)| *known != width) {
            let specials = self.tokenizer.specials();
            let learned = WordEmbeddings::learn(
                self.train.tokens(),
                &specials,
                self.tokenizer.len(),
                width,
                EMBEDDINGS_SEED,
            );
            *known = Some((width, learned.map(Rc::new)));
        }
        known.as_ref().and_then(|(_, learned)| learned.clone())
    }

    /// Returns the word vectors learned last, of any width; if there are none, learns them with
    /// this `width`.
    pub fn any_embeddings(&self, width: usize) -> Option<Rc<WordEmbeddings>> {
        let known = self.embeddings.borrow().as_ref().map(|(width, _)| *width);
        self.embeddings(known.unwrap_or(width))
    }

    /// Returns the mean number of tokens per training document.
    pub fn mean_tokens(&self) -> f64 {
        mean_tokens(&self.train)
    }

    /// Returns the share of the training text that the `n` most frequent tokens cover, for each
    /// power of two `n`.
    pub fn coverage(&self) -> &[CoveragePoint] {
        self.coverage.get_or_init(|| self.count_coverage())
    }

    fn count_coverage(&self) -> Vec<CoveragePoint> {
        let specials = self.tokenizer.specials();
        let counts = self.train.counts().iter().enumerate();
        let mut counts: Vec<u64> = counts
            .filter(|(id, count)| **count > 0 && !specials.contains(*id as u32))
            .map(|(_, count)| *count)
            .collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let all = (self.train.tokens().len() - self.train.documents()).max(1) as f64;
        let (mut sum, mut points) = (0, Vec::new());
        for (tokens, count) in (1..=counts.len() as u64).zip(&counts) {
            sum += count;
            if tokens.is_power_of_two() || tokens == counts.len() as u64 {
                points.push(CoveragePoint {
                    tokens,
                    share: sum as f64 / all,
                });
            }
        }
        points
    }

    /// Returns a histogram of the lengths in tokens of the training documents of `corpus`, which
    /// must be the corpus this was built from.
    pub fn lengths(&self, corpus: &Corpus) -> &[LengthCount] {
        self.lengths
            .get_or_init(|| self.count_lengths(&self.texts_of(corpus)))
    }

    /// Returns the number of texts of each training document; empty if a large corpus would have to
    /// be read again.
    fn texts_of(&self, corpus: &Corpus) -> Vec<usize> {
        let selection = Selection {
            limit: self.settings.3,
            ..Selection::default()
        };
        let mut texts = Vec::new();
        if !corpus.is_streamed() {
            let counted = corpus.each(FileRole::Train, &selection, &mut |document| {
                texts.push(document.texts().count());
                Ok::<(), Error>(())
            });
            counted.expect("documents in memory are there");
        }
        texts
    }

    /// `texts` holds the number of texts of each document; they are stored consecutively.
    fn count_lengths(&self, texts: &[usize]) -> Vec<LengthCount> {
        let tokens = self.train.tokens();
        let single_texts = vec![1; tokens.documents()];
        // Texts without tokens were skipped and cannot be assigned: count each text by itself.
        let texts = if texts.iter().sum::<usize>() == single_texts.len() {
            texts
        } else {
            &single_texts
        };
        let mut counts = vec![0_u64; LENGTHS.len() + 1];
        let mut longest = 0;
        let mut first = 0;
        for count in texts {
            let all: usize = (first..first + count)
                .map(|text| tokens.place(text).len())
                .sum();
            first += count;
            // Without the separator at the end of the last text.
            let length = all as u64 - 1;
            counts[LENGTHS.partition_point(|&up_to| up_to < length)] += 1;
            longest = longest.max(length);
        }
        let ends = LENGTHS.iter().copied().chain([longest]);
        let counts: Vec<LengthCount> = ends
            .zip(counts)
            .map(|(up_to, documents)| LengthCount { up_to, documents })
            .collect();
        let last = counts
            .iter()
            .rposition(|count| count.documents > 0)
            .map_or(0, |last| last + 1);
        counts[..last].to_vec()
    }

    /// Computes the entropy baselines of the masked-LM loss on this corpus.
    pub fn entropy_baselines(&self) -> EntropyBaselines {
        EntropyBaselines::of(
            self.train.tokens(),
            self.train.counts(),
            &self.tokenizer.specials(),
        )
    }
}

/// Word vectors depend on the text only, not on the seed of a run.
const EMBEDDINGS_SEED: u64 = 1;

/// Upper bounds of the length histogram's bins, in tokens.
const LENGTHS: [u64; 13] = [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512];

fn encoded(
    host: &impl Host,
    progress: &dyn Fn(Message),
    corpus: &Corpus,
    config: &RunConfig,
    tokenizer: Option<Rc<Tokenizer>>,
) -> Result<Encoded> {
    let selection = selection(config);
    let tokenizer = match tokenizer {
        Some(tokenizer) => tokenizer,
        None => {
            progress(message!("learning the vocabulary"));
            let mut trainer =
                VocabularyLearner::new(config.tokenizer, config.cased, config.vocab_size)?
                    .strip_accents(config.strip_accents)
                    .min_count(config.min_count)
                    .unspaced(corpus.hides_words());
            corpus.each_text(FileRole::Train, &selection, &mut |text| {
                trainer.take(text);
                Ok::<(), Error>(())
            })?;
            Rc::new(trainer.finish()?)
        }
    };
    progress(message!("tokenising the text"));
    let train = texts(host, &tokenizer, corpus, FileRole::Train, &selection)?;
    let valid = texts(host, &tokenizer, corpus, FileRole::Valid, &selection)?;
    Ok((tokenizer, train, valid))
}

/// Encodes the texts of one split, each followed by `[SEP]`; texts without tokens are skipped.
fn texts(
    host: &impl Host,
    tokenizer: &Tokenizer,
    corpus: &Corpus,
    role: FileRole,
    selection: &Selection,
) -> Result<Tokens> {
    let sep = tokenizer.specials().sep;
    let mut builder = TokensBuilder::new(host.scratch(), tokenizer.len());
    corpus.each_text(role, selection, &mut |text| match tokenizer.encode(text) {
        ids if ids.is_empty() => Ok(()),
        ids => builder.push(ids.into_iter().chain([sep])).map_err(no_room),
    })?;
    builder.finish().map_err(no_room)
}

/// Encodes and packs the texts of one split.
///
/// # Errors
/// Returns an error if they have no tokens, can no longer be read, or do not fit into storage.
pub fn pack(
    host: &impl Host,
    tokenizer: &Tokenizer,
    corpus: &Corpus,
    role: FileRole,
) -> Result<Packed> {
    let tokens = texts(host, tokenizer, corpus, role, &Selection::default())?;
    Ok(Packed::new(tokens, tokenizer.specials(), tokenizer.len())?)
}

/// Encodes the sentences of one split, for next-sentence prediction.
///
/// # Errors
/// Returns an error if there are fewer than two documents, they can no longer be read, or do not
/// fit into storage.
pub fn pairs(
    host: &impl Host,
    tokenizer: &Tokenizer,
    corpus: &Corpus,
    role: FileRole,
    selection: &Selection,
) -> Result<SentencePairs> {
    let mut builder = TokensBuilder::new(host.scratch(), tokenizer.len());
    let (mut documents, mut sentences) = (vec![0], 0);
    corpus.each_sentences(role, selection, &mut |document| {
        let before = sentences;
        for ids in document
            .iter()
            .map(|sentence| tokenizer.encode(sentence))
            .filter(|ids| !ids.is_empty())
        {
            builder.push(ids.into_iter()).map_err(no_room)?;
            sentences += 1;
        }
        documents.extend((sentences > before).then_some(sentences));
        Ok::<(), Error>(())
    })?;
    let sentences = builder.finish().map_err(no_room)?;
    Ok(SentencePairs::new(
        sentences,
        documents,
        tokenizer.specials(),
    )?)
}

/// Encodes the labelled documents of one split; `look` is called with each of them.
///
/// # Errors
/// Returns an error if they can no longer be read or do not fit into storage.
pub fn labelled(
    host: &impl Host,
    tokenizer: &Tokenizer,
    labels: &LabelSet,
    (corpus, role, selection): (&Corpus, FileRole, &Selection),
    look: &mut dyn FnMut(&Document),
) -> Result<EncodedDocuments> {
    let mut builder = EncodedDocumentsBuilder::new(host.scratch(), tokenizer.len());
    corpus.each_labelled(role, selection, &mut |document| {
        look(document);
        builder
            .push(EncodedDocument::of(tokenizer, labels, document))
            .map_err(no_room)
    })?;
    builder.finish().map_err(no_room)
}

/// As [`labelled`], for training; looks up the documents of a large corpus in the cache.
///
/// # Errors
/// Same as [`labelled`].
pub fn labelled_for_training(
    host: &impl Host,
    tokenizer: &Tokenizer,
    labels: &LabelSet,
    corpus: &Corpus,
    selection: &Selection,
) -> Result<EncodedDocuments> {
    let make = || {
        labelled(
            host,
            tokenizer,
            labels,
            (corpus, FileRole::Train, selection),
            &mut |_| (),
        )
    };
    if !corpus.is_streamed() {
        return make();
    }
    let key = cache::labelled_key(corpus, selection, tokenizer, labels);
    if let Some(found) = host
        .cached(&key)
        .and_then(|pieces| cache::restored_labelled(&pieces, tokenizer, labels))
    {
        return Ok(found);
    }
    let made = make()?;
    host.cache(&key, &cache::labelled_pieces(&made));
    Ok(made)
}

/// Surveys the labels of the selected training documents.
///
/// # Errors
/// Returns an error if the documents can no longer be read.
pub fn survey_labels(corpus: &Corpus, selection: &Selection) -> Result<LabelSurvey> {
    let mut survey = LabelSurvey::default();
    corpus.each_labelled(FileRole::Train, selection, &mut |document| {
        survey.take(document);
        Ok::<(), Error>(())
    })?;
    Ok(survey)
}

/// Returns the event that reports what was read.
pub fn report(corpus: &Corpus) -> Event {
    Event::Corpus {
        files: corpus.files().to_vec(),
        documents: corpus.documents(FileRole::Train),
        labelled_train: corpus.labelled_documents(FileRole::Train),
        labelled_valid: corpus.labelled_documents(FileRole::Valid),
        labelled_test: corpus.labelled_documents(FileRole::Test),
        labels: corpus.training_labels() as u64,
        traits: corpus.traits(),
    }
}

/// Returns the mean number of tokens per document.
pub fn mean_tokens(packed: &Packed) -> f64 {
    packed.tokens().len() as f64 / packed.documents().max(1) as f64
}

/// The labelled training documents of a classifier.
pub struct Labelled {
    /// Which documents of the corpus are used.
    pub selection: Selection,
    /// Survey of their labels.
    pub survey: LabelSurvey,
    /// Number of labelled lines that were skipped for not being pairs, and the line number of the
    /// first.
    pub singles: Option<(u64, u64)>,
}

impl Labelled {
    /// Selects the documents that `config` asks for: the first ones, pairs only, or a share.
    ///
    /// # Errors
    /// Returns an error if there are no labels, or a file can no longer be read.
    pub fn of(corpus: &Corpus, config: &RunConfig) -> Result<Self> {
        let without_near_duplicates = config.near_duplicates == NearDuplicates::Drop;
        let all = Selection {
            without_near_duplicates,
            ..selection(config)
        };
        let mut selected = all;
        let mut survey = survey_labels(corpus, &all)?;
        if survey.is_empty() {
            return Err(corpus.no_labels(FileRole::Train).into());
        }
        let mut singles = None;
        if config.task == TaskKind::Pair && survey.pairs {
            singles = corpus.singles(&[FileRole::Train, FileRole::Valid, FileRole::Test], &all)?;
            selected.pairs = true;
        }
        if let Some(fraction) = config.label_fraction {
            selected.share = Some(corpus.share(fraction, &selected)?);
        }
        if selected != all {
            survey = survey_labels(corpus, &selected)?;
        }
        Ok(Self {
            selection: selected,
            survey,
            singles,
        })
    }
}

/// Returns the selection of documents that `config` asks for.
pub fn selection(config: &RunConfig) -> Selection {
    Selection {
        limit: config.limit,
        ..Selection::default()
    }
}

fn settings(
    config: &RunConfig,
) -> (
    TokenizerKind,
    [bool; 2],
    (usize, Option<u64>),
    Option<usize>,
) {
    (
        config.tokenizer,
        [config.cased, config.strip_accents],
        (config.vocab_size, config.min_count),
        config.limit,
    )
}

fn no_room(error: io::Error) -> Error {
    Error::Io {
        message: message!(
            "cannot store the tokens of the corpus: {error}",
            error = error.to_string()
        ),
        hint: message!("Free some space or use less text."),
    }
}
