//! A session's two kinds of training, from a configuration to a finished run: what is learned from what, with which
//! words and which starting values. The loop itself is in `run`.

use super::checks::{check_enough, check_same_corpus, no_corpus, no_pretrained_model};
use super::corpus::{self, Learned};
use super::plan::{self, DataShape, EVALUATION_MASK_RATE, Plan};
use super::run::{Finished, Run, Window};
use super::snapshot::{self, Decoded};
use super::task::{Classification, HeldOut, MaskedLm, Task};
use super::trained::{Trained, starting_values};
use super::{Host, RunOutcome, Session, Snapshot};
use crate::data::examples::{EncodedDocuments, LabelledExamples, MaskedExamples, Windows};
use crate::data::floors::Floors;
use crate::data::labels::{LabelSet, LabelSurvey};
use crate::data::masking::{Masker, Masking};
use crate::data::word_vectors::WordVectors;
use crate::data::{Corpus, Selection, Tokenizer};
use crate::error::{Error, Result};
use crate::interop::Weights;
use crate::model::{Heads, Layout, ModelConfig, specs, word_embeddings};
use crate::train::Optimizer;
use protocol::{Event, FileRole, Phase, RunConfig, StartFrom, TaskKind};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Share of unknown tokens that a person should hear of.
const NOTABLE_UNKNOWN_SHARE: f64 = 0.05;
/// Share of documents of one sentence that makes next-sentence prediction too easy to be worth much.
const NOTABLE_SINGLE_SHARE: f64 = 0.25;
/// Labels that a warning lists.
const LISTED_LABELS: usize = 5;

/// All that a run starts with besides its values and its data.
pub(super) struct Starting {
    /// Which heads are trained.
    pub heads: Heads,
    /// The shape.
    pub model: ModelConfig,
    /// The words.
    pub tokenizer: Rc<Tokenizer>,
    /// What will be done.
    pub plan: Plan,
    /// What was asked for.
    pub config: RunConfig,
    /// What the loss is measured against.
    pub floors: Floors,
}

/// Where fine-tuning takes its values and its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Values, shape and words of the language model.
    Pretrained,
    /// New values, in the shape that the configuration asks for.
    Scratch,
    /// New values, in the language model's shape and with its words: the other arm of a comparison.
    LikeTheLanguageModel,
}

impl<H: Host> Session<H> {
    /// Learns to guess masked tokens of the corpus. Goes on from `resume`, or from a model imported since the last run,
    /// or starts afresh.
    ///
    /// # Errors
    /// When the corpus or a setting cannot be used, or the run fails on the way.
    pub async fn pretrain(&mut self, run: &str, config: &RunConfig, resume: Option<Snapshot>) -> Result<RunOutcome> {
        let resumed = self.resumed(Phase::Pretrain, resume)?;
        let config = resumed.as_ref().map_or(config, |resumed| &resumed.state.config).clone();
        plan::check_numbers(&config)?;
        let base = if self.continues { self.language_model.clone() } else { None };
        let given = resumed.as_ref().map(|resumed| &resumed.trained).or(base.as_ref());
        self.learn(run, &config, given.map(|model| model.tokenizer.clone()))?;
        let learned = self.learned.as_ref().expect("just learned");
        let mut model = match (&resumed, &base) {
            (Some(resumed), _) => resumed.trained.config.clone(),
            (None, Some(base)) => {
                let segments = base.config.type_vocab_size.max(if config.nsp { 2 } else { 1 });
                let unlabelled = ModelConfig { labels: Vec::new(), problem_type: None, ..base.config.clone() };
                ModelConfig { threshold: None, thresholds: None, type_vocab_size: segments, ..unlabelled }
            }
            (None, None) => plan::model_config(&config, learned.tokenizer.len())?,
        };
        let max_len = plan::pretraining_max_len(&config, learned.mean_tokens())
            .min(model.max_position_embeddings.max(config.max_len.unwrap_or(0)));
        plan::check_length(max_len, &model)?;
        learned.train.check(max_len)?;
        check_enough(learned.train.tokens().len())?;
        let (mut windows, held_out) = self.windows(run, learned, &config, max_len)?;
        let examples = windows.per_epoch(config.seed, max_len) as u64;
        let plan = match &resumed {
            Some(resumed) => resumed.state.plan.clone(),
            None => plan::plan(&config, Phase::Pretrain, &model, DataShape { examples, max_len })?,
        };
        model.trained_len = Some(plan.max_len);
        let task = masked_lm_task(&learned.tokenizer, windows, held_out, &plan);
        let (tokenizer, floors) = (learned.tokenizer.clone(), learned.floors());
        let heads = snapshot::heads_of(Phase::Pretrain, &config);
        let start = Starting { heads, model, tokenizer, plan, config, floors };
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?.fingerprint().to_string();
        let source = match base {
            Some(base) => base.weights().await?,
            None => Weights::new(),
        };
        let finished = self.run(run, start, task, corpus, resumed, source).await?;
        self.language_model = Some(finished.trained);
        self.pretraining_secs = Some(finished.outcome.elapsed_secs);
        self.continues = false;
        self.latest = Phase::Pretrain;
        Ok(finished.outcome)
    }

    /// Learns the labels of the corpus, from the language model's weights or from scratch. Goes on from `resume`.
    ///
    /// # Errors
    /// When the corpus or a setting cannot be used, there is no model to start from, or the run fails on the way.
    pub async fn finetune(
        &mut self,
        run: &str,
        config: &RunConfig,
        from: StartFrom,
        resume: Option<Snapshot>,
    ) -> Result<RunOutcome> {
        let start = if from == StartFrom::Pretrained { Start::Pretrained } else { Start::Scratch };
        Ok(self.finetune_from(run, config, start, resume).await?.outcome)
    }

    /// As [`Self::finetune`], with the figures on the way.
    pub(super) async fn finetune_from(
        &mut self,
        run: &str,
        config: &RunConfig,
        from: Start,
        resume: Option<Snapshot>,
    ) -> Result<Finished> {
        let resumed = self.resumed(Phase::Finetune, resume)?;
        let config = resumed.as_ref().map_or(config, |resumed| &resumed.state.config).clone();
        plan::check_numbers(&config)?;
        let language_model = || self.language_model.clone().ok_or_else(no_pretrained_model);
        let (base, shape) = match from {
            _ if resumed.is_some() => (None, None),
            Start::Pretrained => (Some(language_model()?), None),
            Start::Scratch => (None, None),
            Start::LikeTheLanguageModel => (None, Some(language_model()?.config)),
        };
        let tokenizer = match resumed.as_ref().map(|resumed| &resumed.trained).or(base.as_ref()) {
            Some(model) => model.tokenizer.clone(),
            None => self.scratch_tokenizer(run, &config)?,
        };
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let (selection, survey) = self.select_labelled(run, corpus, &config)?;
        let mut model = match (&resumed, &base) {
            (Some(resumed), _) => resumed.trained.config.clone(),
            (None, Some(base)) => labelled(base.config.clone(), &survey, &config)?,
            (None, None) => {
                let shape = shape.map_or_else(|| plan::model_config(&config, tokenizer.len()), Ok)?;
                labelled(shape, &survey, &config)?
            }
        };
        let labels = LabelSet::from_names(model.labels.clone());
        let train = self.encode_for_training(run, &tokenizer, &labels, (corpus, &selection))?;
        let plan = match &resumed {
            Some(resumed) => resumed.state.plan.clone(),
            None => {
                let max_len = plan::finetuning_max_len(&config, &train, model.max_position_embeddings);
                let data = DataShape { examples: train.len() as u64, max_len };
                plan::plan(&config, Phase::Finetune, &model, data)?
            }
        };
        model.trained_len = Some(plan.max_len);
        let shape = [plan.batch_size, plan.max_len];
        let held_out = |split: &str, role| {
            let encoded = self.held_out(run, split, &tokenizer, &labels, (corpus, role, &selection))?;
            Ok::<_, Error>(encoded.map(|(documents, unseen)| {
                let specials = tokenizer.specials();
                HeldOut {
                    examples: LabelledExamples::new(documents, specials, labels.len(), 0, shape[0], shape[1]),
                    unseen,
                }
            }))
        };
        let task = Classification {
            valid: held_out("validation", FileRole::Valid)?,
            test: held_out("test", FileRole::Test)?,
            train: LabelledExamples::new(train, tokenizer.specials(), labels.len(), plan.seed, shape[0], shape[1]),
            problem: model.problem_type.expect("the labels told it, or the run that is resumed"),
        };
        let floors = task.floors();
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?.fingerprint().to_string();
        let source = match base {
            Some(base) => encoder_of(&base, &model.labels).await?,
            None => Weights::new(),
        };
        let start = Starting { heads: Heads::CLASSIFIER, model, tokenizer, plan, config, floors };
        let finished = self.run(run, start, task, corpus, resumed, source).await?;
        self.classifier = Some(finished.trained.clone());
        self.latest = Phase::Finetune;
        Ok(finished)
    }

    /// Plans are made: fills the values, tells the start, and trains on what `corpus` identifies.
    pub(super) async fn run<T: Task>(
        &mut self,
        name: &str,
        start: Starting,
        task: T,
        corpus: String,
        resumed: Option<Decoded>,
        source: Weights,
    ) -> Result<Finished> {
        let Starting { heads, model, tokenizer, plan, config, floors } = start;
        let layout = Layout::new(specs(&model, heads));
        let optimizer = Optimizer { layout, settings: plan.optimizer, device: self.device.clone() };
        let (mut window, mut elapsed_secs, mut report, mut kept) = (Window::default(), 0.0, None, None);
        let mut best = None;
        let state = match resumed {
            Some(Decoded { state, values, best: kept_best, .. }) => {
                best = kept_best;
                check_same_corpus(&state.corpus, &corpus)?;
                window = Window::restored(&state, &self.device);
                elapsed_secs = state.elapsed_secs;
                kept = Some(state.step);
                values
            }
            None => {
                let (mut groups, restored) = starting_values(&optimizer.layout, plan.seed, &source);
                task.prepare(&optimizer.layout, &restored, &mut groups);
                if source.is_empty() {
                    self.place_word_vectors(name, &model, &tokenizer, &optimizer.layout, &mut groups)?;
                }
                report = (!source.is_empty()).then(|| restored.sentence());
                optimizer.state_from(groups)
            }
        };
        let started = Event::Started {
            run: name.into(),
            phase: plan.phase,
            parameters: optimizer.layout.len() as u64,
            steps: plan.steps(),
            tokens: plan.steps() * (plan.batch_size * plan.max_len) as u64,
            device: self.info.name.clone(),
            vocab_size: model.vocab_size as u64,
            uniform: floors.uniform,
            unigram: floors.unigram,
            bigram: floors.bigram,
            labels: model.labels.clone(),
            step: state.step,
        };
        self.host.emit(started, Vec::new());
        if let Some(sentence) = report {
            self.warn(name, "restored", sentence);
        }
        let run = Run {
            host: &self.host,
            name,
            config: &config,
            plan,
            task,
            model,
            heads,
            tokenizer,
            optimizer,
            state,
            corpus,
            elapsed_secs,
            window,
            kept,
            grad_norm: None,
            best,
            scores: Vec::new(),
            floors,
            learned: false,
            other: if heads.masked_lm { self.classifier.clone() } else { self.language_model.clone() },
            lr: 0.0,
            text: self.corpus.as_ref(),
            watched: &mut self.watched,
            next_look: 0.0,
            pause_at: None,
            deferred: &mut self.deferred,
        };
        run.train().await
    }

    /// Puts the word vectors that were given, where there are any, into the embeddings of a new model.
    fn place_word_vectors(
        &self,
        run: &str,
        model: &ModelConfig,
        tokenizer: &Tokenizer,
        layout: &Layout,
        groups: &mut [Vec<f32>],
    ) -> Result<()> {
        let Some(lines) = &self.word_vectors else { return Ok(()) };
        let width = model.hidden_size;
        let mut vectors = WordVectors::new(tokenizer, width);
        lines(&mut |line| Ok(vectors.take(line)?))?;
        let found = vectors.finish()?;
        let table = layout.slice_mut(groups, word_embeddings(model.architecture));
        for (&id, row) in &found.rows {
            table[id as usize * width..][..width].copy_from_slice(row);
        }
        let (rows, missing) = (found.rows.len(), found.missing);
        let message = format!("word vectors were found for {rows} tokens of the vocabulary; {missing} start at random");
        self.warn(run, "word-vectors", message);
        if let Some((count, line)) = found.ragged {
            let message = format!(
                "{count} lines of word vectors do not hold a word and {width} numbers and were left out, the first is line {line}"
            );
            self.warn(run, "ragged-vectors", message);
        }
        Ok(())
    }

    fn resumed(&self, phase: Phase, snapshot: Option<Snapshot>) -> Result<Option<Decoded>> {
        snapshot.map(|snapshot| snapshot::decode(&snapshot, phase, &self.device)).transpose()
    }

    /// Learns the vocabulary and encodes the corpus, unless the last run left both.
    pub(super) fn learn(&mut self, run: &str, config: &RunConfig, tokenizer: Option<Rc<Tokenizer>>) -> Result<()> {
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let fits = |learned: &Learned| learned.serves(config, tokenizer.as_ref());
        if !self.learned.as_ref().is_some_and(fits) {
            let is_new = tokenizer.is_none();
            let tell = |message: &str| {
                // A preview belongs to no run, and nobody waits for one.
                if !run.is_empty() {
                    self.host.emit(Event::Compiling { run: run.into(), message: message.into() }, Vec::new());
                }
            };
            let learned = Learned::of(&self.host, &tell, corpus, config, tokenizer)?;
            self.warn_unknown_share(run, learned.train.unknown_share(), is_new);
            self.learned = Some(learned);
        }
        Ok(())
    }

    /// What pre-training reads and what it is measured on: packed documents or, for next-sentence prediction, pairs.
    pub(super) fn windows(
        &self,
        run: &str,
        learned: &Learned,
        config: &RunConfig,
        max_len: usize,
    ) -> Result<(Windows, Option<Windows>)> {
        if !config.nsp {
            let valid = learned.valid.clone().filter(|valid| valid.check(max_len).is_ok());
            return Ok((Windows::Packed(learned.train.clone()), valid.map(Windows::Packed)));
        }
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let selection = corpus::selection(config);
        let pairs = |role| corpus::pairs(&self.host, &learned.tokenizer, corpus, role, &selection);
        let (train, valid) = (pairs(FileRole::Train)?, pairs(FileRole::Valid).ok());
        let single = train.single_share();
        if single > NOTABLE_SINGLE_SHARE {
            let message = format!(
                "{:.0} % of the documents have one sentence: their second text is always a random one, and telling \
                 that is easy",
                single * 100.0
            );
            self.warn(run, "single-sentences", message);
        }
        Ok((Windows::Pairs(train), valid.map(Windows::Pairs)))
    }

    /// The documents that a classifier learns from, and their labels. Says so where it leaves out what is no pair.
    fn select_labelled(&self, run: &str, corpus: &Corpus, config: &RunConfig) -> Result<(Selection, LabelSurvey)> {
        let mut selection = corpus::selection(config);
        let mut survey = corpus::survey_labels(corpus, &selection)?;
        let all = selection;
        if config.task == TaskKind::Pair && survey.pairs {
            if let Some((count, line)) = corpus.singles(&selection)? {
                let message = format!(
                    "{count} labelled lines have no tab between two texts and were left out, the first in line {line}"
                );
                self.warn(run, "not-a-pair", message);
            }
            selection.pairs = true;
        }
        if let Some(fraction) = config.label_fraction {
            selection.share = Some(corpus.share(fraction, &selection)?);
        }
        if selection != all {
            survey = corpus::survey_labels(corpus, &selection)?;
        }
        Ok((selection, survey))
    }

    /// The language model's words where there is one, so that both arms of a comparison read alike; else new ones.
    fn scratch_tokenizer(&mut self, run: &str, config: &RunConfig) -> Result<Rc<Tokenizer>> {
        if let Some(model) = &self.language_model {
            return Ok(model.tokenizer.clone());
        }
        self.learn(run, config, None)?;
        Ok(self.learned.as_ref().expect("just learned").tokenizer.clone())
    }

    fn encode_for_training(
        &self,
        run: &str,
        tokenizer: &Tokenizer,
        labels: &LabelSet,
        (corpus, selection): (&Corpus, &Selection),
    ) -> Result<EncodedDocuments> {
        let train = corpus::labelled_for_training(&self.host, tokenizer, labels, corpus, selection)?;
        self.warn_unknown_share(run, train.share_of(tokenizer.specials().unk), false);
        Ok(train)
    }

    /// Says so when a vocabulary does not know the text: one from elsewhere, or one just learned that is too small.
    fn warn_unknown_share(&self, run: &str, share: f64, is_new: bool) {
        if share > NOTABLE_UNKNOWN_SHARE {
            let remedy = if is_new { "; a larger --vocab-size, or --tokenizer char, knows more" } else { "" };
            let percent = share * 100.0;
            let message = format!("the vocabulary does not know {percent:.0} % of the tokens of this text{remedy}");
            self.warn(run, "unknown-tokens", message);
        }
    }

    /// Documents to measure on, and the labels of theirs that are not in `labels`; `None` where there are none. A label
    /// that training never saw cannot be predicted: each counts as a miss, with a warning; documents with no other labels
    /// are the wrong documents.
    pub(super) fn held_out(
        &self,
        run: &str,
        split: &str,
        tokenizer: &Tokenizer,
        labels: &LabelSet,
        documents: (&Corpus, FileRole, &Selection),
    ) -> Result<Option<(EncodedDocuments, BTreeMap<String, u64>)>> {
        let mut unseen: BTreeMap<String, u64> = BTreeMap::new();
        let encoded = corpus::labelled(&self.host, tokenizer, labels, documents, &mut |document| {
            for label in labels.encode(document).1 {
                *unseen.entry(label).or_default() += 1;
            }
        })?;
        if encoded.is_empty() {
            return Ok(None);
        }
        let shown = unseen.keys().take(LISTED_LABELS).cloned().collect::<Vec<_>>().join(", ");
        if encoded.labels().iter().all(Vec::is_empty) {
            let message =
                format!("none of the {split} documents carries a label that training saw; they carry {shown}");
            let hint = "Use documents with the labels that the model learned.";
            return Err(Error::input("unknown-labels", message, hint));
        }
        if !unseen.is_empty() {
            let n = unseen.len();
            let message =
                format!("{n} labels of the {split} documents never occur in training and count as missed: {shown}");
            self.warn(run, "unknown-labels", message);
        }
        Ok(Some((encoded, unseen)))
    }
}

/// `model` as a classifier of the corpus's labels.
fn labelled(model: ModelConfig, survey: &LabelSurvey, config: &RunConfig) -> Result<ModelConfig> {
    Ok(ModelConfig {
        labels: survey.labels()?.names().to_vec(),
        problem_type: Some(survey.problem_type(config.task)?),
        threshold: None,
        thresholds: None,
        type_vocab_size: model.type_vocab_size.max(if survey.pairs { 2 } else { 1 }),
        ..model
    })
}

/// What fine-tuning takes over from `base`. The rows of a head of other labels mean something else.
async fn encoder_of(base: &Trained, labels: &[String]) -> Result<Weights> {
    let mut weights = base.weights().await?;
    weights.retain(|name, _| base.config.labels == labels || !name.starts_with("classifier."));
    Ok(weights)
}

pub(super) fn masked_lm_task(
    tokenizer: &Tokenizer,
    train: Windows,
    held_out: Option<Windows>,
    plan: &Plan,
) -> MaskedLm {
    let examples = |windows, masking| {
        MaskedExamples::new(windows, Masker::new(tokenizer, masking), plan.seed, plan.batch_size, plan.max_len)
    };
    let masking = Masking {
        whole_word: plan.whole_word,
        most: plan.max_predictions.unwrap_or(usize::MAX),
        ..Masking::of_rate(plan.mask_rate)
    };
    MaskedLm {
        train: examples(train, masking),
        valid: held_out.map(|windows| examples(windows, Masking::of_rate(EVALUATION_MASK_RATE))),
        evaluation_batches: plan.evaluation_batches,
    }
}
