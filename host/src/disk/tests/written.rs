//! What reaches a disk, and what does not.

use super::installed::is_possible;
use super::sample::{layout, produce, sample};
use crate::disk::device::Device;
use crate::disk::facts::Disk;
use crate::disk::image::Image;
use crate::disk::{DiskError, online, write};
use gabion_disk::{MIB, Role, Slot};
use gabion_testkit::{has, program, run, text};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Larger than the image.
const SIZE: u64 = 1600 * MIB;

/// A disk with something at every MiB.
pub(super) fn used(folder: &Path) -> PathBuf {
    let path = folder.join("disk");
    let mut file = fs_err::File::create(&path).unwrap();
    file.set_len(SIZE).unwrap();
    for at in (0..SIZE).step_by(MIB as usize) {
        file.seek(SeekFrom::Start(at + 1000)).unwrap();
        file.write_all(&[0xA5; 100]).unwrap();
    }
    path
}

fn image() -> Image {
    Image::peek(&mut |out| produce(&sample().zst, usize::MAX, out), sample().size).unwrap()
}

fn device(path: &Path) -> Device {
    Device::open(&Disk::of_file(path).unwrap(), true).unwrap()
}

fn write_whole(path: &Path, good: usize) -> Result<write::Counts, DiskError> {
    let (image, device) = (image(), device(path));
    let counts = write::whole(&device, &image, &mut |out| produce(&sample().zst, good, out), &mut |_| ())?;
    let table = image.table_for(&Disk::of_file(path).unwrap(), None).unwrap();
    assert!(write::table(&device, &table, &image.code(), Some(&image.head))?);
    Ok(counts)
}

/// The bytes of a partition.
pub(super) fn partition(path: &Path, role: Role) -> Vec<u8> {
    let (layout, mut bytes) = (layout(), Vec::new());
    let part = layout.partition(role);
    let mut file = fs_err::File::open(path).unwrap();
    file.seek(SeekFrom::Start(part.offset())).unwrap();
    file.take(part.size()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn is_image(path: &Path, other: &Path) {
    for role in Role::ALL {
        assert!(partition(path, role) == partition(other, role), "{role:?}");
    }
}

#[test]
fn a_disk_that_was_used_has_every_partition_as_qemu_would_have_made_it() {
    if !has(&["qemu-img", "sgdisk", "sfdisk"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = used(folder.path());
    let counts = write_whole(&path, usize::MAX).unwrap();
    assert_eq!(counts.written + counts.zeroed + counts.kept, sample().size - 2 * MIB);
    assert!(counts.written < 100 * MIB, "{counts:?}");
    let [packed, raw] = ["qcow2", "raw"].map(|it| folder.path().join(it));
    run(program("qemu-img").args(["convert", "-f", "raw", "-O", "qcow2"]).arg(&sample().raw).arg(&packed));
    run(program("qemu-img").args(["convert", "-O", "raw"]).arg(&packed).arg(&raw));
    is_image(&path, &raw);
    let said = text(program("sgdisk").arg("-v").arg(&path));
    assert!(said.contains("No problems found") && !said.to_lowercase().contains("warning"), "{said}");
    run(program("sfdisk").arg("--verify").arg(&path));
    let data = text(program("sgdisk").args(["-i", "6"]).arg(&path));
    assert!(data.contains(&format!("Last sector: {}", (SIZE - MIB) / 512 - 1)), "{data}");
}

#[test]
fn a_piece_that_is_another_one_ends_the_write_before_it_reaches_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = used(folder.path());
    let error = write_whole(&path, 20 << 20).unwrap_err();
    assert!(error.is_integrity() && error.code() == "E0660", "{error:?}");
    let mut disk = Vec::new();
    fs_err::File::open(&path).unwrap().read_to_end(&mut disk).unwrap();
    // No table, and behind what was decompressed everything is as it was.
    assert!(disk[..MIB as usize].iter().all(|it| *it == 0));
    let end = layout().partition(Role::RootA).offset() as usize + (110 << 20);
    for at in (end..SIZE as usize - MIB as usize).step_by(MIB as usize) {
        assert!(disk[at + 1000..at + 1100].iter().all(|it| *it == 0xA5), "{at}");
    }
}

#[test]
fn a_run_that_was_cut_is_finished_and_what_is_there_is_not_written_again() {
    let whole = sample().zst.len();
    for good in [5 << 20, 25 << 20, whole - 1] {
        let folder = tempfile::tempdir().unwrap();
        let path = used(folder.path());
        write_whole(&path, good).unwrap_err();
        let counts = write_whole(&path, usize::MAX).unwrap();
        assert!(counts.kept > 0, "{good}: {counts:?}");
        is_image(&path, &sample().raw);
    }
}

#[test]
fn an_image_that_is_there_is_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = used(folder.path());
    write_whole(&path, usize::MAX).unwrap();
    let counts = write_whole(&path, usize::MAX).unwrap();
    assert_eq!(counts, write::Counts { kept: sample().size - 2 * MIB, ..write::Counts::default() });
}

#[test]
fn a_slot_is_written_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = used(folder.path());
    write_whole(&path, usize::MAX).unwrap();
    // What a host wrote since.
    for role in [Role::RootA, Role::State, Role::Data, Role::Esp] {
        device(&path).write(layout().partition(role).offset() + 5 * MIB, &[0x77; 4096]).unwrap();
    }
    let before: Vec<Vec<u8>> = Role::ALL.iter().map(|it| partition(&path, *it)).collect();
    let mut asked = 0;
    let slot = layout().partition(Role::RootB).clone();
    let mut counted = |out: &mut dyn Write| {
        sample().zst.chunks(1 << 20).try_for_each(|it| {
            asked += it.len();
            out.write_all(it)
        })
    };
    write::slot(&device(&path), slot.offset(), &image(), &mut counted, &mut |_| ()).unwrap();
    assert!(partition(&path, Role::RootB) == partition(&sample().raw, Role::RootA));
    for (role, before) in Role::ALL.into_iter().zip(&before).filter(|it| it.0 != Role::RootB) {
        assert!(partition(&path, role) == *before, "{role:?}");
    }
}

#[test]
fn the_slot_of_a_running_system_is_written_through_its_own_partition() {
    if !is_possible() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = used(folder.path());
    write_whole(&path, usize::MAX).unwrap();
    let before: Vec<Vec<u8>> = Role::ALL.iter().map(|it| partition(&path, *it)).collect();
    let head =
        |path: &Path| fs_err::read(path).map(|mut it| it.drain(..MIB as usize).collect::<Vec<u8>>()).unwrap();
    let table = head(&path);
    let disk = Disk::of_file(&path).unwrap();
    let mut produce = |out: &mut dyn Write| produce(&sample().zst, usize::MAX, out);
    online::fill(&disk, &mut produce, sample().size, Slot::B, &mut |_| ()).unwrap();
    assert!(partition(&path, Role::RootB) == partition(&sample().raw, Role::RootA));
    for (role, before) in Role::ALL.into_iter().zip(&before).filter(|it| it.0 != Role::RootB) {
        assert!(partition(&path, role) == *before, "{role:?}");
    }
    assert!(head(&path) == table);
    // A disk of somebody else's.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = used(elsewhere.path());
    let error =
        online::fill(&Disk::of_file(&other).unwrap(), &mut produce, sample().size, Slot::B, &mut |_| ());
    assert!(matches!(error, Err(DiskError::Image(_))), "{error:?}");
}

#[test]
fn a_disk_that_gives_back_other_bytes_is_named_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = used(folder.path());
    let other = device(&path);
    let at = layout().partition(Role::RootA).offset() + 20 * MIB;
    let mut flipped = false;
    let mut events = |event: crate::disk::Event| {
        // Between writing and reading back.
        if matches!(event, crate::disk::Event::Wrote { done, total } if done == total) {
            let mut byte = [0];
            other.read(at, &mut byte).unwrap();
            other.write(at, &[byte[0] ^ 1]).unwrap();
            flipped = true;
        }
    };
    let mut produce = |out: &mut dyn Write| produce(&sample().zst, usize::MAX, out);
    let error = write::whole(&device(&path), &image(), &mut produce, &mut events).unwrap_err();
    assert!(flipped);
    let DiskError::ReadBack { disk, offset, length } = error else { panic!("{error:?}") };
    assert!(disk.ends_with("/disk") && (offset..offset + length).contains(&at), "{disk} {offset} {length}");
}
