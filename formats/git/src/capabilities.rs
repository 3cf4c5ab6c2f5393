//! What a server can do (`gitprotocol-v2`, "Initial Client Request" and "Capability Advertisement").

use crate::error::ProtocolError;
use crate::packet::{Line, PacketReader, write_line};
use std::collections::BTreeMap;
use std::io::Read;

/// More lines are no list of capabilities.
const LINES: usize = 256;

/// What a server says of itself before anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities(BTreeMap<String, String>);

impl Capabilities {
    /// Reads the reply to `GET info/refs?service=git-upload-pack` with the header `Git-Protocol: version=2`.
    ///
    /// A server is taken only if it can do everything that is needed here.
    pub fn read(from: impl Read) -> Result<Self, ProtocolError> {
        let mut packets = PacketReader::new(from);
        version(&mut packets)?;
        let mut found = BTreeMap::new();
        while let Line::Text(text) = packets.line()? {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            found.insert(name.to_owned(), value.to_owned());
            if found.len() > LINES {
                return Err(ProtocolError::Large { what: "capabilities", limit: LINES });
            }
        }
        let it = Self(found);
        it.check()?;
        Ok(it)
    }

    fn check(&self) -> Result<(), ProtocolError> {
        match self.0.get("object-format").map_or("sha1", String::as_str) {
            "sha1" => {}
            found => return Err(ProtocolError::ObjectFormat { found: found.escape_debug().to_string() }),
        }
        let fetch = self.0.get("fetch").ok_or(ProtocolError::Capability { capability: "fetch" })?;
        if !fetch.split(' ').any(|it| it == "shallow") {
            return Err(ProtocolError::Capability { capability: "fetch=shallow" });
        }
        self.0.get("ls-refs").map(drop).ok_or(ProtocolError::Capability { capability: "ls-refs" })
    }

    /// Begins a command: its name, and who asks as far as the server wants to know.
    pub(crate) fn command(&self, name: &str) -> Vec<u8> {
        let mut out = Vec::new();
        write_line(&mut out, &format!("command={name}"));
        for (capability, value) in [("agent", "gabion"), ("object-format", "sha1")] {
            if self.0.contains_key(capability) {
                write_line(&mut out, &format!("{capability}={value}"));
            }
        }
        out
    }
}

/// Reads up to the line with the version. Some servers put the greeting of version 0 before it.
fn version<R: Read>(packets: &mut PacketReader<R>) -> Result<(), ProtocolError> {
    let greeted = match packets.line()? {
        Line::Text("version 2") => return Ok(()),
        Line::Text("# service=git-upload-pack") => packets.line()? == Line::End,
        _ => false,
    };
    if greeted && packets.line()? == Line::Text("version 2") { Ok(()) } else { Err(ProtocolError::Version) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Packet, write_packet};

    fn read(lines: &[&str]) -> Result<Capabilities, ProtocolError> {
        let mut bytes = Vec::new();
        for line in lines {
            match *line {
                "" => write_packet(&mut bytes, Packet::Flush),
                line => write_line(&mut bytes, line),
            }
        }
        Capabilities::read(&bytes[..])
    }

    #[test]
    fn a_server_is_taken_only_if_it_can_do_what_is_needed() {
        let good = ["version 2", "agent=git/2.39.5", "ls-refs=unborn", "fetch=shallow wait-for-done", ""];
        assert!(read(&good).is_ok());
        assert!(read(&[&["# service=git-upload-pack", ""][..], &good].concat()).is_ok());
        for (lines, code) in [
            (&["version 1", "0 refs", ""][..], "E1004"),
            (&["4b825dc642cb6eb9a060e54bf8d69288fbee4904 HEAD\0symref=HEAD:refs/heads/main", ""], "E1004"),
            (&["# service=git-upload-pack", "", "0000 refs/heads/main", ""], "E1004"),
            (&["version 2", "fetch=shallow", ""], "E1004"),
            (&["version 2", "ls-refs", "fetch=filter", ""], "E1004"),
            (&["version 2", "ls-refs", "fetch=shallow", "object-format=sha256", ""], "E1003"),
            (&["version 2", "ls-refs", "fetch=shallow"], "E1002"),
            (&["ERR no such repository"], "E1006"),
            (&[], "E1002"),
        ] {
            assert_eq!(read(lines).unwrap_err().code(), code, "{lines:?}");
        }
        let error = Capabilities::read(&b"<html>not found</html>"[..]).unwrap_err();
        assert_eq!(error.to_string(), "the reply is not what a git server says: `<htm`");
    }

    #[test]
    fn a_request_says_only_what_the_server_knows() {
        let plain = read(&["version 2", "ls-refs", "fetch=shallow", ""]).unwrap();
        assert_eq!(plain.command("fetch"), b"0012command=fetch\n");
        let full =
            read(&["version 2", "agent=x", "ls-refs", "fetch=shallow", "object-format=sha1", ""]).unwrap();
        assert_eq!(full.command("fetch"), b"0012command=fetch\n0011agent=gabion\n0017object-format=sha1\n");
    }
}
