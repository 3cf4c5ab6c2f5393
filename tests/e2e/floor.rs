//! What an operator remembers of hosts: nothing older goes there again, whatever the host itself says.

use crate::installer;
use crate::sshd::sshd;
use crate::trust::{INSTALL, PROMOTE, RECIPES, json, promoters, refused, world};
use crate::world::{Run, World, gabion};
use fs_err as fs;

/// Promotes the bundle in force, and another one of the same name in `out/other.gabion`, under these serials.
fn two(world: &World, first: u64, second: u64) {
    promoters(world);
    world.ok(&format!("{PROMOTE} --serial {first} --host prod"));
    fs::rename(world.path("out/b.gabion"), world.path("first.gabion")).unwrap();
    let recipe = fs::read_to_string(world.path("gabion.toml")).unwrap();
    fs::write(world.path("gabion.toml"), recipe.replace("invalid/a.txt", "invalid/b.txt")).unwrap();
    world.ok("build --key rel");
    world.ok(&format!("{PROMOTE} --serial {second} --host prod"));
}

/// Installs onto a host that was wiped: it remembers nothing.
fn onto_a_wiped_host(world: &World, bundle: &str) -> Run {
    let _old = fs::remove_dir_all(world.path("host"));
    fs::create_dir(world.path("host")).unwrap();
    world.run(&format!("{INSTALL} --host prod").replace("out/b.gabion", bundle))
}

const FLOOR: &str = ".state/floors/host.prod.json";

#[test]
fn what_an_operator_brought_to_a_host_is_the_least_that_goes_there_again() {
    let world = world(RECIPES);
    two(&world, 5, 6);
    assert_eq!(onto_a_wiped_host(&world, "first.gabion").code, 0);
    assert_eq!(json(&fs::read_to_string(world.path(FLOOR)).unwrap())["bundles"]["b"]["serial"], 5);
    // A dry run is no acceptance.
    world.ok(&format!("{INSTALL} --host prod --dry-run"));
    assert_eq!(json(&fs::read_to_string(world.path(FLOOR)).unwrap())["bundles"]["b"]["serial"], 5);
    assert_eq!(onto_a_wiped_host(&world, "out/b.gabion").code, 0);
    refused(&onto_a_wiped_host(&world, "first.gabion"), 6, &["E0520"]);
    assert!(!world.path("host/var").exists(), "nothing was written");
    // Another host has its own.
    let other = "host install first.gabion --root host --trust root.json --host staging";
    refused(&world.run(other), 6, &["E0519"]);
    // The record is damaged: that is not the absence of one.
    fs::write(world.path(FLOOR), "{").unwrap();
    refused(&onto_a_wiped_host(&world, "first.gabion"), 6, &["E0608", "floors/host.prod.json"]);
}

#[test]
fn a_serial_means_one_bundle_also_for_a_host_that_forgot() {
    let world = world(RECIPES);
    two(&world, 5, 5);
    assert_eq!(onto_a_wiped_host(&world, "first.gabion").code, 0);
    refused(&onto_a_wiped_host(&world, "out/b.gabion"), 6, &["E0521"]);
    assert_eq!(onto_a_wiped_host(&world, "first.gabion").code, 0, "the same again");
}

#[test]
fn an_operator_who_cannot_remember_installs_nothing_that_is_promoted() {
    let world = world(RECIPES);
    two(&world, 5, 6);
    let run = |bundle: &str| -> Run {
        let mut command = gabion(world.folder.path());
        let words = format!("{INSTALL} --host prod").replace("out/b.gabion", bundle);
        command.env_remove("GABION_STATE").args(words.split_whitespace()).output().unwrap().into()
    };
    refused(&run("first.gabion"), 2, &["E1208", "GABION_STATE"]);
    assert!(!world.path("host/var").exists());
}

#[test]
fn a_machine_is_remembered_by_the_name_that_ssh_has_for_it_too() {
    let Some(sshd) = sshd() else { return };
    let world = world(RECIPES);
    two(&world, 5, 6);
    let push = |bundle: &str| {
        world.run(&format!(
            "host push {bundle} {} --root {} --remote-path {} --trust root.json --host prod",
            sshd.options,
            world.path("host").display(),
            installer::built().display()
        ))
    };
    assert_eq!(push("first.gabion").code, 0);
    let target = world.path(".state/floors/target.127.0.0.1.json");
    assert_eq!(json(&fs::read_to_string(&target).unwrap())["bundles"]["b"]["serial"], 5);
    assert_eq!(push("out/b.gabion").code, 0);
    fs::remove_dir_all(world.path("host")).unwrap();
    fs::create_dir(world.path("host")).unwrap();
    for floor in [FLOOR, ".state/floors/target.127.0.0.1.json"] {
        let run = push("first.gabion");
        refused(&run, 6, &["E0520"]);
        assert!(!run.stderr.contains("the machine says"), "it is this side that refuses: {}", run.stderr);
        fs::remove_file(world.path(floor)).unwrap();
    }
    assert_eq!(push("first.gabion").code, 0, "nobody remembers any more");
}
