//! A directory that is the root of a system: every path is resolved as if it were `/`.
//!
//! Links of packages lead where they would lead on the running system (`openat2(2)`, `RESOLVE_IN_ROOT`), so
//! nothing is ever written outside, whatever a package links to.

use crate::RootfsError;
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Mode and owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Meta {
    /// Those of a tar's header.
    pub(crate) fn of(header: &tar::Header) -> io::Result<Self> {
        let id = |id: u64| u32::try_from(id).map_err(io::Error::other);
        Ok(Self { mode: header.mode()? & 0o7777, uid: id(header.uid()?)?, gid: id(header.gid()?)? })
    }
}

/// An open root.
#[derive(Debug)]
pub(crate) struct Root {
    fd: OwnedFd,
    time: Timestamps,
}

/// Splits `usr/bin/sh` into directory and name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|it| *it == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b".", path),
    }
}

impl Root {
    /// Opens the directory `at`. Everything that is written gets the time `epoch`.
    pub(crate) fn open(at: &Path, epoch: u64) -> io::Result<Self> {
        let fd =
            rustix::fs::openat(CWD, at, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let stamp = Timespec { tv_sec: i64::try_from(epoch).unwrap_or(i64::MAX), tv_nsec: 0 };
        Ok(Self { fd, time: Timestamps { last_access: stamp, last_modification: stamp } })
    }

    fn resolve(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        rustix::fs::openat2(&self.fd, path, flags | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT)
    }

    /// The directory of this path, made with its parents where it is missing.
    pub(crate) fn directory(&self, path: &[u8]) -> io::Result<OwnedFd> {
        match self.resolve(path, OFlags::PATH | OFlags::DIRECTORY) {
            Err(Errno::NOENT) => {
                self.make_directory(path)?;
                Ok(self.resolve(path, OFlags::PATH | OFlags::DIRECTORY)?)
            }
            other => Ok(other?),
        }
    }

    /// Makes a directory; one that is there, also behind a link, is left as it is.
    pub(crate) fn make_directory(&self, path: &[u8]) -> io::Result<()> {
        let (parent, name) = split(path);
        let parent = self.directory(parent)?;
        match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => Ok(rustix::fs::chmodat(&parent, name, Mode::from_raw_mode(0o755), AtFlags::empty())?),
            Err(Errno::EXIST) => {
                self.resolve(path, OFlags::PATH | OFlags::DIRECTORY)?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives an entry that is not a link its owner and mode.
    pub(crate) fn set_meta(&self, path: &[u8], meta: Meta) -> io::Result<()> {
        let fd = self.resolve(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        set_meta(&fd, meta)
    }

    /// Gives a file or directory an extended attribute.
    pub(crate) fn set_attribute(&self, path: &[u8], name: &[u8], value: &[u8]) -> io::Result<()> {
        let fd = self.resolve(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        Ok(rustix::fs::fsetxattr(&fd, name, value, rustix::fs::XattrFlags::empty())?)
    }

    /// Writes a new file; `AlreadyExists` where something has the name.
    pub(crate) fn file(&self, path: &[u8], meta: Meta, content: &mut dyn Read) -> io::Result<()> {
        let (parent, name) = split(path);
        self.file_in(&self.directory(parent)?, name, meta, content)
    }

    /// The same in an open directory.
    pub(crate) fn file_in(
        &self,
        parent: impl AsFd,
        name: &[u8],
        meta: Meta,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o600))?;
        let mut file = File::from(fd);
        let mut buffer = vec![0; 64 << 10];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => file.write_all(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        set_meta(&file, meta)?;
        Ok(rustix::fs::futimens(&file, &self.time)?)
    }

    /// A symbolic link; `AlreadyExists` where something has the name.
    pub(crate) fn symlink(&self, path: &[u8], target: &[u8], meta: Meta) -> io::Result<()> {
        let (parent, name) = split(path);
        let parent = self.directory(parent)?;
        rustix::fs::symlinkat(target, &parent, name)?;
        let (uid, gid) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
        rustix::fs::chownat(&parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(rustix::fs::utimensat(&parent, name, &self.time, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Another name of `target`.
    pub(crate) fn hard_link(&self, path: &[u8], target: &[u8]) -> io::Result<()> {
        let (parent, name) = split(path);
        let (from, old) = split(target);
        let (from, parent) = (self.directory(from)?, self.directory(parent)?);
        Ok(rustix::fs::linkat(&from, old, &parent, name, AtFlags::empty())?)
    }

    /// Whether something has this name; a link counts as itself.
    pub(crate) fn kind(&self, path: &[u8]) -> io::Result<Option<FileType>> {
        let (parent, name) = split(path);
        let parent = match self.resolve(parent, OFlags::PATH | OFlags::DIRECTORY) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            other => other?,
        };
        match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            other => Ok(Some(FileType::from_raw_mode(other?.st_mode))),
        }
    }

    /// Where a symbolic link leads; `None` where there is none.
    pub(crate) fn link(&self, path: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let (parent, name) = split(path);
        let parent = match self.resolve(parent, OFlags::PATH | OFlags::DIRECTORY) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            other => other?,
        };
        match rustix::fs::readlinkat(&parent, name, Vec::new()) {
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            other => Ok(Some(other?.into_bytes())),
        }
    }

    /// The bytes of a file, links followed; `None` where there is none.
    pub(crate) fn read(&self, path: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut file = match self.resolve(path, OFlags::RDONLY | OFlags::NONBLOCK) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            other => File::from(other?),
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Removes a file or link; nothing there is fine.
    pub(crate) fn remove(&self, path: &[u8]) -> io::Result<()> {
        let (parent, name) = split(path);
        let parent = match self.resolve(parent, OFlags::PATH | OFlags::DIRECTORY) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            other => other?,
        };
        match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Replaces a file's bytes, keeping owner and mode of the one that was there.
    pub(crate) fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), RootfsError> {
        let done = || -> io::Result<()> {
            let meta = match self.resolve(path.as_bytes(), OFlags::RDONLY | OFlags::NONBLOCK) {
                Err(Errno::NOENT) => Meta { mode: 0o644, uid: 0, gid: 0 },
                other => {
                    let stat = rustix::fs::fstat(other?)?;
                    Meta { mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid }
                }
            };
            self.remove(path.as_bytes())?;
            self.file(path.as_bytes(), meta, &mut &*bytes)
        };
        done().map_err(|error| RootfsError::io("write", path, error))
    }

    /// Renames within the root.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let ((old_parent, old), (new_parent, new)) = (split(from.as_bytes()), split(to.as_bytes()));
        let (old_parent, new_parent) = (self.directory(old_parent)?, self.directory(new_parent)?);
        Ok(rustix::fs::renameat(&old_parent, old, &new_parent, new)?)
    }

    /// The names in a directory, sorted; empty where there is none.
    pub(crate) fn names(&self, path: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let fd = match self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&fd)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort();
        Ok(names)
    }
}

/// The owner first: changing it drops set-id bits.
fn set_meta(fd: impl AsFd, meta: Meta) -> io::Result<()> {
    rustix::fs::fchown(&fd, Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)))?;
    Ok(rustix::fs::fchmod(&fd, Mode::from_raw_mode(meta.mode))?)
}
