//! Estimates what a pre-training run takes on this device before it starts: its plan, its memory,
//! and the time per step, measured by a few steps whose results are discarded.

use crate::error::Result;
use crate::interop::Weights;
use crate::model::{Layout, specs};
use crate::session::checks::no_corpus;
use crate::session::commands::pretrain::masked_lm_task;
use crate::session::loaded_model::starting_values;
use crate::session::parallel::{BatchGradients, GradientSetup};
use crate::session::read::read_groups;
use crate::session::run::plan::{self, Budget, DataShape, Plan};
use crate::session::run::snapshot;
use crate::session::run::task::Task;
use crate::session::{Host, Session};
use crate::train::Optimizer;
use protocol::{Estimate, FileRole, Phase, RunConfig};

/// Maximum number of parameters of a model that is tried: initialising a larger one alone would be
/// slow.
const MAX_TRIED: usize = 40_000_000;

/// Maximum number of floating-point operations per tried step; beyond it a smaller batch is tried.
const MAX_OPERATIONS: f64 = 2e10;

/// Operations per parameter and token: two forward, four backward (Kaplan et al. 2020, 2.1).
const OPERATIONS: f64 = 6.0;

/// Maximum number of timed steps, and maximum time for them in seconds.
const TIMED_STEPS: u64 = 7;
const TIMED_SECS: f64 = 0.5;

impl<H: Host> Session<H> {
    /// Plans a pre-training run and, if `tries` is set, times a few steps of it.
    ///
    /// # Errors
    /// Returns an error if the run would be refused.
    pub async fn estimate(&mut self, config: &RunConfig, tries: bool) -> Result<Estimate> {
        plan::check_numbers(config)?;
        let base = self
            .models
            .language_model
            .clone()
            .filter(|_| self.models.continues);
        self.learn_for_preview(config, base.as_ref().map(|model| model.tokenizer.clone()))?;
        let (learned, corpus) = (
            self.dataset.learned.as_ref().expect("just learned"),
            self.dataset.corpus.as_ref(),
        );
        let corpus = corpus.ok_or_else(no_corpus)?;
        let model = match base {
            Some(base) => base.config,
            None => plan::model_config(config, learned.tokenizer.len())?,
        };
        let max_len = plan::pretraining_max_len(config, learned.mean_tokens())
            .min(model.max_position_embeddings);
        plan::check_length(max_len, &model)?;
        learned.train.check(max_len)?;
        // If only a few documents of a large corpus were read, assume that the others are like
        // them.
        let all = config
            .limit
            .map_or(u64::MAX, |limit| limit as u64)
            .min(corpus.documents(FileRole::Train));
        let scale = (all as f64 / learned.train.documents().max(1) as f64).max(1.0);
        let examples = (learned.train.windows_per_epoch(max_len) as f64 * scale) as u64;
        let plan = plan::plan(
            config,
            Phase::Pretrain,
            &model,
            DataShape {
                examples,
                max_len,
                folds: None,
                frozen: false,
            },
        )?;
        let heads = snapshot::heads_of(Phase::Pretrain, config);
        let layout = Layout::new(specs(&model, heads));
        let parameters = layout.len();
        let tokens_per_step = (plan.batch_size * plan.max_len) as u64;
        let bytes = plan::training_bytes(&model, plan.batch_size, plan.max_len) as u64;
        let size = Estimate {
            parameters: parameters as u64,
            bytes,
            tokens_per_step,
            ..Estimate::default()
        };
        let (steps, seconds) = match plan.budget {
            Budget::Steps(steps) => (steps, None),
            Budget::Seconds(seconds) => (0, Some(seconds)),
        };
        let estimate = Estimate {
            steps,
            seconds,
            tried: tries,
            ..size
        };
        if !tries || parameters > MAX_TRIED {
            return Ok(estimate);
        }
        let affordable = MAX_OPERATIONS / (OPERATIONS * parameters as f64 * plan.max_len as f64);
        let rows = plan.batch_size.min((affordable as usize).max(1));
        let (windows, _) = self.windows("", learned, config, max_len)?;
        let tried = Plan {
            batch_size: rows,
            ..plan.clone()
        };
        let mut task = masked_lm_task(&learned.tokenizer, windows, None, &tried);
        let optimizer = Optimizer {
            layout,
            settings: plan.optimizer,
            device: self.device.clone(),
        };
        let mut state =
            optimizer.state_from(starting_values(&optimizer.layout, plan.seed, &Weights::new()).0);
        let setup = GradientSetup {
            model,
            heads,
            loss: task.loss(),
            dropout: plan.dropout(),
        };
        let parts = self.batch_parts(&plan, parameters);
        // Fewer rows than the run has are divided alike, if there are enough.
        let parts = if rows < parts { 1 } else { parts };
        if parts > 1 {
            self.host.start_helpers().await;
        }
        let mut gradients = BatchGradients::new(setup, &self.device, parts);
        let batch_scale = plan.batch_size as f64 / rows as f64;
        let (mut before, mut times) = (0.0, Vec::new());
        // The first step compiles kernels and reserves memory; it is not timed.
        for step in 0..=TIMED_STEPS {
            let groups: Vec<_> = state.groups.iter().map(|group| group.p.clone()).collect();
            let batch = task.batch(step);
            let computed = gradients.compute(&self.host, &groups, &batch, step).await?;
            drop(groups);
            let report = optimizer.update(&mut state, plan.schedule.lr(step), computed);
            read_groups(&[report.loss]).await?;
            let now = self.host.now_secs();
            times.extend((step > 0).then_some((now - before) * batch_scale));
            before = now;
            if times.iter().sum::<f64>() > TIMED_SECS * batch_scale {
                break;
            }
        }
        times.sort_by(f64::total_cmp);
        let step_secs = times[times.len() / 2];
        let step_secs_range = [times[0], times[times.len() - 1]];
        let steps = estimate
            .seconds
            .map_or(steps, |seconds| (seconds / step_secs.max(1e-9)) as u64);
        Ok(Estimate {
            step_secs,
            step_secs_range,
            steps,
            ..estimate
        })
    }
}
