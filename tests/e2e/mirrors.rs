//! Several locations of one file, and who is asked with which credential.

use crate::world::{World, gabion};
use gabion_digest::Sha256;
use gabion_store::{Expect, Store};
use gabion_upstream::{Content, Fault, Upstream};

const FILE: &str = "[fetch.a]\nurl = 'https://up.invalid/a.txt'\n[bundle.b]\nbase = ['fetch.a']\n";
const PAGE: &[u8] = b"<html><title>Sign in</title>";

fn body() -> Vec<u8> {
    (0..300_000_u32).map(|it| (it % 253) as u8).collect()
}

/// A project whose file is locked and not in the store.
fn locked() -> World {
    let world = World::new(FILE, &[("/a.txt", &body())]);
    world.ok("lock");
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    world
}

fn serving(bytes: &[u8]) -> Upstream {
    let files = [("/a.txt".to_owned(), bytes.to_vec())].into();
    Upstream::start(Content { files, ..Content::default() }).unwrap()
}

/// Asks the mirrors first, and then the upstream of `world`.
fn ask_first(world: &World, mirrors: &[&Upstream]) {
    let urls: Vec<String> = mirrors.iter().copied().chain([&world.upstream]).map(Upstream::url).collect();
    let config = format!("[mirror]\n\"https://up.invalid\" = {urls:?}\n");
    fs_err::write(world.path("config.toml"), config).unwrap();
}

/// The `Range` and status of every request of the upstream, from the one after `before` on.
fn asked(upstream: &Upstream, before: usize) -> Vec<(Option<String>, u16)> {
    upstream.seen().into_iter().skip(before).map(|it| (it.range, it.status)).collect()
}

#[test]
fn a_mirror_with_other_bytes_costs_one_request() {
    let mut other = body();
    other[7] ^= 1;
    for wrong in [PAGE, &other] {
        let world = locked();
        let mirror = serving(wrong);
        ask_first(&world, &[&mirror]);
        world.ok("build");
        assert_eq!(asked(&mirror, 0), [(None, 200)]);
        assert_eq!(asked(&world.upstream, 1), [(None, 200)]);
    }
}

#[test]
fn only_the_same_etag_joins_bytes_of_two_locations() {
    let mut other = body();
    other[7] ^= 1;
    for (bytes, status) in [(body(), 206), (other, 200)] {
        let world = locked();
        let mirror = serving(&bytes);
        mirror.fail("/a.txt", vec![Fault::Cut(10_000); 5]);
        ask_first(&world, &[&mirror]);
        world.ok("build");
        let seen = asked(&world.upstream, 1);
        assert!(seen.len() == 1 && seen[0].0.is_some() && seen[0].1 == status, "{seen:?}");
    }
}

#[test]
fn a_poisoned_rest_of_an_earlier_run_is_tried_once() {
    let sha256 = Sha256::of(&body());
    for (rest, expected) in
        [(1000, vec![(Some("bytes=1000-".to_owned()), 206), (None, 200)]), (body().len(), vec![(None, 200)])]
    {
        let world = locked();
        let store = Store::open(&world.path(".store")).unwrap();
        let expect = Expect { sha256: Some(sha256), size: Some(body().len() as u64), blob: None };
        let mut old = store.partial(sha256, expect).unwrap().unwrap();
        old.append(&vec![b'x'; rest]).unwrap();
        drop(old);
        world.ok("build");
        assert_eq!(asked(&world.upstream, 1), expected);
    }
}

#[test]
fn it_is_an_integrity_error_only_if_every_location_has_other_bytes() {
    let world = locked();
    let mirror = serving(PAGE);
    ask_first(&world, &[&mirror]);
    world.upstream.fail("/a.txt", [Fault::Body(b"{}")]);
    let run = world.run("build");
    assert_eq!(run.code, 5, "{}", run.stderr);
    for part in ["error[E0405]", "expected sha256:", "received sha256:", "(2 bytes, JSON)"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    world.upstream.fail("/a.txt", [Fault::Status(404, "")]);
    let run = world.run("build");
    assert_eq!(run.code, 1, "{}", run.stderr);
    for part in
        ["error[E0302]", "other bytes than the lock pins: expected sha256:", "(28 bytes, HTML", "HTTP 404"]
    {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
}

#[test]
fn the_cause_of_a_cut_is_told() {
    let world = World::new(FILE, &[("/a.txt", &body())]);
    world.upstream.fail("/a.txt", vec![Fault::Cut(10); 5]);
    let run = world.run("lock");
    assert!(run.code == 1 && run.stderr.contains("end of file before message length"), "{}", run.stderr);
}

#[test]
fn a_slash_at_the_end_of_a_mirror_changes_nothing_and_a_mirror_has_a_scheme() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    let config = |origin: &str, to: &str| {
        fs_err::write(world.path("config.toml"), format!("[mirror]\n\"{origin}\" = \"{to}\"\n")).unwrap();
    };
    config("https://up.invalid/", &format!("{}//", world.upstream.url()));
    world.ok("lock");
    assert_eq!(world.upstream.seen()[0].path, "/a.txt");
    for (origin, to) in [("up.invalid", "https://m.example"), ("https://up.invalid", "m.example")] {
        config(origin, to);
        let run = world.run("lock");
        assert_eq!(run.code, 2, "{}", run.stderr);
        let wrong = format!("the mirror of `{origin}` cannot be used");
        assert!(run.stderr.contains("error[E1205]") && run.stderr.contains(&wrong), "{}", run.stderr);
    }
}

#[test]
fn a_secret_that_is_missing_stops_only_who_asks_the_network() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    world.ok("key new release --no-passphrase --trust root.json");
    world.ok("build --key release");
    let config = fs_err::read_to_string(world.path("config.toml")).unwrap();
    let config = format!("{config}[credentials.\"up.example\"]\nenv = 'NOPE'\n");
    fs_err::write(world.path("config.toml"), config).unwrap();
    world.ok("bundle verify out/b.gabion --trust root.json");
    world.ok("build --offline");
    let run = world.run("update");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("error[E1203]") && run.stderr.contains("`$NOPE`"), "{}", run.stderr);
    let with = gabion(world.folder.path()).arg("update").env("NOPE", "token").output().unwrap();
    assert!(with.status.success(), "{}", String::from_utf8_lossy(&with.stderr));
}
