//! `host install`.

use super::args::{InstallArgs, PromotionArgs, TrustArgs};
use super::bundle::open_verified;
use super::failure::Failure;
use super::project::Session;
use super::trust::{self, promoted_json};
use super::ui::Ui;
use crate::exit::Exit;
use gabion_bundle::TrustRoot;
use gabion_host::{HostError, Judging, Report, Root, TrustState, install as install_bundle};
use gabion_lockfile::human_size;
use std::io::BufReader;
use std::path::Path;

/// What is installed where.
pub(super) struct Installing<'a> {
    pub(super) bundle: &'a Path,
    pub(super) root: &'a Path,
    pub(super) judging: Judging,
    pub(super) dry_run: bool,
}

pub(super) type Verified = gabion_bundle::Verified<BufReader<std::fs::File>>;

/// What the command line says of a bundle that a host is to accept.
pub(super) fn judging(
    root: TrustRoot,
    trust: &TrustArgs,
    promotion: &PromotionArgs,
) -> Result<Judging, Failure> {
    Ok(Judging {
        root,
        now: trust.at.map_or_else(trust::now, Ok)?,
        promotion: trust::promotion(promotion)?,
        host: promotion.host.clone(),
        min_serial: promotion.min_serial,
        full: false,
    })
}

/// Verifies the bundle against what the host accepted before, raises the host's floor, and installs it.
pub(super) fn put(what: &Installing<'_>) -> Result<(Verified, Report), Failure> {
    let failed = |source| HostError::Root { path: what.root.display().to_string(), source };
    let root = Root::open(what.root).map_err(failed)?;
    let busy = || HostError::Busy { path: what.root.display().to_string() };
    // From the floor that is read to the floor that is raised, nobody else changes this root.
    let _alone = root.lock().map_err(failed)?.ok_or_else(busy)?;
    let before = TrustState::load(&root)?;
    let mut verified = open_verified(what.bundle, &what.judging.policy(&before)?)?;
    let after = what.judging.accept(&before, &verified)?;
    if !what.dry_run && after != before {
        // What cannot be installed moves no floor; what can moves it first, so that no cut leaves it low.
        install_bundle(&root, &mut verified, true)?;
        after.save(&root)?;
    }
    let report = install_bundle(&root, &mut verified, what.dry_run)?;
    Ok((verified, report))
}

/// A command on a running host.
pub(super) fn live(ui: &Ui, command: &gabion_host::cli::Command) -> Result<Exit, Failure> {
    let answer = gabion_host::cli::run(command, trust::now()?, &|line| ui.note(line))?;
    if ui.json {
        ui.data(&answer.json);
    } else {
        ui.data(&answer.text);
    }
    Ok(Exit::of(answer.exit))
}

pub(super) fn install(session: &Session<'_>, args: &InstallArgs) -> Result<Exit, Failure> {
    let trust = trust::root(session, args.trust.trust.as_deref())?;
    let (verified, report) = put(&Installing {
        bundle: &args.bundle,
        root: &args.root,
        judging: judging(trust, &args.trust, &args.promotion)?,
        dry_run: args.dry_run,
    })?;
    if session.ui.json {
        session.ui.data(serde_json::json!({
            "schema": 1,
            "digest": verified.digest.to_string(),
            "promotion": promoted_json(verified.promotion.as_ref()),
            "root_version": verified.root.version,
            "dry_run": args.dry_run,
            "written": report.written,
            "replaced": report.replaced,
            "kept": report.kept,
            "folders": report.folders,
            "removed": report.removed,
            "unchanged": report.unchanged,
            "bytes": report.bytes,
        }));
        return Ok(Exit::Ok);
    }
    for path in &report.written {
        session.ui.data(format!("+ /{path}"));
    }
    for path in &report.replaced {
        let kept = report.kept.get(path).map_or(String::new(), |kept| format!(" (kept as /{kept})"));
        session.ui.data(format!("~ /{path}{kept}"));
    }
    for path in &report.folders {
        session.ui.data(format!("~ /{path}/ (owner)"));
    }
    for path in &report.removed {
        let kept =
            report.kept.get(path).map_or(String::new(), |kept| format!(" (older file kept as /{kept})"));
        session.ui.data(format!("- /{path}{kept}"));
    }
    let verb = if args.dry_run { "would write" } else { "wrote" };
    session.ui.note(format!(
        "{verb} {} files ({}), removed {}, {} were right already",
        report.changed(),
        human_size(report.bytes),
        report.removed.len(),
        report.unchanged
    ));
    Ok(Exit::Ok)
}
