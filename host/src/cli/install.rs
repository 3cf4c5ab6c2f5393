//! `host install`: a root that is not running, or a whole disk.

use super::args::InstallArgs;
use super::install_disk;
use super::run::{Answer, Context, bundle, judging_of};
use super::text;
use crate::accept::{self, Judging};
use crate::apply::Report;
use crate::disk::Event;
use crate::error::HostError;
use crate::live::prepare;
use crate::root::Root;
use crate::secrets::{Expect, inject_plain};
use crate::trust::TrustState;
use crate::{k3s, spool};
use gabion_bundle::Verified;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// A verified bundle of a file.
pub type VerifiedFile = Verified<BufReader<File>>;

/// Brings the root at `path`, which is not running, to a bundle: judged against what the host accepted before, its files laid,
/// itself among the host's packs, and the rest written down for the host's next start.
pub fn lay(
    path: &Path,
    file: &Path,
    judging: &Judging,
    secrets: Option<&Path>,
    dry: bool,
) -> Result<(VerifiedFile, Report), HostError> {
    let failed = |source| HostError::Root { path: path.display().to_string(), source };
    let root = Root::open(path).map_err(failed)?;
    let busy = || HostError::Busy { path: path.display().to_string() };
    // From the floor that is read to the floor that is raised, nobody else changes this root.
    let _alone = root.lock().map_err(failed)?.ok_or_else(busy)?;
    lay_into(&root, file, judging, None, secrets, dry)
}

fn lay_into(
    root: &Root,
    file: &Path,
    judging: &Judging,
    slot: Option<&str>,
    secrets: Option<&Path>,
    dry: bool,
) -> Result<(VerifiedFile, Report), HostError> {
    let before = TrustState::load(root)?;
    let policy = judging.policy(&before)?;
    let mut verified = gabion_bundle::verify(bundle(file)?, &policy)?;
    let after = judging.accept(&before, &verified)?;
    // What cannot be installed moves no floor, and takes no room.
    let would = k3s::install(root, &mut verified, true)?;
    if dry {
        return Ok((verified, would));
    }
    if after != before {
        // The floor first, so that no cut leaves it low.
        after.save(root)?;
    }
    if let Some(path) = secrets {
        take_secrets(root, path, &verified.manifest().name, after.host.as_deref())?;
    }
    spool::take(root, bundle(file)?, &policy)?;
    accept::keep_root(root, &verified.root)?;
    let report = k3s::install(root, &mut verified, false)?;
    prepare(root, &mut verified, judging.remembered()?, slot)?;
    Ok((verified, report))
}

/// Values of secrets that come along: never into the bundle's place, and never into what is told.
fn take_secrets(root: &Root, path: &Path, name: &str, host: Option<&str>) -> Result<(), HostError> {
    let expect = Expect { bundle: name, host };
    if path == Path::new("-") {
        return inject_plain(root, std::io::stdin().lock(), expect).map(drop);
    }
    let failed = |source| HostError::Root { path: path.display().to_string(), source };
    inject_plain(root, fs_err::File::open(path).map_err(failed)?, expect).map(drop)
}

pub(super) fn install(args: &InstallArgs, context: &Context<'_>) -> Result<Answer, HostError> {
    let Some(disk) = &args.disk else {
        let path = args.root.as_deref().unwrap_or(Path::new("/"));
        let failed = |source| HostError::Root { path: path.display().to_string(), source };
        let judging = judging_of(&args.judge, &Root::open(path).map_err(failed)?, context)?;
        let (verified, report) = lay(path, &args.bundle, &judging, args.secrets.as_deref(), args.dry_run)?;
        (context.tell)(&text::wrote(&report, args.dry_run));
        let accepted = verified.promotion.clone().map(|it| (verified.digest, it));
        let accepted = accepted.filter(|_| !args.dry_run);
        return Ok(Answer { accepted, ..text::installed(&verified, &report, args.dry_run) });
    };
    let nobody = Root::open(Path::new("/")).map_err(|source| HostError::Root { path: "/".into(), source })?;
    let judging = judging_of(&args.judge, &nobody, context)?;
    // The floor of the host lies on its disk, and is asked when that is mounted; the operator's own counts at once.
    let none = TrustState::default();
    let policy = judging.policy(&none)?;
    let mut opened = gabion_bundle::open(bundle(&args.bundle)?, &policy)?;
    judging.accept(&none, &opened)?;
    let mut last = String::new();
    let mut events = |event| {
        // A line for each tenth is enough for whoever watches.
        let line = install_disk::line(&event);
        let mark = match event {
            Event::Wrote { done, total } | Event::Checked { done, total } => {
                format!("{}{}", line.split(' ').next().unwrap_or_default(), done * 10 / total.max(1))
            }
            _ => line.clone(),
        };
        if mark != last {
            (context.tell)(&line);
            last = mark;
        }
    };
    let report = install_disk::run(disk, &mut opened, args.dry_run, &mut events, |_, root, slot| {
        lay_into(root, &args.bundle, &judging, Some(&slot.to_string()), args.secrets.as_deref(), false)
            .map(drop)
    })?;
    let accepted = opened.promotion.clone().map(|it| (opened.digest, it)).filter(|_| !args.dry_run);
    Ok(Answer { accepted, ..text::disk(&report, args.dry_run) })
}
