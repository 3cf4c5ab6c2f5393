//! The EFI system partition.

use crate::{Folder, mounted};
use gabion_disk::FatError;
use gabion_disk::MIB;
use gabion_disk::fat::{Options, Volume};
use gabion_testkit::{has, program, run, text};
use std::collections::BTreeMap;
use std::path::Path;

fn options(size: u64) -> Options {
    Options { size, id: 0x1234_ABCD, label: "ESP".to_owned(), time: 1_700_000_000, first_sector: 4096 }
}

/// Files that need long names, several clusters, several directories, and none at all.
fn files() -> BTreeMap<String, Vec<u8>> {
    let loader: Vec<u8> = (0..700_001_u32).map(|it| (it % 251) as u8).collect();
    let mut files = BTreeMap::from([
        ("EFI/BOOT/BOOTX64.EFI".to_owned(), loader),
        ("grub/grub.cfg".to_owned(), b"set x=y\n".to_vec()),
        ("grub/grubenv".to_owned(), vec![b'#'; 1024]),
        ("empty".to_owned(), Vec::new()),
        ("A name of more than thirteen characters, twice.text".to_owned(), b"long".to_vec()),
        ("A name of more than thirteen characters, again.text".to_owned(), b"other".to_vec()),
    ]);
    files.extend((0..70).map(|at| (format!("many/file number {at}"), vec![at; usize::from(at) * 100])));
    files
}

fn refused(files: &[(&str, u64)]) -> FatError {
    let files = files.iter().map(|(path, size)| ((*path).to_owned(), vec![1; *size as usize])).collect();
    Volume::new(options(34 * MIB), files).unwrap_err()
}

fn check(image: &Path, files: &BTreeMap<String, Vec<u8>>) {
    let verdict = text(program("fsck.fat").arg("-nv").arg(image));
    assert!(!verdict.contains("differ") && !verdict.contains("wrong"), "{verdict}");
    for (path, bytes) in files {
        let read = run(program("mtype").arg("-i").arg(image).arg(format!("::/{path}")));
        assert!(read == *bytes, "{path}");
    }
    mounted("vfat", image, |root| {
        for (path, bytes) in files {
            assert!(fs_err::read(root.join(path)).unwrap() == *bytes, "{path}");
        }
    });
}

#[test]
fn fsck_mtools_and_the_kernel_read_every_file() {
    if !has(&["fsck.fat", "mtype", "mdir"]) {
        return;
    }
    let folder = Folder::new();
    // The least, the usual one, and one with clusters of eight sectors.
    for mib in [34, 106, 261, 600] {
        let volume = Volume::new(options(mib * MIB), files()).unwrap();
        let image = folder.raw("esp", mib * MIB, |target| volume.write(target).unwrap());
        check(&image, &files());
    }
    let listed = text(program("mdir").args(["-/", "-i"]).arg(folder.path("esp")).arg("::"));
    assert!(listed.contains("Volume in drive : is ESP") && listed.contains("1234-ABCD"), "{listed}");
    assert!(listed.contains("BOOTX64  EFI    700001 2023-11-14  22:13"), "{listed}");
}

#[test]
fn what_does_not_fit_fits_with_the_bytes_that_are_missing() {
    let big = BTreeMap::from([("big".to_owned(), vec![1; 40 << 20])]);
    let Err(FatError::Full { missing }) = Volume::new(options(34 * MIB), big.clone()) else {
        panic!("it fits")
    };
    assert!(Volume::new(options(34 * MIB + missing), big.clone()).is_ok());
    let less = Volume::new(options(34 * MIB + missing - 512), big);
    assert_eq!(less.unwrap_err(), FatError::Full { missing: 512 });
}

#[test]
fn names_that_are_one_to_a_reader_are_refused() {
    assert!(matches!(refused(&[("a", 1), ("A", 1)]), FatError::Twice { .. }));
    assert!(matches!(refused(&[("a", 1), ("a/b", 1)]), FatError::Twice { .. }));
    assert!(matches!(refused(&[("EFI/a", 1), ("efi/b", 1)]), FatError::Twice { .. }));
    for path in ["", "/a", "a/", "a//b", "a/../b", ".", "a\\b", "nul\0", "ä"] {
        assert!(matches!(refused(&[(path, 1)]), FatError::Path { .. }), "{path:?}");
    }
}

#[test]
fn volumes_that_fat_does_not_have_are_refused() {
    let made = |options| Volume::new(options, BTreeMap::new());
    for size in [0, 512, 32 * MIB, 34 * MIB + 1, u64::MAX] {
        assert_eq!(made(options(size)).unwrap_err(), FatError::Size { size });
    }
    for label in ["", "esp", "TWELVE-CHARS", "Ä"] {
        let error = made(Options { label: label.to_owned(), ..options(34 * MIB) }).unwrap_err();
        assert!(matches!(error, FatError::Label { .. }), "{label}");
    }
    let early = made(Options { time: 0, ..options(34 * MIB) });
    assert_eq!(early.unwrap_err(), FatError::Time { time: 0 });
}
