//! `host …`: what the small program on a host does too.

use super::args::{HostArgs, HostCommand};
use super::failure::Failure;
use super::floor::Floors;
use super::project::Session;
use super::remote;
use super::trust;
use crate::exit::Exit;
use gabion_bundle::{Floor, open_file, read_table};
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
    // On a running host its own floor counts. What is installed may have lost it.
    let floors = match command {
        Command::Install(it) => {
            let floors = Floors::of(session, it.judge.host.as_deref(), None);
            let promoted = it.judge.promotion.is_some() || is_promoted(&it.bundle);
            floors.can_remember(promoted)?;
            Some(floors)
        }
        _ => None,
    };
    let context = Context {
        now: trust::now()?,
        trust: trust::known_root(session, None)?,
        floor: floors.as_ref().map_or_else(|| Ok(Floor::default()), Floors::load)?,
        tell: &tell,
    };
    let answer = cli::run(command, &context).map_err(|error| {
        let no_root = error.code() == "E0509" && error.to_string().contains("none is given");
        let failure = Failure::from(error);
        if no_root {
            return failure.help("name one with `--trust`, or set `trust` in the configuration");
        }
        failure
    })?;
    if let (Some(floors), Some((digest, promoted))) = (&floors, &answer.accepted) {
        floors.raise(*digest, Some(promoted))?;
    }
    if session.ui.json && !answer.json.is_null() {
        session.ui.data(&answer.json);
    } else if !answer.text.is_empty() {
        session.ui.data(&answer.text);
    }
    Ok(Exit::of(answer.exit))
}

/// Whether a bundle says that it is promoted; what is wrong with it is told by whoever reads it next.
fn is_promoted(bundle: &std::path::Path) -> bool {
    let file = open_file(bundle).map(std::io::BufReader::new);
    file.is_ok_and(|mut it| read_table(&mut it).is_ok_and(|(_, slot, _)| slot.promotion.is_some()))
}
