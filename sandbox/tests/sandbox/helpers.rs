//! What another process of these tests does: one that is killed, and ones that may not make namespaces.

use crate::fixture::{shell, tree};
use gabion_sandbox::{Bind, Identity, Ids, Policy, Root, SandboxError, Spec, run};
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
        "run" => run(&shell(Root::Tree { path: argument.to_owned() }, Identity::Single, "true"))
            .map(|outcome| outcome.end.to_string()),
        "probe" => {
            let report = gabion_sandbox::probe();
            let found: Vec<_> =
                report.findings.iter().map(|it| format!(" [{} {}]", it.what, it.code)).collect();
            let found = found.concat();
            Ok(format!("{} {:?}{found}", report.tier, report.ids))
        }
        "best" => without_namespaces(argument, Policy::BestEffort),
        other => panic!("no helper `{other}`"),
    };
    println!("{}", answer.unwrap_or_else(|error| words(&error)));
    ExitCode::SUCCESS
}

/// A step that tries what it may not, under the paths of this machine.
pub(crate) fn without_namespaces(folder: &Path, policy: Policy) -> Result<String, SandboxError> {
    let (bin, out) = (folder.join("bin"), folder.join("out"));
    fs_err::create_dir(&out).unwrap();
    fs_err::write(folder.join("secret"), "not declared").unwrap();
    let (bind, declared) = (|path: &Path| Bind::new(path, path), folder.join("etc"));
    let root = Root::Inputs { binds: vec![bind(&bin), bind(&declared)], out: bind(&out), links: [].into() };
    let script = "cat ../secret; touch ../etc/new; nc -w 1 127.0.0.1 9; setsid sh -c 'sleep 1; touch late' & \
                  umask; id -u >/dev/null; echo $HOME; touch here && ls";
    let mut spec = Spec::new(root, Identity::Single, bin.join("sh"));
    spec.args = vec!["-c".into(), script.into()];
    spec.env.insert("PATH".into(), bin.to_str().unwrap().into());
    (spec.cwd, spec.policy) = (out, policy);
    let outcome = run(&spec)?;
    Ok(format!("{} {}\n{}", outcome.tier, outcome.end, String::from_utf8_lossy(&outcome.log)))
}

/// A step that would write late.
fn late(path: &Path) -> Result<String, SandboxError> {
    tree(path);
    let script = "touch /etc/begun; sleep 1; touch /etc/late";
    run(&shell(Root::Tree { path: path.to_owned() }, Identity::Single, script)).map(|it| it.end.to_string())
}

/// An error with everything that it says.
fn words(error: &SandboxError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{} {error}: {cause}\n{}", error.code(), error.help().unwrap_or_default())
}
