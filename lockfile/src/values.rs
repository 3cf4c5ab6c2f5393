//! Texts that mean something: each type has one constructor, so that a value that exists is valid.
//!
//! The checks are lexical: whether a version exists or a URL answers is for `resolve` to find out.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// Longest text of one field in bytes; longer ones come from a broken or hostile upstream.
const LIMIT: usize = 4096;

/// Why a text is not the value it stands for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The text breaks the rule of its type.
    #[error("`{text}` is not {what}: {rule}")]
    Malformed {
        /// The type, with its article.
        what: &'static str,
        /// What its texts look like.
        rule: &'static str,
        /// The text, cut after 80 characters.
        text: Box<str>,
    },
    /// The text is no digest.
    #[error(transparent)]
    Digest(#[from] gabion_digest::ParseDigestError),
    /// A URL carries a password or a token, which would be committed with the lock.
    #[error("the URL of host `{host}` carries credentials")]
    Credentials {
        /// The host; the rest is not repeated.
        host: Box<str>,
    },
}

impl ValueError {
    pub(crate) fn malformed(what: &'static str, rule: &'static str, text: &str) -> Self {
        let text: String = text.chars().take(80).flat_map(char::escape_debug).collect();
        Self::Malformed { what, rule, text: text.into() }
    }

    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } | Self::Digest(_) => "E0208",
            Self::Credentials { .. } => "E0212",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } => None,
            Self::Digest(_) => {
                Some("digests in a lock look like `sha256:` and 64 lowercase hex digits".into())
            }
            Self::Credentials { .. } => {
                Some("remove the credentials from the URL and store them in your user configuration".into())
            }
        }
    }
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks `text`.
            pub fn new(text: &str) -> Result<Self, ValueError> {
                let check: fn(&str) -> bool = $check;
                if text.is_empty() || text.len() > LIMIT || !check(text) {
                    return Err(ValueError::malformed($what, $rule, text));
                }
                Ok(Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        text_type!(@traits $name);
    };
    (@traits $name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                Self::new(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

/// A character that moves or hides its neighbours, so that a reviewer sees another text than the machine.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Printable ASCII without blanks that needs no escape in TOML or Markdown:
/// all but `"`, `<`, `>`, `\`, backtick and `|`.
fn bare(b: u8) -> bool {
    matches!(b, b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']'..=b'_' | b'a'..=b'{' | b'}' | b'~')
}

fn lower_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn plain_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

text_type! {
    /// The address of one artifact: `k3s.main#binary`, `chart.traefik`, `oci:ghcr.io/acme/api:v1`.
    EntryId, "an entry id", "printable ASCII without blanks, quotes, backslashes and bars",
    |text| text.len() <= 512 && text.bytes().all(bare)
}

text_type! {
    /// One line of free text: a request or a version.
    Text, "one line of text", "no control or invisible characters, no blanks at its ends, at most 4096 bytes",
    |text| text.trim().len() == text.len() && (text.bytes().all(|b| matches!(b, b' '..=b'~')) || !text.chars().any(misleads))
}

text_type! {
    /// The name of an overlay, `staging` for `env/staging.toml`.
    Overlay, "the name of an overlay", "letters, digits, `-`, `_` and `.`", plain_name
}

text_type! {
    /// `os/architecture` or `os/architecture/variant` as OCI spells them: `linux/amd64`, `linux/arm/v7`.
    Platform, "a platform", "`os/architecture` in lowercase, as `linux/amd64`",
    |text| matches!(text.split('/').count(), 2 | 3)
        && text.split('/').all(|part| plain_name(part) && !part.bytes().any(|b| b.is_ascii_uppercase()))
}

text_type! {
    /// An image or chart in a registry, with its host: `quay.io/jetstack/charts/cert-manager:v1.21.1`.
    Reference, "a reference", "`host/path:tag` or `host/path@sha256:…`",
    |text| text.split_once('/').is_some_and(|(host, path)| plain_name(host.split(':').next().unwrap_or(host)) && !path.is_empty())
        && !text.contains("//")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:@+".contains(&b))
}

text_type! {
    /// The name of a git commit: 40 (SHA-1) or 64 (SHA-256) lowercase hex digits.
    CommitId, "a git commit", "40 or 64 lowercase hex digits", |text| matches!(text.len(), 40 | 64) && lower_hex(text)
}

text_type! {
    /// One word of a closure: the name, version or architecture of a package, or the name of a suite.
    Word, "one word", "printable ASCII without blanks, not starting with `#`",
    |text| text.len() <= 512 && text.bytes().all(|b| b.is_ascii_graphic()) && !text.starts_with('#')
}

text_type! {
    /// The path of a .deb below its archive: `pool/main/u/ufw/ufw_0.36.1-4ubuntu0.1_all.deb`.
    PoolPath, "a path below an archive", "parts of printable ASCII between slashes, none of them empty, `.` or `..`",
    |text| text.bytes().all(|b| b.is_ascii_graphic() && !b"\"?#".contains(&b))
        && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The fingerprint of an OpenPGP key: 40 (version 4) or 64 (version 6, RFC 9580 §5.5.4) hex digits, kept in
/// uppercase as `gpg` prints them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Box<str>);

text_type!(@traits Fingerprint);

impl Fingerprint {
    /// Reads a fingerprint in either case, without blanks.
    pub fn new(text: &str) -> Result<Self, ValueError> {
        if matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Self(text.to_ascii_uppercase().into()));
        }
        Err(ValueError::malformed("an OpenPGP fingerprint", "40 or 64 hex digits", text))
    }

    /// The uppercase hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The canonical URL of an artifact, never that of a mirror, and never with credentials.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url(Box<str>);

text_type!(@traits Url);

impl Url {
    /// Checks that `text` is `scheme://rest` in printable ASCII. A user name is accepted only outside HTTP
    /// (`ssh://git@…`), a password nowhere.
    pub fn new(text: &str) -> Result<Self, ValueError> {
        let malformed =
            || ValueError::malformed("a URL", "`scheme://host/path` in printable ASCII without blanks", text);
        let graphic = text.bytes().all(bare);
        let (scheme, rest) = text.split_once("://").ok_or_else(malformed)?;
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
        if !graphic || text.len() > LIMIT || rest.is_empty() || !scheme.bytes().all(letters) {
            return Err(malformed());
        }
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(malformed());
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if let Some((user, host)) = authority.rsplit_once('@')
            && (user.contains(':') || scheme.starts_with("http"))
        {
            return Err(ValueError::Credentials { host: host.into() });
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A number of bytes below 2^63, the largest integer that every TOML reader takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(u64);

impl Size {
    /// Checks that `bytes` is below 2^63.
    pub fn new(bytes: u64) -> Result<Self, ValueError> {
        if i64::try_from(bytes).is_err() {
            return Err(ValueError::malformed("a size", "below 2^63 bytes", &bytes.to_string()));
        }
        Ok(Self(bytes))
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Reads decimal digits without sign, separators or leading zeros.
    pub(crate) fn parse(text: &str) -> Result<Self, ValueError> {
        let one_spelling = text == "0" || !text.starts_with('0');
        if one_spelling && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text
                .parse()
                .ok()
                .and_then(|bytes| Self::new(bytes).ok())
                .ok_or_else(|| Self::malformed(text));
        }
        Err(Self::malformed(text))
    }

    fn malformed(text: &str) -> ValueError {
        ValueError::malformed("a size", "decimal digits of a number below 2^63", text)
    }
}

impl From<u32> for Size {
    fn from(bytes: u32) -> Self {
        Self(bytes.into())
    }
}

impl From<Size> for u64 {
    fn from(size: Size) -> Self {
        size.0
    }
}

impl TryFrom<u64> for Size {
    type Error = ValueError;

    fn try_from(bytes: u64) -> Result<Self, ValueError> {
        Self::new(bytes)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T>(new: fn(&str) -> Result<T, ValueError>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(new(text).is_ok(), "refused `{text}`");
        }
        for text in bad {
            assert!(new(text).is_err(), "accepted `{text}`");
        }
    }

    #[test]
    fn ids_need_no_escaping() {
        let good = ["chart.traefik", "k3s.main#binary", "oci:ghcr.io/acme/api:v1@sha256:0a", "apt.os"];
        check(EntryId::new, &good, &["", "a b", "a\"b", "a\\b", "ä", "a|b", &"x".repeat(513)]);
    }

    #[test]
    fn texts_hide_nothing_from_a_reviewer() {
        let bad = ["", " a", "a ", "a\nb", "a\tb", "a\u{202e}b", "a\u{200b}b", &"x".repeat(4097)];
        check(Text::new, &["~1.21", "ref \"main\"", "größer", "a\\b"], &bad);
    }

    #[test]
    fn credentials_never_enter_a_lock() {
        let good =
            ["https://a.example/x?y=1@2", "ssh://git@a.example/r.git", "file:///srv/x", "s3+http://b/k"];
        let bad =
            ["a.example/x", "https://", "https://a b", "1s://x", "HTTPS://a/x", "://a", "https://a/\"x"];
        check(Url::new, &good, &bad);
        for url in ["https://me:secret@a.example/x", "https://token@a.example/x", "ssh://git:pw@a.example/x"]
        {
            let error = Url::new(url).unwrap_err();
            assert_eq!((error.code(), error.to_string().contains("secret")), ("E0212", false), "{url}");
        }
    }

    #[test]
    fn names_of_foreign_things_have_their_shape() {
        check(
            Platform::new,
            &["linux/amd64", "linux/arm/v7"],
            &["linux", "linux/", "Linux/amd64", "a/b/c/d"],
        );
        let references = ["ghcr.io/acme/api:v1", "localhost:5000/a@sha256:00", "q.io/a/b:v1.2-rc_1"];
        check(
            Reference::new,
            &references,
            &["api", "ghcr.io/", "/a", "a//b", "ghcr.io/a b", "https://q.io/a"],
        );
        check(CommitId::new, &[&"a".repeat(40), &"0".repeat(64)], &["abc", &"A".repeat(40), &"g".repeat(40)]);
        check(Overlay::new, &["staging", "eu-west_1"], &["", "-x", "a/b", ".."]);
        check(Word::new, &["libstdc++6", "1:8.9p1-3", "jammy/", "./"], &["", "#a", "a b", "ä"]);
        check(
            PoolPath::new,
            &["pool/m/a%3a1.deb", "a.deb"],
            &["", "/a", "a//b", "../a", "a/./b", "a/..", "a b"],
        );
        assert_eq!(Fingerprint::new(&"ab".repeat(20)).unwrap().as_str(), "AB".repeat(20));
        check(Fingerprint::new, &[&"0".repeat(64)], &[&"0".repeat(39), &"x".repeat(40)]);
    }

    #[test]
    fn a_size_has_one_spelling() {
        check(
            Size::parse,
            &["0", "1", "9223372036854775807"],
            &["", "00", "01", "+1", "1_0", "9223372036854775808"],
        );
        check(Size::parse, &[], &["-1", " 1", "0x1", "99999999999999999999999"]);
    }
}
