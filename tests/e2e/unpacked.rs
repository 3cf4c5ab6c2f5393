//! A new version of one package: what the others have is taken from the system that was built before.

use crate::archive::{Deb, actions, archive, is_possible};
use crate::world::World;
use fs_err as fs;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const RECIPE: &str = "[apt.os]\norigin = 'ubuntu:jammy'\narchive = 'https://up.invalid/deb'\nsuites = ['jammy']\n\
    keyring = 'keys.asc'\ninstall = ['one', 'other', 'logged']\n[rootfs.vps]\npackages = ['apt.os']\n\
    [bundle.b]\nbase = ['apt.os']\n";

/// What lies in the system, once, so that a test finds it there.
const TEXT: &str = "the bytes of the first package, which no other file has\n";

/// A system whose package `other` has this text.
fn world(text: &str) -> World {
    let base = Deb::new("base-files", "Essential: yes\nPriority: required\n")
        .file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644)
        .file("etc/group", "root:x:0:\n", 0o644);
    let one = Deb::new("one", "")
        .file("usr/share/one/text", TEXT, 0o640)
        .file("usr/share/one/empty", "", 0o644)
        .file("etc/one.conf", "answer = 42\n", 0o600)
        .file("DEBIAN/conffiles", "/etc/one.conf\n", 0o644)
        .file("bin/one", "#!", 0o4755)
        .link("usr/bin/uno", "one");
    fs::hard_link(one.path("usr/share/one/text"), one.path("usr/share/one/text2")).unwrap();
    let other = Deb::new("other", "").file("usr/share/other", text, 0o644);
    // Emptied when everything is configured: the system does not have all of this package.
    let logged = Deb::new("logged", "").file("var/log/btmp", "somebody\n", 0o600);
    archive(RECIPE, &[base.packed(), one.packed(), other.packed(), logged.packed()])
}

/// The trees of all stages, and how many packages were decompressed for them.
fn built(world: &World) -> (BTreeSet<String>, usize) {
    let tree = |text: &str| text.lines().find(|it| it.starts_with("tree system ")).unwrap().to_owned();
    let trees = actions(world, "system").iter().map(|(_, text)| tree(text)).collect();
    (trees, actions(world, "unpacked").len())
}

/// The same project after it was built with another text, with the store of that build.
fn bumped(before: &World) -> World {
    let world = world("new");
    assert!(
        std::process::Command::new("cp")
            .arg("-a")
            .args([before.path(".store"), world.path(".store")])
            .status()
            .unwrap()
            .success()
    );
    world
}

#[test]
fn a_new_version_decompresses_itself_and_gives_what_a_cold_build_gives() {
    if !is_possible() {
        return;
    }
    let (before, cold) = (world("old"), world("new"));
    before.ok("build rootfs.vps");
    cold.ok("build rootfs.vps");
    let ((old, four), (expected, _)) = (built(&before), built(&cold));
    assert_eq!((old.len(), four, expected.len()), (2, 4, 2));
    let world = bumped(&before);
    world.ok("build rootfs.vps");
    let (trees, notes) = built(&world);
    assert!(trees.is_superset(&expected), "{trees:?} has not all of {expected:?}");
    assert_eq!(trees.len(), 3, "the first stage is the same");
    // `other` itself, and `logged`, of which the system does not have all.
    assert_eq!(notes, 6);
    world.ok("check --rebuild rootfs.vps");
}

/// Changes one byte in the only blob that has `text`.
fn damage(store: &Path, text: &str) {
    let mut folders = vec![store.join("blob")];
    let mut damaged = 0;
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            if let Some(at) = bytes.windows(text.len()).position(|it| it == text.as_bytes()) {
                bytes[at] ^= 1;
                fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
                fs::write(&path, bytes).unwrap();
                damaged += 1;
            }
        }
    }
    assert_eq!(damaged, 1);
}

#[test]
fn what_was_unpacked_before_and_is_damaged_costs_time_and_nothing_else() {
    if !is_possible() {
        return;
    }
    let (before, cold) = (world("old"), world("new"));
    before.ok("build rootfs.vps");
    cold.ok("build rootfs.vps");
    let world = bumped(&before);
    damage(&world.path(".store"), TEXT);
    world.ok("build rootfs.vps");
    let (trees, notes) = built(&world);
    assert!(trees.is_superset(&built(&cold).0));
    assert_eq!(notes, 7, "all three of the second stage were decompressed");
}
