//! Shared by pre-training and fine-tuning: the vocabulary, the initial weights, and setting up the
//! run, whose loop is in `run`.

use crate::data::Tokenizer;
use crate::data::embeddings::WordEmbeddings;
use crate::data::entropy_baselines::EntropyBaselines;
use crate::data::word_vectors::{FoundVectors, WordVectors};
use crate::device::CPU_NAME;
use crate::error::Result;
use crate::interop::Weights;
use crate::kernels::is_cpu;
use crate::model::{Heads, Layout, ModelConfig, specs};
use crate::session::card::{Provenance, card};
use crate::session::checks::{check_same_corpus, no_corpus};
use crate::session::dataset::tokenized_corpus::TokenizedCorpus;
use crate::session::parallel::{BatchGradients, batch_parts};
use crate::session::run::initial_weights::{InitialWeights, StartingEmbeddings};
use crate::session::run::plan::{self, Budget, Plan};
use crate::session::run::run_control::RunControl;
use crate::session::run::snapshot::{self, Decoded};
use crate::session::run::task::Task;
use crate::session::run::train_progress::TrainProgress;
use crate::session::run::trainer::{Trainer, gradient_setup};
use crate::session::run::{Finished, Run};
use crate::session::{Host, Session, Snapshot};
use crate::train::Optimizer;
use protocol::{Event, Message, Phase, RunConfig, Setting, message};
use std::rc::Rc;

/// Share of unknown tokens above which a warning is emitted.
const MAX_UNKNOWN_SHARE: f64 = 0.05;

/// The settings of a run, besides its data and initial weights.
pub(crate) struct RunSetup {
    /// The heads to train.
    pub heads: Heads,
    /// Configuration of the model to train.
    pub model: ModelConfig,
    /// Tokenizer of the model.
    pub tokenizer: Rc<Tokenizer>,
    /// The checked plan of the run.
    pub plan: Plan,
    /// The configuration as requested.
    pub config: RunConfig,
    /// Entropy baselines of the loss.
    pub entropy_baselines: EntropyBaselines,
    /// Whether new word embeddings are initialised from the user's word vectors.
    pub word_vectors: bool,
    /// Vectors learned from the training text, to initialise new word embeddings if the user gave
    /// none.
    pub own_vectors: Option<Rc<WordEmbeddings>>,
}

impl<H: Host> Session<H> {
    /// Executes a planned run: initialises or restores the parameters, emits [`Event::Started`],
    /// and trains on the corpus with fingerprint `corpus`.
    pub(crate) async fn run<T: Task>(
        &mut self,
        name: &str,
        start: RunSetup,
        mut task: T,
        corpus: String,
        resumed: Option<Decoded>,
        source: Weights,
    ) -> Result<Finished> {
        let layout = Layout::new(specs(&start.model, start.heads));
        let optimizer = Optimizer {
            layout,
            settings: start.plan.optimizer,
            device: self.device.clone(),
        };
        // A run without steps has no optimiser state to restore: the fitted layer is in `source`.
        let resumed = match resumed {
            Some(decoded) if start.plan.budget == Budget::Steps(0) => {
                check_same_corpus(&decoded.state.corpus, &corpus)?;
                None
            }
            resumed => resumed,
        };
        let continues_on_cpu = resumed
            .as_ref()
            .is_some_and(|decoded| decoded.state.device.starts_with(CPU_NAME));
        let beginning = self.beginning(name, &start, source, resumed.is_some())?;
        let mut steps_before = 0;
        let (values, at, report) = match resumed {
            Some(Decoded {
                state,
                values,
                best,
                networks,
                source: _,
                ..
            }) => {
                check_same_corpus(&state.corpus, &corpus)?;
                self.warn_other_device(name, &state.device);
                steps_before = state.steps_before;
                task.begin_network(
                    networks.len(),
                    start.plan.seed.wrapping_add(networks.len() as u64),
                );
                (values, TrainProgress::resumed(&state, best, networks), None)
            }
            None => {
                let (groups, restored) =
                    beginning.values(&start.model, &optimizer.layout, &task, start.plan.seed);
                let report = (!beginning.source.is_empty()).then(|| restored.sentence());
                (
                    optimizer.state_from(groups),
                    TrainProgress::default(),
                    report,
                )
            }
        };
        self.host
            .emit(self.started(name, &start, &optimizer.layout, steps_before + values.step));
        if let Some(sentence) = report {
            self.warn(name, "restored", sentence);
        }
        let RunSetup {
            heads,
            model,
            tokenizer,
            mut plan,
            config,
            entropy_baselines,
            ..
        } = start;
        // On another device the numbers differ anyway.
        if !continues_on_cpu {
            plan.batch_parts = self.batch_parts(&plan, optimizer.layout.len());
        }
        let parts = if is_cpu(&self.device) {
            plan.batch_parts
        } else {
            1
        };
        let trainer = Trainer {
            model,
            heads,
            tokenizer,
            optimizer,
            values,
            steps_before,
        };
        let setup = gradient_setup(&trainer, &task, &plan);
        let control = RunControl {
            host: &self.host,
            run: name,
            answers: task.answers(),
            other: if heads.masked_lm {
                self.models.classifier.clone()
            } else {
                self.models.language_model.clone()
            },
            text: self.dataset.corpus.as_ref(),
            watched: &mut self.dataset.watched,
            next_preview_secs: 0.0,
            pause_at: None,
            // Commands that arrived after the one that started the run are for the run to handle.
            arrived: std::mem::take(&mut self.deferred),
            deferred: &mut self.deferred,
        };
        let run = Run {
            config: &config,
            plan: plan.clone(),
            task,
            trainer,
            at,
            control,
            corpus,
            device_name: &self.info.name,
            scores: Vec::new(),
            measured: Vec::new(),
            entropy_baselines,
            learned: false,
            lr: 0.0,
            beginning,
            gradients: BatchGradients::new(setup, &self.device, parts),
        };
        let mut finished = run.train().await?;
        let Finished {
            outcome, measured, ..
        } = &finished;
        let corpus = self.dataset.corpus.as_ref();
        let from = Provenance {
            corpus,
            config: &config,
            plan: &plan,
            outcome: *outcome,
            measured,
        };
        finished.trained.card = Some(card(&finished.trained, Some(&from)).into());
        Ok(finished)
    }

    /// Returns the number of parts into which the batches of a new run of a model with this number of
    /// `parameters` are divided.
    pub(crate) fn batch_parts(&self, plan: &Plan, parameters: usize) -> usize {
        if is_cpu(&self.device) {
            let dims = [plan.batch_size, plan.max_len];
            batch_parts(self.host.batch_parts(), dims, parameters)
        } else {
            1
        }
    }

    /// Returns the initial weights of each network of the run.
    pub(crate) fn beginning(
        &self,
        run: &str,
        start: &RunSetup,
        source: Weights,
        is_resumed: bool,
    ) -> Result<InitialWeights> {
        if !source.is_empty() || (is_resumed && start.plan.networks == 1) {
            return Ok(InitialWeights {
                source,
                embeddings: None,
            });
        }
        let given = if start.word_vectors {
            self.given_vectors(run, &start.tokenizer, start.model.hidden_size)?
                .map(StartingEmbeddings::Given)
        } else {
            None
        };
        let own = start.own_vectors.clone().map(StartingEmbeddings::Own);
        Ok(InitialWeights {
            source,
            embeddings: given.or(own),
        })
    }

    fn started(&self, run: &str, start: &RunSetup, layout: &Layout, step: u64) -> Event {
        let RunSetup {
            model,
            plan,
            entropy_baselines,
            ..
        } = start;
        Event::Started {
            run: run.into(),
            phase: plan.phase,
            parameters: layout.len() as u64,
            steps: plan.steps(),
            tokens: plan.steps() * (plan.batch_size * plan.max_len) as u64,
            device: self.info.name.clone(),
            vocab_size: model.vocab_size as u64,
            uniform: entropy_baselines.uniform,
            unigram: entropy_baselines.unigram,
            bigram: entropy_baselines.bigram,
            labels: model.labels.clone(),
            step,
        }
    }

    /// Warns if a run resumes on another device: devices round differently.
    fn warn_other_device(&self, run: &str, before: &str) {
        let now = &self.info.name;
        if !before.is_empty() && before != now {
            let message = message!(
                "this run started on {before} and resumes on {now}: results may differ in the last digits",
                before,
                now
            );
            self.warn(run, "other-device", message);
        }
    }

    /// Learns vectors of size `width` from the training text for a new model, unless the user gave
    /// vectors or `config` wants none. Warns if the text is too small for any.
    pub(crate) fn own_vectors(
        &self,
        run: &str,
        config: &RunConfig,
        phase: Phase,
        width: usize,
    ) -> Option<Rc<WordEmbeddings>> {
        if self.dataset.word_vectors.is_some() || !plan::starts_from_own_vectors(config, phase) {
            return None;
        }
        let message = message!("learning word vectors from the text");
        self.host.emit(Event::Compiling {
            run: run.into(),
            message,
        });
        let vectors = self.dataset.learned.as_ref()?.embeddings(width);
        if vectors.is_none() {
            let message = message!(
                "the text never has two different words side by side, so the word embeddings are initialised randomly"
            );
            self.warn(run, "no-own-vectors", message);
        }
        vectors
    }

    /// Looks up the user's word vectors for the vocabulary of a new model of size `width`, if there
    /// are any, and reports how many were found.
    fn given_vectors(
        &self,
        run: &str,
        tokenizer: &Tokenizer,
        width: usize,
    ) -> Result<Option<FoundVectors>> {
        let Some(lines) = &self.dataset.word_vectors else {
            return Ok(None);
        };
        let mut vectors = WordVectors::new(tokenizer, width);
        lines(&mut |line| Ok(vectors.take(line)?))?;
        let found = vectors.finish()?;
        let (rows, missing) = (found.rows.len(), found.missing);
        let message = message!(
            "word vectors found for {rows} tokens of the vocabulary; initialised randomly: {missing}",
            rows,
            missing
        );
        self.warn(run, "word-vectors", message);
        if let Some((count, line)) = found.ragged {
            let message = message!(
                "skipped lines of the word vectors that are not a word and {width} numbers: {count} (first: line {line})",
                count,
                width,
                line
            );
            self.warn(run, "ragged-vectors", message);
        }
        Ok(Some(found))
    }

    /// Decodes the checkpoint of a run of `phase`.
    pub(crate) fn resumed(
        &self,
        phase: Phase,
        snapshot: Option<Snapshot>,
    ) -> Result<Option<Decoded>> {
        snapshot
            .map(|snapshot| snapshot::decode(&snapshot, phase, &self.device))
            .transpose()
    }

    /// Learns the vocabulary and encodes the corpus, unless both are cached from the last run.
    pub(crate) fn learn(
        &mut self,
        run: &str,
        config: &RunConfig,
        tokenizer: Option<Rc<Tokenizer>>,
    ) -> Result<()> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let fits = |learned: &TokenizedCorpus| learned.serves(config, tokenizer.as_ref());
        if !self.dataset.learned.as_ref().is_some_and(fits) {
            let is_new = tokenizer.is_none();
            let progress = |message: Message| {
                // A preview belongs to no run and needs no progress messages.
                if !run.is_empty() {
                    self.host.emit(Event::Compiling {
                        run: run.into(),
                        message,
                    });
                }
            };
            let learned = TokenizedCorpus::of(&self.host, &progress, corpus, config, tokenizer)?;
            self.warn_unknown_share(run, learned.train.unknown_share(), is_new);
            self.dataset.learned = Some(learned);
        }
        Ok(())
    }

    /// Warns if a large share of the tokens is unknown: the vocabulary comes from another text, or
    /// is too small.
    pub(crate) fn warn_unknown_share(&self, run: &str, share: f64, is_new: bool) {
        if share > MAX_UNKNOWN_SHARE {
            let remedy = if is_new {
                message!(
                    "; to cover more, raise {vocab_size} or use {tokenizer}",
                    vocab_size = Setting::named("vocab-size"),
                    tokenizer = Setting::with_value("tokenizer", "char")
                )
            } else {
                Message::default()
            };
            let percent = share * 100.0;
            let message = message!(
                "{percent} % of the tokens in this text are not in the vocabulary{remedy}",
                percent = format!("{percent:.0}"),
                remedy
            );
            self.warn(run, "unknown-tokens", message);
        }
    }
}
