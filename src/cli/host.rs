//! `host …`: what the small program on a host does too.

use super::args::{HostArgs, HostCommand};
use super::failure::Failure;
use super::project::Session;
use super::remote;
use super::trust;
use crate::exit::Exit;
use gabion_host::cli::{self, Command, Context};

/// Runs a command of a host: there, or on this machine.
pub(super) fn run(session: &Session<'_>, args: &HostArgs) -> Result<Exit, Failure> {
    match (remote::run(session, &args.there, &args.command)?, &args.command) {
        (Some(exit), _) => Ok(exit),
        (None, HostCommand::Here(command)) => here(session, command),
        (None, HostCommand::Push(_)) => Ok(Exit::Usage),
    }
}

fn here(session: &Session<'_>, command: &Command) -> Result<Exit, Failure> {
    let tell = |line: &str| session.ui.note(line);
    let context = Context { now: trust::now()?, trust: trust::known_root(session, None)?, tell: &tell };
    let answer = cli::run(command, &context).map_err(|error| {
        let no_root = error.code() == "E0509" && error.to_string().contains("none is given");
        let failure = Failure::from(error);
        if no_root {
            return failure.help("name one with `--trust`, or set `trust` in the configuration");
        }
        failure
    })?;
    if session.ui.json && !answer.json.is_null() {
        session.ui.data(&answer.json);
    } else if !answer.text.is_empty() {
        session.ui.data(&answer.text);
    }
    Ok(Exit::of(answer.exit))
}
