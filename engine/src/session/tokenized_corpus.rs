//! A corpus in tokens, kept between commands so that a second run does not learn its words again; of a large one, the
//! host keeps the tokens between programs too.

use super::cache;
use super::host::Host;
use crate::data::embeddings::WordEmbeddings;
use crate::data::entropy_baselines::EntropyBaselines;
use crate::data::examples::{
    EncodedDocument, EncodedDocuments, EncodedDocumentsBuilder, Packed, SentencePairs, Tokens,
    TokensBuilder,
};
use crate::data::labels::LabelSet;
use crate::data::{Corpus, Document, LabelSurvey, Selection, Tokenizer, VocabularyLearner};
use crate::error::{Error, Result};
use protocol::{
    CoveragePoint, Event, FileRole, LengthCount, NearDuplicates, RunConfig, TaskKind, TokenizerKind,
};
use std::cell::{OnceCell, RefCell};
use std::io;
use std::rc::Rc;

/// Words learned from a corpus, and the corpus in them.
pub struct TokenizedCorpus {
    /// The words.
    pub tokenizer: Rc<Tokenizer>,
    /// Training documents, without labels.
    pub train: Packed,
    /// Held-out documents, where there are any.
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
    /// Vectors of the vocabulary, and how wide they were asked for.
    embeddings: RefCell<Option<(usize, Option<Rc<WordEmbeddings>>)>>,
}

impl TokenizedCorpus {
    /// Learns the words of `corpus`, or takes `tokenizer`'s, and encodes all documents; or finds both in the cache. `tell`
    /// hears what is being done.
    ///
    /// # Errors
    /// When the corpus is too small to learn from, can no longer be read, or its tokens find no room.
    pub fn of(
        host: &impl Host,
        tell: &dyn Fn(&str),
        corpus: &Corpus,
        config: &RunConfig,
        tokenizer: Option<Rc<Tokenizer>>,
    ) -> Result<Self> {
        let given = tokenizer.is_some();
        let (tokenizer, train, valid) = if corpus.is_read_again() {
            let key = cache::key(corpus, config, tokenizer.as_deref());
            match host
                .cached(&key)
                .and_then(|pieces| cache::restored(&pieces, tokenizer.clone()))
            {
                Some(found) => {
                    tell("the tokens of this text are known from an earlier run");
                    found
                }
                None => {
                    let made = encoded(host, tell, corpus, config, tokenizer)?;
                    host.cache(&key, &cache::pieces(&made));
                    made
                }
            }
        } else {
            encoded(host, tell, corpus, config, tokenizer)?
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

    /// Whether this is what `config` asks for, with the words of `tokenizer` where those are given.
    pub fn serves(&self, config: &RunConfig, tokenizer: Option<&Rc<Tokenizer>>) -> bool {
        match tokenizer {
            Some(tokenizer) => {
                Rc::ptr_eq(tokenizer, &self.tokenizer) && config.limit == self.settings.3
            }
            None => !self.given && settings(config) == self.settings,
        }
    }

    /// Vectors of `width` numbers for the vocabulary, learned from the training documents; `None` where those hold no two
    /// different tokens side by side.
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

    /// The vectors that were learned last, of whatever width; else such of `width` numbers.
    pub fn any_embeddings(&self, width: usize) -> Option<Rc<WordEmbeddings>> {
        let known = self.embeddings.borrow().as_ref().map(|(width, _)| *width);
        self.embeddings(known.unwrap_or(width))
    }

    /// Tokens per training document.
    pub fn mean_tokens(&self) -> f64 {
        mean_tokens(&self.train)
    }

    /// How much of the training text the most frequent tokens make up, for as many tokens as each power of two.
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

    /// The training documents of `corpus`, which this was learned from, by their number of tokens.
    pub fn lengths(&self, corpus: &Corpus) -> &[LengthCount] {
        self.lengths
            .get_or_init(|| self.count_lengths(&self.texts_of(corpus)))
    }

    /// How many texts each training document has; empty where that would mean to read a large corpus again.
    fn texts_of(&self, corpus: &Corpus) -> Vec<usize> {
        let selection = Selection {
            limit: self.settings.3,
            ..Selection::default()
        };
        let mut texts = Vec::new();
        if !corpus.is_read_again() {
            let counted = corpus.each(FileRole::Train, &selection, &mut |document| {
                texts.push(document.texts().count());
                Ok::<(), Error>(())
            });
            counted.expect("documents in memory are there");
        }
        texts
    }

    /// `texts` of each document lie one after another.
    fn count_lengths(&self, texts: &[usize]) -> Vec<LengthCount> {
        let tokens = self.train.tokens();
        let alone = vec![1; tokens.documents()];
        // A text without tokens was left out: nobody knows whose it was.
        let texts = if texts.iter().sum::<usize>() == alone.len() {
            texts
        } else {
            &alone
        };
        let mut counts = vec![0_u64; LENGTHS.len() + 1];
        let mut longest = 0;
        let mut first = 0;
        for count in texts {
            let all: usize = (first..first + count)
                .map(|text| tokens.place(text).len())
                .sum();
            first += count;
            // The separator at its end is not the document's.
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

    /// What a loss on this corpus is measured against.
    pub fn floors(&self) -> EntropyBaselines {
        EntropyBaselines::of(
            self.train.tokens(),
            self.train.counts(),
            &self.tokenizer.specials(),
        )
    }
}

/// The vectors are a property of the text: a run's seed changes none of them.
const EMBEDDINGS_SEED: u64 = 1;

/// Where the counts of document lengths are parted, in tokens.
const LENGTHS: [u64; 13] = [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512];

/// Words and the documents in them: those of training, and those that are held out.
pub type Encoded = (Rc<Tokenizer>, Tokens, Tokens);

fn encoded(
    host: &impl Host,
    tell: &dyn Fn(&str),
    corpus: &Corpus,
    config: &RunConfig,
    tokenizer: Option<Rc<Tokenizer>>,
) -> Result<Encoded> {
    let selection = selection(config);
    let tokenizer = match tokenizer {
        Some(tokenizer) => tokenizer,
        None => {
            tell("learning the vocabulary");
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
    tell("cutting the text into tokens");
    let train = texts(host, &tokenizer, corpus, FileRole::Train, &selection)?;
    let valid = texts(host, &tokenizer, corpus, FileRole::Valid, &selection)?;
    Ok((tokenizer, train, valid))
}

/// Encodes the texts of one use, each ended by `[SEP]`; those without tokens are left out.
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

/// Packs the texts of one use.
///
/// # Errors
/// When they hold no token, can no longer be read, or find no room.
pub fn pack(
    host: &impl Host,
    tokenizer: &Tokenizer,
    corpus: &Corpus,
    role: FileRole,
) -> Result<Packed> {
    let tokens = texts(host, tokenizer, corpus, role, &Selection::default())?;
    Ok(Packed::new(tokens, tokenizer.specials(), tokenizer.len())?)
}

/// Encodes the sentences of one use.
///
/// # Errors
/// When there are fewer than two documents, they can no longer be read, or they find no room.
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

/// Encodes the labelled documents of one use; `look` sees each of them too.
///
/// # Errors
/// When they can no longer be read or find no room.
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

/// As [`labelled`], for training; finds the documents of a large corpus in the cache.
///
/// # Errors
/// As there.
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
    if !corpus.is_read_again() {
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

/// The labels of the selected training documents.
///
/// # Errors
/// When the documents can no longer be read.
pub fn survey_labels(corpus: &Corpus, selection: &Selection) -> Result<LabelSurvey> {
    let mut survey = LabelSurvey::default();
    corpus.each_labelled(FileRole::Train, selection, &mut |document| {
        survey.take(document);
        Ok::<(), Error>(())
    })?;
    Ok(survey)
}

/// The event that tells a person what was read.
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

/// Tokens per document, without the separators.
pub fn mean_tokens(packed: &Packed) -> f64 {
    packed.tokens().len() as f64 / packed.documents().max(1) as f64
}

/// The documents that a classifier learns from, and what their labels are.
pub struct Labelled {
    /// Which of the corpus's documents.
    pub selection: Selection,
    /// Their labels.
    pub survey: LabelSurvey,
    /// How many labelled lines were left out because they are no pairs, and the first of them.
    pub singles: Option<(u64, u64)>,
}

impl Labelled {
    /// Those that `config` asks for: the first ones only, only pairs, or only a share.
    ///
    /// # Errors
    /// When a file can no longer be read.
    pub fn of(corpus: &Corpus, config: &RunConfig) -> Result<Self> {
        let without_near_duplicates = config.near_duplicates == NearDuplicates::Drop;
        let all = Selection {
            without_near_duplicates,
            ..selection(config)
        };
        let mut chosen = all;
        let mut survey = survey_labels(corpus, &all)?;
        if survey.is_empty() {
            return Err(corpus.no_labels(FileRole::Train).into());
        }
        let mut singles = None;
        if config.task == TaskKind::Pair && survey.pairs {
            singles = corpus.singles(&[FileRole::Train, FileRole::Valid, FileRole::Test], &all)?;
            chosen.pairs = true;
        }
        if let Some(fraction) = config.label_fraction {
            chosen.share = Some(corpus.share(fraction, &chosen)?);
        }
        if chosen != all {
            survey = survey_labels(corpus, &chosen)?;
        }
        Ok(Self {
            selection: chosen,
            survey,
            singles,
        })
    }
}

/// The documents that `config` asks for.
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
        message: format!("the tokens of the corpus find no room: {error}"),
        hint: "Free some space, or give less text.".into(),
    }
}
