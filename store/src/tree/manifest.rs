//! The manifest: what every entry of a tree is, in one text with one spelling.

use super::path::{TreePath, escape, unescape};
use super::tar;
use crate::{Output, StoreError};
use gabion_digest::{BlobId, Digest, TreeId};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Who may do what with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// The permission bits, set-id and sticky bits included; nothing above `0o7777`.
    pub mode: u32,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Directory(Meta),
    /// A file, whose bytes are in the content.
    File {
        /// Mode and owner.
        meta: Meta,
        /// The BLAKE3 of its bytes. They are a blob of their own only by chance.
        blob: BlobId,
        /// How many they are.
        size: u64,
    },
    /// A symbolic link; its mode is always `0o777`.
    Symlink {
        /// Mode and owner.
        meta: Meta,
        /// Where it leads: bytes, never looked at.
        target: Vec<u8>,
    },
    /// Another name of a file that stands before it.
    HardLink {
        /// The first name, in the order of bytes.
        target: TreePath,
    },
}

/// The mode of every symbolic link.
pub(super) const LINK_MODE: u32 = 0o777;

/// Entries with where their content begins.
type Placed = BTreeMap<TreePath, (Entry, u64)>;

/// Extended attributes (`xattr(7)`) of files and directories: name and value, as the kernel shows them.
pub type Attributes = BTreeMap<TreePath, BTreeMap<Vec<u8>, Vec<u8>>>;

/// A tree whose entries fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    content: Output,
    entries: Placed,
    attributes: Attributes,
}

const HEADER: &str = "gabion-tree 1\n";

impl Tree {
    /// Entries and the tar that was made of them.
    pub(super) fn new(
        entries: BTreeMap<TreePath, Entry>,
        attributes: Attributes,
        content: Output,
    ) -> Result<Self, StoreError> {
        check_attributes(&entries, &attributes)?;
        let (entries, size) = place(entries)?;
        if size != content.size {
            return Err(StoreError::Entry {
                path: content.blob.to_string(),
                why: "its content has another size",
            });
        }
        Ok(Self { content, entries, attributes })
    }

    /// The canonical tar.
    pub fn content(&self) -> Output {
        self.content
    }

    /// Every entry, parents first.
    pub fn entries(&self) -> impl Iterator<Item = (&TreePath, &Entry)> {
        self.entries.iter().map(|(path, (entry, _))| (path, entry))
    }

    /// Every extended attribute.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// One entry.
    pub fn get(&self, path: &TreePath) -> Option<&Entry> {
        self.entries.get(path).map(|(entry, _)| entry)
    }

    /// Where the bytes of a file stand in the content: offset, size and digest. A hard link leads to its file.
    pub fn file(&self, path: &TreePath) -> Option<(u64, u64, BlobId)> {
        match self.entries.get(path)? {
            (Entry::File { size, blob, .. }, offset) => Some((*offset, *size, *blob)),
            (Entry::HardLink { target }, _) => self.file(target),
            (Entry::Directory(_) | Entry::Symlink { .. }, _) => None,
        }
    }

    /// The digest of the manifest.
    pub fn id(&self) -> TreeId {
        TreeId::new(Digest::of(self.to_text().as_bytes()))
    }

    /// The manifest.
    pub fn to_text(&self) -> String {
        let Output { blob, sha256, size } = self.content;
        let mut text = format!("{HEADER}content {blob} {sha256} {size}\n");
        for (path, entry) in self.entries() {
            let _ = match entry {
                Entry::Directory(it) => writeln!(text, "dir {:04o} {} {} {path}", it.mode, it.uid, it.gid),
                Entry::File { meta: it, blob, size } => {
                    writeln!(text, "file {:04o} {} {} {blob} {size} {path}", it.mode, it.uid, it.gid)
                }
                Entry::Symlink { meta: it, target } => {
                    writeln!(text, "symlink {} {} {path} {}", it.uid, it.gid, escape(target))
                }
                Entry::HardLink { target } => writeln!(text, "hardlink {path} {target}"),
            };
            for (name, value) in self.attributes.get(path).into_iter().flatten() {
                let _ = writeln!(text, "attribute {} {} {path}", escape(name), escape(value));
            }
        }
        text
    }

    /// Reads a manifest; `None` where it is none, or says what no tree may have.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_prefix(HEADER)?.lines();
        let mut content = lines.next()?.strip_prefix("content ")?.split(' ');
        let content = Output {
            blob: content.next()?.parse().ok()?,
            sha256: content.next()?.parse().ok()?,
            size: content.next()?.parse().ok()?,
        };
        let (mut entries, mut attributes) = (BTreeMap::new(), Attributes::new());
        for line in lines {
            if let Some(attribute) = line.strip_prefix("attribute ") {
                let (path, name, value) = parse_attribute(attribute)?;
                attributes.entry(path).or_default().insert(name, value);
            } else {
                let (path, entry) = parse_entry(line)?;
                entries.insert(path, entry);
            }
        }
        // One spelling: order, digits and escapes as we write them, no line twice.
        Self::new(entries, attributes, content).ok().filter(|tree| tree.to_text() == text)
    }

    pub(super) fn meta(&self, entry: &Entry) -> Meta {
        meta(entry, |target| self.get(target))
    }
}

fn parse_attribute(text: &str) -> Option<(TreePath, Vec<u8>, Vec<u8>)> {
    let mut parts = text.split(' ');
    let (name, value) = (unescape(parts.next()?)?, unescape(parts.next()?)?);
    Some((TreePath::new(unescape(parts.next()?)?).ok()?, name, value))
}

fn parse_entry(line: &str) -> Option<(TreePath, Entry)> {
    let mut parts = line.split(' ');
    let mut part = || parts.next();
    let path = |text: &str| TreePath::new(unescape(text)?).ok();
    let mode = |text: &str| u32::from_str_radix(text, 8).ok();
    let kind = part()?;
    Some(match kind {
        "dir" => {
            let meta = Meta { mode: mode(part()?)?, uid: part()?.parse().ok()?, gid: part()?.parse().ok()? };
            (path(part()?)?, Entry::Directory(meta))
        }
        "file" => {
            let meta = Meta { mode: mode(part()?)?, uid: part()?.parse().ok()?, gid: part()?.parse().ok()? };
            let (blob, size) = (part()?.parse().ok()?, part()?.parse().ok()?);
            (path(part()?)?, Entry::File { meta, blob, size })
        }
        "symlink" => {
            let meta = Meta { mode: LINK_MODE, uid: part()?.parse().ok()?, gid: part()?.parse().ok()? };
            (path(part()?)?, Entry::Symlink { meta, target: unescape(part()?)? })
        }
        "hardlink" => (path(part()?)?, Entry::HardLink { target: path(part()?)? }),
        _ => return None,
    })
}

/// The mode and owner that stand in the tar header.
pub(super) fn meta<'e>(entry: &'e Entry, find: impl FnOnce(&TreePath) -> Option<&'e Entry>) -> Meta {
    match entry {
        Entry::Directory(meta) | Entry::File { meta, .. } | Entry::Symlink { meta, .. } => *meta,
        Entry::HardLink { target } => match find(target) {
            Some(Entry::File { meta, .. }) => *meta,
            _ => Meta { mode: 0, uid: 0, gid: 0 },
        },
    }
}

/// Checks how entries fit together and computes where each content begins, and how large the tar is.
fn place(entries: BTreeMap<TreePath, Entry>) -> Result<(Placed, u64), StoreError> {
    let mut offsets = Vec::with_capacity(entries.len());
    let mut at: u64 = 0;
    for (path, entry) in &entries {
        check(&entries, path, entry)?;
        at += tar::header(path, entry, meta(entry, |target| entries.get(target))).len() as u64;
        offsets.push(at);
        if let Entry::File { size, .. } = entry {
            let room = size.checked_next_multiple_of(tar::BLOCK).and_then(|room| at.checked_add(room));
            at = room.filter(|at| *at < 1 << 62).ok_or_else(|| path.refused("it is too large"))?;
        }
    }
    let placed = entries.into_iter().zip(offsets).map(|((path, entry), offset)| (path, (entry, offset)));
    Ok((placed.collect(), at + tar::END.len() as u64))
}

/// Attributes belong to files and directories; those of a hard link are its file's.
fn check_attributes(entries: &BTreeMap<TreePath, Entry>, attributes: &Attributes) -> Result<(), StoreError> {
    for (path, named) in attributes {
        if !matches!(entries.get(path), Some(Entry::File { .. } | Entry::Directory(_))) {
            return Err(path.refused("it has attributes and is neither a file nor a directory"));
        }
        if named.is_empty() || named.keys().any(|name| name.is_empty() || name.contains(&0)) {
            return Err(path.refused("it has an attribute without a name"));
        }
    }
    Ok(())
}

fn check(entries: &BTreeMap<TreePath, Entry>, path: &TreePath, entry: &Entry) -> Result<(), StoreError> {
    if path.parent().is_some_and(|parent| !matches!(entries.get(&parent), Some(Entry::Directory(_)))) {
        return Err(path.refused("its parent is not a directory of the tree"));
    }
    let why = match entry {
        Entry::Directory(meta) | Entry::File { meta, .. } if meta.mode > 0o7777 => "its mode has other bits",
        Entry::Symlink { meta, .. } if meta.mode != LINK_MODE => "a symbolic link has mode 0777",
        Entry::Symlink { target, .. } if target.is_empty() || target.contains(&0) => "it leads nowhere",
        Entry::HardLink { target } if !matches!(entries.get(target), Some(Entry::File { .. })) => {
            "it is another name of what is no file of the tree"
        }
        Entry::HardLink { target } if target > path => "its file stands behind it",
        _ => return Ok(()),
    };
    Err(path.refused(why))
}
