//! Landlock (landlock(7)): a second wall behind the mounts, or the only one where there are none.

use crate::spec::Bind;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// What is asked for; an older kernel gives what it knows.
const ASKED: ABI = ABI::V6;

type Rules<'a> = Vec<(&'a Path, BitFlags<AccessFs>)>;

/// Reading and executing everywhere, writing to the output, scratch folders and devices alone; no TCP, no signal and
/// no abstract socket to the outside. Tells whether the kernel gives all of it.
pub(super) fn to_output(out: &Path) -> io::Result<bool> {
    let scratch = ["/build", "/tmp", "/run", "/dev"].map(Path::new);
    let writable = scratch.into_iter().chain([out]).map(|path| (path, AccessFs::from_all(ASKED)));
    let rules = writable.chain([(Path::new("/"), AccessFs::from_read(ASKED))]).collect();
    Ok(restrict(rules)? == RulesetStatus::FullyEnforced)
}

/// Reading what is declared, writing the output and a few devices, and nothing else.
pub(super) fn to_declared(binds: &[Bind], out: &Bind) -> io::Result<()> {
    let devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"].map(Path::new);
    let devices = devices.into_iter().map(|path| (path, AccessFs::from_file(ASKED)));
    let inputs = binds.iter().map(|bind| (bind.source.as_path(), AccessFs::from_read(ASKED)));
    let rules = inputs.chain(devices).chain([(out.source.as_path(), AccessFs::from_all(ASKED))]).collect();
    match restrict(rules)? {
        RulesetStatus::NotEnforced => Err(Errno::NOSYS.into()),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

fn restrict(rules: Rules<'_>) -> io::Result<RulesetStatus> {
    let enforce = || {
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ASKED))?
            .handle_access(AccessNet::from_all(ASKED))?
            .scope(Scope::from_all(ASKED))?
            .create()?;
        for (path, access) in rules {
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(ASKED) };
            ruleset = ruleset.add_rule(PathBeneath::new(PathFd::new(path)?, access))?;
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(ruleset.restrict_self()?.ruleset)
    };
    enforce().map_err(io::Error::other)
}
