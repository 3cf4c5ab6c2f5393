//! What is mounted, and on which disks it lies: through partitions, device mapper, RAID, loops and overlays.

use super::{failed, line, names};
use crate::disk::DiskError;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How many layers of devices are looked through.
const DEPTH: usize = 16;

/// A line of `/proc/self/mountinfo` (`proc(5)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    device: String,
    pub(super) at: String,
    source: String,
    options: String,
}

/// All mounts, and what else uses block devices.
#[derive(Debug)]
pub(super) struct Mounts<'r> {
    root: &'r Path,
    pub(super) all: Vec<Mount>,
}

/// Undoes `\040` and the like.
fn plain(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| *first == b'\\').and_then(|it| std::str::from_utf8(it).ok());
        if let Some(byte) = octal.and_then(|it| u8::from_str_radix(it, 8).ok()) {
            bytes.push(byte);
            rest = &tail[3..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn parse(text: &str) -> Option<Mount> {
    let (before, after) = text.split_once(" - ")?;
    let mut fields = before.split(' ').skip(2);
    let (device, _root, at) = (fields.next()?, fields.next()?, fields.next()?);
    let mut fields = after.split(' ').skip(1);
    let (source, options) = (fields.next()?, fields.next().unwrap_or_default());
    Some(Mount { device: device.to_owned(), at: plain(at), source: plain(source), options: plain(options) })
}

impl<'r> Mounts<'r> {
    pub(super) fn read(root: &'r Path) -> Result<Self, DiskError> {
        let path = root.join("proc/self/mountinfo");
        let text = fs_err::read(&path).map_err(|source| failed(&path, source))?;
        let all = String::from_utf8_lossy(&text).lines().filter_map(parse).collect();
        Ok(Self { root, all })
    }

    /// The disks that `mount` lies on, as folders of `/sys`.
    pub(super) fn disks(&self, mount: &Mount) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        self.of_mount(mount, DEPTH, &mut found);
        found
    }

    /// The disks that `/` lies on.
    pub(super) fn root_disks(&self) -> BTreeSet<PathBuf> {
        self.all.iter().rev().find(|it| it.at == "/").map(|it| self.disks(it)).unwrap_or_default()
    }

    /// Disks that memory is paged to, with the device.
    pub(super) fn swaps(&self) -> Vec<(String, BTreeSet<PathBuf>)> {
        let text = line(&self.root.join("proc/swaps")).unwrap_or_default();
        let paths = text.lines().skip(1).filter_map(|it| it.split_whitespace().next());
        let disks = |path: &str| {
            let mut found = BTreeSet::new();
            self.of_path(&plain(path), DEPTH, &mut found);
            (plain(path), found)
        };
        paths.map(disks).collect()
    }

    fn of_mount(&self, mount: &Mount, depth: usize, found: &mut BTreeSet<PathBuf>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let device = self.root.join("sys/dev/block").join(&mount.device);
        if let Ok(folder) = device.canonicalize() {
            return self.of_device(&folder, depth, found);
        }
        // File systems over several devices, and those over others, have a number of their own.
        if mount.source.starts_with('/') {
            return self.of_path(&mount.source, depth, found);
        }
        for option in mount.options.split(',') {
            let Some((name, value)) = option.split_once('=') else { continue };
            if matches!(name, "lowerdir" | "upperdir") {
                value.split(':').for_each(|path| self.of_path(path, depth, found));
            }
        }
    }

    /// A device node, or else the file system that the path lies on.
    fn of_path(&self, path: &str, depth: usize, found: &mut BTreeSet<PathBuf>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let inside = path.trim_start_matches('/');
        let real = self.root.join(inside).canonicalize().unwrap_or_else(|_| self.root.join(inside));
        if let Ok(name) = real.strip_prefix(self.root.join("dev")) {
            let name = String::from_utf8_lossy(name.as_os_str().as_bytes()).replace('/', "!");
            if let Ok(folder) = self.root.join("sys/class/block").join(name).canonicalize() {
                return self.of_device(&folder, depth, found);
            }
        }
        let holds = |it: &&Mount| it.at == "/" || path == it.at || path.starts_with(&format!("{}/", it.at));
        let longest = self.all.iter().filter(holds).max_by_key(|it| it.at.len());
        if let Some(mount) = longest {
            self.of_mount(mount, depth, found);
        }
    }

    /// A folder of `/sys` that is a disk, a partition, or made of other devices.
    fn of_device(&self, folder: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        if folder.join("partition").exists() {
            if let Some(disk) = folder.parent() {
                self.of_device(disk, depth, found);
            }
            return;
        }
        found.insert(folder.to_owned());
        for name in names(&folder.join("slaves")) {
            if let Ok(below) = folder.join("slaves").join(name).canonicalize() {
                self.of_device(&below, depth, found);
            }
        }
        if let Some(file) = line(&folder.join("loop/backing_file")) {
            self.of_path(&file, depth, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_and_of_what() {
        let it =
            parse("36 35 98:0 /mnt1 /mnt\\040two rw,noatime master:1 - ext3 /dev/root rw,errors=continue")
                .unwrap();
        assert_eq!((&*it.device, &*it.at, &*it.source), ("98:0", "/mnt two", "/dev/root"));
        assert_eq!(parse("36 35 98:0"), None);
    }
}
