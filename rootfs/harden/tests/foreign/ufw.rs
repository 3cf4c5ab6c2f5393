//! The real `ufw`, disabled and below a root of its own: it edits its files and asks no kernel for rules.

use crate::{Installed, firewall, is_installed, layer, settings, text};
use gabion_harden::{Base as _, Firewall, Policy, Rule, Verdict};
use gabion_testkit::program;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

struct Ufw {
    root: tempfile::TempDir,
}

impl Ufw {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let packaged = Path::new("/usr/share/ufw");
        let pairs = [
            ("etc/ufw/ufw.conf", packaged.join("ufw.conf")),
            ("etc/ufw/user.rules", packaged.join("iptables/user.rules")),
            ("etc/ufw/user6.rules", packaged.join("iptables/user6.rules")),
            ("etc/ufw/before.rules", packaged.join("iptables/before.rules")),
            ("etc/ufw/before6.rules", packaged.join("iptables/before6.rules")),
            ("etc/ufw/after.rules", packaged.join("iptables/after.rules")),
            ("etc/ufw/after6.rules", packaged.join("iptables/after6.rules")),
            ("etc/default/ufw", Path::new("/etc/default/ufw").to_owned()),
            ("lib/ufw/ufw-init", Path::new("/lib/ufw/ufw-init").to_owned()),
            ("lib/ufw/ufw-init-functions", Path::new("/lib/ufw/ufw-init-functions").to_owned()),
        ];
        for (to, from) in pairs {
            let to = root.path().join(to);
            fs_err::create_dir_all(to.parent().unwrap()).unwrap();
            fs_err::copy(from, &to).unwrap();
        }
        fs_err::create_dir_all(root.path().join("etc/ufw/applications.d")).unwrap();
        fs_err::create_dir_all(root.path().join("usr/share/ufw")).unwrap();
        fs_err::set_permissions(root.path(), PermissionsExt::from_mode(0o700)).unwrap();
        Self { root }
    }

    fn command(&self, words: &str) -> Command {
        let root = self.root.path().display();
        // Without a network of its own it would ask this machine's firewall what it can do.
        let mut command = program("unshare");
        command.args(["--net", "ufw"]).arg(format!("--rootdir={root}")).arg(format!("--datadir={root}"));
        command.args(words.split(' '));
        command
    }

    #[track_caller]
    fn run(&self, words: &str) -> String {
        let out = self.command(words).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success() && !said.contains("Skipping"), "{words}: {said} {out:?}");
        said
    }

    fn file(&self, path: &str) -> String {
        fs_err::read_to_string(self.root.path().join(path)).unwrap()
    }

    /// Whether this machine lets it look at a firewall at all.
    fn is_allowed() -> bool {
        let ok = |mut command: Command| command.output().is_ok_and(|it| it.status.success());
        let mut probe = program("unshare");
        probe.args(["--net", "iptables", "--list"]);
        let there = ok(probe);
        if !there {
            gabion_testkit::skip_also_in_ci("no network namespace of its own for ufw");
        }
        there
    }
}

fn word(policy: Policy) -> &'static str {
    match policy {
        Policy::Allow => "allow",
        Policy::Deny => "deny",
        Policy::Reject => "reject",
    }
}

/// Rules as recipes have them, and what somebody would type for each.
const RULES: [(Verdict, &str, &str); 20] = [
    (Verdict::Deny, "from 198.51.100.0/24", "deny from 198.51.100.0/24"),
    (Verdict::Reject, "113/tcp", "reject 113/tcp"),
    (Verdict::Reject, "7/udp from 192.0.2.1", "reject proto udp from 192.0.2.1 to any port 7"),
    (Verdict::Reject, "from 2001:db8::1", "reject from 2001:db8::1"),
    (Verdict::Allow, "22/tcp limit", "limit 22/tcp"),
    (Verdict::Allow, "80/tcp", "allow 80/tcp"),
    (Verdict::Allow, "443", "allow 443"),
    (Verdict::Allow, "53 limit", "limit 53"),
    (Verdict::Allow, "6443/tcp from 192.0.2.10", "allow proto tcp from 192.0.2.10 to any port 6443"),
    (Verdict::Allow, "from 10.42.0.0/16", "allow from 10.42.0.0/16"),
    (Verdict::Allow, "from 2001:db8::/32", "allow from 2001:db8::/32"),
    (Verdict::Allow, "8000:8010/udp", "allow 8000:8010/udp"),
    (Verdict::Allow, "8443,8080/tcp limit", "limit proto tcp from any to any port 8443,8080"),
    (
        Verdict::Allow,
        "9,90:99/tcp from ::1 to 2001:db8::2",
        "allow proto tcp from ::1 to 2001:db8::2 port 9,90:99",
    ),
    (Verdict::Allow, "to 10.0.0.1", "allow to 10.0.0.1"),
    (Verdict::Allow, "99/tcp on eth0", "allow in on eth0 to any port 99 proto tcp"),
    (Verdict::Allow, "on cni0", "allow in on cni0 from any"),
    (Verdict::Allow, "123/udp out", "allow out 123/udp"),
    (Verdict::Allow, "1/tcp on eth1 out", "allow out on eth1 to any port 1 proto tcp"),
    (
        Verdict::Allow,
        "from 10.42.0.0/16 to 10.43.0.0/16 routed",
        "route allow from 10.42.0.0/16 to 10.43.0.0/16",
    ),
];

#[test]
fn its_files_are_those_that_ufw_writes() {
    if !is_installed() || !Ufw::is_allowed() {
        return;
    }
    let policies = [
        (Policy::Deny, Policy::Allow, Policy::Allow, true),
        (Policy::Reject, Policy::Deny, Policy::Allow, true),
        (Policy::Deny, Policy::Reject, Policy::Allow, false),
        (Policy::Allow, Policy::Allow, Policy::Allow, true),
    ];
    for (incoming, outgoing, routed, log) in policies {
        let ufw = Ufw::new();
        ufw.run(&format!("default {} incoming", word(incoming)));
        ufw.run(&format!("default {} outgoing", word(outgoing)));
        ufw.run(&format!("default {} routed", word(routed)));
        ufw.run(if log { "logging low" } else { "logging off" });
        for (_, _, typed) in RULES {
            ufw.run(typed);
        }
        let rules = RULES.iter().map(|(verdict, rule, _)| Rule::parse(rule, *verdict).unwrap()).collect();
        let layer = layer(&gabion_harden::Settings {
            firewall: Some(Firewall { incoming, outgoing, routed, rules, log }),
            ..settings()
        });
        for path in ["etc/ufw/user.rules", "etc/ufw/user6.rules", "etc/default/ufw"] {
            assert_eq!(text(&layer, &format!("/{path}")), ufw.file(path), "{path}");
        }
        let enabled = ufw.file("etc/ufw/ufw.conf").replace("ENABLED=no", "ENABLED=yes");
        assert_eq!(text(&layer, "/etc/ufw/ufw.conf"), enabled);
    }
}

#[test]
fn ufw_goes_on_from_the_rules_of_the_recipe() {
    if !is_installed() || !Ufw::is_allowed() {
        return;
    }
    let ufw = Ufw::new();
    let with =
        |rules: &[&str]| layer(&gabion_harden::Settings { firewall: Some(firewall(rules)), ..settings() });
    let two = with(&["22/tcp limit", "from 10.42.0.0/16"]);
    for path in ["etc/ufw/user.rules", "etc/ufw/user6.rules", "etc/default/ufw"] {
        fs_err::write(ufw.root.path().join(path), text(&two, &format!("/{path}"))).unwrap();
    }
    assert_eq!(
        ufw.run("show added").lines().filter(|it| it.starts_with("ufw ")).collect::<Vec<_>>(),
        ["ufw limit 22/tcp", "ufw allow from 10.42.0.0/16"]
    );
    ufw.run("allow 80/tcp");
    let three = with(&["22/tcp limit", "from 10.42.0.0/16", "80/tcp"]);
    assert_eq!(ufw.file("etc/ufw/user.rules"), text(&three, "/etc/ufw/user.rules"));
    ufw.run("delete limit 22/tcp");
    assert!(!ufw.file("etc/ufw/user.rules").contains("limit tcp 22"));
}

#[test]
fn iptables_takes_the_rules() {
    if !is_installed() || !Ufw::is_allowed() {
        return;
    }
    let rules = RULES.iter().map(|(verdict, rule, _)| Rule::parse(rule, *verdict).unwrap()).collect();
    let layer =
        layer(&gabion_harden::Settings { firewall: Some(Firewall { rules, ..firewall(&[]) }), ..settings() });
    let folder = tempfile::tempdir().unwrap();
    for (path, restore) in
        [("/etc/ufw/user.rules", "iptables-restore"), ("/etc/ufw/user6.rules", "ip6tables-restore")]
    {
        let file = folder.path().join("rules");
        fs_err::write(&file, text(&layer, path)).unwrap();
        gabion_testkit::run(program("unshare").args(["--net", restore, "--test"]).arg(&file));
        fs_err::write(&file, text(&layer, path).replace("--dport 80 ", "--dport http-or-so ")).unwrap();
        let wrong = program("unshare").args(["--net", restore, "--test"]).arg(&file).output().unwrap();
        assert!(!wrong.status.success(), "{restore} takes anything");
    }
    assert!(Installed.exists("etc/ufw/before.rules"));
}
