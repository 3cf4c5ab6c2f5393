//! What this operator brought to which host: nothing older goes there from here again.
//!
//! A host keeps a floor of its own. This one counts also where the host lost it: wiped, put back from an old snapshot, or
//! not the host that it says it is.
//!
//! # Where
//! `floors/host.NAME.json` and `floors/target.NAME.json` below the folder for state (`GABION_STATE`, `state` in the
//! configuration, `gabion` in `$XDG_STATE_HOME` or `~/.local/state`): for the name that promotions know the host by, and for the
//! name that `ssh` knows it by. They have the format of a host's `trust/state.json` (`host/FORMAT.md`).
//!
//! # Invariants
//! - Serials only rise. A damaged record is an error, never the absence of one.
//! - Whoever promotes nothing needs no folder; who does and has none is refused.

use super::failure::Failure;
use super::project::Session;
use crate::config::ConfigError;
use gabion_bundle::{Floor, Hosts, Promoted};
use gabion_digest::Sha256;
use gabion_host::{HostError, Root, RootLock, TrustState};
use std::path::Path;

/// The floors of one host.
#[derive(Debug)]
pub(super) struct Floors<'s> {
    /// `None` where no folder is known.
    folder: Option<&'s Path>,
    /// Paths below the folder.
    files: Vec<String>,
}

/// Waits no longer for somebody else who raises a floor, in steps of 20 ms.
const TURNS: u32 = 500;

impl<'s> Floors<'s> {
    /// The floors of the host that promotions call `host` and `ssh` calls `target`.
    pub(super) fn of(session: &'s Session<'_>, host: Option<&str>, target: Option<&str>) -> Self {
        let target = target.map(|it| it.rsplit_once('@').map_or(it, |(_, machine)| machine));
        let files = [("host", host), ("target", target)];
        let files = files.into_iter().filter_map(|(kind, name)| Some(file(kind, name?)));
        Self { folder: session.config.state.as_deref(), files: files.collect() }
    }

    /// The floor that a bundle for this host is held against.
    pub(super) fn load(&self) -> Result<Floor, Failure> {
        let mut floor = Floor::default();
        let Some(root) = self.folder.filter(|it| it.exists()).map(open).transpose()? else {
            return Ok(floor);
        };
        for path in &self.files {
            let one = TrustState::load_at(&root, path)?.floor_at(path)?;
            floor.root_version = floor.root_version.max(one.root_version);
            for (name, seen) in one.seen {
                let highest = floor.seen.entry(name).or_insert(seen);
                if highest.0 < seen.0 {
                    *highest = seen;
                }
            }
        }
        Ok(floor)
    }

    /// Refuses to begin where a promotion could not be remembered.
    pub(super) fn can_remember(&self, promoted: bool) -> Result<(), ConfigError> {
        let cannot = promoted && self.folder.is_none() && !self.files.is_empty();
        if cannot { Err(ConfigError::NoState) } else { Ok(()) }
    }

    /// Remembers what the host accepted.
    pub(super) fn raise(&self, digest: Sha256, promoted: Option<&Promoted>) -> Result<(), Failure> {
        self.can_remember(promoted.is_some())?;
        let (Some(promoted), Some(folder)) = (promoted, self.folder) else { return Ok(()) };
        if self.files.is_empty() {
            return Ok(());
        }
        fs_err::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let root = open(folder)?;
        let _alone = alone(&root, folder)?;
        for path in &self.files {
            let before = TrustState::load_at(&root, path)?;
            let after = before.promoted(digest, promoted);
            if after != before {
                after.save_at(&root, path)?;
            }
        }
        Ok(())
    }
}

/// The name of a file: of a name that cannot be one, its digest.
fn file(kind: &str, name: &str) -> String {
    match Hosts::parse([name]) {
        Some(Hosts::Named(_)) => format!("floors/{kind}.{name}.json"),
        _ => format!("floors/{kind}.{}.json", Sha256::of(name.as_bytes()).hex()),
    }
}

fn failed(folder: &Path, source: std::io::Error) -> HostError {
    HostError::Root { path: folder.display().to_string(), source }
}

fn open(folder: &Path) -> Result<Root, HostError> {
    Root::open(folder).map_err(|source| failed(folder, source))
}

/// From the floor that is read to the floor that is raised, nobody else raises one.
fn alone(root: &Root, folder: &Path) -> Result<RootLock, HostError> {
    for _ in 0..TURNS {
        if let Some(lock) = root.lock().map_err(|source| failed(folder, source))? {
            return Ok(lock);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Err(HostError::Busy { path: folder.display().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_never_share_a_file_and_none_leaves_the_folder() {
        assert_eq!(file("host", "prod"), "floors/host.prod.json");
        for odd in ["../x", "2001:db8::7", "a/b", "*", ""] {
            let file = file("target", odd);
            assert!(
                file.starts_with("floors/target.") && file.len() == "floors/target..json".len() + 64,
                "{file}"
            );
        }
    }
}
