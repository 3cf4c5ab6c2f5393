//! Why something does not run, and what to do about it.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// A step of the set-up, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Step {
    /// Leaving the caller's session and descriptors.
    Leave,
    /// Making a user namespace.
    UserNamespace,
    /// Giving it its ids.
    Ids,
    /// Making the other namespaces.
    Namespaces,
    /// Taking the ids of root in the namespace.
    Become,
    /// Setting the host name.
    HostName,
    /// Switching on the loopback interface.
    Loopback,
    /// Parting the mounts from the machine's.
    Mounts,
    /// Mounting a new `/proc`.
    Proc,
    /// Taking a device of the machine.
    Device,
    /// Taking a declared input or the output.
    Bind,
    /// Making the root.
    Root,
    /// Changing to the root.
    Pivot,
    /// Mounting on the root.
    Mount,
    /// Hiding parts of `/proc`.
    Mask,
    /// Limits of the process.
    Limits,
    /// Giving up privileges.
    Privileges,
    /// Landlock.
    Landlock,
    /// The filter of system calls.
    Filter,
    /// Starting another process.
    Fork,
    /// Reading what is to be done.
    Input,
    /// Starting the program.
    Exec,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Leave => "leave the caller's session",
            Self::UserNamespace => "make a user namespace",
            Self::Ids => "map ids into the user namespace",
            Self::Namespaces => "make the namespaces",
            Self::Become => "become root of the namespace",
            Self::HostName => "set the host name",
            Self::Loopback => "switch on the loopback interface",
            Self::Mounts => "part the mounts from the machine's",
            Self::Proc => "mount a new /proc",
            Self::Device => "take a device",
            Self::Bind => "bind",
            Self::Root => "make the root",
            Self::Pivot => "change to the root",
            Self::Mount => "mount",
            Self::Mask => "mask",
            Self::Limits => "set the limits",
            Self::Privileges => "give up privileges",
            Self::Landlock => "switch on Landlock",
            Self::Filter => "filter the system calls",
            Self::Fork => "start a process",
            Self::Input => "read what is to be done",
            Self::Exec => "start the program",
        })
    }
}

/// Why a sandbox gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// This machine does not let us.
    #[error("this machine denies the sandbox")]
    Denied(#[source] Denied),
    /// This program could not be started a second time.
    #[error("could not start the sandbox")]
    Start(#[source] io::Error),
    /// A mistake of this program, not of its user.
    #[error("this program does not call `gabion_sandbox::dispatch` first in `main`")]
    NoDispatch,
    /// A step of the set-up failed.
    #[error("the sandbox could not {step}{}", on(.place))]
    Setup {
        /// Which.
        step: Step,
        /// On what, or empty.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A path of a [`crate::Spec`] is not absolute, has `.` or `..` in it, is `/` where something is bound, or is no text; or a tree is the machine's own root.
    #[error("`{path}` is no path that a sandbox can take")]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// Without namespaces there is no root: a run is possible only where everything is declared under its own path.
    #[error("without namespaces nothing can be seen under another path than its own")]
    NeedsRoot,
    /// A function in a worker refused, in its words.
    #[error("`{name}` failed: {message}")]
    Refused {
        /// Name of the function.
        name: String,
        /// Its words.
        message: String,
    },
    /// A worker ended otherwise than by its function's end.
    #[error("`{name}` {end}")]
    Died {
        /// Name of the function.
        name: String,
        /// How.
        end: crate::End,
    },
    /// The sandbox was killed from outside before it could say how it ended.
    #[error("the sandbox was killed from outside")]
    Lost,
    /// What a program said could not be read.
    #[error("could not read what the program says")]
    Log(#[source] io::Error),
}

fn on(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(" `{place}`") }
}

impl SandboxError {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Start(_) => "E1401",
            Self::Setup { .. } => "E1402",
            Self::Path { .. } => "E1403",
            Self::Refused { .. } => "E1404",
            Self::Died { .. } => "E1405",
            Self::Lost => "E1406",
            Self::Log(_) => "E1407",
            Self::NeedsRoot => "E1408",
            Self::NoDispatch => "E1409",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Denied(denied) => Some(denied.help()),
            Self::Setup { step: Step::Mount, .. } => Some(
                "the root needs the folders `proc`, `dev`, `run` and `tmp`, no links in their places".into(),
            ),
            Self::Setup { step: Step::Exec, source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("neither the program nor the loader that it names may be missing inside the root".into())
            }
            Self::Setup { source, .. } if source.raw_os_error() == Some(libc::ENOSYS) => {
                Some("the sandbox needs Linux 5.12 or newer".into())
            }
            Self::Died { .. } | Self::Lost => Some("look for a lack of memory in the kernel's log".into()),
            _ => None,
        }
    }
}

/// What this machine denies, and what to enable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The limit of user namespaces is used up, or zero.
    #[error("no more user namespaces are allowed")]
    Limit,
    /// The kernel or a filter of system calls refuses namespaces.
    #[error("making namespaces is not permitted")]
    Forbidden,
    /// A user namespace can be made, but a security module takes its rights away.
    #[error("user namespaces have no rights here")]
    Restricted,
    /// A new `/proc` is refused, since the one that is here is partly covered.
    #[error("mounting a new /proc is not permitted")]
    MaskedProc,
    /// The user has no subordinate ids.
    #[error("`{user}` has no line in `{file}`")]
    NoSubordinateIds {
        /// Name of the user.
        user: String,
        /// `/etc/subuid` or `/etc/subgid`.
        file: &'static str,
    },
    /// The user has too few subordinate ids.
    #[error("`{user}` has only {have} ids in `{file}`, {} are needed", crate::ids::COUNT)]
    TooFewIds {
        /// Name of the user.
        user: String,
        /// `/etc/subuid` or `/etc/subgid`.
        file: &'static str,
        /// How many in the longest range.
        have: u32,
    },
    /// The program that maps ids is not installed.
    #[error("`{program}` is not installed")]
    NoMapper {
        /// Its name.
        program: &'static str,
    },
    /// The program that maps ids refuses.
    #[error("`{program}` refuses: {message}")]
    Mapper {
        /// Its name.
        program: &'static str,
        /// Its words.
        message: String,
    },
    /// The kernel's Landlock is missing, switched off or too old for a part of what is asked for.
    #[error("Landlock is missing, switched off, or older than Linux 6.12")]
    OldLandlock,
    /// Root of a container that has too few ids itself.
    #[error("the root of this container cannot own files as other users")]
    FewIdsHere,
}

impl Denied {
    /// What a failed step means, where it means that the machine says no.
    pub(crate) const fn of(step: Step, errno: i32) -> Option<Self> {
        match (step, errno) {
            (Step::UserNamespace | Step::Namespaces, libc::ENOSPC | libc::EUSERS) => Some(Self::Limit),
            (Step::UserNamespace, libc::EPERM | libc::EACCES | libc::EINVAL | libc::ENOSYS) => {
                Some(Self::Forbidden)
            }
            (Step::Ids | Step::Namespaces | Step::Mounts, libc::EPERM | libc::EACCES) => {
                Some(Self::Restricted)
            }
            (Step::Landlock, libc::ENOSYS | libc::EOPNOTSUPP) => Some(Self::OldLandlock),
            (Step::Proc, libc::EPERM | libc::EACCES) => Some(Self::MaskedProc),
            _ => None,
        }
    }

    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Limit => "E1410",
            Self::Forbidden => "E1411",
            Self::Restricted => "E1412",
            Self::MaskedProc => "E1413",
            Self::NoSubordinateIds { .. } => "E1414",
            Self::TooFewIds { .. } => "E1415",
            Self::NoMapper { .. } => "E1416",
            Self::Mapper { .. } => "E1417",
            Self::FewIdsHere => "E1418",
            Self::OldLandlock => "E1419",
        }
    }

    /// What to enable.
    pub fn help(&self) -> String {
        match self {
            Self::Limit => "as root: `sysctl -w user.max_user_namespaces=65536`".into(),
            Self::Forbidden => "in a container: start it with `--security-opt seccomp=unconfined`, or as root with \
                `--cap-add SYS_ADMIN`\non Debian 10: `sysctl -w kernel.unprivileged_userns_clone=1`\n\
                inside another sandbox: build outside of it"
                .into(),
            Self::Restricted => "on Ubuntu 24.04 and newer, as root: \
                `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or an AppArmor profile for this program \
                with the line `userns,`\nin a container: start it with `--security-opt apparmor=unconfined`"
                .into(),
            Self::MaskedProc => "start the container with `--security-opt systempaths=unconfined`".into(),
            Self::NoSubordinateIds { user, .. } | Self::TooFewIds { user, .. } => format!(
                "as root: `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}`, with a range that \
                 no other user has"
            ),
            Self::NoMapper { .. } => "as root: `apt-get install uidmap` (elsewhere: the package `shadow`)".into(),
            Self::Mapper { program, .. } => format!(
                "`{program}` must be owned by root with its set-user-ID bit or its file capability, on a file system \
                 that is not mounted with `nosuid`"
            ),
            Self::OldLandlock => "builds work without it, one wall thinner; the kernel's command line `lsm=` and \
                `CONFIG_LSM` name `landlock` where it is switched on"
                .into(),
            Self::FewIdsHere => "start the container with a range of 65536 ids".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_means_what_the_machine_says_by_it() {
        let help = |step, errno| Denied::of(step, errno).map(|denied| denied.help()).unwrap_or_default();
        // Debian and Docker refuse the namespace itself; AppArmor gives one without rights.
        assert!(help(Step::UserNamespace, libc::EPERM).contains("seccomp=unconfined"));
        assert!(help(Step::Ids, libc::EPERM).contains("apparmor_restrict_unprivileged_userns"));
        assert!(help(Step::Ids, libc::EACCES).contains("apparmor_restrict_unprivileged_userns"));
        assert!(help(Step::Mounts, libc::EACCES).contains("apparmor_restrict_unprivileged_userns"));
        assert!(help(Step::UserNamespace, libc::ENOSPC).contains("user.max_user_namespaces"));
        assert!(help(Step::Proc, libc::EPERM).contains("systempaths=unconfined"));
        // What a step names is not the machine's denial.
        assert_eq!(Denied::of(Step::Bind, libc::EPERM), None);
        assert_eq!(Denied::of(Step::Exec, libc::EACCES), None);
    }
}
