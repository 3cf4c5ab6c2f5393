//! `host push`, and `host install` with a target: a bundle to a machine, over the system's `ssh`.
//!
//! The machine asks for what it has not; this side answers. What runs there is the static `gabion-host`, which is copied
//! first where another one, or none, lies there.

use super::args::{PromotionArgs, PushArgs, TrustArgs};
use super::bundle::io;
use super::failure::Failure;
use super::floor::Floors;
use super::project::Session;
use super::remote::{PushError, There, quoted};
use super::{secrets, trust};
use crate::exit::Exit;
use gabion_bundle::{Floor, Object, Opened, Policy, Promoted, Stage, Time, open, open_file};
use gabion_digest::Sha256;
use gabion_host::cli::{Ended, Greeting, InstallArgs};
use gabion_host::disk::network;
use gabion_host::wire::{Served, serve};
use gabion_host::{HostError, WireError};
use gabion_lockfile::human_size;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};

/// No installer is larger.
const INSTALLER_LIMIT: u64 = 256 << 20;

/// Brings the bundle of `args` there.
pub(super) fn push(session: &Session<'_>, there: &There<'_>, args: &PushArgs) -> Result<Exit, Failure> {
    let sent = send(session, there, args)?;
    sent.remember()?;
    if session.ui.json {
        session.ui.data(serde_json::json!({
            "schema": 1,
            "digest": sent.digest,
            "sent": sent.bytes,
            "reused": sent.reused,
            "size": sent.total,
            "installer": sent.installer,
        }));
    } else {
        session.ui.data(&sent.digest);
    }
    Ok(Exit::Ok)
}

/// A bundle that came to rest there.
#[derive(Debug)]
pub(super) struct Sent<'s> {
    /// Its digest, `sha256:…`.
    pub(super) digest: String,
    /// What is remembered of that machine.
    floors: Floors<'s>,
    judged: (Sha256, Option<Promoted>),
    bytes: u64,
    reused: u64,
    total: u64,
    installer: bool,
}

impl Sent<'_> {
    /// From here on nothing older goes there.
    pub(super) fn remember(&self) -> Result<(), Failure> {
        self.floors.raise(self.judged.0, self.judged.1.as_ref())
    }
}

/// Sends what the machine has not.
pub(super) fn send<'s>(
    session: &'s Session<'_>,
    there: &There<'_>,
    args: &PushArgs,
) -> Result<Sent<'s>, Failure> {
    let Ready { file, floors, judged, copied, greeting } = ready(session, there, args)?;
    let mut words = vec!["receive".to_owned(), "--root".to_owned(), args.root.clone()];
    words.extend(judging(args.promotion.host.as_deref(), args.promotion.min_serial, args.trust.at));
    let (served, ended) = transfer(there, &words, &file, &greeting)?;
    match ended {
        Ended::Taken { digest, reused, total } => {
            session.ui.note(format!(
                "sent {}; {} of {} were there already",
                human_size(served.bytes),
                human_size(reused),
                human_size(total)
            ));
            Ok(Sent {
                digest: plain(&digest),
                floors,
                judged,
                bytes: served.bytes,
                reused,
                total,
                installer: copied,
            })
        }
        Ended::Installed { .. } | Ended::Failed { .. } => Err(nothing()),
    }
}

/// Installs a bundle there as it is read here: nothing of it is laid down before it is in its place.
pub(super) fn install(session: &Session<'_>, there: &There<'_>, args: &InstallArgs) -> Result<Exit, Failure> {
    let judge = &args.judge;
    let bringing = PushArgs {
        bundle: args.bundle.clone(),
        root: "/".to_owned(),
        installer: None,
        trust: TrustArgs { trust: judge.trust.clone(), at: judge.at },
        promotion: PromotionArgs {
            promotion: judge.promotion.clone(),
            host: judge.host.clone(),
            min_serial: judge.min_serial,
        },
    };
    // What cannot be read here is told before anything goes there.
    let unsealed = |path: &std::path::PathBuf| secrets::unsealed(session, path);
    let secrets = args.secrets.as_ref().map(unsealed).transpose()?;
    let identity = args.host_identity.as_deref().map(secrets::private).transpose()?;
    let network = args.disk.as_ref().and_then(|it| it.network.as_deref());
    let network = network.map(network::read).transpose().map_err(HostError::from)?;
    let Ready { file, floors, judged, greeting, .. } = ready(session, there, &bringing)?;
    let greeting = Greeting { secrets, identity, network, ..greeting };
    let mut words = vec!["install".to_owned(), "-".to_owned()];
    words.extend(judging(judge.host.as_deref(), judge.min_serial, judge.at));
    words.extend(args.root.iter().flat_map(|it| ["--root".to_owned(), it.display().to_string()]));
    words.extend(args.disk.iter().flat_map(gabion_host::cli::install_disk::InstallDiskArgs::words));
    words.extend(args.dry_run.then(|| "--dry-run".to_owned()));
    let (served, ended) = transfer(there, &words, &file, &greeting)?;
    let Ended::Installed { text, json } = ended else { return Err(nothing()) };
    session.ui.note(format!("sent {}", human_size(served.bytes)));
    if !args.dry_run {
        floors.raise(judged.0, judged.1.as_ref())?;
    }
    if session.ui.json {
        session.ui.data(json);
    } else {
        session.ui.data(plain(&text));
    }
    Ok(Exit::Ok)
}

/// A bundle that this operator trusts, and a machine with the program that takes it.
struct Ready<'s> {
    file: File,
    /// What is remembered of that machine.
    floors: Floors<'s>,
    judged: (Sha256, Option<Promoted>),
    /// Whether the program was copied.
    copied: bool,
    greeting: Greeting,
}

fn ready<'s>(session: &'s Session<'_>, there: &There<'_>, args: &PushArgs) -> Result<Ready<'s>, Failure> {
    let floors = Floors::of(session, args.promotion.host.as_deref(), Some(there.target));
    let root = trust::root(session, args.trust.trust.as_deref())?;
    let promotion = trust::promotion(&args.promotion)?;
    let policy = Policy {
        promotion: promotion.as_ref(),
        floor: Floor { min_serial: args.promotion.min_serial, ..floors.load()? },
        ..trust::policy(&root, &args.trust, Stage::Install)?
    };
    let file = open_file(&args.bundle)?;
    // What the machine would refuse is not sent.
    let mut opened = open(&file, &policy)?;
    let judged = (opened.digest, opened.promotion.clone());
    floors.can_remember(judged.1.is_some())?;
    let copied = copy_installer(there, args, &mut opened)?;
    drop(opened);
    let promotion = promotion.map(|it| it.to_text()).transpose()?;
    let greeting = Greeting { trust: Some(root.to_text()), promotion, ..Greeting::default() };
    Ok(Ready { file, floors, judged, copied, greeting })
}

/// What is asked of a promotion, as words of the program there.
pub(super) fn judging(host: Option<&str>, min_serial: u64, at: Option<Time>) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(at.iter().flat_map(|at| ["--at".to_owned(), at.to_string()]));
    words.extend(host.iter().flat_map(|host| ["--host".to_owned(), (*host).to_owned()]));
    if min_serial > 0 {
        words.extend(["--min-serial".to_owned(), min_serial.to_string()]);
    }
    words
}

fn nothing() -> Failure {
    HostError::from(WireError::Hostile("its result says nothing")).into()
}

/// What the machine says of itself, without what a terminal would take for a command.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|it| if it.is_control() && it != '\n' { '?' } else { it }).collect()
}

/// The error of the machine, as if it had happened here.
fn refused(code: &str, message: &str, help: Option<&str>, integrity: bool, trust: bool) -> Failure {
    let known = code.len() == 5 && code.starts_with('E') && code[1..].bytes().all(|it| it.is_ascii_digit());
    let exit = match (integrity, trust) {
        (true, _) => Exit::Integrity,
        (false, true) => Exit::Trust,
        (false, false) => Exit::Failure,
    };
    Failure {
        // The last thing that this process does is to show it.
        code: if known { code.to_owned().leak() } else { "E0679" },
        message: format!("the machine says: {}", plain(message)),
        help: help.map(plain),
        exit,
        diagnostics: None,
    }
}

/// Copies the installer if there is one to copy and the machine has another; gives whether it did.
fn copy_installer(there: &There<'_>, args: &PushArgs, bundle: &mut Opened<&File>) -> Result<bool, Failure> {
    let Some(bytes) = installer(args, bundle)? else { return Ok(false) };
    let (path, hex) = (quoted(there.path), Sha256::of(&bytes).hex());
    let asking = "say which installer it has";
    let mut ask = there.ssh(&format!("if [ -f {path} ]; then sha256sum < {path}; fi"));
    let said = ask.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(PushError::Ssh)?;
    there.ended(asking, said.status)?;
    if said.stdout.starts_with(hex.as_bytes()) {
        return Ok(false);
    }
    let part = quoted(&format!("{}.part", there.path));
    let folder = quoted(there.path.rsplit_once('/').map_or("/", |(folder, _)| folder));
    let script = format!(
        "set -e; umask 077; mkdir -p -- {folder}/; cat > {part}; [ \"$(sha256sum < {part})\" = '{hex}  -' ]; \
         chmod 755 {part}; mv -f {part} {path}"
    );
    let mut child = there.ssh(&script).stdin(Stdio::piped()).spawn().map_err(PushError::Ssh)?;
    let sent = child.stdin.take().map(|mut stdin| stdin.write_all(&bytes));
    let status = child.wait().map_err(PushError::Ssh)?;
    there.ended("take the installer", status)?;
    sent.transpose().map_err(PushError::Ssh)?;
    Ok(true)
}

/// The installer that is to run there: the one that is named, or the bundle's.
fn installer(args: &PushArgs, bundle: &mut Opened<&File>) -> Result<Option<Vec<u8>>, Failure> {
    let mut bytes = Vec::new();
    if let Some(path) = &args.installer {
        let failed = |source| io("read", path, source);
        let file = fs_err::File::open(path).map_err(failed)?;
        file.take(INSTALLER_LIMIT).read_to_end(&mut bytes).map_err(failed)?;
        return Ok(Some(bytes));
    }
    let manifest = bundle.manifest();
    let member = manifest.objects.iter().find_map(|it| match it {
        Object::Installer { member } => manifest.member(member).filter(|it| it.size <= INSTALLER_LIMIT),
        _ => None,
    });
    let Some(member) = member.map(|it| it.path.clone()) else { return Ok(None) };
    bundle.copy_member(&member, &mut bytes).map_err(|source| io("read", &args.bundle, source))?;
    Ok(Some(bytes))
}

/// Serves the bundle to `gabion-host` on the machine, until that says how it ended: well, or it is an error here too.
fn transfer(
    there: &There<'_>,
    words: &[String],
    file: &File,
    greeting: &Greeting,
) -> Result<(Served, Ended), Failure> {
    let mut script = format!("exec {}", quoted(there.path));
    for word in words {
        script.extend([" ", &quoted(word)]);
    }
    let mut command = there.ssh(&script);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(PushError::Ssh)?;
    let served = served(&mut child, file, &greeting.to_text());
    let status = child.wait().map_err(PushError::Ssh)?;
    match served {
        Ok(served) => match serde_json::from_str(&served.result).map_err(|_| nothing())? {
            Ended::Failed { code, message, help, integrity, trust } => {
                Err(refused(&code, &message, help.as_deref(), integrity, trust))
            }
            ended => Ok((served, ended)),
        },
        // 126 and 127 are the shell's words for a program that it cannot run (POSIX, 2.8.2).
        Err(WireError::Ended) if matches!(status.code(), Some(126 | 127)) => {
            let failure = Failure::from(PushError::Ended {
                target: there.target.to_owned(),
                status,
                doing: "run the installer",
            });
            Err(failure.help("name a static `gabion-host` with `--installer`, or in the bundle's recipe"))
        }
        Err(error) => Err(HostError::from(error).into()),
    }
}

fn served(child: &mut Child, file: &File, greeting: &str) -> Result<Served, WireError> {
    let pipes = child.stdout.take().zip(child.stdin.take());
    let (input, output) = pipes.ok_or(WireError::Ended)?;
    serve(file, greeting, input, output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_says_moves_no_cursor_and_ends_as_it_would_here() {
        let failure = refused("E0507", "no\u{1b}[2J", Some("a\nb\r"), false, true);
        assert_eq!((failure.code, failure.exit), ("E0507", Exit::Trust));
        assert_eq!(failure.message, "the machine says: no?[2J");
        assert_eq!(failure.help.unwrap(), "a\nb?");
        assert_eq!(refused("é123", "", None, true, false).code, "E0679");
    }
}
