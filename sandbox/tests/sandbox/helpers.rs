//! What another process of these tests does: one that is killed, and ones that may not make namespaces.

use crate::fixture::{shell, tree};
use gabion_sandbox::{Identity, Ids, Root, SandboxError, run};
use std::path::Path;
use std::process::{Command, ExitCode};

/// Says which helper a process is; its argument follows.
pub(crate) const FLAG: &str = "--helper";

/// This program as a helper, to be started by `prefix`.
pub(crate) fn command(prefix: &[&str], name: &str, argument: &Path) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut words = prefix.iter().map(Into::into).chain([program.into_os_string()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args([FLAG, name]).arg(argument);
    command
}

#[expect(clippy::print_stdout, reason = "it answers its parent")]
pub(crate) fn main(name: &str, argument: &Path) -> ExitCode {
    let answer = match name {
        "late" => late(argument),
        "find" => Ids::find().map(|ids| format!("{ids:?}")),
        "run" => run(shell(Root::Tree { path: argument.to_owned() }, Identity::Single, "true"))
            .map(|outcome| outcome.end.to_string()),
        other => panic!("no helper `{other}`"),
    };
    println!("{}", answer.unwrap_or_else(|error| words(&error)));
    ExitCode::SUCCESS
}

/// A step that would write late.
fn late(path: &Path) -> Result<String, SandboxError> {
    tree(path);
    let script = "touch /etc/begun; sleep 1; touch /etc/late";
    run(shell(Root::Tree { path: path.to_owned() }, Identity::Single, script)).map(|it| it.end.to_string())
}

/// An error with everything that it says.
fn words(error: &SandboxError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{} {error}: {cause}\n{}", error.code(), error.help().unwrap_or_default())
}
