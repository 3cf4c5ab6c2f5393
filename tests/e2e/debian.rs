//! Real packages: from the Debian mirror that this machine is configured for, read when the test runs.

use crate::world::{Run, gabion};
use gabion_apt::Origin;
use gabion_testkit::{program, skip, text};
use std::path::Path;

/// The mirrors of the origin `debian:bookworm` in apt's own configuration.
fn mirrors() -> Option<String> {
    let asked = program("apt-get")
        .args(["indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"])
        .output();
    let text = asked.map(|out| String::from_utf8(out.stdout).unwrap()).unwrap_or_default();
    let of = |codename: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(name, _)| *name == codename).map(|(_, url)| url.trim_end_matches('/').to_owned())
    };
    let mut config = "[mirror]\n".to_owned();
    for archive in Origin::named("debian:bookworm").unwrap().archives {
        let mirror = of(archive.suites[0])?;
        config.extend(["\"", archive.url, "\" = \"", &mirror, "\"\n"]);
    }
    Some(config)
}

fn run(folder: &Path, arguments: &str) -> Run {
    gabion(folder).args(arguments.split_whitespace()).output().unwrap().into()
}

const RECIPE: &str = "[project]\nname = 'p'\nedition = '2026'\ndefault = 'apt.os'\n[apt.os]\norigin = 'debian:bookworm'\n\
    install = ['openssh-server', 'ufw', 'fail2ban', 'unattended-upgrades', 'chrony', 'zstd']\n";

#[test]
fn a_closure_of_real_packages_is_locked_fetched_and_locked_again() {
    let Some(config) = mirrors() else {
        skip("apt is not configured for Debian 12 here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs_err::write(path("gabion.toml"), RECIPE).unwrap();
    fs_err::write(path("config.toml"), &config).unwrap();
    let locked = run(folder.path(), "lock");
    assert_eq!(locked.code, 0, "{}", locked.stderr);
    let lock = fs_err::read_to_string(path("locks/apt.os.lock")).unwrap();
    let debs: Vec<&str> = lock.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(debs.len() >= 100, "only {} packages", debs.len());
    assert_eq!(lock.lines().filter(|line| line.starts_with("# suite bookworm")).count(), 3);
    // No mirror reaches the lock, and the archive is solved alike a second time.
    for mirror in config.lines().skip(1).filter_map(|line| line.split('"').nth(3)) {
        assert!(mirror.starts_with("https://deb.debian.org") || !lock.contains(mirror), "{mirror}");
    }
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
