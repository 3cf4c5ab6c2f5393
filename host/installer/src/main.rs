//! `gabion-host`: what is on a machine, or comes to it, to put a bundle on it. It needs no network.

use clap::Parser;
use gabion_host::Root;
use std::path::PathBuf;
use std::process::ExitCode;

/// Puts verified bundles on this machine
#[derive(Debug, Parser)]
#[command(name = "gabion-host", version, arg_required_else_help = true)]
struct Cli {
    /// The folder that is the host's `/`
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match Root::open(&cli.root) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
