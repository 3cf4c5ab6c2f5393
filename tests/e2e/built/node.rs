//! The machine: what stands in the files of its disk, as the programs read them for whom they are.

use super::{PRODUCTION, recipes, text};
use crate::archive::is_possible;
use gabion_testkit::{has, program, skip_also_in_ci};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::LazyLock;

/// A built disk.
pub(super) struct Disk {
    _world: crate::world::World,
    image: String,
}

/// The disk of `disk.vps`, where this machine can make and read one.
pub(super) static UBUNTU: LazyLock<Option<Disk>> = LazyLock::new(|| disk(None));
/// The same on Debian 12.
static DEBIAN: LazyLock<Option<Disk>> = LazyLock::new(|| disk(Some("debian")));

fn disk(env: Option<&str>) -> Option<Disk> {
    if !is_possible() || !has(&["qemu-img", "debugfs"]) {
        return None;
    }
    let world = recipes();
    let env = env.map(|it| format!(" --env {it}")).unwrap_or_default();
    world.ok(&format!("build disk.vps{env} -o vps.qcow2"));
    gabion_testkit::run(
        program("qemu-img")
            .args(["convert", "-O", "raw"])
            .arg(world.path("vps.qcow2"))
            .arg(world.path("vps.img")),
    );
    let image = format!("{}?offset=113246208", world.path("vps.img").display());
    Some(Disk { _world: world, image })
}

impl Disk {
    /// The text of a file of slot a.
    pub(super) fn show(&self, path: &str) -> String {
        gabion_testkit::text(program("debugfs").args(["-R", &format!("cat {path}")]).arg(&self.image))
    }
}

#[test]
fn sshd_takes_keys_alone() {
    let Some(disk) = &*UBUNTU else { return };
    if !has(&["sshd", "ssh-keygen"]) {
        return;
    }
    fs_err::create_dir_all("/run/sshd").ok();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    gabion_testkit::run(program("ssh-keygen").args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(&key));
    // The key of the host is made at its first start.
    let config = disk.show("/etc/ssh/sshd_config.d/10-gabion.conf");
    let config = config.replace("/etc/ssh/ssh_host_ed25519_key", key.to_str().unwrap());
    fs_err::write(folder.path().join("sshd_config"), config).unwrap();
    let mut sshd = program("/usr/sbin/sshd");
    let told = gabion_testkit::text(sshd.args(["-T", "-f"]).arg(folder.path().join("sshd_config")));
    for line in [
        "port 22",
        "permitrootlogin no",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "authenticationmethods publickey",
        "x11forwarding no",
        "maxauthtries 3",
    ] {
        assert!(told.lines().any(|it| it == line), "{line}: {told}");
    }
}

/// What `ufw show added` prints of rules that it did not write: the program's own files, and those of the disk.
fn ufw(disk: &Disk) -> Option<String> {
    let packaged = Path::new("/usr/share/ufw");
    let mut probe = program("unshare");
    probe.args(["--net", "iptables", "--list"]);
    if !packaged.exists() || !probe.output().is_ok_and(|it| it.status.success()) {
        skip_also_in_ci("no ufw, or no network namespace of its own for it");
        return None;
    }
    let root = tempfile::tempdir().unwrap();
    let put = |to: &str, bytes: Vec<u8>| {
        let to = root.path().join(to);
        fs_err::create_dir_all(to.parent().unwrap()).unwrap();
        fs_err::write(to, bytes).unwrap();
    };
    for file in ["before.rules", "before6.rules", "after.rules", "after6.rules"] {
        put(&format!("etc/ufw/{file}"), fs_err::read(packaged.join("iptables").join(file)).unwrap());
    }
    for file in ["etc/ufw/user.rules", "etc/ufw/user6.rules", "etc/default/ufw"] {
        put(file, disk.show(&format!("/{file}")).into_bytes());
    }
    // Disabled, so that it asks no kernel.
    put("etc/ufw/ufw.conf", fs_err::read(packaged.join("ufw.conf")).unwrap());
    for file in ["ufw-init", "ufw-init-functions"] {
        put(&format!("lib/ufw/{file}"), fs_err::read(Path::new("/lib/ufw").join(file)).unwrap());
    }
    fs_err::create_dir_all(root.path().join("etc/ufw/applications.d")).unwrap();
    fs_err::create_dir_all(root.path().join("usr/share/ufw")).unwrap();
    fs_err::set_permissions(root.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let at = root.path().display();
    let mut ufw = program("unshare");
    ufw.args(["--net", "ufw", &format!("--rootdir={at}"), &format!("--datadir={at}"), "show", "added"]);
    Some(gabion_testkit::text(&mut ufw))
}

#[test]
fn the_firewall_lets_in_what_the_recipe_says_and_nothing_else() {
    let Some(disk) = &*UBUNTU else { return };
    assert!(disk.show("/etc/ufw/ufw.conf").contains("ENABLED=yes"));
    let defaults = disk.show("/etc/default/ufw");
    assert!(defaults.contains("DEFAULT_INPUT_POLICY=\"DROP\""), "{defaults}");
    let Some(told) = ufw(disk) else { return };
    let rules: Vec<&str> = told.lines().filter(|it| it.starts_with("ufw ")).collect();
    assert_eq!(
        rules,
        [
            "ufw limit 22/tcp",
            "ufw allow 80/tcp",
            "ufw allow 443/tcp",
            "ufw allow from 192.0.2.0/24 to any port 6443 proto tcp",
            "ufw allow from 10.42.0.0/16",
            "ufw allow from 10.43.0.0/16",
        ]
    );
}

#[test]
fn fail2ban_updates_time_and_kernel_are_set() {
    let Some(disk) = &*UBUNTU else { return };
    let find = |path: &str, lines: &[&str]| {
        let text = disk.show(path);
        for line in lines {
            assert!(text.lines().any(|it| it.trim() == *line), "{path} has no `{line}`: {text}");
        }
        text
    };
    let sysctl = find(
        "/etc/sysctl.d/99-recipe.conf",
        &[
            "kernel.kexec_load_disabled = 1",
            "vm.overcommit_memory = 1",
            "net.ipv4.ip_forward = 1",
            "kernel.sysrq = 0",
        ],
    );
    // Pods come from addresses that a strict filter takes for forged.
    assert!(!sysctl.contains("rp_filter"), "{sysctl}");
    let chrony = find("/etc/chrony/chrony.conf", &["port 0", "cmdport 0"]);
    assert!(chrony.matches("server ").count() >= 3, "{chrony}");
    let jails = disk.show("/etc/fail2ban/jail.d/gabion.local");
    assert!(jails.contains("[sshd]") && jails.contains("bantime = 1h"), "{jails}");
}

#[test]
fn auditd_watches_what_alerts_are_about() {
    let Some(disk) = &*UBUNTU else { return };
    let rules = disk.show("/etc/audit/rules.d/50-platform.rules");
    for line in rules.lines().filter(|it| !it.is_empty() && !it.starts_with('#')) {
        assert!(line.starts_with("-w /") || line.starts_with("-a always,exit -F "), "{line}");
        assert!(line.contains(" -k "), "{line}");
    }
    // The last file in the order of names closes the list.
    assert!(disk.show("/etc/audit/rules.d/99-final.rules").ends_with("\n-e 2\n"));
    let alerts = text(&PRODUCTION.one("ConfigMap", "monitoring/loki-rules")["data"]["rules.yaml"]);
    let keys: Vec<&str> = alerts.split("key=\"").skip(1).filter_map(|it| it.split('"').next()).collect();
    assert!(keys.contains(&"identity") && keys.contains(&"audit"), "{keys:?}");
    for key in keys {
        assert!(rules.contains(&format!("-k {key}\n")), "no rule has the key {key}");
    }
}

/// Runs a script of the disk with stand-ins for the programs that it asks; gives what it left for Prometheus.
fn measured(disk: &Disk, script: &str, stand_ins: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let at = |it: &str| folder.path().join(it);
    fs_err::create_dir(at("bin")).unwrap();
    for (name, body) in stand_ins {
        fs_err::write(at("bin").join(name), format!("#!/bin/sh\n{body}\n")).unwrap();
        fs_err::set_permissions(at("bin").join(name), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let root = folder.path().to_str().unwrap();
    let text = disk.show(&format!("/usr/lib/platform/{script}"));
    let text =
        text.replace("/var/lib/gabion/metrics", &format!("{root}/out")).replace("/var/lib/rancher", root);
    fs_err::write(at("script"), text).unwrap();
    let path = format!("{root}/bin:/usr/bin:/bin");
    gabion_testkit::run(program("sh").arg(at("script")).env("PATH", path));
    let left =
        fs_err::read_dir(at("out")).unwrap().map(|it| fs_err::read_to_string(it.unwrap().path()).unwrap());
    left.collect()
}

#[test]
fn a_changed_program_becomes_a_number_and_a_changed_setting_does_not() {
    let Some(disk) = &*UBUNTU else { return };
    let verify = "echo '??5?????? c /etc/ssh/sshd_config'; echo '??5??????   /usr/sbin/sshd'; echo 'missing     /usr/bin/sudo'; exit 1";
    let left = measured(disk, "integrity", &[("dpkg", verify)]);
    assert!(left.contains("\nplatform_integrity_changed_files 2\n"), "{left}");
    assert!(left.contains("\nplatform_integrity_run_timestamp_seconds 1"), "{left}");
    let left = measured(disk, "integrity", &[("dpkg", "echo '??5?????? c /etc/ssh/sshd_config'")]);
    assert!(left.contains("\nplatform_integrity_changed_files 0\n"), "{left}");
    let left = measured(disk, "measure", &[("systemctl", "echo 'a.service loaded failed'")]);
    assert!(left.contains("\nplatform_failed_units 1\n") && !left.contains("snapshot"), "{left}");
    // Timers start them, and alerts ask for what they leave.
    let wanted = disk.show("/etc/systemd/system/timers.target.d/50-platform.conf");
    for script in ["integrity", "measure"] {
        assert!(wanted.contains(&format!("platform-{script}.timer")), "{wanted}");
        let service = disk.show(&format!("/etc/systemd/system/platform-{script}.service"));
        assert!(service.contains(&format!("ExecStart=/usr/lib/platform/{script}\n")), "{service}");
        assert!(disk.show(&format!("/etc/systemd/system/platform-{script}.timer")).contains("[Timer]\n"));
    }
    let scripts = disk.show("/usr/lib/platform/integrity") + &disk.show("/usr/lib/platform/measure");
    let rules = PRODUCTION.of("PrometheusRule").iter().map(ToString::to_string).collect::<String>();
    for metric in rules
        .split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
        .filter(|it| it.starts_with("platform_"))
    {
        assert!(scripts.contains(metric), "nobody leaves {metric}");
    }
    // node-exporter reads the folder.
    let exporter = PRODUCTION.one("DaemonSet", "monitoring/monitoring-prometheus-node-exporter").to_string();
    assert!(
        exporter.contains("--collector.textfile.directory=/host/root/var/lib/gabion/metrics"),
        "{exporter}"
    );
}

#[test]
fn debian_12_is_the_same_host() {
    let (Some(ubuntu), Some(debian)) = (&*UBUNTU, &*DEBIAN) else { return };
    for path in [
        "/etc/ssh/sshd_config.d/10-gabion.conf",
        "/etc/ufw/user.rules",
        "/etc/ufw/user6.rules",
        "/etc/sysctl.d/99-recipe.conf",
        "/etc/modules-load.d/gabion.conf",
        "/etc/audit/rules.d/50-platform.rules",
        "/etc/fail2ban/jail.d/gabion.local",
        "/etc/systemd/system/k3s.service",
        "/etc/kubernetes/audit-policy.yaml",
        "/etc/kubernetes/admission.yaml",
        "/usr/lib/platform/integrity",
        "/etc/hostname",
    ] {
        let (one, other) = (ubuntu.show(path), debian.show(path));
        assert!(!one.is_empty() && one == other, "{path}: {one} {other}");
    }
    assert!(debian.show("/etc/chrony/chrony.conf").contains("debian.pool.ntp.org"));
}
