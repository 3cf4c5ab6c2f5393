//! Bad input: one clear error, its code, what to do, the documented exit code; nothing is lost.

use crate::world::World;
use gabion_upstream::Fault;

const FILE: &str = "[fetch.a]\nurl = 'https://up.invalid/a.txt'\n[bundle.b]\nbase = ['fetch.a']\n";

fn blobs(world: &World) -> String {
    world.ok("store ls")
}

#[test]
fn a_page_instead_of_the_file_is_named_and_not_kept() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    world.ok("lock");
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    world.upstream.fail("/a.txt", [Fault::Body(b"<html>")]);
    let run = world.run("build");
    assert_eq!(run.code, 5, "{}", run.stderr);
    for part in ["error[E0405]", "expected sha256:", "received sha256:", "HTML"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert_eq!(blobs(&world), "");
    world.ok("build");
}

#[test]
fn what_is_missing_offline_is_listed_whole() {
    let recipes = "[fetch.a]\nurl = 'https://up.invalid/a'\n[fetch.c]\nurl = 'https://up.invalid/c'\n[bundle.b]\nbase = ['fetch.a', 'fetch.c']\n";
    let world = World::new(recipes, &[("/a", b"1"), ("/c", b"2")]);
    let unlocked = world.run("build --offline");
    assert!(unlocked.code == 4 && unlocked.stderr.contains("E0301"), "{}", unlocked.stderr);
    world.ok("lock");
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    let asked = world.upstream.seen().len();
    let run = world.run("build --offline");
    assert!(run.code == 4 && run.stderr.contains("E1101"), "{}", run.stderr);
    assert!(run.stderr.contains("https://up.invalid/a") && run.stderr.contains("https://up.invalid/c"));
    assert_eq!(world.upstream.seen().len(), asked);
}

#[test]
fn a_stale_lock_is_refused_with_locked_and_mended_without() {
    let world = World::new(FILE, &[("/a.txt", b"stones"), ("/b.txt", b"more")]);
    world.ok("build");
    let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    fs_err::write(world.path("gabion.toml"), toml.replace("a.txt", "b.txt")).unwrap();
    for command in ["build --locked", "lock --check", "plan"] {
        let run = world.run(command);
        assert!(run.code == 3 && run.stderr.contains("E0221"), "{command}: {}", run.stderr);
        assert!(run.stderr.contains("fetch.a: url:https://up.invalid/b.txt"), "{}", run.stderr);
    }
    assert!(world.ok("lock").starts_with("~ fetch.a"));
    world.ok("build --locked");
}

#[test]
fn a_lock_with_a_conflict_is_pinned_anew() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    world.ok("lock");
    let lock = fs_err::read_to_string(world.path("gabion.lock")).unwrap();
    let size = "size = 6\n";
    let conflict = lock.replace(size, "<<<<<<< ours\nsize = 5\n=======\nsize = 7\n>>>>>>> theirs\n");
    fs_err::write(world.path("gabion.lock"), conflict).unwrap();
    let run = world.run("build --locked");
    assert_eq!(run.code, 3, "{}", run.stderr);
    world.ok("lock");
    assert_eq!(fs_err::read_to_string(world.path("gabion.lock")).unwrap(), lock);
}

#[test]
fn mistakes_in_recipes_are_shown_with_their_source_line() {
    let world = World::new(
        "[fetch.a]\nurl = 'https://up.invalid/a'\nsha265 = 'x'\n[bundle.b]\nbase = ['fetch.aa']\n",
        &[],
    );
    let run = world.run("check");
    assert_eq!(run.code, 1);
    for part in
        ["E0102", "did you mean `sha256`?", "gabion.toml:7", "E0112", "did you mean `fetch.a`?", "2 mistakes"]
    {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    fs_err::write(world.path("gabion.toml"), "[project\n").unwrap();
    assert!(world.run("build").stderr.contains("E0101"));
}

#[test]
fn a_store_that_cannot_be_used_is_one_clear_error() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    fs_err::write(world.path("file"), "").unwrap();
    let run = world.run("build --store file");
    assert!(run.code == 1 && run.stderr.contains("error[E040"), "{}", run.stderr);
    fs_err::create_dir(world.path("other")).unwrap();
    fs_err::write(world.path("other/format"), "gabion-store 9\n").unwrap();
    let run = world.run("build --store other");
    assert!(run.stderr.contains("error[E0401]") && run.stderr.contains("gabion-store 9"), "{}", run.stderr);
}

#[test]
fn a_server_that_sends_more_than_was_locked_is_stopped() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    world.ok("lock");
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    world.upstream.fail("/a.txt", [Fault::Body(b"stones and then some")]);
    let run = world.run("build");
    assert!(run.code == 5 && run.stderr.contains("expected 6 bytes"), "{}", run.stderr);
    assert_eq!(blobs(&world), "");
}

#[test]
fn what_k3s_lists_no_digest_of_is_not_taken_on_trust() {
    let recipes = "[k3s.main]\nversion = 'v1.0.0'\nreleases = 'https://up.invalid/r'\n[bundle.b]\nbase = ['k3s.main']\n";
    let assets: [(&str, &[u8]); 3] = [
        ("k3s", b"a program"),
        ("k3s-airgap-images-amd64.tar.zst", b"images"),
        (
            "k3s-images.txt",
            b"docker.io/rancher/klipper-helm:v0.10.0\ndocker.io/rancher/klipper-lb:v0.4.17\ndocker.io/rancher/mirrored-pause:3.6\n",
        ),
    ];
    let line =
        |(name, bytes): &(&str, &[u8])| format!("{}  {name}\n", gabion_digest::Sha256::of(bytes).hex());
    let lines: Vec<String> = assets[..2].iter().map(line).collect();
    let lock = |sums: &str| {
        let mut files = assets.map(|(name, bytes)| (format!("/r/v1.0.0/{name}"), bytes)).to_vec();
        files.push(("/r/v1.0.0/sha256sum-amd64.txt".to_owned(), sums.as_bytes()));
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
        World::new(recipes, &files).run("lock")
    };
    let good = lock(&lines.concat());
    assert_eq!(good.code, 0, "{}", good.stderr);
    for (missing, other) in [(0, 1), (1, 0)] {
        let run = lock(&lines[other]);
        let says = format!("`sha256sum-amd64.txt` has no line for `{}`", assets[missing].0);
        assert!(
            run.code == 1 && run.stderr.contains("E0310") && run.stderr.contains(&says),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn redirects_never_end_elsewhere_than_on_the_web() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    world.upstream.fail("/a.txt", [Fault::Redirect("file:///etc/passwd")]);
    let run = world.run("build");
    assert!(run.code == 1 && run.stderr.contains("E0302"), "{}", run.stderr);
    world.upstream.fail("/a.txt", [Fault::Redirect("http://192.0.2.1/a.txt")]);
    assert!(world.run("build").stderr.contains("plain http"), "{}", run.stderr);
    world.upstream.fail("/a.txt", vec![Fault::Redirect("/a.txt"); 9]);
    assert!(world.run("build").stderr.contains("too many redirects"));
}

#[test]
fn the_command_line_answers_with_two() {
    let world = World::new(FILE, &[]);
    for command in ["bild", "build --nope", "bundle verify"] {
        assert_eq!(world.run(command).code, 2, "{command}");
    }
    assert_eq!(world.run("--help").code, 0);
    assert!(world.ok("explain E0114").contains("circle"));
    assert!(world.ok("explain 5").contains("not what they must be"));
}

#[test]
fn json_is_the_only_thing_on_stdout() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    let built: serde_json::Value = serde_json::from_str(&world.ok("build --json")).unwrap();
    assert!(built["digest"].as_str().unwrap().starts_with("sha256:"));
    for command in [
        "check",
        "tree",
        "why fetch.a",
        "lock",
        "lock --check",
        "update",
        "plan",
        "store du",
        "bundle inspect out/b.gabion",
    ] {
        let out = world.ok(&format!("{command} --json"));
        let value: serde_json::Value =
            serde_json::from_str(&out).unwrap_or_else(|error| panic!("{command}: {error}: {out}"));
        assert_eq!(value["schema"], 1, "{command}");
    }
    let failed: serde_json::Value = serde_json::from_str(&world.run("build nothing --json").stdout).unwrap();
    assert_eq!(failed["error"]["code"], "E0115");
}

#[test]
fn a_file_or_folder_that_cannot_be_used_is_named_with_its_cause() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    world.ok("build");
    fs_err::write(world.path("file"), "").unwrap();
    for (command, parts) in [
        ("bundle verify out/b.gabion --trust none.json", ["E0501", "`none.json`", "No such file"]),
        ("bundle verify out/b.gabion --trust out", ["E0501", "`out`", "Is a directory"]),
        ("bundle verify out/b.gabion --trust file", ["E0509", "trust root is wrong", "EOF"]),
        ("build --output file/b.gabion", ["E0501", "`file`", "File exists"]),
        ("build --output file/out/b.gabion", ["E0501", "`file/out`", "Not a directory"]),
        ("demo file/demo", ["E0501", "`file/demo`", "Not a directory"]),
    ] {
        let run = world.run(command);
        assert_eq!(run.code, if parts[0] == "E0509" { 6 } else { 1 }, "{command}: {}", run.stderr);
        for part in parts {
            assert!(run.stderr.contains(part), "{command}: {part}: {}", run.stderr);
        }
    }
}

#[test]
fn a_lock_with_markers_or_changed_by_hand_is_refused_where_it_must_stay() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    world.ok("build");
    let lock = fs_err::read_to_string(world.path("gabion.lock")).unwrap();
    fs_err::write(world.path("gabion.lock"), format!("<<<<<<< ours\n=======\n>>>>>>> theirs\n{lock}"))
        .unwrap();
    for command in ["lock --check", "build --frozen", "build --locked"] {
        let run = world.run(command);
        assert!(run.code == 3 && run.stderr.contains("E0222"), "{command}: {}", run.stderr);
    }
    fs_err::write(world.path("gabion.lock"), lock.replace("size = 6", "size = 7")).unwrap();
    let run = world.run("build --frozen");
    assert!(run.code == 5 && run.stderr.contains("E1105"), "{}", run.stderr);
}

#[test]
fn nothing_of_the_project_leads_out_of_it_and_no_password_is_taken_along() {
    let recipes = "[vars]\na = 'x'\nb = '${a}'\n[manifests.m]\nfiles = ['link.yaml']\n[manifests.n]\nfiles = ['pipe.yaml']\n\
                   [fetch.p]\nurl = 'https://me:hunter2@up.invalid/a'\n[bundle.b]\n";
    let world = World::new(recipes, &[]);
    let outside = tempfile::tempdir().unwrap();
    fs_err::write(outside.path().join("secret.yaml"), "a: 1\n").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.yaml"), world.path("link.yaml")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(world.path("pipe.yaml")).status().unwrap().success());
    let run = world.run("check");
    for told in [
        "`link.yaml` leaves the project",
        "no regular file",
        "carries credentials",
        "variables are not replaced",
    ] {
        assert!(run.stderr.contains(told), "no `{told}`: {}", run.stderr);
    }
}

#[test]
fn a_full_stdout_is_a_failure_and_a_missing_home_is_none() {
    let world = World::new(FILE, &[("/a.txt", b"stones")]);
    world.ok("build");
    let full = fs_err::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run =
        crate::world::gabion(world.folder.path()).arg("tree").stdout(full.into_file()).output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    let mut homeless = crate::world::gabion(world.folder.path());
    homeless.env_remove("GABION_STORE");
    assert!(homeless.args(["bundle", "ls", "out/b.gabion"]).output().unwrap().status.success());
    let mut homeless = crate::world::gabion(world.folder.path());
    let run = homeless.env_remove("GABION_STORE").args(["plan"]).output().unwrap();
    assert!(String::from_utf8(run.stderr).unwrap().contains("E1204"));
    let run = world.run("update -p b");
    assert!(run.code == 2 && run.stderr.contains("has nothing in the lock"), "{}", run.stderr);
}
