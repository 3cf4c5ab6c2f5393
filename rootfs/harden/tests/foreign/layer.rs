//! The layer as a whole.

use crate::{ACCOUNTS, Installed, is_installed, layer, settings, text};
use gabion_harden::{Base, Content, ExtraFile, HardenError, K3s, LayerPath, Node, Settings, check};

/// A base with nothing but accounts.
struct Bare;

impl Base for Bare {
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        let release = ("etc/os-release", "ID=debian\n");
        ACCOUNTS
            .iter()
            .chain([&release])
            .find(|(it, _)| *it == path)
            .map(|(_, text)| text.as_bytes().to_vec())
    }

    fn exists(&self, path: &str) -> bool {
        self.file(path).is_some() || path == "etc"
    }
}

/// A base with nothing at all.
struct Nothing;

impl Base for Nothing {
    fn file(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn exists(&self, _: &str) -> bool {
        false
    }
}

fn extra(path: &str, owner: &str) -> ExtraFile {
    ExtraFile {
        path: path.parse().unwrap(),
        content: Content::Named("fetch.a".to_owned()),
        mode: "0755".parse().unwrap(),
        owner: owner.parse().unwrap(),
    }
}

#[test]
fn every_package_that_is_missing_is_named_at_once() {
    let errors = gabion_harden::layer(&settings(), &Bare).unwrap_err();
    let mut packages: Vec<&str> = errors
        .iter()
        .filter_map(|it| match it {
            HardenError::Package { package, .. } => Some(*package),
            _ => None,
        })
        .collect();
    packages.sort_unstable();
    let wanted = [
        "chrony",
        "e2fsprogs",
        "fail2ban",
        "fdisk",
        "grub-common",
        "iptables",
        "openssh-server",
        "python3-systemd",
        "sudo",
        "systemd",
        "ufw",
        "unattended-upgrades",
        "util-linux",
    ];
    assert_eq!(packages, wanted);
    for error in &errors {
        assert!(error.code().starts_with("E15") && !error.to_string().ends_with('.'), "{error}");
    }
}

#[test]
fn a_base_that_is_none_is_told() {
    let errors = gabion_harden::layer(&settings(), &Nothing).unwrap_err();
    let codes: Vec<&str> = errors.iter().map(HardenError::code).collect();
    for code in ["E1501", "E1516", "E1517"] {
        assert!(codes.contains(&code), "{code}: {codes:?}");
    }
}

#[test]
fn every_node_stands_in_a_directory_and_nothing_is_both_there_and_gone() {
    if !is_installed() {
        return;
    }
    let layer = layer(&settings());
    for path in layer.nodes.keys() {
        assert!(!layer.remove.contains(path), "{path}");
        let Some(parent) = path.parent() else { continue };
        match layer.nodes.get(&parent) {
            Some(Node::Directory { .. }) => {}
            None => assert!(Installed.exists(parent.as_str()), "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    assert_eq!(layer, crate::layer(&settings()));
}

#[test]
fn nothing_that_hosts_must_not_share_is_in_it() {
    if !is_installed() {
        return;
    }
    let layer = layer(&settings());
    assert_eq!(text(&layer, "/etc/machine-id"), "");
    for kind in ["rsa", "ecdsa", "ed25519"] {
        for end in ["", ".pub"] {
            let path: LayerPath = format!("/etc/ssh/ssh_host_{kind}_key{end}").parse().unwrap();
            assert!(layer.remove.contains(&path) && !layer.nodes.contains_key(&path), "{path}");
        }
    }
}

#[test]
fn files_of_the_recipe_take_the_place_of_those_of_modules() {
    if !is_installed() {
        return;
    }
    let file = extra("/etc/hosts", "ops:42");
    let layer = layer(&Settings { files: vec![file], ..settings() });
    let node = &layer.nodes[&"/etc/hosts".parse().unwrap()];
    let content = Content::Named("fetch.a".to_owned());
    assert_eq!(*node, Node::File { mode: 0o755, uid: 1000, gid: 42, content });
}

#[test]
fn files_that_cannot_stand_where_they_should_are_told() {
    let files = vec![
        extra("/etc/hostname/a", "root:root"),
        extra("/etc/b", "who:root"),
        extra("/etc/b", "root:root"),
    ];
    let errors = gabion_harden::layer(&Settings { files, ..settings() }, &Installed).unwrap_err();
    let told: Vec<String> =
        errors.iter().map(ToString::to_string).filter(|it| !it.contains("package")).collect();
    assert_eq!(
        told,
        [
            "two files stand at `/etc/b`",
            "`/etc/b` belongs to `who:root`, and there is no such user or group",
            "`/etc/hostname/a` stands below `/etc/hostname`, which is no directory"
        ]
    );
}

#[test]
fn k3s_that_is_not_there_is_not_started() {
    let enabled = Settings { k3s: Some(K3s { enabled: true }), ..settings() };
    let errors = gabion_harden::layer(&enabled, &Installed).unwrap_err();
    assert!(errors.contains(&HardenError::NoK3s), "{errors:?}");
}

#[test]
fn settings_under_which_nobody_gets_in_are_told_without_a_base() {
    let with = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        check(&settings).iter().map(HardenError::code).collect::<Vec<_>>()
    };
    assert_eq!(with(&|_| {}), Vec::<&str>::new());
    assert_eq!(with(&|it| it.users.values_mut().for_each(|it| it.keys.clear())), ["E1502"]);
    assert_eq!(with(&|it| it.users.clear()), ["E1502"]);
    assert_eq!(with(&|it| it.ssh.as_mut().unwrap().port = 23.try_into().unwrap()), ["E1503"]);
    assert_eq!(with(&|it| it.ssh.as_mut().unwrap().password_auth = true), ["E1504"]);
    assert_eq!(with(&|it| it.firewall.as_mut().unwrap().routed = gabion_harden::Policy::Deny), ["E1505"]);
    assert_eq!(with(&|it| it.ssh = None), ["E1506"]);
    assert_eq!(with(&|it| it.firewall = None), ["E1507"]);
    assert_eq!(
        with(&|it| {
            let user = it.users.values().next().unwrap().clone();
            it.users.insert("b".parse().unwrap(), user);
        }),
        ["E1508"]
    );
    assert_eq!(
        with(&|it| {
            let rules = &mut it.firewall.as_mut().unwrap().rules;
            rules.push(gabion_harden::Rule::parse("80/tcp", gabion_harden::Verdict::Deny).unwrap());
        }),
        ["E1510"]
    );
    assert_eq!(with(&|it| it.network.dhcp = false), ["E1521"]);
    assert_eq!(with(&|it| it.updates = gabion_harden::Updates::Online(Vec::new())), ["E1524"]);
}
