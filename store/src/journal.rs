//! What happened, for the index: a file per process, appended without waiting for anybody.
//!
//! `journal/PID-N` is held by its owner. A line is a checksum, the time and an event; one that was cut does
//! not match its checksum and counts as not written. Nothing is lost with a journal but a few minutes of
//! precision about last use.

use crate::fs;
use gabion_digest::{ActionId, BlobId, Digest};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// One thing that the index likes to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A blob of this size was stored or found.
    Used(BlobId, u64),
    /// This record of an action names these blobs. It is named by its content, so that stays true.
    Names(ActionId, Digest, Vec<BlobId>),
}

/// A journal that grows beyond this is closed, so that it can be folded while its owner lives.
const LARGE: u64 = 64 << 10;

#[derive(Debug, Default)]
enum State {
    #[default]
    NotYet,
    Open(File, PathBuf, u64),
    Off,
}

/// The journal of this process; made with the first event.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    state: Mutex<State>,
}

impl Journal {
    pub(crate) fn new(folder: PathBuf, on: bool) -> Self {
        let state = if on { State::NotYet } else { State::Off };
        Self { folder, state: Mutex::new(state) }
    }

    pub(crate) fn is_on(&self) -> bool {
        !matches!(*self.state.lock().unwrap_or_else(PoisonError::into_inner), State::Off)
    }

    /// Notes an event. A journal that cannot be written costs precision and nothing else.
    pub(crate) fn note(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::NotYet) {
            *state = match fs::create_held(&self.folder, "", 0o644) {
                Ok((file, path)) => State::Open(file, path, 0),
                Err(_) => State::Off,
            };
        }
        let State::Open(file, path, size) = &mut *state else { return };
        let line = render(event, fs::now());
        *size += line.len() as u64;
        if fs::append(file, path, line.as_bytes()).is_err() {
            *state = State::Off;
        } else if *size > LARGE {
            *state = State::NotYet;
        }
    }

    /// Closes the journal, so that it can be folded; the next event begins another.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Open(..)) {
            *state = State::NotYet;
        }
    }
}

fn checksum(text: &str) -> String {
    Digest::of(text.as_bytes()).hex().split_off(48)
}

fn render(event: &Event, now: SystemTime) -> String {
    let seconds = seconds(now);
    let text = match event {
        Event::Used(id, size) => format!("{seconds} used {id} {size}"),
        Event::Names(action, record, blobs) => {
            let ids = [action.to_string(), record.to_string()].into_iter();
            let ids: Vec<String> = ids.chain(blobs.iter().map(ToString::to_string)).collect();
            format!("{seconds} names {}", ids.join(" "))
        }
    };
    format!("{} {text}\n", checksum(&text))
}

/// Whole seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// Reads a journal; lines that are not whole are left out.
pub(crate) fn read(path: &Path) -> Vec<(u64, Event)> {
    let bytes = crate::read_small(path).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().filter_map(parse).collect()
}

fn parse(line: &str) -> Option<(u64, Event)> {
    let (sum, text) = line.split_once(' ')?;
    if sum != checksum(text) {
        return None;
    }
    let mut parts = text.split(' ');
    let time = parts.next()?.parse().ok()?;
    let event = match parts.next()? {
        "used" => Event::Used(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?),
        "names" => {
            let (action, record) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            Event::Names(action, record, parts.map(|id| id.parse().ok()).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some((time, event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_was_not_written() {
        let blob = |text: &[u8]| BlobId::new(Digest::of(text));
        let action = ActionId::new(Digest::of(b"action"));
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
        let events = [
            Event::Used(blob(b"a"), 12),
            Event::Names(action, Digest::of(b"record"), vec![blob(b"a"), blob(b"b")]),
            Event::Names(action, Digest::of(b"empty"), vec![]),
        ];
        for event in events {
            let line = render(&event, at);
            let line = line.trim_end();
            assert_eq!(parse(line), Some((7, event)));
            for end in 0..line.len() {
                assert_eq!(parse(&line[..end]), None, "{end}");
            }
        }
    }
}
