//! What a build that was ended leaves in the folder for temporary files, and what becomes of it.

use crate::scripts::{replace, world as scripts_world};
use crate::world::{Run, World, gabion};
use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than a test waits for anything.
const LONG: &str = "sleep 600\n";

fn world(script: &str) -> Option<World> {
    let world = scripts_world(script, "")?;
    fs::create_dir(world.path("tmp")).unwrap();
    Some(world)
}

fn build(world: &World, temporary: &Path) -> Command {
    let mut command = gabion(world.folder.path());
    command.args(["build", "run.it"]).env("TMPDIR", temporary);
    command
}

#[track_caller]
fn builds(world: &World, temporary: &Path) {
    let run = Run::from(build(world, temporary).output().unwrap());
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// The names in a folder, sorted, each without what makes it unique.
fn names(folder: &Path) -> Vec<String> {
    let name = |it: std::io::Result<fs::DirEntry>| it.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names.iter().map(|it| it.rsplit_once('-').unwrap().0.to_owned()).collect()
}

/// Starts a build and waits until its script runs; gives where.
fn started(world: &World, temporary: &Path) -> (Child, PathBuf) {
    let child = build(world, temporary).stderr(Stdio::null()).spawn().unwrap();
    (child, running(temporary))
}

/// Waits until there is the folder of a script; gives that of its build.
fn running(temporary: &Path) -> PathBuf {
    let deadline = Instant::now() + Duration::from_secs(60);
    let place = || {
        let folders = fs::read_dir(temporary).unwrap().filter_map(Result::ok);
        let mut inside =
            folders.filter_map(|it| fs::read_dir(it.path()).ok()).flatten().filter_map(Result::ok);
        inside.find(|it| it.file_name().to_string_lossy().starts_with("script-"))
    };
    loop {
        if let Some(place) = place() {
            return place.path().parent().unwrap().to_owned();
        }
        assert!(Instant::now() < deadline, "the script does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_a_build_leaves_that_was_ended_goes_with_the_next_one() {
    let Some(world) = world(LONG) else { return };
    let temporary = world.path("tmp");
    for signal in [Signal::INT, Signal::KILL] {
        let (child, place) = started(&world, &temporary);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait_with_output().unwrap().status;
        assert_eq!(status.code(), (signal == Signal::INT).then_some(130), "{status:?}");
        assert!(place.exists());
    }
    // The second run took away what the first one had left.
    assert_eq!(names(&temporary), ["gabion-run"]);
    replace(&world, LONG, "mkdir $out/a; : > $out/a/b; chmod 0 $out/a\n");
    builds(&world, &temporary);
    assert_eq!(names(&temporary), [""; 0]);
}

#[test]
fn what_a_living_build_needs_stays() {
    let Some(world) = world("sleep 4; : > $out/x\n") else { return };
    let temporary = world.path("tmp");
    let (mut child, place) = started(&world, &temporary);
    let Some(other) = self::world(": > $out/x\n") else { return };
    builds(&other, &temporary);
    assert!(place.exists() || child.try_wait().unwrap().is_some());
    assert!(child.wait().unwrap().success());
    assert_eq!(names(&temporary), [""; 0]);
}

#[test]
fn roots_go_too_and_what_is_kept_or_anothers_or_a_link_stays() {
    let Some(world) = world(": > $out/x\n") else { return };
    let temporary = world.path("tmp");
    let folder = |name: &str| {
        fs::create_dir_all(temporary.join(name).join("etc")).unwrap();
        fs::write(temporary.join(name).join("etc/file"), "x").unwrap();
    };
    folder("gabion-root-1");
    folder("gabion-run-1");
    folder("gabion-kept-1");
    folder("unrelated-1");
    symlink(temporary.join("unrelated-1"), temporary.join("gabion-run-link")).unwrap();
    let mut stay = vec!["gabion-kept", "gabion-run", "unrelated"];
    if rustix::process::geteuid().is_root() {
        let own = |path: &str, user| {
            std::os::unix::fs::chown(temporary.join(path), Some(user), Some(user)).unwrap();
        };
        // A file of a system is not always its builder's.
        own("gabion-root-1/etc/file", 33);
        folder("gabion-run-other");
        own("gabion-run-other", 33);
        stay.insert(1, "gabion-run");
    }
    builds(&world, &temporary);
    assert_eq!(names(&temporary), stay);
    assert!(temporary.join("unrelated-1/etc/file").exists());
}
