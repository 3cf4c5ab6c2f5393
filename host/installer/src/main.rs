//! `gabion-host`: what is on a machine, or comes to it, to put a bundle on it. It needs no network.

use clap::Parser;
use gabion_bundle::{Floor, Time};
use gabion_host::cli::{Command, Context, run};
use std::io::Write;
use std::process::ExitCode;

/// Puts verified bundles on this machine
#[derive(Debug, Parser)]
#[command(name = "gabion-host", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    /// Give JSON
    #[arg(long, global = true)]
    json: bool,
    /// What to do
    #[command(subcommand)]
    command: Command,
}

/// The present: it judges keys, dates the history and ends probations.
#[expect(clippy::disallowed_methods, reason = "whether a key is valid now is a question about now")]
fn now() -> Option<Time> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|since| Time::from_unix(since.as_secs()))
}

/// One line on standard error. Who does not read it does not matter.
fn note(line: &str) {
    let _nobody_reads = writeln!(std::io::stderr(), "{line}");
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let Some(now) = now() else {
        note("error: the clock of this machine is not between 1970 and 9999");
        return ExitCode::from(2);
    };
    match run(&cli.command, &Context { now, trust: None, floor: Floor::default(), tell: &note }) {
        Ok(answer) if answer.text.is_empty() && (!cli.json || answer.json.is_null()) => {
            ExitCode::from(answer.exit)
        }
        Ok(answer) => {
            let text = if cli.json { answer.json.to_string() } else { answer.text };
            match writeln!(std::io::stdout(), "{text}") {
                Ok(()) => ExitCode::from(answer.exit),
                Err(_) => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            note(&format!("error[{}]: {}", error.code(), gabion_host::live::told(&error)));
            error.help().iter().for_each(|it| note(&format!("  help: {it}")));
            ExitCode::from(error.exit())
        }
    }
}
