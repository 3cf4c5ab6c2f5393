//! The file that is a bundle.

use crate::BundleError;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a file to be read as a bundle; an error where it is no regular file.
///
/// A pipe in its place would let whoever opens it wait for somebody who never comes, and a device never ends.
pub fn open_file(path: &Path) -> Result<File, BundleError> {
    let failed = |source| BundleError::Io { operation: "open", path: path.to_owned(), source };
    // Without waiting for the other end of a pipe (open(2), `O_NONBLOCK`); on a regular file the flag does nothing.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
    let stat = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    Ok(file.into())
}
