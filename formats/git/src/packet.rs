//! Packet lines: how everything is framed (`gitprotocol-common`, "pkt-line Format"; the special packets of
//! `gitprotocol-v2`, "Packet-Line Framing").

use crate::error::ProtocolError;
use std::io::Read;

/// The longest packet: its four digits of length and its data.
const LONGEST: usize = 65520;
/// The digits of the length.
const LENGTH: usize = 4;

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Bytes, at most 65516.
    Data(&'a [u8]),
    /// The end of a message, `0000`.
    Flush,
    /// The border of two sections, `0001`.
    Delimiter,
    /// The end of a reply where connections have no end, `0002`.
    End,
}

/// Appends a packet; data that is too long becomes several packets.
pub fn write_packet(out: &mut Vec<u8>, packet: Packet<'_>) {
    match packet {
        Packet::Flush => out.extend_from_slice(b"0000"),
        Packet::Delimiter => out.extend_from_slice(b"0001"),
        Packet::End => out.extend_from_slice(b"0002"),
        Packet::Data(bytes) => {
            for piece in bytes.chunks(LONGEST - LENGTH) {
                out.extend_from_slice(format!("{:04x}", piece.len() + LENGTH).as_bytes());
                out.extend_from_slice(piece);
            }
        }
    }
}

/// Appends a line of text.
pub(crate) fn write_line(out: &mut Vec<u8>, text: &str) {
    write_packet(out, Packet::Data(format!("{text}\n").as_bytes()));
}

/// Reads packets one by one.
#[derive(Debug)]
pub struct PacketReader<R> {
    inner: R,
    data: Vec<u8>,
}

impl<R: Read> PacketReader<R> {
    /// Reads from `inner`, never more than the packets that are asked for.
    pub fn new(inner: R) -> Self {
        Self { inner, data: Vec::new() }
    }

    /// The next packet; `None` where the bytes end between two packets.
    pub fn read(&mut self) -> Result<Option<Packet<'_>>, ProtocolError> {
        let mut digits = [0; LENGTH];
        match fill(&mut self.inner, &mut digits)? {
            0 => return Ok(None),
            LENGTH => {}
            _ => return Err(ProtocolError::Truncated),
        }
        let length = length(digits).ok_or_else(|| ProtocolError::frame(&digits))?;
        Ok(Some(match length {
            0 => Packet::Flush,
            1 => Packet::Delimiter,
            2 => Packet::End,
            LENGTH..=LONGEST => {
                self.data.resize(length - LENGTH, 0);
                if fill(&mut self.inner, &mut self.data)? < self.data.len() {
                    return Err(ProtocolError::Truncated);
                }
                Packet::Data(&self.data)
            }
            _ => return Err(ProtocolError::frame(&digits)),
        }))
    }

    /// The next packet where it is a line of text; a refusal of the server is an error.
    pub(crate) fn line(&mut self) -> Result<Line<'_>, ProtocolError> {
        match self.read()? {
            Some(Packet::Data(bytes)) => {
                let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
                let text = std::str::from_utf8(bytes).map_err(|_| ProtocolError::frame(bytes))?;
                match text.strip_prefix("ERR ") {
                    Some(why) => Err(ProtocolError::remote(why)),
                    None => Ok(Line::Text(text)),
                }
            }
            Some(Packet::Delimiter) => Ok(Line::Delimiter),
            Some(Packet::Flush) => Ok(Line::End),
            Some(Packet::End) | None => Err(ProtocolError::Truncated),
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }
}

/// A line of a section.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Without its line feed.
    Text(&'a str),
    /// Another section follows.
    Delimiter,
    /// The message is over.
    End,
}

fn length(digits: [u8; LENGTH]) -> Option<usize> {
    digits.iter().try_fold(0, |sum, &it| Some(sum << 4 | (it as char).to_digit(16)? as usize))
}

/// Reads until `to` is full or the bytes end; gives how many there were.
fn fill(from: &mut impl Read, to: &mut [u8]) -> Result<usize, ProtocolError> {
    let mut count = 0;
    while count < to.len() {
        match from.read(&mut to[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ProtocolError::Read(error)),
        }
    }
    Ok(count)
}
