//! A file that has no name before it is complete.

use crate::BundleError;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A new file in the folder of the one that it will replace.
///
/// Where the file system can do it, the file has no name at all (`O_TMPFILE`, open(2)), and the kernel
/// forgets it with the process. Elsewhere it is `NAME.PID.part`, which is removed with this value.
#[derive(Debug)]
pub(crate) struct Unnamed {
    pub(crate) file: File,
    part: PathBuf,
    named: bool,
}

impl Unnamed {
    /// Opens a new file beside `path`, for reading and writing.
    pub(crate) fn beside(path: &Path) -> Result<Self, BundleError> {
        let mut part = path.as_os_str().to_owned();
        part.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(part);
        let failed =
            |source: io::Error| BundleError::Io { operation: "create", path: path.to_owned(), source };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::openat(CWD, folder, flags, Mode::from_raw_mode(0o600)) {
            Ok(file) => Ok(Self { file: file.into(), part, named: false }),
            // NFS and some overlays cannot; kernels older than the flag see a folder opened for writing.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => {
                let mut options = fs_err::OpenOptions::new();
                let file = options.read(true).write(true).create(true).truncate(true).open(&part);
                Ok(Self { file: file.map_err(failed)?.into_file(), part, named: true })
            }
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Syncs the file, makes it readable for everybody, and lets it take the place of `path`.
    pub(crate) fn publish(mut self, path: &Path) -> Result<(), BundleError> {
        let failed =
            |source: io::Error| BundleError::Io { operation: "write", path: path.to_owned(), source };
        rustix::fs::fchmod(&self.file, Mode::from_raw_mode(0o644)).map_err(|error| failed(error.into()))?;
        self.file.sync_all().map_err(failed)?;
        if !self.named {
            // A rest of a process with our number that died between the two calls.
            let _gone = fs_err::remove_file(&self.part);
            let fd = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&self.file));
            rustix::fs::linkat(CWD, fd, CWD, &self.part, AtFlags::SYMLINK_FOLLOW)
                .map_err(|error| failed(error.into()))?;
            self.named = true;
        }
        fs_err::rename(&self.part, path).map_err(failed)?;
        self.named = false;
        Ok(())
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if self.named {
            let _gone = fs_err::remove_file(&self.part);
        }
    }
}
