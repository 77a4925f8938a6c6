//! A host with a script, and what the session says to it.

use engine::data::{InputFile, Opened, ReadOptions};
use engine::error::Result;
use engine::session::{Host, Session, Snapshot};
use futures_lite::future::{self, block_on, pending, poll_fn};
use protocol::{BackendChoice, Command, Event, FileRole, MaskedToken, RunConfig};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Poll;

/// An event with its bulk bytes.
type Told = (Event, Vec<Vec<u8>>);

/// A host with a script: commands between runs, and commands that arrive once a run has come to a step.
#[derive(Clone, Default)]
pub struct Script {
    pub told: Rc<RefCell<Vec<Told>>>,
    pub commands: Rc<RefCell<VecDeque<Command>>>,
    pub during: Rc<RefCell<VecDeque<(u64, Command)>>>,
    /// What arrives while a file is labelled.
    pub amid: Rc<RefCell<VecDeque<Command>>>,
    /// What lies beside each command that comes with a file.
    pub beside: Rc<RefCell<VecDeque<InputFile>>>,
    /// Goes on by a second with each question.
    pub clock: Rc<RefCell<f64>>,
    pub over: Rc<RefCell<bool>>,
    /// A run that is stopped before its first step.
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
    fn emit(&self, event: Event, buffers: Vec<Vec<u8>>) {
        self.told.borrow_mut().push((event, buffers));
    }

    fn now_secs(&self) -> f64 {
        *self.clock.borrow_mut() += 1.0;
        *self.clock.borrow()
    }

    async fn yield_now(&self) -> Vec<Command> {
        let is_start = |event: &Event| matches!(event, Event::Started { run, .. } if Some(run.as_str()) == self.unwanted);
        let told = self.events();
        let begun = told.iter().rposition(is_start);
        if begun.is_some_and(|begun| {
            !told[begun..]
                .iter()
                .any(|event| matches!(event, Event::Finished { .. }))
        }) {
            return vec![Command::Stop];
        }
        if matches!(told.last(), Some(Event::Labelled { .. })) {
            return self.amid.borrow_mut().pop_front().into_iter().collect();
        }
        let mut during = self.during.borrow_mut();
        during
            .pop_front_if(|(step, _)| *step <= self.step())
            .map(|(_, command)| command)
            .into_iter()
            .collect()
    }

    async fn next_command(&self) -> Command {
        if let Some(command) = self.commands.borrow_mut().pop_front() {
            return command;
        }
        *self.over.borrow_mut() = true;
        pending().await
    }

    /// A run that waits gets what the script says next, whatever its step.
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
        InputFile::held(name, range.map(line).collect::<String>(), Some(role))
    };
    vec![
        file("train.txt", 0..300, FileRole::Train),
        file("valid.txt", 300..360, FileRole::Valid),
    ]
}

pub fn config(change: &[(&str, &str)]) -> RunConfig {
    let mut config = RunConfig::default();
    let own = [
        ("preset", "fast-nano"),
        ("vocab-size", "120"),
        ("max-len", "16"),
        ("batch-size", "8"),
        ("steps", "30"),
        ("lr", "0.01"),
    ];
    for (key, value) in own.iter().chain(change) {
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

/// What the session says to these commands, none of which it refuses.
pub fn played(commands: Vec<Command>, during: Vec<(u64, Command)>) -> Script {
    let script = tried(commands, during);
    assert_eq!(failures(&script), [] as [&str; 0], "nothing fails");
    script
}

/// What the session says to these commands.
pub fn tried(commands: Vec<Command>, during: Vec<(u64, Command)>) -> Script {
    let script = Script::default();
    script.during.borrow_mut().extend(during);
    served(script, commands)
}

pub fn served(script: Script, commands: Vec<Command>) -> Script {
    served_on(script, corpus(), commands)
}

/// The same, on other files.
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
        let beside = || {
            script
                .beside
                .borrow_mut()
                .pop_front()
                .map(|file| file.content)
                .into_iter()
                .collect()
        };
        future::or(async { session.serve(beside).await }, end).await;
    });
    script
}

/// Codes of what failed.
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
