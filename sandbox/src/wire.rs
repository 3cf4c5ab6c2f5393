//! What a process of gabion and its child in the namespaces say to each other, over one socket pair.
//!
//! # Invariants
//! - A frame is its length (64 bits, little-endian) and its bytes; a frame of the child is one `write`, so that
//!   the processes below it can share the socket.
//! - The socket is closed on `exec`: no program of others can write here.
//! - The socket is also the life line: where the parent's end closes, everything below the child ends.

use crate::error::{Denied, SandboxError, Step};
use crate::spec::{End, Spec};
use crate::tier::{Tier, Walls};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

/// Longest text of a failure, in characters: as much as a socket takes at once.
const TEXT: usize = 8 << 10;

/// What the child shall be.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Job<S = Spec, N = String> {
    /// A function of this program.
    Work {
        /// Its name.
        name: N,
        /// Whether it has a user namespace of its own, whose ids the parent maps.
        mapped: bool,
    },
    /// A program.
    Run {
        /// Which, and in what.
        spec: S,
        /// By what it is walled in.
        walls: Walls,
        /// Whether it stops where the program would start.
        dry: bool,
    },
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// The user namespace is there and waits for its ids.
    Unshared,
    /// Everything is set up; the work begins.
    Ready,
    /// How far the program is walled in that starts now.
    Walled(Tier),
    /// A step of the set-up failed.
    Failed {
        /// Which.
        step: Step,
        /// On what, or empty.
        place: String,
        /// Error number.
        errno: i32,
    },
    /// A function refused, in its words.
    Refused(String),
    /// How it ended.
    Ended(End),
}

/// A failed step, on its way to the parent.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) step: Step,
    pub(crate) place: String,
    pub(crate) source: io::Error,
}

impl Step {
    /// Names the step that failed.
    pub(crate) fn failed<E: Into<io::Error>>(self) -> impl FnOnce(E) -> Failed {
        move |source| Failed { step: self, place: String::new(), source: source.into() }
    }

    /// Names the step that failed, and on what.
    pub(crate) fn failed_on<E: Into<io::Error>>(
        self,
        place: &(impl ToString + ?Sized),
    ) -> impl FnOnce(E) -> Failed {
        let place = place.to_string();
        move |source| Failed { step: self, place, source: source.into() }
    }
}

/// One end of the socket pair.
#[derive(Debug)]
pub(crate) struct Control(UnixStream);

impl Control {
    /// Both ends.
    pub(crate) fn pair() -> io::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Self(ours), theirs))
    }

    /// The child's end.
    pub(crate) const fn new(stream: UnixStream) -> Self {
        Self(stream)
    }

    /// Sends bytes as one frame.
    pub(crate) fn send_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(8 + bytes.len());
        frame.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        frame.extend_from_slice(bytes);
        (&self.0).write_all(&frame)
    }

    /// The bytes of the next frame; nothing at the end.
    pub(crate) fn receive_bytes(&self) -> io::Result<Option<Vec<u8>>> {
        let mut length = [0; 8];
        match (&self.0).read_exact(&mut length) {
            Ok(()) => {}
            Err(error)
                if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let mut bytes = Vec::new();
        let length = u64::from_le_bytes(length);
        (&self.0).take(length).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Some(bytes)) }
    }

    /// Sends a value.
    pub(crate) fn send(&self, value: &impl Serialize) -> io::Result<()> {
        self.send_bytes(&serde_json::to_vec(value)?)
    }

    /// The next value; nothing at the end.
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        let bytes = self.receive_bytes()?;
        Ok(bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
    }

    /// Tells the parent what failed. Where the parent is gone there is nobody to tell.
    pub(crate) fn fail(&self, failed: Failed) {
        let Failed { step, place, source } = failed;
        let _gone = self.send(&Message::Failed { step, place, errno: crate::sys::errno(&source) });
    }

    /// Tells the parent why a function refused.
    pub(crate) fn refuse(&self, text: &str) {
        let _gone = self.send(&Message::Refused(text.chars().take(TEXT).collect()));
    }

    /// Cuts the life line: everything below the child ends; its last words can still be read.
    pub(crate) fn cut(&self) {
        let _gone = self.0.shutdown(Shutdown::Write);
    }

    /// For [`poll`].
    pub(crate) const fn stream(&self) -> &UnixStream {
        &self.0
    }
}

/// What came of a child, from everything that it said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    failed: Option<SandboxError>,
    refused: Option<String>,
    end: Option<End>,
    tier: Option<Tier>,
}

impl Said {
    /// Takes a message in. The first failure counts: later ones follow from it.
    pub(crate) fn hear(&mut self, message: Message) {
        match message {
            Message::Failed { step, place, errno } => {
                let error = Denied::of(step, errno).map_or_else(
                    || SandboxError::Setup { step, place, source: io::Error::from_raw_os_error(errno) },
                    SandboxError::Denied,
                );
                self.failed.get_or_insert(error);
            }
            Message::Refused(text) => {
                self.refused.get_or_insert(text);
            }
            Message::Ended(end) => self.end = Some(end),
            Message::Walled(tier) => self.tier = Some(tier),
            Message::Unshared | Message::Ready => {}
        }
    }

    /// How far it was walled in, if it came to that.
    pub(crate) const fn tier(&self) -> Option<Tier> {
        self.tier
    }

    /// How it ended, and in whose words.
    pub(crate) fn end(self) -> Result<(End, Option<String>), SandboxError> {
        match self {
            Self { failed: Some(error), .. } => Err(error),
            Self { end: Some(end), refused, .. } => Ok((end, refused)),
            Self { refused: Some(text), .. } => Ok((End::Exited(101), Some(text))),
            Self { .. } => Err(SandboxError::Lost),
        }
    }
}
