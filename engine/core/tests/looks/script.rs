//! A scripted host, which records the session's events.

use engine::data::{InputFile, Opened, ReadOptions};
use engine::error::Result;
use engine::session::{Delivery, Host, Session, Snapshot};
use futures_lite::future::{self, block_on, pending, poll_fn};
use protocol::{BackendChoice, Command, Event, FileRole, MaskedToken, RunConfig};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Poll;

/// An event with its binary buffers.
type Told = (Event, Vec<Vec<u8>>);

/// A scripted host: commands between runs, and commands that arrive once a run has reached a step.
#[derive(Clone, Default)]
pub struct Script {
    pub told: Rc<RefCell<Vec<Told>>>,
    pub commands: Rc<RefCell<VecDeque<Command>>>,
    pub during: Rc<RefCell<VecDeque<(u64, Command)>>>,
    /// Commands that arrive while a file is labelled.
    pub amid: Rc<RefCell<VecDeque<Command>>>,
    /// The files to label, in the order of the commands.
    pub beside: Rc<RefCell<VecDeque<InputFile>>>,
    /// Advances by one second with each query.
    pub clock: Rc<RefCell<f64>>,
    pub over: Rc<RefCell<bool>>,
    /// A run to be stopped before its first step.
    pub unwanted: Option<&'static str>,
}

impl Script {
    pub fn step(&self) -> u64 {
        let last = |(event, _): &(Event, _)| {
            if let Event::Step { step, .. } = event {
                Some(*step)
            } else {
                None
            }
        };
        self.told.borrow().iter().rev().find_map(last).unwrap_or(0)
    }

    pub fn events(&self) -> Vec<Event> {
        self.told
            .borrow()
            .iter()
            .map(|(event, _)| event.clone())
            .collect()
    }
}

impl Host for Script {
    fn emit_with(&self, event: Event, buffers: Vec<Vec<u8>>) {
        self.told.borrow_mut().push((event, buffers));
    }

    fn now_secs(&self) -> f64 {
        *self.clock.borrow_mut() += 1.0;
        *self.clock.borrow()
    }

    async fn yield_now(&self) -> Vec<Command> {
        let is_start = |event: &Event| matches!(event, Event::Started { run, .. } if Some(run.as_str()) == self.unwanted);
        let events = self.events();
        let start = events.iter().rposition(is_start);
        if start.is_some_and(|start| {
            !events[start..]
                .iter()
                .any(|event| matches!(event, Event::Finished { .. }))
        }) {
            return vec![Command::Stop];
        }
        if matches!(events.last(), Some(Event::Labelled { .. })) {
            return self.amid.borrow_mut().pop_front().into_iter().collect();
        }
        let mut during = self.during.borrow_mut();
        during
            .pop_front_if(|(step, _)| *step <= self.step())
            .map(|(_, command)| command)
            .into_iter()
            .collect()
    }

    async fn next_delivery(&self) -> Delivery {
        if let Some(command) = self.commands.borrow_mut().pop_front() {
            let file = matches!(command, Command::LabelFile { .. })
                .then(|| self.beside.borrow_mut().pop_front())
                .flatten();
            return Delivery {
                command,
                files: file.map(|file| file.content).into_iter().collect(),
            };
        }
        *self.over.borrow_mut() = true;
        pending().await
    }

    /// A paused run receives the next command of the script, whatever its step.
    async fn next_control_command(&self) -> Command {
        self.during
            .borrow_mut()
            .pop_front()
            .map_or(Command::Stop, |(_, command)| command)
    }

    async fn open(&self, files: Vec<InputFile>) -> Opened {
        Opened::new(&files)
    }

    async fn keep(&self, _run: &str, _snapshot: &Snapshot) -> Result<Option<String>> {
        Ok(None)
    }
}

pub fn corpus() -> Vec<InputFile> {
    let kinds = [
        ("cat", "purrs", "house"),
        ("dog", "barks", "yard"),
        ("fish", "swims", "pond"),
    ];
    let line = |i: usize| {
        let (animal, does, place) = kinds[i % 3];
        let labels = if i % 5 == 4 {
            String::new()
        } else {
            format!(" __label__{animal} __label__{place}")
        };
        format!(
            "the small {animal} {does} in the {place} of my friend number {}{labels}\n",
            i % 17
        )
    };
    let file = |name: &str, range: std::ops::Range<usize>, role| {
        InputFile::in_memory(name, range.map(line).collect::<String>(), Some(role))
    };
    vec![
        file("train.txt", 0..300, FileRole::Train),
        file("valid.txt", 300..360, FileRole::Valid),
    ]
}

pub fn config(change: &[(&str, &str)]) -> RunConfig {
    let mut config = RunConfig::default();
    let defaults = [
        ("preset", "fast-nano"),
        ("vocab-size", "120"),
        ("max-len", "16"),
        ("batch-size", "8"),
        ("steps", "30"),
        ("lr", "0.01"),
    ];
    for (key, value) in defaults.iter().chain(change) {
        config.set(key, value).expect("a valid setting");
    }
    config
}

pub fn look(epoch: u64) -> Command {
    Command::PreviewMasking {
        config: config(&[("mask-rate", "0.3")]),
        example: 1,
        epoch,
        text: None,
    }
}

pub fn pretrain() -> Command {
    Command::Pretrain {
        run: "p".into(),
        config: config(&[]),
        go_on: false,
    }
}

/// Runs the commands and asserts that none of them fails.
pub fn played(commands: Vec<Command>, during: Vec<(u64, Command)>) -> Script {
    let script = tried(commands, during);
    assert_eq!(failures(&script), [] as [&str; 0], "nothing fails");
    script
}

/// Runs the commands on the default corpus.
pub fn tried(commands: Vec<Command>, during: Vec<(u64, Command)>) -> Script {
    let script = Script::default();
    script.during.borrow_mut().extend(during);
    served(script, commands)
}

pub fn served(script: Script, commands: Vec<Command>) -> Script {
    served_on(script, corpus(), commands)
}

/// Runs the commands on the given files.
pub fn served_on(script: Script, files: Vec<InputFile>, commands: Vec<Command>) -> Script {
    script.commands.borrow_mut().extend(commands);
    block_on(async {
        let mut session = Session::open(script.clone(), BackendChoice::Cpu)
            .await
            .expect("the CPU engine opens");
        session
            .set_corpus(&Opened::new(&files), &ReadOptions::default())
            .expect("a sound corpus");
        let over = script.over.clone();
        let end = poll_fn(move |_| {
            if *over.borrow() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        future::or(async { session.serve().await }, end).await;
    });
    script
}

/// Returns the codes of all failures.
pub fn failures(script: &Script) -> Vec<String> {
    let code = |event| {
        if let Event::Failed { code, .. } = event {
            Some(code)
        } else {
            None
        }
    };
    script.events().into_iter().filter_map(code).collect()
}

pub fn maskings(script: &Script) -> Vec<(String, Option<u64>, Vec<MaskedToken>)> {
    let masking = |event| match event {
        Event::Masking {
            run, step, tokens, ..
        } => Some((run, step, tokens)),
        _ => None,
    };
    script.events().into_iter().filter_map(masking).collect()
}

pub fn losses(script: &Script) -> Vec<(u64, f64)> {
    let step = |event| {
        if let Event::Step { step, loss, .. } = event {
            Some((step, loss))
        } else {
            None
        }
    };
    script.events().into_iter().filter_map(step).collect()
}
