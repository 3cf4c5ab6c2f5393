//! One lock, built in two worlds: the disks are the same bytes.

use crate::clock::phase;
use crate::image::{self, Project};
use gabion_store::Tree;
use gabion_testkit::{has, program, run, skip};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Somebody who is not root, and whose user namespaces have room for every user of a system.
const USER: &str = "gabion-vm";

/// Makes the user where it is not there; `useradd` gives it subordinate ids (`login.defs(5)`, `SUB_UID_COUNT`).
fn user() {
    if !program("id").arg(USER).output().unwrap().status.success() {
        run(program("useradd").args(["--no-create-home", "--shell", "/usr/sbin/nologin", USER]));
    }
    let there = |file| fs_err::read_to_string(file).is_ok_and(|it| it.contains(&format!("{USER}:")));
    for (file, option) in [("/etc/subuid", "--add-subuids"), ("/etc/subgid", "--add-subgids")] {
        if !there(file) {
            run(program("usermod").args([option, "2000000000-2000065535", USER]));
        }
    }
}

fn is_possible() -> bool {
    let programs =
        ["useradd", "usermod", "unshare", "setpriv", "taskset", "faketime", "newuidmap", "hostname"];
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip("only root makes a user and another host name");
    }
    is_root && has(&programs)
}

/// The world of the second build. Root of this test sees to it; from `setpriv` on nobody is root.
///
/// `faketime` moves the clock that Gabion itself sees by 400 days. The sandbox gives programs an empty environment,
/// so that they see the machine's clock as ever; no namespace of Linux moves it (`time_namespaces(7)` has those that
/// begin at the start). Theirs differs by the minutes between the two builds.
fn elsewhere(scratch: &Path) -> Command {
    let script = format!(
        "hostname elsewhere && umask 027 && exec setpriv --reuid={USER} --regid={USER} --init-groups \
         taskset 1 faketime -m -f +400d \"$@\""
    );
    let mut command = program("unshare");
    command.args(["--uts", "sh", "-c", &script, "sh"]);
    command.env("TMPDIR", scratch).env("HOME", "/nonexistent").env("TZ", "Pacific/Kiritimati");
    command.env("LANG", "tr_TR.UTF-8").env("LC_ALL", "tr_TR.UTF-8").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command
}

/// Another project of the same locks, which belongs to the user, with every package in its store.
fn other(first: &Project, folder: &Path) -> Project {
    let inner = folder.join("a folder whose path is longer than the other one's/and has a ü in it");
    fs_err::create_dir_all(&inner).unwrap();
    fs_err::copy(env!("CARGO_BIN_EXE_gabion"), folder.join("gabion")).unwrap();
    fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let project = first.copy(inner);
    run(program("chown").args(["-R", &format!("{USER}:")]).arg(folder));
    // The mirror's certificate is of today.
    let mut fetch = program("setpriv");
    fetch.args(["--reuid", USER, "--regid", USER, "--init-groups"]).arg(folder.join("gabion"));
    run(project.tell(&mut fetch).args(["build", "apt.vps", "--locked"]));
    project
}

/// What only one of two systems has, for whoever looks for the reason.
fn difference(one: &Tree, other: &Tree) -> String {
    let (one, other) = (one.to_text(), other.to_text());
    let [left, right] = [&one, &other].map(|text| text.lines().collect::<BTreeSet<_>>());
    let lines = left.symmetric_difference(&right).take(200);
    lines.map(|line| format!("{} {line}\n", if left.contains(line) { '-' } else { '+' })).collect()
}

#[test]
fn two_worlds_build_the_same_disk() {
    if !is_possible() {
        return;
    }
    let Some(first) = image::built() else { return };
    user();
    let folder = tempfile::Builder::new().prefix("gabion-elsewhere-").tempdir().unwrap();
    // In memory, where a folder lists its files in another order than on a disk.
    let scratch = tempfile::tempdir_in("/dev/shm").unwrap();
    let second = phase("fetch again", || other(first, folder.path()));
    run(program("chown").arg(USER).arg(scratch.path()));
    let mut build = elsewhere(scratch.path());
    build.arg(folder.path().join("gabion")).args(["build", "disk.vps", "--frozen", "--jobs", "1"]);
    phase("build again", || run(second.tell(&mut build)));

    let (one, other) = (first.system(), second.system());
    assert_eq!(one.id(), other.id(), "{}", difference(&one, &other));
    assert_eq!(first.disk(), second.disk(), "the systems are the same, and the disks are not");
    for project in [first, &second] {
        project.gabion(&["store", "verify"]);
    }
    // Nothing of the second one stays where it was made.
    assert_eq!(fs_err::read_dir(scratch.path()).unwrap().count(), 0);
}
