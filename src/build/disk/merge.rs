//! A system and what is laid over it, as the entries of one file system.

use super::super::step::StepError;
use gabion_disk::ext4::{Entry, Kind};
use gabion_harden::{Content, Layer, Node};
use gabion_store::{self as store, Output, Tree, TreePath};
use std::collections::BTreeMap;

/// Where the bytes of a file come from.
#[derive(Debug, Clone)]
pub(super) enum Bytes {
    /// The file of this path in the system.
    System(TreePath),
    /// Here.
    Here(Vec<u8>),
    /// Another node's file.
    Blob(Output),
}

/// The entries by path, and where the bytes of files come from.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) entries: BTreeMap<Vec<u8>, Entry>,
    pub(super) bytes: BTreeMap<Vec<u8>, Bytes>,
}

/// Lays `layer` over `tree`; `named` are the files that the layer only names.
pub(super) fn merge(
    tree: &Tree,
    layer: &Layer,
    named: &BTreeMap<String, Output>,
) -> Result<Merged, StepError> {
    let mut merged = Merged::default();
    for (path, entry) in tree.entries() {
        merged.add_system(tree, path, entry);
    }
    for path in &layer.remove {
        merged.remove(path.as_str().as_bytes());
    }
    for (path, node) in &layer.nodes {
        merged.lay(path.as_str().as_bytes(), node, named)?;
    }
    Ok(merged)
}

impl Merged {
    fn add_system(&mut self, tree: &Tree, path: &TreePath, entry: &store::Entry) {
        let (meta, kind) = match entry {
            store::Entry::Directory(meta) => (*meta, Kind::Directory),
            store::Entry::File { meta, size, .. } => (*meta, Kind::File { size: *size }),
            store::Entry::Symlink { meta, target } => (*meta, Kind::Symlink { target: target.clone() }),
            store::Entry::HardLink { target } => {
                let meta = store::Meta { mode: 0, uid: 0, gid: 0 };
                (meta, Kind::HardLink { target: target.as_bytes().to_vec() })
            }
        };
        if matches!(kind, Kind::File { .. }) {
            self.bytes.insert(path.as_bytes().to_vec(), Bytes::System(path.clone()));
        }
        let attributes = tree.attributes().get(path).into_iter().flatten();
        let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let xattrs = attributes.map(|(key, value)| (name(key), value.clone())).collect();
        self.insert(Entry {
            path: path.as_bytes().to_vec(),
            mode: mode(meta.mode),
            uid: meta.uid,
            gid: meta.gid,
            xattrs,
            kind,
        });
    }

    fn insert(&mut self, entry: Entry) {
        self.entries.insert(entry.path.clone(), entry);
    }

    /// Takes away an entry and everything below it.
    fn remove(&mut self, path: &[u8]) {
        let below = [path, b"/"].concat();
        let gone: Vec<Vec<u8>> = self
            .entries
            .range(path.to_vec()..)
            .map(|(path, _)| path.clone())
            .take_while(|it| it.starts_with(path))
            .filter(|it| it == path || it.starts_with(&below))
            .collect();
        for path in gone {
            self.take(&path);
        }
    }

    /// Takes away one entry. Where it was a file with other names, the first of these becomes the file.
    fn take(&mut self, path: &[u8]) {
        let Some(entry) = self.entries.remove(path) else { return };
        let Some(bytes) = self.bytes.remove(path) else { return };
        let leads = |it: &Entry| matches!(&it.kind, Kind::HardLink { target } if target == path);
        let links: Vec<Vec<u8>> =
            self.entries.values().filter(|it| leads(it)).map(|it| it.path.clone()).collect();
        let Some((first, others)) = links.split_first() else { return };
        self.insert(Entry { path: first.clone(), ..entry });
        self.bytes.insert(first.clone(), bytes);
        for path in others {
            if let Some(link) = self.entries.get_mut(path) {
                link.kind = Kind::HardLink { target: first.clone() };
            }
        }
    }

    fn lay(&mut self, path: &[u8], node: &Node, named: &BTreeMap<String, Output>) -> Result<(), StepError> {
        let (meta, kind, bytes) = match node {
            Node::Directory { mode, uid, gid } => ((*mode, *uid, *gid), Kind::Directory, None),
            Node::Symlink { target } => {
                ((0o777, 0, 0), Kind::Symlink { target: target.as_bytes().to_vec() }, None)
            }
            Node::File { mode, uid, gid, content } => {
                let bytes = match content {
                    Content::Bytes(bytes) => Bytes::Here(bytes.clone()),
                    Content::Named(name) => Bytes::Blob(
                        *named.get(name).ok_or_else(|| StepError::Input(format!("`{name}` is not built")))?,
                    ),
                };
                let size = match &bytes {
                    Bytes::Here(bytes) => bytes.len() as u64,
                    Bytes::Blob(output) => output.size,
                    Bytes::System(_) => 0,
                };
                ((*mode, *uid, *gid), Kind::File { size }, Some(bytes))
            }
        };
        let mut xattrs = BTreeMap::new();
        match self.entries.get(path) {
            // What a directory has in it stays, and so do its attributes.
            Some(there) if there.kind == Kind::Directory && kind == Kind::Directory => {
                xattrs.clone_from(&there.xattrs);
            }
            Some(_) => self.remove(path),
            None => {}
        }
        self.insert(Entry {
            path: path.to_vec(),
            mode: mode(meta.0),
            uid: meta.1,
            gid: meta.2,
            xattrs,
            kind,
        });
        if let Some(bytes) = bytes {
            self.bytes.insert(path.to_vec(), bytes);
        }
        Ok(())
    }
}

/// Nothing of a tree or layer has other bits.
fn mode(mode: u32) -> u16 {
    (mode & 0o7777) as u16
}
