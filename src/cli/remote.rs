//! Another machine, over the system's `ssh`: what `gabion-host` does there.

use super::args::{HostCommand, PushArgs, ThereArgs};
use super::bundle::io;
use super::failure::Failure;
use super::link::{self, Link};
use super::project::Session;
use super::push;
use crate::exit::Exit;
use gabion_host::HostError;
use gabion_host::backup::BackupError;
use gabion_host::cli::{
    BackArgs, Command as HostsCommand, JudgeArgs, RootArgs, SecretsCommand, opened_backup,
};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// How long a machine is waited for that is to answer over a new connection.
const COMES_BACK: Duration = Duration::from_secs(180);

/// Why a machine was not reached.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// There is no `ssh`.
    #[error("`ssh` could not be run")]
    Ssh(#[source] std::io::Error),
    /// Nobody answers.
    #[error("`{target}` lets nobody in")]
    Refused {
        /// The machine.
        target: String,
    },
    /// `ssh`, or what it ran, failed.
    #[error("`ssh {target}` ended with {status} when it was to {doing}")]
    Ended {
        /// The machine.
        target: String,
        /// How it ended.
        status: ExitStatus,
        /// What it was to do.
        doing: &'static str,
    },
}

impl PushError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ssh(_) => "E0678",
            Self::Ended { .. } => "E0679",
            Self::Refused { .. } => "E0632",
        }
    }

    /// What to do next.
    #[expect(clippy::unnecessary_wraps, reason = "every error is asked so")]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Ssh(_) => "install OpenSSH's client".to_owned(),
            Self::Refused { .. } => {
                "does it run, and at this port? A firewall that counts connections lets one in again after half a minute"
                    .to_owned()
            }
            Self::Ended { .. } => {
                "what it said stands above; `ssh` must come in without a question (`BatchMode`)".to_owned()
            }
        })
    }
}

/// The machine, and the program there.
#[derive(Debug)]
pub(super) struct There<'a> {
    pub(super) target: &'a str,
    options: &'a [String],
    /// Through which everything goes; without one, each program has a connection of its own.
    link: Option<Link>,
    /// Where the small program lies.
    pub(super) path: &'a str,
    /// Whether it is done as root.
    as_root: bool,
}

impl<'a> There<'a> {
    /// The machine that is named, if one is. What touches the whole of it is done as root.
    pub(super) fn of(args: &'a ThereArgs, root: &str) -> Option<Self> {
        let target = args.target.as_deref()?;
        let as_root = root == "/";
        Some(Self { target, options: &args.ssh_options, link: None, path: &args.remote_path, as_root })
    }

    /// The same over one connection, which is opened now; a machine that does not answer is waited for.
    pub(super) fn linked(self, session: &Session<'_>, patience: Duration) -> Result<Self, PushError> {
        let link = Link::open(session.ui, self.target, self.options, patience)?;
        Ok(Self { link: Some(link), ..self })
    }

    /// The same over another connection than before: it proves that the machine can still be reached.
    fn anew(self, session: &Session<'_>, patience: Duration) -> Result<Self, PushError> {
        let own: Vec<String> = self.options.iter().filter(|it| !link::shares(it)).cloned().collect();
        let link = Link::open(session.ui, self.target, &own, patience.min(COMES_BACK))?;
        Ok(Self { link: Some(link), ..self })
    }

    /// Runs `script` there, by a plain shell whatever shell the user has, and as root if need be.
    pub(super) fn ssh(&self, script: &str) -> Command {
        let mut command = self.link.as_ref().map_or_else(|| link::ssh(self.options), Link::command);
        let plain = format!("sh -c {}", quoted(script));
        let line = if self.as_root {
            let root = format!("if [ \"$(id -u)\" = 0 ]; then exec {plain}; else exec sudo -n {plain}; fi");
            format!("exec sh -c {}", quoted(&root))
        } else {
            format!("exec {plain}")
        };
        command.arg("--").arg(self.target).arg(line);
        command
    }

    /// An error unless what ran there ended well.
    pub(super) fn ended(&self, doing: &'static str, status: ExitStatus) -> Result<(), PushError> {
        if status.success() {
            return Ok(());
        }
        Err(PushError::Ended { target: self.target.to_owned(), status, doing })
    }

    /// Runs the small program there with these words; what it says is said here, and it ends as it ended there.
    fn run(&self, session: &Session<'_>, words: &[String], input: Stdio) -> Result<Exit, Failure> {
        let status = self.command(session, words).stdin(input).status().map_err(PushError::Ssh)?;
        self.exit(status)
    }

    /// The same; what it gives is given here too, and to whoever calls.
    fn heard(&self, session: &Session<'_>, words: &[String]) -> Result<(Exit, String), Failure> {
        let mut command = self.command(session, words);
        command.stdin(Stdio::null()).stderr(Stdio::inherit());
        let out = command.output().map_err(PushError::Ssh)?;
        let text = String::from_utf8_lossy(&out.stdout).trim_end().to_owned();
        session.ui.data(push::plain(&text));
        Ok((self.exit(out.status)?, text))
    }

    /// Puts a backup back there. It is opened here, so that what opens it stays here; if it turns out to be damaged on the
    /// way, what comes there is cut, and nothing of it is put in place.
    fn put_back(&self, session: &Session<'_>, back: &BackArgs) -> Result<Exit, Failure> {
        let mut opened = opened_backup(back)?;
        let mut words: Vec<String> = ["restore", "--unsealed", "--root"].map(str::to_owned).into();
        words.push(back.root.root.display().to_string());
        words.extend(back.what.parts.iter().flat_map(|it| ["--part".to_owned(), it.name().to_owned()]));
        words.extend(back.what.verify.then(|| "--verify".to_owned()));
        let mut child =
            self.command(session, &words).stdin(Stdio::piped()).spawn().map_err(PushError::Ssh)?;
        let sent = child.stdin.take().map(|mut stdin| std::io::copy(&mut opened, &mut stdin));
        let status = child.wait().map_err(PushError::Ssh)?;
        match sent {
            // Who refuses it hears no more of it, and says why.
            Some(Err(error)) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(HostError::from(BackupError::Damaged(error.to_string())).into())
            }
            _ => self.exit(status),
        }
    }

    fn command(&self, session: &Session<'_>, words: &[String]) -> Command {
        let mut script = format!("exec {}", quoted(self.path));
        if session.ui.json {
            script.push_str(" --json");
        }
        for word in words {
            script.extend([" ", &quoted(word)]);
        }
        self.ssh(&script)
    }

    fn exit(&self, status: ExitStatus) -> Result<Exit, Failure> {
        Ok(match status.code() {
            // 255 is the word of `ssh` itself, 126 and 127 those of a shell that finds no program (POSIX, 2.8.2).
            None | Some(126 | 127 | 255) => {
                self.ended("run `gabion-host`", status).map(|()| Exit::Failure)?
            }
            Some(code) => Exit::of(u8::try_from(code).unwrap_or(1)),
        })
    }
}

/// One word of a shell.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Does there what `command` says. A bundle is pushed first; what was applied is confirmed over a connection of its own,
/// which proves that the machine can still be reached.
pub(super) fn run(
    session: &Session<'_>,
    args: &ThereArgs,
    command: &HostCommand,
) -> Result<Option<Exit>, Failure> {
    let here = match command {
        HostCommand::Push(push) => {
            let there = There::of(args, &push.root).ok_or_else(|| {
                Failure::usage("nobody said to which machine").help("name it with `--target USER@HOST`")
            })?;
            return push::push(session, &there.linked(session, Duration::ZERO)?, push).map(Some);
        }
        HostCommand::Here(here) => here,
    };
    if let HostsCommand::Install(install) = here {
        let root = install.root.as_deref().map_or_else(|| "/".into(), Path::to_string_lossy);
        let Some(there) = There::of(args, &root) else { return Ok(None) };
        return push::install(session, &there.linked(session, Duration::ZERO)?, install).map(Some);
    }
    if let HostsCommand::Restore(back) = here {
        let Some(there) = There::of(args, &back.root.root.to_string_lossy()) else { return Ok(None) };
        return there.put_back(session, back).map(Some);
    }
    let Some(root) = root_of(here) else {
        return match args.target {
            None => Ok(None),
            Some(_) => Err(Failure::usage("this is done on the machine itself")
                .help("`gabion-host` is the program there")),
        };
    };
    let Some(mut there) = There::of(args, &root.root.to_string_lossy()) else { return Ok(None) };
    let mut words = words(here);
    let mut brought = None;
    let bundle = match here {
        HostsCommand::Plan(it) => Some((&it.bundle, &it.judge)),
        HostsCommand::Apply(it) => Some((&it.bundle, &it.judge)),
        _ => None,
    };
    if let Some((bundle, judge)) = bundle {
        there = there.linked(session, Duration::ZERO)?;
        let sent = push::send(session, &there, &pushing(bundle, judge, root))?;
        let hex = sent.digest.trim_start_matches("sha256:");
        words.push(format!(
            "{}/var/lib/gabion/packs/{hex}.gabion",
            root.root.display().to_string().trim_end_matches('/')
        ));
        brought = Some(sent);
    }
    words.extend(["--root".to_owned(), root.root.display().to_string()]);
    words.extend(["--patience".to_owned(), format!("{}s", root.patience.as_secs())]);
    if let HostsCommand::Apply(it) = here {
        let (exit, said) = there.heard(session, &words)?;
        // In force, or begun and given up: the host accepted it in each case.
        if let Some(sent) =
            brought.filter(|_| matches!(exit, Exit::Ok | Exit::RolledBack | Exit::RollbackFailed))
        {
            sent.remember()?;
        }
        // Words of `gabion_host::cli`, for people and for programs. A host that starts again is confirmed by hand.
        let waits = said.contains("unless `gabion host confirm`") || said.contains(r#""outcome":"waits""#);
        if !waits || it.leave {
            return Ok(Some(exit));
        }
        let words = ["confirm", "--root", &root.root.display().to_string()].map(str::to_owned);
        // Who waits longer than the host does comes too late.
        let there = there.anew(session, it.confirm_within)?;
        return there.run(session, &words, Stdio::null()).map(Some);
    }
    if matches!(here, HostsCommand::Confirm(_)) {
        // The host may just start again.
        there = there.anew(session, root.patience)?;
    }
    // Values of secrets come over the pipe, and so never stand in a list of processes.
    let input = match here {
        HostsCommand::Secrets(SecretsCommand::Inject(it)) => match &it.values.sidecar {
            Some(path) if path != Path::new("-") => {
                let file = fs_err::File::open(path).map_err(|source| io("open", path, source))?;
                Stdio::from(file.into_file())
            }
            _ => Stdio::inherit(),
        },
        _ => Stdio::null(),
    };
    there.run(session, &words, input).map(Some)
}

fn pushing(bundle: &std::path::Path, judge: &JudgeArgs, root: &RootArgs) -> PushArgs {
    PushArgs {
        bundle: bundle.to_owned(),
        root: root.root.display().to_string(),
        installer: None,
        trust: super::args::TrustArgs { trust: judge.trust.clone(), at: judge.at },
        promotion: super::args::PromotionArgs {
            promotion: judge.promotion.clone(),
            host: judge.host.clone(),
            min_serial: judge.min_serial,
        },
    }
}

/// Which host a command is about, if it is done on a running one.
fn root_of(command: &HostsCommand) -> Option<&RootArgs> {
    Some(match command {
        HostsCommand::Facts(it)
        | HostsCommand::Confirm(it)
        | HostsCommand::Status(it)
        | HostsCommand::Heal(it)
        | HostsCommand::Secrets(SecretsCommand::Recipient(it)) => it,
        HostsCommand::Plan(it) => &it.root,
        HostsCommand::Apply(it) => &it.root,
        HostsCommand::Rollback(it) => &it.root,
        HostsCommand::Generations(it) => &it.root,
        HostsCommand::Recover(it) => &it.root,
        HostsCommand::Secrets(SecretsCommand::Inject(it)) => &it.root,
        HostsCommand::Backup(it) if it.output.is_none() => &it.root,
        // Receiving, and files of this machine: `gabion-host` on the other one does that.
        _ => return None,
    })
}

/// The words of a command, without its bundle and its root.
fn words(command: &HostsCommand) -> Vec<String> {
    let judge = |name: &str, it: &JudgeArgs| {
        let mut words = vec![name.to_owned()];
        words.extend(push::judging(it.host.as_deref(), it.min_serial, it.at));
        words
    };
    let flag = |is: bool, word: &str| is.then(|| word.to_owned());
    let one = |word: &str| vec![word.to_owned()];
    match command {
        HostsCommand::Install(_)
        | HostsCommand::Receive(_)
        | HostsCommand::Restore(_)
        | HostsCommand::Serve(_) => Vec::new(),
        HostsCommand::Facts(_) => one("facts"),
        HostsCommand::Status(_) => one("status"),
        HostsCommand::Heal(_) => one("heal"),
        HostsCommand::Confirm(_) => one("confirm"),
        HostsCommand::Plan(it) => {
            let mut words = judge("plan", &it.judge);
            words.extend(flag(it.allow_downgrade, "--allow-downgrade"));
            words.extend(flag(it.exit_code, "--exit-code"));
            words
        }
        HostsCommand::Apply(it) => {
            let mut words = judge("apply", &it.judge);
            words.extend(flag(it.allow_downgrade, "--allow-downgrade"));
            words.extend(it.plan.iter().flat_map(|id| ["--plan".to_owned(), id.clone()]));
            words.extend(["--confirm-within".to_owned(), format!("{}s", it.confirm_within.as_secs())]);
            words
        }
        HostsCommand::Rollback(it) => {
            let mut words = one("rollback");
            words.extend(it.to.iter().flat_map(|to| ["--to".to_owned(), to.to_string()]));
            words
        }
        HostsCommand::Generations(it) => {
            let mut words = one("generations");
            words.extend(flag(it.history, "--history"));
            words
        }
        HostsCommand::Secrets(SecretsCommand::Recipient(_)) => {
            ["secrets", "recipient"].map(str::to_owned).into()
        }
        HostsCommand::Secrets(SecretsCommand::Inject(it)) => {
            let mut words: Vec<String> = ["secrets", "inject", "--bundle"].map(str::to_owned).into();
            words.push(it.values.bundle.clone());
            words.extend(it.values.host.iter().flat_map(|host| ["--host".to_owned(), host.clone()]));
            // Sealed for the host, it goes as it is.
            words.extend(it.values.sidecar.iter().flat_map(|_| ["--sidecar", "-"].map(str::to_owned)));
            words
        }
        HostsCommand::Backup(it) => {
            let mut words = one("backup");
            let lists = [
                ("--recipient", &it.what.recipients),
                ("--snapshot", &it.what.snapshots),
                ("--volume", &it.what.volumes),
            ];
            words.extend(
                lists
                    .into_iter()
                    .flat_map(|(word, list)| list.iter().flat_map(move |it| [word.to_owned(), it.clone()])),
            );
            words
        }
        HostsCommand::Recover(it) => {
            let mut words = one("recover");
            words.extend(flag(it.files, "--files"));
            words
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word_whatever_it_holds() {
        for word in ["/a b", "it's", "$(id)", "`id`", "a\\", "'", "\"", "*"] {
            let said =
                Command::new("sh").args(["-c", &format!("printf %s {}", quoted(word))]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word);
        }
    }
}
