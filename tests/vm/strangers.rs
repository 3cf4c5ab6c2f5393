//! What a host shows to those who come over the network.

use crate::clock::phase;
use crate::image;
use crate::remote::Remote;
use gabion_testkit::{Firmware, Vm, has};
use std::process::Output;

/// The server refused, and says what it would take.
#[track_caller]
fn refused(out: &Output) {
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(255), "{said}");
    assert!(said.contains("Permission denied (publickey)."), "{said}");
}

#[test]
fn a_key_lets_in_and_nothing_else_does() {
    if !Vm::is_possible(Firmware::Bios) || !has(&["ssh"]) {
        return;
    }
    let Some(project) = image::built() else { return };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let remotes = [&folders[0], &folders[1]]
        .map(|it| Remote::new(project, Firmware::Bios, &project.disk_file(), it.path()));
    let [one, other] = &remotes;
    let _first = phase("start until ssh, Bios", || one.start());
    // The firewall lets six connections in within half a minute, those that asked whether anybody listens among them.
    let said = one.run("id -un; hostname; cat /proc/sys/kernel/hostname /etc/machine-id");
    let identity = said.strip_prefix("ops\nvps\nvps\n").unwrap().to_owned();
    refused(&one.ssh("ops", &["-o", "PreferredAuthentications=none"], "true"));
    refused(&one.ssh("ops", &["-o", "PreferredAuthentications=password,keyboard-interactive"], "true"));

    // Another host of the same image has nothing in common with it.
    let _second = phase("start until ssh, Bios", || other.start());
    assert_ne!(other.run("cat /etc/machine-id"), identity);
    refused(&other.ssh("root", &["-o", "BatchMode=yes"], "true"));
    assert_ne!(other.host_key(), one.host_key());
    assert!(one.host_key().starts_with("ssh-ed25519 "));
}
