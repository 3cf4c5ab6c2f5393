//! Landlock (landlock(7)): a second wall behind the mounts, for programs that are not root.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope,
};
use std::io;
use std::path::Path;

/// What is asked for; an older kernel gives what it knows.
const ASKED: ABI = ABI::V6;

/// Reading and executing everywhere, writing to the output, scratch folders and devices alone; no TCP, no signal and
/// no abstract socket to the outside.
pub(super) fn landlock(out: &Path) -> io::Result<()> {
    rules(out).map_err(io::Error::other)
}

fn rules(out: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let all = AccessFs::from_all(ASKED);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .handle_access(AccessNet::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new("/")?, AccessFs::from_read(ASKED)))?;
    for writable in [out, Path::new("/build"), Path::new("/tmp"), Path::new("/run"), Path::new("/dev")] {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(writable)?, all))?;
    }
    rules.restrict_self()?;
    Ok(())
}
