//! The only code that prints: data on stdout, everything else on stderr.

use super::failure::Failure;
use crate::event::Event;
use crate::exit::Exit;
use crate::recipe::Diagnostics;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use gabion_lockfile::human_size;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// A line on standard error. Whoever closed it wants no more of it, and what is being done goes on.
macro_rules! tell {
    ($($text:tt)*) => {{
        let _nobody_reads = writeln!(std::io::stderr(), $($text)*);
    }};
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Progress {
    /// A status line on a terminal, lines elsewhere.
    Auto,
    /// One status line that is rewritten.
    Bar,
    /// A line per state change.
    Plain,
    /// Nothing but warnings.
    None,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Prints.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is decided once, from one flag")]
pub struct Ui {
    color: bool,
    bar: bool,
    plain: bool,
    /// Whether stdout carries JSON.
    pub json: bool,
}

impl Ui {
    /// Decides once how to print.
    pub fn new(progress: Progress, color: Color, json: bool) -> Self {
        let variable = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let terminal = std::io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb") || variable("CI");
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => !variable("NO_COLOR") && (variable("CLICOLOR_FORCE") || (terminal && !dumb)),
        };
        let bar = match progress {
            Progress::Auto => terminal && !dumb,
            other => other == Progress::Bar,
        };
        Self { color, bar, plain: !bar && progress != Progress::None, json }
    }

    /// Data: one line on stdout. Whoever closes the pipe has read enough, and the program ends quietly; any
    /// other failure to write is one of the program.
    pub fn data(&self, line: impl Display) {
        let mut out = std::io::stdout().lock();
        let Err(error) = writeln!(out, "{}", shown(line)) else { return };
        let mut exit = Exit::Ok;
        if error.kind() != std::io::ErrorKind::BrokenPipe {
            exit = Exit::Failure;
            tell!("{} could not write to stdout: {error}", self.paint("1;31", "error[E1205]:"));
        }
        std::process::exit(i32::from(exit.code()));
    }

    /// A sentence for people.
    pub fn note(&self, line: impl Display) {
        tell!("{}", shown(line));
    }

    /// Something that costs nothing but should be known.
    pub fn warning(&self, line: impl Display) {
        tell!("{} {}", self.paint("1;33", "warning:"), shown(line));
    }

    /// The word for a level, in its colour where stdout is a terminal.
    pub fn level(&self, level: gabion_kube::Level, word: &str) -> String {
        let code = if level == gabion_kube::Level::Error { "1;31" } else { "1;33" };
        if std::io::stdout().is_terminal() { self.paint(code, word) } else { word.to_owned() }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Shows why a command failed; with `--json` also as an object on stdout.
    pub fn failure(&self, failure: &Failure) {
        if let Some(diagnostics) = &failure.diagnostics {
            self.diagnostics(diagnostics);
        }
        let head = self.paint("1;31", &format!("error[{}]:", failure.code));
        tell!("{head} {}", shown(&failure.message));
        if let Some(help) = &failure.help {
            let head = self.paint("1;36", "help:");
            tell!("  {head} {}", shown(help).replace('\n', "\n        "));
        }
        if self.json {
            let mistakes = failure
                .diagnostics
                .iter()
                .flat_map(|it| it.to_string().lines().map(str::to_owned).collect::<Vec<_>>());
            self.data(serde_json::json!({
                "schema": 1,
                "error": {
                    "code": failure.code,
                    "message": failure.message,
                    "help": failure.help,
                    "exit": failure.exit.code(),
                    "mistakes": mistakes.collect::<Vec<_>>(),
                },
            }));
        }
    }

    fn diagnostics(&self, diagnostics: &Diagnostics) {
        let renderer = if self.color { Renderer::styled() } else { Renderer::plain() };
        for mistake in &diagnostics.list {
            let title = Level::ERROR.primary_title(&mistake.message).id(mistake.code.as_str());
            let mut group = match &mistake.span {
                Some(span) => {
                    let (name, text) = diagnostics.files.get(span);
                    // A span over many lines shows its first line only.
                    let end = text.get(span.start..span.end).and_then(|it| it.find('\n'));
                    let range = span.start..end.map_or(span.end, |at| span.start + at);
                    let snippet =
                        Snippet::source(text).path(name).annotation(AnnotationKind::Primary.span(range));
                    title.element(snippet)
                }
                None => annotate_snippets::Group::with_title(title),
            };
            if let Some(help) = &mistake.help {
                group = group.element(Level::HELP.message(help));
            }
            tell!("{}\n", renderer.render(&[group]));
        }
    }

    /// Shows events until their sender is gone.
    pub fn follow(&self, events: &Receiver<Event>) {
        let mut state = Status::default();
        let tick = Duration::from_millis(100);
        loop {
            match events.recv_timeout(tick) {
                Ok(event) => {
                    if let Some(line) = state.take(event) {
                        self.clear(&mut state);
                        match line {
                            Line::Plain(line) if self.plain => tell!("{}", shown(line)),
                            Line::Plain(_) => {}
                            Line::Warning(line) => self.warning(line),
                        }
                    }
                }
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if self.bar && state.drawn_at.is_none_or(|at| at.elapsed() >= tick) {
                let _nobody_reads = write!(std::io::stderr(), "\r\x1b[K{}", state.line());
                let _flushed = std::io::stderr().flush();
                state.drawn_at = Some(Instant::now());
            } else if self.plain && state.drawn_at.get_or_insert_with(Instant::now).elapsed() >= HEARTBEAT {
                tell!("{}", state.line());
                state.drawn_at = Some(Instant::now());
            }
        }
        self.clear(&mut state);
    }

    fn clear(&self, state: &mut Status) {
        if self.bar && state.drawn_at.take().is_some() {
            let _nobody_reads = write!(std::io::stderr(), "\r\x1b[K");
            let _flushed = std::io::stderr().flush();
        }
    }
}

/// A text without what a terminal would take for a command: control characters but line ends and tabs become
/// `\u….`, which is the same text in JSON. Names and messages of foreign files and servers end up here.
fn shown(text: impl Display) -> String {
    let commands = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    let text = text.to_string();
    if !text.contains(commands) {
        return text;
    }
    let show = |letter: char| {
        if commands(letter) { format!("\\u{:04x}", u32::from(letter)) } else { letter.to_string() }
    };
    text.chars().map(show).collect()
}

/// Says that a signal ended the program.
pub(super) fn interrupted() {
    tell!("\ninterrupted: nothing is lost, the same command goes on where it was");
}

/// Off a terminal, silence never lasts longer than this.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// What a run looks like at one moment.
#[derive(Debug, Default)]
struct Status {
    phase: &'static str,
    total: usize,
    done: usize,
    running: BTreeMap<String, (u64, Option<u64>)>,
    drawn_at: Option<Instant>,
}

enum Line {
    Plain(String),
    Warning(String),
}

impl Status {
    fn take(&mut self, event: Event) -> Option<Line> {
        match event {
            Event::Phase { name, total } => {
                (self.phase, self.total, self.done) = (name, total, 0);
                self.running.clear();
                None
            }
            Event::Started { node, what } => {
                self.running.insert(node.clone(), (0, None));
                Some(Line::Plain(format!("{:>9} {node} {what}", self.phase)))
            }
            Event::Progress { node, done, total } => {
                self.running.insert(node, (done, total));
                None
            }
            Event::Finished { node, how, bytes } => {
                self.running.remove(&node);
                self.done += 1;
                (how != "reused").then(|| Line::Plain(format!("{how:>9} {node} ({})", human_size(bytes))))
            }
            Event::Retry { url, why } => Some(Line::Plain(format!("{:>9} {url}: {why}", "retry"))),
            Event::Warning(text) => Some(Line::Warning(text)),
            Event::Note(text) => Some(Line::Plain(text)),
        }
    }

    fn line(&self) -> String {
        let bytes: u64 = self.running.values().map(|(done, _)| done).sum();
        let names: Vec<&str> = self.running.keys().take(3).map(String::as_str).collect();
        let more = if self.running.len() > names.len() { ", …" } else { "" };
        format!(
            "{} {}/{} {} {}{more}",
            self.phase,
            self.done,
            self.total,
            human_size(bytes),
            names.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_foreign_commands_the_terminal() {
        let check = |text: &str, expected: &str| assert_eq!(shown(text), expected);
        check("a\n\tb", "a\n\tb");
        check("\x1b[2J\r", r"\u001b[2J\u000d");
        check("\u{9b}2J\u{7f}\0", r"\u009b2J\u007f\u0000");
        check("Gärten, 石", "Gärten, 石");
        let value = serde_json::json!({ "name": "\u{9b}\u{7f}" });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown(&value)).unwrap(), value);
    }
}
