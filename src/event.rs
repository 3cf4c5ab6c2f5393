//! Progress is data: what the engine says while it works.
//!
//! Terminal, JSON and tests all consume the same events; only `cli::ui` prints them.

use std::sync::mpsc;

/// One thing that happened. Names are node addresses or locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A phase with that many nodes begins.
    Phase {
        /// `lock`, `build`, `bundle`, `install`.
        name: &'static str,
        /// How many nodes it has.
        total: usize,
    },
    /// A node is worked on.
    Started {
        /// The node.
        node: String,
        /// What is done.
        what: String,
    },
    /// Bytes of a node arrived.
    Progress {
        /// The node.
        node: String,
        /// Bytes so far.
        done: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
    },
    /// A node is done.
    Finished {
        /// The node.
        node: String,
        /// What was done: `downloaded`, `reused`, `built`, `pinned`.
        how: &'static str,
        /// Bytes that it has.
        bytes: u64,
    },
    /// A download is tried again.
    Retry {
        /// The location.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// Something that costs nothing but should be known.
    Warning(String),
    /// What is worth a line.
    Note(String),
}

/// The only way to speak. Cheap to clone; a closed listener never stops the work.
#[derive(Debug, Clone, Default)]
pub struct Events(Option<mpsc::Sender<Event>>);

impl Events {
    /// Nobody listens.
    pub fn silent() -> Self {
        Self(None)
    }

    /// Events go to the receiver.
    pub fn channel() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel();
        (Self(Some(sender)), receiver)
    }

    /// Says `event`.
    pub fn send(&self, event: Event) {
        if let Some(sender) = &self.0 {
            let _closed = sender.send(event);
        }
    }
}
