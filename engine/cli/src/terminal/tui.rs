//! `--tui`: a dashboard of the run in the terminal, with the loss and its entropy baselines,
//! held-out metrics, a preview of masking and predictions, and keys that pause, step and stop.
//! [`Dashboard`] holds the state and knows no terminal; [`Screen`] draws it and reads the keyboard.

use crate::terminal::output::plain;
use crate::terminal::progress::{clock, measured};
use engine::error::Error;
use protocol::{Command, Event, MaskKind, MaskedToken, Message, Setting, message};
use ratatui::crossterm::event::{
    self, Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, Paragraph, Wrap};
use ratatui::{DefaultTerminal, Frame};
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Minimum interval between redraws for frequent events; faster updates are not visible.
const REDRAW: Duration = Duration::from_millis(100);

/// Maximum number of points of the loss curve; beyond it neighbouring points are merged.
const MAX_POINTS: usize = 2048;

/// Maximum number of messages that are shown.
const MAX_MESSAGES: usize = 12;

/// The state of a run as the dashboard shows it.
#[derive(Debug, Default)]
pub(crate) struct Dashboard {
    run: String,
    steps: u64,
    entropy_baselines: Vec<(&'static str, f64)>,
    loss: Vec<(f64, f64)>,
    held_out: Vec<(f64, f64)>,
    status: String,
    step: u64,
    sentences: VecDeque<String>,
    line: Vec<MaskedToken>,
    line_step: Option<u64>,
    paused: bool,
    logarithmic: bool,
    colour: bool,
    braille: bool,
}

impl Dashboard {
    /// Creates a dashboard for a terminal with or without colours and with or without Unicode.
    fn new(colour: bool, braille: bool) -> Self {
        Self {
            colour,
            braille,
            ..Self::default()
        }
    }

    /// Updates the state with an event.
    fn apply(&mut self, event: &Event) {
        match event {
            Event::Started {
                run,
                steps,
                parameters,
                device,
                uniform,
                unigram,
                bigram,
                ..
            } => {
                self.run = format!(
                    "{} · {parameters} parameters · {}",
                    plain(run),
                    plain(device)
                );
                self.steps = *steps;
                let baselines = [
                    ("uniform", Some(*uniform)),
                    ("unigram", Some(*unigram)),
                    ("bigram", *bigram),
                ];
                self.entropy_baselines = baselines
                    .into_iter()
                    .filter_map(|(name, loss)| Some((name, loss?)))
                    .collect();
            }
            Event::Step {
                step,
                loss,
                lr,
                tokens_per_sec,
                eta_secs,
                ..
            } => {
                self.step = *step;
                self.add((*step as f64, *loss));
                self.status = format!(
                    "loss {loss:.3}   lr {lr:.1e}   {tokens_per_sec:.0} tokens/s   {} left",
                    clock(*eta_secs)
                );
            }
            Event::Evaluated {
                step,
                epoch,
                split,
                metrics,
                ..
            } => {
                if let protocol::Metrics::MaskedLm(metrics) = metrics {
                    self.held_out.push((*step as f64, metrics.masked_lm_loss));
                }
                self.add_message(format!(
                    "{} after {epoch:.1} epochs: {}",
                    plain(split),
                    measured(metrics)
                ));
            }
            Event::Masking { tokens, step, .. } => {
                (self.line, self.line_step) = (tokens.clone(), *step)
            }
            Event::Warning { message, .. } => {
                self.add_message(format!("! {}", plain(&message.to_string())))
            }
            Event::Compiling { message, .. } => self.add_message(plain(&message.to_string())),
            Event::Paused { .. } => self.paused = true,
            Event::Resumed { .. } => self.paused = false,
            _ => {}
        }
    }

    fn add(&mut self, point: (f64, f64)) {
        self.loss.push(point);
        if self.loss.len() > MAX_POINTS {
            let pair = |pair: &[(f64, f64)]| {
                let n = pair.len() as f64;
                (
                    pair.iter().map(|(step, _)| step).sum::<f64>() / n,
                    pair.iter().map(|(_, loss)| loss).sum::<f64>() / n,
                )
            };
            self.loss = self.loss.chunks(2).map(pair).collect();
        }
    }

    fn add_message(&mut self, message: String) {
        self.sentences.push_front(message);
        self.sentences.truncate(MAX_MESSAGES);
    }

    /// Returns the command for a key. Keys that only change the view are handled here.
    fn press(&mut self, key: KeyEvent) -> Option<Command> {
        let interrupt =
            key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
        match key.code {
            _ if key.kind == KeyEventKind::Release => None,
            _ if interrupt => Some(Command::Stop),
            KeyCode::Char(' ') if self.paused => Some(Command::Resume),
            KeyCode::Char(' ') => Some(Command::Pause),
            KeyCode::Char('.') => Some(Command::Step { steps: 1 }),
            KeyCode::Char('q') | KeyCode::Esc => Some(Command::Stop),
            KeyCode::Char('y') => {
                self.logarithmic = !self.logarithmic;
                None
            }
            _ => None,
        }
    }

    fn draw(&self, frame: &mut Frame) {
        let [head, middle, line, foot] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(8),
            Constraint::Length(if self.line.is_empty() { 0 } else { 6 }),
            Constraint::Length(3),
        ])
        .areas(frame.area());
        let sides = [Constraint::Percentage(64), Constraint::Percentage(36)];
        let [chart, messages] = Layout::horizontal(sides).areas(middle);
        frame.render_widget(Line::from(self.run.as_str()).bold(), head);
        self.draw_chart(frame, chart);
        let sentences: Vec<Line> = self
            .sentences
            .iter()
            .map(|sentence| Line::from(sentence.as_str()))
            .collect();
        let messages_block = Block::bordered().title("Messages");
        frame.render_widget(
            Paragraph::new(sentences)
                .wrap(Wrap { trim: true })
                .block(messages_block),
            messages,
        );
        self.draw_line(frame, line);
        self.draw_foot(frame, foot);
    }

    fn draw_chart(&self, frame: &mut Frame, area: Rect) {
        let scaled = |value: f64| {
            if self.logarithmic {
                value.max(1e-3).ln()
            } else {
                value
            }
        };
        let shown = |points: &[(f64, f64)]| {
            points
                .iter()
                .map(|(step, loss)| (*step, scaled(*loss)))
                .collect::<Vec<_>>()
        };
        let (loss, held_out) = (shown(&self.loss), shown(&self.held_out));
        let last = (self.steps.max(self.step).max(1)) as f64;
        let baselines: Vec<(&str, Vec<(f64, f64)>)> = self
            .entropy_baselines
            .iter()
            .map(|(name, loss)| (*name, vec![(0.0, scaled(*loss)), (last, scaled(*loss))]))
            .collect();
        let values = loss
            .iter()
            .chain(&held_out)
            .chain(baselines.iter().flat_map(|(_, line)| line))
            .map(|(_, value)| *value);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        let (low, high) = if low < high { (low, high) } else { (0.0, 10.0) };
        let marker = if self.braille {
            Marker::Braille
        } else {
            Marker::Dot
        };
        let style = |colour| {
            if self.colour {
                Style::new().fg(colour)
            } else {
                Style::new()
            }
        };
        let mut sets: Vec<Dataset> = baselines
            .iter()
            .map(|(name, line)| {
                let set = Dataset::default()
                    .name(*name)
                    .data(line)
                    .marker(marker)
                    .graph_type(GraphType::Line);
                set.style(style(Color::DarkGray))
            })
            .collect();
        let line = Dataset::default()
            .name("loss")
            .data(&loss)
            .marker(marker)
            .graph_type(GraphType::Line);
        sets.push(line.style(style(Color::Cyan)));
        sets.push(
            Dataset::default()
                .name("held-out loss")
                .data(&held_out)
                .marker(Marker::Dot)
                .style(style(Color::Yellow)),
        );
        let unscaled = |value: f64| if self.logarithmic { value.exp() } else { value };
        let label = |value: f64| format!("{:.2}", unscaled(value));
        let y = Axis::default().bounds([low, high]).labels([
            label(low),
            label((low + high) / 2.0),
            label(high),
        ]);
        let x = Axis::default().bounds([0.0, last]).labels([
            "0".into(),
            format!("{:.0}", last / 2.0),
            format!("{last:.0}"),
        ]);
        let title = if self.logarithmic {
            "Loss (nats, log scale)"
        } else {
            "Loss (nats)"
        };
        frame.render_widget(
            Chart::new(sets)
                .x_axis(x)
                .y_axis(y)
                .block(Block::bordered().title(title)),
            area,
        );
    }

    /// Draws the preview: the tokens as the model sees them, with its prediction for each masked
    /// token.
    fn draw_line(&self, frame: &mut Frame, area: Rect) {
        let mut spans = Vec::new();
        for token in &self.line {
            spans.push(match token.kind {
                MaskKind::Untouched => Span::raw(plain(&token.shown)),
                MaskKind::Special => Span::raw(plain(&token.shown)).dim(),
                _ => self.prediction_span(token),
            });
            spans.push(Span::raw(" "));
        }
        let title = self.line_step.map_or("Preview".into(), |step| {
            format!("Preview at step {step}: original→prediction")
        });
        let preview = Paragraph::new(Line::from(spans)).wrap(Wrap { trim: true });
        frame.render_widget(preview.block(Block::bordered().title(title)), area);
    }

    fn prediction_span(&self, token: &MaskedToken) -> Span<'static> {
        let prediction = token
            .guesses
            .first()
            .map_or("?", |candidate| candidate.token.as_str());
        let right = prediction == token.original;
        let style = Style::new().add_modifier(if right {
            Modifier::BOLD
        } else {
            Modifier::UNDERLINED
        });
        let style = match (self.colour, right) {
            (false, _) => style,
            (true, true) => style.fg(Color::Green),
            (true, false) => style.fg(Color::Red),
        };
        Span::styled(
            format!("{}→{}", plain(&token.original), plain(prediction)),
            style,
        )
    }

    fn draw_foot(&self, frame: &mut Frame, area: Rect) {
        let share = (self.step as f64 / self.steps.max(1) as f64).clamp(0.0, 1.0);
        let [bar, status, keys] = Layout::vertical([Constraint::Length(1); 3]).areas(area);
        let label = format!("step {} of {}", self.step, self.steps);
        let gauge = Gauge::default().ratio(share).label(label);
        frame.render_widget(
            if self.colour {
                gauge.gauge_style(Color::Cyan)
            } else {
                gauge
            },
            bar,
        );
        frame.render_widget(Line::from(self.status.as_str()), status);
        let pause = if self.paused {
            "space resume"
        } else {
            "space pause"
        };
        frame.render_widget(
            Line::from(format!(
                "{pause}   . one step   y log scale   q stop and save"
            ))
            .dim(),
            keys,
        );
    }
}

/// A dashboard on this process's terminal. Dropping it restores the terminal.
pub(crate) struct Screen {
    tui: Dashboard,
    terminal: DefaultTerminal,
    drawn: Instant,
}

impl Screen {
    /// Switches the terminal to the dashboard.
    ///
    /// # Errors
    /// Returns an error if stdout is not a terminal or the terminal cannot be set up.
    pub fn open() -> Result<Self, Error> {
        let refuse = |message: Message| {
            Error::input(
                "no-terminal",
                message,
                message!(
                    "Leave out {tui}, or run the command in a terminal.",
                    tui = Setting::named("tui")
                ),
            )
        };
        if !std::io::stdout().is_terminal() {
            return Err(refuse(message!(
                "{tui} needs a terminal on stdout",
                tui = Setting::named("tui")
            )));
        }
        let terminal = ratatui::try_init().map_err(|error| {
            refuse(message!(
                "cannot take control of the terminal: {error}",
                error = error.to_string()
            ))
        })?;
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let unicode = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .any(|name| variable(name).to_ascii_uppercase().contains("UTF"));
        let tui = Dashboard::new(variable("NO_COLOR").is_empty(), unicode);
        Ok(Self {
            tui,
            terminal,
            drawn: Instant::now() - REDRAW,
        })
    }

    /// Updates the dashboard with an event. Steps and previews are redrawn at most every
    /// [`REDRAW`].
    pub fn show(&mut self, event: &Event) {
        self.tui.apply(event);
        if !matches!(event, Event::Step { .. } | Event::Masking { .. })
            || self.drawn.elapsed() >= REDRAW
        {
            self.paint();
        }
    }

    /// Returns the commands typed on the keyboard. Waits at most `wait` for the first key.
    pub fn keys(&mut self, wait: Duration) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut wait = wait;
        // If the terminal can no longer be read, the run continues without a keyboard.
        while event::poll(wait).unwrap_or(false) {
            wait = Duration::ZERO;
            match event::read() {
                Ok(Input::Key(key)) => commands.extend(self.tui.press(key)),
                Ok(Input::Resize(..)) => {}
                Ok(_) => continue,
                Err(_) => break,
            }
            self.paint();
        }
        commands
    }

    fn paint(&mut self) {
        self.drawn = Instant::now();
        // A failed redraw is ignored, since another one follows.
        let _ = self.terminal.draw(|frame| self.tui.draw(frame));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Candidate, MaskedLmMetrics, Metrics, Phase};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn started() -> Event {
        Event::Started {
            run: "pretrain".into(),
            phase: Phase::Pretrain,
            parameters: 45_576,
            steps: 100,
            tokens: 1,
            device: "CPU".into(),
            vocab_size: 1000,
            uniform: 6.9,
            unigram: 5.5,
            bigram: None,
            labels: vec![],
            step: 0,
        }
    }

    fn step(step: u64, loss: f64) -> Event {
        Event::Step {
            run: "pretrain".into(),
            step,
            loss,
            masked_lm_loss: None,
            next_sentence_loss: None,
            lr: 1e-3,
            tokens_per_sec: 900.0,
            elapsed_secs: 1.0,
            eta_secs: 9.0,
            grad_norm: 1.0,
        }
    }

    fn screen(tui: &Dashboard, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a buffer");
        terminal.draw(|frame| tui.draw(frame)).expect("it draws");
        let buffer = terminal.backend().buffer();
        let row = |y: u16| {
            (0..width)
                .map(|x| buffer[(x, y)].symbol())
                .collect::<String>()
        };
        (0..height).map(|y| row(y) + "\n").collect()
    }

    fn tui() -> Dashboard {
        let mut tui = Dashboard::new(false, true);
        tui.apply(&started());
        for at in 1..=40 {
            tui.apply(&step(at, 6.9 - at as f64 / 40.0));
        }
        let metrics = MaskedLmMetrics {
            n: 9,
            masked_lm_loss: 5.91,
            masked_accuracy: 0.25,
            ..Default::default()
        };
        tui.apply(&Event::Evaluated {
            run: "pretrain".into(),
            step: 40,
            epoch: 0.5,
            split: "valid".into(),
            network: None,
            metrics: Metrics::MaskedLm(metrics),
        });
        let token = |original: &str, kind, guess: &str| MaskedToken {
            original: original.into(),
            shown: original.into(),
            kind,
            guesses: vec![Candidate {
                token: guess.into(),
                score: 0.5,
            }],
            loss: None,
        };
        tui.apply(&Event::Masking {
            example: 0,
            tokens: vec![
                token("small", MaskKind::Untouched, ""),
                token("pot\u{1b}[31m", MaskKind::Masked, "cup"),
            ],
            run: "pretrain".into(),
            step: Some(40),
        });
        tui
    }

    #[test]
    fn the_dashboard_shows_the_run_its_metrics_and_a_preview() {
        let shown = screen(&tui(), 100, 30);
        for words in [
            "45576 parameters",
            "step 40 of 100",
            "loss 5.900",
            "masked accuracy 25.0 %",
            "small pot\\u{1b}[31m→cup",
            "space pause",
        ] {
            assert!(shown.contains(words), "{words} in\n{shown}");
        }
        assert!(
            !shown.contains('\u{1b}'),
            "text of a file cannot drive the terminal"
        );
    }

    #[test]
    fn every_terminal_size_and_run_length_can_be_drawn() {
        let mut tui = tui();
        for at in 41..20_000 {
            tui.apply(&step(at, 5.0));
        }
        assert!(
            tui.loss.len() <= MAX_POINTS
                && tui.loss.last().is_some_and(|(step, _)| *step > 19_900.0)
        );
        for (width, height) in [(1, 1), (20, 5), (80, 24), (300, 90)] {
            screen(&tui, width, height);
        }
    }

    #[test]
    fn keys_pause_step_stop_and_change_the_axis() {
        let mut tui = tui();
        let mut press = |code: KeyCode, modifiers| tui.press(KeyEvent::new(code, modifiers));
        assert_eq!(
            press(KeyCode::Char(' '), KeyModifiers::NONE),
            Some(Command::Pause)
        );
        assert_eq!(
            press(KeyCode::Char('.'), KeyModifiers::NONE),
            Some(Command::Step { steps: 1 })
        );
        assert_eq!(
            press(KeyCode::Char('q'), KeyModifiers::NONE),
            Some(Command::Stop)
        );
        assert_eq!(
            press(KeyCode::Char('c'), KeyModifiers::CONTROL),
            Some(Command::Stop)
        );
        assert_eq!(press(KeyCode::Char('y'), KeyModifiers::NONE), None);
        assert!(tui.logarithmic && screen(&tui, 100, 30).contains("nats, log scale"));
        tui.apply(&Event::Paused {
            run: "pretrain".into(),
            step: 40,
        });
        assert_eq!(
            tui.press(KeyEvent::new(KeyCode::Char(' '), KeyModifiers::NONE)),
            Some(Command::Resume)
        );
        assert!(screen(&tui, 100, 30).contains("space resume"));
    }
}
