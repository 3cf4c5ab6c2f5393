//! Machines that are folders.

use super::netlink::Dumps;
use super::netlink::tests::{with_address, with_route};
use super::*;
use gabion_disk::{Layout, Raw, Sizes, Uuid};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// A machine in a folder.
pub(crate) struct Fake {
    folder: tempfile::TempDir,
    pub(crate) dumps: Dumps,
}

impl Fake {
    /// One without anything.
    pub(crate) fn new() -> Self {
        let it = Self { folder: tempfile::tempdir().unwrap(), dumps: Dumps::default() };
        it.file("proc/meminfo", "MemTotal:        2048 kB\nMemFree: 1 kB\n");
        it.file("proc/self/mountinfo", "22 27 0:21 / /proc rw - proc proc rw\n");
        fs_err::create_dir_all(it.root().join("sys/block")).unwrap();
        it
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    pub(crate) fn file(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        let path = self.root().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// A disk of `size` bytes, behind a controller as Linux shows it; its device is a file of zeros.
    pub(crate) fn disk(&self, name: &str, number: &str, size: u64) {
        let folder = format!("sys/devices/pci/{name}");
        self.file(&format!("{folder}/size"), &(size / 512).to_string());
        self.file(&format!("{folder}/ro"), "0\n");
        self.file(&format!("{folder}/queue/logical_block_size"), "512\n");
        self.link(&format!("sys/block/{name}"), &format!("../devices/pci/{name}"));
        self.link(&format!("sys/class/block/{name}"), &format!("../../devices/pci/{name}"));
        self.link(&format!("sys/dev/block/{number}"), &format!("../../devices/pci/{name}"));
        self.file(&format!("dev/{name}"), "");
        fs_err::File::options()
            .write(true)
            .open(self.root().join("dev").join(name))
            .unwrap()
            .set_len(size)
            .unwrap();
    }

    pub(crate) fn say(&self, name: &str, what: &str, value: &str) {
        self.file(&format!("sys/devices/pci/{name}/{what}"), value);
    }

    /// A partition in MiB.
    pub(crate) fn part(&self, disk: &str, number: u32, device: &str, start: u64, size: u64) {
        let (name, folder) = (format!("{disk}{number}"), format!("sys/devices/pci/{disk}/{disk}{number}"));
        for (what, value) in
            [("partition", u64::from(number)), ("start", start * 2048), ("size", size * 2048)]
        {
            self.file(&format!("{folder}/{what}"), &value.to_string());
        }
        self.link(&format!("sys/class/block/{name}"), &format!("../../devices/pci/{disk}/{name}"));
        self.link(&format!("sys/dev/block/{device}"), &format!("../../devices/pci/{disk}/{name}"));
        self.file(&format!("dev/{name}"), "");
    }

    pub(crate) fn mounts(&self, lines: &str) {
        self.file("proc/self/mountinfo", lines);
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts::gather_with(&self.root(), &self.dumps).unwrap()
    }

    /// OVH's rescue system: it runs from `sda`, the disk is `sdb` with the partitions of a cloud image.
    pub(crate) fn ovh() -> Self {
        let mut it = Self::new();
        it.disk("sda", "8:0", 2_900 << 20);
        it.part("sda", 1, "8:1", 1, 2_800);
        it.disk("sdb", "8:16", 40 << 30);
        for name in ["sda", "sdb"] {
            it.say(name, "device/model", "QEMU HARDDISK   \n");
        }
        it.say("sdb", "device/vpd_pg80", "\0\u{1}\0\u{4}d1sk-2  ");
        it.link("dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_drive-scsi0-0-0-1", "../../sdb");
        for (number, start, size) in [(1, 228, 40_000), (14, 1, 4), (15, 5, 106)] {
            it.part("sdb", number, &format!("8:{}", 16 + number), start, size);
        }
        let mut disk = fs_err::File::options().write(true).open(it.root().join("dev/sdb")).unwrap();
        std::io::Write::write_all(&mut disk, &[0xEB; 512]).unwrap();
        it.mounts("22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n23 22 0:21 / /proc rw - proc proc rw\n");
        it.card("ens3", 2, "fa:16:3e:01:02:03");
        with_address(&mut it.dumps, 2, "192.0.2.7", 32, 86_400);
        with_address(&mut it.dumps, 2, "fe80::1", 64, u32::MAX);
        with_route(&mut it.dumps, 2, "192.0.2.1", 16);
        it.file("etc/resolv.conf", "nameserver 127.0.0.53\n");
        it.file("run/systemd/resolve/resolv.conf", "nameserver 192.0.2.53\n");
        it
    }

    pub(crate) fn card(&self, name: &str, index: u32, mac: &str) {
        self.file(&format!("sys/class/net/{name}/device/vendor"), "1");
        self.file(&format!("sys/class/net/{name}/ifindex"), &index.to_string());
        self.file(&format!("sys/class/net/{name}/address"), mac);
    }
}

#[test]
fn a_rescue_system_tells_its_disks_apart() {
    let facts = Fake::ovh().facts();
    let [sda, sdb] = &facts.disks[..] else { panic!("{:?}", facts.disks) };
    assert!(sda.holds_root && sda.mounts == ["/"] && !sdb.holds_root && sdb.mounts.is_empty());
    assert_eq!((sdb.serial.as_deref(), sdb.model.as_deref()), (Some("d1sk-2"), Some("QEMU HARDDISK")));
    assert_eq!(sdb.ids, ["scsi-0QEMU_QEMU_HARDDISK_drive-scsi0-0-0-1"]);
    let numbers: Vec<u32> = sdb.partitions.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 14, 15]);
    assert!(sda.is_blank && !sdb.is_blank && sdb.is_disk);
    assert_eq!(facts.machine.memory, 2048 * 1024);
    assert_eq!(facts.machine.firmware, Firmware::Bios);
}

#[test]
fn facts_are_read_again_from_what_they_are_written_as() {
    let facts = Fake::ovh().facts();
    let text = serde_json::to_string_pretty(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
}

#[test]
fn the_running_system_is_found_through_mappings_loops_and_overlays() {
    let it = Fake::new();
    it.disk("sda", "8:0", 1 << 30);
    it.part("sda", 2, "8:2", 1, 500);
    it.disk("sdb", "8:16", 1 << 30);
    // A mapping over a partition.
    it.disk("dm-0", "253:0", 1 << 28);
    it.link("sys/devices/pci/dm-0/slaves/sda2", "../../sda/sda2");
    it.link("sys/devices/pci/sda/sda2/holders/dm-0", "../../../dm-0");
    it.mounts("22 1 253:0 / / rw - ext4 /dev/mapper/root rw\n");
    let of = |it: &Fake, name: &str| it.facts().disks.into_iter().find(|it| it.name == name).unwrap();
    assert!(of(&it, "sda").holds_root && of(&it, "dm-0").holds_root && !of(&it, "sdb").holds_root);
    assert_eq!(of(&it, "sda").users, ["dm-0"]);
    // A live system: an overlay over an image in a file on a stick.
    it.disk("loop0", "7:0", 1 << 28);
    it.say("loop0", "loop/backing_file", "/run/live/medium/filesystem.squashfs\n");
    it.mounts(
        "20 1 0:30 / / rw - overlay overlay rw,lowerdir=/run/live/rootfs,upperdir=/run/overlay/rw,workdir=/w\n\
         21 20 7:0 / /run/live/rootfs ro - squashfs /dev/loop0 ro\n\
         22 20 8:16 / /run/live/medium ro - iso9660 /dev/sdb ro\n23 20 0:31 / /run/overlay rw - tmpfs tmpfs rw\n",
    );
    assert!(of(&it, "sdb").holds_root && !of(&it, "sda").holds_root);
    // Several devices under one file system, which has a number of its own; and swap.
    it.mounts("20 1 0:30 / / rw - btrfs /dev/sda2 rw\n");
    it.file("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n");
    assert!(of(&it, "sda").holds_root && of(&it, "sda").users.contains(&"swap on /dev/sda2".to_owned()));
}

#[test]
fn the_table_of_a_disk_says_more_than_the_kernel() {
    let it = Fake::new();
    let sizes = Sizes { root: 256 << 20, state: 256 << 20, data: 256 << 20, ..Sizes::default() };
    let layout = Layout::new(Uuid::from_u128(7), "vps", sizes).unwrap();
    it.disk("vda", "254:0", layout.size());
    let file = fs_err::File::options().write(true).open(it.root().join("dev/vda")).unwrap();
    let mut raw = Raw::new(file, layout.size());
    layout.table().write(&[0; 440], &mut raw).unwrap();
    raw.finish().unwrap();
    it.part("vda", 3, "254:3", 108, 256);
    let facts = it.facts();
    let vda = &facts.disks[0];
    assert_eq!(vda.partitions.len(), 6);
    let root = &vda.partitions[2];
    assert_eq!((root.name.as_deref(), root.label.as_deref()), (Some("vda3"), Some("root-a")));
    assert_eq!(vda.table.as_deref(), Some(&*layout.table().id().to_string()));
    assert!(vda.content().contains("5 `state` (256 MiB)"), "{}", vda.content());
}

#[test]
fn this_machine_can_be_looked_at() {
    let facts = Facts::gather("/".as_ref()).unwrap();
    assert!(facts.machine.memory > 0);
}
