//! Takes away what no two builds have alike, and what belongs to a running machine only.

use crate::RootfsError;
use crate::root::{Meta, Root};
use std::io;

/// Files that are made anew where they are needed: caches with inode numbers, backups, locks, keys of the host.
const REMOVED: [&str; 16] = [
    "etc/.pwd.lock",
    "etc/group-",
    "etc/gshadow-",
    "etc/passwd-",
    "etc/shadow-",
    "etc/subgid-",
    "etc/subuid-",
    "initrd.img.old",
    "vmlinuz.old",
    "var/cache/ldconfig/aux-cache",
    "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/statoverride-old",
    "var/lib/dpkg/status-old",
    "var/lib/systemd/random-seed",
];

/// Files of these directories go by their ending or beginning.
const REMOVED_IN: [(&str, &str, &str); 9] = [
    ("etc/ssh", "ssh_host_", ""),
    ("var/cache/debconf", "", "-old"),
    ("var/cache/apt", "", ".bin"),
    ("var/cache/apt/archives", "", ".deb"),
    ("var/cache/apt/archives", "lock", ""),
    ("var/lib/apt/lists", "lock", ""),
    ("var/lib/dpkg/triggers", "Lock", ""),
    ("var/log", "", ".log"),
    ("var/log/apt", "", ".log"),
];

/// Logs that services expect to find.
const EMPTIED: [&str; 5] =
    ["var/log/btmp", "var/log/wtmp", "var/log/lastlog", "var/log/faillog", "var/log/tallylog"];

/// The id of the machine, a second time.
const DBUS_ID: &[u8] = b"var/lib/dbus/machine-id";

/// Cleans a configured root.
pub(crate) fn clean(root: &Root) -> Result<(), RootfsError> {
    let done = || -> io::Result<()> {
        for path in REMOVED {
            root.remove(path.as_bytes())?;
        }
        for (folder, begin, end) in REMOVED_IN {
            for name in root.names(folder.as_bytes())? {
                if name.starts_with(begin.as_bytes()) && name.ends_with(end.as_bytes()) {
                    root.remove(&[folder.as_bytes(), b"/", &name].concat())?;
                }
            }
        }
        // `machine-id(5)`: an empty file is filled at the first boot.
        root.remove(b"etc/machine-id")?;
        if root.kind(b"etc/systemd")?.is_some() {
            root.file(b"etc/machine-id", Meta { mode: 0o444, uid: 0, gid: 0 }, &mut io::empty())?;
        }
        // dbus copies the id where it is; on a host it is the same file (`machine-id(5)`).
        if root.kind(DBUS_ID)?.is_some() {
            root.remove(DBUS_ID)?;
            root.symlink(DBUS_ID, b"/etc/machine-id", Meta { mode: 0o777, uid: 0, gid: 0 })?;
        }
        Ok(())
    };
    done().map_err(|error| RootfsError::io("clean", "/", error))?;
    for path in EMPTIED {
        if root.kind(path.as_bytes()).map_err(|error| RootfsError::io("read", path, error))?.is_some() {
            root.replace(path, b"")?;
        }
    }
    Ok(())
}
