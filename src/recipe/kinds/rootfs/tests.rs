//! What recipes of systems and disks are told.

use super::Facts;
use crate::recipe::kinds::{Firmware, Format};
use crate::recipe::{Body, Project, load};
use gabion_harden::{Content, Updates};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops@desk";

fn project(toml: &str) -> (tempfile::TempDir, Result<Project, String>) {
    let folder = tempfile::tempdir().unwrap();
    let text =
        format!("[project]\nname = 'p'\nedition = '2026'\n[apt.os]\norigin = 'debian:bookworm'\n{toml}");
    for (path, bytes) in [
        ("gabion.toml", text.as_str()),
        ("ops.pub", &format!("# the desk\n{KEY}\n")),
        ("odd.pub", &format!("{KEY}\nssh-dss AAAA\nssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQ8=\n")),
        ("none.pub", "# nothing\n"),
        ("motd", "welcome\n"),
    ] {
        fs_err::write(folder.path().join(path), bytes).unwrap();
    }
    let project = load(folder.path(), None).map_err(|it| it.to_string());
    (folder, project)
}

fn mistakes(toml: &str) -> String {
    project(toml).1.err().unwrap_or_else(|| "fine".to_owned())
}

const WHOLE: &str = r#"[k3s.main]
channel = "v1.34"
[rootfs.vps]
packages = ["apt.os"]
hostname = "vps-prod"
users.ops = { sudo = true, groups = ["adm"], ssh-keys = ["ops.pub"] }
ssh = { port = 2222 }
firewall = { in = "deny", routed = "allow", allow = ["2222/tcp limit", "from 10.42.0.0/16"], deny = ["from 192.0.2.0/24"] }
fail2ban = { ignore = ["10.0.0.0/8"], sshd = { maxretry = 3, bantime = "1d" } }
updates = { mode = "online" }
sysctl = { "vm.swappiness" = 10, "net.ipv4.ip_local_port_range" = "32768 60999" }
kernel-modules = ["nbd"]
network = { addresses = ["2001:db8::7/128"], gateways = ["2001:db8::1"], dns = ["192.0.2.53"] }
time = { servers = ["time.example.net"] }
k3s = {}
files = [
  { path = "/usr/local/bin/k3s", from = "k3s.main#binary", mode = "0755" },
  { path = "/etc/motd", file = "motd" },
  { path = "/etc/a", content = "a", owner = "root:adm" },
]
[disk.vps]
rootfs = "rootfs.vps"
slot = "4GiB"
format = ["zst", "qcow2"]
kernel-args = ["console=ttyS0", "quiet"]
"#;

#[test]
fn every_module_is_read() {
    let (_folder, project) = project(WHOLE);
    let project = project.unwrap();
    let recipe = &project.recipes[&"rootfs.vps".parse().unwrap()];
    let (Body::Rootfs(rootfs), Body::Apt(apt)) =
        (&recipe.body, &project.recipes[&"apt.os".parse().unwrap()].body)
    else {
        panic!("{recipe:?}")
    };
    let needs: Vec<String> = recipe.body.references().map(|it| it.value.to_string()).collect();
    assert_eq!(needs, ["apt.os", "k3s.main#binary"]);
    let facts = Facts { epoch_day: 20_780, archives: apt.repositories(), partitions: None };
    let settings = rootfs.settings(&recipe.files, &facts).unwrap();
    assert_eq!(gabion_harden::check(&settings), []);
    let ops = &settings.users[&"ops".parse().unwrap()];
    assert_eq!((ops.uid.get(), ops.keys[0].to_string(), ops.sudo), (1000, KEY.to_owned(), true));
    assert_eq!(settings.ssh.unwrap().port.get(), 2222);
    let rules: Vec<String> = settings.firewall.unwrap().rules.iter().map(ToString::to_string).collect();
    assert_eq!(rules, ["from 192.0.2.0/24", "2222/tcp limit", "from 10.42.0.0/16"]);
    let Updates::Online(archives) = settings.updates else { panic!("no archives") };
    let suites: Vec<String> = archives.iter().flat_map(|it| it.suites.clone()).collect();
    assert_eq!(suites, ["bookworm", "bookworm-updates", "bookworm-security"]);
    let contents: Vec<&Content> = settings.files.iter().map(|it| &it.content).collect();
    let bytes = |it: &str| Content::Bytes(it.as_bytes().to_vec());
    assert_eq!(contents, [&Content::Named("k3s.main#binary".to_owned()), &bytes("welcome\n"), &bytes("a")]);
}

#[test]
fn a_disk_is_read_with_what_it_does_not_say() {
    let (_folder, project) = project(WHOLE);
    let project = project.unwrap();
    let Body::Disk(disk) = &project.recipes[&"disk.vps".parse().unwrap()].body else { panic!("no disk") };
    assert_eq!(disk.firmware, [Firmware::Bios, Firmware::Uefi]);
    assert_eq!(disk.format, [Format::Qcow2, Format::Zst]);
    let sizes = [disk.esp, disk.slot, disk.state, disk.data].map(|it| it.bytes() >> 20);
    assert_eq!(sizes, [106, 4096, 4096, 1024]);
    assert_eq!(disk.kernel_args, ["console=ttyS0", "quiet"]);
}

#[test]
fn keys_that_a_module_does_not_have_are_told_with_the_nearest() {
    insta::assert_snapshot!(mistakes("[rootfs.vps]\npackages = ['apt.os']\nhostnam = 'x'\nssh = { prot = 22 }\nusers.ops = { ssh-key = ['ops.pub'] }\nfail2ban.sshd = { retries = 5 }\nfiles = [{ path = '/a', contents = 'x' }]\n"), @"");
}

#[test]
fn values_that_nobody_understands_are_told_where_they_stand() {
    insta::assert_snapshot!(mistakes("[rootfs.vps]\npackages = ['fetch.a']\nhostname = 'VPS'\nssh = { port = 70000 }\nusers = { Root = { ssh-keys = ['ops.pub'], uid = 5 } }\nfirewall = { in = 'drop', allow = ['22/icmp', '10.0.0.0/8', 'from 10.0.0.1/8'] }\nfail2ban = { sshd = { bantime = '1 hour' }, ignore = ['all'] }\nupdates = { mode = 'always' }\nsysctl = { 'a' = 1, 'a.b' = true }\nnetwork = { addresses = ['192.0.2.7'] }\nfiles = [{ path = 'etc/a', content = 'x', mode = '999', owner = 'root' }, { path = '/b' }]\n"), @"");
}

#[test]
fn files_are_one_output_of_a_node() {
    insta::assert_snapshot!(mistakes("[k3s.main]\nchannel = 'v1.34'\n[fetch.a]\nurl = 'https://a.invalid/a'\n[rootfs.vps]\npackages = ['apt.os#x']\nusers.ops = { ssh-keys = ['ops.pub'] }\nfiles = [{ path = '/a', from = 'k3s.main' }, { path = '/b', from = 'k3s.main#bin' }, { path = '/c', from = 'fetch.a#x' }, { path = '/d', from = 'fetch.b' }, { path = '/e', from = 'fetch.a', content = '' }]\n"), @"");
}

#[test]
fn keys_in_files_are_read_line_by_line() {
    insta::assert_snapshot!(mistakes("[rootfs.vps]\npackages = ['apt.os']\nusers.a = { uid = 1000, ssh-keys = ['odd.pub', 'ops.pub'] }\nusers.b = { ssh-keys = ['none.pub', 'gone.pub', 'ssh-ed25519 AAAA'] }\n"), @"");
}

#[test]
fn nobody_locks_himself_out() {
    insta::assert_snapshot!(mistakes("[rootfs.vps]\npackages = ['apt.os']\nusers = { a = { uid = 1000, groups = ['sudo'] }, b = { uid = 1000 } }\nssh = { password-auth = true, root-login = true }\nfirewall = { allow = ['80/tcp', '80/tcp limit'] }\nk3s = {}\nnetwork = { dhcp = false }\nfiles = [{ path = '/a', content = '' }, { path = '/a', content = '' }]\n"), @"");
}

#[test]
fn a_weakening_can_be_meant() {
    let open = "[rootfs.vps]\npackages = ['apt.os']\nusers.a = { ssh-keys = ['ops.pub'] }\nssh = { password-auth = true, insecure = true }\n";
    assert_eq!(mistakes(open), "fine");
    assert!(mistakes(&open.replace("insecure = true", "insecure = false")).contains("E0118"));
}

#[test]
fn a_disk_has_sizes_and_words() {
    insta::assert_snapshot!(mistakes("[disk.vps]\nrootfs = 'apt.os'\nfirmware = ['efi']\nformat = []\nesp = '1MiB'\nslot = '3GB'\nstate = 4\nkernel-args = ['root=/dev/sda1', 'a b', 'quiet']\npartitions = []\n[disk.b]\n[bundle.x]\nbase = ['disk.c', 'rootfs.vps']\n"), @"");
}
