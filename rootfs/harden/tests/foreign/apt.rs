//! Updates, before apt and `unattended-upgrade`.

use crate::{is_installed, is_root, layer, settings, text};
use gabion_harden::{Layer, Repository, Settings, Updates};
use gabion_testkit::{Gpg, program, run};
use std::path::Path;
use std::process::Command;

/// apt with the layer's configuration behind the package's, and folders of its own.
struct Apt {
    folder: tempfile::TempDir,
}

impl Apt {
    fn new(layer: &Layer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let it = Self { folder };
        for path in ["parts", "state/lists/partial", "cache/archives/partial", "sources", "log", "trusted"] {
            fs_err::create_dir_all(it.path(path)).unwrap();
        }
        for name in ["20auto-upgrades", "50unattended-upgrades"] {
            fs_err::copy(format!("/etc/apt/apt.conf.d/{name}"), it.path("parts").join(name)).unwrap();
        }
        let config = text(layer, "/etc/apt/apt.conf.d/52gabion-updates");
        fs_err::write(it.path("parts/52gabion-updates"), config).unwrap();
        let main = format!(
            "Dir::Etc::parts \"{0}/parts\";\nDir::Etc::sourcelist \"{0}/none\";\nDir::Etc::sourceparts \"{0}/sources\";\n\
             Dir::Etc::trustedparts \"{0}/trusted\";\nDir::State \"{0}/state\";\nDir::State::status \"{0}/status\";\n\
             Dir::Cache \"{0}/cache\";\nDir::Log \"{0}/log\";\nAPT::Sandbox::User \"root\";\nAPT::Architecture \"amd64\";\n\
             APT::Architectures {{ \"amd64\"; }};\n",
            it.folder.path().display()
        );
        fs_err::write(it.path("apt.conf"), main).unwrap();
        it
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = program(name);
        command.env("APT_CONFIG", self.path("apt.conf"));
        command
    }

    fn dump(&self) -> String {
        gabion_testkit::text(self.command("apt-config").arg("dump"))
    }
}

fn online() -> Updates {
    let repository = |uri: &str, suites: &[&str]| Repository {
        uri: uri.to_owned(),
        suites: suites.iter().map(|it| (*it).to_owned()).collect(),
        components: vec!["main".to_owned()],
    };
    Updates::Online(vec![
        repository(
            "https://archive.example.net/debian",
            &["bookworm", "bookworm-updates", "bookworm-backports"],
        ),
        repository("https://archive.example.net/security", &["bookworm-security"]),
    ])
}

#[test]
fn only_what_the_recipe_says_is_installed_unasked() {
    if !is_installed() {
        return;
    }
    let debian = [
        "origin=Debian,codename=${distro_codename},label=Debian",
        "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
    ];
    for (updates, patterns) in [(Updates::Bundle, &["origin=Gabion"][..]), (online(), &debian)] {
        let dump = Apt::new(&layer(&Settings { updates, ..settings() })).dump();
        let origins: Vec<&str> = dump
            .lines()
            .filter(|it| {
                it.starts_with("Unattended-Upgrade::Origins-Pattern") || it.contains("Allowed-Origins")
            })
            .filter(|it| !it.ends_with(" \"\";"))
            .collect();
        let line = |it: &&str| format!("Unattended-Upgrade::Origins-Pattern:: \"{it}\";");
        assert_eq!(origins, patterns.iter().map(line).collect::<Vec<_>>());
        for line in [
            "APT::Periodic::Update-Package-Lists \"1\";",
            "APT::Periodic::Unattended-Upgrade \"1\";",
            "Unattended-Upgrade::Automatic-Reboot \"false\";",
        ] {
            assert!(dump.lines().any(|it| it == line), "{line}");
        }
    }
    let dump = Apt::new(&layer(&Settings { updates: Updates::Off, ..settings() })).dump();
    assert!(dump.contains("APT::Periodic::Unattended-Upgrade \"0\";"));
}

#[test]
fn apt_asks_the_archives_of_the_recipe_alone() {
    if !is_installed() {
        return;
    }
    let layer = layer(&Settings { updates: online(), ..settings() });
    let apt = Apt::new(&layer);
    fs_err::write(apt.path("status"), "").unwrap();
    let sources = text(&layer, "/etc/apt/sources.list.d/gabion.sources");
    fs_err::write(apt.path("sources/gabion.sources"), sources).unwrap();
    let told = gabion_testkit::text(apt.command("apt-get").args(["update", "--print-uris"]));
    let mut lines: Vec<&str> = told.lines().filter_map(|it| it.split('\'').nth(1)).collect();
    lines.retain(|it| it.ends_with("InRelease"));
    lines.sort_unstable();
    let wanted = [
        "https://archive.example.net/debian/dists/bookworm-updates/InRelease",
        "https://archive.example.net/debian/dists/bookworm/InRelease",
        "https://archive.example.net/security/dists/bookworm-security/InRelease",
    ];
    assert_eq!(lines, wanted);
}

/// A package of nothing, `name_version`.
fn deb(folder: &Path, version: &str) {
    let tree = folder.join("tree");
    fs_err::create_dir_all(tree.join("DEBIAN")).unwrap();
    let control = format!(
        "Package: gabion-test\nVersion: {version}\nArchitecture: all\nMaintainer: Nobody <nobody@example.net>\n\
         Description: nothing\n"
    );
    fs_err::write(tree.join("DEBIAN/control"), control).unwrap();
    run(program("dpkg-deb").arg("--build").arg(&tree).arg(folder.join(format!("gabion-test_{version}.deb"))));
    fs_err::remove_dir_all(tree).unwrap();
}

/// Writes an archive that a bundle brings: one package, and a `Release` that a key signs.
fn archive(folder: &Path, origin: &str) {
    deb(folder, "2.0");
    let said =
        |name: &str, words: &[&str]| gabion_testkit::text(program(name).args(words).current_dir(folder));
    let packages = said("dpkg-scanpackages", &["--multiversion", "."]);
    fs_err::write(folder.join("Packages"), &packages).unwrap();
    let sum = said("sha256sum", &["Packages"]);
    let sum = sum.split(' ').next().unwrap();
    let release = format!(
        "Origin: {origin}\nLabel: Updates\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n {sum} {} Packages\n",
        packages.len()
    );
    let gpg = Gpg::new();
    let key = gpg.key("Gabion <updates@example.net>", "ed25519", "sign", "0");
    fs_err::write(folder.join("InRelease"), gpg.sign(&key, &release, &[])).unwrap();
    fs_err::write(folder.join("keyring.gpg"), gpg.export(false)).unwrap();
}

#[test]
fn what_a_bundle_brings_is_installed_from_its_signed_archive() {
    if !is_installed() || !is_root() || !gabion_testkit::has(&["dpkg-scanpackages", "gpg"]) {
        return;
    }
    let layer = layer(&settings());
    for (origin, taken) in [("Gabion", true), ("Somebody", false)] {
        let apt = Apt::new(&layer);
        let updates = apt.path("updates");
        fs_err::create_dir_all(&updates).unwrap();
        archive(&updates, origin);
        let sources = text(&layer, "/etc/apt/sources.list.d/gabion.sources");
        let sources = sources.replace(gabion_harden::UPDATES, updates.to_str().unwrap());
        fs_err::write(apt.path("sources/gabion.sources"), sources).unwrap();
        let installed = "Package: gabion-test\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\n\
                         Maintainer: Nobody <nobody@example.net>\nDescription: nothing\n\n";
        fs_err::write(apt.path("status"), installed).unwrap();
        run(apt.command("apt-get").args(["update", "-o", "APT::Update::Error-Mode=any"]));
        // It reads the machine's own list of packages, wherever apt is told to look.
        let script = "mount --bind \"$1\" /var/lib/dpkg/status && unattended-upgrade --dry-run --verbose";
        let mut command = apt.command("unshare");
        let told =
            gabion_testkit::text(command.args(["--mount", "sh", "-c", script, "sh"]).arg(apt.path("status")));
        assert_eq!(told.contains("gabion-test"), taken, "{told}");
        if taken {
            // Another's signature is none.
            let other = apt.path("other");
            fs_err::create_dir_all(&other).unwrap();
            archive(&other, origin);
            fs_err::copy(other.join("keyring.gpg"), updates.join("keyring.gpg")).unwrap();
            let mut update = apt.command("apt-get");
            let output = update.args(["update", "-o", "APT::Update::Error-Mode=any"]).output().unwrap();
            assert!(!output.status.success());
        }
    }
}
