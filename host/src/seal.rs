//! age v1 (<https://c2sp.org/age>) with native keys: what is written for those who hold an identity, and nobody else.
//!
//! # What this module does not do
//! No passphrases, no plugins, no keys of ssh. And age says nothing of who wrote: whoever knows a recipient can write
//! for it.

use age::secrecy::ExposeSecret;
use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;
use zeroize::Zeroizing;

/// Why something sealed cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The text is no recipient.
    #[error("`{0}` is no recipient of age")]
    Recipient(String),
    /// The text holds no identity.
    #[error("there is no identity of age in it")]
    Identity,
    /// Nobody is to read it.
    #[error("there are no recipients")]
    Nobody,
    /// It is sealed for others.
    #[error("it is sealed for others: none of the identities opens it")]
    Others,
    /// It is no file of age, or damaged.
    #[error("it is no whole file of age: {0}")]
    Damaged(String),
}

impl SealError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Recipient(_) | Self::Identity | Self::Nobody => "E0680",
            Self::Others => "E0681",
            Self::Damaged(_) => "E0682",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Recipient(_) => "a recipient begins with `age1`; `gabion secrets key new` prints one",
            Self::Identity => "an identity is a line that begins with `AGE-SECRET-KEY-1`",
            Self::Nobody => "name some with `--recipient`, or below `[secrets]` in `gabion.toml`",
            Self::Others => "name the identity of one of its recipients",
            Self::Damaged(_) => "take another copy of it",
        };
        Some(text.to_owned())
    }
}

/// Who can read: an `age1…`.
#[derive(Clone)]
pub struct Recipient(age::x25519::Recipient);

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Recipient {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        // What is no recipient may be an identity by mistake: it is not said again.
        let shown = || if text.starts_with("age1") { text.to_owned() } else { "…".to_owned() };
        text.parse().map(Self).map_err(|_| SealError::Recipient(shown()))
    }
}

/// What opens: the secret half. It is never printed.
#[derive(Clone)]
pub struct Identity(age::x25519::Identity);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.recipient())
    }
}

impl Identity {
    /// A new one.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Its public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    /// The file of it, as `age-keygen` writes it but for the time.
    pub fn to_text(&self) -> Zeroizing<String> {
        let secret = self.0.to_string();
        let mut text = Zeroizing::new(String::with_capacity(256));
        text.push_str("# public key: ");
        text.push_str(&self.recipient().to_string());
        text.push('\n');
        text.push_str(secret.expose_secret());
        text.push('\n');
        text
    }

    /// Every identity of a file: one a line, `#` before what is for people.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, SealError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let all: Vec<Self> = lines
            .map(|line| line.parse().map(Self).map_err(|_| SealError::Identity))
            .collect::<Result<_, _>>()?;
        if all.is_empty() { Err(SealError::Identity) } else { Ok(all) }
    }

    /// A key for fingerprints, which nobody has who has not this identity.
    pub(crate) fn key(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let secret = self.0.to_string();
        Zeroizing::new(blake3::derive_key(purpose, secret.expose_secret().as_bytes()))
    }
}

/// What seals: all that is written to it. [`Sealing::finish`] ends it; without that nobody can read it.
#[derive(Debug)]
pub struct Sealing<W: Write>(Hidden<age::stream::StreamWriter<W>>);

/// What has no words.
struct Hidden<T>(T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.0.flush()
    }
}

impl<W: Write> Sealing<W> {
    /// Writes the end, and gives the writer back.
    pub fn finish(self) -> io::Result<W> {
        self.0.0.finish()
    }
}

/// Begins to seal for `recipients`.
pub fn seal<'r, W: Write>(
    recipients: impl IntoIterator<Item = &'r Recipient>,
    out: W,
) -> Result<Result<Sealing<W>, io::Error>, SealError> {
    let recipients = recipients.into_iter().map(|it| &it.0 as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients).map_err(|error| match error {
        age::EncryptError::MissingRecipients => SealError::Nobody,
        other => SealError::Damaged(other.to_string()),
    })?;
    Ok(encryptor.wrap_output(out).map(|it| Sealing(Hidden(it))))
}

/// What was sealed. A read error is damage as long as the reader below has none of its own.
#[derive(Debug)]
pub struct Opened<R: Read>(Hidden<age::stream::StreamReader<R>>);

impl<R: Read> Read for Opened<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.0.read(out)
    }
}

/// Opens what was sealed for one of `identities`.
pub fn open<R: Read>(sealed: R, identities: &[Identity]) -> Result<Opened<R>, SealError> {
    let decryptor = age::Decryptor::new(sealed).map_err(|error| damaged(&error))?;
    let identities = identities.iter().map(|it| &it.0 as &dyn age::Identity);
    decryptor.decrypt(identities).map(|it| Opened(Hidden(it))).map_err(|error| damaged(&error))
}

fn damaged(error: &age::DecryptError) -> SealError {
    match error {
        age::DecryptError::NoMatchingKeys => SealError::Others,
        age::DecryptError::Io(source) => SealError::Damaged(source.to_string()),
        age::DecryptError::InvalidHeader => SealError::Damaged("its header is wrong".to_owned()),
        age::DecryptError::InvalidMac => SealError::Damaged("its header was changed".to_owned()),
        age::DecryptError::UnknownFormat => SealError::Damaged("its format is unknown".to_owned()),
        _ => SealError::Damaged("it cannot be opened".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(text: &[u8], recipients: &[Recipient]) -> Vec<u8> {
        let mut out = seal(recipients, Vec::new()).unwrap().unwrap();
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    fn opened(sealed: &[u8], identity: &Identity) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut reader = open(sealed, std::slice::from_ref(identity)).map_err(|it| it.to_string())?;
        reader.read_to_end(&mut out).map_err(|it| it.to_string())?;
        Ok(out)
    }

    #[test]
    fn each_recipient_opens_it_and_nobody_else() {
        let (one, two, other) = (Identity::generate(), Identity::generate(), Identity::generate());
        let bytes = sealed(b"stones", &[one.recipient(), two.recipient()]);
        assert_eq!(opened(&bytes, &one).unwrap(), b"stones");
        assert_eq!(opened(&bytes, &two).unwrap(), b"stones");
        assert!(opened(&bytes, &other).unwrap_err().contains("for others"));
        assert!(matches!(seal(&[], Vec::new()), Err(SealError::Nobody)));
    }

    #[test]
    fn a_flipped_bit_and_a_missing_end_are_noticed() {
        let identity = Identity::generate();
        let bytes = sealed(&[7; 200], &[identity.recipient()]);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(opened(&flipped, &identity).is_err(), "{at}");
            assert!(opened(&bytes[..at], &identity).is_err(), "{at}");
        }
    }

    #[test]
    fn an_identity_is_read_from_its_own_file_and_never_shown() {
        let identity = Identity::generate();
        let text = identity.to_text();
        let read = Identity::parse_all(&text).unwrap();
        assert_eq!(read[0].recipient().to_string(), identity.recipient().to_string());
        assert!(!format!("{identity:?}").contains("SECRET"));
        assert!(Identity::parse_all("# nothing\n").is_err());
        let error = text.lines().last().unwrap().parse::<Recipient>().unwrap_err().to_string();
        assert!(!error.contains("SECRET"), "{error}");
    }
}
