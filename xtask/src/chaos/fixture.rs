//! A folder with small texts, in which runs are started, disturbed and compared.

use crate::error::Error;
use crate::project::Project;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Number of documents.
const DOCUMENTS: usize = 400;
/// Steps of a run that is killed at random moments, and of one that is disturbed at each of its
/// system calls.
const STEPS: [u32; 2] = [600, 12];
/// Steps between the checkpoints of these runs.
const CHECKPOINT_EVERY: [u32; 2] = [40, 5];

/// Seconds after which a run is stuck.
pub const LIMIT_SECS: &str = "120";

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Pre-training.
    Pretrain,
    /// Fine-tuning.
    Finetune,
    /// Pre-training of a few steps.
    Short,
}

impl Phase {
    /// Returns its name for the user.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pretrain | Self::Short => "pre-training",
            Self::Finetune => "fine-tuning",
        }
    }
}

/// The folder.
pub struct Fixture {
    folder: PathBuf,
    clozelab: PathBuf,
}

impl Fixture {
    /// Creates the folder anew, with its texts.
    ///
    /// # Errors
    /// Returns an error if it cannot be written.
    pub fn new(project: &Project) -> Result<Self, Error> {
        let folder = project.target().join("chaos");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(Error::file("empty", &folder))?;
        }
        std::fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        let fixture = Self {
            folder,
            clozelab: project.clozelab(),
        };
        fixture.write("train.txt", 0)?;
        fixture.write("valid.txt", DOCUMENTS)?;
        Ok(fixture)
    }

    fn write(&self, name: &str, first: usize) -> Result<(), Error> {
        let animals = ["cat", "dog", "fish", "bird"];
        let line = |i: usize| {
            let (animal, friend) = (animals[i % 4], i % 13);
            format!("the small {animal} of my friend number {friend} __label__{animal}\n")
        };
        let path = self.path(name);
        let text: String = (first..first + DOCUMENTS).map(line).collect();
        std::fs::write(&path, text).map_err(Error::file("write", &path))
    }

    /// Returns a path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the words of the command that starts or resumes a run in `out`.
    fn words(&self, phase: Phase, out: &str) -> Vec<String> {
        let short = usize::from(phase == Phase::Short);
        let (steps, every) = (STEPS[short], CHECKPOINT_EVERY[short]);
        let data = match phase {
            Phase::Finetune => "finetune --train train.txt --valid valid.txt",
            _ => "pretrain --corpus train.txt --valid valid.txt",
        };
        let sizes = "--preset fast-nano --vocab-size 300 --max-len 16 --batch-size 8";
        let resume = if self.path(out).join("run.json").exists() {
            " --resume"
        } else {
            ""
        };
        let all = format!(
            "{data} {sizes} --device cpu --seed 3 --steps {steps} --checkpoint-every {every} --out {out}{resume}"
        );
        all.split_whitespace().map(String::from).collect()
    }

    /// Returns the command that starts or resumes a run in `out`, by way of another program if there
    /// is one.
    pub fn command(&self, phase: Phase, out: &str, by: &[String]) -> Command {
        let own = [self.clozelab.to_string_lossy().into_owned()];
        let mut words = by.iter().chain(&own).cloned().chain(self.words(phase, out));
        let mut command = Command::new(words.next().expect("there is a program"));
        command
            .args(words)
            .current_dir(&self.folder)
            .env("XDG_CACHE_HOME", self.path("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Runs or resumes a run in `out` to its end, and returns the time that it took.
    ///
    /// # Errors
    /// Returns an error if it fails.
    pub fn finish(&self, phase: Phase, out: &str) -> Result<Duration, Error> {
        let begin = Instant::now();
        let limit = ["timeout".into(), LIMIT_SECS.into()];
        let mut command = self.command(phase, out, &limit);
        let output = command
            .output()
            .map_err(Error::file("run", &self.clozelab))?;
        if output.status.success() {
            return Ok(begin.elapsed());
        }
        Err(Error::Failed {
            line: format!("{command:?}"),
            end: format!(
                "failed ({}): {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ),
        })
    }

    /// Resumes the run in `out` to its end; returns whether it then equals the finished run
    /// `whole`.
    pub fn resumes_to(&self, whole: &str, phase: Phase, out: &str) -> bool {
        match self.finish(phase, out) {
            Ok(_) => self.are_equal(whole, out),
            Err(error) => {
                eprintln!("xtask: {error}");
                false
            }
        }
    }

    /// Removes a run or a file, if it exists.
    ///
    /// # Errors
    /// Returns an error if it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Returns whether two finished runs have the same weights, to the bit, and the same moments if
    /// both could save their last checkpoint.
    pub fn are_equal(&self, a: &str, b: &str) -> bool {
        let model = |out: &str| std::fs::read(self.path(out).join("model.safetensors")).ok();
        let checkpoint = |out: &str| {
            let checkpoints = std::fs::read_dir(self.path(out).join("checkpoints")).ok()?;
            checkpoints
                .filter_map(|entry| Some(entry.ok()?.path()))
                .max_by_key(|path| step_of(path))
        };
        let moments =
            |checkpoint: &Path| std::fs::read(checkpoint.join("optimizer.safetensors")).ok();
        let have_same_moments = match (checkpoint(a), checkpoint(b)) {
            (Some(a), Some(b)) if step_of(&a) == step_of(&b) => moments(&a) == moments(&b),
            _ => true,
        };
        model(a).is_some_and(|a| model(b) == Some(a)) && have_same_moments
    }
}

/// Returns the step in the name of a checkpoint.
fn step_of(path: &Path) -> Option<u64> {
    path.file_name()?
        .to_str()?
        .strip_prefix("step-")?
        .parse()
        .ok()
}
