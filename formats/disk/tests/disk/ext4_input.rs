//! Entries that make no file system, and contents that are not what they were said to be.

use crate::Count;
use crate::ext4::options;
use crate::sample::{entry, link};
use gabion_disk::ext4::{Entry, Image, Inodes, Kind, Options};
use gabion_disk::{Ext4Error, MIB, Target};
use std::io::{self, Cursor, Read};

fn why(entries: impl IntoIterator<Item = Entry>) -> String {
    match Image::plan(&options(64), entries).unwrap_err() {
        error @ Ext4Error::Entry { .. } => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn hard(path: &str, target: &str) -> Entry {
    entry(path, Kind::HardLink { target: target.into() })
}

fn with(name: &str, size: usize) -> Entry {
    Entry { xattrs: [(name.to_owned(), vec![0; size])].into(), ..file("a", 1) }
}

fn file(path: &str, size: u64) -> Entry {
    entry(path, Kind::File { size })
}

#[test]
fn entries_that_make_no_tree_are_refused() {
    assert_eq!(why([file("a/b", 1)]), "`a/b` is in no directory that stands before it");
    assert_eq!(why([file("a", 1), file("a/b", 1)]), "`a/b` is in no directory that stands before it");
    assert_eq!(why([file("a", 1), file("a", 1)]), "`a` is there twice");
    assert_eq!(why([hard("b", "a"), file("a", 1)]), "`b` is another name of no file that stands before it");
    assert_eq!(
        why([entry("a", Kind::Directory), hard("b", "a")]),
        "`b` is another name of no file that stands before it"
    );
    assert_eq!(why([file("lost+found", 1)]), "`lost+found` is made by every ext4 itself");
    assert_eq!(why([file("", 1)]), "`` is the root, which is a directory");
    let late = [file("a", 1), entry("", Kind::Directory)];
    assert_eq!(why(late), "`` is the root, which stands before everything else");
}

#[test]
fn names_targets_modes_and_attributes_that_no_reader_would_take_are_refused() {
    for path in ["/a", "a/", ".", "..", "a\0b", &"x".repeat(256)] {
        assert!(why([file(path, 1)]).ends_with("is no path"), "{path}");
    }
    let bytes = Entry { path: vec![0xFF], ..file("", 1) };
    assert!(why([bytes]).contains("not UTF-8"));
    assert_eq!(why([link("a", "")]), "`a` leads nowhere");
    assert_eq!(why([link("a", &"x".repeat(4096))]), "`a` leads further than a path can be");
    assert!(why([Entry { mode: 0o10_000, ..file("a", 1) }]).contains("beyond the permission bits"));
    assert!(why([file("a", u64::MAX)]).contains("larger than a file of ext4"));
    for name in ["user.", "system.other", "name"] {
        assert!(
            why([with(name, 1)]).ends_with("has an extended attribute that ext4 has no place for"),
            "{name}"
        );
    }
    assert!(why([with("system.posix_acl_access", 1)]).ends_with("has an access control list that is none"));
    assert!(why([with("user.a", 4096)]).contains("more extended attributes"));
    // What is just within is taken.
    assert!(Image::plan(&options(64), [with("user.a", 4036), link("l", &"x".repeat(4095))]).is_ok());
}

#[test]
fn options_that_no_file_system_has_are_refused() {
    let good = options(64);
    let bad = [
        Options { size: 0, ..good.clone() },
        Options { size: 64 * MIB + 4096, ..good.clone() },
        Options { size: 16 << 40, ..good.clone() },
        Options { journal: 17 * MIB, ..good.clone() },
        Options { journal: 0, ..good.clone() },
        Options { label: "seventeen letters".to_owned(), ..good.clone() },
        Options { inodes: Inodes::PerBytes(0), ..good.clone() },
        Options { inodes: Inodes::Exactly(0), ..good.clone() },
    ];
    for options in bad {
        let error = Image::empty(&options).unwrap_err();
        assert!(matches!(error, Ext4Error::Options { .. }), "{options:?}: {error}");
    }
    let few = Options { inodes: Inodes::Exactly(12), ..good };
    let error = Image::plan(&few, [file("a", 1), file("b", 1)]).unwrap_err();
    assert_eq!(error.to_string(), "the files need 13 inodes, and the file system has 12");
}

#[test]
fn contents_of_another_size_are_an_error_that_names_the_file() {
    let plan = Image::plan(&options(64), [file("a", 5000), file("b", 0)]).unwrap();
    let write = |size: u64| plan.write(&mut Count::default(), |_| Ok(io::repeat(1).take(size)));
    assert!(write(5000).is_ok());
    for size in [0, 4999, 5001] {
        assert_eq!(write(size).unwrap_err().to_string(), "`a` has not the 5000 bytes that its entry says");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_that_names_it() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let plan = Image::plan(&options(64), [file("a", 5000)]).unwrap();
    let error = plan.write(&mut Count::default(), |_| Ok(Broken)).unwrap_err();
    let Ext4Error::Content { path, source } = error else { panic!("{error:?}") };
    assert_eq!((path.as_str(), source.to_string().as_str()), ("a", "the disk is gone"));
    let absent = |_: &[u8]| Err::<io::Empty, _>(io::ErrorKind::NotFound.into());
    assert!(matches!(plan.write(&mut Count::default(), absent), Err(Ext4Error::Content { .. })));
}

#[test]
fn a_target_that_takes_no_more_is_its_own_error() {
    struct Full(u64);
    impl Target for Full {
        fn put(&mut self, _: u64, bytes: &[u8]) -> io::Result<()> {
            self.0 = self.0.checked_sub(bytes.len() as u64).ok_or(io::ErrorKind::StorageFull)?;
            Ok(())
        }
    }
    let plan = Image::plan(&options(64), [file("a", 10 * MIB)]).unwrap();
    // Within the tables, and within the file.
    for room in [5000, 5 * MIB] {
        let error = plan.write(&mut Full(room), |_| Ok(io::repeat(1).take(10 * MIB))).unwrap_err();
        assert!(
            matches!(&error, Ext4Error::Write(it) if it.kind() == io::ErrorKind::StorageFull),
            "{error:?}"
        );
        assert!(error.help().is_some_and(|it| it.contains("space")));
    }
}

#[test]
fn contents_are_asked_for_once_and_in_order() {
    let tree = [file("c", 1), file("a", 2), file("empty", 0), hard("d", "a"), file("b", 3)];
    let plan = Image::plan(&options(64), tree).unwrap();
    let mut asked = Vec::new();
    let done = plan.write(&mut Count::default(), |path| {
        asked.push(path.to_vec());
        Ok(Cursor::new(vec![1; [1, 2, 3][asked.len() - 1]]))
    });
    assert!(done.is_ok());
    assert_eq!(asked, [b"c", b"a", b"b"]);
}
