//! Files of the user: whole and synced, or not there.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a file that must not exist yet; one that could not be written whole goes again.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    let mut options = fs_err::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs_err::remove_file(path)))
}

/// Writes a file beside its name, synced, and renames it into place.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    // A rest of a process with our number that died here.
    let _gone = fs_err::remove_file(&part);
    write_new(&part, bytes, 0o644)?;
    fs_err::rename(&part, path).inspect_err(|_| drop(fs_err::remove_file(&part)))?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs_err::File::open(folder)?.sync_all()
}
