//! A client of the ssh-agent (IETF draft-miller-ssh-agent): which keys it holds, and one signature.

use crate::KeyError;
use ssh_key::{PublicKey, Signature};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// No answer with a thousand keys is longer.
const LIMIT: u32 = 1 << 20;
/// An agent may ask its user to confirm; it has so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// The agent behind a socket. Each request has a connection of its own.
#[derive(Debug)]
pub(crate) struct Agent(PathBuf);

fn wrong(what: &str) -> KeyError {
    KeyError::Agent(what.to_owned())
}

/// Takes a string of the wire: four bytes of length, big-endian, and as many bytes (RFC 4251, 5).
fn take<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], KeyError> {
    let cut = || wrong("its answer is cut short");
    let (size, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
    let (string, rest) = rest.split_at_checked(u32::from_be_bytes(*size) as usize).ok_or_else(cut)?;
    *bytes = rest;
    Ok(string)
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

impl Agent {
    pub(crate) fn new(socket: &Path) -> Self {
        Self(socket.to_owned())
    }

    /// The keys that it holds and that this program can read; certificates and others are passed over.
    pub(crate) fn keys(&self) -> Result<Vec<PublicKey>, KeyError> {
        let answer = self.ask(&[REQUEST_IDENTITIES], IDENTITIES_ANSWER)?;
        let (count, mut rest) = answer.split_first_chunk().ok_or_else(|| wrong("its answer is cut short"))?;
        let mut keys = Vec::new();
        for _ in 0..u32::from_be_bytes(*count) {
            let (blob, comment) = (take(&mut rest)?, take(&mut rest)?);
            if let Ok(mut key) = PublicKey::from_bytes(blob) {
                key.set_comment(String::from_utf8_lossy(comment));
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// The signature of `key` over `data`.
    pub(crate) fn sign(&self, key: &PublicKey, data: &[u8]) -> Result<Signature, KeyError> {
        let blob = key.to_bytes().map_err(|error| wrong(&error.to_string()))?;
        let mut request = vec![SIGN_REQUEST];
        put(&mut request, &blob);
        put(&mut request, data);
        request.extend_from_slice(&[0; 4]);
        let answer = self.ask(&request, SIGN_RESPONSE)?;
        let signature = take(&mut answer.as_slice())?;
        Signature::try_from(signature).map_err(|_| wrong("its signature cannot be read"))
    }

    /// Sends one message and gives the body of the answer, which must be of the kind `expected`.
    fn ask(&self, message: &[u8], expected: u8) -> Result<Vec<u8>, KeyError> {
        let talk = || -> io::Result<Vec<u8>> {
            let mut stream = UnixStream::connect(&self.0)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut framed = Vec::new();
            put(&mut framed, message);
            stream.write_all(&framed)?;
            let mut size = [0; 4];
            stream.read_exact(&mut size)?;
            let size = u32::from_be_bytes(size);
            if size == 0 || size > LIMIT {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer has no sound length"));
            }
            let mut answer = vec![0; size as usize];
            stream.read_exact(&mut answer)?;
            Ok(answer)
        };
        let mut answer = talk().map_err(|error| wrong(&error.to_string()))?;
        if answer[0] != expected {
            return Err(wrong("it refused"));
        }
        Ok(answer.split_off(1))
    }
}
