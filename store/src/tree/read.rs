//! Reads trees: the manifest, one file of the content, or the whole tar.

use super::manifest::{Entry, Tree};
use super::path::TreePath;
use super::tar;
use crate::{Expect, Store, StoreError};
use gabion_digest::{BlobId, DualHasher, TreeId};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take, Write};

/// A manifest of a million entries stays below.
const LIMIT: u64 = 1 << 30;

/// One file of a tree. Its last read fails where its bytes are not those that the manifest names.
#[derive(Debug)]
pub struct TreeFile {
    content: Take<File>,
    hasher: blake3::Hasher,
    blob: BlobId,
}

impl Read for TreeFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        let ended = count == 0 && !buffer.is_empty();
        if ended && self.hasher.finalize().as_bytes() != self.blob.digest().as_bytes() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the content of the tree is damaged"));
        }
        Ok(count)
    }
}

impl Store {
    /// The tree of this name. `None` where its manifest is absent, damaged (then it is in quarantine) or none.
    pub fn tree(&self, id: TreeId) -> Result<Option<Tree>, StoreError> {
        let manifest = BlobId::new(id.digest());
        let Some(bytes) = self.read_blob(manifest, LIMIT)? else { return Ok(None) };
        Ok(std::str::from_utf8(&bytes).ok().and_then(Tree::parse))
    }

    /// Opens one file of a tree; `None` where it is no file, or the content is not here.
    pub fn open_tree_file(&self, tree: &Tree, path: &TreePath) -> Result<Option<TreeFile>, StoreError> {
        let Some((offset, size, blob)) = tree.file(path) else { return Ok(None) };
        let Some((mut file, _)) = self.open_blob(tree.content().blob)? else { return Ok(None) };
        let seek = file.seek(SeekFrom::Start(offset));
        seek.map_err(|error| StoreError::io("read", &self.path_of(tree.content().blob), error))?;
        Ok(Some(TreeFile { content: file.take(size), hasher: blake3::Hasher::new(), blob }))
    }

    /// Writes the canonical tar of a tree; `false` where the content is not here. Damaged content goes to
    /// quarantine and is an error, as bytes of it are written already.
    pub fn export_tree(&self, tree: &Tree, mut out: impl Write) -> Result<bool, StoreError> {
        let content = tree.content();
        let Some((mut file, _)) = self.open_blob(content.blob)? else { return Ok(false) };
        let failed = |error| StoreError::io("read", &self.path_of(content.blob), error);
        let mut hasher = DualHasher::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = file.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            out.write_all(&buffer[..count]).map_err(failed)?;
        }
        let expect =
            Expect { blob: Some(content.blob), sha256: Some(content.sha256), size: Some(content.size) };
        if let Err(mismatch) = expect.check(&hasher.finish(), b"") {
            self.check_output(&content)?;
            return Err(mismatch);
        }
        Ok(true)
    }

    /// Whether the content of a tree is exactly the tar of its manifest. What we built always is; what came
    /// from elsewhere is asked once.
    pub fn check_tree(&self, tree: &Tree) -> Result<bool, StoreError> {
        let Some((file, _)) = self.open_blob(tree.content().blob)? else { return Ok(false) };
        let matches = matches_manifest(tree, io::BufReader::with_capacity(256 << 10, file));
        match matches {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            other => other.map_err(|error| StoreError::io("read", &self.path_of(tree.content().blob), error)),
        }
    }
}

fn matches_manifest(tree: &Tree, mut content: impl Read) -> io::Result<bool> {
    let expect = |bytes: &[u8], content: &mut dyn Read| {
        let mut there = vec![0; bytes.len()];
        content.read_exact(&mut there).map(|()| there == bytes)
    };
    for (path, entry) in tree.entries() {
        if !expect(&tar::header(path, entry, tree.meta(entry)), &mut content)? {
            return Ok(false);
        }
        if let Entry::File { size, blob, .. } = entry {
            let mut hasher = blake3::Hasher::new();
            hasher.update_reader((&mut content).take(*size))?;
            let same = hasher.finalize().as_bytes() == blob.digest().as_bytes();
            if !same || !expect(&[0; 512][..tar::padding(*size)], &mut content)? {
                return Ok(false);
            }
        }
    }
    Ok(expect(&tar::END, &mut content)? && content.read(&mut [0])? == 0)
}
