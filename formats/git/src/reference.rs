//! Which commit a branch or a tag leads to (`gitprotocol-v2`, "ls-refs").

use crate::capabilities::Capabilities;
use crate::error::ProtocolError;
use crate::object::ObjectId;
use crate::packet::{Line, Packet, PacketReader, write_line, write_packet};
use std::collections::BTreeMap;
use std::io::Read;

/// More lines are no list of references.
const LINES: usize = 1 << 20;

/// Why a reference leads to no commit.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The text cannot be a reference.
    #[error("`{text}` is no name of a branch or tag")]
    Name {
        /// The text.
        text: String,
    },
    /// The server is not understood.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The repository has no such branch or tag.
    #[error("the repository has no `{name}`")]
    Absent {
        /// The reference.
        name: String,
    },
    /// A branch and a tag of this name lead to different commits.
    #[error("`{name}` is a branch and a tag, and they differ")]
    Ambiguous {
        /// The reference.
        name: String,
    },
}

impl ReferenceError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "E1001",
            Self::Protocol(error) => error.code(),
            Self::Absent { .. } | Self::Ambiguous { .. } => "E1011",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Name { .. } => Some("write a branch, a tag, or `refs/…` in full".to_owned()),
            Self::Protocol(error) => error.help(),
            Self::Absent { .. } => Some("`git ls-remote URL` shows what there is".to_owned()),
            Self::Ambiguous { name } => Some(format!("write `refs/heads/{name}` or `refs/tags/{name}`")),
        }
    }
}

/// What a person writes for a commit: `HEAD`, a reference in full (`refs/tags/v1`), or the name of a branch or tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefName(String);

impl RefName {
    /// Checks the name as `git check-ref-format` does.
    pub fn new(text: &str) -> Result<Self, ReferenceError> {
        let part =
            |part: &str| !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none();
        let bad = |it: char| it <= ' ' || it == '\u{7f}' || "~^:?*[\\".contains(it);
        let good = text.split('/').all(part)
            && !text.contains(bad)
            && !text.contains("..")
            && !text.contains("@{")
            && !text.ends_with('.')
            && !text.starts_with('-')
            && text != "@"
            && text.len() <= 1024;
        if good {
            return Ok(Self(text.to_owned()));
        }
        Err(ReferenceError::Name { text: text.chars().take(80).flat_map(char::escape_debug).collect() })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The references that the name may mean.
    fn candidates(&self) -> Vec<String> {
        if self.0 == "HEAD" || self.0.starts_with("refs/") {
            return vec![self.0.clone()];
        }
        ["refs/tags/", "refs/heads/"].map(|prefix| format!("{prefix}{}", self.0)).to_vec()
    }

    /// The body of the `POST` that asks what the name leads to.
    pub fn request(&self, server: &Capabilities) -> Vec<u8> {
        let mut out = server.command("ls-refs");
        write_packet(&mut out, Packet::Delimiter);
        write_line(&mut out, "peel");
        write_line(&mut out, "symrefs");
        for candidate in self.candidates() {
            write_line(&mut out, &format!("ref-prefix {candidate}"));
        }
        write_packet(&mut out, Packet::Flush);
        out
    }

    /// Reads the reply: the commit, for an annotated tag the one that it was put on.
    pub fn choose(&self, reply: impl Read) -> Result<ObjectId, ReferenceError> {
        let candidates = self.candidates();
        let mut found = BTreeMap::new();
        let mut packets = PacketReader::new(reply);
        for _ in 0..LINES {
            match packets.line()? {
                Line::Text(text) => {
                    // A prefix matches more than was asked for, and a server may ignore it.
                    if let Some((name, id)) = reference(text)?.filter(|(name, _)| candidates.contains(name)) {
                        found.insert(name, id);
                    }
                }
                Line::End => return self.only(&found),
                Line::Delimiter => return Err(ProtocolError::frame(b"0001").into()),
            }
        }
        Err(ProtocolError::Large { what: "references", limit: LINES }.into())
    }

    fn only(&self, found: &BTreeMap<String, ObjectId>) -> Result<ObjectId, ReferenceError> {
        let mut ids = found.values();
        let first = *ids.next().ok_or_else(|| ReferenceError::Absent { name: self.0.clone() })?;
        if ids.all(|id| *id == first) {
            Ok(first)
        } else {
            Err(ReferenceError::Ambiguous { name: self.0.clone() })
        }
    }
}

/// A line `ID NAME [symref-target:NAME] [peeled:ID]`; `None` where a branch has no commit yet.
fn reference(line: &str) -> Result<Option<(String, ObjectId)>, ProtocolError> {
    let malformed = || ProtocolError::frame(line.as_bytes());
    let mut words = line.split(' ');
    let (id, name) = (words.next().unwrap_or_default(), words.next().ok_or_else(malformed)?);
    if id == "unborn" {
        return Ok(None);
    }
    let peeled = words.find_map(|word| word.strip_prefix("peeled:")).unwrap_or(id);
    let id = peeled.parse().map_err(|_| malformed())?;
    Ok(Some((name.to_owned(), id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const B: &str = "2222222222222222222222222222222222222222";

    fn choose(name: &str, lines: &[String]) -> Result<String, &'static str> {
        let mut bytes = Vec::new();
        for line in lines {
            write_line(&mut bytes, line);
        }
        write_packet(&mut bytes, Packet::Flush);
        RefName::new(name).unwrap().choose(&bytes[..]).map(|it| it.to_string()).map_err(|error| error.code())
    }

    #[test]
    fn names_are_those_of_check_ref_format() {
        for good in ["HEAD", "main", "v1.2.3", "refs/tags/v1", "feature/x", "größe", "a@b", "x-"] {
            assert!(RefName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "", "a b", "a\nb", "a..b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.", "a~1", "a^", "a:b",
            "a?", "a*", "a[", "a\\b", "@", "a@{1}", "-x", "a\u{7f}",
        ] {
            assert_eq!(RefName::new(bad).unwrap_err().code(), "E1001", "{bad:?}");
        }
    }

    #[test]
    fn a_name_leads_to_one_commit_or_to_an_error() {
        let tag = format!("{A} refs/tags/v1 peeled:{B}");
        assert_eq!(choose("v1", std::slice::from_ref(&tag)).unwrap(), B);
        assert_eq!(choose("v1", &[tag.clone(), format!("{B} refs/heads/v1")]).unwrap(), B);
        assert_eq!(choose("v1", &[tag.clone(), format!("{A} refs/heads/v1")]), Err("E1011"));
        assert_eq!(choose("refs/heads/v1", &[tag.clone(), format!("{A} refs/heads/v1")]).unwrap(), A);
        assert_eq!(choose("HEAD", &[format!("{A} HEAD symref-target:refs/heads/main")]).unwrap(), A);
        // What only begins like it is something else.
        assert_eq!(
            choose("v1", &[format!("{A} refs/tags/v1.1"), format!("{A} refs/remotes/v1")]),
            Err("E1011")
        );
        assert_eq!(choose("HEAD", &["unborn HEAD symref-target:refs/heads/main".to_owned()]), Err("E1011"));
        assert_eq!(choose("v1", &[]), Err("E1011"));
        assert_eq!(choose("v1", &["xyz refs/tags/v1".to_owned()]), Err("E1002"));
        assert_eq!(choose("v1", &["ERR go away".to_owned()]), Err("E1006"));
        assert_eq!(RefName::new("v1").unwrap().choose(&b""[..]).unwrap_err().code(), "E1002");
    }
}
