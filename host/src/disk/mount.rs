//! The new system as a root: its slot with `state`, `data` and their folders in it, seen by nobody else.
//!
//! Everything is mounted by a thread that has a mount namespace of its own. It unmounts what it mounted, also after an
//! error; and if it cannot, or is killed, the namespace and all in it ends with it.

use super::DiskError;
use super::fstab::{self, FOLDERS, FSTAB, Line};
use super::parts::Parts;
use crate::{HostError, Root};
use gabion_disk::gpt::Table;
use gabion_disk::{Role, Slot};
use rustix::fs::{AtFlags, CWD, Gid, Mode, Uid};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::thread::UnshareFlags;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files of the system that are read are smaller.
const LIMIT: u64 = 1 << 20;
/// Where the folder for the mounts is made, wherever that is possible.
const FOLDERS_FOR_MOUNTS: [&str; 2] = ["/run", "/tmp"];

/// What is mounted.
#[derive(Debug)]
pub(super) struct Devices {
    /// The slot.
    pub(super) slot: PathBuf,
    /// Other partitions that a line of the `fstab` may name, by identifier.
    pub(super) others: BTreeMap<String, PathBuf>,
}

impl Devices {
    /// Those of the new system in `slot`, on a disk with this table.
    pub(super) fn of(parts: &mut Parts<'_>, table: &Table, slot: Slot) -> Result<Self, DiskError> {
        let all = table.partitions();
        let slot = parts.device(&all[Role::from(slot) as usize])?;
        let mut others = BTreeMap::new();
        for role in [Role::State, Role::Data] {
            let part = &all[role as usize];
            others.insert(part.id.to_string(), parts.device(part)?);
        }
        Ok(Self { slot, others })
    }
}

/// Mounts `devices`, does `work` in them, and unmounts them.
pub(super) fn mounted<T: Send>(
    devices: &Devices,
    work: impl FnOnce(&Root) -> Result<T, HostError> + Send,
) -> Result<T, HostError> {
    let done = std::thread::scope(|scope| scope.spawn(|| alone(devices, work)).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn failed(what: &'static str, at: impl AsRef<Path>, source: impl Into<io::Error>) -> DiskError {
    DiskError::Mount { what, at: at.as_ref().display().to_string(), source: source.into() }
}

/// In a thread of its own.
fn alone<T>(devices: &Devices, work: impl FnOnce(&Root) -> Result<T, HostError>) -> Result<T, HostError> {
    #[expect(
        deprecated,
        reason = "what may be unsafe is to leave the table of open files, which stays shared"
    )]
    let left = rustix::thread::unshare(UnshareFlags::NEWNS);
    left.map_err(|error| failed("leave the mounts of", "/", error))?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).map_err(|error| failed("leave the mounts of", "/", error))?;
    let folder = folder()?;
    let mut mounts = Mounts { folder: folder.clone(), at: Vec::new() };
    let done = mounts.all(devices).map_err(HostError::from).and_then(|root| {
        let done = work(&root);
        // Before anything is unmounted, so that its error is told.
        mounts.sync()?;
        done
    });
    let gone = mounts.unmount();
    let _empty = std::fs::remove_dir(&folder);
    let done = done?;
    gone?;
    Ok(done)
}

/// An empty folder of root's.
fn folder() -> Result<PathBuf, DiskError> {
    let name = format!("gabion-host.{}", std::process::id());
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for above in FOLDERS_FOR_MOUNTS {
        let folder = Path::new(above).join(&name);
        match rustix::fs::mkdir(&folder, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => return Ok(folder),
            Err(error) => last = error.into(),
        }
    }
    Err(failed("make a folder in", FOLDERS_FOR_MOUNTS[0], last))
}

/// A path that leads to an open folder, whatever its name leads to.
fn path(folder: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", folder.as_raw_fd())
}

struct Mounts {
    folder: PathBuf,
    /// In the order in which they were mounted, relative to the folder.
    at: Vec<String>,
}

impl Mounts {
    fn all(&mut self, devices: &Devices) -> Result<Root, DiskError> {
        mount(&devices.slot, &self.folder, "the slot")?;
        self.at.push(String::new());
        let root = Root::open(&self.folder).map_err(|error| failed("open", &self.folder, error))?;
        let read = |path: &str| {
            let bytes = root.read(path, LIMIT).map_err(|error| failed("read", path, error))?;
            Ok::<_, DiskError>(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
        };
        let (lines, folders, groups) =
            (fstab::parse(&read(FSTAB)?), fstab::folders(&read(FOLDERS)?), read("etc/group")?);
        for line in &lines {
            let Line::Partition { id, at } = line else { continue };
            let Some(device) = devices.others.get(id) else { continue };
            let target = root.folder(at).map_err(|error| failed("find", at, error))?;
            mount(device, Path::new(&path(&target)), at)?;
            self.at.push(at.clone());
        }
        for (path, (mode, name)) in folders.iter().filter(|it| self.is_on_partition(it.0)) {
            make(&root, path, *mode, name.as_deref().and_then(|it| fstab::group(&groups, it)))?;
        }
        for line in &lines {
            let Line::Bind { from, at } = line else { continue };
            if !self.is_on_partition(from) {
                continue;
            }
            make(&root, from, 0o755, None)?;
            make(&root, at, 0o755, None)?;
            let source = root.folder(from).map_err(|error| failed("find", from, error))?;
            let target = root.folder(at).map_err(|error| failed("find", at, error))?;
            let bound = rustix::mount::mount_bind(path(&source), path(&target));
            bound.map_err(|error| failed("mount", at, error))?;
            self.at.push(at.clone());
        }
        Ok(root)
    }

    /// Whether a folder lies on one of the partitions beside the slot.
    fn is_on_partition(&self, path: &str) -> bool {
        let first = path.split('/').next().unwrap_or_default();
        self.at.iter().any(|at| at == first)
    }

    /// What was written is on the disks.
    fn sync(&self) -> Result<(), DiskError> {
        for at in &self.at {
            let at = self.folder.join(at);
            let folder = rustix::fs::openat(CWD, &at, rustix::fs::OFlags::DIRECTORY, Mode::empty());
            let synced = folder.and_then(rustix::fs::syncfs);
            synced.map_err(|error| failed("sync", &at, error))?;
        }
        Ok(())
    }

    /// Unmounts the last one first; gives the first error, and goes on behind it.
    fn unmount(&mut self) -> Result<(), DiskError> {
        let mut result = Ok(());
        while let Some(at) = self.at.pop() {
            let at = self.folder.join(at);
            if let Err(error) = patiently(|| rustix::mount::unmount(&at, UnmountFlags::NOFOLLOW)) {
                let _later = rustix::mount::unmount(&at, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW);
                result = result.and(Err(failed("unmount", &at, error)));
            }
        }
        result
    }
}

/// A program that another thread is about to start has every open file for a moment, and keeps what is mounted in use.
fn patiently(mut unmount: impl FnMut() -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    for _ in 0..50 {
        match unmount() {
            Err(rustix::io::Errno::BUSY) => std::thread::sleep(Duration::from_millis(20)),
            done => return done,
        }
    }
    unmount()
}

fn mount(device: &Path, at: &Path, name: &str) -> Result<(), DiskError> {
    let flags = MountFlags::NOATIME | MountFlags::NODEV | MountFlags::NOSUID;
    let done = rustix::mount::mount(device, at, "ext4", flags, None);
    done.map_err(|error| failed("mount", name, error))
}

/// Makes a folder with a group, where there is none.
fn make(root: &Root, path: &str, mode: u32, group: Option<u32>) -> Result<(), DiskError> {
    if root.folder(path).is_ok() {
        return Ok(());
    }
    root.make_folder(path, mode).map_err(|error| failed("make", path, error))?;
    let Some(group) = group else { return Ok(()) };
    let folder = root.folder(path).map_err(|error| failed("find", path, error))?;
    let given =
        rustix::fs::chownat(&folder, "", None::<Uid>, Some(Gid::from_raw(group)), AtFlags::EMPTY_PATH);
    given.map_err(|error| failed("make", path, error))?;
    // A change of the group takes the bit away that hands it on.
    let again = rustix::fs::chmodat(CWD, self::path(&folder), Mode::from_raw_mode(mode), AtFlags::empty());
    again.map_err(|error| failed("make", path, error))
}
