//! What the program is for: the same bytes everywhere, and nothing done twice.

use crate::world::{Run, World, gabion};
use gabion_testkit::{has, skip_also_in_ci};
use gabion_upstream::Fault;
use std::path::Path;

const FILE: &str = "[fetch.a]\nurl = 'https://up.invalid/a.txt'\n[bundle.b]\nbase = ['fetch.a']\n";

fn demo(folder: &Path, variables: &[(&str, &str)], umask: &str, jobs: &str) -> (String, Vec<u8>) {
    fs_err::create_dir_all(folder).unwrap();
    let program = env!("CARGO_BIN_EXE_gabion");
    let script = format!("umask {umask} && exec '{program}' demo -j {jobs}");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).env_clear().current_dir(folder).env("GABION_STORE", folder.join("store"));
    command.envs(variables.iter().copied());
    let run: Run = command.output().unwrap().into();
    assert_eq!(run.code, 0, "{}", run.stderr);
    (run.stdout.trim().to_owned(), fs_err::read(folder.join("demo/out/platform.gabion")).unwrap())
}

#[test]
fn the_demo_is_the_same_file_in_every_place_zone_locale_umask_and_thread_count() {
    let folder = tempfile::tempdir().unwrap();
    let (digest, bytes) = demo(&folder.path().join("a"), &[("TZ", "UTC")], "022", "1");
    let elsewhere = folder.path().join("a much longer path/with spaces");
    let other = demo(
        &elsewhere,
        &[("TZ", "Asia/Tokyo"), ("LC_ALL", "tr_TR.UTF-8"), ("HOME", "/nowhere")],
        "077",
        "8",
    );
    assert_eq!((&digest, &bytes), (&other.0, &other.1));
    let readme = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(readme.contains(&digest), "the README does not print {digest}");
}

/// User and group `nobody` of Debian.
const NOBODY: &str = "65534";

#[test]
fn the_demo_is_the_same_file_for_another_user() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let folder = tempfile::tempdir().unwrap();
    if fs_err::metadata(folder.path()).unwrap().uid() != 0 {
        skip_also_in_ci("only root may become another user");
        return;
    }
    if !has(&["setpriv"]) {
        return;
    }
    let (_, bytes) = demo(&folder.path().join("root"), &[], "022", "2");
    // The program lies where another user may not be able to look.
    let program = folder.path().join("gabion");
    fs_err::copy(env!("CARGO_BIN_EXE_gabion"), &program).unwrap();
    for (path, mode) in [(folder.path(), 0o755), (&program, 0o755)] {
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let home = folder.path().join("nobody");
    fs_err::create_dir(&home).unwrap();
    chown(&home, Some(65534), Some(65534)).unwrap();
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs"]);
    command.arg(&program).arg("demo").current_dir(&home);
    let run: Run = command.env_clear().env("GABION_STORE", home.join("store")).output().unwrap().into();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let theirs = home.join("demo/out/platform.gabion");
    assert_eq!(fs_err::metadata(&theirs).unwrap().uid(), 65534);
    assert!(fs_err::read(&theirs).unwrap() == bytes, "another user wrote another file");
}

#[test]
fn the_demo_leaves_a_project_that_works_without_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let (digest, _) = demo(folder.path(), &[], "022", "2");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gabion"));
        command.args(arguments).env_clear().current_dir(folder.path().join("demo"));
        let run: Run = command.env("GABION_STORE", folder.path().join("store")).output().unwrap().into();
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        run
    };
    assert!(run(&["build", "platform", "--frozen"]).stdout.starts_with(&digest));
    fs_err::remove_file(folder.path().join("demo/out/platform.gabion")).unwrap();
    assert!(
        run(&["build", "platform", "--frozen"]).stdout.starts_with(&digest),
        "built again from the store alone"
    );
    run(&["lock", "--check"]);
    assert!(run(&["store", "verify"]).stderr.contains("blobs are good"));
    for path in ["usr/local/bin/k3s", "etc/systemd/system/k3s.service", "etc/rancher/k3s/config.yaml"] {
        assert!(folder.path().join("demo/host").join(path).is_file(), "{path}");
    }
}

#[test]
fn a_second_build_asks_nobody_anything() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    let first = world.ok("build");
    let asked = world.upstream.seen().len();
    assert_eq!(world.ok("build"), first);
    assert_eq!(world.upstream.seen().len(), asked);
    assert_eq!(world.run("plan").stdout, "");
}

#[test]
fn a_download_that_is_cut_goes_on_where_it_was() {
    let body: Vec<u8> = (0..300_000_u32).map(|it| (it % 253) as u8).collect();
    let world = World::new(FILE, &[("/a.txt", &body)]);
    world.upstream.fail("/a.txt", [Fault::Cut(100_000), Fault::Status(503, "0"), Fault::Status(429, "0")]);
    world.ok("build");
    let seen = world.upstream.seen();
    let resumed = seen.last().unwrap();
    assert_eq!(resumed.status, 206, "{seen:?}");
    let from: u64 =
        resumed.range.as_ref().unwrap().trim_matches(|it: char| !it.is_ascii_digit()).parse().unwrap();
    assert!(from > 0 && from <= 100_000, "{seen:?}");
}

#[test]
fn editing_a_comment_builds_nothing_and_editing_a_document_builds_only_what_needs_it() {
    let recipes = format!("{FILE}deploy = ['manifests.m']\n[manifests.m]\nfiles = ['m.yaml']\n");
    let world = World::new(&recipes, &[("/a.txt", b"stones")]);
    fs_err::write(world.path("m.yaml"), "apiVersion: v1\nkind: Namespace\n").unwrap();
    let first = world.ok("build");
    let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    fs_err::write(world.path("gabion.toml"), format!("# a comment\n{toml}")).unwrap();
    assert_eq!(world.ok("plan"), "");
    fs_err::write(world.path("m.yaml"), "apiVersion: v1\nkind: Pod\n").unwrap();
    assert_eq!(world.ok("plan"), "build    manifests.m (new here)\nbuild    bundle.b (needs manifests.m)\n");
    assert_ne!(world.ok("build"), first);
}

#[test]
fn signing_verifying_and_installing_by_hand_go_together() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    world.ok("build");
    let unsigned = world.run("bundle verify out/b.gabion");
    assert_eq!(unsigned.code, 6, "{}", unsigned.stderr);
    world.ok("key new release --no-passphrase --trust root.json");
    let unsigned = world.run("bundle verify out/b.gabion --trust root.json");
    assert!(unsigned.code == 6 && unsigned.stderr.contains("E0507"), "{}", unsigned.stderr);
    world.ok("bundle sign out/b.gabion --key release");
    world.ok("bundle verify out/b.gabion --trust root.json --full");
    fs_err::create_dir(world.path("host")).unwrap();
    let install = "host install out/b.gabion --root host --trust root.json";
    assert_eq!(world.ok(install), "+ /var/lib/gabion/files/fetch.a/a.txt\n");
    assert_eq!(world.ok(install), "");
    world.ok("bundle extract out/b.gabion --trust root.json -o taken");
    assert_eq!(fs_err::read(world.path("taken/content/fetch.a/a.txt")).unwrap(), b"stones");
    let mut bytes = fs_err::read(world.path("out/b.gabion")).unwrap();
    let at = bytes.windows(6).position(|it| it == b"stones").unwrap();
    bytes[at] ^= 1;
    fs_err::write(world.path("out/b.gabion"), bytes).unwrap();
    for command in ["bundle verify out/b.gabion --trust root.json", install] {
        let run = world.run(command);
        assert!(run.code == 5 && run.stderr.contains("E0503"), "{command}: {}", run.stderr);
    }
}

#[test]
fn an_installation_says_what_it_replaces_and_where_that_is_kept() {
    const FOLDER: &str = "host/var/lib/gabion/files/fetch.a";
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    world.ok("key new release --no-passphrase --trust root.json");
    world.ok("build --key release");
    fs_err::create_dir_all(world.path(FOLDER)).unwrap();
    let (path, kept) = (world.path(FOLDER).join("a.txt"), world.path(FOLDER).join("a.txt.before-gabion"));
    fs_err::write(&path, "theirs").unwrap();
    let install = "host install out/b.gabion --root host --trust root.json";
    let shown =
        "~ /var/lib/gabion/files/fetch.a/a.txt (kept as /var/lib/gabion/files/fetch.a/a.txt.before-gabion)\n";
    assert_eq!(world.ok(&format!("{install} --dry-run")), shown);
    assert!(!kept.exists());
    let json: serde_json::Value =
        serde_json::from_str(&world.ok(&format!("{install} --dry-run --json"))).unwrap();
    assert_eq!(json["written"], serde_json::json!([]));
    assert_eq!(json["replaced"], serde_json::json!(["var/lib/gabion/files/fetch.a/a.txt"]));
    assert_eq!(
        json["kept"],
        serde_json::json!({"var/lib/gabion/files/fetch.a/a.txt": "var/lib/gabion/files/fetch.a/a.txt.before-gabion"})
    );
    assert_eq!(world.ok(install), shown);
    assert_eq!(
        (fs_err::read(&path).unwrap(), fs_err::read(&kept).unwrap()),
        (b"stones".into(), b"theirs".into())
    );
    assert_eq!(world.ok(install), "");
    fs_err::remove_file(&path).unwrap();
    fs_err::create_dir(&path).unwrap();
    let run = world.run(install);
    assert!(run.code == 1 && run.stderr.contains("E0610"), "{}", run.stderr);
}

#[test]
fn two_builds_at_once_both_succeed() {
    let body = vec![7; 3_000_000];
    let world = World::new(FILE, &[("/a.txt", &body)]);
    world.ok("lock");
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    let runs: Vec<_> = (0..2)
        .map(|i| gabion(world.folder.path()).args(["build", "-o", &format!("{i}.gabion")]).spawn().unwrap())
        .collect();
    for mut run in runs {
        assert!(run.wait().unwrap().success());
    }
    assert_eq!(fs_err::read(world.path("0.gabion")).unwrap(), fs_err::read(world.path("1.gabion")).unwrap());
}

#[test]
fn nodes_with_the_same_bytes_and_builds_with_the_same_files_do_not_wait_for_each_other() {
    use std::fmt::Write as _;
    let mut recipes = String::from("[bundle.b]\nbase = [");
    let names: Vec<String> = (0..24).map(|it| format!("'fetch.f{it}'")).collect();
    let _ = writeln!(recipes, "{}]", names.join(", "));
    let mut files = Vec::new();
    for it in 0..24_u8 {
        // Every second node has the bytes of its neighbour.
        let _ = writeln!(recipes, "[fetch.f{it}]\nurl = 'https://up.invalid/{it}.bin'");
        files.push((format!("/{it}.bin"), vec![it / 2; 200_000]));
    }
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let world = World::new(&recipes, &files);
    world.ok("lock");
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    let start = |i: usize| {
        gabion(world.folder.path()).args(["build", "-j", "8", "-o", &format!("{i}.gabion")]).spawn().unwrap()
    };
    for mut run in (0..4).map(start).collect::<Vec<_>>() {
        assert!(run.wait().unwrap().success());
    }
    assert_eq!(fs_err::read(world.path("0.gabion")).unwrap(), fs_err::read(world.path("3.gabion")).unwrap());
}
