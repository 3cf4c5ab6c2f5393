//! What the packages of the miniature Ubuntu bring, so that a hardened system and a disk can be made of them: the files
//! that its settings look for, and nothing that runs.

/// An entry of a package.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item {
    /// A file: mode and bytes.
    File(u32, &'static [u8]),
    /// A symbolic link.
    Link(&'static str),
}

const UNIT: Item =
    Item::File(0o644, b"[Unit]\nDescription=A stand-in\n[Install]\nWantedBy=multi-user.target\n");
const PROGRAM: Item = Item::File(0o755, b"#!/bin/false\n");

/// GRUB's first sector: nothing but its signature.
const BOOT: [u8; 512] = {
    let mut sector = [0; 512];
    sector[510] = 0x55;
    sector[511] = 0xaa;
    sector
};

/// GRUB's core image: two sectors, the first with the segment into which the rest is loaded.
const CORE: [u8; 1024] = {
    let mut core = [0; 1024];
    core[510] = 0x20;
    core[511] = 0x08;
    core
};

const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n";
const GROUP: &[u8] = b"root:x:0:\ndaemon:x:1:\nadm:x:4:\nsudo:x:27:\nshadow:x:42:\nsystemd-journal:x:101:\n";
const SHADOW: &[u8] = b"root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n";
const GSHADOW: &[u8] = b"root:*::\ndaemon:*::\nadm:*::\nsudo:*::\nshadow:*::\nsystemd-journal:!::\n";
const RELEASE: &[u8] = b"NAME=\"Ubuntu\"\nID=ubuntu\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\n";

/// Package, path, entry.
const FILES: [(&str, &str, Item); 53] = [
    ("apparmor", "usr/lib/systemd/system/apparmor.service", UNIT),
    ("auditd", "usr/lib/systemd/system/auditd.service", UNIT),
    ("base-files", "etc/group", Item::File(0o644, GROUP)),
    ("base-files", "etc/gshadow", Item::File(0o640, GSHADOW)),
    ("base-files", "etc/passwd", Item::File(0o644, PASSWD)),
    ("base-files", "etc/shadow", Item::File(0o640, SHADOW)),
    ("base-files", "etc/subgid", Item::File(0o644, b"")),
    ("base-files", "etc/subuid", Item::File(0o644, b"")),
    ("base-files", "usr/lib/os-release", Item::File(0o644, RELEASE)),
    ("bash", "bin/bash", PROGRAM),
    ("chrony", "usr/lib/systemd/system/chrony.service", UNIT),
    ("chrony", "usr/sbin/chronyd", PROGRAM),
    ("e2fsprogs", "sbin/e2fsck", PROGRAM),
    ("e2fsprogs", "sbin/resize2fs", PROGRAM),
    ("fail2ban", "etc/fail2ban/filter.d/sshd.conf", Item::File(0o644, b"[Definition]\n")),
    ("fail2ban", "usr/bin/fail2ban-server", PROGRAM),
    ("fail2ban", "usr/lib/systemd/system/fail2ban.service", UNIT),
    ("fdisk", "sbin/sfdisk", PROGRAM),
    ("grub-common", "usr/bin/grub-editenv", PROGRAM),
    (
        "grub-efi-amd64-bin",
        "usr/lib/gabion/grub/BOOTX64.EFI",
        Item::File(0o644, b"MZ: it only says what it is\n"),
    ),
    ("grub-pc-bin", "usr/lib/gabion/grub/boot.img", Item::File(0o644, &BOOT)),
    ("grub-pc-bin", "usr/lib/gabion/grub/core.img", Item::File(0o644, &CORE)),
    ("iptables", "usr/sbin/ip6tables", Item::Link("iptables")),
    ("iptables", "usr/sbin/iptables", PROGRAM),
    ("linux-image-virtual", "boot/initrd.img", Item::Link("initrd.img-5.15.0-25-generic")),
    ("linux-image-virtual", "boot/initrd.img-5.15.0-25-generic", Item::File(0o644, b"an initramfs\n")),
    ("linux-image-virtual", "boot/vmlinuz", Item::Link("vmlinuz-5.15.0-25-generic")),
    ("linux-image-virtual", "boot/vmlinuz-5.15.0-25-generic", Item::File(0o600, b"a kernel\n")),
    ("linux-image-amd64", "boot/initrd.img", Item::Link("initrd.img-5.15.0-25-generic")),
    ("linux-image-amd64", "boot/initrd.img-5.15.0-25-generic", Item::File(0o644, b"an initramfs\n")),
    ("linux-image-amd64", "boot/vmlinuz", Item::Link("vmlinuz-5.15.0-25-generic")),
    ("linux-image-amd64", "boot/vmlinuz-5.15.0-25-generic", Item::File(0o600, b"a kernel\n")),
    ("openssh-server", "etc/ssh/sshd_config", Item::File(0o644, b"Include /etc/ssh/sshd_config.d/*.conf\n")),
    ("openssh-server", "usr/bin/ssh-keygen", PROGRAM),
    ("openssh-server", "usr/lib/systemd/system/ssh.service", UNIT),
    ("openssh-server", "usr/sbin/sshd", PROGRAM),
    ("python3-systemd", "usr/lib/python3/dist-packages/systemd/journal.py", Item::File(0o644, b"")),
    ("qemu-guest-agent", "usr/lib/systemd/system/qemu-guest-agent.service", UNIT),
    ("sudo", "usr/bin/sudo", Item::File(0o4755, b"#!/bin/false\n")),
    ("systemd-sysv", "usr/lib/systemd/system/systemd-networkd.service", UNIT),
    ("systemd-sysv", "usr/lib/systemd/system/systemd-resolved.service", UNIT),
    ("systemd-sysv", "usr/lib/systemd/systemd", PROGRAM),
    ("systemd-sysv", "usr/lib/systemd/systemd-networkd", PROGRAM),
    ("systemd-sysv", "usr/lib/systemd/systemd-resolved", PROGRAM),
    ("ufw", "etc/default/ufw", Item::File(0o644, b"IPV6=yes\n")),
    ("ufw", "etc/ufw/ufw.conf", Item::File(0o644, b"ENABLED=no\nLOGLEVEL=low\n")),
    ("ufw", "usr/lib/systemd/system/ufw.service", UNIT),
    ("ufw", "usr/sbin/ufw", PROGRAM),
    ("unattended-upgrades", "usr/bin/unattended-upgrade", PROGRAM),
    ("unattended-upgrades", "usr/lib/systemd/system/apt-daily-upgrade.timer", UNIT),
    ("unattended-upgrades", "usr/lib/systemd/system/apt-daily.timer", UNIT),
    ("unattended-upgrades", "usr/lib/systemd/system/unattended-upgrades.service", UNIT),
    ("util-linux", "usr/bin/partx", PROGRAM),
];

/// The entries of a package.
pub(crate) fn of(package: &str) -> impl Iterator<Item = (&'static str, Item)> {
    FILES.into_iter().filter(move |(name, _, _)| *name == package).map(|(_, path, item)| (path, item))
}
