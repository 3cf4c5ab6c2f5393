//! Which disk is meant.

use crate::disk::facts::tests::Fake;
use crate::disk::{DiskError, Facts, Must, Selector, Wanted, choose, may_erase};

const SIZE: u64 = 12 << 30;

fn with(facts: &Facts, disk: &str, must: &[&str]) -> Result<String, DiskError> {
    let disk: Selector = disk.parse().unwrap();
    let must: Vec<Must> = must.iter().map(|it| it.parse().unwrap()).collect();
    let wanted = Wanted { disk: &disk, must: &must, size: SIZE, architecture: None };
    choose(facts, &wanted).map(|it| it.name)
}

#[test]
fn a_disk_is_found_by_what_it_is() {
    let facts = Fake::ovh().facts();
    for name in [
        "serial:d1sk-2",
        "size:largest-not-root",
        "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_drive-scsi0-0-0-1",
    ] {
        assert_eq!(with(&facts, name, &[]).unwrap(), "sdb", "{name}");
    }
    let size = format!("size:{}", 40_u64 << 30);
    assert_eq!(with(&facts, "/dev/sdb", &["serial:d1sk-2", "model:QEMU HARDDISK", &size]).unwrap(), "sdb");
}

#[test]
fn a_name_alone_is_not_enough_and_what_it_names_is_shown() {
    let error = with(&Fake::ovh().facts(), "/dev/sdb", &[]).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("E0651", "`/dev/sdb` may be another disk after the next start")
    );
    assert_eq!(
        error.help().unwrap(),
        "it is `/dev/sdb`, 42.9 GB, model `QEMU HARDDISK`, serial `d1sk-2`; if that is the one, add `--must serial:d1sk-2`"
    );
}

#[test]
fn what_is_not_there_or_there_twice_is_told_with_what_there_is() {
    let facts = Fake::ovh().facts();
    let error = with(&facts, "serial:none", &[]).unwrap_err();
    assert!(
        error
            .help()
            .unwrap()
            .contains("`/dev/sda`, 3.0 GB, model `QEMU HARDDISK`, with the running system\n")
    );
    let error = with(&facts, "model:QEMU HARDDISK", &[]).unwrap_err();
    assert!(matches!(&error, DiskError::Ambiguous { found, .. } if found.lines().count() == 2), "{error:?}");
    let it = Fake::ovh();
    it.disk("sdc", "8:32", 40 << 30);
    assert!(matches!(with(&it.facts(), "size:largest-not-root", &[]), Err(DiskError::Ambiguous { .. })));
    assert!("size:large".parse::<Must>().is_err() && "serial:".parse::<Must>().is_err());
}

#[test]
fn another_disk_than_was_noted_is_refused() {
    let error = with(&Fake::ovh().facts(), "size:largest-not-root", &["serial:d1sk-1"]).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("E0652", "`/dev/sdb` is not `serial:d1sk-1`: it is `d1sk-2`")
    );
}

#[test]
fn a_disk_that_is_in_use_is_refused_and_says_by_what() {
    let it = Fake::ovh();
    let by_id = "serial:d1sk-2";
    assert_eq!(with(&it.facts(), "/dev/sda", &["model:QEMU HARDDISK"]).unwrap_err().code(), "E0653");
    it.mounts("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 8:17 / /mnt/old\\040disk rw - ext4 /dev/sdb1 rw\n");
    let error = with(&it.facts(), by_id, &[]).unwrap_err();
    assert_eq!(error.to_string(), "`/dev/sdb` is in use: it is mounted at `/mnt/old disk`");
    let it = Fake::ovh();
    it.disk("md0", "9:0", 1 << 30);
    it.link("sys/devices/pci/sdb/sdb1/holders/md0", "../../../md0");
    assert_eq!(with(&it.facts(), by_id, &[]).unwrap_err().to_string(), "`/dev/sdb` is in use: md0");
    let it = Fake::ovh();
    it.say("sdb", "ro", "1");
    assert_eq!(with(&it.facts(), by_id, &[]).unwrap_err().code(), "E0655");
    let it = Fake::ovh();
    it.say("sdb", "queue/logical_block_size", "4096");
    assert_eq!(
        with(&it.facts(), by_id, &[]).unwrap_err().to_string(),
        "`/dev/sdb` has sectors of 4096 bytes, and the image has 512"
    );
}

#[test]
fn a_small_disk_says_how_much_is_missing() {
    let it = Fake::new();
    it.disk("vdb", "254:16", SIZE - 4096);
    let error = with(&it.facts(), "size:largest-not-root", &[]).unwrap_err();
    assert_eq!(error.to_string(), format!("`/dev/vdb` has 4096 bytes less than the {SIZE} of the image"));
}

#[test]
fn an_image_for_another_machine_is_refused() {
    let facts = Fake::ovh().facts();
    let disk = Selector::LargestNotRoot;
    let wanted = Wanted { disk: &disk, must: &[], size: SIZE, architecture: Some("riscv64") };
    assert_eq!(choose(&facts, &wanted).unwrap_err().code(), "E0657");
}

#[test]
fn what_is_on_a_disk_goes_only_if_the_disk_is_named_by_what_it_is() {
    let facts = Fake::ovh().facts();
    let sdb = &facts.disks[1];
    let error = may_erase(sdb, None).unwrap_err();
    assert_eq!(
        error.help().unwrap(),
        "it has the partitions 1 (40000 MiB), 14 (4 MiB), 15 (106 MiB); if all of that may go, add `--erase d1sk-2`"
    );
    for wrong in ["sdb", "/dev/sdb", "yes", ""] {
        assert_eq!(may_erase(sdb, Some(wrong)).unwrap_err().code(), "E0652", "{wrong}");
    }
    may_erase(sdb, Some("d1sk-2")).unwrap();
    may_erase(sdb, Some("/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_drive-scsi0-0-0-1")).unwrap();
    let it = Fake::new();
    it.disk("vdb", "254:16", SIZE);
    may_erase(&it.facts().disks[0], None).unwrap();
}
