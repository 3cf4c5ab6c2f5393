//! The packages of the system that runs, beside those of the system that a bundle brings.
//!
//! A system that updates itself is ahead of the bundle that it came from. Another slot with older packages would undo
//! that, so nobody gets one without asking for it.

use super::error::LiveError;
use super::host::{Host, Wishes};
use super::slot::disk_of;
use crate::disk::DiskError;
use crate::disk::facts::architecture;
use crate::error::HostError;
use gabion_bundle::{DiskPackage, DiskPackages, PACKAGES, Verified};
use gabion_dpkg::{Version, installed};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Seek};

/// Where dpkg keeps what is installed.
const STATUS: &str = "var/lib/dpkg/status";
/// A full desktop has a tenth of it.
const LIMIT: u64 = 64 << 20;

/// A package that is another one in the other system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    /// Its name; with `:i386` behind it where it is not for the machine's own architecture.
    pub package: String,
    /// Version on the host; none where it has not the package.
    pub before: Option<String>,
    /// Version in the bundle; none where that has not the package.
    pub after: Option<String>,
    /// Which way it goes.
    pub way: Way,
}

/// Which way a package goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Older than what the host has.
    Down,
    /// Newer.
    Up,
    /// Not on the host so far.
    New,
    /// On the host, and not in the bundle.
    Gone,
}

impl fmt::Display for PackageChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.way {
            Way::Down => "v",
            Way::Up => "^",
            Way::New => "+",
            Way::Gone => "-",
        };
        let versions: Vec<&str> = self.before.iter().chain(&self.after).map(String::as_str).collect();
        write!(f, "{sign} {} {}", self.package, versions.join(" -> "))
    }
}

/// What another system is, beside the one that runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OtherSystem {
    /// The slot that the host starts from to have it; none where it stays with the system that runs.
    pub slot: Option<String>,
    /// Packages that change, downgrades first; none where either side does not say what it has.
    pub packages: Option<Vec<PackageChange>>,
}

impl OtherSystem {
    /// An error where a package of it is older than the host's.
    pub fn refuse_downgrade(&self) -> Result<(), LiveError> {
        let older = self.packages.iter().flatten().filter(|it| it.way == Way::Down);
        let older: Vec<PackageChange> = older.cloned().collect();
        if older.is_empty() { Ok(()) } else { Err(LiveError::Downgrade(older)) }
    }
}

impl Host<'_> {
    /// An error where `bundle` is not for this machine as it is: nothing is begun then, and no floor is raised.
    pub fn admits<R: Read + Seek>(&self, bundle: &mut Verified<R>, wishes: Wishes) -> Result<(), LiveError> {
        is_for_this_machine(bundle)?;
        if wishes.downgrade { Ok(()) } else { self.other_system(bundle)?.refuse_downgrade() }
    }

    /// What the system of `bundle` is beside the one that runs.
    pub fn other_system<R: Read + Seek>(&self, bundle: &mut Verified<R>) -> Result<OtherSystem, LiveError> {
        let Some((node, image)) = disk_of(bundle) else { return Ok(OtherSystem::default()) };
        let Some(slot) = self.other_slot(Some(&image))? else { return Ok(OtherSystem::default()) };
        let packages = match (listed(bundle, &node)?, self.status_of_dpkg()?) {
            (Some(listed), Some(status)) => Some(compare(&status, &listed)?),
            _ => None,
        };
        Ok(OtherSystem { slot: Some(slot), packages })
    }

    fn status_of_dpkg(&self) -> Result<Option<String>, HostError> {
        let bytes = self.root.read(STATUS, LIMIT).map_err(|source| HostError::read(STATUS, source))?;
        bytes.map(|it| String::from_utf8(it).map_err(|_| damaged("it is no text"))).transpose()
    }
}

/// An error where `bundle` is for machines of another architecture.
pub(super) fn is_for_this_machine<R: Read + Seek>(bundle: &Verified<R>) -> Result<(), HostError> {
    let (machine, platform) = (architecture(), &bundle.manifest().platform);
    let image = platform.split('/').nth(1).unwrap_or_default();
    if platform.starts_with("linux/") && image == machine {
        return Ok(());
    }
    Err(DiskError::Architecture { image: platform.clone(), machine: format!("linux/{machine}") }.into())
}

fn damaged(message: impl fmt::Display) -> HostError {
    HostError::State { path: STATUS.to_owned(), message: message.to_string() }
}

/// What the bundle says of the packages on its disk `node`; nothing where it is older than that word.
fn listed<R: Read + Seek>(
    bundle: &mut Verified<R>,
    node: &str,
) -> Result<Option<Vec<DiskPackage>>, HostError> {
    if bundle.manifest().member(PACKAGES).is_none() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    bundle.copy_member(PACKAGES, &mut bytes).map_err(|source| HostError::content(PACKAGES, source))?;
    let wrong = |why: &str| HostError::Unsupported(format!("`{PACKAGES}` is wrong: {why}"));
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is no text"))?;
    let mut all = DiskPackages::parse(&text).map_err(|why| wrong(&why))?;
    Ok(all.disks.remove(node))
}

/// Packages by name: one for every architecture is the machine's own package too.
fn compare(status: &str, listed: &[DiskPackage]) -> Result<Vec<PackageChange>, HostError> {
    let here = installed(status).map_err(damaged)?;
    // A machine's own architecture is that of its dpkg, which runs.
    let own = here.iter().find(|it| it.name == "dpkg").map_or("", |it| it.arch);
    let key = |name: &str, arch: &str| {
        if arch == "all" || arch == own { name.to_owned() } else { format!("{name}:{arch}") }
    };
    let mut versions: BTreeMap<String, (Option<Version<'_>>, Option<Version<'_>>)> = BTreeMap::new();
    for it in &here {
        versions.entry(key(it.name, it.arch)).or_default().0 = Some(it.version);
    }
    for it in listed {
        let version = Version::parse(&it.version).ok_or_else(|| {
            HostError::Unsupported(format!("`{PACKAGES}` is wrong: `{}` is no version", it.version))
        })?;
        versions.entry(key(&it.name, &it.arch)).or_default().1 = Some(version);
    }
    let change = |(package, (before, after)): (String, (Option<Version<'_>>, Option<Version<'_>>))| {
        let way = match (before, after) {
            (Some(before), Some(after)) if after < before => Way::Down,
            (Some(before), Some(after)) if after > before => Way::Up,
            (None, Some(_)) => Way::New,
            (Some(_), None) => Way::Gone,
            _ => return None,
        };
        let text = |it: Option<Version<'_>>| it.map(|it| it.as_str().to_owned());
        Some(PackageChange { package, before: text(before), after: text(after), way })
    };
    let mut changes: Vec<PackageChange> = versions.into_iter().filter_map(change).collect();
    changes.sort_by_key(|it| it.way);
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some packages of a Debian 12 as its dpkg wrote them: an epoch, `~`, `+`, one for every architecture, one of which
    /// only the configuration is left.
    const DEBIAN: &str = include_str!("tests/status");

    fn listed(text: &str) -> Vec<DiskPackage> {
        let package = |line: &str| {
            let [name, arch, version] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            DiskPackage { name: name.to_owned(), arch: arch.to_owned(), version: version.to_owned() }
        };
        text.lines().map(package).collect()
    }

    #[test]
    fn the_same_packages_are_no_change_whatever_way_they_are_written() {
        let here = installed(DEBIAN).unwrap();
        let line =
            |it: &gabion_dpkg::Installed<'_>| format!("{} {} {}", it.name, it.arch, it.version.as_str());
        let same = here.iter().map(line).collect::<Vec<_>>().join("\n");
        assert!(here.len() > 5);
        assert_eq!(compare(DEBIAN, &listed(&same)).unwrap(), []);
        // A package that is for every architecture now is still the same one.
        assert_eq!(compare(DEBIAN, &listed(&same.replace(" all ", " amd64 "))).unwrap(), []);
    }

    #[test]
    fn a_damaged_status_is_an_error_and_not_an_empty_system() {
        assert!(compare("Package: a\nVersion: 1\n", &[]).is_err());
        assert!(compare(DEBIAN, &listed("a all _")).is_err());
    }
}
