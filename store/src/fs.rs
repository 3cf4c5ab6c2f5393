//! Every write of the store.
//!
//! One protocol for what has a lasting name: write beside, sync the data, give it its name with `link(2)`
//! (never replacing what is there), sync the folder.
//!
//! One rule for what has none yet: its owner holds its `flock`. A file in `tmp`, a lease or a journal that
//! nobody holds is left over from a process that died, on this machine or in any container on it.

use crate::StoreError;
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// A file that has no name yet; it disappears when it is dropped before it is published.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) file: File,
    path: PathBuf,
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _gone = fs_err::remove_file(&self.path);
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A new file in `tmp`, readable by its owner alone until it is published.
pub(crate) fn stage(tmp: &Path) -> Result<Staged, StoreError> {
    let (file, path) = create_held(tmp, "", 0o600)?;
    Ok(Staged { file, path })
}

/// Lets a file of ours, which grows at its end only, be written at any offset (`fcntl(2)`, `F_SETFL`).
pub(crate) fn write_anywhere(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fcntl_setfl(file, rustix::fs::OFlags::empty())?)
}

/// A new file in `folder` that this process holds until it ends.
pub(crate) fn create_held(folder: &Path, prefix: &str, mode: u32) -> Result<(File, PathBuf), StoreError> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    loop {
        let path = folder.join(unique(prefix));
        let mut options = fs_err::OpenOptions::new();
        match options.read(true).append(true).create_new(true).mode(mode).open(&path) {
            // Swept between the two calls: the next name.
            Ok(file) if !hold(file.file(), &path)? => {}
            Ok(file) => return Ok((file.into_file(), path)),
            // A process with our number died here; the next number is free.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_folders(folder)?,
            Err(error) => return Err(StoreError::io("create", &path, error)),
        }
    }
}

/// A name that no living process of this machine uses; who meets it elsewhere takes the next one.
fn unique(prefix: &str) -> String {
    format!("{prefix}{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

fn hold(file: &File, path: &Path) -> Result<bool, StoreError> {
    let held = try_lock(file, FlockOperation::NonBlockingLockExclusive);
    let named = file.metadata().map(|meta| meta.nlink() > 0);
    match (held, named) {
        (Ok(held), Ok(named)) => Ok(held && named),
        (Err(error), _) | (_, Err(error)) => Err(StoreError::io("lock", path, error)),
    }
}

/// Takes a lock that does not wait; whether it was free.
pub(crate) fn try_lock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    match rustix::fs::flock(file, operation) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Opens what nobody holds; `None` where somebody does, or nothing is there. The caller holds it then.
pub(crate) fn take_over(path: &Path) -> Result<Option<File>, StoreError> {
    let failed = |error| StoreError::io("open", path, error);
    match fs_err::File::open(path) {
        Ok(file) => {
            let free = try_lock(file.file(), FlockOperation::NonBlockingLockExclusive).map_err(failed)?;
            Ok(free.then(|| file.into_file()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Opens a file that is only there to be locked. Where it cannot be made it may still be read.
pub(crate) fn lock_file(path: &Path) -> Result<File, StoreError> {
    let mut options = fs_err::OpenOptions::new();
    let made = options.read(true).append(true).create(true).open(path);
    let file = made.or_else(|error| fs_err::File::open(path).map_err(|_| error));
    file.map(fs_err::File::into_file).map_err(|error| StoreError::io("open", path, error))
}

/// Gives a staged file its final name. What already has that name stays, and the new bytes go.
pub(crate) fn publish(staged: &Staged, to: &Path) -> Result<(), StoreError> {
    seal(staged)?;
    name_all([(staged, to, Taken::Stays)])
}

/// How many files are synced at once: disks take several, and each waits alone.
const SYNCS: usize = 8;

/// Makes files read-only and puts their bytes on the disk, several at once.
pub(crate) fn seal_all(files: &[&Staged]) -> Result<(), StoreError> {
    let seal_part = |files: &[&Staged]| files.iter().try_for_each(|staged| seal(staged));
    let per_thread = files.len().div_ceil(SYNCS).max(1);
    std::thread::scope(|scope| {
        let mut parts = files.chunks(per_thread);
        let own = parts.next().unwrap_or_default();
        let others: Vec<_> = parts.map(|part| scope.spawn(move || seal_part(part))).collect();
        let mut result = seal_part(own);
        for other in others {
            result = result.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        result
    })
}

/// What becomes of a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It stays: the name says what is in it.
    Stays,
    /// It is replaced.
    Goes,
}

/// Gives sealed files their names, then puts the names on the disk, each folder once.
pub(crate) fn name_all<'f>(
    files: impl IntoIterator<Item = (&'f Staged, &'f Path, Taken)>,
) -> Result<(), StoreError> {
    let mut folders = BTreeSet::new();
    for (staged, to, taken) in files {
        let folder = to.parent().unwrap_or(Path::new("/"));
        make_folders_of(folder, &mut folders)?;
        match taken {
            Taken::Stays => name(staged, folder, to)?,
            Taken::Goes => {
                fs_err::rename(&staged.path, to).map_err(|error| StoreError::io("write", to, error))?;
            }
        }
        folders.insert(folder.to_owned());
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Whether a whole file has this name; its last use is now.
pub(crate) fn is_there(path: &Path, size: u64) -> bool {
    fs_err::metadata(path).is_ok_and(|meta| meta.len() == size) && touch(path)
}

/// Read-only, and its bytes on the disk.
fn seal(staged: &Staged) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("write", &staged.path, error);
    rustix::fs::fchmod(&staged.file, Mode::from_raw_mode(0o444)).map_err(|error| failed(error.into()))?;
    staged.file.sync_data().map_err(failed)
}

fn name(staged: &Staged, folder: &Path, to: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("name", to, error);
    loop {
        match rustix::fs::linkat(CWD, &staged.path, CWD, to, AtFlags::empty()) {
            Ok(()) => return Ok(()),
            // An empty folder was swept just now.
            Err(rustix::io::Errno::NOENT) if staged.path.exists() => make_folders(folder)?,
            Err(rustix::io::Errno::EXIST) => {
                let ours = staged.file.metadata().map_err(failed)?.len();
                // Cut short by a disk that lost what it had acknowledged.
                if fs_err::metadata(to).is_ok_and(|meta| meta.len() != ours) {
                    return fs_err::rename(&staged.path, to).map_err(failed);
                }
                // What was swept between the two calls gets its name once more.
                if touch(to) {
                    return Ok(());
                }
            }
            Err(error) => return Err(failed(error.into())),
        }
    }
}

/// Writes a small file whole that has no name yet.
pub(crate) fn stage_bytes(tmp: &Path, bytes: &[u8]) -> Result<Staged, StoreError> {
    let mut staged = stage(tmp)?;
    staged.write_all(bytes).map_err(|error| StoreError::io("write", tmp, error))?;
    Ok(staged)
}

/// Writes a small file whole, replacing what is there.
pub(crate) fn replace(tmp: &Path, to: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let staged = stage_bytes(tmp, bytes)?;
    seal(&staged)?;
    name_all([(&staged, to, Taken::Goes)])
}

/// Writes a small file whole that may be lost in a power cut: it is checked whenever it is used.
pub(crate) fn replace_hint(tmp: &Path, to: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut staged = stage(tmp)?;
    let failed = |error| StoreError::io("write", to, error);
    staged.write_all(bytes).map_err(failed)?;
    rustix::fs::fchmod(&staged.file, Mode::from_raw_mode(0o444)).map_err(|error| failed(error.into()))?;
    make_folders(to.parent().unwrap_or(Path::new("/")))?;
    fs_err::rename(&staged.path, to).map_err(failed)
}

/// Adds to the end of an open file.
pub(crate) fn append(mut file: &File, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    file.write_all(bytes).map_err(|error| StoreError::io("write", path, error))
}

/// Cuts an open file to nothing.
pub(crate) fn truncate(mut file: &File, path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("truncate", path, error);
    file.set_len(0).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map(drop).map_err(failed)
}

/// Opens the file of a download, which nobody else writes. `None` while someone else holds it.
///
/// What is locked must still be what has the name: its last holder may have published it meanwhile,
/// or died before the name was removed. A published file is a blob, which nobody may write.
pub(crate) fn open_alone(path: &Path) -> io::Result<Option<File>> {
    loop {
        let mut options = fs_err::OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path)?.into_file();
        if !try_lock(&file, FlockOperation::NonBlockingLockExclusive)? {
            return Ok(None);
        }
        let held = file.metadata()?;
        let named = fs_err::metadata(path).ok().map(|it| it.ino());
        match (held.nlink(), named == Some(held.ino())) {
            (1, true) => return Ok(Some(file)),
            // Published, and the name was left behind.
            (_, true) => fs_err::remove_file(path)?,
            (_, false) => {}
        }
    }
}

/// Makes a folder and those above it; each new name is synced.
pub(crate) fn make_folders(path: &Path) -> Result<(), StoreError> {
    let mut changed = BTreeSet::new();
    make_folders_of(path, &mut changed)?;
    changed.iter().try_for_each(|folder| sync_folder(folder))
}

/// Makes a folder and those above it; which folders have new names in them is told, and they are to be synced.
fn make_folders_of(path: &Path, changed: &mut BTreeSet<PathBuf>) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_folders_of(above, changed)?;
    }
    match fs_err::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(StoreError::io("create", path, error));
        }
        _ => changed.extend(above.map(Path::to_owned)),
    }
    Ok(())
}

/// Makes a folder in `tmp` that this process holds until the file is closed.
pub(crate) fn create_held_folder(tmp: &Path, prefix: &str) -> Result<(File, PathBuf), StoreError> {
    loop {
        let path = tmp.join(unique(prefix));
        match fs_err::create_dir(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(StoreError::io("create", &path, error)),
        }
        match take_over(&path)? {
            Some(file) if path.is_dir() => return Ok((file, path)),
            _ => {}
        }
    }
}

/// Moves a file within the store; whether it was there.
pub(crate) fn move_to(from: &Path, to: &Path) -> Result<bool, StoreError> {
    gone_is_false(fs_err::rename(from, to), "move", from)
}

/// Gives a file that was moved away its name back, unless the name was given anew.
pub(crate) fn put_back(from: &Path, to: &Path) -> Result<(), StoreError> {
    make_folders(to.parent().unwrap_or(Path::new("/")))?;
    match rustix::fs::linkat(CWD, from, CWD, to, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::EXIST | rustix::io::Errno::NOENT) => remove(from).map(drop),
        Err(error) => Err(StoreError::io("move", from, error.into())),
    }
}

/// Removes a file; whether it was there.
pub(crate) fn remove(path: &Path) -> Result<bool, StoreError> {
    gone_is_false(fs_err::remove_file(path), "remove", path)
}

/// Removes a folder if it is empty.
pub(crate) fn remove_empty(path: &Path) {
    let _kept = fs_err::remove_dir(path);
}

/// Removes a folder that only holds what can be made again.
pub(crate) fn remove_derived(path: &Path) -> Result<bool, StoreError> {
    gone_is_false(fs_err::remove_dir_all(path), "remove", path)
}

fn gone_is_false(result: io::Result<()>, operation: &'static str, path: &Path) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io(operation, path, error)),
    }
}

/// Uses closer together than this are one: it keeps hits from writing.
pub(crate) const USE_STEP: Duration = Duration::from_secs(3600);

/// Says that a file is used: its modification time is its last use. `false` where there is none.
///
/// Where the store cannot be written the use goes unnoticed; nothing is removed there either.
pub(crate) fn touch(path: &Path) -> bool {
    let Ok(meta) = fs_err::metadata(path) else { return false };
    let age = meta.modified().ok().and_then(|time| now().duration_since(time).ok());
    if age.is_none_or(|age| age < USE_STEP) {
        return true;
    }
    let at = |nsec| Timespec { tv_sec: 0, tv_nsec: nsec };
    let times = Timestamps { last_access: at(UTIME_OMIT), last_modification: at(UTIME_NOW) };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::empty()) != Err(rustix::io::Errno::NOENT)
}

/// The time, which decides how long things are kept and nothing else.
#[expect(clippy::disallowed_methods, reason = "last use is about the store, not about any output")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Writes the names in a folder to the disk.
pub(crate) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("sync", path, error);
    match fs_err::File::open(path) {
        Ok(folder) => folder.sync_all().map_err(failed),
        // The empty folder of an action was swept just now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Takes over a file that already has a place of its own.
pub(crate) fn stage_existing(file: File, path: PathBuf) -> Staged {
    Staged { file, path }
}
