//! Many hands on one bundle and one host: at once, interrupted, and against each other.

use crate::trust::{INSTALL, PROMOTE, RECIPES, STATE, json, key, promoters, refused, world, write_root};
use crate::world::World;
use gabion_bundle::{Role, TrustRoot};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

#[test]
fn a_torn_slot_is_signed_again_only_on_demand() {
    let world = world(RECIPES);
    promoters(&world);
    let mut bytes = fs_err::read(world.path("out/b.gabion")).unwrap();
    let good = bytes.clone();
    let at = bytes.windows(10).position(|it| it == b"-----BEGIN").unwrap();
    bytes[at + 100..at + 200].fill(b'\n');
    fs_err::write(world.path("out/b.gabion"), bytes).unwrap();
    let sign = "bundle sign out/b.gabion --key rel --trust root.json";
    refused(&world.run(sign), 6, &["E0505", "--replace-slot"]);
    world.ok(&format!("{sign} --replace-slot"));
    assert!(fs_err::read(world.path("out/b.gabion")).unwrap() == good);
}

#[test]
fn promoters_at_once_lose_no_signature() {
    let world = world(RECIPES);
    let keys = ["rel", "p1", "p2", "p3", "p4"].map(|name| key(&world, name));
    let [rel, promoters @ ..] = &keys;
    let promoters: Vec<&TrustRoot> = promoters.iter().collect();
    world.ok("build --key rel");
    write_root(
        &world,
        "root.json",
        1,
        &[(Role::Root, 1, &[rel]), (Role::Release, 1, &[rel]), (Role::Promotion, 4, &promoters)],
    );
    std::thread::scope(|scope| {
        for name in ["p1", "p2", "p3", "p4"] {
            let promote = PROMOTE.replace("--key pro", &format!("--serial 1 --host prod --key {name}"));
            let world = &world;
            scope.spawn(move || world.ok(&promote));
        }
    });
    world.ok("bundle verify out/b.gabion --trust root.json --host prod");
}

#[test]
fn building_again_with_another_key_keeps_what_others_signed_and_promoted() {
    let world = world(RECIPES);
    promoters(&world);
    let other = key(&world, "other");
    world.ok(&format!("{PROMOTE} --serial 1 --host prod"));
    let before = fs_err::read(world.path("out/b.gabion")).unwrap();
    let built = world.ok("build --key other");
    let seen = json(&world.ok("bundle inspect out/b.gabion --json"));
    assert_eq!(seen["digest"], *built.split(' ').next().unwrap());
    assert_eq!((seen["signers"].as_array().unwrap().len(), &seen["promotion"]["serial"]), (2, &1.into()));
    assert!(seen["signers"].as_array().unwrap().contains(&other.keys.keys().next().unwrap().as_str().into()));
    world.ok("bundle verify out/b.gabion --trust root.json --host prod");
    world.ok("bundle verify out/b.gabion --trust other.json");
    // Nothing but the slot, and nothing at all the second time.
    let after = fs_err::read(world.path("out/b.gabion")).unwrap();
    let changed = before.iter().zip(&after).filter(|(old, new)| old != new).count();
    assert!(before.len() == after.len() && (1..65_536).contains(&changed), "{changed}");
    world.ok("build --key rel");
    assert!(fs_err::read(world.path("out/b.gabion")).unwrap() == after);
}

#[test]
fn what_a_foreign_file_says_cannot_command_the_terminal() {
    let world = world(RECIPES);
    promoters(&world);
    fs_err::write(world.path("evil.json"), r#"{"\u001b[2J": 1}"#).unwrap();
    let bytes = fs_err::read(world.path("out/b.gabion")).unwrap();
    let at = bytes.windows(8).position(|it| it == b"name: b\n").unwrap();
    let evil = [&bytes[..at + 6], b"\x1b", &bytes[at + 7..]].concat();
    fs_err::write(world.path("evil.gabion"), evil).unwrap();
    for (command, exit) in [
        ("bundle verify out/b.gabion --trust evil.json", 6),
        ("bundle verify out/b.gabion --trust evil.json --json", 6),
        ("bundle inspect evil.gabion", 5),
        ("bundle ls evil.gabion --json", 5),
    ] {
        let run = world.run(command);
        refused(&run, exit, &[]);
        let shown = run.stdout + &run.stderr;
        assert!(shown.chars().all(|it| it == '\n' || !it.is_control()), "{command}: {shown:?}");
    }
}

#[test]
fn a_run_that_is_cut_has_raised_the_floor_and_the_same_bundle_goes_on() {
    let stones = vec![b's'; 1 << 16];
    let world = World::new(RECIPES, &[("/a.txt", &stones)]);
    promoters(&world);
    fs_err::copy(world.path("out/b.gabion"), world.path("plain.gabion")).unwrap();
    world.ok(&format!("{PROMOTE} --serial 5 --host prod"));
    let install = format!("{INSTALL} --host prod");
    // The kernel ends the process in the middle of the file (setrlimit(2), RLIMIT_FSIZE): 16 blocks of 512 bytes.
    let limited = format!("ulimit -f 16; exec '{}' {install}", env!("CARGO_BIN_EXE_gabion"));
    let cut =
        Command::new("/bin/sh").args(["-c", &limited]).current_dir(world.folder.path()).output().unwrap();
    assert_eq!(cut.status.signal(), Some(25), "SIGXFSZ: {cut:?}");
    let file = world.path("host/var/lib/gabion/files/fetch.a/a.txt");
    let packs = fs_err::read_dir(world.path("host/var/lib/gabion/packs")).unwrap();
    let packs: Vec<_> = packs.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!file.exists() && packs.len() == 1 && packs[0].ends_with(".gabion.part"), "{packs:?}");
    assert_eq!(json(&fs_err::read_to_string(world.path(STATE)).unwrap())["bundles"]["b"]["serial"], 5);
    fs_err::copy(world.path("out/b.gabion"), world.path("five.gabion")).unwrap();
    fs_err::copy(world.path("plain.gabion"), world.path("out/b.gabion")).unwrap();
    world.ok(&format!("{PROMOTE} --serial 4 --host prod"));
    refused(&world.run(&install), 6, &["E0520", "5 is the lowest"]);
    fs_err::rename(world.path("five.gabion"), world.path("out/b.gabion")).unwrap();
    world.ok(&install);
    assert!(fs_err::read(&file).unwrap() == stones);
}

#[test]
fn what_cannot_be_installed_raises_no_floor() {
    let world = world(RECIPES);
    promoters(&world);
    world.ok(&format!("{PROMOTE} --serial 5 --host prod"));
    let obstacle = world.path("host/var/lib/gabion/files/fetch.a/a.txt");
    fs_err::create_dir_all(obstacle.join("in the way")).unwrap();
    assert_eq!(world.run(&format!("{INSTALL} --host prod")).code, 1);
    assert!(!world.path(STATE).exists());
    fs_err::remove_dir_all(&obstacle).unwrap();
    world.ok(&format!("{INSTALL} --host prod"));
}
