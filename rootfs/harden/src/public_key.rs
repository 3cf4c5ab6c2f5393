//! Public keys of OpenSSH: one line of `authorized_keys`, without options.

use crate::value::ValueError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

/// A public key that may log in (RFC 4253 §6.6, RFC 8709, RFC 5656; security keys: OpenSSH, `PROTOCOL.u2f`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: &'static str,
    base64: String,
    comment: String,
}

/// Types that are taken; DSA is not, which OpenSSH dropped, nor certificates, which are no keys.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Shortest modulus of RSA: NIST SP 800-131A has allowed no shorter one since 2014.
const RSA_BITS: usize = 2048;

impl FromStr for PublicKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim_end_matches(['\n', '\r', ' ']);
        if text.contains(|it: char| it.is_control()) {
            return Err(ValueError::PublicKey("it is more than one line"));
        }
        let mut words = text.splitn(3, ' ');
        let (kind, base64) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let comment = words.next().unwrap_or_default().trim().to_owned();
        if kind == "ssh-dss" {
            return Err(ValueError::PublicKey("DSA is broken, and sshd takes it no more"));
        }
        if text.starts_with("-----BEGIN") {
            return Err(ValueError::PublicKey("this is no public key of OpenSSH, and may be a private one"));
        }
        let known = KINDS.iter().find(|it| **it == kind);
        let kind = *known.ok_or(ValueError::PublicKey("its first word is no type of key"))?;
        let blob =
            STANDARD.decode(base64).map_err(|_| ValueError::PublicKey("its second word is no base64"))?;
        check(kind, &blob).map_err(ValueError::PublicKey)?;
        Ok(Self { kind, base64: base64.to_owned(), comment })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.base64)?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

/// Takes the next string off `blob`: a 32-bit length and that many bytes (RFC 4251 §5).
fn string<'b>(blob: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *blob = rest;
    Some(value)
}

fn check(kind: &'static str, blob: &[u8]) -> Result<(), &'static str> {
    const SHORT: &str = "its bytes end too early";
    let mut rest = blob;
    if string(&mut rest).ok_or(SHORT)? != kind.as_bytes() {
        return Err("its bytes are of another type than it says");
    }
    let mut next = || string(&mut rest).ok_or(SHORT);
    match kind {
        "ssh-ed25519" => sized(next()?, 32)?,
        "ssh-rsa" => {
            let (exponent, modulus) = (next()?, next()?);
            let odd = exponent.last().is_some_and(|it| it % 2 == 1) && exponent != [1];
            if !odd {
                return Err("its exponent is no odd number above 1");
            }
            if bits(modulus) < RSA_BITS {
                return Err("RSA keys shorter than 2048 bits can be broken");
            }
        }
        "sk-ssh-ed25519@openssh.com" => {
            sized(next()?, 32)?;
            next()?;
        }
        _ => {
            let curve = next()?;
            if !kind.as_bytes().windows(curve.len()).any(|it| it == curve) {
                return Err("its curve is another than its type says");
            }
            // An uncompressed point (SEC 1 §2.3.3).
            let size = match curve {
                b"nistp256" => 65,
                b"nistp384" => 97,
                b"nistp521" => 133,
                _ => return Err("its curve is another than its type says"),
            };
            sized(next()?, size)?;
            if kind.starts_with("sk-") {
                next()?;
            }
        }
    }
    if rest.is_empty() { Ok(()) } else { Err("bytes follow behind the key") }
}

fn sized(bytes: &[u8], size: usize) -> Result<(), &'static str> {
    if bytes.len() == size { Ok(()) } else { Err("it has the wrong length for its type") }
}

/// How many bits the positive number `bytes` (RFC 4251 §5, `mpint`) has.
fn bits(bytes: &[u8]) -> usize {
    let first = bytes.iter().position(|it| *it != 0).unwrap_or(bytes.len());
    let rest = &bytes[first..];
    rest.first().map_or(0, |it| rest.len() * 8 - it.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops@desk";

    fn why(text: &str) -> String {
        text.parse::<PublicKey>().unwrap_err().to_string()
    }

    #[test]
    fn a_key_is_written_as_it_was_read() {
        assert_eq!(GOOD.parse::<PublicKey>().unwrap().to_string(), GOOD);
        assert_eq!(format!("{GOOD}\n").parse::<PublicKey>().unwrap().to_string(), GOOD);
    }

    proptest::proptest! {
        #[test]
        fn what_is_taken_reads_back(
            kind in "(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp256|sk-ssh-ed25519@openssh.com)",
            blob in proptest::collection::vec(proptest::num::u8::ANY, 30..35),
            cut in 20_usize..120,
            comment in ".{0,8}",
        ) {
            let mut bytes = [&(kind.len() as u32).to_be_bytes(), kind.as_bytes()].concat();
            bytes.extend([&32_u32.to_be_bytes(), blob.as_slice()].concat());
            bytes.truncate(bytes.len().min(cut + kind.len()));
            let text = format!("{kind} {} {comment}", STANDARD.encode(bytes));
            if let Ok(key) = text.parse::<PublicKey>() {
                proptest::prop_assert_eq!(key.to_string().parse(), Ok(key));
            }
        }
    }

    #[test]
    fn what_is_no_key_is_told_from_what_is() {
        assert!(why("ssh-ed25519").contains("end too early"));
        assert!(why("ssh-ed25519 AAAA").contains("end too early"));
        assert!(why("ssh-ed25519 !!!!").contains("no base64"));
        assert!(why("ssh-dss AAAA").contains("DSA is broken"));
        assert!(why("command=\"id\" ssh-ed25519 AAAA").contains("no type of key"));
        assert!(why("-----BEGIN OPENSSH PRIVATE KEY-----").contains("may be a private one"));
        assert!(why(&format!("{GOOD}\n{GOOD}")).contains("more than one line"));
        assert!(why(&GOOD.replace("ssh-ed25519 ", "ssh-rsa ")).contains("another type"));
        let long = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fAAAA";
        assert!(why(long).contains("bytes follow"));
    }
}
