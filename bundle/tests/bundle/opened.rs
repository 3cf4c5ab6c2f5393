//! Opened bundles: trusted signatures, and content that proves itself piece by piece.

use crate::kit::{check, key, looking, promoted, promoters, signed, slot_at, spec, trust};
use gabion_bundle::{BundleError, Class, Object, Source, Spec, open, verify};
use std::io::{Cursor, ErrorKind, Read};

/// A bundle with one member of three pieces.
fn large() -> (Spec, Vec<u8>) {
    let bytes: Vec<u8> = (0..40_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut spec = spec();
    spec.members.push(("content/disk.os/os.img.zst".to_owned(), Source::Bytes(bytes.clone())));
    (spec, bytes)
}

#[test]
fn a_flipped_byte_of_content_opens_and_is_never_handed_out() {
    let mut bytes = signed(&spec());
    let root = trust(&key(7));
    let at = bytes.windows(7).position(|it| it == b"stones\n").unwrap();
    bytes[at] ^= 1;
    let mut opened = open(Cursor::new(&bytes), &looking(&root)).unwrap();
    let mut out = Vec::new();
    let error = opened.copy_member("content/fetch.a/a.txt", &mut out).unwrap_err();
    assert_eq!((error.kind(), out.len()), (ErrorKind::InvalidData, 0));
    // What is not damaged can still be read, and the file as a whole is refused.
    opened.copy_member("content/manifests.m/m.yaml", &mut out).unwrap();
    assert_eq!(out, b"kind: Namespace\n");
    assert_eq!(opened.verify().unwrap_err().class(), Class::Integrity);
    assert_eq!(check(&bytes, &root).unwrap_err().class(), Class::Integrity);
}

#[test]
fn only_the_piece_that_is_damaged_is_held_back() {
    let (spec, content) = large();
    let mut bytes = signed(&spec);
    let root = trust(&key(7));
    // 40 000 000 bytes are whole blocks of 512; behind them come two empty ones.
    let begin = bytes.len() - 40_000_000 - 1024;
    bytes[begin + (17 << 20)] ^= 1;
    let mut opened = open(Cursor::new(&bytes), &looking(&root)).unwrap();
    let mut out = Vec::new();
    let error = opened.copy_member("content/disk.os/os.img.zst", &mut out).unwrap_err();
    assert_eq!((error.kind(), out.len()), (ErrorKind::InvalidData, 16 << 20));
    let mut stream = Vec::new();
    let mut reader = opened.read_member("content/disk.os/os.img.zst").unwrap();
    assert_eq!(reader.read_to_end(&mut stream).unwrap_err().kind(), ErrorKind::InvalidData);
    // It does not get past the piece by being asked again.
    assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::InvalidData);
    assert!(stream == content[..16 << 20]);
    let place = opened.manifest().members.position("content/disk.os/os.img.zst").unwrap();
    let mut piece = Vec::new();
    assert!(opened.read_piece(place, 1, &mut piece).is_err() && piece.is_empty());
    opened.read_piece(place, 2, &mut piece).unwrap();
    assert!(piece == content[32 << 20..]);
}

#[test]
fn a_flipped_byte_of_a_table_or_a_signature_does_not_open() {
    let good = promoted(&spec(), 7);
    let root = promoters();
    let begin = open(Cursor::new(&good), &looking(&root)).unwrap().frame(0).unwrap().at - 512;
    let mut bytes = good.clone();
    for at in 0..begin as usize {
        bytes[at] ^= 1;
        let error = open(Cursor::new(&bytes), &looking(&root)).expect_err(&format!("byte {at}"));
        assert_ne!(error.class(), Class::Other, "byte {at}: {error}");
        bytes[at] ^= 1;
    }
    let slot = slot_at(&good);
    bytes[slot..slot + 65_536].fill(b'\n');
    let error = open(Cursor::new(&bytes), &looking(&root)).unwrap_err();
    assert!(matches!(error, BundleError::Unsigned), "{error}");
}

/// Fails every read behind the tables.
struct Tables<'b>(Cursor<&'b [u8]>, u64);

impl Read for Tables<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.1.saturating_sub(self.0.position());
        assert!(left > 0, "content was read");
        self.0.by_ref().take(left).read(buffer)
    }
}

impl std::io::Seek for Tables<'_> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn opening_reads_no_content_and_knows_how_every_byte_of_the_file_must_be() {
    let (spec, _) = large();
    let good = signed(&spec);
    let root = trust(&key(7));
    let begin = open(Cursor::new(&good), &looking(&root)).unwrap().frame(0).unwrap().at - 512;
    let opened = open(Tables(Cursor::new(&good), begin), &looking(&root)).unwrap();
    assert_eq!((opened.size, begin), (good.len() as u64, opened.head().unwrap().len() as u64));

    let mut opened = open(Cursor::new(&good), &looking(&root)).unwrap();
    let mut made = opened.head().unwrap();
    let mut piece = Vec::new();
    for (place, member) in opened.manifest().clone().members.iter().enumerate() {
        let frame = opened.frame(place).unwrap();
        made.extend_from_slice(&frame.header);
        assert_eq!(made.len() as u64, frame.at);
        for index in 0..member.pieces.len().max(1) {
            opened.read_piece(place, index, &mut piece).unwrap();
            made.extend_from_slice(&piece);
        }
        made.resize(made.len() + frame.padding as usize, 0);
    }
    made.resize(made.len() + 1024, 0);
    assert!(made == good);
}

#[test]
fn an_opened_bundle_that_is_whole_is_a_verified_one() {
    let good = signed(&spec());
    let root = trust(&key(7));
    let opened = open(Cursor::new(&good), &looking(&root)).unwrap();
    let said = (opened.digest, opened.signers.clone(), opened.size);
    let mut verified = opened.verify().unwrap();
    assert_eq!(said, (verified.digest, verified.signers.clone(), verified.size));
    let mut text = String::new();
    verified.read_member("content/fetch.a/a.txt").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "stones\n");
    // Nothing is at rest until the last byte was read: a longer file opens, and is refused.
    let longer = [good.as_slice(), b"\0"].concat();
    assert!(open(Cursor::new(&longer), &looking(&root)).unwrap().verify().is_err());
}

#[test]
fn installers_and_disks_have_objects_of_their_own() {
    let (mut spec, content) = large();
    spec.objects = vec![
        Object::Installer { member: "content/fetch.a/a.txt".to_owned() },
        Object::Disk {
            node: "disk.os".to_owned(),
            member: "content/disk.os/os.img.zst".to_owned(),
            size: content.len() as u64,
        },
    ];
    let bytes = signed(&spec);
    let root = trust(&key(7));
    let verified = verify(Cursor::new(&bytes), &looking(&root)).unwrap();
    assert_eq!(verified.manifest().objects, spec.objects);
    let text = verified.manifest().to_text();
    for word in ["\"kind\": \"installer\"", "\"kind\": \"disk\"", "\"size\": 40000000"] {
        assert!(text.contains(word), "{word}");
    }
}
