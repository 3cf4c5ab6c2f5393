//! A root that does not run is brought to a bundle: what only a running host can do is written down for its next start.

use super::change::{Change, Step};
use super::generation::{self, Accepted, Generation};
use super::slot::{Slots, image_of};
use super::steps::Steps;
use crate::error::HostError;
use crate::root::Root;
use gabion_bundle::{Mode, Object, Verified};
use std::io::{Read, Seek};

/// What kind of host a bundle makes, where it says so.
pub(super) fn mode_of<R: Read + Seek>(bundle: &Verified<R>) -> Option<Mode> {
    bundle.manifest().objects.iter().find_map(|it| match it {
        Object::Registries { mode, .. } => Some(*mode),
        _ => None,
    })
}

impl Generation {
    /// What a bundle makes of a host, as a record.
    pub(super) fn of<R: Read + Seek>(
        number: u64,
        bundle: &Verified<R>,
        steps: &Steps,
        accepted: Accepted,
    ) -> Self {
        let manifest = bundle.manifest();
        let k3s = manifest.objects.iter().find_map(|it| match it {
            Object::K3sBinary { version, .. } => Some(version.clone()),
            _ => None,
        });
        Self {
            number,
            name: manifest.name.clone(),
            bundle: bundle.digest,
            serial: bundle.promotion.as_ref().map(|it| it.promotion.serial),
            k3s,
            disk: image_of(bundle),
            mode: mode_of(bundle),
            images: steps.images.clone(),
            objects: steps.inventory(),
            accepted,
        }
    }

    /// The generation in force, if it is this one; otherwise this one, with a number of its own.
    pub(super) fn or_current(self, current: Option<&Self>) -> Self {
        current.filter(|it| it.is_same(&self)).cloned().unwrap_or(self)
    }
}

/// The number of the next generation.
pub(super) fn next_number(root: &Root) -> Result<u64, HostError> {
    Ok(generation::numbers(root)?.last().copied().unwrap_or_default() + 1)
}

/// Writes down that the next start of the system in `root` goes on to `bundle`, whose files lie there already. `slot` is the
/// one that was written for it. Again with the same bundle it writes nothing.
pub fn prepare<R: Read + Seek>(
    root: &Root,
    bundle: &mut Verified<R>,
    accepted: Accepted,
    slot: Option<&str>,
) -> Result<(), HostError> {
    if let (Some(slot), Some(image)) = (slot, image_of(bundle)) {
        Slots::set(root, slot, Some(&image))?;
    }
    let current = Generation::current(root)?;
    let steps = Steps::of(bundle)?;
    let wanted = Generation::of(next_number(root)?, bundle, &steps, accepted);
    let under_way = Change::load(root)?;
    if let Some(change) = &under_way
        && Generation::load(root, change.to)?.is_some_and(|it| it.is_same(&wanted))
        && change.tried.as_deref() == slot
    {
        return Ok(());
    }
    let to = wanted.or_current(current.as_ref());
    if under_way.is_none() && slot.is_none() && current.as_ref() == Some(&to) {
        return Ok(());
    }
    to.save(root)?;
    Change {
        from: current.map(|it| it.number),
        to: to.number,
        step: Step::Slot,
        back: None,
        asked: false,
        restart: false,
        tried: slot.map(str::to_owned),
        restore: None,
        confirm: None,
        until: None,
    }
    .save(root)
}
