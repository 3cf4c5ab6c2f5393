//! Every write of the store.
//!
//! One protocol: write beside, sync the data, give it its name with `link(2)` (never replacing what is
//! there), sync the folder.

use crate::StoreError;
use rustix::fs::{AtFlags, CWD, Mode};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

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

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A new file in `tmp`, readable by its owner alone until it is published.
pub(crate) fn stage(tmp: &Path) -> Result<Staged, StoreError> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = tmp.join(format!("{}-{number}", std::process::id()));
        let mut options = fs_err::OpenOptions::new();
        match options.read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok(Staged { file: file.into_file(), path }),
            // A process with our number died here; the next number is free.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StoreError::io("create", &path, error)),
        }
    }
}

/// Gives a staged file its final name. What already has that name stays, and the new bytes go.
pub(crate) fn publish(staged: &Staged, to: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::io("write", &staged.path, error);
    rustix::fs::fchmod(&staged.file, Mode::from_raw_mode(0o444)).map_err(|error| failed(error.into()))?;
    staged.file.sync_data().map_err(failed)?;
    let folder = to.parent().unwrap_or(Path::new("/"));
    make_folders(folder)?;
    match rustix::fs::linkat(CWD, &staged.path, CWD, to, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(StoreError::io("name", to, error.into())),
    }
    sync_folder(folder)
}

/// Writes a small file whole, replacing what is there.
pub(crate) fn replace(tmp: &Path, to: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let staged = stage(tmp)?;
    let failed = |error| StoreError::io("write", to, error);
    (&staged.file).write_all(bytes).map_err(failed)?;
    rustix::fs::fchmod(&staged.file, Mode::from_raw_mode(0o444)).map_err(|error| failed(error.into()))?;
    staged.file.sync_data().map_err(failed)?;
    let folder = to.parent().unwrap_or(Path::new("/"));
    make_folders(folder)?;
    fs_err::rename(&staged.path, to).map_err(failed)?;
    sync_folder(folder)
}

/// Makes a folder and those above it.
pub(crate) fn make_folders(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    fs_err::create_dir_all(path).map_err(|error| StoreError::io("create", path, error))?;
    match path.parent() {
        Some(above) => sync_folder(above),
        None => Ok(()),
    }
}

/// Moves a file within the store.
pub(crate) fn move_to(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs_err::rename(from, to).map_err(|error| StoreError::io("move", from, error))
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = fs_err::File::open(path).map_err(|error| StoreError::io("sync", path, error))?;
    folder.sync_all().map_err(|error| StoreError::io("sync", path, error))
}

/// Takes over a file that already has a place of its own.
pub(crate) fn stage_existing(file: File, path: PathBuf) -> Staged {
    Staged { file, path }
}
