//! Paths of a tree: bytes, relative, without `.` and `..`.

use crate::StoreError;
use std::fmt;

/// Where an entry stands: never empty, never absolute, each part a real name. Bytes that are no UTF-8 are
/// kept as they are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreePath(Vec<u8>);

impl TreePath {
    /// Takes the path without a leading `./`, a trailing `/` or anything that needs resolving.
    pub fn new(path: impl Into<Vec<u8>>) -> Result<Self, StoreError> {
        let path = Self(path.into());
        let odd = |part: &[u8]| match part {
            b"" => Some("a part of its path is empty, or it is absolute"),
            b"." | b".." => Some("its path has `.` or `..`"),
            part if part.contains(&0) => Some("its path has a zero byte"),
            part if part.len() > 255 => Some("a part of its path is longer than 255 bytes"),
            _ => None,
        };
        match path.0.split(|it| *it == b'/').find_map(odd) {
            Some(why) => Err(path.refused(why)),
            None => Ok(path),
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The directory that it stands in; `None` at the top.
    pub fn parent(&self) -> Option<Self> {
        let end = self.0.iter().rposition(|it| *it == b'/')?;
        Some(Self(self.0[..end].to_vec()))
    }

    pub(crate) fn refused(&self, why: &'static str) -> StoreError {
        StoreError::Entry { path: self.to_string(), why }
    }
}

/// As a manifest writes it.
impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.0))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Printable ASCII as it is; everything else, spaces and `\` included, as `\xHH`.
pub(super) fn escape(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'!'..=b'~' if *byte != b'\\' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// Reads what [`escape`] writes. Whether it is the one spelling shows when it is written again.
pub(super) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('\\');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.strip_prefix('x')?.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}
