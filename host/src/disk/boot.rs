//! Which slot starts: GRUB's environment on the EFI system partition, read and written in place as GRUB does it.

use super::DiskError;
use super::device::Device;
use gabion_disk::Slot;
use gabion_disk::fat::{Located, locate};
use gabion_disk::gpt::Partition;
use gabion_disk::grub::{ENVIRONMENT_PATH, Environment};

/// Set while a new disk is being filled: the slot that is not whole yet.
const INSTALLING: &str = "installing";

/// The environment, and where it stands on the disk.
#[derive(Debug)]
pub(super) struct Boot {
    pub(super) environment: Environment,
    place: Located,
    esp: u64,
}

impl Boot {
    /// Reads it from the EFI system partition. What cannot be read as one is that of a new disk, as GRUB takes it.
    pub(super) fn read(device: &Device, esp: &Partition) -> Result<Self, DiskError> {
        let wrong = |message: String| DiskError::Environment { disk: device.path.clone(), message };
        let part = device.part(esp.offset(), esp.size());
        let place = locate(part, ENVIRONMENT_PATH).map_err(|error| wrong(error.to_string()))?;
        let place = place.ok_or_else(|| wrong(format!("there is no `{ENVIRONMENT_PATH}`")))?;
        let size = Environment::new(Slot::A).to_bytes().map_or(0, |it| it.len() as u64);
        if place.size != size {
            return Err(wrong(format!("it has {} bytes", place.size)));
        }
        let mut bytes = Vec::new();
        for range in &place.ranges {
            let mut piece = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
            device.read(esp.offset() + range.start, &mut piece)?;
            bytes.extend(piece);
        }
        let environment = Environment::parse(&bytes).unwrap_or_else(|_| Environment::new(Slot::A));
        Ok(Self { environment, place, esp: esp.offset() })
    }

    /// The slot that starts.
    pub(super) fn confirmed(&self) -> Slot {
        self.environment.slot().unwrap_or(Slot::A)
    }

    /// The slot of a disk that is being filled for the first time.
    pub(super) fn installing(&self) -> Option<Slot> {
        self.environment.get(INSTALLING)?.parse().ok()
    }

    pub(super) fn set_installing(&mut self, slot: Option<Slot>) -> Result<(), DiskError> {
        self.environment.remove(INSTALLING);
        let Some(slot) = slot else { return Ok(()) };
        let set = self.environment.set(INSTALLING, slot.as_str());
        set.map_err(|error| DiskError::Environment { disk: String::new(), message: error.to_string() })
    }

    /// Writes it where it stands, and reads it back.
    pub(super) fn write(&self, device: &Device) -> Result<(), DiskError> {
        let wrong = |message: String| DiskError::Environment { disk: device.path.clone(), message };
        let bytes = self.environment.to_bytes().map_err(|error| wrong(error.to_string()))?;
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for range in &self.place.ranges {
            let (piece, behind) = rest.split_at(usize::try_from(range.end - range.start).unwrap_or_default());
            pieces.push((self.esp + range.start, piece));
            rest = behind;
        }
        for (at, piece) in &pieces {
            device.write(*at, piece)?;
        }
        device.sync()?;
        for (offset, piece) in pieces {
            if !device.has(offset, piece)? {
                let length = piece.len() as u64;
                return Err(DiskError::ReadBack { disk: device.path.clone(), offset, length });
            }
        }
        Ok(())
    }
}
