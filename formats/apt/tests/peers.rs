//! Against the programs that wrote the rules: `apt-get` resolves, `dpkg` orders.

use fs_err as fs;
use gabion_apt::{Candidates, Keyring, Release, Signers, Version, Wish, packages, verify_clearsigned};
use gabion_testkit::{has, program, run, skip, text};
use std::collections::BTreeSet;
use std::path::Path;

/// `apt-get indextargets`: the files that apt itself reads.
fn apt_files(kind: &str) -> Vec<String> {
    let out = text(program("apt-get").args(["indextargets", "--format", "$(FILENAME)", kind]));
    out.lines().map(str::to_owned).filter(|it| Path::new(it).exists()).collect()
}

/// The origin Debian as this machine has it, read with apt's own tool.
fn indexes() -> Vec<String> {
    let files: Vec<String> =
        apt_files("Created-By: Packages").into_iter().filter(|it| it.contains("_dists_bookworm")).collect();
    files.iter().map(|file| text(program("/usr/lib/apt/apt-helper").args(["cat-file", file]))).collect()
}

#[test]
fn the_archive_of_this_machine_is_signed_by_the_keys_we_know() {
    let lists = fs::read_dir("/var/lib/apt/lists");
    let files: Vec<_> = lists.map(|it| it.flatten().map(|it| it.path()).collect()).unwrap_or_default();
    let ours = |it: &&std::path::PathBuf| it.to_string_lossy().contains("_dists_bookworm");
    let files: Vec<_> =
        files.iter().filter(ours).filter(|it| it.to_string_lossy().ends_with("InRelease")).collect();
    if files.is_empty() {
        skip("this machine is no Debian 12 with lists of apt");
        return;
    }
    let origin = gabion_apt::Origin::named("debian:bookworm").unwrap();
    let keys = Keyring::parse(origin.keys.as_bytes()).unwrap();
    let pinned: Vec<String> = origin.fingerprints.iter().map(|it| (*it).to_owned()).collect();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    for file in files {
        let bytes = fs::read(file).unwrap();
        let signed = verify_clearsigned(&bytes, &keys, &Signers { pinned: &pinned, needed: 1, now }).unwrap();
        let release = Release::parse(&signed.text).unwrap();
        assert!(release.codename.starts_with("bookworm") && release.by_hash);
        assert!(release.packages("main", "amd64").is_some());
    }
}

#[test]
fn closures_are_those_of_apt() {
    if !has(&["apt-get"]) {
        return;
    }
    let texts = indexes();
    if texts.is_empty() {
        skip("this machine is no Debian 12 with lists of apt");
        return;
    }
    let mut candidates = Candidates::default();
    for (suite, text) in texts.iter().enumerate() {
        for package in packages(text) {
            candidates.add(package.unwrap(), suite);
        }
    }
    candidates.seal().unwrap();
    assert!(candidates.len() > 50_000, "{}", candidates.len());
    let wishes: [&[&str]; 4] = [
        &["openssh-server", "ufw", "fail2ban", "unattended-upgrades"],
        &["nginx", "postgresql", "python3-yaml"],
        &["linux-image-amd64", "grub-pc", "systemd-sysv", "chrony", "auditd"],
        &["default-jre-headless", "git", "mail-transport-agent"],
    ];
    for install in wishes {
        let wish = Wish { install: install.to_vec(), essential: true, ..Wish::default() };
        let ours = candidates.closure(&wish).unwrap();
        let seeds = ours.0.iter().filter(|(_, it)| it.needed_by.is_none()).map(|(name, _)| *name);
        let empty = tempfile::tempdir().unwrap();
        let status = empty.path().join("status");
        fs::write(&status, "").unwrap();
        let mut apt = program("apt-get");
        apt.arg(format!("-oDir::State::status={}", status.display()))
            .args(["-oDir::Etc::sourceparts=/dev/null", "-oDir::Etc::preferencesparts=/dev/null"])
            .args(["--no-install-recommends", "--simulate", "--quiet=2", "install"])
            .args(["-oDebug::NoLocking=1"])
            .args(seeds);
        // The same sources as the indexes above, and no others.
        apt.arg("-oDir::Etc::sourceparts=/etc/apt/sources.list.d");
        let plan = text(&mut apt);
        let theirs: BTreeSet<&str> = plan
            .lines()
            .filter_map(|line| line.strip_prefix("Inst ")?.split_once(' '))
            .map(|(name, _)| name)
            .collect();
        let ours: BTreeSet<&str> = ours.0.keys().copied().collect();
        let missing: Vec<_> = theirs.difference(&ours).collect();
        let extra: Vec<_> = ours.difference(&theirs).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{install:?}: missing {missing:?}, extra {extra:?}");
        assert!(ours.len() > 60);
    }
}

#[test]
fn versions_are_ordered_as_dpkg_orders_them() {
    if !has(&["dpkg"]) {
        return;
    }
    let texts = indexes();
    let mut all: Vec<&str> =
        texts.iter().flat_map(|text| packages(text)).map(|it| it.unwrap().version.as_str()).collect();
    all.extend([
        "1.0",
        "1.0~rc1",
        "1.0+b1",
        "0:1.0-0",
        "1.0-0+deb12u1",
        "1:0",
        "1.0a",
        "1.0.0~~",
        "007",
        "7",
    ]);
    all.sort_unstable();
    all.dedup();
    // A few hundred pairs spread over all versions of the archive, each asked of the real one.
    let step = (all.len() / 150).max(1);
    let some: Vec<&str> = all.iter().step_by(step).copied().collect();
    for pair in some.windows(2).chain(some.chunks_exact(3).map(|it| &it[1..])) {
        let (left, right) = (Version::parse(pair[0]).unwrap(), Version::parse(pair[1]).unwrap());
        let operator = match left.cmp(&right) {
            std::cmp::Ordering::Less => "lt",
            std::cmp::Ordering::Equal => "eq",
            std::cmp::Ordering::Greater => "gt",
        };
        run(program("dpkg").args(["--compare-versions", pair[0], operator, pair[1]]));
    }
}
