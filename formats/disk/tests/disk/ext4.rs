//! File systems.

use crate::sample::{TIME, entry, link, uuid};
use crate::{Count, Folder, mounted};
use gabion_disk::ext4::{Entry, Image, Inodes, Kind, Options};
use gabion_disk::{Ext4Error, MIB};
use gabion_testkit::{has, program, run, text};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub(crate) fn options(mib: u64) -> Options {
    Options { journal: 4 * MIB, ..Options::new(mib * MIB, uuid("file system"), "test", TIME) }
}

/// What every file holds is made of its path.
pub(crate) fn content(path: &[u8], size: u64) -> Vec<u8> {
    path.iter().copied().cycle().take(size as usize).collect()
}

/// Directories, files and links with everything that can be special about them.
pub(crate) fn tree() -> Vec<Entry> {
    let file = |path: &str, size| entry(path, Kind::File { size });
    let hard = |path: &str, target: &str| entry(path, Kind::HardLink { target: target.into() });
    let xattrs = |list: &[(&str, usize)]| {
        list.iter().map(|(name, size)| ((*name).to_owned(), vec![7; *size])).collect::<BTreeMap<_, _>>()
    };
    let mut tree = vec![
        Entry { mode: 0o750, uid: 5, gid: 6, ..entry("", Kind::Directory) },
        entry("bin", Kind::Directory),
        Entry { mode: 0o4755, ..file("bin/su", 5000) },
        hard("bin/sudo", "bin/su"),
        Entry { xattrs: xattrs(&[("security.capability", 20)]), ..file("bin/ping", 1) },
        Entry { xattrs: xattrs(&[("user.small", 3), ("user.large", 2000)]), ..file("bin/pong", 4096) },
        file("empty", 0),
        link("fast", "bin/su"),
        link("slow", &"far/".repeat(200)),
        Entry { mode: 0o1777, uid: 1000, gid: 1000, ..entry("tmp", Kind::Directory) },
        Entry { mode: 0, uid: 100_000, gid: 2_000_000_000, ..file("tmp/large", 5_000_003) },
        file("tmp/ümlaut", 17),
        entry("wide", Kind::Directory),
    ];
    // Enough names for a directory with an index.
    tree.extend(
        (0..900).map(|at| file(&format!("wide/a rather long name of a file, number {at:04}"), at % 3)),
    );
    tree
}

fn sizes(entries: &[Entry]) -> BTreeMap<&[u8], u64> {
    let size = |it: &'_ Entry| if let Kind::File { size } = it.kind { Some(size) } else { None };
    entries.iter().filter_map(|it| Some((&it.path[..], size(it)?))).collect()
}

pub(crate) fn image(folder: &Folder, options: &Options, entries: &[Entry]) -> PathBuf {
    let sizes = sizes(entries);
    let plan = Image::plan(options, entries.iter().cloned()).unwrap();
    folder.raw("ext4", options.size, |target| {
        plan.write(target, |path| Ok(Cursor::new(content(path, sizes[path])))).unwrap();
    })
}

fn fsck(image: &Path) {
    run(program("e2fsck").arg("-fn").arg(image));
}

fn debugfs(image: &Path, request: &str) -> String {
    text(program("debugfs").args(["-R", request]).arg(image))
}

#[test]
fn debugfs_finds_every_entry_as_it_was_given() {
    if !has(&["e2fsck", "debugfs"]) {
        return;
    }
    let (folder, tree) = (Folder::new(), tree());
    let image = image(&folder, &options(64), &tree);
    fsck(&image);
    for it in
        tree.iter().filter(|it| !it.path.starts_with(b"wide/") && !matches!(it.kind, Kind::HardLink { .. }))
    {
        let path = String::from_utf8(it.path.clone()).unwrap();
        let stat = debugfs(&image, &format!("stat \"/{path}\""));
        let words = stat.split_whitespace().collect::<Vec<_>>().join(" ");
        let mode = words.split_once("Mode: ").and_then(|(_, rest)| rest.split(' ').next()).unwrap();
        assert_eq!(u16::from_str_radix(mode, 8).unwrap(), it.mode, "{path}");
        assert!(words.contains(&format!("User: {} Group: {} ", it.uid, it.gid)), "{path}: {words}");
        for time in ["ctime", "atime", "mtime", "crtime"] {
            assert!(words.contains(&format!(" {time}: 0x{TIME:08x}:00000000 ")), "{path}: {words}");
        }
        match &it.kind {
            Kind::Directory | Kind::HardLink { .. } => {}
            Kind::File { size } => {
                assert!(words.contains(&format!("Size: {size} ")), "{path}: {words}");
                let out = folder.path("out");
                debugfs(&image, &format!("dump \"/{path}\" {}", out.display()));
                assert!(fs_err::read(&out).unwrap() == content(path.as_bytes(), *size), "{path}");
            }
            Kind::Symlink { target } if target.len() < 60 => {
                assert!(words.contains(&format!("dest: \"{}\"", String::from_utf8_lossy(target))), "{words}");
            }
            Kind::Symlink { target } => {
                assert!(words.contains(&format!("Size: {} ", target.len())), "{words}");
            }
        }
        for (name, value) in &it.xattrs {
            let out = folder.path("out");
            debugfs(&image, &format!("ea_get -f {} \"/{path}\" {name}", out.display()));
            assert_eq!(fs_err::read(&out).unwrap(), *value, "{path}: {name}");
        }
    }
    let (one, other) = (debugfs(&image, "stat /bin/su"), debugfs(&image, "stat /bin/sudo"));
    assert!(one == other && one.contains("Links: 2"), "{one}");
}

#[test]
fn the_kernel_finds_every_entry_as_it_was_given() {
    let (folder, tree) = (Folder::new(), tree());
    let image = image(&folder, &options(64), &tree);
    mounted("ext4", &image, |root| {
        for it in &tree {
            let path = root.join(std::str::from_utf8(&it.path).unwrap());
            let found = path.symlink_metadata().unwrap();
            assert_eq!(found.mtime(), i64::from(TIME), "{path:?}");
            match &it.kind {
                Kind::HardLink { target } => {
                    let target = root.join(std::str::from_utf8(target).unwrap()).symlink_metadata().unwrap();
                    assert_eq!(found.ino(), target.ino(), "{path:?}");
                    continue;
                }
                Kind::File { size } => {
                    assert!(fs_err::read(&path).unwrap() == content(&it.path, *size), "{path:?}");
                }
                Kind::Symlink { target } => {
                    let to = fs_err::read_link(&path).unwrap();
                    assert_eq!(to.as_os_str().as_encoded_bytes(), target);
                }
                Kind::Directory => {}
            }
            let expected = (u32::from(it.mode), it.uid, it.gid);
            assert_eq!((found.mode() & 0o7777, found.uid(), found.gid()), expected, "{path:?}");
        }
    });
}

/// Only the content: `mke2fs` before 1.47.1 takes the times of what it copies from the host's own file system.
#[test]
fn mke2fs_makes_the_same_tree_of_the_same_files() {
    if !has(&["mke2fs", "debugfs", "diff"]) {
        return;
    }
    let folder = Folder::new();
    let tree: Vec<Entry> = tree().into_iter().filter(|it| it.path != b"tmp/large").collect();
    let ours = image(&folder, &options(64), &tree);
    for name in ["ours", "source", "theirs"] {
        fs_err::create_dir_all(folder.path(name)).unwrap();
    }
    let theirs = folder.path("theirs.img");
    debugfs(&ours, &format!("rdump / {}", folder.path("ours").display()));
    for it in &tree {
        let path = folder.path("source").join(std::str::from_utf8(&it.path).unwrap());
        match &it.kind {
            Kind::Directory => fs_err::create_dir_all(path).unwrap(),
            Kind::File { size } => fs_err::write(path, content(&it.path, *size)).unwrap(),
            Kind::Symlink { target } => {
                std::os::unix::fs::symlink(std::str::from_utf8(target).unwrap(), path).unwrap();
            }
            Kind::HardLink { target } => {
                let target = folder.path("source").join(std::str::from_utf8(target).unwrap());
                fs_err::hard_link(target, path).unwrap();
            }
        }
    }
    run(program("mke2fs")
        .args(["-q", "-t", "ext4", "-d"])
        .arg(folder.path("source"))
        .arg(&theirs)
        .arg("64M"));
    debugfs(&theirs, &format!("rdump / {}", folder.path("theirs").display()));
    let mut diff = program("diff");
    run(diff.args(["-r", "--no-dereference"]).arg(folder.path("ours")).arg(folder.path("theirs")));
}

#[test]
fn an_empty_file_system_grows_with_its_disk() {
    if !has(&["e2fsck", "resize2fs", "dumpe2fs"]) {
        return;
    }
    let folder = Folder::new();
    let options = Options::new(512 * MIB, uuid("data"), "data", TIME);
    let plan = Image::empty(&options).unwrap();
    let image = folder.raw("data", options.size, |target| {
        plan.write(target, |_| Ok(std::io::empty())).unwrap();
    });
    fsck(&image);
    let large = 200 << 30;
    fs_err::OpenOptions::new().write(true).open(&image).unwrap().set_len(large).unwrap();
    run(program("resize2fs").arg(&image));
    fsck(&image);
    let seen = text(program("dumpe2fs").arg("-h").arg(&image));
    let words = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&format!("Block count: {} ", large / 4096)), "{seen}");
    // One inode for 16 KiB still, and the journal that it had.
    assert!(words.contains(&format!("Inode count: {} ", large / 16_384)), "{seen}");
    assert!(words.contains("Total journal size: 64M"), "{seen}");
    assert!(words.contains(&format!("Filesystem UUID: {} ", uuid("data"))), "{seen}");
}

/// Refused by how much, and with exactly that it is taken.
fn is_honest(options: &Options, tree: &[Entry]) {
    let of = |size| Image::plan(&Options { size, ..options.clone() }, tree.iter().cloned());
    let Err(Ext4Error::Full { size, missing }) = of(options.size) else { panic!("it is not too small") };
    assert_eq!(size, options.size);
    let sizes = sizes(tree);
    let content = |path: &[u8]| Ok(std::io::repeat(1).take(sizes[path]));
    of(size + missing).unwrap().write(&mut Count::default(), content).unwrap();
    match of(size + missing - MIB) {
        Err(Ext4Error::Full { missing: MIB, .. }) => {}
        other => panic!("a MiB less is {other:?}"),
    }
}

#[test]
fn what_does_not_fit_fits_with_the_bytes_that_are_missing() {
    is_honest(&options(256), &[entry("large", Kind::File { size: 300 * MIB })]);
    let many =
        |count| (0..count).map(|at| entry(&format!("{at:06}"), Kind::File { size: 1 })).collect::<Vec<_>>();
    is_honest(&options(64), &many(30_000));
    // Inodes are what is missing here, and they come with bytes.
    is_honest(&Options { inodes: Inodes::PerBytes(1 << 20), ..options(64) }, &many(200));
    let directories: Vec<Entry> = (0..20_000).map(|at| entry(&format!("{at:06}"), Kind::Directory)).collect();
    is_honest(&options(64), &directories);
    // A last group that is too small for its own tables.
    is_honest(&options(2049), &[]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn fsck_finds_nothing_in_any_tree(sizes in prop::collection::vec(0_u64..200_000, 0..60), depth in 1_usize..6) {
        if !has(&["e2fsck"]) {
            return Ok(());
        }
        let mut tree = Vec::new();
        let levels: Vec<String> = (1..=depth).map(|level| vec!["d"; level].join("/")).collect();
        tree.extend(levels.iter().map(|path| entry(path, Kind::Directory)));
        let file = |(at, size): (usize, &u64)| entry(&format!("{}/{at}", levels[depth - 1]), Kind::File { size: *size });
        tree.extend(sizes.iter().enumerate().map(file));
        let folder = Folder::new();
        fsck(&image(&folder, &options(64), &tree));
    }
}
