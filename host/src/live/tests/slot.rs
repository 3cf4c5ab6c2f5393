//! Another disk image is another slot: tried once, kept if it comes up healthy, left if it does not come up.

use super::super::slot::Slots;
use super::super::*;
use super::world::{Contents, NOW, World, contents, verified};
use gabion_bundle::{Policy, Stage, Time};
use gabion_digest::Digest;
use std::io::Cursor;
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

/// What a system says of its packages, in the words of its own dpkg.
fn runs_debian(world: &World) {
    fs_err::create_dir_all(world.path("var/lib/dpkg")).unwrap();
    fs_err::write(world.path("var/lib/dpkg/status"), include_str!("status")).unwrap();
}

fn plan(world: &World, of: &Contents) -> PlanReport {
    let (bytes, trust) = verified(of);
    let policy = Policy::new(&trust, Time::from_unix(NOW).unwrap(), Stage::Install);
    let mut bundle = gabion_bundle::verify(Cursor::new(bytes), &policy).unwrap();
    world.host().plan(&mut bundle).unwrap().report
}

/// `openssl` is older than what runs, `libssl3` newer, `tzdata` the same; of `systemd-timesyncd` only the configuration is
/// left, and what is not named goes.
const OTHER: &[[&str; 3]] = &[
    ["base-files", "amd64", "12.4+deb12u11"],
    ["chrony", "amd64", "4.3-2+deb12u1"],
    ["dpkg", "amd64", "1.21.22"],
    ["libssl3", "amd64", "3.0.19-1~deb12u3"],
    ["openssl", "amd64", "3.0.9-1"],
    ["systemd-timesyncd", "amd64", "252.38-1~deb12u1"],
    ["tzdata", "all", "2025b-0+deb12u2"],
];

#[test]
fn a_plan_says_what_becomes_of_the_packages_of_the_system() {
    let world = world();
    runs_debian(&world);
    let report = plan(&world, &Contents { packages: OTHER, ..with("two") });
    let lines: Vec<String> = report.system.packages.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "v openssl 3.0.19-1~deb12u2 -> 3.0.9-1",
            "^ libssl3 3.0.19-1~deb12u2 -> 3.0.19-1~deb12u3",
            "+ chrony 4.3-2+deb12u1",
            "+ systemd-timesyncd 252.38-1~deb12u1",
            "- bsdutils 1:2.38.1-5+deb12u3",
            "- busybox-static 1:1.35.0-4+deb12u1+b1",
            "- ca-certificates 20230311+deb12u1",
            "- dbus 1.14.10-1~deb12u1",
            "- git-man 1:2.39.5-0+deb12u3",
        ]
    );
    assert!(report.downtime.iter().any(|it| it.contains("from the slot `b`")), "{:?}", report.downtime);
    // The same image as the one that runs is no other system, whatever was updated in it.
    assert_eq!(plan(&world, &Contents { packages: OTHER, ..with("one") }).system, OtherSystem::default());
    // A bundle that does not say it.
    assert_eq!(plan(&world, &with("two")).system, OtherSystem { slot: Some("b".to_owned()), packages: None });
}

#[test]
fn a_system_with_older_packages_is_taken_only_where_somebody_says_so() {
    let world = world();
    runs_debian(&world);
    world.calls();
    let other = Contents { packages: OTHER, ..with("two") };
    let error = world.apply(&other, Wishes::default()).unwrap_err();
    assert_eq!(error.code(), "E0633");
    assert_eq!(
        error.to_string(),
        "the bundle's system has older packages than this host: `openssl` 3.0.9-1 (here 3.0.19-1~deb12u2)"
    );
    assert!(error.help().unwrap().contains("--allow-downgrade"));
    // Nothing was begun.
    assert!(Change::load(&world.host().root).unwrap().is_none() && world.calls().is_empty());
    assert_eq!((read(&world, "trial"), world.current().unwrap().number), (String::new(), 1));
    let wishes = Wishes { downgrade: true, ..Wishes::default() };
    assert_eq!(world.apply(&other, wishes).unwrap(), Outcome::Restarts(2));
}
