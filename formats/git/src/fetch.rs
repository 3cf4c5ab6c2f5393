//! Asks for one commit, and finds the pack in the reply (`gitprotocol-v2`, "fetch").

use crate::capabilities::Capabilities;
use crate::error::ProtocolError;
use crate::object::ObjectId;
use crate::packet::{Line, Packet, PacketReader, write_line, write_packet};
use std::io::{self, BufRead, Read};

/// The body of the `POST` that asks for `commit` without its history.
pub fn fetch_request(server: &Capabilities, commit: ObjectId) -> Vec<u8> {
    let mut out = server.command("fetch");
    write_packet(&mut out, Packet::Delimiter);
    for argument in ["no-progress", "ofs-delta", "deepen 1"] {
        write_line(&mut out, argument);
    }
    write_line(&mut out, &format!("want {commit}"));
    write_line(&mut out, "done");
    write_packet(&mut out, Packet::Flush);
    out
}

/// The pack of a reply, as it arrives; what the server refuses on the way is a [`ProtocolError`] inside of the
/// [`io::Error`].
#[derive(Debug)]
pub struct PackStream<R> {
    packets: PacketReader<R>,
    data: Vec<u8>,
    at: usize,
    over: bool,
}

impl<R: Read> PackStream<R> {
    /// Reads up to the section with the pack.
    pub fn open(reply: R) -> Result<Self, ProtocolError> {
        let mut packets = PacketReader::new(reply);
        // Before it may stand what the commit's history was cut at, and sections that nobody asked for.
        loop {
            match packets.line()? {
                Line::Text("packfile") => {
                    return Ok(Self { packets, data: Vec::new(), at: 0, over: false });
                }
                Line::Text("acknowledgments" | "shallow-info" | "wanted-refs") => skip(&mut packets)?,
                Line::Text(other) => return Err(ProtocolError::frame(other.as_bytes())),
                Line::Delimiter => return Err(ProtocolError::frame(b"0001")),
                Line::End => return Err(ProtocolError::Truncated),
            }
        }
    }

    /// The next bytes of band 1; band 2 is talk, band 3 the server's last word (`gitprotocol-pack`, "Packfile
    /// Data").
    fn refill(&mut self) -> Result<(), ProtocolError> {
        while !self.over && self.at == self.data.len() {
            match self.packets.read()? {
                Some(Packet::Data([1, data @ ..])) => {
                    self.data.clear();
                    self.data.extend_from_slice(data);
                    self.at = 0;
                }
                Some(Packet::Data([2, ..])) => {}
                Some(Packet::Data([3, why @ ..])) => {
                    return Err(ProtocolError::remote(&String::from_utf8_lossy(why)));
                }
                Some(Packet::Data(other)) => return Err(ProtocolError::frame(other)),
                Some(Packet::Flush) => self.end()?,
                Some(Packet::Delimiter) => return Err(ProtocolError::frame(b"0001")),
                Some(Packet::End) | None => return Err(ProtocolError::Truncated),
            }
        }
        Ok(())
    }

    /// Nothing follows the pack; the body is read to its end, so that the connection can be used again.
    fn end(&mut self) -> Result<(), ProtocolError> {
        self.over = true;
        let mut byte = [0];
        match self.packets.get_mut().read(&mut byte) {
            Ok(0) => Ok(()),
            Ok(_) => Err(ProtocolError::frame(&byte)),
            Err(error) => Err(ProtocolError::Read(error)),
        }
    }
}

impl<R: Read> Read for PackStream<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(to)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for PackStream<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.refill().map_err(io::Error::other)?;
        Ok(&self.data[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

/// Skips a section, up to its delimiter.
fn skip<R: Read>(packets: &mut PacketReader<R>) -> Result<(), ProtocolError> {
    loop {
        match packets.line()? {
            Line::Text(_) => {}
            Line::Delimiter => return Ok(()),
            Line::End => return Err(ProtocolError::Truncated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"0011shallow-info\n000ashort\n0001000dpackfile\n";

    fn read(body: &[u8]) -> Result<Vec<u8>, String> {
        let mut pack = Vec::new();
        let mut stream = PackStream::open(body).map_err(|error| error.to_string())?;
        stream.read_to_end(&mut pack).map_err(|error| error.to_string())?;
        Ok(pack)
    }

    #[test]
    fn band_one_is_the_pack() {
        let body = [HEAD, b"0007\x01PA0009\x02talk0007\x01CK0000"].concat();
        assert_eq!(read(&body), Ok(b"PACK".to_vec()));
    }

    #[test]
    fn whatever_is_not_a_pack_is_an_error() {
        let says = |body: &[u8]| read(&[HEAD, body].concat()).unwrap_err();
        assert_eq!(says(b"0007\x01PA"), "the reply ends in the middle");
        assert_eq!(says(b"0007\x01P"), "the reply ends in the middle");
        assert_eq!(says(b"000b\x03broken0000"), "the server says: `broken`");
        assert_eq!(says(b"0007\x04PA0000"), "the reply is not what a git server says: `\\u{4}PA`");
        assert_eq!(says(b"00040000"), "the reply is not what a git server says: ``");
        assert_eq!(says(b"0000x"), "the reply is not what a git server says: `x`");
        assert_eq!(read(b"0000"), Err("the reply ends in the middle".to_owned()));
        assert_eq!(read(b"0008junk0000"), Err("the reply is not what a git server says: `junk`".to_owned()));
        let refused = b"003cERR upload-pack: not our ref 11111111111111111111111111111";
        let error = PackStream::open(&refused[..60]).unwrap_err();
        assert_eq!(error.code(), "E1005");
    }
}
