//! The slot that does not run, on the disk of the system that runs.
//!
//! # Invariants
//! - Only the partition of that slot is opened for writing, and only while nobody has it mounted. The table, the EFI system
//!   partition and everything else belong to the system that runs: the kernel would refuse the disk as a whole, and what is
//!   written below a mounted file system is not what that file system shows.
//! - Which slot starts is the system's own affair (`/usr/lib/gabion/slot`).

use super::bundle::find_disk;
use super::choose::{Selector, Wanted, choose};
use super::device::Device;
use super::facts::{Disk, Facts};
use super::image::Image;
use super::mount::{Devices, mounted};
use super::parts::Parts;
use super::stream::Produce;
use super::{DiskError, Event, network, write};
use crate::HostError;
use gabion_bundle::Verified;
use gabion_disk::gpt::Table;
use gabion_disk::{FoundTable, Role, Slot};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Writes the disk that a bundle carries into the slot of the running system's disk that does not run, and gives the new
/// system the host's network. `state`, `data` and the running slot stay as they are.
pub(crate) fn write_other_slot<R: Read + Seek + Send>(
    bundle: &mut Verified<R>,
    slot: Slot,
    tell: &mut dyn FnMut(&str),
) -> Result<(), HostError> {
    let (member, size) = find_disk(bundle.manifest(), None)?;
    let architecture = bundle.manifest().platform.strip_prefix("linux/").map(str::to_owned);
    let facts = Facts::gather(Path::new("/"))?;
    let architecture = architecture.as_deref();
    let disk = choose(&facts, &Wanted { disk: &Selector::Running, must: &[], size, architecture })?;
    tell(&format!("write `root-{slot}` of `{}`, which does not run, and read it back", disk.path));
    let mut produce = |out: &mut dyn Write| bundle.copy_member(&member, out);
    let table = fill(&disk, &mut produce, size, slot, &mut |_| ())?;
    // What an earlier installation kept is asked for first; a host without it has its network from the image.
    let text = network::Choice::default().text(&facts.network).ok();
    lay_network(&disk, &table, slot, text.as_deref())
}

/// Writes `root-SLOT` of a disk that may be in use otherwise; gives the disk's table.
pub(super) fn fill(
    disk: &Disk,
    produce: &mut Produce<'_>,
    size: u64,
    slot: Slot,
    events: &mut dyn FnMut(Event),
) -> Result<Table, DiskError> {
    let image = Image::peek(produce, size)?;
    let whole = Device::open(disk, false)?;
    let found = FoundTable::read(&mut whole.part(0, whole.size), whole.size);
    let found = found.map_err(|source| DiskError::device("read", &disk.path, 0, source))?;
    let Some(found) = found.filter(|it| image.is_table(it)) else {
        return Err(DiskError::Image("the running system lies on another kind of disk".to_owned()));
    };
    let table = image.table_for(disk, Some(&found))?;
    let part = &table.partitions()[Role::from(slot) as usize];
    let mut parts = Parts::new(disk);
    let device = Device::open_part(&parts.device(part)?, part.size())?;
    write::slot(&device, 0, &image, produce, events)?;
    Ok(table)
}

/// Lays the network of the host into the slot: what was kept, or else `text`.
fn lay_network(disk: &Disk, table: &Table, slot: Slot, text: Option<&str>) -> Result<(), HostError> {
    let mut parts = Parts::new(disk);
    let devices = Devices::of(&mut parts, table, slot)?;
    mounted(&devices, |root| {
        let kept = network::is_kept(root)?;
        if kept || text.is_some() {
            network::lay(root, text.filter(|_| !kept))?;
        }
        Ok(())
    })
}
