//! Devices of partitions: the kernel's, or loops where it shows none.

use super::DiskError;
use super::facts::Disk;
use super::programs::{BLOCKDEV, LOSETUP};
use gabion_disk::gpt::{Partition, SECTOR};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the kernel may take to show a partition.
const PATIENCE: Duration = Duration::from_secs(5);

/// Devices of the partitions of one disk; loops go with this value.
#[derive(Debug)]
pub(super) struct Parts<'d> {
    disk: &'d Disk,
    /// Whether the kernel was told to look.
    asked: bool,
    loops: Vec<String>,
}

impl<'d> Parts<'d> {
    pub(super) fn new(disk: &'d Disk) -> Self {
        Self { disk, asked: false, loops: Vec::new() }
    }

    /// The device of a partition.
    pub(super) fn device(&mut self, partition: &Partition) -> Result<PathBuf, DiskError> {
        let folder = Path::new("/sys/class/block").join(self.disk.name.replace('/', "!"));
        let is_disk = self.disk.path.starts_with("/dev/") && folder.exists();
        if is_disk {
            if let Some(found) = shown(&folder, partition) {
                return Ok(found);
            }
            if !self.asked {
                self.asked = true;
                // A device without partitions, as some loops are, has no table to be read.
                let _refused = BLOCKDEV.run(&["--rereadpt", &self.disk.path], 0);
                let end = Instant::now() + PATIENCE;
                while Instant::now() < end && !has_partitions(&folder) {
                    std::thread::sleep(Duration::from_millis(50));
                }
                return self.device(partition);
            }
            if has_partitions(&folder) {
                let (disk, label) = (self.disk.path.clone(), partition.label.clone());
                return Err(DiskError::Partition { disk, label });
            }
        }
        self.loop_over(partition)
    }

    fn loop_over(&mut self, partition: &Partition) -> Result<PathBuf, DiskError> {
        let (offset, size) = (partition.offset().to_string(), partition.size().to_string());
        let made = LOSETUP
            .run(&["--find", "--show", "--offset", &offset, "--sizelimit", &size, &self.disk.path], 0)?;
        self.loops.push(made.clone());
        Ok(made.into())
    }
}

impl Drop for Parts<'_> {
    fn drop(&mut self) {
        for it in &self.loops {
            let _gone = LOSETUP.run(&["--detach", it], 0);
        }
    }
}

fn number(path: &Path) -> Option<u64> {
    String::from_utf8(fs_err::read(path).ok()?).ok()?.trim().parse().ok()
}

fn partitions(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|it| it.path()).filter(|it| it.join("partition").exists())
}

fn has_partitions(folder: &Path) -> bool {
    partitions(folder).next().is_some()
}

/// The kernel's device for exactly this partition.
fn shown(folder: &Path, partition: &Partition) -> Option<PathBuf> {
    let is_it = |it: &PathBuf| {
        number(&it.join("start")) == Some(partition.offset() / SECTOR)
            && number(&it.join("size")) == Some(partition.size() / SECTOR)
    };
    let found = partitions(folder).find(is_it)?;
    let name = found.file_name()?.to_str()?.replace('!', "/");
    let device = Path::new("/dev").join(name);
    device.exists().then_some(device)
}
