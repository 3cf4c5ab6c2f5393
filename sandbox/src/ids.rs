//! The range of ids that a worker has: how this machine gives one, found out by doing it.
//!
//! A real root needs no user namespace: it has all ids already, what it writes is the same bytes (the kernel gives
//! file capabilities in the form of the reading namespace), and it works where user namespaces are switched off.
//! Whoever is not root maps itself to 0 and a range of subordinate ids (subuid(5)) to 1 and up.

use crate::error::{Denied, SandboxError};
use crate::worker::Worker;
use rustix::process::{Pid, Uid, getegid, geteuid};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Ids of a worker beside 0: 1 to 65535, all that Debian Policy 9.2.2 knows.
pub const COUNT: u32 = 65_535;

/// Subordinate ids: the first of [`COUNT`].
pub type First = u32;

/// How this machine gives a range of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// The caller is root with `CAP_SYS_ADMIN`: ids are as they are.
    Root,
    /// The caller is root without `CAP_SYS_ADMIN`: a user namespace in which each id is itself.
    Same,
    /// The caller is 0, and these are 1 and up, in a user namespace.
    Subordinate {
        /// The first user id.
        uids: First,
        /// The first group id.
        gids: First,
    },
}

impl Ids {
    /// Finds a way and tries it out: a worker must be able to give a file to its first and its last id.
    pub fn find() -> Result<Self, SandboxError> {
        if !geteuid().is_root() {
            let ids = Self::subordinate()?;
            return ids.attempt().map(|()| ids);
        }
        match Self::Root.attempt() {
            // Root that may not make namespaces may still make a user namespace, and all others in that.
            Err(SandboxError::Denied(Denied::Restricted)) => Self::Same.attempt().map(|()| Self::Same),
            done => done.map(|()| Self::Root),
        }
    }

    /// The ranges that `/etc/subuid` and `/etc/subgid` give the caller.
    fn subordinate() -> Result<Self, SandboxError> {
        let (uid, user) = (geteuid(), user_name(geteuid()));
        let first = |file| range(file, &user, uid).map_err(SandboxError::Denied);
        Ok(Self::Subordinate { uids: first("/etc/subuid")?, gids: first("/etc/subgid")? })
    }

    fn attempt(self) -> Result<(), SandboxError> {
        let mut worker = Worker::spawn(crate::child::TRY_IDS, &[], &self)?;
        let mut answer = Vec::new();
        worker.output().read_to_end(&mut answer).map_err(SandboxError::Log)?;
        worker.finish()?;
        if answer == crate::child::IDS_WORK { Ok(()) } else { Err(SandboxError::Denied(Denied::FewIdsHere)) }
    }

    /// Whether a worker has a user namespace of its own.
    pub(crate) fn mapped(self) -> bool {
        self != Self::Root
    }

    /// Gives the user namespace of a process its ids.
    pub(crate) fn map(self, process: Pid) -> Result<(), SandboxError> {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        match self {
            Self::Root => Ok(()),
            Self::Same => ["uid_map", "gid_map"].into_iter().try_for_each(|name| {
                let path = format!("/proc/{}/{name}", process.as_raw_nonzero());
                fs_err::write(path, format!("0 0 {}", COUNT + 1))
                    .map_err(|error| Denied::of(crate::Step::Ids, crate::sys::errno(&error)))
                    .map_err(|denied| SandboxError::Denied(denied.unwrap_or(Denied::FewIdsHere)))
            }),
            Self::Subordinate { uids, gids } => {
                map("newuidmap", process, uid, uids)?;
                map("newgidmap", process, gid, gids)
            }
        }
    }
}

/// The first of a range that is long enough, of the user's by name or number (subuid(5)).
fn range(file: &'static str, user: &str, uid: Uid) -> Result<First, Denied> {
    longest(&fs_err::read_to_string(file).unwrap_or_default(), user, uid.as_raw())
        .ok_or_else(|| Denied::NoSubordinateIds { user: user.to_owned(), file })
        .and_then(|(first, have)| match have {
            COUNT.. => Ok(first),
            _ => Err(Denied::TooFewIds { user: user.to_owned(), file, have }),
        })
}

/// The longest range of a user: its first id and its length; of several, the one that stands first.
fn longest(text: &str, user: &str, uid: u32) -> Option<(First, u32)> {
    let ranges = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, first, count) =
            (fields.next()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (name == user || name.parse() == Ok(uid)).then_some((first, count))
    });
    ranges.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// The name of a user, as `/etc/passwd` gives it, else the number.
fn user_name(uid: Uid) -> String {
    let number = uid.as_raw().to_string();
    let passwd = fs_err::read_to_string("/etc/passwd").unwrap_or_default();
    let mut users = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    users.find(|user| user.get(2) == Some(&number.as_str())).map_or(number.clone(), |user| user[0].to_owned())
}

/// Runs newuidmap(1) or newgidmap(1).
fn map(program: &'static str, process: Pid, own: u32, first: First) -> Result<(), SandboxError> {
    let path = find_program(program).ok_or(SandboxError::Denied(Denied::NoMapper { program }))?;
    let numbers = [process.as_raw_nonzero().get().cast_unsigned(), 0, own, 1, 1, first, COUNT];
    let output = Command::new(path)
        .args(numbers.map(|number| number.to_string()))
        .env_clear()
        .stdin(Stdio::null())
        .output();
    let message = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(SandboxError::Denied(Denied::Mapper { program, message }))
}

/// A program of the machine, in the places where it stands, whatever `PATH` says.
fn find_program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/bin", "/bin", "/usr/local/bin", "/run/wrappers/bin"];
    folders.iter().map(|folder| PathBuf::from(folder).join(name)).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_users_by_name_or_number() {
        let text = "ann:100000:65536\nbob:200000:10\n1002:300000:65536\nbob:400000:70000\nbroken\nbob:x:1\n";
        assert_eq!(longest(text, "ann", 1000), Some((100_000, 65_536)));
        assert_eq!(longest(text, "bob", 1001), Some((400_000, 70_000)));
        assert_eq!(longest(text, "eve", 1002), Some((300_000, 65_536)));
        assert_eq!(longest(text, "eve", 1003), None);
    }

    #[test]
    fn a_user_without_a_name_is_a_number() {
        assert_eq!(user_name(Uid::from_raw(0)), "root");
        assert_eq!(user_name(Uid::from_raw(4_000_000_000)), "4000000000");
    }
}
