//! Bytes on their way, in pieces of bounded size.

use crate::CacheError;
use bytes::Bytes;
use fs_err::os::unix::fs::FileExt as _;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use gabion_digest::{DualHasher, Hashed};
use gabion_store::{Output, Store};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// How many bytes a piece has at most where we cut it.
const PIECE: usize = 256 << 10;

/// Pieces of a blob in order; an error ends them.
pub type Pieces = BoxStream<'static, Result<Bytes, CacheError>>;

/// Bytes that are to be put: each call of [`Source::pieces`] gives them from the start, so that a put can be
/// tried again.
#[derive(Debug, Clone)]
pub struct Source {
    blob: Output,
    from: From,
}

#[derive(Debug, Clone)]
enum From {
    Memory(Bytes),
    File(Arc<fs_err::File>),
}

impl Source {
    /// A blob of the store; `None` where it is not there.
    pub fn of_store(store: &Store, blob: &Output) -> Result<Option<Self>, CacheError> {
        match fs_err::File::open(store.path_of(blob.blob)) {
            Ok(file) => Ok(Some(Self { blob: *blob, from: From::File(Arc::new(file)) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => {
                Err(CacheError::Io { operation: "read a blob", remote: "the store".into(), source })
            }
        }
    }

    /// A file that is claimed to be `blob`.
    pub fn of_file(path: PathBuf, blob: &Output) -> io::Result<Self> {
        Ok(Self { blob: *blob, from: From::File(Arc::new(fs_err::File::open(path)?)) })
    }

    /// Bytes that are in memory already, claimed to be `blob`.
    pub fn of_bytes(bytes: impl Into<Bytes>, blob: &Output) -> Self {
        Self { blob: *blob, from: From::Memory(bytes.into()) }
    }

    /// What they must be.
    pub fn blob(&self) -> &Output {
        &self.blob
    }

    /// The bytes. They are hashed on the way, and the last piece comes only when they are what they must be, or
    /// else [`CacheError::Damaged`]: whoever counts bytes never holds a whole lie.
    pub fn pieces(&self) -> Pieces {
        let raw = match &self.from {
            From::Memory(bytes) => of_bytes(bytes.clone()),
            From::File(file) => of_file(Arc::clone(file), 0, "the store".into()),
        };
        let state = Some((raw, DualHasher::new(), None::<Bytes>, self.blob));
        stream::unfold(state, async |state| {
            let (mut raw, mut hasher, mut held, blob) = state?;
            loop {
                match raw.next().await {
                    Some(Ok(piece)) => {
                        hasher.update(&piece);
                        if hasher.size() > blob.size {
                            return Some((Err(damaged(&blob)), None));
                        }
                        if let Some(before) = held.replace(piece) {
                            return Some((Ok(before), Some((raw, hasher, held, blob))));
                        }
                    }
                    Some(Err(error)) => return Some((Err(error), None)),
                    None if fits(&hasher.finish(), &blob) => return held.map(|last| (Ok(last), None)),
                    None => return Some((Err(damaged(&blob)), None)),
                }
            }
        })
        .boxed()
    }
}

fn fits(hashed: &Hashed, blob: &Output) -> bool {
    Output::from(*hashed) == *blob
}

fn damaged(blob: &Output) -> CacheError {
    CacheError::Damaged { blob: blob.blob.to_string() }
}

/// Bytes in memory, in pieces.
pub(crate) fn of_bytes(mut rest: Bytes) -> Pieces {
    stream::poll_fn(move |_| {
        let count = rest.len().min(PIECE);
        std::task::Poll::Ready((count > 0).then(|| Ok(rest.split_to(count))))
    })
    .boxed()
}

/// The bytes of a file from an offset on; each piece is read on another thread.
pub(crate) fn of_file(file: Arc<fs_err::File>, from: u64, remote: String) -> Pieces {
    stream::unfold(Some((file, from, remote)), async |state| {
        let (file, from, remote) = state?;
        let reader = Arc::clone(&file);
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let count = reader.read_at(&mut piece, from)?;
            piece.truncate(count);
            Ok(piece)
        });
        match read.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => {
                let next = from + piece.len() as u64;
                Some((Ok(Bytes::from(piece)), Some((file, next, remote))))
            }
            Err(source) => Some((Err(CacheError::Io { operation: "read a blob", remote, source }), None)),
        }
    })
    .boxed()
}
