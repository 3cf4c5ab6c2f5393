//! Real packages: from the Debian mirror that this machine is configured for, read when the test runs.

use crate::archive::{Deb, KEYS, is_possible};
use crate::world::{Run, gabion};
use gabion_apt::Origin;
use gabion_testkit::{program, skip, text};
use std::path::Path;

/// Whether this machine's apt knows a mirror of Debian 12.
fn is_configured() -> bool {
    let asked =
        program("apt-get").args(["indextargets", "--format", "$(CODENAME)", "Created-By: Packages"]).output();
    asked.is_ok_and(|out| String::from_utf8(out.stdout).unwrap().lines().any(|it| it == "bookworm"))
}

fn run(folder: &Path, arguments: &str) -> Run {
    gabion(folder).args(arguments.split_whitespace()).output().unwrap().into()
}

const RECIPE: &str = "[project]\nname = 'p'\nedition = '2026'\ndefault = 'apt.os'\n[apt.os]\norigin = 'debian:bookworm'\n\
    install = ['openssh-server', 'ufw', 'fail2ban', 'unattended-upgrades', 'chrony', 'zstd']\n";

#[test]
fn a_closure_of_real_packages_is_locked_fetched_and_locked_again() {
    if !is_configured() {
        skip("apt is not configured for Debian 12 here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs_err::write(path("gabion.toml"), RECIPE).unwrap();
    fs_err::write(path("config.toml"), "").unwrap();
    let locked = run(folder.path(), "lock --mirror host-apt");
    assert_eq!(locked.code, 0, "{}", locked.stderr);
    let lock = fs_err::read_to_string(path("locks/apt.os.lock")).unwrap();
    let debs: Vec<&str> = lock.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(debs.len() >= 100, "only {} packages", debs.len());
    assert_eq!(lock.lines().filter(|line| line.starts_with("# suite bookworm")).count(), 3);
    // No mirror reaches the lock, and the archive is solved alike a second time, asked for in the other way.
    let origins = Origin::named("debian:bookworm").unwrap().archives;
    for archive in lock.lines().filter_map(|line| line.strip_prefix("# archive ")) {
        assert!(origins.iter().any(|part| archive.ends_with(part.url)), "{archive}");
    }
    let config: Vec<String> =
        origins.iter().map(|part| format!("\"{}\" = \"host-apt\"\n", part.url)).collect();
    let config = config.concat();
    fs_err::write(path("config.toml"), format!("[mirror]\n{config}")).unwrap();
    fs_err::remove_file(path("locks/apt.os.lock")).unwrap();
    assert_eq!(run(folder.path(), "lock --jobs 1").code, 0);
    assert_eq!(fs_err::read_to_string(path("locks/apt.os.lock")).unwrap(), lock);

    let built = run(folder.path(), "build apt.os --locked");
    assert_eq!(built.code, 0, "{}", built.stderr);
    // Every package is there, and dpkg reads in it what the lock says of it.
    let store = gabion_store::Store::open(&path(".store")).unwrap();
    for line in &debs {
        let words: Vec<&str> = line.split(' ').collect();
        let (blob, size) = store.by_sha256(words[4].parse().unwrap()).unwrap().unwrap();
        assert_eq!(size.to_string(), words[3], "{line}");
        let mut show = program("dpkg-deb");
        show.args(["--show", "--showformat", "${Package} ${Version} ${Architecture}"]);
        assert_eq!(text(show.arg(store.path_of(blob))), words[..3].join(" "));
    }
    assert_eq!(run(folder.path(), "store verify").code, 0);
    assert_eq!(run(folder.path(), "build apt.os --frozen").code, 0);
}

#[test]
fn a_script_that_fails_is_told_with_its_words_and_its_root() {
    if !is_configured() || !is_possible() {
        skip("apt is not configured for Debian 12 here");
        return;
    }
    let script = "#!/bin/sh\necho cannot go on; echo 'for no reason' >&2\nexit 3\n";
    let broken = Deb::new("broken", "").file("DEBIAN/postinst", script, 0o755).packed();
    let mut content = gabion_upstream::Content::default();
    content.suite_of("/deb", "stable", "Mon, 16 Nov 2026 00:00:00 UTC", &[broken]);
    let recipe = "[apt.base]\norigin = 'debian:bookworm'\nexclude = ['usrmerge']\n\
        [apt.own]\narchive = 'https://up.invalid/deb'\nsuites = ['stable']\ncomponents = ['main']\nkeyring = 'keys.asc'\n\
        essential = false\ninstall = ['broken']\n[rootfs.os]\npackages = ['apt.base', 'apt.own']\n\
        [bundle.b]\nbase = ['apt.own']\n";
    let world = crate::world::World::serving(recipe, content);
    fs_err::write(world.path("keys.asc"), KEYS).unwrap();
    world.ok("lock --mirror host-apt");
    let failed = world.run("build rootfs.os --mirror host-apt --keep-failed");
    assert_eq!(failed.code, 8, "{}", failed.stderr);
    for word in [
        "E0715",
        "dpkg --force-unsafe-io --force-confold --configure -a",
        "cannot go on",
        "for no reason",
        "status 1",
    ] {
        assert!(failed.stderr.contains(word), "no `{word}`: {}", failed.stderr);
    }
    let root = failed.stderr.split("the root is in `").nth(1).and_then(|it| it.split('`').next()).unwrap();
    assert!(Path::new(root).join("var/lib/dpkg/info/broken.postinst").exists());
    // The root is its owner's to take away; nothing is mounted in it any more.
    fs_err::remove_dir_all(root).unwrap();
    // Without the flag nothing stays, and the first stage is not done again.
    let failed = world.run("build rootfs.os --mirror host-apt");
    assert!(failed.code == 8 && failed.stderr.contains("--keep-failed"), "{}", failed.stderr);
}
