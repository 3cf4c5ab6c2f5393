//! Programs of the rescue system: those that know file systems and the kernel's tables better than we do.

use super::DiskError;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where system programs are, also for a user whose `PATH` lacks them.
const SYSTEM: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// A program and the package that has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program {
    name: &'static str,
    package: &'static str,
}

/// Checks an ext4.
pub(super) const E2FSCK: Program = Program { name: "e2fsck", package: "e2fsprogs" };
/// Lets one grow.
pub(super) const RESIZE2FS: Program = Program { name: "resize2fs", package: "e2fsprogs" };
/// Lets the kernel read a table of partitions again.
pub(super) const BLOCKDEV: Program = Program { name: "blockdev", package: "util-linux" };
/// Makes a device of a part of a file.
pub(super) const LOSETUP: Program = Program { name: "losetup", package: "mount" };

impl Program {
    fn path(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(SYSTEM.map(PathBuf::from)).collect();
        folders.iter().map(|it| it.join(self.name)).find(|it| it.is_file())
    }

    /// Refuses a machine that does not have it.
    pub(super) fn need(self) -> Result<PathBuf, DiskError> {
        self.path().ok_or(DiskError::Program { program: self.name, package: self.package })
    }

    /// Runs it; gives its exit code and what it printed.
    fn start<A: AsRef<OsStr>>(self, arguments: &[A]) -> Result<(Option<i32>, String), DiskError> {
        let mut command = Command::new(self.need()?);
        command.args(arguments).stdin(Stdio::null()).env("LC_ALL", "C");
        let out = command.output().map_err(|error| self.failed(arguments, &error.to_string()))?;
        let said = [out.stdout, out.stderr].concat();
        Ok((out.status.code(), String::from_utf8_lossy(&said).trim().to_owned()))
    }

    /// Runs it; codes up to `most` are good ones. Gives what it printed.
    pub(super) fn run<A: AsRef<OsStr>>(self, arguments: &[A], most: i32) -> Result<String, DiskError> {
        match self.start(arguments)? {
            (Some(code), said) if (0..=most).contains(&code) => Ok(said),
            (_, said) => Err(self.failed(arguments, &said)),
        }
    }

    fn failed<A: AsRef<OsStr>>(self, arguments: &[A], message: &str) -> DiskError {
        let mut command = OsString::from(self.name);
        for it in arguments {
            command.push(" ");
            command.push(it);
        }
        DiskError::Failed { command: command.to_string_lossy().into_owned(), message: message.to_owned() }
    }
}
