//! The store of a project: what a build keeps, what `gc` removes, and a store that cannot be written.

use crate::world::World;
use gabion_testkit::{program, run, skip_also_in_ci};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

const RECIPES: &str = "
[fetch.hello]
url = 'https://up.invalid/hello.txt'
[bundle.b]
base = ['fetch.hello']
";

fn built() -> World {
    let world = World::new(RECIPES, &[("/hello.txt", b"hello")]);
    world.ok("build");
    world
}

fn json(world: &World, arguments: &str) -> Value {
    serde_json::from_str(&world.ok(arguments)).unwrap()
}

fn files_below(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, out) } else { out.push(path) }
    }
}

/// Makes everything in the store look unused for a year.
#[expect(clippy::disallowed_methods, reason = "the test moves last use into the past")]
fn age(world: &World) {
    let mut files = Vec::new();
    files_below(&world.path(".store"), &mut files);
    let time = std::time::SystemTime::now() - Duration::from_secs(365 * 24 * 3600);
    for path in files {
        fs_err::File::open(path).unwrap().file().set_modified(time).unwrap();
    }
    for folder in ["index", "journal"] {
        let _there = fs_err::remove_dir_all(world.path(".store").join(folder));
    }
}

#[test]
fn what_was_built_last_outlives_gc_and_what_was_forgotten_does_not() {
    let world = built();
    age(&world);
    let usage = json(&world, "store du --json");
    let root = usage["roots"][0].clone();
    assert_eq!((usage["roots"].as_array().unwrap().len(), root["total"]["bytes"].as_u64()), (1, Some(5)));
    assert!(root["reason"].as_str().unwrap().starts_with("gabion build bundle.b "), "{root}");
    let report = json(&world, "store gc --keep-days 0 --json");
    assert_eq!(
        (report["blobs"]["files"].as_u64(), report["alone"].as_bool()),
        (Some(0), Some(true)),
        "{report}"
    );
    let before = world.upstream.seen().len();
    world.ok("build");
    fs_err::remove_dir_all(world.path("out")).unwrap();
    world.ok("build --offline");
    assert_eq!(world.upstream.seen().len(), before);

    age(&world);
    world.ok(&format!("store forget {}", root["name"].as_str().unwrap()));
    let dry = json(&world, "store gc --dry-run --json");
    assert_eq!(dry["removed"].as_array().unwrap().len(), 1, "{dry}");
    let report = json(&world, "store gc --json --no-index");
    assert_eq!(report["removed"], dry["removed"]);
    assert_eq!(json(&world, "store ls --json")["blobs"], serde_json::json!([]));
    fs_err::remove_dir_all(world.path("out")).unwrap();
    world.ok("build");
    assert_eq!(json(&world, "store verify --json")["good"], 1);
}

#[test]
fn who_names_a_blob_is_one_question() {
    let world = built();
    let blob = json(&world, "store ls --json")["blobs"][0]["blob"].as_str().unwrap().to_owned();
    let names = world.ok(&format!("store ls {blob}"));
    assert!(names.starts_with("root bundle.b@") && names.contains("\nrequest b3:"), "{names}");
    let absent = blob.replace(|it: char| it.is_ascii_digit(), "0");
    assert_eq!(world.run(&format!("store ls b3:{}", &absent[3..])).code, 1);
    assert_eq!(world.run("store ls sha256:abc").code, 2);
}

#[test]
fn damage_is_told_repaired_and_fetched_again() {
    let world = built();
    let blob = json(&world, "store ls --json")["blobs"][0]["blob"].as_str().unwrap()[3..].to_owned();
    let path = world.path(".store/blob/b3").join(&blob[..2]).join(&blob);
    fs_err::remove_file(&path).unwrap();
    fs_err::write(&path, b"hEllo").unwrap();
    assert_eq!(world.run("store verify").code, 5);
    assert!(path.exists(), "looking changes nothing");
    let repaired = world.run("store verify --repair");
    assert_eq!((repaired.code, path.exists()), (5, false));
    assert!(repaired.stdout.contains(&format!("blob b3:{blob}")), "{}", repaired.stdout);
    fs_err::remove_dir_all(world.path("out")).unwrap();
    world.ok("build");
    assert_eq!(world.run("store verify").code, 0);
}

#[test]
fn there_is_nothing_to_do_on_a_read_only_store_either() {
    let world = built();
    let store = world.path(".store");
    let store = store.to_str().unwrap();
    let mount =
        |arguments: &[&str]| program("mount").args(arguments).output().is_ok_and(|it| it.status.success());
    if !(mount(&["--bind", store, store]) && mount(&["-o", "remount,bind,ro", store])) {
        skip_also_in_ci("a file system cannot be mounted here");
        return;
    }
    let again = world.run("build");
    let listed = world.run("store ls");
    let verified = world.run("store verify");
    let elsewhere = world.run("build -o other.gabion");
    run(program("umount").args(["-l", store]));
    assert_eq!((again.code, again.stdout.is_empty()), (0, false), "{}", again.stderr);
    assert_eq!((listed.code, verified.code), (0, 0), "{}", verified.stderr);
    assert_eq!(elsewhere.code, 1);
    assert!(
        elsewhere.stderr.contains("E0404") && elsewhere.stderr.contains("read-only"),
        "{}",
        elsewhere.stderr
    );
}
