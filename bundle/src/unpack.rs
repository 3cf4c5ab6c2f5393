//! Members out of a bundle into a folder: all of them, or nothing.

use crate::{BundleError, Verified};
use std::collections::BTreeSet;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

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
    let Some(name) = output.file_name() else {
        return Err(failed("create", output, io::ErrorKind::InvalidInput.into()));
    };
    // A slash at the end of `output` is in neither of the two.
    let above = output.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let output = &above.join(name);
    if fs_err::symlink_metadata(output).is_ok() {
        return Err(failed("create", output, io::ErrorKind::AlreadyExists.into()));
    }
    let mut part = name.to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = above.join(part);
    fs_err::create_dir(&part).map_err(|source| failed("create", &part, source))?;
    let written = members
        .iter()
        .try_for_each(|member| copy(bundle, member, &part.join(member)))
        .and_then(|()| sync_folders(&part, members).map_err(|source| failed("sync", &part, source)))
        .and_then(|()| fs_err::rename(&part, output).map_err(|source| failed("write", output, source)));
    if written.is_err() {
        let _gone = fs_err::remove_dir_all(&part);
        return written;
    }
    sync(above).map_err(|source| failed("sync", above, source))
}

/// Syncs every folder that the members lie in, so that no name in them is younger than the last one.
fn sync_folders(part: &Path, members: &[String]) -> io::Result<()> {
    let above = |member| Path::new(member).ancestors().skip(1);
    let folders: BTreeSet<&Path> = members.iter().flat_map(above).collect();
    folders.into_iter().rev().try_for_each(|folder| sync(&part.join(folder)))
}

fn sync(folder: &Path) -> io::Result<()> {
    fs_err::File::open(folder)?.sync_all()
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
