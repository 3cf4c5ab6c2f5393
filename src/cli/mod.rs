//! The command line: words, order of the arrows, exit codes.
//!
//! Imports everything; nobody imports it. Only [`ui`] prints.

pub mod args;
mod bundle;
mod cache;
mod challenge;
mod check;
mod demo;
mod diff;
mod disk;
mod doctor;
pub mod failure;
mod floor;
mod host;
mod image;
mod images;
mod init;
mod interrupt;
mod key;
mod link;
mod locking;
mod look;
mod passphrase;
mod project;
mod push;
mod remote;
mod secrets;
mod serve;
mod store;
mod trust;
pub mod ui;

use crate::exit::Exit;
use args::{Cli, Command};
use clap::Parser;
use failure::Failure;
use project::Session;
use ui::Ui;

/// Runs the program with the process's arguments.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not mistakes.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            let _printed = error.print();
            return exit;
        }
    };
    let ui = Ui::new(cli.global.progress, cli.global.color, cli.global.json);
    match run(&cli, &ui) {
        Ok(exit) => exit,
        Err(failure) => {
            ui.failure(&failure);
            failure.exit
        }
    }
}

fn run(cli: &Cli, ui: &Ui) -> Result<Exit, Failure> {
    let session = || Session::open(&cli.global, ui);
    if cli.command.works() {
        interrupt::watch();
    }
    match &cli.command {
        Command::Build(args) => project::cmd_build(&session()?, args),
        Command::Plan(args) => project::plan(&session()?, args),
        Command::Lock(args) => locking::lock(&session()?, args),
        Command::Update(args) => locking::update(&session()?, args),
        Command::Check(args) => match &args.rebuild {
            Some(node) => project::rebuild(&session()?, node),
            None => check::run(&session()?, args),
        },
        Command::Tree(args) => look::tree(&session()?, args),
        Command::Why(args) => look::why(&session()?, args),
        Command::Images(args) => images::list(&session()?, args),
        Command::Diff(args) => diff::run(&session()?, args),
        Command::Bundle(command) => bundle::run(&session()?, command),
        Command::Host(args) => host::run(&session()?, args),
        Command::Store(command) => store::run(&session()?, command),
        Command::Cache(command) => cache::run(&session()?, command),
        Command::Challenge(args) => challenge::run(&session()?, args),
        Command::Key(command) => key::run(ui, command),
        Command::Secrets(command) => secrets::run(&session()?, command),
        Command::Doctor(command) => Ok(doctor::run(ui, command)),
        Command::Demo(args) => demo::run(session()?, args),
        Command::Init(args) => init::init(ui, args),
        Command::New(args) => init::new(&session()?, args),
        Command::Schema => Ok(init::schema(ui)),
        Command::Explain(args) => look::explain(ui, args),
    }
}
