//! A store that is damaged, or that somebody else wrote, costs time and never correctness.

use crate::world::World;
use gabion_digest::{Sha256, hash_bytes};
use std::path::PathBuf;

const YAML: &[u8] = b"apiVersion: v1\nkind: Secret\n";
const OTHER: &[u8] = b"apiVersion: v1\nkind: Others\n";
const RECIPES: &str = "[fetch.a]\nurl = 'https://up.invalid/a.yaml'\n[fetch.file]\nurl = 'https://up.invalid/file'\n\
                       [fetch.evil]\nurl = 'https://up.invalid/evil'\n[manifests.m]\nfrom = ['fetch.a']\n\
                       [bundle.b]\nbase = ['fetch.file', 'fetch.evil']\ndeploy = ['manifests.m']\n";

fn world() -> (World, String) {
    let world = World::new(RECIPES, &[("/a.yaml", YAML), ("/file", b"stones"), ("/evil", OTHER)]);
    world.ok("build");
    let digest = world.ok("bundle inspect out/b.gabion");
    fs_err::remove_file(world.path("out/b.gabion")).unwrap();
    (world, digest)
}

fn blob(world: &World, bytes: &[u8]) -> PathBuf {
    let hex = hash_bytes(bytes).blob.hex();
    world.path(&format!(".store/blob/b3/{}/{hex}", &hex[..2]))
}

fn write(path: &PathBuf, bytes: &[u8]) {
    fs_err::remove_file(path).unwrap();
    fs_err::write(path, bytes).unwrap();
}

/// Forgets every result, so that everything is made again from what the store says it has.
fn forget(world: &World) {
    for folder in ["request", "act"] {
        fs_err::remove_dir_all(world.path(&format!(".store/{folder}"))).unwrap();
        fs_err::create_dir(world.path(&format!(".store/{folder}"))).unwrap();
    }
}

/// Without the network the build is refused and leaves no bundle; with it the bundle is the honest one.
#[track_caller]
fn refused_then_healed(world: &World, digest: &str) {
    let run = world.run("build --frozen");
    assert!(matches!(run.code, 4 | 5), "{}: {}", run.code, run.stderr);
    assert!(!world.path("out/b.gabion").exists());
    world.ok("build");
    assert_eq!(world.ok("bundle inspect out/b.gabion"), digest);
    world.ok("store verify");
}

#[test]
fn a_damaged_blob_that_a_step_reads_never_reaches_a_bundle() {
    let (world, digest) = world();
    forget(&world);
    write(&blob(&world, YAML), b"apiVersion: v1\njind: Secret\n");
    refused_then_healed(&world, &digest);
}

#[test]
fn a_damaged_blob_that_goes_straight_into_a_bundle_is_fetched_again() {
    let (world, digest) = world();
    write(&blob(&world, b"stones"), b"stonez");
    refused_then_healed(&world, &digest);
}

#[test]
fn an_alias_that_leads_to_other_bytes_is_not_believed() {
    let (world, digest) = world();
    for pinned in [YAML, b"stones"] {
        forget(&world);
        let (pin, evil) = (Sha256::of(pinned).hex(), hash_bytes(OTHER));
        let alias = world.path(&format!(".store/alias/sha256/{}/{pin}", &pin[..2]));
        write(&alias, format!("{} {}\n", evil.blob, evil.size).as_bytes());
        // The size that the lock pins is checked first, and so are the bytes.
        refused_then_healed(&world, &digest);
        fs_err::remove_file(world.path("out/b.gabion")).unwrap();
    }
}

#[test]
fn a_record_that_gives_other_bytes_than_the_lock_pins_is_not_believed() {
    let (world, digest) = world();
    let evil = hash_bytes(OTHER);
    let honest = hash_bytes(b"stones");
    let mut changed = 0;
    let mut folders = vec![world.path(".store/request")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs_err::read_to_string(&path).unwrap();
            let (from, to) = (
                format!("{} {} {}", honest.blob, honest.sha256, honest.size),
                format!("{} {} {}", evil.blob, evil.sha256, evil.size),
            );
            if text.contains(&from) {
                write(&path, text.replace(&from, &to).as_bytes());
                changed += 1;
            }
        }
    }
    assert_eq!(changed, 1);
    world.ok("build");
    assert_eq!(world.ok("bundle inspect out/b.gabion"), digest);
}

#[test]
fn lies_are_found_by_verify_too() {
    let (world, _) = world();
    let (pin, evil) = (Sha256::of(b"stones").hex(), hash_bytes(OTHER));
    let alias = world.path(&format!(".store/alias/sha256/{}/{pin}", &pin[..2]));
    write(&alias, format!("{} {}\n", evil.blob, evil.size).as_bytes());
    let run = world.run("store verify");
    assert!(run.code == 5 && run.stdout.contains(&pin), "{}{}", run.stdout, run.stderr);
    world.run("store verify --repair");
    world.ok("store verify");
}
