//! `dir:`: a folder, also one on a network file system.
//!
//! `blob/AB/HEX` and `record/SLOT`, as in `FORMAT.md`. A file is written under a name in `tmp`, synced, and renamed to
//! its own; the folder is synced after that. Several machines may write at once: blobs of one name are the same, and
//! of two records in one slot either is whole. Nothing is locked, so nothing depends on the locks of a network.

use crate::pieces::of_file;
use crate::{Answer, Body, CacheError, Capabilities, Pieces, Posted, RECORD_MAX, Remote, Slot, Source};
use bytes::Bytes;
use futures_util::StreamExt;
use gabion_digest::BlobId;
use gabion_store::Output;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder.
#[derive(Debug, Clone)]
pub struct DirRemote {
    root: PathBuf,
    name: Arc<str>,
}

/// Tells the files of one process apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl DirRemote {
    /// The cache in `root`. The folder is made when something is put.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), name: format!("dir:{}", root.display()).into() }
    }

    fn blob(&self, id: BlobId) -> PathBuf {
        let hex = id.hex();
        self.root.join("blob").join(&hex[..2]).join(hex)
    }

    /// Opens a blob with its size; `None` where it is not there.
    pub async fn open(&self, id: BlobId) -> Result<Option<(fs_err::File, u64)>, CacheError> {
        let path = self.blob(id);
        self.blocking("read a blob", move |_| {
            let Some(file) = present(fs_err::File::open(path))? else { return Ok(None) };
            let size = file.metadata()?.len();
            Ok(Some((file, size)))
        })
        .await
    }

    /// The bytes of a file that [`DirRemote::open`] gave, from an offset on.
    pub fn read(&self, file: fs_err::File, from: u64) -> Pieces {
        of_file(Arc::new(file), from, self.name.to_string())
    }

    /// Writes a blob of which only this name is known, and gives it its name if the bytes have it.
    pub async fn receive(&self, id: BlobId, mut pieces: Pieces) -> Result<(), CacheError> {
        let mut staged = self.blocking("write a blob", Self::stage).await?;
        let mut hasher = blake3::Hasher::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            hasher.update(&piece);
            let write = move |_: &Self| staged.file.write_all(&piece).map(|()| staged);
            staged = self.blocking("write a blob", write).await?;
        }
        if hasher.finalize().as_bytes() != id.digest().as_bytes() {
            return Err(CacheError::Damaged { blob: id.to_string() });
        }
        let to = self.blob(id);
        self.blocking("write a blob", move |_| staged.name(&to)).await
    }

    fn record(&self, slot: &Slot) -> PathBuf {
        self.root.join("record").join(slot.path())
    }

    fn failed(&self, operation: &'static str) -> impl Fn(io::Error) -> CacheError + Send + use<> {
        let remote = Arc::clone(&self.name);
        move |source| CacheError::Io { operation, remote: remote.as_ref().to_owned(), source }
    }

    /// A file without a name: other machines count too, so the number of a process is not enough.
    fn stage(&self) -> io::Result<Staged> {
        let folder = self.root.join("tmp");
        fs_err::create_dir_all(&folder)?;
        loop {
            let path = folder.join(format!(
                "{}-{}-{:016x}",
                std::process::id(),
                NUMBER.fetch_add(1, Ordering::Relaxed),
                random()
            ));
            match fs_err::OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Staged { file, path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Does on another thread what waits for a disk or a network.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Result<T, CacheError> {
        let own = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&own)).await;
        done.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(self.failed(operation))
    }
}

/// A number that other machines do not have.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// A file on its way to its name; dropped before that it is gone.
struct Staged {
    file: fs_err::File,
    path: PathBuf,
}

impl Staged {
    /// Makes the bytes lasting, then gives them their name, then makes that lasting.
    fn name(self, to: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        let folder = to.parent().unwrap_or(to);
        fs_err::create_dir_all(folder)?;
        fs_err::rename(&self.path, to)?;
        // Some network file systems cannot sync a folder, and sync each change of one by themselves.
        match fs_err::File::open(folder)?.sync_all() {
            Err(error) if error.raw_os_error() != Some(EINVAL) => Err(error),
            _ => Ok(()),
        }
    }
}

const EINVAL: i32 = 22;

impl Drop for Staged {
    fn drop(&mut self) {
        let _named = fs_err::remove_file(&self.path);
    }
}

/// `None` where there is nothing.
fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Remote for DirRemote {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Answer<'_, Capabilities> {
        Box::pin(async { Ok(Capabilities::default()) })
    }

    fn has<'a>(&'a self, blobs: &'a [Output]) -> Answer<'a, BTreeSet<BlobId>> {
        let blobs = blobs.to_vec();
        Box::pin(self.blocking("look for blobs", move |own| {
            let mut found = BTreeSet::new();
            for blob in &blobs {
                let meta = present(fs_err::metadata(own.blob(blob.blob)))?;
                if meta.is_some_and(|it| it.is_file() && it.len() == blob.size) {
                    found.insert(blob.blob);
                }
            }
            Ok(found)
        }))
    }

    fn get<'a>(&'a self, blob: &'a Output, from: u64) -> Answer<'a, Option<Body>> {
        let path = self.blob(blob.blob);
        Box::pin(async move {
            let file = self.blocking("read a blob", move |_| present(fs_err::File::open(path))).await?;
            Ok(file.map(|file| Body { from, pieces: of_file(Arc::new(file), from, self.name.to_string()) }))
        })
    }

    fn put<'a>(&'a self, source: &'a Source) -> Answer<'a, ()> {
        Box::pin(self.receive(source.blob().blob, source.pieces()))
    }

    fn records<'a>(&'a self, slots: &'a [Slot]) -> Answer<'a, Vec<Option<Bytes>>> {
        let slots = slots.to_vec();
        Box::pin(self.blocking("read records", move |own| {
            let read = |slot: &Slot| {
                let Some(file) = present(fs_err::File::open(own.record(slot)))? else { return Ok(None) };
                let mut bytes = Vec::new();
                file.take(RECORD_MAX + 1).read_to_end(&mut bytes)?;
                Ok((bytes.len() as u64 <= RECORD_MAX).then(|| bytes.into()))
            };
            slots.iter().map(read).collect()
        }))
    }

    fn put_records<'a>(&'a self, records: &'a [Posted]) -> Answer<'a, ()> {
        let records = records.to_vec();
        Box::pin(self.blocking("write records", move |own| {
            for record in &records {
                let mut staged = own.stage()?;
                staged.file.write_all(&record.bytes)?;
                staged.name(&own.record(&record.slot))?;
            }
            Ok(())
        }))
    }
}
