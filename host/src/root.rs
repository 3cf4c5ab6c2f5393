//! The root that is written to: `/` of a running host, a mounted disk, or a folder.
//!
//! Every path is resolved by the kernel inside the root (`openat2` with `RESOLVE_IN_ROOT`): a symlink
//! in the root, absolute or with `..`, cannot lead a write out of it.
//!
//! # Invariants
//! - A file appears under its name complete, synced and with its mode, or not at all.
//! - Modes and owners are set explicitly; the umask of the caller and a set-group-ID folder change
//!   nothing.

use crate::compare::compare;
use crate::power::step;
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Gid, Mode, OFlags, ResolveFlags, Stat, Uid};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// An open root folder.
#[derive(Debug)]
pub struct Root {
    folder: OwnedFd,
}

/// What an existing file is, its bytes aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Permission bits.
    pub mode: u32,
    /// Its size.
    pub size: u64,
    /// Whether it belongs to who writes here.
    pub owned: bool,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    File,
    Folder,
    Link(String),
    /// A socket, a pipe or a device.
    Other,
}

/// Whose something is, its bytes aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) mode: u32,
    pub(crate) user: u32,
    pub(crate) group: u32,
    /// Seconds since 1970.
    pub(crate) time: u64,
}

/// A root that nobody else installs into.
#[derive(Debug)]
pub struct RootLock {
    _folder: OwnedFd,
}

/// Who writes: what this process makes belongs to its user and group, wherever it makes it.
fn writer() -> (Uid, Gid) {
    (rustix::process::geteuid(), rustix::process::getegid())
}

fn is_writers(stat: &Stat) -> bool {
    let (user, group) = writer();
    stat.st_uid == user.as_raw() && stat.st_gid == group.as_raw()
}

/// Gives an open file or folder to the writer; a file system that knows no owners is not asked to
/// change one that is right.
fn own(file: impl AsFd) -> rustix::io::Result<()> {
    give(file, writer())
}

/// The same for any user and group.
fn give(file: impl AsFd, (user, group): (Uid, Gid)) -> rustix::io::Result<()> {
    let stat = rustix::fs::fstat(&file)?;
    if stat.st_uid == user.as_raw() && stat.st_gid == group.as_raw() {
        return Ok(());
    }
    step()?;
    rustix::fs::chownat(&file, "", Some(user), Some(group), AtFlags::EMPTY_PATH)
}

/// Suffix of a file that is being written; one that is found is a rest of an interrupted run.
pub(crate) const PART: &str = ".gabion-part";

/// Where the bytes of `path` are gathered while it is written.
pub(crate) fn part(path: &str) -> String {
    let (above, name) = split(path);
    let slash = if above.is_empty() { "" } else { "/" };
    format!("{above}{slash}.{name}{PART}")
}

pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Root {
    /// Opens an existing folder as root.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { folder: rustix::fs::openat(CWD, path, flags, Mode::empty())? })
    }

    /// Keeps every other installer out of this root until the value is dropped; `None` while another one is
    /// at work. It is a lock of the folder itself, so nothing is written for it.
    pub fn lock(&self) -> io::Result<Option<RootLock>> {
        let folder = self.resolve("", OFlags::RDONLY | OFlags::DIRECTORY)?;
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(RootLock { _folder: folder })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn resolve(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.is_empty() { "." } else { path };
        let flags = flags | OFlags::CLOEXEC;
        Ok(rustix::fs::openat2(&self.folder, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?)
    }

    /// An existing folder, resolved inside the root.
    pub(crate) fn folder(&self, path: &str) -> io::Result<OwnedFd> {
        self.resolve(path, OFlags::PATH | OFlags::DIRECTORY)
    }

    /// Makes `path` and every folder above it; an existing folder keeps its mode.
    pub fn make_folder(&self, path: &str, mode: u32) -> io::Result<()> {
        match self.folder(path) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let (above, name) = split(path);
        // Folders on the way are ordinary ones; only the last may be meant to be private.
        self.make_folder(above, 0o755)?;
        let above = self.folder(above)?;
        step()?;
        match rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(mode)) {
            Ok(()) => {
                own(self.folder(path)?)?;
                step()?;
                rustix::fs::chmodat(&above, name, Mode::from_raw_mode(mode), AtFlags::empty())?;
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(sync(&above)?)
    }

    /// Whether an existing folder belongs to somebody else than who writes here.
    pub fn is_foreign_folder(&self, path: &str) -> io::Result<bool> {
        match self.folder(path) {
            Ok(folder) => Ok(!is_writers(&rustix::fs::fstat(folder)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes an existing folder for who writes here; what is in it stays as it is.
    pub fn own_folder(&self, path: &str) -> io::Result<()> {
        Ok(own(self.folder(path)?)?)
    }

    /// Whether a folder has this very name; a symlink is none.
    pub fn is_folder(&self, path: &str) -> io::Result<bool> {
        let stat = self.look(path)?;
        Ok(stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir()))
    }

    /// Whether anything has this very name.
    pub fn exists(&self, path: &str) -> io::Result<bool> {
        Ok(self.look(path)?.is_some())
    }

    /// Whether two paths are names of one file.
    pub fn same_file(&self, left: &str, right: &str) -> io::Result<bool> {
        let (left, right) = (self.look(left)?, self.look(right)?);
        Ok(left.zip(right).is_some_and(|(a, b)| (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)))
    }

    /// Whether two paths are names of one file, or regular files with the same bytes.
    pub fn same(&self, left: &str, right: &str) -> io::Result<bool> {
        if self.same_file(left, right)? {
            return Ok(true);
        }
        match (self.open_file(left)?, self.open_file(right)?) {
            (Some((mut left, found)), Some((right, other))) if found.size == other.size => {
                compare(right, &mut |out| io::copy(&mut left, out).map(drop))
            }
            _ => Ok(false),
        }
    }

    /// Gives a file or symlink a second name in the same folder, unless that name is taken.
    pub fn keep(&self, path: &str, kept: &str) -> io::Result<()> {
        let (above, name) = split(path);
        let above = self.folder(above)?;
        step()?;
        match rustix::fs::linkat(&above, name, &above, split(kept).1, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(sync(&above)?),
            Err(error) => Err(error.into()),
        }
    }

    /// What has this very name, a symlink not followed.
    fn look(&self, path: &str) -> io::Result<Option<Stat>> {
        let (above, name) = split(path);
        let above = match self.folder(above) {
            Ok(above) => above,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match rustix::fs::statat(&above, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What stands at this very name, a symlink not followed.
    pub(crate) fn node(&self, path: &str) -> io::Result<Option<(Node, Owned)>> {
        let Some(stat) = self.look(path)? else { return Ok(None) };
        let node = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Node::File,
            FileType::Directory => Node::Folder,
            FileType::Symlink => {
                let (above, name) = split(path);
                let target = rustix::fs::readlinkat(&self.folder(above)?, name, Vec::new())?;
                let text = target.into_string();
                Node::Link(
                    text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "its target is no text"))?,
                )
            }
            _ => Node::Other,
        };
        let time = u64::try_from(stat.st_mtime).unwrap_or_default();
        let owned = Owned { mode: stat.st_mode & 0o7777, user: stat.st_uid, group: stat.st_gid, time };
        Ok(Some((node, owned)))
    }

    /// The names in a folder, sorted; one that is no text is an error, and so is a symlink in its place.
    pub(crate) fn entries(&self, path: &str) -> io::Result<Vec<String>> {
        let folder = self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_str();
            let name =
                name.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a name in it is no text"))?;
            if !matches!(name, "." | "..") {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Whether `path` leads to a folder, symlinks within the root followed.
    pub(crate) fn is_folder_at(&self, path: &str) -> io::Result<bool> {
        match self.folder(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes `path` a symlink to `target` that belongs to this user and group.
    pub(crate) fn link_for(&self, path: &str, target: &str, (user, group): (u32, u32)) -> io::Result<()> {
        self.link(path, target)?;
        let above = self.folder(split(path).0)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let link = rustix::fs::openat(&above, split(path).1, flags, Mode::empty())?;
        Ok(give(link, (Uid::from_raw(user), Gid::from_raw(group)))?)
    }

    /// Sets mode, user and group of a folder.
    pub(crate) fn set_folder(&self, path: &str, mode: u32, (user, group): (u32, u32)) -> io::Result<()> {
        let folder = self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
        give(&folder, (Uid::from_raw(user), Gid::from_raw(group)))?;
        step()?;
        rustix::fs::fchmod(&folder, Mode::from_raw_mode(mode))?;
        Ok(rustix::fs::fsync(&folder)?)
    }

    /// Removes a folder that is empty.
    pub(crate) fn remove_folder(&self, path: &str) -> io::Result<()> {
        let above = self.folder(split(path).0)?;
        step()?;
        Ok(rustix::fs::unlinkat(&above, split(path).1, AtFlags::REMOVEDIR)?)
    }

    /// Opens a regular file for reading together with what it is; `None` where nothing has that name.
    pub fn open_file(&self, path: &str) -> io::Result<Option<(File, Found)>> {
        let (above, name) = split(path);
        let above = match self.folder(above) {
            Ok(above) => above,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // O_NONBLOCK: a FIFO in place of the file must not hang the installer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&above, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let stat = rustix::fs::fstat(&file)?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Ok(None);
        }
        let found = Found {
            mode: stat.st_mode & 0o7777,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            owned: is_writers(&stat),
        };
        Ok(Some((File::from(file), found)))
    }

    /// Reads a small file whole; `None` where there is none.
    pub fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let Some((file, _)) = self.open_file(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "file is larger than it can be"));
        }
        Ok(Some(bytes))
    }

    /// User and group of who writes here.
    pub(crate) fn writer_ids() -> (u32, u32) {
        let (user, group) = writer();
        (user.as_raw(), group.as_raw())
    }

    /// Permission bits, and user and group, of a regular file; `None` where nothing has that name.
    pub(crate) fn mode_and_owner(&self, path: &str) -> io::Result<Option<(u32, (u32, u32))>> {
        let stat = self.look(path)?.filter(|stat| FileType::from_raw_mode(stat.st_mode).is_file());
        Ok(stat.map(|stat| (stat.st_mode & 0o7777, (stat.st_uid, stat.st_gid))))
    }

    /// Writes a file: beside its name, synced, then renamed into place.
    pub fn write(
        &self,
        path: &str,
        mode: u32,
        produce: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        self.write_for(path, mode, Self::writer_ids(), produce)
    }

    /// The same for another user and group.
    pub(crate) fn write_for(
        &self,
        path: &str,
        mode: u32,
        (user, group): (u32, u32),
        produce: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let (above, name) = split(path);
        let above = self.folder(above)?;
        let part = part(name);
        // A rest may belong to somebody who has it open: never write into it.
        unlink(&above, &part)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        step()?;
        let file = File::from(rustix::fs::openat(&above, &*part, flags, Mode::from_raw_mode(0o600))?);
        let written = (|| {
            let mut buffered = io::BufWriter::with_capacity(256 << 10, &file);
            produce(&mut buffered)?;
            buffered.flush()?;
            drop(buffered);
            // The owner first: a change of it clears bits of the mode.
            give(&file, (Uid::from_raw(user), Gid::from_raw(group)))?;
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
            file.sync_all()?;
            step()?;
            rustix::fs::renameat(&above, &*part, &above, name)?;
            sync(&above).map_err(io::Error::from)
        })();
        if written.is_err() {
            let _gone = unlink(&above, &part);
        }
        written
    }

    /// Makes `path` a symlink to `target`; gives whether anything had to change.
    pub fn link(&self, path: &str, target: &str) -> io::Result<bool> {
        let (above, name) = split(path);
        let above = self.folder(above)?;
        match rustix::fs::readlinkat(&above, name, Vec::new()) {
            Ok(found) if found.as_bytes() == target.as_bytes() => return Ok(false),
            _ => {}
        }
        let part = part(name);
        unlink(&above, &part)?;
        step()?;
        rustix::fs::symlinkat(target, &above, &*part)?;
        step()?;
        rustix::fs::renameat(&above, &*part, &above, name)?;
        sync(&above)?;
        Ok(true)
    }

    /// Whether `path` is a symlink to `target`.
    pub fn links_to(&self, path: &str, target: &str) -> io::Result<bool> {
        let (above, name) = split(path);
        let above = match self.folder(above) {
            Ok(above) => above,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        Ok(rustix::fs::readlinkat(&above, name, Vec::new())
            .is_ok_and(|it| it.as_bytes() == target.as_bytes()))
    }

    /// What changes whenever a file or symlink is written or replaced; `None` where there is none.
    pub(crate) fn stamp(&self, path: &str) -> io::Result<Option<crate::stamps::Stamp>> {
        let stat = self.look(path)?;
        Ok(stat.map(|it| {
            let size = u64::try_from(it.st_size).unwrap_or_default();
            let nanoseconds = i64::try_from(it.st_ctime_nsec).unwrap_or_default();
            (it.st_ino, size, it.st_ctime, nanoseconds)
        }))
    }

    /// Where the symlink `path` leads; `None` where there is none.
    pub fn read_link(&self, path: &str) -> io::Result<Option<String>> {
        let (above, name) = split(path);
        let above = match self.folder(above) {
            Ok(above) => above,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match rustix::fs::readlinkat(&above, name, Vec::new()) {
            Ok(target) => Ok(Some(target.to_string_lossy().into_owned())),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file to go on writing it where it stands, or makes an empty one; what is none, or belongs
    /// to somebody else, is removed first. It has this mode.
    pub(crate) fn open_to_go_on(&self, path: &str, mode: u32) -> io::Result<File> {
        let (above, name) = split(path);
        let above = self.folder(above)?;
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mode = Mode::from_raw_mode(mode);
        if let Ok(file) = rustix::fs::openat(&above, name, flags, Mode::empty()) {
            let stat = rustix::fs::fstat(&file)?;
            if FileType::from_raw_mode(stat.st_mode).is_file() && is_writers(&stat) && stat.st_nlink == 1 {
                rustix::fs::fchmod(&file, mode)?;
                return Ok(File::from(file));
            }
        }
        unlink(&above, name)?;
        step()?;
        let file = rustix::fs::openat(&above, name, flags | OFlags::CREATE | OFlags::EXCL, mode)?;
        own(&file)?;
        rustix::fs::fchmod(&file, mode)?;
        Ok(File::from(file))
    }

    /// Gives a file another name in its folder, in the place of what has that name, and syncs the folder.
    pub(crate) fn rename(&self, path: &str, to: &str) -> io::Result<()> {
        let (above, name) = split(path);
        let above = self.folder(above)?;
        step()?;
        rustix::fs::renameat(&above, name, &above, split(to).1)?;
        Ok(sync(&above)?)
    }

    /// The names in a folder, sorted; none where there is no folder.
    pub fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let folder = match self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&folder)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.retain(|it| it != "." && it != "..");
        names.sort_unstable();
        Ok(names)
    }

    /// Adds a line to the end of a file, which is made where it is missing, and syncs it. A line that a power cut left
    /// unfinished is ended before, so that it takes no other one with it.
    pub fn append_line(&self, path: &str, mode: u32, line: &str) -> io::Result<()> {
        let (above, name) = split(path);
        let above = self.folder(above)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        step()?;
        let mut file = File::from(rustix::fs::openat(&above, name, flags, Mode::from_raw_mode(mode))?);
        let mut last = [b'\n'];
        if let Some(at) = file.metadata()?.len().checked_sub(1) {
            file.read_exact_at(&mut last, at)?;
        }
        let end = if last == *b"\n" { "" } else { "\n" };
        file.write_all(format!("{end}{line}\n").as_bytes())?;
        file.sync_all()?;
        Ok(sync(&above)?)
    }

    /// Removes a file or symlink.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        let (above, name) = split(path);
        let above = match self.folder(above) {
            Ok(above) => above,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        unlink(&above, name)?;
        Ok(sync(&above)?)
    }

    /// The file system that holds the folder `path`, or will hold it, as a number.
    pub fn device(&self, path: &str) -> io::Result<u64> {
        Ok(rustix::fs::fstat(self.nearest(path)?.1)?.st_dev)
    }

    /// Where the file system that holds the folder `path`, or will hold it, begins in this root, and its
    /// free bytes.
    pub fn file_system(&self, path: &str) -> io::Result<(String, u64)> {
        let (mut path, folder) = self.nearest(path)?;
        let stat = rustix::fs::fstatvfs(folder)?;
        let device = self.device(path)?;
        while !path.is_empty() && self.device(split(path).0)? == device {
            path = split(path).0;
        }
        Ok((path.to_owned(), stat.f_bavail.saturating_mul(stat.f_frsize)))
    }

    /// The nearest folder at or above `path`.
    fn nearest<'p>(&self, mut path: &'p str) -> io::Result<(&'p str, OwnedFd)> {
        use io::ErrorKind::{NotADirectory, NotFound};
        loop {
            match self.folder(path) {
                Ok(folder) => return Ok((path, folder)),
                Err(error) if matches!(error.kind(), NotFound | NotADirectory) && !path.is_empty() => {
                    path = split(path).0;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Removes what is not a folder; nothing there is right too.
fn unlink(above: &OwnedFd, name: &str) -> rustix::io::Result<()> {
    step()?;
    match rustix::fs::unlinkat(above, name, AtFlags::empty()) {
        Err(rustix::io::Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// Syncs a folder that was opened with `O_PATH`.
fn sync(folder: &OwnedFd) -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::fsync(rustix::fs::openat(folder, ".", flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn root() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        (folder, root)
    }

    #[test]
    fn an_unfinished_line_takes_no_other_one_with_it() {
        let (folder, root) = root();
        root.append_line("log", 0o600, "one").unwrap();
        fs_err::write(folder.path().join("log"), "one\ntw").unwrap();
        root.append_line("log", 0o600, "three").unwrap();
        root.append_line("log", 0o600, "four").unwrap();
        let (text, meta) =
            (fs_err::read_to_string(folder.path().join("log")).unwrap(), folder.path().join("log"));
        assert_eq!(text, "one\ntw\nthree\nfour\n");
        assert_eq!(meta.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_symlink_in_the_root_cannot_lead_out_of_it() {
        let outside = tempfile::tempdir().unwrap();
        let (folder, root) = root();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("../../../../..", folder.path().join("up")).unwrap();
        // The absolute target is looked up inside the root, where it does not exist.
        assert!(root.write("etc/passwd", 0o644, &mut |out| out.write_all(b"x")).is_err());
        root.write("up/file", 0o644, &mut |out| out.write_all(b"x")).unwrap();
        assert!(folder.path().join("file").exists());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let (folder, root) = root();
        root.write("a", 0o600, &mut |out| out.write_all(b"old")).unwrap();
        let failed = root.write("a", 0o644, &mut |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("cut"))
        });
        assert!(failed.is_err());
        assert_eq!(root.read("a", 10).unwrap().unwrap(), b"old");
        let mode = folder.path().join("a").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_installer_at_a_time_has_a_root() {
        let (folder, root) = root();
        let held = root.lock().unwrap().unwrap();
        let other = Root::open(folder.path()).unwrap();
        assert!(other.lock().unwrap().is_none());
        drop(held);
        assert!(other.lock().unwrap().is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_rest_that_somebody_has_open_is_not_written_into() {
        let (folder, root) = root();
        let rest = folder.path().join(".a.gabion-part");
        fs_err::write(&rest, "rest").unwrap();
        let mut held = fs_err::File::open(&rest).unwrap();
        root.write("a", 0o600, &mut |out| out.write_all(b"new")).unwrap();
        let mut seen = String::new();
        held.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, "rest");
        assert_eq!(root.read("a", 10).unwrap().unwrap(), b"new");
        assert!(!rest.exists());
    }

    #[test]
    fn a_fifo_in_place_of_a_file_does_not_hang() {
        let (folder, root) = root();
        let made = std::process::Command::new("mkfifo").arg(folder.path().join("f")).status().unwrap();
        assert!(made.success());
        assert!(root.open_file("f").unwrap().is_none());
    }
}
