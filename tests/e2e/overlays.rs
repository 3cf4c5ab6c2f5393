//! One lock for all overlays.

use crate::world::World;

const RECIPES: &str = "[fetch.a]\nurl = 'https://up.invalid/a'\n[bundle.b]\nbase = ['fetch.a']\n";

fn world(overlays: &[(&str, &str)]) -> World {
    let world = World::new(RECIPES, &[("/a", b"1"), ("/b", b"2"), ("/c", b"3")]);
    fs_err::create_dir(world.path("env")).unwrap();
    for (name, text) in overlays {
        fs_err::write(world.path(&format!("env/{name}.toml")), text).unwrap();
    }
    world
}

const MORE: &str = "[fetch.b]\nurl = 'https://up.invalid/b'\n[bundle.b]\nbase = ['fetch.a', 'fetch.b']\n";

#[test]
fn one_lock_answers_all_overlays_and_says_which_entry_only_some_need() {
    let world = world(&[("staging", MORE), ("test", MORE), ("plain", "")]);
    world.ok("lock");
    let lock = fs_err::read_to_string(world.path("gabion.lock")).unwrap();
    assert_eq!(lock.matches("[[artifact]]").count(), 2, "{lock}");
    let (a, b) = lock.split_once("id = \"fetch.b\"").unwrap();
    assert!(!a.contains("only ="), "{lock}");
    assert!(b.contains("\"staging\",") && b.contains("\"test\",") && !b.contains("plain"), "{lock}");
    // Whichever overlay locks, the lock is the same one, and it is complete.
    world.ok("lock --env staging");
    world.ok("lock --check --env plain");
    world.ok("build --env staging --locked");
    assert_eq!(fs_err::read_to_string(world.path("gabion.lock")).unwrap(), lock);
    fs_err::remove_file(world.path("env/test.toml")).unwrap();
    world.ok("lock");
    assert!(!fs_err::read_to_string(world.path("gabion.lock")).unwrap().contains("test"));
}

#[test]
fn an_overlay_that_asks_for_something_else_needs_a_node_or_a_lock_of_its_own() {
    let world = world(&[("staging", "[fetch.a]\nurl = 'https://up.invalid/c'\n")]);
    let run = world.run("lock");
    assert_eq!(run.code, 1, "{}", run.stderr);
    for told in ["E0117", "overlay `staging`", "https://up.invalid/a", "https://up.invalid/c", "of its own"] {
        assert!(run.stderr.contains(told), "no `{told}`: {}", run.stderr);
    }
    let own = "[project]\nlock = 'env/staging.lock'\n[fetch.a]\nurl = 'https://up.invalid/c'\n";
    fs_err::write(world.path("env/staging.toml"), own).unwrap();
    world.ok("lock");
    world.ok("lock --env staging");
    assert!(world.path("env/staging.lock").exists() && world.path("gabion.lock").exists());
    world.ok("build --env staging --locked");
}

#[test]
fn everything_that_cannot_be_pinned_is_told_at_once() {
    let world = World::new(
        "[fetch.a]\nurl = 'https://up.invalid/a'\n[fetch.b]\nurl = 'https://up.invalid/b'\n[bundle.b]\nbase = ['fetch.a']\n",
        &[],
    );
    let run = world.run("lock");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("`fetch.a`") && run.stderr.contains("`fetch.b`"), "{}", run.stderr);
    assert!(!world.path("gabion.lock").exists());
}
