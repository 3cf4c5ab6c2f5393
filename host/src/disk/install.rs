//! The steps of an installation, in their order.

use super::boot::Boot;
use super::choose::{Must, Selector, Wanted, choose, may_erase};
use super::device::{Device, DiskLock};
use super::facts::{Disk, Facts};
use super::image::Image;
use super::mount::{Devices, mounted};
use super::parts::Parts;
use super::programs::{BLOCKDEV, E2FSCK, RESIZE2FS};
use super::{DiskError, grow, network, write};
use crate::{HostError, Root};
use gabion_disk::gpt::Table;
use gabion_disk::{FoundTable, Role, Slot};
use serde::Serialize;
use std::io::{self, Write};

/// What the operator says.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which disk.
    pub disk: Selector,
    /// What it must be.
    pub must: Vec<Must>,
    /// What the disk is called whose content may go.
    pub erase: Option<String>,
    /// Where the network of the new system is from.
    pub network: network::Choice,
    /// Whether nothing is to be written.
    pub dry_run: bool,
}

/// The disk of a bundle.
#[expect(missing_debug_implementations, reason = "a function has nothing to show")]
pub struct Source<'s, S> {
    /// What hands out the image: an opened bundle.
    pub from: &'s mut S,
    /// Hands the compressed image to the writer, each piece checked before; called several times.
    pub produce: &'s mut (dyn FnMut(&mut S, &mut dyn Write) -> io::Result<()> + Send),
    /// Bytes of the image when it is not compressed.
    pub size: u64,
    /// Its architecture as images spell it, where the bundle says one.
    pub architecture: Option<String>,
}

/// How a disk is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// All of it, for the first time.
    Whole,
    /// The first slot of a disk whose first installation was cut behind the table of partitions.
    Again,
    /// The slot that does not run; the next start tries it.
    Slot,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The disk was found.
    Chosen {
        /// What it is.
        disk: String,
        /// What is on it.
        content: String,
    },
    /// A step begins.
    Step {
        /// What is done, as a sentence without its end.
        text: String,
    },
    /// So much of the image is on the disk.
    Wrote {
        /// Bytes.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// So much was read back.
    Checked {
        /// Bytes.
        done: u64,
        /// Of so many.
        total: u64,
    },
}

/// What was done; of a dry run, what would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The disk as it was found.
    pub disk: Disk,
    /// How it is written.
    pub how: How,
    /// The slot with the new system: `a` or `b`.
    pub slot: String,
    /// The steps.
    pub steps: Vec<String>,
    /// Bytes that were written.
    pub written: u64,
    /// Bytes that were made zeros.
    pub zeroed: u64,
    /// Bytes that were there already.
    pub kept: u64,
    /// The network of the new system, where it is known before it is mounted.
    pub network: Option<String>,
}

/// What will happen.
struct Plan {
    disk: Disk,
    image: Image,
    how: How,
    slot: Slot,
    table: Table,
    network: Option<String>,
    steps: Vec<String>,
}

/// Writes the disk of `source` onto the one that `options` name, mounts the new system, and lets `lay` put files into it.
///
/// The same call again finishes a run that was cut, whatever cut it.
pub fn install<S: Send>(
    facts: &Facts,
    source: &mut Source<'_, S>,
    options: &Options,
    events: &mut dyn FnMut(Event),
    lay: impl FnOnce(&mut S, &Root, Slot) -> Result<(), HostError> + Send,
) -> Result<Report, HostError> {
    let plan = plan(facts, source, options)?;
    events(Event::Chosen { disk: plan.disk.describe(), content: plan.disk.content() });
    let mut report = Report {
        disk: plan.disk.clone(),
        how: plan.how,
        slot: plan.slot.to_string(),
        steps: plan.steps.clone(),
        written: 0,
        zeroed: 0,
        kept: 0,
        network: plan.network.clone(),
    };
    if options.dry_run {
        plan.steps.iter().for_each(|text| events(Event::Step { text: text.clone() }));
        return Ok(report);
    }
    let is_file = !plan.disk.path.starts_with("/dev/");
    for program in [E2FSCK, RESIZE2FS].into_iter().chain((!is_file).then_some(BLOCKDEV)) {
        program.need()?;
    }
    let _lock = DiskLock::take(&plan.disk)?;
    let mut steps = plan.steps.iter();
    let mut step = |events: &mut dyn FnMut(Event)| {
        steps.next().into_iter().for_each(|text| events(Event::Step { text: text.clone() }));
    };

    step(events);
    let counts = plan.write(source, events)?;
    (report.written, report.zeroed, report.kept) = (counts.written, counts.zeroed, counts.kept);
    step(events);
    let mut parts = Parts::new(&plan.disk);
    plan.grow(&mut parts)?;
    step(events);
    let devices = Devices::of(&mut parts, &plan.table, plan.slot)?;
    let text = plan.network.as_deref();
    let from = &mut *source.from;
    let slot = plan.slot;
    report.network = mounted(&devices, |root| {
        let kept = !options.network.is_given() && network::is_kept(root)? && plan.how == How::Slot;
        let text = network::lay(root, text.filter(|_| !kept))?;
        lay(from, root, slot)?;
        Ok(Some(text))
    })?;
    drop(parts);
    step(events);
    plan.finish()?;
    Ok(report)
}

/// Looks, and decides; writes nothing.
fn plan<S: Send>(facts: &Facts, source: &mut Source<'_, S>, options: &Options) -> Result<Plan, DiskError> {
    let wanted = Wanted {
        disk: &options.disk,
        must: &options.must,
        size: source.size,
        architecture: source.architecture.as_deref(),
    };
    let disk = choose(facts, &wanted)?;
    let image = Image::peek(&mut |out| (source.produce)(source.from, out), source.size)?;
    let device = Device::open(&disk, false)?;
    let found = FoundTable::read(&mut device.part(0, device.size), device.size);
    let found = found.map_err(|source| DiskError::device("read", &disk.path, 0, source))?;
    let ours = found.filter(|it| options.erase.is_none() && image.is_table(it));
    let (how, slot) = if ours.is_some() {
        let boot = Boot::read(&device, image.part(Role::Esp))?;
        boot.installing().map_or_else(|| (How::Slot, boot.confirmed().other()), |slot| (How::Again, slot))
    } else {
        may_erase(&disk, options.erase.as_deref())?;
        (How::Whole, Slot::A)
    };
    let table = image.table_for(&disk, ours.as_ref())?;
    let network = match options.network.text(&facts.network) {
        Ok(text) => Some(text),
        // An earlier installation kept a file, or it is asked for when the system is mounted.
        Err(DiskError::NoRoute) if how == How::Slot => None,
        Err(error) => return Err(error),
    };
    let steps = steps(&disk, how, slot);
    Ok(Plan { disk, image, how, slot, table, network, steps })
}

fn steps(disk: &Disk, how: How, slot: Slot) -> Vec<String> {
    let path = &disk.path;
    let first = match how {
        How::Whole => {
            format!("write the whole disk `{path}`, read it back, and write its table of partitions")
        }
        How::Again => format!("write `root-{slot}` of `{path}` once more, and read it back"),
        How::Slot => format!("write `root-{slot}` of `{path}`, which does not run, and read it back"),
    };
    let last = match how {
        How::Slot => format!("let the next start try the slot `{slot}`"),
        _ => format!("let every start take the slot `{slot}`"),
    };
    vec![
        first,
        "let `data` reach to the end of the disk".to_owned(),
        format!("mount `root-{slot}` with `state` and `data`, and lay the network and the bundle into it"),
        last,
    ]
}

impl Plan {
    fn write<S: Send>(
        &self,
        source: &mut Source<'_, S>,
        events: &mut dyn FnMut(Event),
    ) -> Result<write::Counts, DiskError> {
        let mut produce = |out: &mut dyn Write| (source.produce)(source.from, out);
        let device = Device::open(&self.disk, true)?;
        let esp = self.image.part(Role::Esp);
        if self.how == How::Whole {
            let counts = write::whole(&device, &self.image, &mut produce, events)?;
            // Behind the table the next run finds a disk of ours, and must know that it is not whole.
            let mut boot = Boot::read(&device, esp)?;
            boot.set_installing(Some(self.slot))?;
            boot.write(&device)?;
            write::table(&device, &self.table, &self.image.code(), Some(&self.image.head))?;
            return Ok(counts);
        }
        let mut boot = Boot::read(&device, esp)?;
        if boot.environment.trial() == Some(self.slot) {
            // Nobody starts what is half written.
            boot.environment.confirm(boot.confirmed());
            boot.write(&device)?;
        }
        let mut code = [0; 440];
        device.read(0, &mut code)?;
        write::table(&device, &self.table, &code, None)?;
        let part = &self.table.partitions()[Role::from(self.slot) as usize];
        write::slot(&device, part.offset(), &self.image, &mut produce, events)
    }

    fn grow(&self, parts: &mut Parts<'_>) -> Result<(), DiskError> {
        let data = &self.table.partitions()[Role::Data as usize];
        let is_needed = grow::is_needed(&Device::open(&self.disk, false)?, data)?;
        if is_needed { grow::grow(parts, data) } else { Ok(()) }
    }

    /// The new system is whole: from now on it starts.
    fn finish(&self) -> Result<(), DiskError> {
        let device = Device::open(&self.disk, true)?;
        let mut boot = Boot::read(&device, self.image.part(Role::Esp))?;
        boot.set_installing(None)?;
        match self.how {
            How::Slot => boot.environment.try_once(self.slot),
            How::Whole | How::Again => boot.environment.confirm(self.slot),
        }
        boot.write(&device)
    }
}
