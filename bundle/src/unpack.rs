//! Members out of a bundle into a folder: all of them, or nothing.

use crate::{BundleError, Verified};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Writes these members below `output`, a folder that must not exist yet.
///
/// They are written beside it, each piece checked again while it is copied, synced, and the folder gets
/// its name at the end: whoever sees it sees all of it.
pub fn extract<R: Read + Seek>(
    bundle: &mut Verified<R>,
    members: &[String],
    output: &Path,
) -> Result<(), BundleError> {
    let failed =
        |operation, path: &Path, source| BundleError::Io { operation, path: path.to_owned(), source };
    if fs_err::symlink_metadata(output).is_ok() {
        return Err(failed("create", output, io::ErrorKind::AlreadyExists.into()));
    }
    let mut part = output.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    fs_err::create_dir(&part).map_err(|source| failed("create", &part, source))?;
    let written = members
        .iter()
        .try_for_each(|member| copy(bundle, member, &part.join(member)))
        .and_then(|()| fs_err::rename(&part, output).map_err(|source| failed("write", output, source)));
    if written.is_err() {
        let _gone = fs_err::remove_dir_all(&part);
    }
    written
}

fn copy<R: Read + Seek>(bundle: &mut Verified<R>, member: &str, path: &Path) -> Result<(), BundleError> {
    let mut write = || -> io::Result<()> {
        fs_err::create_dir_all(path.parent().unwrap_or(path))?;
        let mut file = fs_err::OpenOptions::new().write(true).create_new(true).open(path)?;
        bundle.copy_member(member, &mut file)?;
        file.flush()?;
        file.sync_all()
    };
    write().map_err(|source| match source.kind() {
        // Only the bundle's own check says this: what was verified is no longer what is read.
        io::ErrorKind::InvalidData => BundleError::damaged(0, source.to_string()),
        _ => BundleError::Io { operation: "write", path: path.to_owned(), source },
    })
}
