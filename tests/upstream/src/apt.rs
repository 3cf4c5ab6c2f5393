//! A signed archive of Debian packages: real .debs, indexes and `InRelease`, the same bytes every time.

use crate::Content;
use crate::pack::{Entry, gzip, tar, tar_of};
use crate::system::{self, Item};
use gabion_digest::Sha256;
use pgp::composed::{ArmorOptions, CleartextSignedMessage, Deserializable, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails, Password, Timestamp};
use std::fmt::Write as _;

/// Secret key of the archive. It is public: what it signs proves nothing beyond the demo and the tests.
const SECRET: &str = include_str!("../keys/archive.secret.asc");
/// When everything was signed: 2026-11-16T00:00:00Z.
const SIGNED: u32 = 1_794_787_200;

/// A suite of an archive.
#[derive(Debug, Clone, Copy)]
pub struct Suite<'a> {
    /// `jammy`.
    pub name: &'a str,
    /// `Date`, as `InRelease` has it.
    pub date: &'a str,
    /// More fields of `InRelease`, each with its line end.
    pub fields: &'a str,
    /// Its packages.
    pub packages: &'a [Package<'a>],
}

/// A binary package.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    /// `ufw`.
    pub name: &'a str,
    /// `0.36.1-4ubuntu0.1`.
    pub version: &'a str,
    /// `main`.
    pub component: &'a str,
    /// More fields of its control file, each with its line end.
    pub fields: &'a str,
}

/// What the platform's node installs, in a world where everything depends on little.
const BASE: [Package<'_>; 34] = {
    const fn it(name: &'static str, version: &'static str, fields: &'static str) -> Package<'static> {
        Package { name, version, component: "main", fields }
    }
    [
        it("base-files", "12ubuntu4", "Essential: yes\nPriority: required\nPre-Depends: awk\n"),
        it("mawk", "1.3.4", "Priority: required\nProvides: awk\nPre-Depends: libc6 (>= 2.34)\n"),
        it("bash", "5.1-6ubuntu1", "Essential: yes\nPriority: required\nPre-Depends: libc6 (>= 2.34)\n"),
        it("dpkg", "1.21.1ubuntu2", "Essential: yes\nPriority: required\nPre-Depends: libc6 (>= 2.34)\n"),
        it("libc6", "2.35-0ubuntu3", ""),
        it("python3", "3.10.6-1~22.04", "Depends: libc6 (>= 2.34)\n"),
        it("linux-image-virtual", "5.15.0.25.27", "Depends: linux-modules (>= 5.15)\n"),
        it("linux-modules", "5.15.0-25.25", ""),
        it("systemd-sysv", "249.11-0ubuntu3", "Depends: libc6 (>= 2.34)\n"),
        it("openssh-server", "1:8.9p1-3", "Depends: libc6 (>= 2.34), default-mta | mail-transport-agent\n"),
        it("postfix", "3.6.4-1ubuntu1", "Provides: default-mta, mail-transport-agent\nDepends: libc6\n"),
        it("ufw", "0.36.1-4build1", "Depends: python3, iptables\n"),
        it("iptables", "1.8.7-1ubuntu5", "Depends: libc6 (>= 2.34)\n"),
        it("unattended-upgrades", "2.8ubuntu1", "Depends: python3\n"),
        it("sudo", "1.9.9-1ubuntu2", "Depends: libc6 (>= 2.34)\nConflicts: sudo-ldap\n"),
        it("zstd", "1.4.8+dfsg-3build1", "Depends: libc6 (>= 2.34)\n"),
        it("qemu-guest-agent", "1:6.2+dfsg-2ubuntu6", "Depends: libc6 (>= 2.34)\n"),
        it("grub-pc-bin", "2.06-2ubuntu7", ""),
        it("grub-efi-amd64-bin", "2.06-2ubuntu7", ""),
        it("netplan.io", "0.104-0ubuntu2", "Depends: python3\n"),
        it("apparmor", "3.0.4-2ubuntu2", "Depends: libc6 (>= 2.34)\n"),
        it("chrony", "4.2-2ubuntu2", "Depends: libc6 (>= 2.34)\nProvides: time-daemon\n"),
        it("auditd", "1:3.0.7-1build1", "Depends: libc6 (>= 2.34)\n"),
        it("ca-certificates", "20211016", "Depends: libc6\n"),
        it("util-linux", "2.37.2-4ubuntu3", "Essential: yes\nPriority: required\n"),
        it("e2fsprogs", "1.46.5-2ubuntu1", "Priority: required\n"),
        it("fdisk", "2.37.2-4ubuntu3", "Depends: libc6 (>= 2.34)\n"),
        it("grub-common", "2.06-2ubuntu7", "Depends: libc6 (>= 2.34)\n"),
        it("python3-systemd", "234-3ubuntu2", "Depends: python3\n"),
        it("dbus", "1.12.20-2ubuntu4", "Depends: libc6 (>= 2.34)\n"),
        it("udev", "249.11-0ubuntu3", "Depends: libc6 (>= 2.34)\n"),
        it("libpam-systemd", "249.11-0ubuntu3", "Depends: dbus\n"),
        it("initramfs-tools", "0.140ubuntu13", "Depends: udev\n"),
        it("iproute2", "5.15.0-1ubuntu2", "Depends: libc6 (>= 2.34)\n"),
    ]
};

impl Content {
    /// The archive that the platform's node is made from.
    pub(crate) fn ubuntu(&mut self) {
        let fail2ban = Package {
            name: "fail2ban",
            version: "0.11.2-6",
            component: "universe",
            fields: "Depends: python3\n",
        };
        let newer = Package { version: "0.36.1-4ubuntu0.1", ..BASE[11] };
        let safer = Package { version: "1:8.9p1-3ubuntu0.13", ..BASE[9] };
        let date = "Mon, 16 Nov 2026 00:00:00 UTC";
        let suites: [(&str, Vec<Package<'_>>); 3] = [
            ("jammy", BASE.into_iter().chain([fail2ban]).collect()),
            ("jammy-updates", vec![newer]),
            ("jammy-security", vec![safer]),
        ];
        for (name, packages) in &suites {
            self.suite("/ubuntu", &Suite { name, date, fields: "", packages });
        }
    }

    /// The same packages as a Debian 12 has them, for the twin of the platform's host.
    pub fn debian(&mut self) {
        let kernel = Package { name: "linux-image-amd64", version: "6.1.158-1", ..BASE[6] };
        let resolved =
            Package { name: "systemd-resolved", version: "252.39-1~deb12u1", fields: "", ..BASE[8] };
        let fail2ban =
            Package { name: "fail2ban", version: "1.0.2-2", fields: "Depends: python3\n", ..BASE[8] };
        let date = "Mon, 16 Nov 2026 00:00:00 UTC";
        let packages: Vec<_> = BASE.into_iter().chain([kernel, resolved, fail2ban]).collect();
        let suites: [(&str, &str, &[Package<'_>]); 3] = [
            ("/debian", "bookworm", &packages),
            ("/debian", "bookworm-updates", &[]),
            ("/debian-security", "bookworm-security", &[]),
        ];
        for (archive, name, packages) in suites {
            self.suite(archive, &Suite { name, date, fields: "", packages });
        }
    }

    /// Adds a signed suite and its packages to the archive that lies under `archive`.
    ///
    /// # Panics
    /// Never for the key that is built in.
    pub fn suite(&mut self, archive: &str, suite: &Suite<'_>) {
        let debs: Vec<_> = suite.packages.iter().map(|package| (package.component, deb(package))).collect();
        self.signed(archive, suite.name, suite.date, suite.fields, &debs);
    }

    /// The same with packages that somebody else made: the control file and the bytes of each.
    ///
    /// # Panics
    /// Never for the key that is built in.
    pub fn suite_of(&mut self, archive: &str, name: &str, date: &str, debs: &[(String, Vec<u8>)]) {
        let indexed = debs.iter().map(|(control, bytes)| {
            let sum = Sha256::of(bytes).hex();
            let path = format!("pool/main/{sum}.deb");
            let control = control.trim_end();
            let stanza = format!("{control}\nFilename: {path}\nSize: {}\nSHA256: {sum}\n\n", bytes.len());
            ("main", (path, stanza, bytes.clone()))
        });
        self.signed(archive, name, date, "", &indexed.collect::<Vec<_>>());
    }

    fn signed(&mut self, archive: &str, name: &str, date: &str, fields: &str, debs: &[(&str, Indexed)]) {
        let mut components: Vec<&str> = debs.iter().map(|(component, _)| *component).collect();
        components.extend(["main", "universe"]);
        components.sort_unstable();
        components.dedup();
        let mut list = String::new();
        for component in &components {
            let mut index = String::new();
            for (_, (path, stanza, bytes)) in debs.iter().filter(|(of, _)| of == component) {
                index.push_str(stanza);
                self.files.insert(format!("{archive}/{path}"), bytes.clone());
            }
            let bytes = gzip(index.as_bytes());
            let (digest, path) = (Sha256::of(&bytes).hex(), format!("{component}/binary-amd64"));
            let _written = writeln!(list, " {digest} {} {path}/Packages.gz", bytes.len());
            // apt takes an index only where its plain form is listed too; like real archives, nobody serves it.
            let plain = Sha256::of(index.as_bytes()).hex();
            let _written = writeln!(list, " {plain} {} {path}/Packages", index.len());
            self.files.insert(format!("{archive}/dists/{name}/{path}/by-hash/SHA256/{digest}"), bytes);
        }
        let text = format!(
            "Origin: Ubuntu\nSuite: {name}\nCodename: jammy\nDate: {date}\n{fields}Architectures: amd64\n\
             Components: {}\nSHA256:\n{list}Acquire-By-Hash: yes\n",
            components.join(" ")
        );
        self.files.insert(format!("{archive}/dists/{name}/InRelease"), sign(&text));
    }
}

/// Path, stanza and bytes of a package.
type Indexed = (String, String, Vec<u8>);

/// Path, stanza and bytes of a package.
fn deb(package: &Package<'_>) -> Indexed {
    let Package { name, version, component, fields } = package;
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: Gabion <demo@gabion.invalid>\n\
         {fields}Description: a stand-in for {name}\n"
    );
    let readme = format!("{name} {version} of the demo: it only says what it is.\n");
    let path = format!("./usr/share/doc/{name}/README");
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", gzip(&tar(&[("./control", control.as_bytes())]))),
        ("data.tar.gz", gzip(&data(name, &path, readme.as_bytes()))),
    ];
    let mut bytes = b"!<arch>\n".to_vec();
    for (member, content) in members {
        // ar(5): name, time, owner, group, mode and size in columns of fixed width.
        let header = format!("{member:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", content.len());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&content);
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
    }
    // The epoch does not stand in file names (Debian Policy §5.6.12).
    let plain = version.split_once(':').map_or(*version, |(_, rest)| rest);
    let path = format!("pool/{component}/{}/{name}/{name}_{plain}_amd64.deb", &name[..1]);
    let sum = Sha256::of(&bytes).hex();
    let stanza = format!("{control}Filename: {path}\nSize: {}\nSHA256: {sum}\n\n", bytes.len());
    (path, stanza, bytes)
}

/// What a package unpacks to: what a system needs of it, and its own words.
fn data(name: &str, path: &str, readme: &[u8]) -> Vec<u8> {
    let entry = |item| match item {
        Item::File(mode, bytes) => Entry::File(mode, bytes),
        Item::Link(target) => Entry::Link(target),
    };
    let files: Vec<_> = system::of(name).map(|(path, item)| (format!("./{path}"), entry(item))).collect();
    let files = files.into_iter().chain([(path.to_owned(), Entry::File(0o644, readme))]);
    let files: Vec<(String, Entry<'_>)> = files.collect();
    tar_of(files.iter().map(|(path, entry)| (path.as_str(), entry.clone())))
}

/// Signs as `gpg --clear-sign` does. Ed25519 needs no randomness, and the time stands still: one text has
/// one signed form.
fn sign(text: &str) -> Vec<u8> {
    let signed = (|| {
        let (key, _) = SignedSecretKey::from_string(SECRET)?;
        let mut config =
            SignatureConfig::v4(SignatureType::Text, key.primary_key.algorithm(), HashAlgorithm::Sha512);
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(Timestamp::from_secs(SIGNED)))?,
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        ];
        // gpgv names the key by this one, and apt looks for the name.
        let issuer = SubpacketData::IssuerKeyId(key.legacy_key_id());
        config.unhashed_subpackets = vec![Subpacket::regular(issuer)?];
        let message = CleartextSignedMessage::new(text, config, &key.primary_key, &Password::empty())?;
        message.to_armored_bytes(ArmorOptions::default())
    })();
    signed.unwrap_or_else(|error: pgp::errors::Error| panic!("the built-in key signs: {error}"))
}
