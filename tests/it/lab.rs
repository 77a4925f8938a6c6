//! Fixture of a test: a folder of its own, small texts, and commands run in it.

use protocol::Event;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Flags common to all training runs: the smallest model on the CPU.
pub const TINY: &[&str] = &[
    "--device",
    "cpu",
    "--preset",
    "fast-nano",
    "--vocab-size",
    "300",
    "--max-len",
    "16",
    "--batch-size",
    "8",
    "--seed",
    "3",
];
/// Number of documents in the small texts: enough for a vocabulary, and an epoch takes a second.
pub const DOCUMENTS: usize = 400;
/// Time limit of a command; one that takes longer is stuck.
const LIMIT: Duration = Duration::from_secs(180);
/// Event fields with timings, which differ between runs.
const TIMES: [&str; 3] = ["tokens_per_sec", "elapsed_secs", "eta_secs"];

/// A folder with small texts: `train.txt`, `valid.txt`, `test.txt` (labelled) and `text.txt`
/// (unlabelled).
pub struct Lab {
    folder: tempfile::TempDir,
}

/// A finished command.
#[derive(Debug)]
pub struct Done {
    /// Exit code; `None` if it was terminated by a signal.
    pub code: Option<i32>,
    /// Contents of stdout.
    pub stdout: String,
    /// Contents of stderr.
    pub stderr: String,
}

impl Done {
    /// Asserts success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Parses stdout as one JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }

    /// Asserts a refusal: exit code 2, the reason and the hint as the last two lines, no panic.
    #[track_caller]
    pub fn refused(&self) -> &Self {
        assert_eq!(self.code, Some(2), "{}", self.stderr);
        let lines: Vec<&str> = self.stderr.lines().collect();
        let [.., reason, hint] = lines.as_slice() else {
            panic!("{}", self.stderr)
        };
        assert!(
            reason.starts_with("error: ") && reason.len() > 20,
            "{}",
            self.stderr
        );
        assert!(
            hint.starts_with("hint: ") && hint.len() > 10,
            "{}",
            self.stderr
        );
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

impl Lab {
    /// Creates a lab with the small texts.
    pub fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("the target folder can be written");
        let lab = Self { folder };
        lab.write(
            "train.txt",
            crate::workspace::bundle("train.txt", DOCUMENTS),
        );
        lab.write("valid.txt", crate::workspace::bundle("valid.txt", 60));
        lab.write("test.txt", crate::workspace::bundle("test.txt", 60));
        lab.write(
            "text.txt",
            crate::workspace::bundle("pretrain_extra.txt", DOCUMENTS),
        );
        lab
    }

    /// Returns a path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, creating its folders.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("writable");
        std::fs::write(path, bytes).expect("writable");
    }

    /// Reads a file.
    #[track_caller]
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Returns the tensors of a run's first network, as bytes by name.
    pub fn weights(&self, run: &str) -> BTreeMap<String, Vec<u8>> {
        let bytes = self.read(&format!("{run}/model.safetensors"));
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("sound weights");
        file.iter()
            .map(|(name, view)| (name.to_string(), view.data().to_vec()))
            .collect()
    }

    /// Asserts that two files have the same contents, without printing them.
    #[track_caller]
    pub fn same_file(&self, a: &str, b: &str) {
        assert!(self.read(a) == self.read(b), "{a} and {b} differ");
    }

    /// Asserts that two files have different contents.
    #[track_caller]
    pub fn other_file(&self, a: &str, b: &str) {
        assert!(self.read(a) != self.read(b), "{a} and {b} are the same");
    }

    /// Returns a command in the folder, with words split at spaces.
    pub fn command(&self, words: &str) -> Command {
        self.command_of(words.split_whitespace())
    }

    /// Returns a command in the folder.
    pub fn command_of(&self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(binary());
        command
            .args(words)
            .current_dir(self.folder.path())
            .env_remove("BURN_DEVICE");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to completion.
    pub fn run(&self, words: &str) -> Done {
        finish(self.command(words).spawn().expect("the binary starts"))
    }

    /// Runs a command whose words contain spaces.
    pub fn run_of(&self, words: &[&str]) -> Done {
        finish(self.command_of(words).spawn().expect("the binary starts"))
    }

    /// Runs a command with `input` on stdin.
    pub fn run_with(&self, words: &str, input: &[u8]) -> Done {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (mut stdin, input) = (child.stdin.take().expect("piped"), input.to_vec());
        let feeder = std::thread::spawn(move || stdin.write_all(&input));
        let done = finish(child);
        drop(feeder.join().expect("feeding does not panic"));
        done
    }

    /// Runs a tiny training command: `words` and the common flags.
    pub fn tiny(&self, words: &str) -> Done {
        self.run(&tiny(words))
    }

    /// Returns the events of a run.
    pub fn events(&self, run: &str) -> Vec<Event> {
        let text = String::from_utf8(self.read(&format!("{run}/metrics.jsonl"))).expect("UTF-8");
        text.lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }

    /// Returns a run's journal without timings.
    pub fn timeless_journal(&self, run: &str) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.read(&format!("{run}/metrics.jsonl"))).expect("UTF-8");
        text.lines().map(timeless).collect()
    }

    /// Returns every file below the folder with its contents.
    pub fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("readable") {
                let path = entry.expect("readable").path();
                if path.is_dir() {
                    files.insert(path.clone(), Vec::new());
                    folders.push(path);
                } else {
                    files.insert(path.clone(), std::fs::read(&path).expect("readable"));
                }
            }
        }
        files
    }
}

/// Returns `words` with the common flags of tiny training commands.
pub fn tiny(words: &str) -> String {
    format!("{words} {}", TINY.join(" "))
}

/// Parses one line of a journal and removes the timings.
pub fn timeless(line: &str) -> serde_json::Value {
    let mut event: serde_json::Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let fields = event.as_object_mut().expect("an event is an object");
    TIMES.iter().for_each(|time| drop(fields.remove(*time)));
    event
}

/// Returns a lab with a pre-trained model and one fine-tuned from it, created once for all tests
/// that only query them.
pub fn models() -> &'static Lab {
    static MODELS: OnceLock<Lab> = OnceLock::new();
    MODELS.get_or_init(|| {
        let lab = Lab::new();
        lab.tiny("pretrain --corpus text.txt train.txt --out pretrained --steps 30")
            .ok();
        let labelled = "--train train.txt --valid valid.txt --test test.txt";
        lab.tiny(&format!(
            "finetune {labelled} --from pretrained --out finetuned --steps 30"
        ))
        .ok();
        lab
    })
}

/// Waits until the journal reports `step`, or the process has ended.
pub fn wait_for_step(lab: &Lab, out: &str, step: u64, child: &mut Child) {
    let path = lab.path(format!("{out}/metrics.jsonl"));
    let reached = || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let steps = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter_map(|event| match event {
                Event::Step { step, .. } => Some(step),
                _ => None,
            });
        steps.max().unwrap_or(0)
    };
    let started = Instant::now();
    while reached() < step
        && child
            .try_wait()
            .expect("a child can be waited for")
            .is_none()
    {
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "step {step} never came"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for the process to end and collects both streams.
pub fn finish(mut child: Child) -> Done {
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if started.elapsed() > LIMIT {
            child.kill().expect("a stuck child can be killed");
            panic!(
                "a command was stuck: {}",
                stderr.join().expect("reading does not panic")
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text =
        |reader: std::thread::JoinHandle<String>| reader.join().expect("reading does not panic");
    Done {
        code: status.code(),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).expect("a pipe can be read");
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Returns the path of the tested binary.
pub fn binary() -> PathBuf {
    env!("CARGO_BIN_EXE_clozelab").into()
}
