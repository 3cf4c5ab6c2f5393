//! Configurations, before the servers that read them.

use crate::{is_installed, is_root, layer, settings, text, write};
use gabion_harden::{Settings, Ssh};
use gabion_testkit::program;
use std::path::Path;

/// What `sshd -T` says of the file of the layer.
fn sshd(ssh: Ssh) -> String {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    gabion_testkit::run(program("ssh-keygen").args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(&key));
    let text = text(
        &layer(&Settings { ssh: Some(ssh), firewall: None, fail2ban: None, ..settings() }),
        "/etc/ssh/sshd_config.d/10-gabion.conf",
    );
    let file = folder.path().join("10-gabion.conf");
    // The key of the host is not made yet.
    fs_err::write(&file, text.replace("/etc/ssh/ssh_host_ed25519_key", key.to_str().unwrap())).unwrap();
    // Debian's file, which reads the folder in front of what it says itself.
    let debian = fs_err::read_to_string("/etc/ssh/sshd_config").unwrap();
    let include = format!("Include {}", file.display());
    assert!(debian.contains("\nInclude /etc/ssh/sshd_config.d/*.conf\n"), "{debian}");
    let config = folder.path().join("sshd_config");
    fs_err::write(&config, debian.replace("Include /etc/ssh/sshd_config.d/*.conf", &include)).unwrap();
    gabion_testkit::text(program("/usr/sbin/sshd").arg("-T").arg("-f").arg(&config))
}

#[test]
fn sshd_takes_keys_alone() {
    if !is_installed() || !is_root() {
        return;
    }
    // sshd looks for its folder before it reads a configuration.
    fs_err::create_dir_all("/run/sshd").unwrap();
    let told = sshd(Ssh::default());
    for line in [
        "port 22",
        "permitrootlogin no",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "pubkeyauthentication yes",
        "authenticationmethods publickey",
        "permitemptypasswords no",
        "x11forwarding no",
        "allowagentforwarding no",
        "maxauthtries 3",
        "logingracetime 30",
    ] {
        assert!(told.lines().any(|it| it == line), "{line}: {told}");
    }
    assert_eq!(told.lines().filter(|it| it.starts_with("hostkey ")).count(), 1);
    let port = 2222.try_into().unwrap();
    let open = Ssh { port, password_auth: true, root_login: true, insecure: true };
    let told = sshd(open);
    for line in [
        "port 2222",
        "permitrootlogin without-password",
        "passwordauthentication yes",
        "authenticationmethods any",
    ] {
        assert!(told.lines().any(|it| it == line), "{line}: {told}");
    }
}

#[test]
fn fail2ban_guards_the_port_through_ufw_and_the_journal() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("fail2ban");
    gabion_testkit::run(program("cp").arg("-r").arg("/etc/fail2ban").arg(&config));
    let mut settings = settings();
    settings.ssh = Some(Ssh { port: 2222.try_into().unwrap(), ..Ssh::default() });
    settings.firewall = Some(crate::firewall(&["2222/tcp limit"]));
    fs_err::write(
        config.join("jail.d/gabion.local"),
        text(&layer(&settings), "/etc/fail2ban/jail.d/gabion.local"),
    )
    .unwrap();
    let dump = gabion_testkit::text(program("fail2ban-client").arg("-c").arg(&config).arg("-d"));
    for part in [
        "['add', 'sshd', 'systemd']",
        "['set', 'sshd', 'maxretry', 5]",
        "['set', 'sshd', 'bantime', '1h']",
        "['set', 'sshd', 'findtime', '10m']",
        "['set', 'sshd', 'addaction', 'ufw']",
        "'192.0.2.0/24'",
        "'2222'",
        "['start', 'sshd']",
    ] {
        assert!(dump.contains(part), "{part}: {dump}");
    }
}

#[test]
fn chrony_asks_the_servers_of_the_recipe_alone() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chrony.conf");
    fs_err::write(&file, text(&layer(&settings()), "/etc/chrony/chrony.conf")).unwrap();
    let told = gabion_testkit::text(program("/usr/sbin/chronyd").arg("-p").arg("-f").arg(&file));
    assert!(told.contains("server time.example.net iburst"), "{told}");
    fs_err::write(&file, "sever a iburst\n").unwrap();
    assert!(!program("/usr/sbin/chronyd").arg("-p").arg("-f").arg(&file).output().unwrap().status.success());
}

#[test]
fn networkd_knows_every_key() {
    if !is_installed() || !is_root() || !Path::new("/lib/systemd/systemd-networkd").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.network.addresses = vec![gabion_harden::Network::address("2001:db8::7/128").unwrap()];
    settings.network.gateways = vec!["2001:db8::1".parse().unwrap()];
    write(&layer(&settings), folder.path());
    let said = |folder: &Path| {
        // It reads its files and then asks for a network of its own, in which there is nothing.
        let script = "mount --bind \"$1/etc/systemd\" /etc/systemd && mount -t tmpfs none /run && \
                      mkdir /run/systemd && timeout 5 /lib/systemd/systemd-networkd 2>&1";
        let mut command = program("unshare");
        command.args(["--net", "--mount", "sh", "-c", script, "sh"]).arg(folder);
        command.env("SYSTEMD_LOG_LEVEL", "debug").env("SYSTEMD_LOG_TARGET", "console");
        String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
    };
    let told = said(folder.path());
    if !told.contains("10-gabion") && !told.contains("Link 1") && !told.contains("lo: ") {
        gabion_testkit::skip_also_in_ci("systemd-networkd does not start here");
        return;
    }
    assert!(!told.contains("/10-gabion."), "{told}");
    let file = folder.path().join("etc/systemd/network/10-gabion.network");
    let wrong = fs_err::read_to_string(&file).unwrap().replace("GatewayOnLink", "GatewayOnLnk");
    fs_err::write(&file, wrong).unwrap();
    let told = said(folder.path());
    assert!(told.contains("GatewayOnLnk"), "{told}");
}
