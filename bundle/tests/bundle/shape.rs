//! A bundle whose members are not those that its tables name, or not files.

use crate::kit::{check, key, looking, signed, spec, trust};
use gabion_bundle::{BundleError, Class, Source, assemble, open_file, verify};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};
use tar::EntryType::{Block, Char, Directory, Fifo, GNUSparse, Link, Symlink, XHeader};

const A: &str = "content/fetch.a/a.txt";
const M: &str = "content/manifests.m/m.yaml";

/// Where the header of a member begins.
fn header_of(bytes: &[u8], path: &str) -> usize {
    let name = [path.as_bytes(), b"\0"].concat();
    (0..bytes.len()).step_by(512).find(|at| bytes[*at..].starts_with(&name)).unwrap()
}

/// The same with a changed header, whose checksum is right again.
fn with_header(bytes: &[u8], path: &str, change: impl FnOnce(&mut tar::Header)) -> Vec<u8> {
    let at = header_of(bytes, path);
    let mut header = tar::Header::from_byte_slice(&bytes[at..at + 512]).clone();
    change(&mut header);
    header.set_cksum();
    let mut bytes = bytes.to_vec();
    bytes[at..at + 512].copy_from_slice(header.as_bytes());
    bytes
}

#[track_caller]
fn damaged(bytes: &[u8], told: &str) {
    let error = check(bytes, &trust(&key(7))).unwrap_err();
    assert_eq!(error.class(), Class::Integrity, "{error}");
    assert!(error.to_string().contains(told), "{error}");
}

#[test]
fn a_member_that_no_table_names_is_refused_wherever_it_stands() {
    let good = signed(&spec());
    let mut header = tar::Header::new_ustar();
    header.set_path("extra").unwrap();
    header.set_size(6);
    header.set_mode(0o644);
    header.set_cksum();
    let mut member = header.as_bytes().to_vec();
    member.extend(b"stones");
    member.resize(1024, 0);
    for at in [header_of(&good, A), header_of(&good, M), good.len() - 1024, good.len()] {
        let mut bytes = good.clone();
        bytes.splice(at..at, member.clone());
        assert_eq!(check(&bytes, &trust(&key(7))).unwrap_err().class(), Class::Integrity, "{at}");
    }
}

#[test]
fn a_member_that_is_missing_or_in_another_place_is_refused() {
    let good = signed(&spec());
    let (a, m) = (header_of(&good, A), header_of(&good, M));
    let mut missing = good.clone();
    missing.drain(a..m);
    damaged(&missing, &format!("this is not the header of `{A}`"));
    let mut swapped = good.clone();
    let (first, second) = (good[a..m].to_vec(), good[m..m + 1024].to_vec());
    swapped.splice(a..m + 1024, [second, first].concat());
    damaged(&swapped, &format!("this is not the header of `{A}`"));
}

/// A medium that says how far it was read.
#[derive(Debug)]
struct Counting<'b>(Cursor<&'b [u8]>, u64);

impl Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1 = self.1.max(self.0.position());
        Ok(count)
    }
}

impl Seek for Counting<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_size_that_is_not_the_declared_one_is_found_before_the_content_is_read() {
    let mut large = spec();
    large.members[0].1 = Source::Bytes(vec![7; 1 << 20]);
    let good = signed(&large);
    for size in [0, 1, (1 << 20) - 1, (1 << 20) + 1, u64::from(u32::MAX)] {
        let bytes = with_header(&good, A, |it| it.set_size(size));
        let mut medium = Counting(Cursor::new(&bytes), 0);
        let root = trust(&key(7));
        let error = verify(&mut medium, &looking(&root)).unwrap_err();
        assert!(error.to_string().contains("is not the header of"), "{size}: {error}");
        // Neither is a byte of the content looked at, nor is it hashed.
        assert!(medium.1 <= header_of(&bytes, A) as u64 + 512, "{size}: {}", medium.1);
    }
}

#[test]
fn links_devices_pipes_and_folders_stand_for_no_member() {
    let good = signed(&spec());
    for kind in [Symlink, Link, Fifo, Char, Block, Directory, GNUSparse, XHeader] {
        damaged(&with_header(&good, A, |it| it.set_entry_type(kind)), "this is not the header of");
    }
    damaged(
        &with_header(&good, A, |it| it.set_link_name("/etc/shadow").unwrap()),
        "this is not the header of",
    );
    damaged(&with_header(&good, A, |it| it.set_mode(0o4755)), "this is not the header of");
    damaged(&with_header(&good, A, |it| it.set_uid(1000)), "this is not the header of");
}

/// A medium that cannot be read behind a place.
#[derive(Debug)]
struct Failing<'b>(Cursor<&'b [u8]>, u64);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.1.saturating_sub(self.0.position());
        if left == 0 {
            return Err(rustix::io::Errno::IO.into());
        }
        self.0.by_ref().take(left).read(buffer)
    }
}

impl Seek for Failing<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_medium_that_fails_in_the_middle_is_told_with_the_place() {
    let good = signed(&spec());
    let root = trust(&key(7));
    for from in (0..good.len() as u64).step_by(509) {
        let medium = Failing(Cursor::new(&good), from);
        match verify(medium, &looking(&root)).unwrap_err() {
            BundleError::Read { at, source } => {
                assert!(at <= from && source.raw_os_error() == Some(5), "{from}: {at} {source}");
            }
            other => panic!("{from}: {other}"),
        }
    }
}

#[test]
fn paths_that_some_file_systems_take_for_one_cannot_stand_together() {
    for (first, second) in
        [("content/A", "content/a"), ("content/aB", "content/Ab"), ("Content/x", "content/x")]
    {
        let mut spec = spec();
        for path in [first, second] {
            spec.members.push((path.to_owned(), Source::Bytes(b"x".to_vec())));
        }
        let error = assemble(&spec, &mut Cursor::new(Vec::new())).unwrap_err();
        assert!(error.to_string().contains("differs from another one only by case"), "{first}: {error}");
    }
    let mut spec = spec();
    for path in ["content/A", "content/ab"] {
        spec.members.push((path.to_owned(), Source::Bytes(b"x".to_vec())));
    }
    check(&signed(&spec), &trust(&key(7))).unwrap();
}

#[test]
fn a_pipe_a_device_and_a_folder_in_the_place_of_a_bundle_hang_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    let begin = Instant::now();
    for path in [pipe.as_path(), "/dev/zero".as_ref(), "/dev/null".as_ref(), folder.path()] {
        let error = open_file(path).unwrap_err();
        assert!(error.to_string().contains("open"), "{error}");
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("no regular file"));
    }
    assert!(begin.elapsed() < Duration::from_secs(10));
    // A link that leads to a bundle is one: people keep `latest.gabion`.
    fs_err::write(folder.path().join("b"), "x").unwrap();
    std::os::unix::fs::symlink("b", folder.path().join("latest")).unwrap();
    open_file(&folder.path().join("latest")).unwrap();
}
