//! The whole disk.

use crate::sample::{TIME, entry, layout, uuid};
use crate::{Count, Folder};
use gabion_digest::Sha256;
use gabion_disk::ext4::{self, Kind};
use gabion_disk::{AssembleError, Bios, Both, Disk, Finished, Layout, MIB, Qcow2, Raw, Role, Target, Tree};
use gabion_testkit::{has, program, run, text};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Seek, SeekFrom, Write};

fn bios(layout: &Layout) -> Bios {
    let (mut boot, mut core) = ([0xEB; 512], [0x52; 1024]);
    boot[510..].copy_from_slice(&[0x55, 0xAA]);
    core[500..512].copy_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x20, 0x08]);
    Bios::new(&boot, &core, layout.partition(Role::BiosBoot)).unwrap()
}

fn slot(layout: &Layout) -> ext4::Image {
    let size = layout.partition(Role::RootA).size();
    let options = ext4::Options::new(size, uuid("slot"), "slot", TIME);
    let files = [entry("etc", Kind::Directory), entry("etc/hostname", Kind::File { size: 5 })];
    ext4::Image::plan(&options, files).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "what opens a file can fail")]
fn content(_: &[u8]) -> io::Result<&'static [u8]> {
    Ok(b"stone")
}

fn disk<'d>(layout: &'d Layout, bios: &'d Bios) -> Disk<'d> {
    let esp = BTreeMap::from([("grub/grubenv".to_owned(), vec![b'#'; 1024])]);
    Disk { layout, bios, esp, time: TIME }
}

fn write(target: &mut dyn Target) -> Result<(), AssembleError> {
    let layout = layout();
    let (bios, slot) = (bios(&layout), slot(&layout));
    disk(&layout, &bios).write(Tree { image: &slot, content }, target)
}

/// A partition of the disk in a file of its own.
fn partition(folder: &Folder, role: Role) -> std::path::PathBuf {
    let (layout, path) = (layout(), folder.path(role.label()));
    let part = layout.partition(role);
    let (skip, count) = (format!("skip={}", part.offset() / MIB), format!("count={}", part.size() / MIB));
    let mut dd = program("dd");
    dd.args(["bs=1M", "conv=sparse", "status=none", &skip, &count]);
    run(dd.arg(format!("if={}", folder.path("disk").display())).arg(format!("of={}", path.display())));
    path
}

#[test]
fn every_partition_of_the_disk_is_whole_and_the_other_slot_is_empty() {
    if !has(&["sgdisk", "e2fsck", "debugfs", "fsck.fat"]) {
        return;
    }
    let folder = Folder::new();
    let image = folder.raw("disk", layout().size(), |target| write(target).unwrap());
    assert!(text(program("sgdisk").arg("-v").arg(&image)).contains("No problems found"));
    for role in [Role::RootA, Role::State, Role::Data] {
        run(program("e2fsck").arg("-fn").arg(partition(&folder, role)));
    }
    run(program("fsck.fat").arg("-n").arg(partition(&folder, Role::Esp)));
    let read = text(program("debugfs").args(["-R", "cat /etc/hostname"]).arg(folder.path("root-a")));
    assert_eq!(read, "stone");
    let other = fs_err::read(partition(&folder, Role::RootB)).unwrap();
    assert!(other.iter().all(|it| *it == 0));
    // Far more than a GB, and hardly anything of it on this disk.
    let used = std::os::unix::fs::MetadataExt::blocks(&image.metadata().unwrap()) * 512;
    assert!(used < 4 * MIB, "{used}");
}

#[test]
fn the_same_disk_is_the_same_bytes_for_ever() {
    let size = layout().size();
    let made = move || {
        let mut image = Qcow2::new(Cursor::new(Vec::new()), size);
        write(&mut image).unwrap();
        image.finish().unwrap().into_inner()
    };
    let one = made();
    // In another thread at the same time.
    let two = std::thread::spawn(made).join().unwrap();
    assert!(one == two);
    // Moves only with the version of the operation that makes disks, and with FORMAT.md.
    assert_eq!(Sha256::of(&one).hex(), "0a907c94fc157de13e29f6284aa3c9c09d2ecaec8f92c177a760ca43375f9662");
}

#[test]
fn both_forms_are_one_image() {
    if !has(&["qemu-img"]) {
        return;
    }
    let (folder, size) = (Folder::new(), layout().size());
    let create = |name| fs_err::File::create(folder.path(name)).unwrap();
    let mut both = Both(Raw::new(create("raw"), size), Qcow2::new(create("qcow2"), size));
    write(&mut both).unwrap();
    both.0.finish().unwrap();
    both.1.finish().unwrap();
    run(program("qemu-img").arg("compare").arg(folder.path("raw")).arg(folder.path("qcow2")));
    run(program("qemu-img").arg("check").arg(folder.path("qcow2")));
}

#[test]
fn a_slot_that_is_there_already_gives_the_same_disk() {
    let layout = layout();
    let (folder, bios, plan) = (Folder::new(), bios(&layout), slot(&layout));
    let image = folder.sparse("slot", plan.size(), |target| plan.write(target, content).unwrap());
    let one = folder.sparse("one", layout.size(), |target| write(target).unwrap());
    let other = folder.sparse("other", layout.size(), |target| {
        disk(&layout, &bios).write(Finished { size: plan.size(), image }, target).unwrap();
    });
    assert_eq!(gabion_disk::compare(&layout, one, other).unwrap(), []);
    let short = Finished { size: plan.size(), image: io::empty() };
    let error = disk(&layout, &bios).write(short, &mut Count::default()).unwrap_err();
    assert!(matches!(error, AssembleError::Read(_)), "{error:?}");
    let small = Finished { size: MIB, image: io::empty() };
    let error = disk(&layout, &bios).write(small, &mut Count::default()).unwrap_err();
    assert!(matches!(error, AssembleError::Slot { image: MIB, .. }), "{error:?}");
}

#[test]
fn files_that_the_esp_cannot_hold_are_refused_before_anything_is_written() {
    let layout = layout();
    let (bios, slot, mut count) = (bios(&layout), slot(&layout), Count::default());
    let esp = BTreeMap::from([("a:b".to_owned(), Vec::new())]);
    let parts = Disk { esp, ..disk(&layout, &bios) };
    let error = parts.write(Tree { image: &slot, content }, &mut count).unwrap_err();
    assert!(matches!(error, AssembleError::Fat(_)) && error.code() == "E1308", "{error:?}");
    assert_eq!(count.bytes, 0);
}

/// A file on a disk that is full after so many bytes.
struct Full(Cursor<Vec<u8>>, u64);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1 = self.1.checked_sub(bytes.len() as u64).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Full {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_full_disk_says_so_wherever_it_happens() {
    let size = layout().size();
    let failed = |room| {
        let error = write(&mut Raw::new(Full(Cursor::new(Vec::new()), room), size)).unwrap_err();
        assert!(error.help().is_some_and(|it| it.contains("free some space")), "{error:?}");
        error.to_string()
    };
    assert_eq!(failed(600), "`partition table` could not be written");
    let parts: std::collections::BTreeSet<String> = (0..60).map(|at| failed(600 + at * 500)).collect();
    assert!(parts.contains("`esp` could not be written") && parts.contains("`root-a` could not be written"));
    let kernel = fs_err::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = write(&mut Raw::new(kernel, size)).unwrap_err();
    assert!(
        matches!(&error, AssembleError::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    );
}
