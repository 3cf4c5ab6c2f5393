//! BLAKE3 and SHA-256 of one stream, in one pass.

use crate::{BlobId, Digest, Sha256};
use sha2::Digest as _;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// What one pass over some bytes tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashed {
    /// Our own name of the bytes.
    pub blob: BlobId,
    /// The name that foreign systems know.
    pub sha256: Sha256,
    /// How many bytes there were.
    pub size: u64,
}

/// Both digests of bytes that are already in memory.
pub fn hash_bytes(bytes: &[u8]) -> Hashed {
    Hashed { blob: BlobId::new(Digest::of(bytes)), sha256: Sha256::of(bytes), size: bytes.len() as u64 }
}

/// Bytes that are hashed inline before a second thread is worth its start.
const INLINE: u64 = 1 << 20;
/// How many pieces may wait for the SHA-256 thread: bounds memory to a few MiB.
const QUEUE: usize = 4;
/// Size of a piece handed to the SHA-256 thread.
const PIECE: usize = 256 << 10;

enum Sha {
    Inline(sha2::Sha256),
    Threaded { pieces: SyncSender<Vec<u8>>, pending: Vec<u8>, thread: JoinHandle<sha2::Sha256> },
}

/// Hashes a stream with both functions. SHA-256 is half as fast as BLAKE3, so it moves to a thread of
/// its own as soon as the stream is longer than 1 MiB.
pub struct DualHasher {
    blake3: blake3::Hasher,
    sha: Sha,
    size: u64,
}

impl std::fmt::Debug for DualHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DualHasher").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Default for DualHasher {
    fn default() -> Self {
        Self { blake3: blake3::Hasher::new(), sha: Sha::Inline(sha2::Sha256::new()), size: 0 }
    }
}

impl DualHasher {
    /// A hasher of the empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes were fed so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Feeds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        self.size += bytes.len() as u64;
        match &mut self.sha {
            Sha::Inline(sha) if self.size <= INLINE => sha.update(bytes),
            Sha::Inline(sha) => {
                sha.update(bytes);
                self.sha = spawn(std::mem::take(sha));
            }
            Sha::Threaded { pieces, pending, .. } => {
                pending.extend_from_slice(bytes);
                if pending.len() >= PIECE {
                    let piece = std::mem::replace(pending, Vec::with_capacity(PIECE));
                    // The receiver lives until the sender is dropped; a send cannot fail before that.
                    let _sent = pieces.send(piece);
                }
            }
        }
    }

    /// Both digests and the size.
    pub fn finish(self) -> Hashed {
        let sha = match self.sha {
            Sha::Inline(sha) => sha,
            Sha::Threaded { pieces, pending, thread } => {
                let _sent = pieces.send(pending);
                drop(pieces);
                match thread.join() {
                    Ok(sha) => sha,
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        };
        Hashed {
            blob: BlobId::new(Digest::from_bytes(*self.blake3.finalize().as_bytes())),
            sha256: Sha256::from_bytes(sha.finalize().into()),
            size: self.size,
        }
    }
}

fn spawn(mut sha: sha2::Sha256) -> Sha {
    let (pieces, receiver) = sync_channel::<Vec<u8>>(QUEUE);
    let thread = std::thread::spawn(move || {
        for piece in receiver {
            sha.update(&piece);
        }
        sha
    });
    Sha::Threaded { pieces, pending: Vec::with_capacity(PIECE), thread }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_changes_nothing() {
        let bytes: Vec<u8> = (0..5_000_000_u32).map(|i| (i % 251) as u8).collect();
        for step in [1 << 20, 65_537, 3_000_000] {
            let mut hasher = DualHasher::new();
            bytes.chunks(step).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), hash_bytes(&bytes), "pieces of {step} bytes");
        }
    }

    #[test]
    fn nothing_hashes_to_the_empty_digests() {
        assert_eq!(DualHasher::new().finish(), hash_bytes(b""));
    }
}
