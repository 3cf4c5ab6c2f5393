//! Whole installations, onto files: what is on them is mounted through loops.

use super::sample::{Sample, layout, produce, sample};
use super::written::{partition, used};
use crate::disk::facts::tests::Fake;
use crate::disk::{Event, How, Options, Report, Source, install, network};
use crate::{HostError, Root};
use gabion_disk::{MIB, Role};
use gabion_testkit::{has, program, run, skip, text};
use std::path::Path;

const DISK: &str = "disk";

pub(super) fn is_possible() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let has_loops = Path::new("/dev/loop-control").exists();
    if !is_root || !has_loops {
        skip("only root mounts, and only with loop devices");
    }
    is_root && has_loops && has(&["losetup", "e2fsck", "resize2fs", "debugfs", "sgdisk"])
}

/// Installs onto the file, and notes what happened.
fn try_install(
    folder: &Path,
    change: impl FnOnce(&mut Options),
    lay: impl FnOnce(&Root) -> Result<(), HostError> + Send,
) -> (Result<Report, HostError>, Vec<Event>) {
    let path = folder.join(DISK);
    let mut options = Options {
        disk: path.display().to_string().parse().unwrap(),
        must: Vec::new(),
        erase: None,
        network: network::Choice::default(),
        dry_run: false,
    };
    change(&mut options);
    let (mut from, mut events) = (sample(), Vec::new());
    let mut produce =
        |sample: &mut &Sample, out: &mut dyn std::io::Write| produce(&sample.zst, usize::MAX, out);
    let mut source =
        Source { from: &mut from, produce: &mut produce, size: sample().size, architecture: None };
    let done = install(
        &Fake::ovh().facts(),
        &mut source,
        &options,
        &mut |it| events.push(it),
        |_: &mut &Sample, root, _| lay(root),
    );
    (done, events)
}

fn erase(folder: &Path) -> String {
    let size = folder.join(DISK).metadata().unwrap().len();
    format!("{DISK}:{size}")
}

/// Lays a file into the slot, and one onto each of `state` and `data`.
fn lay(text: &str) -> impl FnOnce(&Root) -> Result<(), HostError> + Send {
    let text = text.to_owned();
    move |root| {
        for path in ["etc/laid", "var/lib/gabion/laid", "var/lib/gabion/packs/laid"] {
            root.write(path, 0o644, &mut |out| out.write_all(text.as_bytes())).unwrap();
        }
        Ok(())
    }
}

/// A file in a file system of the disk, read by somebody else.
fn cat(folder: &Path, role: Role, path: &str) -> String {
    let part = folder.join(role.label());
    fs_err::write(&part, whole_partition(folder, role)).unwrap();
    run(program("e2fsck").arg("-fn").arg(&part));
    text(program("debugfs").args(["-R", &format!("cat {path}")]).arg(&part))
}

/// With what `data` grew by.
fn whole_partition(folder: &Path, role: Role) -> Vec<u8> {
    use std::io::{Read, Seek, SeekFrom};
    if role != Role::Data {
        return partition(&folder.join(DISK), role);
    }
    let mut file = fs_err::File::open(folder.join(DISK)).unwrap();
    file.seek(SeekFrom::Start(layout().partition(role).offset())).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    bytes.truncate(bytes.len() - MIB as usize);
    bytes
}

fn environment(folder: &Path) -> String {
    let esp = partition(&folder.join(DISK), Role::Esp);
    let found = gabion_disk::fat::locate(std::io::Cursor::new(&esp), "grub/grubenv").unwrap().unwrap();
    let bytes = found.ranges.iter().flat_map(|it| esp[it.start as usize..it.end as usize].to_vec());
    let text = String::from_utf8(bytes.collect()).unwrap();
    text.lines().filter(|it| it.contains('=')).collect::<Vec<_>>().join(" ")
}

fn nothing_stays() {
    let mounts = fs_err::read_to_string("/proc/self/mountinfo").unwrap();
    let name = format!("gabion-host.{}", std::process::id());
    assert!(!mounts.contains(&name), "{mounts}");
}

#[test]
fn a_host_is_installed_and_installed_again_beside_what_it_keeps() {
    if !is_possible() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    used(folder);

    // Not without a word, and a dry run writes nothing.
    let before = partition(&folder.join(DISK), Role::RootA);
    let (refused, _) = try_install(folder, |_| (), lay("first"));
    assert_eq!(refused.unwrap_err().code(), "E0658");
    let word = erase(folder);
    let (dry, events) =
        try_install(folder, |it| (it.erase, it.dry_run) = (Some(word.clone()), true), lay("first"));
    assert_eq!((dry.unwrap().how, events.len()), (How::Whole, 5));
    assert!(partition(&folder.join(DISK), Role::RootA) == before);

    // A first installation that ends when its files are laid, and is finished.
    let fail = |_: &Root| Err(HostError::Unsupported("the cable was pulled".to_owned()));
    let (failed, _) = try_install(folder, |it| it.erase = Some(word.clone()), fail);
    assert_eq!(failed.unwrap_err().code(), "E0606");
    nothing_stays();
    assert_eq!(environment(folder), "installing=a slot=a trial=");
    let (first, _) = try_install(folder, |_| (), lay("first"));
    assert_eq!(first.unwrap().how, How::Again);
    nothing_stays();
    assert_eq!(environment(folder), "slot=a trial=");
    assert_eq!(cat(folder, Role::RootA, "/etc/laid"), "first");
    assert_eq!(cat(folder, Role::State, "/gabion/laid"), "first");
    assert_eq!(cat(folder, Role::Data, "/packs/laid"), "first");
    let network = cat(folder, Role::RootA, "/etc/systemd/network/05-gabion-host.network");
    assert!(network.contains("MACAddress=fa:16:3e:01:02:03"), "{network}");
    assert_eq!(cat(folder, Role::State, "/gabion/host/network"), network);
    assert!(text(program("sgdisk").arg("-v").arg(folder.join(DISK))).contains("No problems found"));
    let show = |request: &str, role: Role| {
        text(program("debugfs").args(["-R", request]).arg(folder.join(role.label())))
    };
    // `data` has all that the disk has, and a folder is as the first start of the host would make it.
    let blocks = (1600 * MIB - MIB - layout().partition(Role::Data).offset()) / 4096;
    assert!(show("stats", Role::Data).contains(&format!("Block count:              {blocks}")));
    let journal = show("stat /journal", Role::State);
    assert!(journal.contains("Mode:  02755") && journal.contains("Group:   101"), "{journal}");

    // Again: only the other slot, the network that was kept, and what the host has stays.
    let kept = [Role::BiosBoot, Role::RootA].map(|it| partition(&folder.join(DISK), it));
    let changed = "[Match]\nName=eth9\n\n[Network]\nDHCP=yes\n";
    let (second, _) = try_install(
        folder,
        |_| (),
        |root| {
            assert_eq!(root.read("var/lib/gabion/laid", 10).unwrap().unwrap(), b"first");
            assert_eq!(root.read("var/lib/gabion/packs/laid", 10).unwrap().unwrap(), b"first");
            assert!(root.read("etc/laid", 10).unwrap().is_none());
            root.write(network::KEPT, 0o644, &mut |out| out.write_all(changed.as_bytes())).unwrap();
            Ok(())
        },
    );
    let second = second.unwrap();
    assert_eq!((second.how, &*second.slot, second.network.as_deref()), (How::Slot, "b", Some(&*network)));
    assert_eq!(environment(folder), "slot=a trial=b");
    assert_eq!(cat(folder, Role::RootB, "/etc/systemd/network/05-gabion-host.network"), network);
    let (third, _) = try_install(folder, |_| (), |_| Ok(()));
    assert_eq!(third.unwrap().network.as_deref(), Some(changed));
    for (role, before) in [Role::BiosBoot, Role::RootA].into_iter().zip(kept) {
        assert!(partition(&folder.join(DISK), role) == before, "{role:?}");
    }
    nothing_stays();
}
