//! The system of a host that has two slots: another disk image is another slot, and a start in between.
//!
//! `var/lib/gabion/slots.json` says which image lies on which slot. It lies on `state`, which both systems see.

use super::change::Change;
use super::error::LiveError;
use super::generation::Generation;
use super::host::{Host, Outcome};
use super::programs::Program;
use crate::error::HostError;
use crate::record;
use crate::root::Root;
use gabion_bundle::{Object, Verified};
use serde::{Deserialize, Serialize};
use std::io::{Read, Seek};
use std::time::Duration;

const SLOTS: &str = "var/lib/gabion/slots.json";
const LIMIT: u64 = 1 << 16;
/// What the boot loader's environment takes.
const ASK: Duration = Duration::from_secs(60);

/// The images on the slots, by the BLAKE3 of the member that they came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slots {
    /// On `root-a`.
    #[serde(default)]
    pub a: Option<String>,
    /// On `root-b`.
    #[serde(default)]
    pub b: Option<String>,
}

impl Slots {
    /// What is known of the slots of a host.
    pub fn load(root: &Root) -> Result<Self, HostError> {
        Ok(record::read(root, SLOTS, LIMIT)?.unwrap_or_default())
    }

    /// Says what lies on a slot; nothing while it is being written.
    pub fn set(root: &Root, slot: &str, image: Option<&str>) -> Result<(), HostError> {
        let mut slots = Self::load(root)?;
        let image = image.map(str::to_owned);
        *(if slot == "a" { &mut slots.a } else { &mut slots.b }) = image;
        root.make_folder("var/lib/gabion", 0o700).map_err(|source| HostError::write(SLOTS, source))?;
        record::write(root, SLOTS, &slots)
    }

    fn has(&self, slot: &str, image: &str) -> bool {
        let there = if slot == "a" { &self.a } else { &self.b };
        there.as_deref() == Some(image)
    }
}

/// The disk of a bundle: the address of its node, and the BLAKE3 of its image.
pub(crate) fn disk_of<R: Read + Seek>(bundle: &Verified<R>) -> Option<(String, String)> {
    let manifest = bundle.manifest();
    let (node, member) = manifest.objects.iter().find_map(|it| match it {
        Object::Disk { node, member, .. } => Some((node, member)),
        _ => None,
    })?;
    Some((node.clone(), manifest.member(member)?.blake3.hex()))
}

/// The BLAKE3 of the disk image of a bundle.
pub(crate) fn image_of<R: Read + Seek>(bundle: &Verified<R>) -> Option<String> {
    disk_of(bundle).map(|(_, image)| image)
}

impl Host<'_> {
    /// The slot that this host runs from, where it has slots.
    pub(super) fn running_slot(&self) -> Result<Option<String>, LiveError> {
        if !self.programs.has(Program::Slot) {
            return Ok(None);
        }
        let said = self.programs.ask(Program::Slot, &["status"], None, ASK)?;
        let text = said.text();
        Ok(text.lines().find_map(|it| it.strip_prefix("running=")).map(str::to_owned))
    }

    /// The other slot, if the host must start from it to have the system of this image.
    pub(super) fn other_slot(&self, image: Option<&str>) -> Result<Option<String>, LiveError> {
        let (Some(image), Some(running)) = (image, self.running_slot()?) else { return Ok(None) };
        if Slots::load(&self.root)?.has(&running, image) {
            return Ok(None);
        }
        Ok(Some(if running == "a" { "b" } else { "a" }.to_owned()))
    }

    /// Brings the host onto the slot of a generation. The host starts again where that is another one; when it comes
    /// back on the old one, the new system did not come up.
    pub(super) fn slot<R: Read + Seek + Send>(
        &self,
        change: &mut Change,
        to: &Generation,
        bundle: &mut Verified<R>,
    ) -> Result<Option<Outcome>, LiveError> {
        let Some(slot) = self.other_slot(to.disk.as_deref())? else { return Ok(None) };
        if change.tried.as_ref() == Some(&slot) {
            let why = format!("the slot `{slot}` was tried and did not come up");
            return Err(LiveError::Unhealthy(vec![why]));
        }
        let image = to.disk.as_deref().unwrap_or_default();
        if !Slots::load(&self.root)?.has(&slot, image) {
            self.say(format!("writing the slot `{slot}`"));
            self.leave_trial(&slot)?;
            Slots::set(&self.root, &slot, None)?;
            let to_write = if slot == "a" { gabion_disk::Slot::A } else { gabion_disk::Slot::B };
            crate::disk::write_other_slot(bundle, to_write, &mut |line| self.say(line))?;
            Slots::set(&self.root, &slot, Some(image))?;
        }
        self.programs.run(Program::Slot, &["try", &slot], None, ASK)?;
        change.tried = Some(slot);
        change.save(&self.root)?;
        self.say("starting again");
        self.systemctl(&["--no-block", "reboot"])?;
        Ok(Some(Outcome::Restarts(to.number)))
    }

    /// Nobody starts what is half written.
    fn leave_trial(&self, slot: &str) -> Result<(), LiveError> {
        let said = self.programs.ask(Program::Slot, &["status"], None, ASK)?;
        if said.text().lines().any(|it| it.strip_prefix("trial=") == Some(slot)) {
            self.programs.run(Program::Slot, &["confirm"], None, ASK)?;
        }
        Ok(())
    }

    /// The slot that runs stays. Only for a slot that was tried: the boot loader's environment is not written for nothing.
    pub(super) fn confirm_slot(&self, change: &Change) -> Result<(), LiveError> {
        if change.tried.is_none() || !self.programs.has(Program::Slot) {
            return Ok(());
        }
        self.programs.run(Program::Slot, &["confirm"], None, ASK).map(drop)
    }
}
