//! Makes a tree from a stream of entries in any order.

use super::manifest::{Attributes, Entry, LINK_MODE, Meta, Tree, meta};
use super::path::TreePath;
use super::tar;
use crate::blob::{BlobWriter, Expect};
use crate::fs::{self, Staged};
use crate::{Output, Store, StoreError};
use gabion_digest::{BlobId, Digest, TreeId};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// A tree being made. The bytes of its files wait in `tmp` until the order of all paths is known.
#[derive(Debug)]
pub struct TreeBuilder<'s> {
    store: &'s Store,
    spool: Staged,
    end: u64,
    entries: BTreeMap<TreePath, Entry>,
    attributes: Attributes,
    /// Where each file's bytes wait.
    waiting: BTreeMap<TreePath, u64>,
}

impl Store {
    /// Begins a tree.
    pub fn build_tree(&self) -> Result<TreeBuilder<'_>, StoreError> {
        let spool = fs::stage(&self.tmp())?;
        let (entries, attributes, waiting) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Ok(TreeBuilder { store: self, spool, end: 0, entries, attributes, waiting })
    }
}

impl TreeBuilder<'_> {
    fn add(&mut self, path: TreePath, entry: Entry) -> Result<(), StoreError> {
        if self.entries.contains_key(&path) {
            return Err(path.refused("it is there twice"));
        }
        self.entries.insert(path, entry);
        Ok(())
    }

    /// Adds a directory.
    pub fn directory(&mut self, path: TreePath, meta: Meta) -> Result<(), StoreError> {
        self.add(path, Entry::Directory(meta))
    }

    /// Adds a symbolic link; the mode of `meta` is not looked at.
    pub fn symlink(&mut self, path: TreePath, meta: Meta, target: &[u8]) -> Result<(), StoreError> {
        let meta = Meta { mode: LINK_MODE, ..meta };
        self.add(path, Entry::Symlink { meta, target: target.to_vec() })
    }

    /// Adds another name of a file, which may come later. Which of the names is the file's is decided by the
    /// order of bytes, not by the stream.
    pub fn hard_link(&mut self, path: TreePath, target: TreePath) -> Result<(), StoreError> {
        self.add(path, Entry::HardLink { target })
    }

    /// Gives the file or directory `path`, which may come later, an extended attribute. Under whichever name of
    /// a file it is given, it is the file's.
    pub fn attribute(&mut self, path: TreePath, name: &[u8], value: &[u8]) {
        self.attributes.entry(path).or_default().insert(name.to_vec(), value.to_vec());
    }

    /// Adds a file, reading `content` to its end.
    pub fn file(&mut self, path: TreePath, meta: Meta, content: impl Read) -> Result<(), StoreError> {
        let (blob, size) =
            self.spool(content).map_err(|error| StoreError::io("write", &self.store.tmp(), error))?;
        self.waiting.insert(path.clone(), self.end);
        self.end += size;
        self.add(path, Entry::File { meta, blob, size })
    }

    fn spool(&mut self, mut content: impl Read) -> io::Result<(BlobId, u64)> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 128 << 10];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    hasher.update(&buffer[..count]);
                    self.spool.write_all(&buffer[..count])?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
        Ok((BlobId::new(digest), hasher.count()))
    }

    /// Writes the canonical tar and the manifest into the store.
    pub fn finish(mut self) -> Result<(TreeId, Tree), StoreError> {
        self.first_name_is_the_file()?;
        let store = self.store;
        let mut writer = store.writer()?;
        self.write(&mut writer).map_err(|error| StoreError::io("write", &store.tmp(), error))?;
        let mut batch = store.batch();
        let hashed = batch.add(writer, Expect::default())?;
        let content = Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size };
        let tree = Tree::new(self.entries, self.attributes, content)?;
        let manifest = batch.put(tree.to_text().as_bytes())?;
        batch.commit()?;
        Ok((TreeId::new(manifest.blob.digest()), tree))
    }

    /// Hard links lead to the smallest name, whatever the stream said.
    fn first_name_is_the_file(&mut self) -> Result<(), StoreError> {
        let mut names: BTreeMap<TreePath, Vec<TreePath>> = BTreeMap::new();
        for (path, entry) in &self.entries {
            if matches!(entry, Entry::HardLink { .. }) {
                names.entry(self.origin(path)?).or_default().push(path.clone());
            }
        }
        for (file, links) in names {
            let first = links.iter().min().filter(|first| **first < file).unwrap_or(&file).clone();
            if first != file
                && let Some(entry) = self.entries.remove(&file)
            {
                self.entries.insert(first.clone(), entry);
                let offset = self.waiting.remove(&file).unwrap_or_default();
                self.waiting.insert(first.clone(), offset);
            }
            for path in links.into_iter().chain([file]).filter(|path| *path != first) {
                if let Some(attributes) = self.attributes.remove(&path) {
                    self.attributes.entry(first.clone()).or_default().extend(attributes);
                }
                self.entries.insert(path, Entry::HardLink { target: first.clone() });
            }
        }
        Ok(())
    }

    /// The file behind a chain of hard links.
    fn origin(&self, link: &TreePath) -> Result<TreePath, StoreError> {
        let mut path = link;
        for _ in 0..=self.entries.len() {
            match self.entries.get(path) {
                Some(Entry::HardLink { target }) => path = target,
                Some(Entry::File { .. }) => return Ok(path.clone()),
                _ => break,
            }
        }
        Err(link.refused("it is another name of what is no file of the tree"))
    }

    fn write(&mut self, out: &mut BlobWriter<'_>) -> io::Result<()> {
        for (path, entry) in &self.entries {
            out.write_all(&tar::header(path, entry, meta(entry, |target| self.entries.get(target))))?;
            if let Entry::File { size, .. } = entry {
                let mut file = &self.spool.file;
                file.seek(SeekFrom::Start(self.waiting.get(path).copied().unwrap_or_default()))?;
                io::copy(&mut file.take(*size), out)?;
                out.write_all(&[0; 512][..tar::padding(*size)])?;
            }
        }
        out.write_all(&tar::END)
    }
}
