//! Another disk image is another slot: tried once, kept if it comes up healthy, left if it does not come up.

use super::super::slot::Slots;
use super::super::*;
use super::world::{Contents, World, contents};
use gabion_digest::Digest;
use std::os::unix::fs::PermissionsExt;

/// Stands for `rootfs/harden/scripts/slot`, with the boot loader's variables as files.
const SLOT: &str = r#"#!/bin/sh
at=$(cd "$(dirname "$0")" && pwd)/environment
case "$1" in
    status) for it in running slot trial; do echo "$it=$(cat "$at/$it" 2>/dev/null)"; done ;;
    try) echo "$2" > "$at/trial" ;;
    confirm) cp "$at/running" "$at/slot"; rm -f "$at/trial" ;;
esac
"#;

fn with(disk: &'static str) -> Contents {
    Contents { disk: Some(disk), ..contents() }
}

/// A host on slot `a` with the disk `one`, and the disk `two` on the other.
fn world() -> World {
    let world = World::new();
    let folder = world.path("usr/lib/gabion");
    fs_err::create_dir_all(folder.join("environment")).unwrap();
    fs_err::write(folder.join("slot"), SLOT).unwrap();
    fs_err::set_permissions(folder.join("slot"), PermissionsExt::from_mode(0o755)).unwrap();
    variable(&world, "running", "a");
    variable(&world, "slot", "a");
    for (slot, disk) in [("a", "one"), ("b", "two")] {
        Slots::set(&world.host().root, slot, Some(&Digest::of(disk.as_bytes()).hex())).unwrap();
    }
    assert_eq!(world.apply(&with("one"), Wishes::default()).unwrap(), Outcome::Settled(1));
    world
}

fn variable(world: &World, name: &str, value: &str) {
    fs_err::write(world.path("usr/lib/gabion/environment").join(name), value).unwrap();
}

fn read(world: &World, name: &str) -> String {
    fs_err::read_to_string(world.path("usr/lib/gabion/environment").join(name))
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[test]
fn a_new_system_is_tried_and_stays_when_it_is_healthy() {
    let world = world();
    world.calls();
    assert_eq!(world.apply(&with("two"), Wishes::default()).unwrap(), Outcome::Restarts(2));
    assert_eq!((read(&world, "trial").as_str(), world.current().unwrap().number), ("b", 1));
    assert!(world.calls().iter().any(|it| it == "systemctl --no-block reboot"));
    // Nothing of the old system was touched for it.
    assert!(world.host().status().unwrap().drift.is_empty());
    variable(&world, "running", "b");
    assert!(world.host().recover_files().unwrap());
    assert_eq!(Change::load(&world.host().root).unwrap().unwrap().step, Step::Services);
    assert_eq!(world.host().recover().unwrap(), Some(Outcome::Settled(2)));
    assert_eq!((read(&world, "slot"), read(&world, "trial")), ("b".to_owned(), String::new()));
    // And back, the same way.
    assert_eq!(world.host().rollback(None).unwrap(), Outcome::Restarts(1));
    variable(&world, "running", "a");
    assert_eq!(world.host().recover().unwrap(), Some(Outcome::Settled(1)));
    assert_eq!(read(&world, "slot"), "a");
}

#[test]
fn a_new_system_that_does_not_come_up_is_given_up() {
    let world = world();
    assert_eq!(world.apply(&with("two"), Wishes::default()).unwrap(), Outcome::Restarts(2));
    // The boot loader took the trial out, and the old slot started.
    variable(&world, "trial", "");
    let error = world.host().recover().unwrap_err();
    assert!(matches!(error, LiveError::Returned { failed: 2, .. }), "{error}");
    assert!(crate::error::chain(&error).contains("the slot `b` was tried and did not come up"));
    assert_eq!((world.current().unwrap().number, read(&world, "slot")), (1, "a".to_owned()));
    assert!(Change::load(&world.host().root).unwrap().is_none());
}
