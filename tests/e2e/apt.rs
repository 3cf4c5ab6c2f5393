//! Closures of packages from a signed archive on loopback, and everything that can be wrong with one.

use crate::world::{World, gabion};
use gabion_testkit::{has, program, run};
use gabion_upstream::{Content, Fault, Package, Suite};

const KEYS: &str = include_str!("../../recipes/trust/demo-archive.asc");
const DATE: &str = "Mon, 16 Nov 2026 00:00:00 UTC";
const INRELEASE: &str = "/deb/dists/stable/InRelease";

const fn package(name: &'static str, version: &'static str, fields: &'static str) -> Package<'static> {
    Package { name, version, component: "main", fields }
}

const PACKAGES: [Package<'_>; 5] = [
    package("libone", "1.2-1", ""),
    package("one", "1.0-1", "Depends: libone (>= 1.1), two | three\n"),
    package("two", "2.0-1", "Depends: libone (>= 9)\nBreaks: four\n"),
    package("three", "3.0-1", ""),
    package("four", "4.0-1", "Conflicts: one\n"),
];

fn recipe(more: &str) -> String {
    format!(
        "[apt.os]\narchive = 'https://up.invalid/deb'\nsuites = ['stable']\ncomponents = ['main']\n\
         keyring = 'keys.asc'\nessential = false\n{more}\n[bundle.b]\nbase = ['apt.os']\n"
    )
}

fn content(date: &str, fields: &str) -> Content {
    let mut content = Content::default();
    content.suite("/deb", &Suite { name: "stable", date, fields, packages: &PACKAGES });
    content
}

fn world(more: &str, content: Content) -> World {
    let world = World::serving(&recipe(more), content);
    fs_err::write(world.path("keys.asc"), KEYS).unwrap();
    world
}

/// Locking fails with this exit code, error code and word, and leaves no lock.
#[track_caller]
fn refused(world: &World, exit: i32, code: &str, says: &str) {
    let run = world.run("lock");
    assert_eq!(run.code, exit, "{}", run.stderr);
    assert!(run.stderr.contains(code) && run.stderr.contains(says), "no {code} `{says}`: {}", run.stderr);
    assert!(!world.path("locks").exists());
}

const ONE: &str = "install = ['three', 'one']";

#[test]
fn a_closure_is_locked_built_and_bundled() {
    let world = world(ONE, content(DATE, ""));
    world.ok("build b");
    let lock = fs_err::read_to_string(world.path("locks/apt.os.lock")).unwrap();
    let names: Vec<&str> =
        lock.lines().filter(|it| !it.starts_with('#')).map(|it| it.split(' ').next().unwrap()).collect();
    // `three` was there, so `two` is not needed.
    assert_eq!(names, ["libone", "one", "three"]);
    assert!(lock.contains("# suite stable date 2026-11-16T00:00:00Z"));
    let list = world.ok("bundle ls out/b.gabion");
    assert!(list.contains("content/apt.os/one_1.0-1_amd64.deb") && list.contains("lock/locks/apt.os.lock"));
    world.ok("lock --check");
    world.ok("build b --frozen");
    let before = world.upstream.seen().len();
    world.ok("update");
    // The index is in the store already: only the signed file is asked for again.
    let seen = world.upstream.seen();
    let again: Vec<&str> = seen[before..].iter().map(|it| it.path.as_str()).collect();
    assert_eq!(again, [INRELEASE]);
}

#[test]
fn only_what_pinned_keys_sign_is_believed() {
    let good = content(DATE, "");
    let text = String::from_utf8(good.files[INRELEASE].clone()).unwrap();
    let served = |text: String| {
        let mut content = good.clone();
        content.files.insert(INRELEASE.to_owned(), text.into_bytes());
        world(ONE, content)
    };
    refused(
        &served(text.replace("Components: main", "Components: evil")),
        6,
        "E0703",
        "does not fit the text",
    );
    refused(&served(format!("Suite: evil\n\n{text}")), 6, "E0702", "before the signed message");
    refused(&served(format!("{text}\nSuite: evil\n")), 6, "E0702", "after the signature");
    refused(&served(text[..text.len() / 2].to_owned()), 6, "E0702", "does not end");
    refused(&served("<html>Sign in</html>".to_owned()), 6, "E0702", "no signed message");
    let stranger = format!("{ONE}\nfingerprints = ['{}']", "AB".repeat(20));
    refused(&world(&stranger, good), 6, "E0703", "unknown key");
}

#[test]
fn a_suite_that_is_stale_or_another_one_is_refused() {
    let stale = content(DATE, "Valid-Until: Tue, 17 Nov 2026 00:00:00 UTC\n");
    refused(&world(ONE, stale), 1, "E0310", "valid until 2026-11-17");
    let mut other = content(DATE, "");
    let mut swapped = Content::default();
    swapped.suite("/deb", &Suite { name: "testing", date: DATE, fields: "", packages: &PACKAGES });
    other.files.insert(INRELEASE.to_owned(), swapped.files["/deb/dists/testing/InRelease"].clone());
    refused(&world(ONE, other), 1, "E0310", "as the suite");
    let old = content("Sun, 15 Nov 2026 00:00:00 UTC", "");
    let new = world(ONE, content(DATE, ""));
    new.ok("lock");
    let back = world("install = ['one', 'three']", old);
    fs_err::create_dir(back.path("locks")).unwrap();
    let lock = fs_err::read_to_string(new.path("locks/apt.os.lock")).unwrap();
    fs_err::write(back.path("locks/apt.os.lock"), &lock).unwrap();
    for command in ["lock", "update", "update -p os"] {
        let run = back.run(command);
        assert_eq!((run.code, run.stderr.contains("E0708")), (6, true), "{command}: {}", run.stderr);
    }
    assert_eq!(fs_err::read_to_string(back.path("locks/apt.os.lock")).unwrap(), lock);
    // Neither another archive nor a merge that is not finished takes the floor away.
    let older = lock.replace("2026-11-16", "2026-11-14");
    for lock in [
        lock.replace("https://up.invalid/deb", "https://other.invalid/deb"),
        format!("<<<<<<< ours\n{lock}=======\n{older}>>>>>>> theirs\n"),
        format!("<<<<<<< ours\n{older}=======\n{lock}>>>>>>> theirs\n"),
    ] {
        fs_err::write(back.path("locks/apt.os.lock"), &lock).unwrap();
        let run = back.run("lock");
        assert_eq!((run.code, run.stderr.contains("E0708")), (6, true), "{}", run.stderr);
    }
}

#[test]
fn no_credential_travels_in_clear() {
    let mut served = Content::default();
    // What a proxy is asked for (RFC 9112 §3.2.2).
    let files = content(DATE, "").files.into_iter();
    served.files = files.map(|(path, bytes)| (format!("http://deb.example{path}"), bytes)).collect();
    let world = World::serving(&recipe(ONE).replace("https://up.invalid", "http://deb.example"), served);
    fs_err::write(world.path("keys.asc"), KEYS).unwrap();
    fs_err::write(world.path("token"), "hidden").unwrap();
    let credential = "[credentials.\"deb.example\"]\nfile = 'token'\n";
    let build = |config: &str| {
        fs_err::write(world.path("config.toml"), format!("{credential}{config}")).unwrap();
        let before = world.upstream.seen().len();
        let mut command = gabion(world.folder.path());
        let out = command.args(["update"]).env("http_proxy", world.upstream.url()).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let seen = world.upstream.seen().split_off(before);
        assert!(seen.iter().any(|it| it.path.ends_with(INRELEASE)), "{seen:?}");
        seen
    };
    assert!(build("").iter().all(|it| it.authorization.is_none()));
    let said = build("[mirror]\n\"http://deb.example\" = \"http://deb.example/\"\n");
    assert!(said.iter().all(|it| it.authorization.as_deref() == Some("Bearer hidden")), "{said:?}");
}

#[test]
fn an_index_or_a_package_with_other_bytes_is_refused() {
    let good = content(DATE, "");
    let index = good.files.keys().find(|it| it.contains("main/binary-amd64/by-hash")).unwrap().clone();
    let tampered = world(ONE, good.clone());
    let wrong = || [Fault::Body(b"something else"), Fault::Body(b"something else")];
    tampered.upstream.fail(&index, wrong());
    let run = tampered.run("lock");
    assert_eq!(run.code, 5, "{}", run.stderr);
    let deb =
        good.files.keys().find(|it| it.ends_with("one_1.0-1_amd64.deb") && !it.contains("lib")).unwrap();
    let world = world(ONE, good.clone());
    world.ok("lock");
    let cut = vec![0u8; good.files[deb].len()];
    world.upstream.fail(deb, [Fault::Body(Box::leak(cut.into_boxed_slice()))]);
    let run = world.run("build b");
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.stderr.contains("one_1.0-1_amd64.deb"), "{}", run.stderr);
    world.ok("build b");
}

#[test]
fn what_cannot_be_installed_is_explained_all_at_once() {
    refused(&world("install = ['on', 'libtwo']", content(DATE, "")), 1, "E0707", "no package `on`");
    let both = world("install = ['two', 'fuor', 'three']", content(DATE, ""));
    refused(&both, 1, "E0707", "two (2.0-1) Depends: libone (>= 9) (the newest `libone` is 1.2-1)");
    refused(&both, 1, "E0707", "there is no package `fuor`, did you mean `four`?");
    refused(&world("install = ['three', 'one', 'four']", content(DATE, "")), 1, "E0707", "Conflicts: one");
    refused(
        &world("install = ['one']\nexclude = ['two', 'three']", content(DATE, "")),
        1,
        "E0707",
        "excluded",
    );
}

#[test]
fn a_conflict_in_a_closure_is_solved_again_and_missing_packages_are_all_listed() {
    let world = world(ONE, content(DATE, ""));
    world.ok("lock");
    let path = world.path("locks/apt.os.lock");
    let lock = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, format!("<<<<<<< ours\n{lock}=======\n{lock}>>>>>>> theirs\n")).unwrap();
    assert_eq!(world.run("build b --locked").code, 3);
    world.ok("lock");
    assert_eq!(fs_err::read_to_string(&path).unwrap(), lock);
    let run = world.run("build b --frozen");
    assert_eq!(run.code, 4);
    for name in ["libone_1.2-1", "one_1.0-1", "three_3.0-1"] {
        assert!(run.stderr.contains(name), "{name}: {}", run.stderr);
    }
    // A closure whose node is gone goes with it.
    fs_err::write(
        world.path("gabion.toml"),
        "[project]\nname = 'p'\nedition = '2026'\ndefault = 'bundle.b'\n[bundle.b]\n",
    )
    .unwrap();
    world.ok("lock");
    assert!(!path.exists());
}

#[test]
fn mistakes_in_an_apt_recipe_are_named() {
    let run = World::new("[apt.os]\norigin = 'ubuntu:jamy'\ninstall = ['Vim', 'vim=1']\nfingerprints = ['abc']\nsnapshot = 'today'\n[bundle.b]\n", &[]).run("check");
    assert_eq!(run.code, 1, "{}", run.stderr);
    for word in ["ubuntu:jammy", "`Vim`", "`vim=1`", "whole fingerprints", "2026-11-16T00:00:00Z"] {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    let run = World::new("[apt.os]\ninstall = ['vim']\n[bundle.b]\n", &[]).run("check");
    assert!(run.stderr.contains("`keyring` must be given where there is no `origin`"), "{}", run.stderr);
}

#[test]
fn apt_itself_reads_the_miniature_archive() {
    if !has(&["apt-get", "dpkg-deb"]) {
        return;
    }
    let world = world(ONE, content(DATE, ""));
    for folder in ["state/lists/partial", "cache/archives/partial", "etc"] {
        fs_err::create_dir_all(world.path(folder)).unwrap();
    }
    fs_err::write(world.path("status"), "").unwrap();
    let line = format!(
        "deb [arch=amd64 signed-by={}] {}/deb stable main\n",
        world.path("keys.asc").display(),
        world.upstream.url()
    );
    fs_err::write(world.path("etc/sources.list"), line).unwrap();
    let apt = |arguments: &[&str]| {
        let option = |name: &str, value: &str| format!("-o{name}={}", world.path(value).display());
        let mut apt = program("apt-get");
        apt.args([option("Dir::State", "state"), option("Dir::State::status", "status")])
            .args([option("Dir::Cache", "cache"), option("Dir::Etc::sourcelist", "etc/sources.list")])
            .args(["-oDir::Etc::sourceparts=/dev/null", "-oAPT::Sandbox::User=root", "-oDebug::NoLocking=1"])
            .args(["-oAPT::Architecture=amd64", "-oAcquire::Languages=none"])
            .args(["-oAcquire::http::Proxy=DIRECT", "--assume-yes", "--no-install-recommends"])
            .args(arguments);
        run(&mut apt);
    };
    apt(&["update"]);
    apt(&["install", "--download-only", "one", "three"]);
    let debs = fs_err::read_dir(world.path("cache/archives")).unwrap().map(|it| it.unwrap().path());
    let debs: Vec<_> = debs.filter(|it| it.extension().is_some_and(|it| it == "deb")).collect();
    assert_eq!(debs.len(), 3);
    for deb in debs {
        run(program("dpkg-deb").arg("--contents").arg(deb));
    }
}
