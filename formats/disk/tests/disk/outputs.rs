//! The forms of an image.

use crate::Folder;
use gabion_disk::{Both, Image, Qcow2, Raw, Target, compress};
use gabion_testkit::{has, program, run, text};
use proptest::prelude::*;
use std::io::{self, Cursor};

/// Compresses with so many threads.
fn compressed(image: &[u8], threads: u32) -> Vec<u8> {
    let mut out = Vec::new();
    compress(image, image.len() as u64, &mut out, threads).unwrap();
    out
}

/// 40 MiB with zeros, order and disorder in them.
fn bytes() -> Vec<u8> {
    let mut state = 1_u32;
    let mut disorder = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut bytes = vec![0; 40 << 20];
    bytes[5 << 20..15 << 20].iter_mut().for_each(|it| *it = disorder());
    bytes[20 << 20..35 << 20].chunks_mut(7).for_each(|it| it.fill(it.len() as u8));
    bytes
}

/// Gives a little at a time.
struct Dribble<'b>(&'b [u8]);
impl io::Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.0.len().min(out.len()).min(100_003);
        io::Read::read(&mut self.0, &mut out[..count])
    }
}

#[test]
fn zstd_reads_what_any_number_of_threads_made_alike() {
    let bytes = bytes();
    let one = compressed(&bytes, 1);
    // Moves only with the compressor, and with FORMAT.md.
    assert_eq!(
        gabion_digest::Sha256::of(&one).hex(),
        "44599cf77732e572c5c1a01e6ae8bca0d9632a7a22053c3d7ab30034d975e4ca"
    );
    for threads in [0, 2, 5] {
        assert!(compressed(&bytes, threads) == one, "{threads} threads");
    }
    // However the bytes arrive.
    let mut dribbled = Vec::new();
    compress(Dribble(&bytes), bytes.len() as u64, &mut dribbled, 3).unwrap();
    assert!(dribbled == one);
    if !has(&["zstd"]) {
        return;
    }
    let folder = Folder::new();
    fs_err::write(folder.path("image.zst"), &one).unwrap();
    assert!(run(program("zstd").args(["-dcq"]).arg(folder.path("image.zst"))) == bytes);
    let told = text(program("zstd").arg("-lv").arg(folder.path("image.zst")));
    assert!(told.contains("41943040 B") && told.contains("XXH64"), "{told}");
}

#[test]
fn the_compressor_is_the_one_that_the_format_names() {
    assert_eq!(zstd::zstd_safe::version_string(), "1.5.7");
    let format = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/FORMAT.md")).unwrap();
    assert!(format.contains("libzstd 1.5.7"));
}

#[test]
fn an_image_of_another_size_is_not_compressed() {
    for size in [0, 9, 11] {
        let error = compress(&[1; 10][..], size, Vec::new(), 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{size}");
    }
    assert!(compress(&[1; 10][..], 10, Cursor::new(&mut [0; 4][..]), 1).is_err());
}

fn qcow2_is_the_raw_image(size: u64, puts: &[(u64, usize)]) {
    let folder = Folder::new();
    let create = |name| fs_err::File::create(folder.path(name)).unwrap();
    let mut both = Both(Raw::new(create("raw"), size), Qcow2::new(create("qcow2"), size));
    for (offset, length) in puts {
        both.put(*offset, &vec![(offset % 255 + 1) as u8; *length]).unwrap();
    }
    both.0.finish().unwrap();
    both.1.finish().unwrap();
    let (raw, qcow2) = (folder.path("raw"), folder.path("qcow2"));
    let verdict = text(program("qemu-img").args(["check", "-f", "qcow2"]).arg(&qcow2));
    assert!(verdict.contains("No errors were found"), "{verdict}");
    run(program("qemu-img").args(["compare", "-f", "raw", "-F", "qcow2"]).arg(raw).arg(qcow2));
}

#[test]
fn qemu_finds_the_raw_image_in_qcow2() {
    if !has(&["qemu-img"]) {
        return;
    }
    qcow2_is_the_raw_image(512, &[]);
    qcow2_is_the_raw_image(65_536, &[(0, 65_536)]);
    // Clusters out of order, and one that is written in two pieces.
    qcow2_is_the_raw_image(3 << 30, &[((3 << 30) - 512, 512), (70_000, 4096), (0, 200_000), (65_536 * 4, 1)]);
}

#[test]
fn qcow2_has_no_cluster_of_zeros() {
    let mut image = Qcow2::new(Cursor::new(Vec::new()), 1 << 30);
    image.put(0, &vec![0; 10 << 20]).unwrap();
    image.put(65_536, &[1]).unwrap();
    // Header, first table, the cluster, its table, counts, their table.
    assert_eq!(image.finish().unwrap().into_inner().len(), 6 * 65_536);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn qemu_finds_any_raw_image_in_qcow2(pieces in prop::collection::vec((0_u64..300_000, 1_usize..150_000), 0..12)) {
        if !has(&["qemu-img"]) {
            return Ok(());
        }
        let mut at = 0;
        let puts: Vec<(u64, usize)> = pieces.into_iter().map(|(gap, length)| {
            let begin = at + gap;
            at = begin + length as u64;
            (begin, length)
        }).collect();
        qcow2_is_the_raw_image(at.next_multiple_of(512) + 512, &puts);
    }
}

/// The disk in an image, read to its end and copied into a raw one.
fn read_back(qcow2: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    io::Read::read_to_end(&mut Image::open(Cursor::new(qcow2)).unwrap(), &mut read).unwrap();
    let image = Image::open(Cursor::new(qcow2)).unwrap();
    let mut raw = Raw::new(Cursor::new(Vec::new()), image.size());
    image.copy(&mut raw).unwrap();
    assert!(raw.finish().unwrap().0.into_inner() == read, "both ways give the same disk");
    read
}

#[test]
fn an_image_of_qemu_is_read_as_ours_is() {
    let bytes = bytes();
    let mut ours = Qcow2::new(Cursor::new(Vec::new()), bytes.len() as u64);
    ours.put(0, &bytes).unwrap();
    assert!(read_back(&ours.finish().unwrap().into_inner()) == bytes);
    if !has(&["qemu-img"]) {
        return;
    }
    let folder = Folder::new();
    let raw = folder.path("disk.img");
    fs_err::write(&raw, &bytes).unwrap();
    let convert = |name: &str, options: &[&str]| {
        let image = folder.path(name);
        run(program("qemu-img").args(["convert", "-O", "qcow2"]).args(options).arg(&raw).arg(&image));
        fs_err::read(image).unwrap()
    };
    assert!(read_back(&convert("plain.qcow2", &[])) == bytes);
    assert!(read_back(&convert("small.qcow2", &["-o", "cluster_size=4096"])) == bytes);
    let refused = |image: &[u8]| Image::open(Cursor::new(image)).unwrap_err().to_string();
    assert_eq!(refused(&convert("packed.qcow2", &["-c"])), "the image is compressed");
    assert_eq!(
        refused(&convert("old.qcow2", &["-o", "compat=0.10"])),
        "the image is of another version than 3"
    );
    let backing = folder.path("backing.qcow2");
    run(program("qemu-img").args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"]).arg(&raw).arg(&backing));
    assert_eq!(refused(&fs_err::read(backing).unwrap()), "the image has a backing file");
    assert_eq!(refused(&bytes), "the image is no qcow2");
    assert_eq!(refused(b"QFI\xfb"), "the image cannot be read");
}
