//! What a host says of itself, looked at from within: `guest/check` in the image, under both firmwares.

use crate::clock::phase;
use crate::tap::Report;
use crate::{image, updates};
use gabion_testkit::{Firmware, Vm, has};
use std::time::Duration;

/// Two minutes on a quiet machine.
const DEADLINE: Duration = Duration::from_secs(900);
/// Lines that `guest/check` gives at least: one that ends early is no good report.
const LEAST: usize = 120;

fn everything_holds(firmware: Firmware) {
    if !Vm::is_possible(firmware) || !has(&["gpg", "gpg-agent", "dpkg-deb", "apt-ftparchive", "mke2fs"]) {
        return;
    }
    let Some(project) = image::built() else { return };
    let folder = tempfile::tempdir().unwrap();
    let disk = image::overlay(&project.disk_file(), folder.path());
    let machine = Vm::new(firmware, &disk).qcow2().memory(1024).serial_number("gabion-selfcheck");
    let machine = machine.second_disk(&updates::disk(folder.path()));
    let heard = phase(&format!("self-check, {firmware:?}"), || machine.start().wait_until_off(DEADLINE));
    let report = Report::parse(&heard).unwrap_or_else(|error| panic!("{error}:\n{heard}"));
    assert!(report.failed.is_empty(), "{}\n{heard}", report.failed.join("\n"));
    assert!(report.held >= LEAST, "only {} lines", report.held);
}

#[test]
fn under_a_bios_everything_that_was_asked_for_holds() {
    everything_holds(Firmware::Bios);
}

#[test]
fn under_uefi_everything_that_was_asked_for_holds() {
    everything_holds(Firmware::Uefi);
}
