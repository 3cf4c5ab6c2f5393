//! Commands of a host on another machine, over a real sshd on loopback: one connection each, and a new one that confirms.

use crate::installer;
use crate::sshd::{Sshd, sshd};
use crate::trust::{key, refused};
use crate::world::{Run, World, gabion};
use fs_err as fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// A host in a folder, brought to a first bundle; `out/b.gabion` is a second one.
fn world() -> World {
    let recipe = "[fetch.a]\nurl = 'https://up.invalid/a'\n[fetch.b]\nurl = 'https://up.invalid/b'\n\
        [bundle.b]\nbase = ['fetch.a']\n";
    let world = World::new(recipe, &[("/a", b"stones"), ("/b", b"other stones")]);
    key(&world, "rel");
    fs::create_dir(world.path("host")).unwrap();
    fs::create_dir(world.path("tmp")).unwrap();
    world.ok("build --key rel");
    world.ok("host install out/b.gabion --root host --trust rel.json");
    world.ok("host recover --root host");
    let recipe = fs::read_to_string(world.path("gabion.toml")).unwrap();
    fs::write(world.path("gabion.toml"), recipe.replace("['fetch.a']", "['fetch.a', 'fetch.b']")).unwrap();
    world.ok("build --key rel");
    world
}

/// Runs a command of the host there.
fn there(world: &World, sshd: &Sshd, words: &str) -> Run {
    let words = format!(
        "host {words} {} --root {} --remote-path {}",
        sshd.options,
        world.path("host").display(),
        installer::built().display()
    );
    let mut command = gabion(world.folder.path());
    command.env("TMPDIR", world.path("tmp")).args(words.split_whitespace());
    command.output().unwrap().into()
}

#[track_caller]
fn ok(world: &World, sshd: &Sshd, words: &str) -> Run {
    let run = there(world, sshd, words);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run
}

/// Whether a process was started with a path below `folder`.
fn is_named(folder: &Path) -> bool {
    let folder = folder.display().to_string();
    let mut processes = fs::read_dir("/proc").unwrap().map(|it| it.unwrap().path().join("cmdline"));
    processes.any(|it| fs::read(it).is_ok_and(|it| String::from_utf8_lossy(&it).contains(&folder)))
}

/// No connection is left, and nothing of it.
#[track_caller]
fn closed(world: &World) {
    let tmp = world.path("tmp");
    let until = Instant::now() + Duration::from_secs(20);
    while is_named(&tmp) {
        assert!(Instant::now() < until, "a connection stays open");
    }
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
}

const APPLY: &str = "apply out/b.gabion --trust rel.json";

#[test]
fn a_command_needs_one_connection_and_a_confirmation_another() {
    let Some(sshd) = sshd() else { return };
    let world = world();
    sshd.came();
    ok(&world, &sshd, "status");
    assert_eq!(sshd.came(), 1);
    ok(&world, &sshd, "plan out/b.gabion --trust rel.json");
    assert_eq!(sshd.came(), 1, "the bundle and the plan");
    // As a firewall does that counts: the one that is to confirm comes too soon, and once more.
    sshd.refuse(1..3);
    let run = ok(&world, &sshd, APPLY);
    assert!(run.stdout.ends_with("generation 2 is in force\n"), "{}", run.stdout);
    assert!(run.stderr.contains("does not let us in yet; trying again for"), "{}", run.stderr);
    assert_eq!(sshd.came(), 4);
    closed(&world);
    let run = ok(&world, &sshd, APPLY);
    assert!(run.stdout.contains("generation 2 is in force already"), "{}", run.stdout);
    assert_eq!(sshd.came(), 1);
    closed(&world);
}

#[test]
fn what_a_user_shares_confirms_nothing() {
    let Some(sshd) = sshd() else { return };
    let world = world();
    sshd.came();
    let own = format!(
        "{APPLY} --ssh-option ControlMaster=auto --ssh-option ControlPersist=1 --ssh-option ControlPath={}",
        world.path("own").display()
    );
    let run = ok(&world, &sshd, &own);
    assert!(run.stdout.ends_with("generation 2 is in force\n"), "{}", run.stdout);
    assert_eq!(sshd.came(), 2, "the user's, and a new one");
    closed(&world);
}

#[test]
fn who_does_not_answer_is_waited_for_only_where_a_host_comes_back() {
    let Some(sshd) = sshd() else { return };
    let world = world();
    sshd.refuse(0..usize::MAX);
    refused(&there(&world, &sshd, APPLY), 1, &["E0632", "lets nobody in", "half a minute"]);
    assert_eq!(sshd.came(), 1, "nobody waits");
    // Somebody confirms a host that is still starting.
    ok(&world, &sshd, &format!("{APPLY} --leave"));
    sshd.refuse(0..1);
    let run = ok(&world, &sshd, "confirm");
    assert!(run.stdout.contains("generation 2 is in force"), "{}", run.stdout);
    assert_eq!(sshd.came(), 2);
}

#[test]
fn a_backup_comes_and_goes_back_over_ssh_and_what_opens_it_stays_here() {
    let Some(sshd) = sshd() else { return };
    let world = world();
    let token = world.path("host/var/lib/rancher/k3s/server/token");
    fs::create_dir_all(token.parent().unwrap()).unwrap();
    fs::write(&token, "K10stones").unwrap();
    let ops = world.ok("secrets key new -o ops");
    world.ok("secrets key new -o other");
    // Standard output is the backup, which is no text.
    let words = format!(
        "host backup --recipient {} {} --root {} --remote-path {}",
        ops.trim(),
        sshd.options,
        world.path("host").display(),
        installer::built().display()
    );
    let saved = gabion(world.folder.path()).args(words.split_whitespace()).output().unwrap();
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    fs::write(world.path("saved"), &saved.stdout).unwrap();

    fs::write(&token, "K10other").unwrap();
    sshd.came();
    let run = ok(&world, &sshd, "restore saved --identity ops --verify");
    assert!(run.stdout.starts_with("whole: "), "{}", run.stdout);
    // Nobody is called where nothing opens it.
    sshd.came();
    refused(&there(&world, &sshd, "restore saved --identity other"), 6, &["E0681"]);
    assert_eq!(sshd.came(), 0);
    let mut cut = saved.stdout.clone();
    cut.truncate(cut.len() - 100);
    fs::write(world.path("cut"), cut).unwrap();
    let run = there(&world, &sshd, "restore cut --identity ops");
    assert!(run.code != 0 && run.stderr.contains("error[E069"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(&token).unwrap(), "K10other", "nothing of a cut one is put in place");
    let run = ok(&world, &sshd, "restore saved --identity ops --part token");
    assert!(run.stdout.starts_with("put back 1 paths of "), "{}", run.stdout);
    assert_eq!(fs::read_to_string(&token).unwrap(), "K10stones");
}
