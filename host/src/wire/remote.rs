//! The side that needs the file.

use super::{END, FAILED, LONGEST, MAGIC, READ, VERSION, WireError, framed, number, text, u32_of, u64_of};
use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom, Write};
use zeroize::Zeroizing;

/// The shortest question: less is not worth the way.
const SHORTEST: u64 = 16 << 10;
/// The longest question that is asked; more of them are under way at once.
const CHUNK: u64 = 256 << 10;
/// How far ahead of a reader that goes straight on.
const AHEAD: u64 = 4 << 20;

/// A file at the other end of a pipe.
///
/// It asks for what is read, and for more in proportion to what was read in one go, so that a reader who jumps does not
/// pay for what it passes over.
#[derive(Debug)]
pub struct RemoteFile<In, Out> {
    input: In,
    output: Out,
    size: u64,
    said: Zeroizing<String>,
    /// Where the reader is.
    at: u64,
    /// How much was read in one go.
    run: u64,
    /// What was answered and not read yet; it ends where `front` begins.
    buffer: Vec<u8>,
    used: usize,
    /// Questions that are under way.
    asked: VecDeque<(u64, u32)>,
    /// Bytes that came.
    received: u64,
    broken: bool,
}

impl<In: Read, Out: Write> RemoteFile<In, Out> {
    /// Waits for the greeting of the side that has the file.
    pub fn open(mut input: In, output: Out) -> Result<Self, WireError> {
        let magic = number::<{ MAGIC.len() }>(&mut input)?;
        if magic != *MAGIC {
            return Err(WireError::Foreign(String::from_utf8_lossy(&magic).into_owned()));
        }
        let version = u32_of(&mut input)?;
        if version != VERSION {
            return Err(WireError::Version(version));
        }
        let (size, said) = (u64_of(&mut input)?, Zeroizing::new(text(&mut input)?));
        Ok(Self {
            input,
            output,
            size,
            said,
            at: 0,
            run: 0,
            buffer: Vec::new(),
            used: 0,
            asked: VecDeque::new(),
            received: 0,
            broken: false,
        })
    }

    /// What the other side said with its greeting; its memory is wiped.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Bytes of the file that came over the pipe.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Tells the other side the result, which ends the transfer. What is still under way is taken and dropped, so that
    /// the other side gets to it.
    pub fn end(mut self, result: &str) -> Result<(), WireError> {
        let end = framed(Some(END), result).map_err(WireError::Pipe)?;
        self.output.write_all(&end).and_then(|()| self.output.flush()).map_err(WireError::from_write)?;
        while !self.broken && !self.asked.is_empty() {
            self.answer()?;
        }
        Ok(())
    }

    /// Where what is under way ends.
    fn end_of_asked(&self) -> u64 {
        self.asked.back().map_or(self.at + self.buffered() as u64, |(at, length)| at + u64::from(*length))
    }

    fn buffered(&self) -> usize {
        self.buffer.len() - self.used
    }

    /// Asks for everything up to `end` that is not under way.
    fn ask(&mut self, end: u64) -> Result<(), WireError> {
        let (mut at, end) = (self.end_of_asked(), end.min(self.size));
        if at >= end {
            return Ok(());
        }
        let mut questions = Vec::new();
        while at < end {
            let length = (end - at).min(CHUNK);
            let length = u32::try_from(length).unwrap_or(LONGEST);
            questions.push(READ);
            questions.extend_from_slice(&at.to_le_bytes());
            questions.extend_from_slice(&length.to_le_bytes());
            self.asked.push_back((at, length));
            at += u64::from(length);
        }
        self.output.write_all(&questions).and_then(|()| self.output.flush()).map_err(WireError::from_write)
    }

    /// Takes the answer to the oldest question into the buffer.
    fn answer(&mut self) -> Result<(), WireError> {
        let (at, length) = self.asked.pop_front().ok_or(WireError::Hostile("an answer to no question"))?;
        match number::<1>(&mut self.input)? {
            [READ] => {}
            [FAILED] => return Err(WireError::Refused(text(&mut self.input)?)),
            _ => return Err(WireError::Hostile("an answer of no known kind")),
        }
        if (u64_of(&mut self.input)?, u32_of(&mut self.input)?) != (at, length) {
            return Err(WireError::Hostile("an answer to another question"));
        }
        self.buffer.resize(length as usize, 0);
        self.used = 0;
        self.input.read_exact(&mut self.buffer).map_err(WireError::from_read)?;
        self.received += u64::from(length);
        Ok(())
    }

    fn fill(&mut self, wanted: usize) -> Result<(), WireError> {
        let least = (wanted as u64).clamp(SHORTEST, AHEAD);
        self.ask(self.at.saturating_add(least + (self.run / 4).min(AHEAD)))?;
        self.answer()
    }

    /// Goes to `to`: over what is here or under way if it leads there, and else by new questions.
    fn go(&mut self, to: u64) -> Result<(), WireError> {
        if to < self.at || to > self.end_of_asked() {
            self.run = 0;
            while !self.asked.is_empty() {
                self.answer()?;
            }
            (self.buffer, self.used, self.at) = (Vec::new(), 0, to);
            return Ok(());
        }
        while to - self.at > self.buffered() as u64 {
            self.at += self.buffered() as u64;
            if self.asked.is_empty() {
                break;
            }
            self.answer()?;
        }
        self.used += (to - self.at) as usize;
        self.at = to;
        Ok(())
    }
}

impl<In: Read, Out: Write> Read for RemoteFile<In, Out> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || self.at >= self.size {
            return Ok(0);
        }
        if self.broken {
            return Err(WireError::Ended.into());
        }
        if self.buffered() == 0 {
            self.fill(out.len()).inspect_err(|_| self.broken = true)?;
        }
        let count = (&self.buffer[self.used..]).read(out)?;
        self.used += count;
        self.at += count as u64;
        self.run += count as u64;
        Ok(count)
    }
}

impl<In: Read, Out: Write> Seek for RemoteFile<In, Out> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        let to = to.ok_or(io::ErrorKind::InvalidInput)?;
        if to != self.at {
            if self.broken {
                return Err(WireError::Ended.into());
            }
            self.go(to).inspect_err(|_| self.broken = true)?;
        }
        Ok(to)
    }
}
