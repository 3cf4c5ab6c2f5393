//! The way to another system and back: a slot that is tried, one that is cut off, and one that is confirmed.

use crate::clock::phase;
use crate::image::{self, Project};
use crate::remote::{DEADLINE, Remote};
use gabion_disk::{Layout, Role, Sizes, Uuid};
use gabion_testkit::{Firmware, Vm, has, program, run};
use std::path::Path;

const SLOT: &str = "sudo /usr/lib/gabion/slot";

/// A partition of a disk in QEMU's own format, as QEMU's tools name it.
fn partition(disk: &Path, role: Role) -> String {
    // Where it lies depends on no identifier.
    let layout = Layout::new(Uuid::from_u128(0), "vps", Sizes::default()).unwrap();
    let it = layout.partition(role);
    let (offset, size, disk) = (it.offset(), it.size(), disk.display());
    format!(
        "driver=raw,offset={offset},size={size},file.driver=qcow2,file.file.driver=file,file.file.filename={disk}"
    )
}

/// The system of `root-a` in `root-b` too, byte for byte: with the same UUID.
fn fill_other_slot(base: &Path, disk: &Path) {
    let mut convert = program("qemu-img");
    convert.args(["convert", "-n", "--image-opts", "--target-image-opts"]);
    run(convert.args([partition(base, Role::RootA), partition(disk, Role::RootB)]));
}

/// What `slot status` says.
fn status(running: &str, slot: &str) -> String {
    format!("running={running}\nslot={slot}\ntrial=\n")
}

fn a_slot_is_tried_once_and_stays_only_if_confirmed(project: &Project, firmware: Firmware) {
    let folder = tempfile::tempdir().unwrap();
    let disk = image::overlay(&project.disk_file(), folder.path());
    fill_other_slot(&project.disk_file(), &disk);
    let remote = Remote::new(project, firmware, &disk, folder.path()).with(Vm::keeping_writes);
    let rebooting = remote.clone().with(Vm::rebooting);

    // Tried, and cut off before it said anything.
    let machine = phase(&format!("start until ssh, {firmware:?}"), || rebooting.start());
    assert_eq!(rebooting.run(&format!("{SLOT} status")), status("a", "a"));
    rebooting.run(&format!("{SLOT} try b && sudo systemctl --no-block reboot"));
    machine.wait_for("gabion.slot=b gabion.trial=1", DEADLINE);
    machine.cut_power();

    // Back where it was, and tried again.
    let machine = remote.start();
    assert_eq!(remote.run(&format!("{SLOT} status")), status("a", "a"));
    remote.run(&format!("{SLOT} try b && sudo systemctl --no-block poweroff"));
    machine.wait_until_off(DEADLINE);
    let machine = remote.start();
    assert!(machine.heard().contains("gabion.slot=b gabion.trial=1"));
    // The same host with the same data, from the other partition.
    assert_eq!(remote.run(&format!("{SLOT} status")), status("b", "a"));
    assert_eq!(remote.run("findmnt -no SOURCE /; findmnt -no SOURCE /data"), "/dev/vda4\n/dev/vda6\n");
    remote.run(&format!("{SLOT} confirm && sudo systemctl --no-block poweroff"));
    machine.wait_until_off(DEADLINE);

    let machine = remote.start();
    assert_eq!(remote.run(&format!("{SLOT} status")), status("b", "b"));
    assert!(!machine.heard().contains("gabion.trial=1"));
}

fn slots(firmware: Firmware) {
    if !Vm::is_possible(firmware) || !has(&["ssh"]) {
        return;
    }
    let Some(project) = image::built() else { return };
    phase(&format!("slots, {firmware:?}"), || {
        a_slot_is_tried_once_and_stays_only_if_confirmed(project, firmware)
    });
}

#[test]
fn under_a_bios_a_slot_is_tried_once_and_stays_only_if_confirmed() {
    slots(Firmware::Bios);
}

#[test]
fn under_uefi_a_slot_is_tried_once_and_stays_only_if_confirmed() {
    slots(Firmware::Uefi);
}
