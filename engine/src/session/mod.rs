//! A person's work with the engine, from files to answers: the state between runs, and the one function per command
//! that both hosts call. Knows the platform only through [`Host`].

mod ask;
mod corpus;
mod host;
pub mod plan;
mod read;
mod run;
mod snapshot;
mod task;
mod trained;

pub use ask::failed;
pub use host::{Host, ModelFiles, RunOutcome, Snapshot};
pub use trained::{Restored, Trained};

use crate::data::examples::{EncodedDocument, LabelledExamples, MaskedExamples, encode_documents};
use crate::data::labels::{LabelSet, problem_type};
use crate::data::masking::{Corruption, Masker};
use crate::data::{Corpus, Document, InputFile, Tokenizer};
use crate::device;
use crate::error::{Error, Result};
use crate::interop::Weights;
use crate::model::{Heads, Layout, ModelConfig, specs};
use crate::train::{Optimizer, TrainState};
use burn::tensor::Device;
use corpus::{Learned, fingerprint};
use plan::{DataShape, EVALUATION_MASK_RATE, Plan};
use protocol::{
    BackendChoice, Command, DeviceInfo, Event, LabelScore, MaskGuess, MaskedToken, Metrics, Phase, RunConfig,
    StartFrom, VocabularyEntry,
};
use run::{Finished, Run, Window};
use snapshot::RunState;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use task::{Classification, HeldOut, MaskedLm, Scored, Task, masked_lm_metrics};
use trained::starting_values;

/// The state between commands.
pub struct Session<H: Host> {
    host: H,
    device: Device,
    info: DeviceInfo,
    corpus: Option<Corpus>,
    learned: Option<Learned>,
    language_model: Option<Trained>,
    classifier: Option<Trained>,
    /// Whether the next pre-training goes on from `language_model` instead of starting afresh.
    continues: bool,
    /// What the last run, or the last import, made.
    latest: Phase,
    deferred: VecDeque<Command>,
}

impl<H: Host> Session<H> {
    /// Chooses a device and tells which.
    ///
    /// # Errors
    /// When a GPU was asked for by name and there is none.
    pub async fn open(host: H, choice: BackendChoice) -> Result<Self> {
        let (device, info) = device::open(choice).await?;
        host.emit(Event::Ready { device: info.clone() }, Vec::new());
        Ok(Self {
            host,
            device,
            info,
            corpus: None,
            learned: None,
            language_model: None,
            classifier: None,
            continues: false,
            latest: Phase::Pretrain,
            deferred: VecDeque::new(),
        })
    }

    /// The platform.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// What computes.
    pub fn device(&self) -> &DeviceInfo {
        &self.info
    }

    /// Reads files into the corpus and tells what was found.
    ///
    /// # Errors
    /// When nothing usable is among them; the corpus is then what it was.
    pub fn set_corpus(&mut self, files: Vec<InputFile>, encoding: Option<&str>) -> Result<()> {
        let (corpus, warnings) = Corpus::read(&files, encoding)?;
        for (code, message) in warnings {
            self.warn("", code, message);
        }
        self.host.emit(corpus.report(), Vec::new());
        self.corpus = Some(corpus);
        self.learned = None;
        Ok(())
    }

    /// Learns to guess masked tokens of the corpus. Goes on from `resume`, or from a model imported since the last run,
    /// or starts afresh.
    ///
    /// # Errors
    /// When the corpus or a setting cannot be used, or the run fails on the way.
    pub async fn pretrain(&mut self, run: &str, config: &RunConfig, resume: Option<Snapshot>) -> Result<RunOutcome> {
        let resumed = resume.map(|snapshot| snapshot::decode(&snapshot, &self.device)).transpose()?;
        let config = resumed.as_ref().map_or(config, |(state, ..)| &state.config).clone();
        let base = if self.continues { self.language_model.clone() } else { None };
        let tokenizer = resumed
            .as_ref()
            .map(|(_, trained, _)| trained.tokenizer.clone())
            .or(base.as_ref().map(|b| b.tokenizer.clone()));
        self.learn(run, &config, tokenizer)?;
        let learned = self.learned.as_ref().expect("just learned");
        let model = match (&resumed, &base) {
            (Some((_, trained, _)), _) => trained.config.clone(),
            (None, Some(base)) => {
                ModelConfig { labels: Vec::new(), problem_type: None, threshold: None, ..base.config.clone() }
            }
            (None, None) => plan::model_config(&config, learned.tokenizer.len())?,
        };
        let max_len = plan::pretraining_max_len(&config, learned.mean_tokens())
            .min(model.max_position_embeddings.max(config.max_len.unwrap_or(0)));
        learned.train.check(max_len)?;
        check_enough(learned.train.tokens().len())?;
        let examples = learned.train.windows_per_epoch(max_len) as u64;
        let plan = match &resumed {
            Some((saved, ..)) => saved.plan.clone(),
            None => plan::plan(&config, Phase::Pretrain, &model, DataShape { examples, max_len })?,
        };
        let task = masked_lm_task(learned, &plan);
        let floors = learned.floors();
        let tokenizer = learned.tokenizer.clone();
        let layout = Layout::new(specs(&model, Heads::MASKED_LM));
        let started = Starting { heads: Heads::MASKED_LM, model, layout, tokenizer, plan, config };
        let source = match base {
            Some(base) => Some(base.weights().await?),
            None => None,
        };
        let finished = self.run(run, started, task, resumed, source, floors).await?;
        self.language_model = Some(finished.trained);
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
        let resumed = resume.map(|snapshot| snapshot::decode(&snapshot, &self.device)).transpose()?;
        let config = resumed.as_ref().map_or(config, |(state, ..)| &state.config).clone();
        let base = self.base(from, resumed.is_some())?;
        let tokenizer = match (&resumed, &base) {
            (Some((_, trained, _)), _) => trained.tokenizer.clone(),
            (None, Some(base)) => base.tokenizer.clone(),
            (None, None) => self.scratch_tokenizer(run, &config)?,
        };
        let corpus = limited(self.corpus.as_ref().ok_or_else(no_corpus)?, &config);
        let labels = match &resumed {
            Some((_, trained, _)) => LabelSet::from_names(trained.config.labels.clone()),
            None => LabelSet::learn(corpus.labelled_train())?,
        };
        let mut model = match (&resumed, &base) {
            (Some((_, trained, _)), _) => trained.config.clone(),
            (None, Some(base)) => base.config.clone(),
            (None, None) => plan::model_config(&config, tokenizer.len())?,
        };
        if resumed.is_none() {
            model.labels = labels.names().to_vec();
            model.problem_type =
                Some(problem_type(config.task, corpus.labelled_train().collect::<Vec<_>>().into_iter())?);
            model.threshold = None;
        }
        let problem = model.problem_type.expect("set above, or by the run that is resumed");
        let (train, _) = encode_documents(&tokenizer, &labels, corpus.labelled_train());
        if train.iter().any(|document| document.second.is_some()) && model.type_vocab_size < 2 {
            let message = "these lines are pairs, but the model has one segment only";
            return Err(Error::input("needs-segments", message, "Use a model with two segments (type_vocab_size 2)."));
        }
        let unknown = train.iter().flat_map(|document| &document.first).filter(|&&id| id == tokenizer.specials().unk);
        let tokens = train.iter().map(|document| document.first.len()).sum::<usize>().max(1);
        self.warn_unknown_share(run, unknown.count() as f64 / tokens as f64);
        let mut lengths: Vec<usize> = train.iter().map(|document| document.length() - 2).collect();
        let max_len = plan::finetuning_max_len(&config, &mut lengths, model.max_position_embeddings);
        let plan = match &resumed {
            Some((saved, ..)) => saved.plan.clone(),
            None => plan::plan(&config, Phase::Finetune, &model, DataShape { examples: train.len() as u64, max_len })?,
        };
        let shape = [plan.batch_size, plan.max_len];
        let valid =
            self.held_out(run, "validation", &tokenizer, &labels, shape, &corpus.labelled_valid().collect::<Vec<_>>())?;
        let test =
            self.held_out(run, "test", &tokenizer, &labels, shape, &corpus.labelled_test().collect::<Vec<_>>())?;
        let train =
            LabelledExamples::new(train, tokenizer.specials(), labels.len(), plan.seed, plan.batch_size, plan.max_len);
        let task = Classification { train, valid, test, problem };
        let floors = self
            .learned
            .as_ref()
            .filter(|learned| Rc::ptr_eq(&learned.tokenizer, &tokenizer))
            .map_or([(tokenizer.len() as f64).ln(), 0.0], Learned::floors);
        let layout = Layout::new(specs(&model, Heads::CLASSIFIER));
        let started = Starting { heads: Heads::CLASSIFIER, model, layout, tokenizer, plan, config };
        let source = match base {
            Some(base) => {
                let same_labels = base.config.labels == started.model.labels;
                let mut weights = base.weights().await?;
                // A head of other labels has rows that mean something else.
                weights.retain(|name, _| same_labels || !name.starts_with("classifier."));
                Some(weights)
            }
            None => None,
        };
        let finished = self.run(run, started, task, resumed, source, floors).await?;
        self.classifier = Some(finished.trained);
        self.latest = Phase::Finetune;
        Ok(finished.outcome)
    }

    /// Measures the classifier, or the language model where there is no classifier, on the `split` of the corpus
    /// (`train`, `valid` or `test`). `threshold` replaces the model's own; `seed` draws the masks.
    ///
    /// # Errors
    /// When there is no model, or the split holds nothing that it could be measured on.
    pub async fn evaluate(&mut self, run: &str, split: &str, threshold: Option<f64>, seed: u64) -> Result<Metrics> {
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        if let Some(model) = &self.classifier {
            let labels = LabelSet::from_names(model.config.labels.clone());
            let documents: Vec<_> = match split {
                "train" => corpus.labelled_train().collect(),
                "valid" => corpus.labelled_valid().collect(),
                _ => corpus.labelled_test().collect(),
            };
            if documents.is_empty() {
                let hint = "Labelled lines look like: text __label__name";
                return Err(Error::input("no-labels", "none of these lines carries a label", hint));
            }
            let length = |document: &&Document| EncodedDocument::of_text(&model.tokenizer, document).length() - 2;
            let mut lengths: Vec<usize> = documents.iter().map(length).collect();
            let max_len =
                plan::finetuning_max_len(&RunConfig::default(), &mut lengths, model.config.max_position_embeddings);
            let shape = [EVALUATION_BATCH, max_len];
            let held_out = self.held_out(run, split, &model.tokenizer, &labels, shape, &documents)?.expect("not empty");
            let scored = Scored::of(&held_out, &model.config, &model.leaves(&self.device), &self.device).await?;
            return Ok(Metrics::Classifier(scored.metrics(&model.config, threshold)));
        }
        let model = self.language_model.as_ref().ok_or_else(no_model)?;
        ask::needs_masked_lm(model)?;
        let texts: Vec<&str> =
            if split == "valid" { corpus.held_out_texts().collect() } else { corpus.pretraining_texts().collect() };
        let packed = corpus::pack(&model.tokenizer, texts.into_iter())?;
        let max_len = plan::pretraining_max_len(&RunConfig::default(), corpus::mean_tokens(&packed))
            .min(model.config.max_position_embeddings);
        packed.check(max_len)?;
        let masker = Masker::new(&model.tokenizer, EVALUATION_MASK_RATE, Corruption::default(), false);
        let mut examples = MaskedExamples::new(packed, masker, seed, EVALUATION_BATCH, max_len);
        let leaves = model.leaves(&self.device);
        Ok(Metrics::MaskedLm(masked_lm_metrics(&mut examples, u64::MAX, &model.config, &leaves, &self.device).await?))
    }

    /// Labels of each text, best first, in order.
    ///
    /// # Errors
    /// When there is no classifier.
    pub async fn predict(&mut self, texts: &[String], top_k: Option<usize>) -> Result<Vec<Vec<LabelScore>>> {
        let model = self.classifier.as_ref().or(self.language_model.as_ref()).ok_or_else(no_model)?;
        ask::predict(model, &self.device, texts, top_k).await
    }

    /// Best guesses for each `[MASK]` of `text`.
    ///
    /// # Errors
    /// When there is no language model or nothing to guess.
    pub async fn fill_mask(&mut self, text: &str, top_k: usize) -> Result<Vec<MaskGuess>> {
        let model = self.language_model.as_ref().or(self.classifier.as_ref()).ok_or_else(no_model)?;
        ask::fill_mask(model, &self.device, text, top_k).await
    }

    /// Tokens of `text` and the attention probabilities `[layer][head][query][key]`.
    ///
    /// # Errors
    /// When there is no model or the text is too long.
    pub async fn attention(&mut self, text: &str) -> Result<(Vec<String>, Vec<Vec<Vec<Vec<f32>>>>)> {
        let model = self.classifier.as_ref().or(self.language_model.as_ref()).ok_or_else(no_model)?;
        ask::attention(model, &self.device, text).await
    }

    /// The model of the last run or import, as files.
    ///
    /// # Errors
    /// When there is no model or the device no longer answers.
    pub async fn export(&self) -> Result<ModelFiles> {
        let newest = if self.latest == Phase::Finetune { &self.classifier } else { &self.language_model };
        newest.as_ref().or(self.language_model.as_ref()).ok_or_else(no_model)?.to_files().await
    }

    /// The model that the last pre-training run made, as files.
    ///
    /// # Errors
    /// When there is none or the device no longer answers.
    pub async fn export_language_model(&self) -> Result<ModelFiles> {
        self.language_model.as_ref().ok_or_else(no_model)?.to_files().await
    }

    /// Takes a model: what the next fine-tuning starts from and the next pre-training goes on from.
    ///
    /// # Errors
    /// When the files are no sound model; the session is then what it was.
    pub fn import(&mut self, files: ModelFiles) -> Result<()> {
        let model = Trained::from_files(&files, &self.device)?;
        self.classifier = model.heads.classifier.then(|| model.clone());
        self.latest = if model.heads.classifier { Phase::Finetune } else { Phase::Pretrain };
        self.continues = true;
        self.learned = None;
        self.language_model = Some(model);
        Ok(())
    }
}

/// Share of unknown tokens that a person should hear of.
const NOTABLE_UNKNOWN_SHARE: f64 = 0.05;
/// Documents per batch where nobody chose one.
const EVALUATION_BATCH: usize = 32;

/// All that a run starts with besides its values and its data.
struct Starting {
    heads: Heads,
    model: ModelConfig,
    layout: Layout,
    tokenizer: Rc<Tokenizer>,
    plan: Plan,
    config: RunConfig,
}

impl<H: Host> Session<H> {
    /// Plans are made: fills the values, tells the start, and trains.
    async fn run<T: Task>(
        &mut self,
        name: &str,
        start: Starting,
        task: T,
        resumed: Option<(RunState, Trained, TrainState)>,
        source: Option<Weights>,
        floors: [f64; 2],
    ) -> Result<Finished> {
        let Starting { heads, model, layout, tokenizer, plan, config } = start;
        let corpus = fingerprint(self.corpus.as_ref().ok_or_else(no_corpus)?);
        let optimizer = Optimizer { layout, settings: plan.optimizer, device: self.device.clone() };
        let (mut window, mut elapsed_secs, mut report) = (Window::default(), 0.0, None);
        let state = match (resumed, source) {
            (Some((saved, _, values)), _) => {
                check_same_corpus(&saved.corpus, &corpus)?;
                window = Window::restored(saved.window_loss_sum, saved.window_steps, &self.device);
                elapsed_secs = saved.elapsed_secs;
                values
            }
            (None, source) => {
                let source = source.unwrap_or_default();
                let (mut groups, restored) = starting_values(&optimizer.layout, plan.seed, &source);
                report = (!source.is_empty()).then(|| restored.sentence());
                task.prepare(&optimizer.layout, &mut groups);
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
            uniform: floors[0],
            unigram: floors[1],
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
            other: if heads.masked_lm { self.classifier.clone() } else { self.language_model.clone() },
            lr: 0.0,
            deferred: &mut self.deferred,
        };
        run.train().await
    }

    /// Learns the vocabulary and encodes the corpus, unless the last run left both.
    fn learn(&mut self, run: &str, config: &RunConfig, tokenizer: Option<Rc<Tokenizer>>) -> Result<()> {
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let fits = |learned: &Learned| learned.serves(config, tokenizer.as_ref());
        if !self.learned.as_ref().is_some_and(fits) {
            // A preview belongs to no run, and nobody waits for one.
            if !run.is_empty() {
                let message = "learning the vocabulary and cutting the text into tokens".into();
                self.host.emit(Event::Compiling { run: run.into(), message }, Vec::new());
            }
            let learned = Learned::of(&limited(corpus, config), config, tokenizer)?;
            self.warn_unknown_share(run, learned.train.unknown_share());
            self.learned = Some(learned);
        }
        Ok(())
    }

    fn base(&self, from: StartFrom, resumed: bool) -> Result<Option<Trained>> {
        match from {
            _ if resumed => Ok(None),
            StartFrom::Scratch => Ok(None),
            StartFrom::Pretrained => match &self.language_model {
                Some(model) => Ok(Some(model.clone())),
                None => Err(Error::input(
                    "no-pretrained-model",
                    "there are no pre-trained weights to start from",
                    "Pre-train first, import a model, or fine-tune from scratch.",
                )),
            },
        }
    }

    /// The language model's words where there is one, so that both arms of a comparison read alike; else new ones.
    fn scratch_tokenizer(&mut self, run: &str, config: &RunConfig) -> Result<Rc<Tokenizer>> {
        if let Some(model) = &self.language_model {
            return Ok(model.tokenizer.clone());
        }
        self.learn(run, config, None)?;
        Ok(self.learned.as_ref().expect("just learned").tokenizer.clone())
    }

    /// Says so when a vocabulary from elsewhere does not know the text.
    fn warn_unknown_share(&self, run: &str, share: f64) {
        if share > NOTABLE_UNKNOWN_SHARE {
            let message = format!("the vocabulary does not know {:.0} % of the tokens of this text", share * 100.0);
            self.warn(run, "unknown-tokens", message);
        }
    }

    fn warn(&self, run: &str, code: &str, message: String) {
        self.host.emit(Event::Warning { run: run.into(), code: code.into(), message }, Vec::new());
    }

    /// Documents to measure on, `None` where there are none. A label that training never saw cannot be predicted: each
    /// counts as a miss, with a warning; documents with no other labels are the wrong documents.
    fn held_out(
        &self,
        run: &str,
        split: &str,
        tokenizer: &Tokenizer,
        labels: &LabelSet,
        [batch_size, max_len]: [usize; 2],
        documents: &[&Document],
    ) -> Result<Option<HeldOut>> {
        if documents.is_empty() {
            return Ok(None);
        }
        let (encoded, _) = encode_documents(tokenizer, labels, documents.iter().copied());
        let mut unseen: BTreeMap<String, u64> = BTreeMap::new();
        for label in documents.iter().flat_map(|document| labels.encode(document).1) {
            *unseen.entry(label).or_default() += 1;
        }
        let shown = unseen.keys().take(5).cloned().collect::<Vec<_>>().join(", ");
        if encoded.iter().all(|document| document.labels.is_empty()) {
            let message =
                format!("none of the {split} documents carries a label that training saw; they carry {shown}");
            return Err(Error::input(
                "unknown-labels",
                message,
                "Use documents with the labels that the model learned.",
            ));
        }
        if !unseen.is_empty() {
            let n = unseen.len();
            let message =
                format!("{n} labels of the {split} documents never occur in training and count as missed: {shown}");
            self.warn(run, "unknown-labels", message);
        }
        let examples = LabelledExamples::new(encoded, tokenizer.specials(), labels.len(), 0, batch_size, max_len);
        Ok(Some(HeldOut { examples, unseen }))
    }
}

/// The corpus of a quick look.
fn limited(corpus: &Corpus, config: &RunConfig) -> Corpus {
    match config.limit {
        Some(n) => corpus.clone().with_limit(n),
        None => corpus.clone(),
    }
}

fn masked_lm_task(learned: &Learned, plan: &Plan) -> MaskedLm {
    let examples = |packed, rate, whole_word| {
        let masker = Masker::new(&learned.tokenizer, rate, Corruption::default(), whole_word);
        MaskedExamples::new(packed, masker, plan.seed, plan.batch_size, plan.max_len)
    };
    let valid = learned.valid.as_ref().filter(|valid| valid.check(plan.max_len).is_ok());
    MaskedLm {
        train: examples(learned.train.clone(), plan.mask_rate, plan.whole_word),
        valid: valid.map(|valid| examples(valid.clone(), EVALUATION_MASK_RATE, false)),
        evaluation_batches: plan.evaluation_batches,
    }
}

/// Fewer tokens than this are a phrase, not a corpus.
const LEAST_TOKENS: usize = 64;

fn check_enough(tokens: usize) -> Result<()> {
    if tokens >= LEAST_TOKENS {
        return Ok(());
    }
    let message = format!("the corpus has {tokens} tokens, and learning from it needs at least {LEAST_TOKENS}");
    Err(Error::input("corpus-too-small", message, "Give more text: a few thousand lines are a good start."))
}

fn check_same_corpus(saved: &str, now: &str) -> Result<()> {
    if saved == now {
        return Ok(());
    }
    let message = "the text is not the text that this run began with, so it cannot go on exactly";
    Err(Error::input("other-corpus", message, "Give the same files, or start a new run with --from this directory."))
}

fn no_corpus() -> Error {
    Error::input("no-corpus", "there is no text yet", "Give or drop text files first.")
}

fn no_model() -> Error {
    Error::input("no-model", "there is no model yet", "Pre-train one, or import one.")
}

impl<H: Host> Session<H> {
    /// Serves commands until the host goes away. `buffers` hands out the bulk bytes of a command, in order.
    pub async fn serve(&mut self, mut take_buffers: impl FnMut() -> Vec<Vec<u8>>) -> ! {
        loop {
            let command = match self.deferred.pop_front() {
                Some(command) => command,
                None => self.host.next_command().await,
            };
            let run = match &command {
                Command::Pretrain { run, .. } | Command::Finetune { run, .. } => run.clone(),
                _ => String::new(),
            };
            if let Err(error) = self.handle(command, &mut take_buffers).await {
                self.host.emit(ask::failed(&run, &error), Vec::new());
            }
        }
    }

    async fn handle(&mut self, command: Command, take_buffers: &mut impl FnMut() -> Vec<Vec<u8>>) -> Result<()> {
        match command {
            Command::Open { .. } => self.host.emit(Event::Ready { device: self.info.clone() }, Vec::new()),
            Command::SetCorpus { files } => {
                let inputs = files.into_iter().zip(take_buffers());
                let inputs = inputs.map(|(file, bytes)| InputFile { name: file.name, bytes, role: file.role });
                self.set_corpus(inputs.collect(), None)?;
            }
            Command::PreviewMasking { config, example, epoch } => self.preview(&config, example, epoch)?,
            Command::Pretrain { run, config } => drop(self.pretrain(&run, &config, None).await?),
            Command::Finetune { run, config, from } => drop(self.finetune(&run, &config, from, None).await?),
            Command::Vocabulary { filter, limit } => self.tell_vocabulary(&filter, limit)?,
            Command::ExportModel => {
                let archive = crate::interop::zip_write(EXPORT_NAME, &self.export().await?);
                self.host.emit(Event::Exported { name: format!("{EXPORT_NAME}.zip") }, vec![archive]);
            }
            Command::ImportModel { files } => self.import_files(files, take_buffers())?,
            question @ Command::FillMask { .. } => {
                let model = self.language_model.as_ref().or(self.classifier.as_ref()).ok_or_else(no_model)?;
                ask::answer(&self.host, model, &self.device, question).await;
            }
            question @ Command::Classify { .. } => {
                let model = self.classifier.as_ref().ok_or_else(no_model)?;
                ask::answer(&self.host, model, &self.device, question).await;
            }
            Command::Pause | Command::Resume | Command::Stop => (),
        }
        Ok(())
    }

    fn import_files(&mut self, files: Vec<protocol::FileInfo>, buffers: Vec<Vec<u8>>) -> Result<()> {
        let mut named: ModelFiles = files.into_iter().map(|file| file.name).zip(buffers).collect();
        if let [(name, bytes)] = named.as_slice()
            && name.to_ascii_lowercase().ends_with(".zip")
        {
            named = crate::interop::zip_read(bytes)?;
        }
        self.import(named)?;
        let model = self.language_model.as_ref().expect("just imported");
        let summary = format!("{} parameters, {} tokens", model.parameters(), model.config.vocab_size);
        self.host.emit(Event::Imported { summary, labels: model.config.labels.clone() }, Vec::new());
        Ok(())
    }

    /// One document before and after masking. The draw belongs to the preview alone and shifts no run.
    fn preview(&mut self, config: &RunConfig, example: u64, epoch: u64) -> Result<()> {
        let words = self.language_model.as_ref().filter(|_| self.continues).map(|model| model.tokenizer.clone());
        self.learn("", config, words)?;
        let learned = self.learned.as_ref().expect("just learned");
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let texts = corpus.pretraining_texts().count().max(1);
        let text = corpus.pretraining_texts().nth(example as usize % texts).unwrap_or_default();
        let specials = learned.tokenizer.specials();
        let mut ids = learned.tokenizer.encode(text);
        ids.truncate(PREVIEW_TOKENS);
        let window: Vec<u32> = [specials.cls].into_iter().chain(ids).chain([specials.sep]).collect();
        let rate = config.mask_rate.unwrap_or(EVALUATION_MASK_RATE).clamp(0.0, 0.9);
        let masker = Masker::new(&learned.tokenizer, rate, Corruption::default(), config.whole_word);
        let masked = masker.mask_example(&window, config.seed, epoch, example);
        let token = |i: usize| MaskedToken {
            original: learned.tokenizer.token(window[i]).into(),
            shown: learned.tokenizer.token(masked.ids[i]).into(),
            kind: masked.kinds[i],
        };
        self.host.emit(Event::Masking { example, tokens: (0..window.len()).map(token).collect() }, Vec::new());
        Ok(())
    }

    fn tell_vocabulary(&self, filter: &str, limit: usize) -> Result<()> {
        let model = self.language_model.as_ref().map(|model| &model.tokenizer);
        let tokenizer = self.learned.as_ref().map(|learned| &learned.tokenizer).or(model).ok_or_else(no_model)?;
        let entry = |id: u32| VocabularyEntry {
            id: u64::from(id),
            token: tokenizer.token(id).into(),
            count: tokenizer.counts().get(id as usize).copied().unwrap_or(0),
        };
        let all = (0..tokenizer.len() as u32).map(entry);
        let entries = all.filter(|entry| entry.token.contains(filter)).take(limit).collect();
        self.host.emit(Event::Vocabulary { size: tokenizer.len() as u64, entries }, Vec::new());
        Ok(())
    }
}

/// Folder inside an exported archive, and the archive's own name.
const EXPORT_NAME: &str = "clozelab-model";
/// A preview shows this much of a long document.
const PREVIEW_TOKENS: usize = 48;
