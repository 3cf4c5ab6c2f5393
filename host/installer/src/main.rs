//! `gabion-host`: what is on a machine, or comes to it, to put a bundle on it. It needs no network.

use clap::{Args, Parser, Subcommand};
use gabion_bundle::{Time, TrustRoot};
use gabion_host::HostError;
use gabion_host::cli::{ReceiveArgs, receive};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Puts verified bundles on this machine
#[derive(Debug, Parser)]
#[command(name = "gabion-host", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take a bundle from `gabion host push` at the other end of stdin and stdout
    Receive(Receive),
}

#[derive(Debug, Args)]
struct Receive {
    /// The folder that is the host's `/`
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The trust root; what whoever pushes names unless given
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// What this host is called
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// The lowest serial that is accepted
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_serial: u64,
    /// Judge keys at this moment and not by the clock
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,
}

fn main() -> ExitCode {
    let Command::Receive(it) = Cli::parse().command;
    match run(it) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever pushes is told the error, and tells it.
        Err(Error::Told) => ExitCode::FAILURE,
        Err(Error::Here(what)) => {
            let _said =
                std::io::Write::write_all(&mut std::io::stderr(), format!("error: {what}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

enum Error {
    Told,
    Here(String),
}

fn run(it: Receive) -> Result<(), Error> {
    let trust = it.trust.as_deref().map(read_root).transpose()?;
    let now =
        it.at.or_else(now).ok_or_else(|| Error::Here("the clock is not between 1970 and 9999".into()))?;
    let args = ReceiveArgs { root: it.root, trust, host: it.host, min_serial: it.min_serial, now };
    let taken = receive(&args, std::io::stdin().lock(), std::io::stdout().lock());
    taken.map(drop).map_err(|error| match error {
        HostError::Wire(error) => Error::Here(format!("{error} [{}]", error.code())),
        _ => Error::Told,
    })
}

/// No trust root is longer.
const LIMIT: u64 = 1 << 20;

fn read_root(path: &Path) -> Result<TrustRoot, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Here(format!("`{}`: {error}", path.display()));
    let mut text = String::new();
    let file = fs_err::File::open(path).map_err(|error| failed(&error))?;
    file.take(LIMIT).read_to_string(&mut text).map_err(|error| failed(&error))?;
    TrustRoot::parse(&text).map_err(|error| failed(&error))
}

/// The present: whether a key is valid now is a question about now.
#[expect(clippy::disallowed_methods, reason = "whether a key is valid now is a question about now")]
fn now() -> Option<Time> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    Time::from_unix(since.as_secs())
}
