//! What is laid over a system, before the programs that will read it there.
//!
//! The base is the system that the tests run on: Debian, with the packages that the modules configure.

mod accounts;
mod apt;
mod keys;
mod layer;
mod scripts;
mod servers;
mod systemd;
mod ufw;

use gabion_harden::{
    Base, Content, Fail2ban, Firewall, Jail, K3s, Layer, LayerPath, Network, Node, Partitions, Policy,
    Settings, Ssh, Time, Updates, User,
};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops@desk";
pub(crate) const ESP: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
pub(crate) const STATE: &str = "0fc63daf-8483-4772-8e79-3d69d8477de4";
pub(crate) const DATA: &str = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";

/// The system that the tests run on, without the accounts of people, which differ.
pub(crate) struct Installed;

/// Files of accounts as a fresh Debian has them.
pub(crate) const ACCOUNTS: [(&str, &str); 6] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("etc/shadow", "root:*:20280:0:99999:7:::\nnobody:*:20280:0:99999:7:::\n"),
    ("etc/group", "root:x:0:\nadm:x:4:\nsudo:x:27:\nshadow:x:42:\nnogroup:x:65534:\n"),
    ("etc/gshadow", "root:*::\nadm:*::\nsudo:*::\nshadow:*::\nnogroup:*::\n"),
    ("etc/subuid", ""),
    ("etc/subgid", ""),
];

impl Base for Installed {
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        if let Some((_, text)) = ACCOUNTS.iter().find(|(it, _)| *it == path) {
            return Some(text.as_bytes().to_vec());
        }
        fs_err::read(Path::new("/").join(path)).ok()
    }

    fn exists(&self, path: &str) -> bool {
        !path.starts_with("etc/systemd/system/") && Path::new("/").join(path).symlink_metadata().is_ok()
    }
}

/// A host with every module.
pub(crate) fn settings() -> Settings {
    let user = User {
        uid: 1000.try_into().unwrap(),
        groups: vec!["adm".parse().unwrap()],
        keys: vec![KEY.parse().unwrap()],
        shell: "/bin/bash".to_owned(),
        sudo: true,
    };
    let id = |it: &str| it.parse().unwrap();
    Settings {
        epoch_day: 20_780,
        hostname: "vps-prod".parse().unwrap(),
        users: [("ops".parse().unwrap(), user)].into(),
        ssh: Some(Ssh::default()),
        firewall: Some(firewall(&["22/tcp limit", "80/tcp", "from 10.42.0.0/16"])),
        fail2ban: Some(Fail2ban {
            jails: [("sshd".parse().unwrap(), Jail::default())].into(),
            ignore: vec!["192.0.2.0/24".parse().unwrap()],
        }),
        updates: Updates::Bundle,
        sysctl: BTreeMap::new(),
        kernel_modules: Vec::new(),
        network: Network { dns: vec!["192.0.2.53".parse().unwrap()], ..Network::default() },
        time: Time { servers: vec!["time.example.net".parse().unwrap()] },
        k3s: Some(K3s { enabled: false }),
        partitions: Some(Partitions { esp: id(ESP), state: id(STATE), data: id(DATA) }),
        files: Vec::new(),
    }
}

pub(crate) fn firewall(allow: &[&str]) -> Firewall {
    let rules = allow.iter().map(|it| gabion_harden::Rule::parse(it, gabion_harden::Verdict::Allow).unwrap());
    Firewall {
        incoming: Policy::Deny,
        outgoing: Policy::Allow,
        routed: Policy::Allow,
        rules: rules.collect(),
        log: true,
    }
}

/// Whether the packages are here that the modules configure.
#[track_caller]
pub(crate) fn is_installed() -> bool {
    gabion_testkit::has(&[
        "ufw",
        "iptables",
        "sshd",
        "fail2ban-client",
        "visudo",
        "unattended-upgrade",
        "sfdisk",
        "partx",
        "grub-editenv",
        "chronyd",
        "e2fsck",
    ])
}

/// Whether the tests may change their root and mount something over the machine's own files.
pub(crate) fn is_root() -> bool {
    let root = gabion_testkit::text(gabion_testkit::program("id").arg("-u")).trim() == "0";
    if !root {
        gabion_testkit::skip_also_in_ci("this part needs root");
    }
    root
}

#[track_caller]
pub(crate) fn layer(settings: &Settings) -> Layer {
    gabion_harden::layer(settings, &Installed).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The text of a file of the layer.
#[track_caller]
pub(crate) fn text(layer: &Layer, path: &str) -> String {
    match layer.nodes.get(&path.parse::<LayerPath>().unwrap()) {
        Some(Node::File { content: Content::Bytes(bytes), .. }) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{path}: {other:?}"),
    }
}

/// Writes the layer below `folder`, with its permissions and without its owners.
pub(crate) fn write(layer: &Layer, folder: &Path) {
    for (path, node) in &layer.nodes {
        let path = folder.join(path.as_str());
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        let mode = match node {
            Node::Directory { mode, .. } => {
                fs_err::create_dir_all(&path).unwrap();
                *mode
            }
            Node::File { mode, content: Content::Bytes(bytes), .. } => {
                fs_err::write(&path, bytes).unwrap();
                *mode
            }
            Node::Symlink { target } => {
                fs_err::os::unix::fs::symlink(target, &path).unwrap();
                continue;
            }
            Node::File { content: Content::Named(name), .. } => panic!("{name}"),
        };
        fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }
}
