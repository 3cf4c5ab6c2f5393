//! Trees: canonical bytes, foreign readers, and what no tree may have.

use crate::world::{World, damage, every};
use gabion_digest::{BlobId, Digest, TreeId};
use gabion_store::{Entry, Meta, StoreError, Tree, TreeBuilder, TreePath};
use gabion_testkit::{has, program, run};
use std::io::Read;

fn path(path: impl Into<Vec<u8>>) -> TreePath {
    TreePath::new(path).unwrap()
}

const fn meta(mode: u32, uid: u32, gid: u32) -> Meta {
    Meta { mode, uid, gid }
}

const DIR: Meta = meta(0o755, 0, 0);
const FILE: Meta = meta(0o644, 0, 0);

/// Everything that a tree can hold, in an order of its own.
fn fill(builder: &mut TreeBuilder<'_>, reversed: bool) {
    type Step = Box<dyn Fn(&mut TreeBuilder<'_>)>;
    let long = format!("usr/{}/{}", "d".repeat(120), "f".repeat(200));
    let mut steps: Vec<Step> = vec![
        Box::new(|it| it.directory(path("usr"), DIR).unwrap()),
        Box::new(|it| it.directory(path("usr/bin"), meta(0o2755, 0, 8)).unwrap()),
        Box::new(|it| it.file(path("usr/bin/tool"), meta(0o4755, 0, 0), 10, &b"#!/bin/sh\n"[..]).unwrap()),
        Box::new(|it| it.hard_link(path("usr/bin/alias"), path("usr/bin/tool")).unwrap()),
        Box::new(|it| it.hard_link(path("usr/bin/zlias"), path("usr/bin/alias")).unwrap()),
        Box::new(|it| it.symlink(path("bin"), meta(0, 0, 0), b"usr/bin").unwrap()),
        Box::new(|it| it.symlink(path("usr/far"), meta(0, 7, 7), &[b'x'; 150]).unwrap()),
        Box::new(|it| it.file(path("usr/empty"), FILE, 0, &b""[..]).unwrap()),
        Box::new(|it| it.file(path("usr/block"), FILE, 512, &[7; 512][..]).unwrap()),
        Box::new(|it| it.file(path("usr-local"), meta(0o600, 1000, 3_000_000), 8, &b"large id"[..]).unwrap()),
        Box::new(|it| it.file(path(b"usr/caf\xe9 \\ name".to_vec()), FILE, 5, &b"bytes"[..]).unwrap()),
        Box::new(|it| it.directory(path(format!("usr/{}", "d".repeat(120))), DIR).unwrap()),
        Box::new(move |it| it.file(path(long.clone()), FILE, 4, &b"long"[..]).unwrap()),
    ];
    if reversed {
        steps.reverse();
    }
    for step in steps {
        step(builder);
    }
}

fn build(world: &World, reversed: bool) -> (TreeId, Tree) {
    let mut builder = world.build_tree().unwrap();
    fill(&mut builder, reversed);
    builder.finish().unwrap()
}

fn read(world: &World, tree: &Tree, name: impl Into<Vec<u8>>) -> Option<Vec<u8>> {
    let mut file = world.open_tree_file(tree, &path(name)).unwrap()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

#[test]
fn the_order_of_the_stream_changes_nothing_and_the_bytes_are_frozen() {
    every(|store| {
        let (id, tree) = build(store, false);
        assert_eq!(build(store, true), (id, tree.clone()));
        assert_eq!(store.tree(id).unwrap(), Some(tree.clone()));
        assert_eq!(tree.id(), id);
        assert!(store.check_tree(&tree).unwrap());
        assert_eq!(tree.content().blob.to_string(), GOLDEN_TAR);
        assert_eq!(id.to_string(), GOLDEN_TREE);
        assert_eq!(store.list().unwrap().len(), 2, "a manifest and a tar, whatever the number of entries");
    });
}

#[test]
fn entries_in_the_order_of_the_tar_give_the_same_bytes() {
    every(|store| {
        let (id, tree) = build(store, false);
        // Up to each entry in the tar's order, from there on backwards.
        for turn in [tree.entries().count(), 0, 3, 7] {
            let mut entries: Vec<_> = tree.entries().collect();
            entries[turn..].reverse();
            let mut builder = store.build_tree().unwrap();
            for (path, entry) in entries {
                add(store, &mut builder, &tree, path, entry);
            }
            assert_eq!(builder.finish().unwrap(), (id, tree.clone()), "turned at {turn}");
        }
    });
}

fn add(store: &World, builder: &mut TreeBuilder<'_>, tree: &Tree, path: &TreePath, entry: &Entry) {
    let added = match entry {
        Entry::Directory(meta) => builder.directory(path.clone(), *meta),
        Entry::File { meta, size, .. } => {
            let content = store.open_tree_file(tree, path).unwrap().unwrap();
            builder.file(path.clone(), *meta, *size, content)
        }
        Entry::Symlink { meta, target } => builder.symlink(path.clone(), *meta, target),
        Entry::HardLink { target } => builder.hard_link(path.clone(), target.clone()),
    };
    added.unwrap();
    for (name, value) in tree.attributes().get(path).into_iter().flatten() {
        builder.attribute(path.clone(), name, value);
    }
}

#[test]
fn a_file_is_as_long_as_is_said() {
    every(|store| {
        for size in [4, 6] {
            let mut builder = store.build_tree().unwrap();
            let error = builder.file(path("a"), FILE, size, &b"bytes"[..]).unwrap_err();
            assert!(error.to_string().contains('a') && error.code() == "E0408", "{} {error}", error.code());
        }
    });
}

const GOLDEN_TAR: &str = "b3:75d44cbf5463a22315698f61c7b5b8f8b2fda0541d8651bc210defd802a46b2d";
const GOLDEN_TREE: &str = "b3:e88efa59b37f35a85711f270d5a0fb0b77b31d55bfdde2b1b05a44be0a258144";

#[test]
fn the_manifest_of_a_small_tree_is_this_text() {
    every(|store| {
        let mut builder = store.build_tree().unwrap();
        builder.file(path("b/f g"), meta(0o4755, 1, 2), 5, &b"bytes"[..]).unwrap();
        builder.hard_link(path("a"), path("b/f g")).unwrap();
        builder.symlink(path("l"), FILE, b"/etc/\xff").unwrap();
        builder.directory(path("b"), DIR).unwrap();
        let (_, tree) = builder.finish().unwrap();
        let text = tree.to_text();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("gabion-tree 1"));
        let content = tree.content();
        assert_eq!(
            lines.next().unwrap(),
            format!("content {} {} {}", content.blob, content.sha256, content.size)
        );
        let file = format!("file 4755 1 2 {} 5 a", Digest::of(b"bytes"));
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [&*file, "dir 0755 0 0 b", "hardlink b/f\\x20g a", "symlink 0 0 l /etc/\\xff"]
        );
        // Headers of a, then its bytes; b; b/f g; l; the end.
        assert_eq!((tree.file(&path("b/f g")).unwrap().0, content.size), (512, 512 * 5 + 1024));
        assert_eq!(Tree::parse(&text), Some(tree));
    });
}

#[test]
fn one_file_is_read_by_its_offset() {
    every(|store| {
        let (_, tree) = build(store, false);
        assert_eq!(read(store, &tree, "usr/block").unwrap(), [7; 512]);
        assert_eq!(read(store, &tree, "usr/empty").unwrap(), b"");
        assert_eq!(read(store, &tree, b"usr/caf\xe9 \\ name".to_vec()).unwrap(), b"bytes");
        for name in ["usr/bin/tool", "usr/bin/alias", "usr/bin/zlias"] {
            assert_eq!(read(store, &tree, name).unwrap(), b"#!/bin/sh\n", "{name}");
        }
        assert!(
            matches!(tree.get(&path("usr/bin/tool")), Some(Entry::HardLink { .. })),
            "the smallest name has it"
        );
        for name in ["usr", "bin", "usr/missing"] {
            assert!(read(store, &tree, name).is_none(), "{name}");
        }
    });
}

#[test]
fn damaged_content_is_noticed_when_it_is_read() {
    every(|store| {
        let (id, tree) = build(store, false);
        let mut bytes = fs_err::read(store.path_of(tree.content().blob)).unwrap();
        let (offset, _, _) = tree.file(&path("usr/block")).unwrap();
        bytes[offset as usize + 100] ^= 1;
        damage(store, tree.content().blob, &bytes);
        let mut file = store.open_tree_file(&tree, &path("usr/block")).unwrap().unwrap();
        assert!(file.read_to_end(&mut Vec::new()).is_err());
        assert_eq!(read(store, &tree, "usr/bin/tool").unwrap(), b"#!/bin/sh\n", "the others are fine");
        assert!(!store.check_tree(&tree).unwrap());
        assert!(matches!(store.export_tree(&tree, std::io::sink()), Err(StoreError::Mismatch { .. })));
        assert!(!store.export_tree(&tree, std::io::sink()).unwrap(), "now in quarantine: absent");
        damage(store, BlobId::new(id.digest()), b"gabion-tree 1\n");
        assert_eq!(store.tree(id).unwrap(), None);
        assert!(!store.has(BlobId::new(id.digest())));
    });
}

#[test]
fn content_that_is_not_the_tar_of_its_manifest_is_told() {
    every(|store| {
        let (_, tree) = build(store, false);
        let mut bytes = fs_err::read(store.path_of(tree.content().blob)).unwrap();
        // An owner in a header, and a byte after the end of a file: both the same size, both hash to their names.
        for at in [109, bytes.len() - 1] {
            bytes[at] ^= 1;
            let hashed = store.put(&bytes).unwrap();
            let names = [(tree.content().blob.to_string(), hashed.blob.to_string())];
            let text = names.iter().fold(tree.to_text(), |text, (old, new)| text.replace(old, new));
            let lie = Tree::parse(&text).unwrap();
            assert!(!store.check_tree(&lie).unwrap(), "byte {at}");
        }
    });
}

#[test]
fn what_no_tree_may_have_is_refused() {
    for odd in ["", "/", "/etc", "a/", "a//b", "./a", "a/.", "..", "../a", "a/../b", "a\0b", &"x".repeat(256)]
    {
        assert!(matches!(TreePath::new(odd), Err(StoreError::Entry { .. })), "{odd:?}");
    }
    assert!(TreePath::new("...").is_ok() && TreePath::new("..a/b..").is_ok());
    every(|store| {
        let check = |why: &str, steps: &dyn Fn(&mut TreeBuilder<'_>) -> Result<(), StoreError>| {
            let mut builder = store.build_tree().unwrap();
            let error = steps(&mut builder).and_then(|()| builder.finish().map(drop)).unwrap_err();
            assert!(
                matches!(error, StoreError::Entry { .. }) && error.to_string().contains(why),
                "{why}: {error}"
            );
            assert!(crate::world::tmp_is_empty(store));
        };
        check("twice", &|it| {
            it.directory(path("a"), DIR)?;
            it.file(path("a"), FILE, 0, &b""[..])
        });
        check("parent", &|it| it.file(path("a/b"), FILE, 0, &b""[..]));
        check("parent", &|it| {
            it.symlink(path("a"), FILE, b"/etc")?;
            it.file(path("a/passwd"), FILE, 0, &b""[..])
        });
        check("parent", &|it| {
            it.file(path("a"), FILE, 0, &b""[..])?;
            it.directory(path("a/b"), DIR)
        });
        check("no file", &|it| it.hard_link(path("a"), path("b")));
        check("no file", &|it| {
            it.hard_link(path("a"), path("b"))?;
            it.hard_link(path("b"), path("a"))
        });
        check("no file", &|it| {
            it.directory(path("d"), DIR)?;
            it.hard_link(path("a"), path("d"))
        });
        check("mode", &|it| it.file(path("a"), meta(0o100_644, 0, 0), 0, &b""[..]));
        check("nowhere", &|it| it.symlink(path("a"), FILE, b""));
    });
}

#[test]
fn a_manifest_has_one_spelling() {
    let world = World::new(crate::world::Index::Off);
    let text = build(&world, false).1.to_text();
    assert!(Tree::parse(&text).is_some());
    let lines: Vec<&str> = text.lines().collect();
    let swapped = {
        let mut lines = lines.clone();
        lines.swap(2, 3);
        lines.join("\n") + "\n"
    };
    let changes = [
        swapped,
        text.replace("gabion-tree 1", "gabion-tree 2"),
        text.replace("0755", "755"),
        text.replace("caf\\xe9", "caf\\xE9"),
        text.replace("usr/empty", "usr/\\x65mpty"),
        text.replace("usr/empty", "/etc/empty"),
        text.replace("usr/empty", "usr/../empty"),
        text.replace("dir 0755 0 0 usr\n", ""),
        text.replace(" 512 usr/block", " 513 usr/block"),
        text.replace(" 512 usr/block", " 1024 usr/block"),
        text.replace(" 512 usr/block", " 18446744073709551615 usr/block"),
        format!("{text}\n"),
        text.trim_end().to_owned(),
        format!("{text}{}\n", lines.last().unwrap()),
    ];
    for (number, changed) in changes.iter().enumerate() {
        assert_ne!(*changed, text, "{number}");
        assert_eq!(Tree::parse(changed), None, "{number}");
    }
}

#[test]
fn gnu_tar_reads_every_entry_and_lays_it_out() {
    if !has(&["tar"]) {
        return;
    }
    let world = World::new(crate::world::Index::Off);
    let (_, tree) = build(&world, false);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tree.tar");
    let mut out = fs_err::File::create(&file).unwrap();
    assert!(world.export_tree(&tree, &mut out).unwrap());
    let mut list = program("tar");
    list.args(["--numeric-owner", "--quoting-style=escape", "-tvf"]).arg(&file);
    let list = list.env("TZ", "UTC").env("LC_ALL", "C").output().unwrap();
    assert!(list.status.success() && list.stderr.is_empty(), "{}", String::from_utf8_lossy(&list.stderr));
    let list = String::from_utf8(list.stdout).unwrap();
    assert_eq!(list.lines().count(), tree.entries().count(), "{list}");
    let fields: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    let line = |name: &str| {
        fields.iter().find(|it| it.get(5) == Some(&name)).unwrap_or_else(|| panic!("{name}: {list}"))
    };
    assert_eq!(line("usr/bin/alias")[..3], ["-rwsr-xr-x", "0/0", "10"]);
    assert_eq!(line("usr/bin/tool")[..2], ["hrwsr-xr-x", "0/0"]);
    assert_eq!(line("usr/bin/")[..2], ["drwxr-sr-x", "0/8"]);
    assert_eq!(line("usr-local")[..3], ["-rw-------", "1000/3000000", "8"]);
    assert_eq!(line("bin")[0..5], ["lrwxrwxrwx", "0/0", "0", "1970-01-01", "00:00"]);
    assert!(list.contains("caf\\351 \\\\ name"), "{list}");
    let out = folder.path().join("out");
    fs_err::create_dir(&out).unwrap();
    run(program("tar").arg("--no-same-owner").arg("-xf").arg(&file).arg("-C").arg(&out));
    let read = |name: &str| fs_err::read(out.join(name)).unwrap();
    assert_eq!(read("usr/bin/zlias"), b"#!/bin/sh\n");
    assert_eq!(read(&format!("usr/{}/{}", "d".repeat(120), "f".repeat(200))), b"long");
    assert_eq!(fs_err::read_link(out.join("usr/far")).unwrap().as_os_str().len(), 150);
    let inode = |name: &str| std::os::unix::fs::MetadataExt::ino(&fs_err::metadata(out.join(name)).unwrap());
    assert_eq!(inode("usr/bin/zlias"), inode("usr/bin/alias"));
}

#[test]
fn python_reads_the_same() {
    if !has(&["python3"]) {
        return;
    }
    let world = World::new(crate::world::Index::Off);
    let (_, tree) = build(&world, false);
    let script = "
import sys, tarfile, hashlib
with tarfile.open(sys.argv[1], encoding='latin-1') as archive:
    for it in archive:
        data = archive.extractfile(it).read() if it.isreg() else b''
        print(it.name, it.type.decode(), oct(it.mode), it.uid, it.gid, it.size, it.mtime, it.linkname,
              hashlib.sha256(data).hexdigest() if it.isreg() else '-', sep='\\t')
";
    let content = world.path_of(tree.content().blob);
    let mut python = program("python3");
    let printed = run(python.args(["-c", script]).arg(content).env("PYTHONIOENCODING", "latin-1"));
    let latin: String = printed.iter().map(|byte| char::from(*byte)).collect();
    let latin_1 = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let expected = tree.entries().map(|(name, entry)| {
        let (kind, meta, size, target, sha256) = match entry {
            Entry::Directory(meta) => ("5", *meta, 0, String::new(), None),
            Entry::Symlink { meta, target } => ("2", *meta, 0, latin_1(target), None),
            Entry::File { meta, size, .. } => ("0", *meta, *size, String::new(), Some(name)),
            Entry::HardLink { target } => {
                let Some(Entry::File { meta, .. }) = tree.get(target) else { panic!("{name}") };
                ("1", *meta, 0, latin_1(target.as_bytes()), None)
            }
        };
        let sha256 = sha256.map_or("-".to_owned(), |name| {
            gabion_digest::Sha256::of(&read(&world, &tree, name.as_bytes()).unwrap()).hex()
        });
        let Meta { mode, uid, gid } = meta;
        format!(
            "{}\t{kind}\t0o{mode:o}\t{uid}\t{gid}\t{size}\t0\t{target}\t{sha256}",
            latin_1(name.as_bytes())
        )
    });
    assert_eq!(latin.lines().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn a_file_that_is_the_first_of_its_names_stays_the_file() {
    every(|store| {
        let mut builder = store.build_tree().unwrap();
        builder.file(path("perl"), FILE, 4, &b"perl"[..]).unwrap();
        builder.hard_link(path("perl5"), path("perl")).unwrap();
        let (_, tree) = builder.finish().unwrap();
        assert!(matches!(tree.get(&path("perl")), Some(Entry::File { size: 4, .. })));
        assert_eq!(read(store, &tree, "perl5"), Some(b"perl".to_vec()));
    });
}

#[test]
fn attributes_are_the_files_whatever_name_they_were_given_under() {
    every(|store| {
        let mut builder = store.build_tree().unwrap();
        fill(&mut builder, false);
        builder.attribute(path("usr/bin/zlias"), b"security.capability", b"\x01\0\0\x02 \\");
        builder.attribute(path("usr"), b"user.note", b"");
        let (id, tree) = builder.finish().unwrap();
        assert_eq!(store.tree(id).unwrap(), Some(tree.clone()), "the manifest is read as it was written");
        let text = tree.to_text();
        assert!(
            text.contains("\nattribute security.capability \\x01\\x00\\x00\\x02\\x20\\x5c usr/bin/alias\n"),
            "{text}"
        );
        assert!(text.contains("\nattribute user.note  usr\n"), "{text}");
        assert_ne!(id, build(store, false).0);
        assert_eq!(tree.content(), build(store, false).1.content(), "the tar has none of them");

        let mut builder = store.build_tree().unwrap();
        builder.symlink(path("link"), DIR, b"x").unwrap();
        builder.attribute(path("link"), b"user.note", b"1");
        assert!(matches!(builder.finish(), Err(StoreError::Entry { .. })), "a link has none");
    });
}
