//! From a commit to its canonical archive (`FORMAT.md`).

use crate::error::PackError;
use crate::object::{Kind, ObjectId};
use crate::objects::{Objects, Place};
use crate::tar::{Member, Writer};
use crate::tree::{EntryKind, Refused, TreeEntry, parse};
use std::io::{self, Read, Seek, Write};

/// Bytes of the trees from the root to the one that is being written.
const TREES: u64 = 64 << 20;
/// The longest path, and the longest target of a symlink (`PATH_MAX` of Linux).
const PATH: usize = 4096;

/// Why a commit has no archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The pack does not have the commit: the server sent another one.
    #[error("the server sent something else than the commit `{commit}`")]
    OtherCommit {
        /// The commit that was asked for.
        commit: ObjectId,
    },
    /// The id is that of something else.
    #[error("`{id}` is a {}, and a commit was asked for", .kind.as_str())]
    NotACommit {
        /// The id.
        id: ObjectId,
        /// What it is.
        kind: Kind,
    },
    /// The pack lacks a part of the commit.
    #[error("the server did not send `{path}` (`{id}`)")]
    Missing {
        /// The path.
        path: String,
        /// Its object.
        id: ObjectId,
    },
    /// A tree that `git fsck` would refuse.
    #[error("`{path}` {why}")]
    Tree {
        /// The path.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A commit of another repository in the tree.
    #[error("`{path}` is a submodule, at commit `{commit}`")]
    Submodule {
        /// The path.
        path: String,
        /// The commit that it is pinned to.
        commit: ObjectId,
    },
    /// More than the limits allow.
    #[error("the archive has more than {limit} {what}")]
    Large {
        /// What.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The objects cannot be read again.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The archive cannot be written.
    #[error("the archive cannot be written")]
    Write(#[from] io::Error),
}

impl ArchiveError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherCommit { .. } | Self::NotACommit { .. } | Self::Missing { .. } => "E1012",
            Self::Tree { .. } => "E1013",
            Self::Submodule { .. } => "E1014",
            Self::Large { .. } => "E1009",
            Self::Pack(error) => error.code(),
            Self::Write(_) => "E1010",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::OtherCommit { .. } | Self::Missing { .. } => {
                "ask the repository itself instead of a mirror".to_owned()
            }
            Self::NotACommit { .. } => "`git rev-parse ID^{commit}` gives the commit of a tag".to_owned(),
            Self::Tree { .. } => "`git fsck` names it too; the repository must be repaired".to_owned(),
            Self::Submodule { commit, .. } => {
                format!(
                    "declare the submodule's repository as a source of its own, at commit `{commit}`, and use a commit without it here"
                )
            }
            Self::Pack(error) => return error.help(),
            Self::Large { .. } | Self::Write(_) => return None,
        })
    }
}

/// A folder that is being written.
struct Open {
    /// How long its path is, with the slash at its end.
    path: usize,
    size: u64,
    entries: std::vec::IntoIter<TreeEntry>,
}

impl<S: Read + Write + Seek> Objects<S> {
    /// Writes the canonical archive of a commit's tree.
    ///
    /// The pack must have the commit and everything below it; what else it has is not looked at.
    pub fn write_archive(&mut self, commit: ObjectId, out: impl Write) -> Result<(), ArchiveError> {
        let mut out = Writer::new(out);
        let root = self.tree_of(commit)?;
        let mut path = Vec::new();
        let root = self.open(root, &path)?;
        let (mut trees, mut count) = (root.size, 0_u64);
        let mut folders = vec![root];
        while let Some(folder) = folders.last_mut() {
            path.truncate(folder.path);
            let Some(entry) = folder.entries.next() else {
                trees -= folder.size;
                folders.pop();
                continue;
            };
            path.extend_from_slice(&entry.name);
            count += 1;
            self.check(&path, count, out.written())?;
            if entry.kind == EntryKind::Folder {
                path.push(b'/');
                out.member(&path, Member::Folder)?;
                let folder = self.open(entry.id, &path)?;
                trees += folder.size;
                at_most("bytes of folders", trees, TREES)?;
                folders.push(folder);
            } else {
                self.leaf(&path, &entry, &mut out)?;
            }
        }
        out.finish()?;
        Ok(())
    }

    fn check(&self, path: &[u8], count: u64, written: u64) -> Result<(), ArchiveError> {
        at_most("entries", count, self.limits.count)?;
        at_most("bytes", written, self.limits.total)?;
        if path.len() >= PATH {
            return Err(ArchiveError::Tree { path: text(path), why: "is too long a path" });
        }
        Ok(())
    }

    /// The tree that the first line of a commit names (`git-commit-tree`, "Commit information").
    fn tree_of(&mut self, commit: ObjectId) -> Result<ObjectId, ArchiveError> {
        let place = *self.index.get(&commit).ok_or(ArchiveError::OtherCommit { commit })?;
        if place.kind != Kind::Commit {
            return Err(ArchiveError::NotACommit { id: commit, kind: place.kind });
        }
        let line = self.start(place, b"tree \n".len() + 40)?;
        let id = line.strip_prefix(b"tree ").and_then(|it| it.strip_suffix(b"\n"));
        let id = id.and_then(|hex| std::str::from_utf8(hex).ok()?.parse().ok());
        id.ok_or_else(|| ArchiveError::Tree {
            path: commit.to_string(),
            why: "names no tree in its first line",
        })
    }

    /// The first bytes of an object.
    fn start(&mut self, place: Place, count: usize) -> Result<Vec<u8>, PackError> {
        let mut bytes = vec![0; (place.size as usize).min(count)];
        self.spool.read_at(place.at, &mut bytes)?;
        Ok(bytes)
    }

    fn place(&self, id: ObjectId, kind: Kind, path: &[u8]) -> Result<Place, ArchiveError> {
        match self.index.get(&id) {
            Some(place) if place.kind == kind => Ok(*place),
            Some(_) => Err(ArchiveError::Tree {
                path: text(path),
                why: "is another kind of object than its folder says",
            }),
            None => Err(ArchiveError::Missing { path: text(path), id }),
        }
    }

    /// Reads the folder at `path`, which ends in a slash where it is not the root.
    fn open(&mut self, id: ObjectId, path: &[u8]) -> Result<Open, ArchiveError> {
        let place = self.place(id, Kind::Tree, path)?;
        at_most("bytes of folders", place.size, TREES)?;
        let bytes = self.start(place, place.size as usize)?;
        let named = |it: Refused| ArchiveError::Tree { path: text(&[path, &it.name].concat()), why: it.why };
        let entries = parse(&bytes).map_err(named)?.into_iter();
        Ok(Open { path: path.len(), size: place.size, entries })
    }

    /// Writes a file or a symlink.
    fn leaf<W: Write>(
        &mut self,
        path: &[u8],
        entry: &TreeEntry,
        out: &mut Writer<W>,
    ) -> Result<(), ArchiveError> {
        if entry.kind == EntryKind::Submodule {
            return Err(ArchiveError::Submodule { path: text(path), commit: entry.id });
        }
        let place = self.place(entry.id, Kind::Blob, path)?;
        if entry.kind == EntryKind::Symlink {
            let target = self.start(place, PATH)?;
            if target.is_empty() || target.contains(&0) || target.len() >= PATH {
                return Err(ArchiveError::Tree { path: text(path), why: "is a symlink to nowhere" });
            }
            return Ok(out.member(path, Member::Symlink { target: &target })?);
        }
        at_most("bytes", out.written() + place.size, self.limits.total)?;
        out.member(path, Member::File { size: place.size, executable: entry.kind == EntryKind::Executable })?;
        self.copy(place, |bytes| out.bytes(bytes).map_err(ArchiveError::Write))?;
        Ok(out.pad()?)
    }
}

fn at_most(what: &'static str, size: u64, limit: u64) -> Result<(), ArchiveError> {
    if size > limit { Err(ArchiveError::Large { what, limit }) } else { Ok(()) }
}

/// A path for a message.
fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).chars().take(PATH).flat_map(char::escape_debug).collect()
}
