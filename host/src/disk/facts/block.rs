//! Disks: what they are called, what is on them, and who uses them.

use super::mounts::Mounts;
use super::{line, names, number};
use crate::disk::DiskError;
use gabion_disk::{FoundTable, MIB};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Sectors as `/sys` counts them, whatever the disk has.
const SECTOR: u64 = 512;

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Disk {
    /// The kernel's name, `sda`, which another start may give to another disk.
    pub name: String,
    /// Its device, or the file that stands for a disk.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Bytes of a sector, as the disk counts them.
    pub sector: u64,
    /// Whether it is a real disk or a virtual machine's, and no loop, RAID, mapping or drive with a tray.
    pub is_disk: bool,
    /// Whether it can only be read.
    pub read_only: bool,
    /// What it says it is.
    pub model: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Its worldwide name.
    pub wwid: Option<String>,
    /// Its names below `/dev/disk/by-id`.
    pub ids: Vec<String>,
    /// The identifier of its table of partitions, where that is a GPT.
    pub table: Option<String>,
    /// Its partitions.
    pub partitions: Vec<Partition>,
    /// Where it is mounted.
    pub mounts: Vec<String>,
    /// What else uses it: devices made of it, and swap.
    pub users: Vec<String>,
    /// Whether the running system lies on it.
    pub holds_root: bool,
    /// Whether its first and its last MiB are zeros: no table and no file system stands there.
    pub is_blank: bool,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// The kernel's name, where the kernel knows it.
    pub name: Option<String>,
    /// Its number.
    pub number: u32,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// Its label, where the table is a GPT.
    pub label: Option<String>,
    /// Its identifier, where the table is a GPT: Linux' `PARTUUID`.
    pub id: Option<String>,
}

impl Disk {
    /// What tells this disk from others, the surest first: for whoever must say which one.
    pub fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self.serial.clone().into_iter().collect();
        words.extend(self.ids.iter().cloned());
        words.extend(self.wwid.clone());
        words.extend(self.table.clone());
        if words.is_empty() {
            words.push(format!("{}:{}", self.name, self.size));
        }
        words
    }

    /// One line for a person.
    pub fn describe(&self) -> String {
        let mut text =
            format!("`{}`, {}.{} GB", self.path, self.size / 1_000_000_000, self.size / 100_000_000 % 10);
        for (what, value) in [("model", &self.model), ("serial", &self.serial)] {
            if let Some(value) = value {
                text.extend([", ", what, " `", value, "`"]);
            }
        }
        if self.serial.is_none()
            && let Some(id) = self.ids.first()
        {
            text.extend([", id `", id, "`"]);
        }
        if self.holds_root {
            text.push_str(", with the running system");
        }
        text
    }

    /// What is on it, for a person.
    pub fn content(&self) -> String {
        let mib = |size: u64| size / MIB;
        let of = |it: &Partition| {
            let label = it.label.as_deref().filter(|it| !it.is_empty()).map(|it| format!(" `{it}`"));
            format!("{}{} ({} MiB)", it.number, label.unwrap_or_default(), mib(it.size))
        };
        let parts: Vec<String> = self.partitions.iter().map(of).collect();
        match (parts.is_empty(), self.is_blank) {
            (false, _) => format!("the partitions {}", parts.join(", ")),
            (true, true) => "nothing".to_owned(),
            (true, false) => "no partitions, but something in its first or last MiB".to_owned(),
        }
    }

    /// A file that stands for a disk.
    pub(crate) fn of_file(path: &Path) -> std::io::Result<Self> {
        let real = path.canonicalize()?;
        let size = real.metadata()?.len();
        let mut disk = Self {
            name: real.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            path: real.to_string_lossy().into_owned(),
            size,
            sector: SECTOR,
            is_disk: false,
            read_only: real.metadata()?.permissions().readonly(),
            model: None,
            serial: None,
            wwid: None,
            ids: Vec::new(),
            table: None,
            partitions: Vec::new(),
            mounts: Vec::new(),
            users: Vec::new(),
            holds_root: false,
            is_blank: false,
        };
        disk.look(&real)?;
        Ok(disk)
    }

    /// Adds what only the disk's own bytes say.
    fn look(&mut self, path: &Path) -> std::io::Result<()> {
        let mut device = File::options().read(true).open(path)?;
        self.is_blank = is_blank(&mut device, self.size)?;
        let Some(table) = FoundTable::read(&mut device, self.size)? else { return Ok(()) };
        self.table = Some(table.id.to_string());
        for (number, found) in &table.partitions {
            let (label, id) = (Some(found.label.clone()), Some(found.id.to_string()));
            match self.partitions.iter_mut().find(|it| it.number == *number) {
                Some(known) => (known.label, known.id) = (label, id),
                None => self.partitions.push(Partition {
                    name: None,
                    number: *number,
                    start: found.first.saturating_mul(SECTOR),
                    size: found.sectors.saturating_mul(SECTOR),
                    label,
                    id,
                }),
            }
        }
        self.partitions.sort_by_key(|it| it.number);
        Ok(())
    }
}

fn is_blank(device: &mut (impl Read + Seek), size: u64) -> std::io::Result<bool> {
    for at in [0, size.saturating_sub(MIB)] {
        let mut bytes = Vec::new();
        device.seek(SeekFrom::Start(at))?;
        device.by_ref().take(MIB).read_to_end(&mut bytes)?;
        if bytes.iter().any(|it| *it != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Names of devices that are made of other things, or hold what can be taken out.
fn is_made(name: &str) -> bool {
    let of =
        |prefix: &str| name.strip_prefix(prefix).is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()));
    ["loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"].iter().any(|it| of(it))
}

pub(super) fn gather(root: &Path) -> Result<Vec<Disk>, DiskError> {
    let mounts = Mounts::read(root)?;
    let ids = ids(root);
    let roots = mounts.root_disks();
    let mut disks = Vec::new();
    for name in names(&root.join("sys/block")) {
        let folder = root.join("sys/block").join(&name);
        let folder = folder.canonicalize().unwrap_or(folder);
        let size = number(&folder.join("size")).unwrap_or_default().saturating_mul(SECTOR);
        if size == 0 {
            continue;
        }
        let path = format!("/dev/{}", name.replace('!', "/"));
        let lies = |it: &&super::mounts::Mount| mounts.disks(it).contains(&folder);
        let mut disk = Disk {
            path: path.clone(),
            size,
            sector: number(&folder.join("queue/logical_block_size")).unwrap_or(SECTOR),
            is_disk: !is_made(&name),
            read_only: number(&folder.join("ro")) == Some(1),
            model: line(&folder.join("device/model")),
            serial: serial(&folder),
            wwid: ["wwid", "device/wwid"].iter().find_map(|it| line(&folder.join(it))),
            ids: ids.get(&name).cloned().unwrap_or_default(),
            table: None,
            partitions: partitions(&folder),
            mounts: mounts.all.iter().filter(lies).map(|it| it.at.clone()).collect(),
            users: users(&folder, &mounts),
            holds_root: roots.contains(&folder),
            is_blank: false,
            name,
        };
        // One that cannot be opened is listed as what `/sys` says of it; choosing it fails later, with the reason.
        let _unknown = disk.look(&root.join(path.trim_start_matches('/')));
        disks.push(disk);
    }
    Ok(disks)
}

/// Virtio and `NVMe` say it in a file; SCSI in a page of four bytes and the number (SPC, "Unit Serial Number").
fn serial(folder: &Path) -> Option<String> {
    let said = ["serial", "device/serial"].iter().find_map(|it| line(&folder.join(it)));
    said.or_else(|| {
        let page = fs_err::read(folder.join("device/vpd_pg80")).ok()?;
        let text = String::from_utf8_lossy(page.get(4..)?).trim_matches(['\0', ' ']).to_owned();
        (!text.is_empty()).then_some(text)
    })
}

fn partitions(folder: &Path) -> Vec<Partition> {
    let of = |name: String| {
        let folder = folder.join(&name);
        Some(Partition {
            number: u32::try_from(number(&folder.join("partition"))?).ok()?,
            start: number(&folder.join("start"))?.saturating_mul(SECTOR),
            size: number(&folder.join("size"))?.saturating_mul(SECTOR),
            name: Some(name),
            label: None,
            id: None,
        })
    };
    let mut all: Vec<Partition> = names(folder).into_iter().filter_map(of).collect();
    all.sort_by_key(|it| it.number);
    all
}

fn users(folder: &Path, mounts: &Mounts<'_>) -> Vec<String> {
    let parts = names(folder).into_iter().filter(|it| folder.join(it).join("partition").exists());
    let places = parts.map(|it| folder.join(it)).chain([folder.to_owned()]);
    let mut users: Vec<String> = places.flat_map(|it| names(&it.join("holders"))).collect();
    let swaps = mounts.swaps().into_iter().filter(|(_, disks)| disks.contains(folder));
    users.extend(swaps.map(|(path, _)| format!("swap on {path}")));
    users
}

/// Names below `/dev/disk/by-id`, by the kernel's name.
fn ids(root: &Path) -> BTreeMap<String, Vec<String>> {
    let folder = root.join("dev/disk/by-id");
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in names(&folder) {
        let target = std::fs::read_link(folder.join(&id)).ok();
        let name = target.as_deref().and_then(Path::file_name).and_then(|it| it.to_str());
        if let Some(name) = name {
            ids.entry(name.to_owned()).or_default().push(id);
        }
    }
    ids
}
