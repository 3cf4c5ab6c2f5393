//! Unpacks a reply on a thread of its own while it arrives.

use super::error::GitError;
use gabion_git::{Limits, ObjectId, Objects, PackError, PackStream};
use gabion_store::{Expect, Output, Store};
use std::io::{self, BufWriter, Read, Write};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

/// Pieces of the reply that wait: bounds memory to about a MiB.
const QUEUE: usize = 16;
/// How much of the archive is handed to the store at once.
const PIECE: usize = 64 << 10;

/// A piece of a reply, or why there are no more.
type Piece = Result<Vec<u8>, String>;

/// A reply on its way into the store. Dropped before its end it leaves nothing behind.
pub(super) struct Unpacking {
    url: String,
    pieces: Sender<Piece>,
    thread: JoinHandle<Result<Output, GitError>>,
}

impl Unpacking {
    pub(super) fn start(url: &str, store: &Store, commit: ObjectId, expect: Expect) -> Self {
        let (pieces, receiver) = channel(QUEUE);
        let (url, own, store) = (url.to_owned(), url.to_owned(), store.clone());
        let reply = Reply { pieces: receiver, current: Vec::new(), at: 0 };
        let thread = tokio::task::spawn_blocking(move || unpack(reply, &own, &store, commit, expect));
        Self { url, pieces, thread }
    }

    /// Hands over a piece; gives whether more are wanted.
    pub(super) async fn push(&mut self, piece: Piece) -> bool {
        self.pieces.send(piece).await.is_ok()
    }

    /// What came of it.
    pub(super) async fn finish(self) -> Result<Output, GitError> {
        drop(self.pieces);
        match self.thread.await {
            Ok(done) => done,
            Err(stopped) => {
                Err(GitError::Pack { url: self.url, source: PackError::Read(io::Error::other(stopped)) })
            }
        }
    }
}

fn unpack(
    reply: Reply,
    url: &str,
    store: &Store,
    commit: ObjectId,
    expect: Expect,
) -> Result<Output, GitError> {
    let url = || url.to_owned();
    let pack = PackStream::open(reply).map_err(|source| GitError::Protocol { url: url(), source })?;
    let objects = Objects::read(pack, store.scratch()?, Limits::default());
    let mut objects = objects.map_err(|source| GitError::Pack { url: url(), source })?;
    let mut writer = store.writer()?;
    let mut buffered = BufWriter::with_capacity(PIECE, &mut writer);
    objects
        .write_archive(commit, &mut buffered)
        .and_then(|()| Ok(buffered.flush()?))
        .map_err(|source| GitError::Archive { url: url(), source })?;
    drop(buffered);
    let hashed = writer.finish(expect)?;
    Ok(Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size })
}

/// The pieces as one stream.
struct Reply {
    pieces: Receiver<Piece>,
    current: Vec<u8>,
    at: usize,
}

impl Read for Reply {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.at == self.current.len() {
            match self.pieces.blocking_recv() {
                Some(piece) => (self.current, self.at) = (piece.map_err(io::Error::other)?, 0),
                None => return Ok(0),
            }
        }
        let count = (&self.current[self.at..]).read(to)?;
        self.at += count;
        Ok(count)
    }
}
