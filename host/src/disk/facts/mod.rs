//! What this machine is: its disks, its firmware, its network. Only read, from files that the kernel and udev show.

mod block;
mod machine;
mod mounts;
pub(crate) mod netlink;
mod network;

pub use block::{Disk, Partition};
pub(crate) use machine::architecture;
pub use machine::{Firmware, Machine};
pub use network::{Address, Interface, Network, Route};

use crate::disk::DiskError;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// Everything that an installation depends on, and that another start of the same machine would say again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Architecture, memory and firmware.
    pub machine: Machine,
    /// Disks, by name.
    pub disks: Vec<Disk>,
    /// Interfaces, and how they got their addresses.
    pub network: Network,
}

impl Facts {
    /// Looks at the machine whose `/sys`, `/proc`, `/dev`, `/etc` and `/run` lie in `root`: `/`, but for tests. Addresses
    /// and routes are those that the running kernel tells.
    pub fn gather(root: &Path) -> Result<Self, DiskError> {
        let dumps = netlink::Dumps::ask().map_err(|source| failed("netlink", source))?;
        Self::gather_with(root, &dumps)
    }

    pub(crate) fn gather_with(root: &Path, dumps: &netlink::Dumps) -> Result<Self, DiskError> {
        Ok(Self {
            machine: Machine::gather(root)?,
            disks: block::gather(root)?,
            network: network::gather(root, dumps),
        })
    }
}

fn failed(path: impl AsRef<Path>, source: io::Error) -> DiskError {
    DiskError::Facts { path: path.as_ref().display().to_string(), source }
}

/// A file of one line; nothing where it is not there or empty.
fn line(path: &Path) -> Option<String> {
    let text = fs_err::read(path).ok()?;
    let text = String::from_utf8_lossy(&text);
    let text = text.trim_matches(|it: char| it.is_whitespace() || it == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// A file with one number.
fn number(path: &Path) -> Option<u64> {
    line(path)?.parse().ok()
}

/// Names in a folder, sorted; none where it is not there.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|it| it.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
pub(crate) mod tests;
