//! Searching files, and files within them: compressed, in archives, in packages. Memory is bounded by the depth.

use super::rules::{REACH, broken};
use gabion_digest::Digest;
use std::collections::BTreeSet;
use std::io::{self, BufReader, Read};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// The way to it: names of files in archives.
    pub(super) within: String,
    /// What it looks like.
    pub(super) what: &'static str,
}

/// Archives in archives: what lies deeper is searched as it is.
const DEPTH: usize = 6;
/// So much is searched at once.
const WINDOW: usize = 1 << 20;
/// As much as tells what a file is: a block of tar.
const MAGIC: usize = 512;

/// What is in the bytes of `from`, all of which are read.
pub(super) fn search(from: &mut dyn Read) -> io::Result<Vec<Found>> {
    let mut found = BTreeSet::new();
    let mut failed = Failing { inner: from, error: None };
    look(&mut failed, "", 0, &mut found);
    // What an archive's reader left, and what came after damage.
    raw(&mut failed, "", &mut found);
    match failed.error {
        Some(error) => Err(error),
        None => Ok(found.into_iter().collect()),
    }
}

/// Remembers the first error of the file itself: one of an archive in it is only the end of that archive.
struct Failing<'r> {
    inner: &'r mut dyn Read,
    error: Option<io::Error>,
}

impl Read for Failing<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.error.is_some() {
            return Ok(0);
        }
        match self.inner.read(out) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.error = Some(error);
                Ok(0)
            }
            other => other,
        }
    }
}

fn look(from: &mut dyn Read, place: &str, depth: usize, found: &mut BTreeSet<Found>) {
    let mut head = Vec::with_capacity(MAGIC);
    // Where it is damaged already, what there is of it is searched.
    let _damaged = (&mut *from).take(MAGIC as u64).read_to_end(&mut head);
    let mut from = BufReader::with_capacity(64 << 10, io::Cursor::new(head.clone()).chain(from));
    if depth >= DEPTH {
        return raw(&mut from, place, found);
    }
    let deeper = depth + 1;
    match head.as_slice() {
        [0x1f, 0x8b, 8, ..] => {
            look(&mut flate2::bufread::MultiGzDecoder::new(&mut from), place, deeper, found);
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            if let Ok(mut plain) = zstd::stream::read::Decoder::with_buffer(&mut from) {
                look(&mut plain, place, deeper, found);
            }
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            look(&mut lzma_rust2::XzReader::new(&mut from, true), place, deeper, found);
        }
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', ..] => drop(ar(&mut from, place, deeper, found)),
        _ if head.len() == MAGIC && &head[257..262] == b"ustar" => {
            drop(tar(&mut from, place, deeper, found));
        }
        _ => {}
    }
    // All of what is no archive; of one, what stands behind its end or behind damage.
    raw(&mut from, place, found);
}

fn inside(place: &str, name: &str) -> String {
    if place.is_empty() { format!("`{name}`") } else { format!("{place} > `{name}`") }
}

fn tar(from: &mut dyn Read, place: &str, depth: usize, found: &mut BTreeSet<Found>) -> io::Result<()> {
    let mut archive = tar::Archive::new(from);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).escape_debug().to_string();
        look(&mut entry, &inside(place, &name), depth, found);
    }
    Ok(())
}

/// The archive of Debian packages (ar(5)).
fn ar(from: &mut dyn Read, place: &str, depth: usize, found: &mut BTreeSet<Found>) -> io::Result<()> {
    from.read_exact(&mut [0; 8])?;
    loop {
        let mut header = [0; 60];
        from.read_exact(&mut header)?;
        let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&header[range]).trim().to_owned();
        let Ok(size) = text(48..58).parse::<u64>() else { return Ok(()) };
        let mut member = (&mut *from).take(size);
        let name = text(0..16).trim_end_matches('/').escape_debug().to_string();
        look(&mut member, &inside(place, &name), depth, found);
        io::copy(&mut member, &mut io::sink())?;
        if size % 2 == 1 {
            from.read_exact(&mut [0])?;
        }
    }
}

fn raw(from: &mut dyn Read, place: &str, found: &mut BTreeSet<Found>) {
    let mut window = vec![0; WINDOW + REACH];
    let mut filled = 0;
    loop {
        let count = match from.read(&mut window[filled..]) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // Damage ends it; what came before is searched.
            Err(_) => 0,
        };
        filled += count;
        if count > 0 && filled < window.len() {
            continue;
        }
        let whats = broken(&window[..filled], count == 0);
        found.extend(whats.into_iter().map(|what| Found { within: place.to_owned(), what }));
        if count == 0 {
            return;
        }
        window.copy_within(filled - REACH..filled, 0);
        filled = REACH;
    }
}

/// Hashes what is read.
pub(super) struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, hasher: blake3::Hasher::new() }
    }

    /// The hash of all of it.
    pub(super) fn finish(mut self) -> io::Result<Digest> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(Digest::from_bytes(*self.hasher.finalize().as_bytes()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.hasher.update(&out[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::pem;
    use super::*;
    use std::io::Write;

    fn places(bytes: &[u8]) -> Vec<String> {
        search(&mut &*bytes).unwrap().into_iter().map(|it| it.within).collect()
    }

    fn tarred(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, name, bytes).unwrap();
        tar.into_inner().unwrap()
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn debian(member: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out =
            format!("!<arch>\n{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "debian-binary", 0, 0, 0, 100_644, 4)
                .into_bytes();
        out.extend(b"2.0\n");
        let head = format!("{member:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, bytes.len());
        out.extend(head.into_bytes());
        out.extend(bytes);
        out
    }

    #[test]
    fn a_key_is_found_however_it_is_packed() {
        let key = pem("").into_bytes();
        assert_eq!(places(&key), [""]);
        assert_eq!(places(&gzipped(&key)), [""]);
        assert_eq!(places(&zstd::encode_all(key.as_slice(), 1).unwrap()), [""]);
        assert_eq!(places(&tarred("a/key", &key)), ["`a/key`"]);
        let nested = gzipped(&tarred("layer.tar.zst", &zstd::encode_all(&*tarred("key", &key), 1).unwrap()));
        assert_eq!(places(&nested), ["`layer.tar.zst` > `key`"]);
        let package = debian("data.tar.gz", &gzipped(&tarred("etc/key", &key)));
        assert_eq!(places(&package), ["`data.tar.gz` > `etc/key`"]);
        assert!(places(&gzipped(&tarred("a", b"stones"))).is_empty());
    }

    #[test]
    fn a_key_is_found_where_windows_meet_and_behind_damage() {
        let key = pem("RSA ").into_bytes();
        for at in (WINDOW - 200..WINDOW + REACH + 200).step_by(97) {
            let mut bytes = vec![b'x'; at];
            bytes.extend(&key);
            bytes.extend(vec![b'y'; WINDOW]);
            assert_eq!(places(&bytes), [""], "{at}");
        }
        let mut cut = gzipped(&[7; 5000]);
        cut.truncate(20);
        cut.extend(&key);
        // Whatever the reader of the archive makes of it, nothing ends unnoticed in an error.
        let _searched = places(&cut);
        let mut behind = tarred("a", b"stones");
        behind.extend(&key);
        assert_eq!(places(&behind), [""]);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        assert!(search(&mut (&b"stones"[..]).chain(Broken)).is_err());
    }
}
