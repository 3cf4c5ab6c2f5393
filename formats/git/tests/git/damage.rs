//! Packs and trees of whoever means harm.

use crate::handmade::{BLOB, COMMIT, Pack, TREE, commit, deflate, delta, id, seal, tree};
use crate::repository::{Repository, has_git};
use gabion_git::{ArchiveError, Limits, ObjectId, Objects, PackError};
use std::io::Cursor;

const SMALL: Limits = Limits { count: 1000, object: 1 << 20, total: 4 << 20 };

fn read(bytes: &[u8]) -> Result<Objects<Cursor<Vec<u8>>>, PackError> {
    Objects::read(bytes, Cursor::new(Vec::new()), SMALL)
}

fn code(pack: &Pack) -> &'static str {
    pack.read(SMALL).map_or_else(|error| error.code(), |_| "read")
}

/// A small pack with one delta of each kind, the second one before its base.
fn small() -> Pack {
    let mut pack = Pack::default();
    let (one, two) = (b"the first stone and the second one", b"the second stone");
    let at = pack.whole(BLOB, one);
    pack.offset_delta(at, &delta(34, 14, &[0x90, 9, 5, b' ', b'o', b'n', b'l', b'y']));
    pack.ref_delta(id("blob", two), &delta(16, 6, &[0x91, 4, 6]));
    pack.whole(BLOB, two);
    pack
}

#[test]
fn git_reads_what_these_tests_write() {
    let pack = small();
    let objects = pack.read(SMALL).unwrap();
    let expected =
        [&b"the first stone and the second one"[..], b"the first only", b"the second stone", b"second"];
    for bytes in expected {
        assert!(objects.get(&id("blob", bytes)).is_some(), "{}", String::from_utf8_lossy(bytes));
    }
    if !has_git() {
        return;
    }
    let repository = Repository::new("sha1");
    repository.git_with(&["index-pack", "--stdin", "--strict"], &pack.finish());
    let listed = repository.line(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    assert_eq!(
        listed.lines().collect::<Vec<_>>(),
        objects.ids().map(ToString::to_string).collect::<Vec<_>>()
    );
}

#[test]
fn a_pack_with_any_byte_changed_is_an_error() {
    let good = small().finish();
    assert!(read(&good).is_ok());
    for at in 0..good.len() {
        for change in [1, 0x10, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= change;
            assert!(read(&bad).is_err(), "byte {at} ^ {change:#x}");
        }
    }
}

/// The checksum hides nothing: what is behind it holds on its own.
#[test]
fn a_changed_pack_with_a_good_checksum_has_nothing_else_under_a_known_name() {
    let good = small().finish();
    let known = small().read(SMALL).unwrap();
    let mut refused = 0;
    for at in 0..good.len() - 20 {
        for change in [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xff] {
            let mut bad = good[..good.len() - 20].to_vec();
            bad[at] ^= change;
            match read(&seal(bad)) {
                Ok(objects) => {
                    let mut both = objects.ids().filter(|id| known.get(id).is_some());
                    assert!(both.all(|id| objects.get(id) == known.get(id)), "byte {at} ^ {change:#x}");
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 1000, "{refused} of {} were refused", 9 * (good.len() - 20));
}

#[test]
fn a_pack_that_is_too_short_or_too_long_is_an_error() {
    let good = small().finish();
    for end in 0..good.len() {
        assert!(read(&good[..end]).is_err(), "{end} bytes");
    }
    assert_eq!(read(&[&good[..], b"x"].concat()).unwrap_err().code(), "E1007");
    assert_eq!(read(&small().saying(3)).unwrap_err().code(), "E1007");
    assert!(read(&small().saying(5)).is_err());
    assert_eq!(read(&small().saying(u32::MAX)).unwrap_err().code(), "E1009");
}

#[test]
fn what_unpacks_to_more_than_it_says_is_stopped() {
    let zeros = deflate(&vec![0; 64 << 20]);
    let mut pack = Pack::default();
    pack.raw(BLOB, 10, b"", &zeros);
    assert_eq!(code(&pack), "E1007");
    let mut pack = Pack::default();
    pack.raw(BLOB, 64 << 20, b"", &zeros);
    assert_eq!(code(&pack), "E1009");
    let mut pack = Pack::default();
    pack.raw(BLOB, u64::MAX >> 4, b"", &zeros);
    assert_eq!(code(&pack), "E1009");
    let mut pack = Pack::default();
    pack.raw(BLOB, 20, b"", &deflate(b"ten bytes."));
    assert_eq!(code(&pack), "E1007");
}

#[test]
fn deltas_that_grow_without_end_are_stopped() {
    // Each delta copies its base 16 times: 1 KiB, 16 KiB, 256 KiB, 4 MiB …
    let mut pack = Pack::default();
    let (mut at, mut size) = (pack.whole(BLOB, &[0; 1024]), 1024_u64);
    for _ in 0..3 {
        let copy = [0xf0, size as u8, (size >> 8) as u8, (size >> 16) as u8];
        at = pack.offset_delta(at, &delta(size, size * 16, &copy.repeat(16)));
        size *= 16;
    }
    assert_eq!(code(&pack), "E1009");
    // Each is small enough, and all together are too many.
    let mut pack = Pack::default();
    let at = pack.whole(BLOB, &vec![0; 0x10000]);
    for number in 0..80 {
        pack.offset_delta(at, &delta(0x10000, 0x10001, &[0x80, 1, number]));
    }
    assert_eq!(code(&pack), "E1009");
    // It says little and gives much.
    let mut pack = Pack::default();
    let at = pack.whole(BLOB, &vec![0; 0x10000]);
    pack.offset_delta(at, &delta(0x10000, 10, &vec![0x80; 100_000]));
    assert_eq!(code(&pack), "E1007");
}

#[test]
fn deltas_that_are_wrong_are_errors() {
    let base = b"ten bytes.";
    for (name, bytes) in [
        ("no sizes", vec![]),
        ("half a size", vec![0x80]),
        ("another base", delta(11, 4, &[0x90, 4])),
        ("too little", delta(10, 4, &[0x90, 3])),
        ("too much", delta(10, 4, &[0x90, 5])),
        ("nothing", delta(10, 4, &[])),
        ("outside of the base", delta(10, 4, &[0x91, 7, 4])),
        ("far outside", delta(10, 4, &[0x9f, 0xff, 0xff, 0xff, 0xff, 4])),
        ("the reserved instruction", delta(10, 4, &[0, 0x90, 4])),
        ("cut in a copy", delta(10, 4, &[0x91, 1])),
        ("cut in an insert", delta(10, 4, &[4, b'a', b'b'])),
    ] {
        let mut after = Pack::default();
        let at = after.whole(BLOB, base);
        after.offset_delta(at, &bytes);
        let mut before = Pack::default();
        before.ref_delta(id("blob", base), &bytes);
        before.whole(BLOB, base);
        for pack in [after, before] {
            assert!(matches!(code(&pack), "E1007" | "E1002"), "{name}: {}", code(&pack));
        }
    }
}

#[test]
fn a_delta_needs_a_base_that_is_there() {
    let change = delta(10, 4, &[0x90, 4]);
    let mut pack = Pack::default();
    pack.ref_delta(id("blob", b"elsewhere"), &change);
    assert!(matches!(pack.read(SMALL), Err(PackError::Thin { count: 1 })));
    // Before the pack, at its own place, and in the middle of an entry.
    for distance in [100_u8, 0, 1] {
        let mut pack = Pack::default();
        pack.whole(BLOB, b"ten bytes.");
        pack.raw(6, change.len() as u64, &[distance], &deflate(&change));
        assert_eq!(code(&pack), "E1007", "{distance} back");
    }
    let mut pack = Pack::default();
    pack.raw(6, change.len() as u64, &[0xff; 20], &deflate(&change));
    assert_eq!(code(&pack), "E1007");
    for kind in [0, 5] {
        let mut pack = Pack::default();
        pack.whole(kind, b"ten bytes.");
        assert_eq!(code(&pack), "E1007", "type {kind}");
    }
}

#[test]
fn a_chain_that_waits_for_its_base_is_carried_out_when_it_comes() {
    let contents: Vec<Vec<u8>> = (0..200_u8).map(|number| vec![number; 10]).collect();
    let change = |number: usize| delta(10, 10, &[&[10], &contents[number][..]].concat());
    let mut pack = Pack::default();
    for number in (1..200).rev() {
        pack.ref_delta(id("blob", &contents[number - 1]), &change(number));
    }
    let last = pack.ref_delta(id("blob", &contents[0]), &delta(10, 4, &[4, 1, 2, 3, 4]));
    pack.offset_delta(last, &delta(4, 2, &[0x91, 1, 2]));
    pack.whole(BLOB, &contents[0]);
    let objects = pack.read(SMALL).unwrap();
    assert_eq!(objects.ids().count(), 202);
    assert!(objects.get(&id("blob", &[2, 3])).is_some());
}

#[test]
fn deltas_that_wait_are_bounded_too() {
    let limits = Limits { object: 1 << 30, ..SMALL };
    let mut pack = Pack::default();
    for _ in 0..5 {
        pack.ref_delta(id("blob", b"never"), &vec![0; 8 << 20]);
    }
    let error = pack.read(limits).unwrap_err();
    assert_eq!(error.code(), "E1009", "{error}");
}

/// What a commit of the tree with `entries` gives; a blob `x`, an empty tree and all of `more` are in the pack.
fn archive(entries: &[(&str, &[u8], ObjectId)], more: &[Vec<u8>]) -> Result<Vec<u8>, ArchiveError> {
    let root = tree(entries);
    let commit = commit(id("tree", &root));
    let mut pack = Pack::default();
    pack.whole(BLOB, b"x");
    pack.whole(TREE, b"");
    for bytes in more.iter().chain([&root]) {
        pack.whole(TREE, bytes);
    }
    pack.whole(COMMIT, &commit);
    let mut out = Vec::new();
    pack.read(SMALL).unwrap().write_archive(id("commit", &commit), &mut out).map(|()| out)
}

#[test]
fn a_server_that_sends_another_commit_is_found_out() {
    let mut pack = Pack::default();
    let root = tree(&[]);
    pack.whole(TREE, &root);
    pack.whole(COMMIT, &commit(id("tree", &root)));
    let asked = id("commit", b"another one");
    let error = pack.read(SMALL).unwrap().write_archive(asked, std::io::sink()).unwrap_err();
    assert!(matches!(error, ArchiveError::OtherCommit { commit } if commit == asked), "{error}");
}

#[test]
fn a_commit_that_is_not_whole_is_an_error() {
    let x = id("blob", b"x");
    assert!(archive(&[("100644", b"a", x)], &[]).is_ok());
    for (mode, name) in [("100644", "file"), ("120000", "link"), ("40000", "folder")] {
        let error =
            archive(&[("100644", b"a", x), (mode, name.as_bytes(), id("blob", b"gone"))], &[]).unwrap_err();
        assert_eq!(error.code(), "E1012", "{name}");
        assert!(error.to_string().contains(name), "{error}");
    }
    // A folder that is a file, and the other way round.
    assert_eq!(archive(&[("40000", b"a", x)], &[]).unwrap_err().code(), "E1013");
    assert_eq!(archive(&[("100644", b"a", id("tree", b""))], &[]).unwrap_err().code(), "E1013");
    for bad in ["", "tree", "parent 1\n", "tree 123\n", &format!("tree {}0\n", "a".repeat(40))] {
        let mut pack = Pack::default();
        pack.whole(COMMIT, bad.as_bytes());
        let commit = id("commit", bad.as_bytes());
        let error = pack.read(SMALL).unwrap().write_archive(commit, std::io::sink()).unwrap_err();
        assert_eq!(error.code(), "E1013", "{bad:?}");
    }
}

#[test]
fn names_that_git_refuses_never_reach_an_archive() {
    let x = id("blob", b"x");
    for name in
        [&b".."[..], b".", b"", b"a/b", b".git", b".GIT", b"git~1", b".git ", b".g\xe2\x80\x8cit", b"a\\.git"]
    {
        for mode in ["100644", "120000"] {
            let error = archive(&[(mode, name, x)], &[]).unwrap_err();
            assert_eq!(error.code(), "E1013", "{name:?}");
        }
        let inner = tree(&[("100644", name, x)]);
        let error = archive(&[("40000", b"deep", id("tree", &inner))], &[inner]).unwrap_err();
        assert!(error.to_string().contains("deep/"), "{error}");
    }
}

/// git agrees on every name that is refused here, and on those that are not.
#[test]
fn fsck_refuses_the_same_names() {
    if !has_git() {
        return;
    }
    let x = id("blob", b"x");
    for name in [
        &b".."[..],
        b".",
        b"a/b",
        b".git",
        b".giT",
        b"git~1",
        b"GIT~1",
        b".git.",
        b".git . ",
        b".git:x",
        b".g\xe2\x80\x8cit",
        b"\xef\xbb\xbf.git",
        b"a\\.git",
        b"a\\GIT~1",
        b".gitx",
        b"git~2",
        b"git",
        b"a\\b",
        b"a:b",
        b"...",
        b"\xff",
    ] {
        let root = tree(&[("100644", name, x)]);
        let mut pack = Pack::default();
        pack.whole(BLOB, b"x");
        pack.whole(TREE, &root);
        let repository = Repository::new("sha1");
        repository.git_with(&["unpack-objects", "-q"], &pack.finish());
        let fsck = gabion_testkit::git(repository.folder())
            .args(["fsck", "--strict", "--no-dangling"])
            .output()
            .unwrap();
        assert_eq!(archive(&[("100644", name, x)], &[]).is_ok(), fsck.status.success(), "{name:?}");
    }
}

#[test]
fn symlinks_to_nowhere_are_refused() {
    for target in [&b""[..], b"a\0b", &b"x".repeat(4096)] {
        let root = tree(&[("120000", b"link", id("blob", target))]);
        let commit = commit(id("tree", &root));
        let mut pack = Pack::default();
        pack.whole(BLOB, target);
        pack.whole(TREE, &root);
        pack.whole(COMMIT, &commit);
        let error =
            pack.read(SMALL).unwrap().write_archive(id("commit", &commit), std::io::sink()).unwrap_err();
        assert_eq!(error.code(), "E1013");
    }
}

/// A few bytes of trees that name each other ten times are 10^10 files.
#[test]
fn trees_that_multiply_are_stopped() {
    let names: Vec<Vec<u8>> = (b'0'..=b'9').map(|it| vec![it]).collect();
    let mut trees = Vec::new();
    let mut below = ("100644", id("blob", b"x"));
    for _ in 0..10 {
        let entries: Vec<_> = names.iter().map(|name| (below.0, &name[..], below.1)).collect();
        trees.push(tree(&entries));
        below = ("40000", id("tree", trees.last().unwrap()));
    }
    let error = archive(&[("40000", b"top", below.1)], &trees).unwrap_err();
    assert!(matches!(error, ArchiveError::Large { what: "entries", limit: 1000 }), "{error}");
}

#[test]
fn folders_in_folders_without_end_are_stopped() {
    let mut trees = vec![tree(&[("100644", b"x", id("blob", b"x"))])];
    let name = b"n".repeat(50);
    for _ in 0..100 {
        let below = id("tree", trees.last().unwrap());
        trees.push(tree(&[("40000", &name, below)]));
    }
    let top = id("tree", trees.last().unwrap());
    let error = archive(&[("40000", b"top", top)], &trees).unwrap_err();
    assert!(error.to_string().ends_with("is too long a path"), "{error}");
}

#[test]
fn an_archive_has_a_limit_of_its_own() {
    let bytes = vec![7; 1 << 20];
    let names: Vec<Vec<u8>> = (b'a'..=b'h').map(|it| vec![it]).collect();
    let entries: Vec<_> = names.iter().map(|name| ("100644", &name[..], id("blob", &bytes))).collect();
    let root = tree(&entries);
    let commit = commit(id("tree", &root));
    let mut pack = Pack::default();
    pack.whole(BLOB, &bytes);
    pack.whole(TREE, &root);
    pack.whole(COMMIT, &commit);
    let error = pack.read(SMALL).unwrap().write_archive(id("commit", &commit), std::io::sink()).unwrap_err();
    assert!(matches!(error, ArchiveError::Large { what: "bytes", .. }), "{error}");
}
