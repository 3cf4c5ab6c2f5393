//! What comes out: nodes by path.

use crate::value::ValueError;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Where a node stands: relative, each part a real name (`etc/passwd`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LayerPath(String);

impl LayerPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory that it stands in; nothing at the top.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// The path of one of the modules' own files.
    pub(crate) fn own(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl FromStr for LayerPath {
    type Err = ValueError;

    /// Reads a path as recipes spell it, absolute: `/usr/local/bin/k3s`.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::Path(text.to_owned());
        let path = text.strip_prefix('/').ok_or_else(wrong)?;
        let is_name = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part.len() <= 255
                && !part.contains(|it: char| it.is_control())
        };
        if !path.split('/').all(is_name) {
            return Err(wrong());
        }
        Ok(Self(path.to_owned()))
    }
}

impl fmt::Display for LayerPath {
    /// As recipes spell it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

/// The bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These.
    Bytes(Vec<u8>),
    /// Those that the caller knows by this name.
    Named(String),
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory; what the base has in it stays.
    Directory {
        /// Permissions.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// A regular file; it takes the place of whatever the base has there.
    File {
        /// Permissions.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// Its bytes.
        content: Content,
    },
    /// A symbolic link of root's; it takes the place of whatever the base has there.
    Symlink {
        /// Where it leads, as it is written.
        target: String,
    },
}

/// What is laid over a base system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// By path. Every directory that a node stands in is in the base or stands here too, before it.
    pub nodes: BTreeMap<LayerPath, Node>,
    /// What goes, where the base has it. No path of `nodes` is among them.
    pub remove: BTreeSet<LayerPath>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_and_needs_no_resolving() {
        assert_eq!("/etc/a b".parse::<LayerPath>().unwrap().as_str(), "etc/a b");
        for bad in ["", "/", "etc/a", "/etc/", "/etc//a", "/etc/../a", "/./a", "/a\nb", "//a"] {
            assert!(bad.parse::<LayerPath>().is_err(), "{bad:?}");
        }
    }
}
