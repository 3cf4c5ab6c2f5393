//! What recipes of systems and disks are told.

use super::Facts;
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
    let sizes = [disk.esp, disk.slot, disk.state, disk.data].map(|it| it.bytes() >> 20);
    assert_eq!(sizes, [106, 4096, 4096, 1024]);
    assert_eq!(disk.kernel_args, ["console=ttyS0", "quiet"]);
}

#[test]
fn keys_that_a_module_does_not_have_are_told_with_the_nearest() {
    insta::assert_snapshot!(mistakes("[rootfs.vps]\npackages = ['apt.os']\nhostnam = 'x'\nssh = { prot = 22 }\nusers.ops = { ssh-key = ['ops.pub'] }\nfail2ban.sshd = { retries = 5 }\nfiles = [{ path = '/a', contents = 'x' }]\n"), @r#"
    gabion.toml:8:1: error[E0102]: `rootfs.vps` has no key `hostnam`
      help: did you mean `hostname`?
    gabion.toml:9:9: error[E0102]: `rootfs.vps.ssh` has no key `prot`
      help: did you mean `port`?
    gabion.toml:10:15: error[E0102]: `rootfs.vps.users.ops` has no key `ssh-key`
      help: did you mean `ssh-keys`?
    gabion.toml:11:19: error[E0102]: `rootfs.vps.fail2ban.sshd` has no key `retries`
      help: known here: maxretry, findtime, bantime
    gabion.toml:12:10: error[E0109]: `rootfs.vps.files` needs one of `content`, `file`, `from`
    gabion.toml:12:25: error[E0102]: `rootfs.vps.files` has no key `contents`
      help: did you mean `content`?
    "#);
}

#[test]
fn values_that_nobody_understands_are_told_where_they_stand() {
    insta::assert_snapshot!(mistakes("[rootfs.vps]\npackages = ['fetch.a']\nhostname = 'VPS'\nssh = { port = 70000 }\nusers = { Root = { ssh-keys = ['ops.pub'], uid = 5 } }\nfirewall = { in = 'drop', allow = ['22/icmp', '10.0.0.0/8', 'from 10.0.0.1/8'] }\nfail2ban = { sshd = { bantime = '1 hour' }, ignore = ['all'] }\nupdates = { mode = 'always' }\nsysctl = { 'a' = 1, 'a.b' = true }\nnetwork = { addresses = ['192.0.2.7'] }\nfiles = [{ path = 'etc/a', content = 'x', mode = '999', owner = 'root' }, { path = '/b' }]\n"), @r#"
    gabion.toml:7:13: error[E0113]: `packages` takes apt, not `fetch.a`
    gabion.toml:8:12: error[E0106]: `hostname` takes a host name, lowercase letters, digits, `-` and `.`, not `VPS`
    gabion.toml:9:16: error[E0106]: `port` is between 1 and 65535, not `70000`
    gabion.toml:10:11: error[E0106]: `users` takes names of lowercase letters, digits, `-` and `_`, at most 32 of them, not `Root`
    gabion.toml:10:50: error[E0106]: `uid` is between 1000 and 59999, not `5`
    gabion.toml:11:19: error[E0106]: `in` is `allow`, `deny` or `reject`, not `drop`
    gabion.toml:11:36: error[E0106]: `allow` takes rules as `22/tcp limit`, `6443/tcp from 192.0.2.10` or `from 10.42.0.0/16`: `22/icmp` has `icmp` where `tcp` or `udp` may stand
    gabion.toml:11:47: error[E0106]: `allow` takes rules as `22/tcp limit`, `6443/tcp from 192.0.2.10` or `from 10.42.0.0/16`: `10.0.0.0/8` has `8` where `tcp` or `udp` may stand
    gabion.toml:11:61: error[E0106]: `allow` takes `10.0.0.0/8` where `10.0.0.1/8` stands: it has bits behind its length
    gabion.toml:12:33: error[E0106]: `bantime` takes a span of time, `10m`, `1h` or `7d`, not `1 hour`
    gabion.toml:12:55: error[E0106]: `ignore` takes an address or a prefix, `10.42.0.0/16`, not `all`
    gabion.toml:13:20: error[E0106]: `mode` is `bundle`, `online` or `off`, not `always`
    gabion.toml:14:12: error[E0106]: `sysctl` takes keys of sysctl, `net.ipv4.ip_forward`, not `a`
    gabion.toml:14:29: error[E0106]: `sysctl` takes strings and integers, not a boolean
    gabion.toml:15:26: error[E0106]: `addresses` takes an address or a prefix, `10.42.0.0/16`, not `192.0.2.7`
    gabion.toml:16:19: error[E0106]: `path` takes an absolute path without `.` and `..`, not `etc/a`
    gabion.toml:16:50: error[E0106]: `mode` takes permissions of three or four octal digits, `0644`, not `999`
    gabion.toml:16:65: error[E0106]: `owner` takes `user:group`, names or numbers, not `root`
    gabion.toml:16:75: error[E0109]: `rootfs.vps.files` needs one of `content`, `file`, `from`
    "#);
}

#[test]
fn files_are_one_output_of_a_node() {
    insta::assert_snapshot!(mistakes("[k3s.main]\nchannel = 'v1.34'\n[fetch.a]\nurl = 'https://a.invalid/a'\n[rootfs.vps]\npackages = ['apt.os#x']\nusers.ops = { ssh-keys = ['ops.pub'] }\nfiles = [{ path = '/a', from = 'k3s.main' }, { path = '/b', from = 'k3s.main#bin' }, { path = '/c', from = 'fetch.a#x' }, { path = '/d', from = 'fetch.b' }, { path = '/e', from = 'fetch.a', content = '' }]\n"), @r#"
    gabion.toml:11:13: error[E0106]: `packages` takes whole nodes, not `apt.os#x`
    gabion.toml:13:32: error[E0106]: `from` takes one of its files, `k3s.main#binary`, `k3s.main#images`, `k3s.main#list`, `k3s.main#config`
    gabion.toml:13:68: error[E0106]: `from` takes one of its files, `k3s.main#binary`, `k3s.main#images`, `k3s.main#list`, `k3s.main#config`
    gabion.toml:13:108: error[E0106]: `from` takes `fetch.a`, which is one file
    gabion.toml:13:145: error[E0112]: there is no `fetch.b`
      help: did you mean `fetch.a`?
    gabion.toml:13:173: error[E0109]: `content` and `from` exclude each other
    "#);
}

#[test]
fn keys_in_files_are_read_line_by_line() {
    insta::assert_snapshot!(mistakes("[rootfs.vps]\npackages = ['apt.os']\nusers.a = { uid = 1000, ssh-keys = ['odd.pub', 'ops.pub'] }\nusers.b = { ssh-keys = ['none.pub', 'gone.pub', 'ssh-ed25519 AAAA'] }\n"), @r#"
    gabion.toml:8:37: error[E0106]: `odd.pub` in line 2 takes public keys of OpenSSH, `ssh-ed25519 AAAA… name`: DSA is broken, and sshd takes it no more
    gabion.toml:8:37: error[E0106]: `odd.pub` in line 3 takes public keys of OpenSSH, `ssh-ed25519 AAAA… name`: RSA keys shorter than 2048 bits can be broken
    gabion.toml:9:7: error[E0106]: `uid` must be given where there are several users
    gabion.toml:9:25: error[E0106]: `none.pub` holds no key
    gabion.toml:9:37: error[E0110]: cannot read `gone.pub`: entity not found
    gabion.toml:9:49: error[E0106]: `ssh-keys` takes public keys of OpenSSH, `ssh-ed25519 AAAA… name`: its bytes end too early
    "#);
}

#[test]
fn nobody_locks_himself_out() {
    insta::assert_snapshot!(mistakes("[rootfs.vps]\npackages = ['apt.os']\nusers = { a = { uid = 1000, groups = ['sudo'] }, b = { uid = 1000 } }\nssh = { password-auth = true, root-login = true }\nfirewall = { allow = ['80/tcp', '80/tcp limit'] }\nk3s = {}\nnetwork = { dhcp = false }\nfiles = [{ path = '/a', content = '' }, { path = '/a', content = '' }]\n"), @r#"
    gabion.toml:8:1: error[E0118]: `a` and `b` both have uid 1000
      help: give every user a `uid` of its own, and keep it
    gabion.toml:8:1: error[E0118]: `a` is in the group `sudo`, which asks for a password that nobody has
      help: write `sudo = true`, which asks for none, and take the group out
    gabion.toml:8:1: error[E0118]: no user has an SSH key: nobody could log in
      help: give a user `ssh-keys = ["keys/ops.pub"]`
    gabion.toml:9:1: error[E0118]: `password-auth` weakens the SSH server
      help: take `password-auth` out, or write `insecure = true` beside it and mean it
    gabion.toml:9:1: error[E0118]: `root-login` weakens the SSH server
      help: take `root-login` out, or write `insecure = true` beside it and mean it
    gabion.toml:10:1: error[E0118]: the firewall does not let anybody reach the SSH port 22
      help: allow `22/tcp limit`
    gabion.toml:10:1: error[E0118]: the firewall drops routed packets, and K3s routes those of its pods
      help: write `routed = "allow"`: network policies decide about pods
    gabion.toml:10:1: error[E0118]: two rules of the firewall say what happens to `80/tcp limit`
      help: keep one of them
    gabion.toml:12:1: error[E0118]: the host has neither DHCP nor an address
      help: write `dhcp = true`, or give `addresses`
    gabion.toml:13:1: error[E0118]: two files stand at `/a`
    "#);
}

#[test]
fn a_weakening_can_be_meant() {
    let open = "[rootfs.vps]\npackages = ['apt.os']\nusers.a = { ssh-keys = ['ops.pub'] }\nssh = { password-auth = true, insecure = true }\n";
    assert_eq!(mistakes(open), "fine");
    assert!(mistakes(&open.replace("insecure = true", "insecure = false")).contains("E0118"));
}

#[test]
fn a_disk_has_sizes_and_words() {
    insta::assert_snapshot!(mistakes("[disk.vps]\nrootfs = 'apt.os'\nesp = '1MiB'\nslot = '3GB'\nstate = 4\nkernel-args = ['root=/dev/sda1', 'a b', 'quiet']\npartitions = []\n[disk.b]\n[bundle.x]\nbase = ['disk.c', 'rootfs.vps']\n"), @r#"
    gabion.toml:7:10: error[E0113]: `rootfs` takes rootfs, not `apt.os`
    gabion.toml:8:7: error[E0106]: `esp` is at least 34MiB
    gabion.toml:9:8: error[E0106]: `slot` takes a size in whole MiB or GiB, `3GiB`, not `3GB`
    gabion.toml:10:9: error[E0104]: `state` takes a string, not an integer
    gabion.toml:11:16: error[E0106]: `kernel-args` cannot have `root`, which is set for each slot
    gabion.toml:11:34: error[E0106]: `kernel-args` takes single words without quotes, not `a b`
    gabion.toml:12:1: error[E0102]: `disk.vps` has no key `partitions`
      help: known here: enabled, rootfs, esp, slot, state, data, kernel-args
    gabion.toml:13:7: error[E0105]: `disk.b` needs `rootfs`
    gabion.toml:15:9: error[E0112]: there is no `disk.c`
      help: did you mean `disk.b`?
    gabion.toml:15:19: error[E0113]: `base` takes apt or disk or k3s or image or image-build or fetch or run, not `rootfs.vps`
    "#);
}
