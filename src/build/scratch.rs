//! Folders in which systems arise and scripts run, in the folder for temporary files.
//!
//! Whoever makes one holds its lock (`flock(2)`) as long as it is needed. One that nobody holds was left by a process that
//! was ended, by a signal or by a power cut; the next build takes it away.
//!
//! # Invariants
//! - What another user owns, a link, or what a living process holds, is left alone.
//! - The root of a system that failed has another name where somebody wants to look at it, and stays.

use super::run::open_up;
use gabion_sandbox::Ids;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, openat};
use rustix::process::geteuid;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a folder is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The root of a system: its files belong to many users.
    Root,
    /// The same, which stays where it is if a program fails.
    KeptRoot,
    /// What scripts read and leave: all of it is the caller's.
    Scripts,
}

impl Use {
    const SWEPT: [Self; 2] = [Self::Root, Self::Scripts];

    /// What its name begins with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Root => "gabion-root-",
            Self::KeptRoot => "gabion-kept-",
            Self::Scripts => "gabion-run-",
        }
    }
}

/// A folder of one's own. It goes with the value; what is in a root goes with what made it.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    what: Use,
    /// Held, never read.
    _lock: OwnedFd,
}

impl Scratch {
    /// A new and empty one.
    pub(super) fn new(what: Use) -> io::Result<Self> {
        // A sandbox takes no path that leads over links or is relative.
        let folder = fs_err::canonicalize(std::env::temp_dir())?;
        loop {
            let path = tempfile::Builder::new().prefix(what.prefix()).tempdir_in(&folder)?.keep();
            // Taken away between the two calls: another one.
            if let Some(lock) = take(&path)? {
                return Ok(Self { path, what, _lock: lock });
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _swept_later = match self.what {
            Use::Scripts => remove(&self.path, self.what),
            // Nothing was begun in it.
            Use::Root | Use::KeptRoot => fs_err::remove_dir(&self.path),
        };
    }
}

/// Holds a folder of ours that nobody holds; nothing where somebody does, or there is none.
fn take(path: &Path) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match openat(CWD, path, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => {
            return Ok(None);
        }
        opened => opened?,
    };
    let stat = fstat(&folder)?;
    if stat.st_uid != geteuid().as_raw() || flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err()
    {
        return Ok(None);
    }
    let named = fs_err::symlink_metadata(path).ok().map(|it| (it.dev(), it.ino()));
    Ok((named == Some((stat.st_dev, stat.st_ino))).then_some(folder))
}

/// Takes away what processes that are gone have left. What cannot be taken away stays: nothing depends on it.
pub(super) fn sweep() {
    let Ok(entries) = fs_err::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let begins = |it: &Use| name.as_encoded_bytes().starts_with(it.prefix().as_bytes());
        let Some(what) = Use::SWEPT.into_iter().find(begins) else { continue };
        if let Ok(Some(_held)) = take(&entry.path()) {
            let _left = remove(&entry.path(), what);
        }
    }
}

fn remove(path: &Path, what: Use) -> io::Result<()> {
    if what == Use::Root {
        // Only who can own its files can remove them.
        let ids = Ids::find().map_err(io::Error::other)?;
        gabion_rootfs::remove_root(path, &ids);
        return Ok(());
    }
    // Whatever modes a script gave to what it made.
    open_up(path)?;
    fs_err::remove_dir_all(path)
}
