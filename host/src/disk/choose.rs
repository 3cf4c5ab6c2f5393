//! Which disk: named by what it is, and refused where there is any doubt.

use super::DiskError;
use super::facts::{Disk, Facts};
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// How the operator names a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A device, a name below `/dev/disk/by-id`, or a file that stands for a disk.
    Path(PathBuf),
    /// Its serial number.
    Serial(String),
    /// Its model, if no other disk has it.
    Model(String),
    /// The largest disk that the running system does not lie on, if no other is as large.
    LargestNotRoot,
    /// The disk that the running system lies on: for its other slot, and never on a command line.
    Running,
}

impl FromStr for Selector {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once(':') {
            Some(("serial", it)) => Self::Serial(it.to_owned()),
            Some(("model", it)) => Self::Model(it.to_owned()),
            _ if text == "size:largest-not-root" => Self::LargestNotRoot,
            _ => Self::Path(text.into()),
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Serial(it) => write!(f, "serial:{it}"),
            Self::Model(it) => write!(f, "model:{it}"),
            Self::LargestNotRoot => f.write_str("size:largest-not-root"),
            Self::Running => f.write_str("the disk of the running system"),
        }
    }
}

/// A fact that the disk must have: `serial:…`, `model:…`, `id:…`, `table:…` or `size:BYTES`. Those that an earlier look
/// at the machine noted tell whether it is still the same disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Must {
    what: What,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Serial,
    Model,
    Id,
    Table,
    Size,
}

/// What is no fact of a disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no fact of a disk: there are `serial:…`, `model:…`, `id:…`, `table:…` and `size:BYTES`")]
pub struct ParseMustError(String);

impl FromStr for Must {
    type Err = ParseMustError;

    fn from_str(text: &str) -> Result<Self, ParseMustError> {
        let wrong = || ParseMustError(text.to_owned());
        let (what, value) = text.split_once(':').ok_or_else(wrong)?;
        let what = match what {
            "serial" => What::Serial,
            "model" => What::Model,
            "id" => What::Id,
            "table" => What::Table,
            "size" if value.parse::<u64>().is_ok() => What::Size,
            _ => return Err(wrong()),
        };
        if value.is_empty() { Err(wrong()) } else { Ok(Self { what, value: value.to_owned() }) }
    }
}

impl fmt::Display for Must {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            What::Serial => "serial",
            What::Model => "model",
            What::Id => "id",
            What::Table => "table",
            What::Size => "size",
        };
        write!(f, "{what}:{}", self.value)
    }
}

impl Must {
    fn found(&self, disk: &Disk) -> Vec<String> {
        match self.what {
            What::Serial => disk.serial.clone().into_iter().collect(),
            What::Model => disk.model.clone().into_iter().collect(),
            What::Id => disk.ids.iter().cloned().chain(disk.wwid.clone()).collect(),
            What::Table => disk.table.clone().into_iter().collect(),
            What::Size => vec![disk.size.to_string()],
        }
    }

    fn check(&self, disk: &Disk) -> Result<(), DiskError> {
        let found = self.found(disk);
        if found.contains(&self.value) {
            return Ok(());
        }
        let found = if found.is_empty() { "without one".to_owned() } else { found.join("`, `") };
        Err(DiskError::OtherDisk { disk: disk.path.clone(), said: self.to_string(), found })
    }

    /// One that `disk` has, for whoever named it too vaguely.
    fn of(disk: &Disk) -> Self {
        let (what, value) = match (&disk.serial, disk.ids.first()) {
            (Some(serial), _) => (What::Serial, serial.clone()),
            (None, Some(id)) => (What::Id, id.clone()),
            (None, None) => (What::Size, disk.size.to_string()),
        };
        Self { what, value }
    }
}

/// What is looked for, and what it is for.
#[derive(Debug, Clone)]
pub struct Wanted<'w> {
    /// Which disk.
    pub disk: &'w Selector,
    /// What it must be.
    pub must: &'w [Must],
    /// Bytes of the image.
    pub size: u64,
    /// The architecture of the image, where it says one.
    pub architecture: Option<&'w str>,
}

/// The disk that `wanted` names, with nothing against writing it; whether what is on it may go is [`may_erase`]'s.
pub fn choose(facts: &Facts, wanted: &Wanted<'_>) -> Result<Disk, DiskError> {
    let machine = &facts.machine.architecture;
    if let Some(image) = wanted.architecture.filter(|image| image != machine) {
        return Err(DiskError::Architecture { image: image.to_owned(), machine: machine.clone() });
    }
    let disk = find(facts, wanted)?;
    wanted.must.iter().try_for_each(|must| must.check(&disk))?;
    let name = || disk.path.clone();
    // Of the disk that runs only a slot is written that nobody has mounted: `online` looks at that.
    let running = *wanted.disk == Selector::Running;
    if disk.holds_root && !running {
        return Err(DiskError::Running { disk: name() });
    }
    if let Some(at) = disk.mounts.first().filter(|_| !running) {
        let more = disk.mounts.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Err(DiskError::InUse { disk: name(), by: format!("it is mounted at `{at}`{more}") });
    }
    if !disk.users.is_empty() && !running {
        return Err(DiskError::InUse { disk: name(), by: disk.users.join(", ") });
    }
    if disk.read_only {
        return Err(DiskError::ReadOnly { disk: name() });
    }
    if disk.sector != gabion_disk::gpt::SECTOR {
        return Err(DiskError::Sectors { disk: name(), sector: disk.sector });
    }
    if let Some(missing) = wanted.size.checked_sub(disk.size).filter(|it| *it > 0) {
        return Err(DiskError::Small { disk: name(), missing, needed: wanted.size });
    }
    Ok(disk)
}

/// Refuses to write over what is on `disk`, unless `erase` names the disk by what it is.
pub fn may_erase(disk: &Disk, erase: Option<&str>) -> Result<(), DiskError> {
    let words = disk.words();
    let said = erase.map(|it| it.strip_prefix("/dev/disk/by-id/").unwrap_or(it));
    match said {
        Some(said) if words.iter().any(|it| it == said) => Ok(()),
        Some(said) => Err(DiskError::OtherDisk {
            disk: disk.path.clone(),
            said: said.to_owned(),
            found: words.join("`, `"),
        }),
        None if disk.is_blank && disk.partitions.is_empty() => Ok(()),
        None => Err(DiskError::NotEmpty {
            disk: disk.path.clone(),
            content: disk.content(),
            say: words.into_iter().next().unwrap_or_default(),
        }),
    }
}

fn find(facts: &Facts, wanted: &Wanted<'_>) -> Result<Disk, DiskError> {
    let disks: Vec<&Disk> = match wanted.disk {
        Selector::Path(path) => return by_path(facts, wanted, path),
        Selector::Serial(serial) => {
            facts.disks.iter().filter(|it| it.serial.as_ref() == Some(serial)).collect()
        }
        Selector::Model(model) => facts.disks.iter().filter(|it| it.model.as_ref() == Some(model)).collect(),
        Selector::Running => facts.disks.iter().filter(|it| it.is_disk && it.holds_root).collect(),
        Selector::LargestNotRoot => {
            let others = facts.disks.iter().filter(|it| it.is_disk && !it.holds_root && !it.read_only);
            let largest = others.clone().map(|it| it.size).max();
            others.filter(|it| Some(it.size) == largest).collect()
        }
    };
    let wanted = wanted.disk.to_string();
    match disks[..] {
        [disk] => Ok(disk.clone()),
        [] => Err(DiskError::NoDisk { wanted, there: list(facts.disks.iter().filter(|it| it.is_disk)) }),
        _ => Err(DiskError::Ambiguous { wanted, found: list(disks.iter().copied()) }),
    }
}

fn list<'d>(disks: impl Iterator<Item = &'d Disk>) -> String {
    let lines: Vec<String> = disks.map(Disk::describe).collect();
    if lines.is_empty() { "no disks at all".to_owned() } else { lines.join("\n") }
}

fn by_path(facts: &Facts, wanted: &Wanted<'_>, path: &Path) -> Result<Disk, DiskError> {
    let text = path.to_string_lossy();
    if let Some(id) = text.strip_prefix("/dev/disk/by-id/") {
        let found = facts.disks.iter().find(|it| it.ids.iter().any(|it| it == id));
        return found.cloned().ok_or_else(|| none(facts, wanted));
    }
    if let Some(disk) = facts.disks.iter().find(|it| it.path == text) {
        if wanted.must.is_empty() {
            let say = Must::of(disk).to_string();
            return Err(DiskError::NameAlone { name: disk.path.clone(), disk: disk.describe(), say });
        }
        return Ok(disk.clone());
    }
    if path.is_file() {
        return Disk::of_file(path).map_err(|source| DiskError::Facts { path: text.into_owned(), source });
    }
    Err(none(facts, wanted))
}

fn none(facts: &Facts, wanted: &Wanted<'_>) -> DiskError {
    let there = list(facts.disks.iter().filter(|it| it.is_disk));
    DiskError::NoDisk { wanted: wanted.disk.to_string(), there }
}
