//! What is in a file system.

use super::{Ext4Error, acl};
use std::collections::BTreeMap;

/// The largest file: block numbers within a file have 32 bits.
const LARGEST: u64 = (1 << 44) - 4096;
/// The longest target of a symbolic link (`PATH_MAX`, less its end).
const LONGEST_TARGET: usize = 4095;
/// Bytes for the extended attributes of one entry: a block without its head and end.
const ATTRIBUTES: usize = 4096 - 36;
/// The namespaces whose values are the same bytes on the disk as at the system call.
const NAMESPACES: [&str; 3] = ["security.", "trusted.", "user."];

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is: parts with `/` between them, none before and none behind. The empty path is the root directory.
    pub path: Vec<u8>,
    /// The permission bits, set-id and sticky bits included; nothing above `0o7777`.
    pub mode: u16,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Extended attributes with their full names, as the kernel shows them: of `security.`, `trusted.` and `user.`, and
    /// access control lists.
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// What it is.
    pub kind: Kind,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Its bytes.
        size: u64,
    },
    /// A symbolic link.
    Symlink {
        /// Where it leads: never looked at.
        target: Vec<u8>,
    },
    /// Another name of a file or symbolic link that stands before it; mode, owner and attributes are the other's.
    HardLink {
        /// The other name.
        target: Vec<u8>,
    },
}

impl Entry {
    /// A path for people.
    pub(super) fn name(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    pub(super) fn error(&self, why: &'static str) -> Ext4Error {
        Ext4Error::Entry { path: self.name(), why }
    }

    /// The path of the directory that it is in, and its name there; `None` for the root.
    pub(super) fn place(&self) -> Option<(&[u8], &[u8])> {
        let slash = self.path.iter().rposition(|it| *it == b'/');
        let (parent, name) = match slash {
            Some(at) => (&self.path[..at], &self.path[at + 1..]),
            None => (&b""[..], &self.path[..]),
        };
        (!self.path.is_empty()).then_some((parent, name))
    }

    /// What can be said of it alone.
    pub(super) fn check(&self) -> Result<(), Ext4Error> {
        let name = self.place().map_or(&b"x"[..], |(_, name)| name);
        let name = if self.path.starts_with(b"/") { b"" } else { name };
        let bad_name =
            name.is_empty() || name.len() > 255 || name == b"." || name == b".." || name.contains(&0);
        let why = if bad_name {
            "is no path"
        } else if std::str::from_utf8(name).is_err() {
            "has a name that is not UTF-8, which the writer of ext4 cannot write"
        } else if self.path == b"lost+found" {
            "is made by every ext4 itself"
        } else if self.mode > 0o7777 {
            "has a mode beyond the permission bits"
        } else if matches!(self.kind, Kind::File { size } if size > LARGEST) {
            "is larger than a file of ext4 can be"
        } else if self.path.is_empty() && self.kind != Kind::Directory {
            "is the root, which is a directory"
        } else {
            return self.check_target().and_then(|()| self.check_xattrs());
        };
        Err(self.error(why))
    }

    fn check_target(&self) -> Result<(), Ext4Error> {
        match &self.kind {
            Kind::Symlink { target } if std::str::from_utf8(target).is_err() => {
                Err(self.error("leads to what is not UTF-8, which the writer of ext4 cannot write"))
            }
            Kind::Symlink { target } if target.is_empty() || target.contains(&0) => {
                Err(self.error("leads nowhere"))
            }
            Kind::Symlink { target } if target.len() > LONGEST_TARGET => {
                Err(self.error("leads further than a path can be"))
            }
            _ => Ok(()),
        }
    }

    fn check_xattrs(&self) -> Result<(), Ext4Error> {
        let suffix = |name: &str| NAMESPACES.iter().find_map(|it| name.strip_prefix(it)).map(str::len);
        let known = |name: &str| suffix(name).is_some_and(|it| (1..=255).contains(&it)) || acl::is_list(name);
        if self.xattrs.keys().any(|name| !known(name)) {
            return Err(self.error("has an extended attribute that ext4 has no place for"));
        }
        if self.xattrs.iter().any(|(name, value)| acl::is_list(name) && acl::kept(value).is_none()) {
            return Err(self.error("has an access control list that is none"));
        }
        let bytes = |(name, value): (&String, &Vec<u8>)| {
            16 + name.len().next_multiple_of(4) + value.len().next_multiple_of(4)
        };
        if self.xattrs.iter().map(bytes).sum::<usize>() > ATTRIBUTES {
            return Err(self.error("has more extended attributes than fit into a block"));
        }
        if matches!(self.kind, Kind::HardLink { .. }) && !self.xattrs.is_empty() {
            return Err(self.error("is a link, whose attributes are those of its file"));
        }
        Ok(())
    }
}
