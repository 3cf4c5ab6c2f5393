//! `host install`.

use super::args::InstallArgs;
use super::bundle::open_verified;
use super::failure::Failure;
use super::project::Session;
use super::ui::size;
use crate::exit::Exit;
use gabion_host::{HostError, Root, install as install_bundle};

pub(super) fn install(session: &Session<'_>, args: &InstallArgs) -> Result<Exit, Failure> {
    let mut verified = open_verified(session, &args.bundle, args.trust.as_deref(), false)?;
    let failed = |source| HostError::Root { path: args.root.display().to_string(), source };
    let root = Root::open(&args.root).map_err(failed)?;
    let report = install_bundle(&root, &mut verified, args.dry_run)?;
    for path in &report.written {
        session.ui.data(format!("+ /{path}"));
    }
    for path in &report.removed {
        session.ui.data(format!("- /{path}"));
    }
    let verb = if args.dry_run { "would write" } else { "wrote" };
    session.ui.note(format!(
        "{verb} {} files ({}), removed {}, {} were right already",
        report.written.len(),
        size(report.bytes),
        report.removed.len(),
        report.unchanged
    ));
    Ok(Exit::Ok)
}
