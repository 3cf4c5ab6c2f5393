//! `[disk.NAME]`: a disk that starts a system under both firmwares, and the partitions on it.
//!
//! How its image is written into a file is not the recipe's concern: the same disk has every form.

use crate::recipe::address::{Kind, Reference};
use crate::recipe::reader::{Reader, Spanned};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The fields of a `disk` node.
#[derive(Debug, Clone)]
pub struct Disk {
    /// The system that lies on it; absent only where a mistake was reported.
    pub rootfs: Option<Spanned<Reference>>,
    /// The boot loader's partition.
    pub esp: Size,
    /// Each of the two partitions for systems.
    pub slot: Size,
    /// What the host cannot do without.
    pub state: Size,
    /// The last partition, before it grows to the end of the host's disk.
    pub data: Size,
    /// Words for the kernel's command line, behind those that name the root and the slot.
    pub kernel_args: Vec<String>,
}

/// The size of a partition: whole MiB, so that partitions stand where disks like them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// The bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// Reads `106MiB` or `3GiB`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("takes a size in whole MiB or GiB, `3GiB`, not `{text}`");
        let (number, unit) = match (text.strip_suffix("MiB"), text.strip_suffix("GiB")) {
            (Some(number), _) => (number, MIB),
            (_, Some(number)) => (number, GIB),
            _ => return Err(wrong()),
        };
        let plain = number.bytes().all(|it| it.is_ascii_digit()) && !number.starts_with('0');
        let number = number.parse::<u64>().ok().filter(|_| plain);
        number.and_then(|it| it.checked_mul(unit)).map(Self).ok_or_else(wrong)
    }
}

impl Disk {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        reader.must_have("rootfs");
        let rootfs = reader.reference("rootfs", &[Kind::Rootfs]);
        if let Some(part) = rootfs.as_ref().filter(|it| it.value.output.is_some()) {
            reader.bad_value("rootfs", &part.span, format!("takes a whole node, not `{}`", part.value));
        }
        Self {
            rootfs,
            // No smaller FAT32 is one that every firmware reads, and no smaller slot takes a kernel.
            esp: size(reader, "esp", 106 * MIB, 34 * MIB),
            slot: size(reader, "slot", 3 * GIB, 512 * MIB),
            state: size(reader, "state", 4 * GIB, 64 * MIB),
            data: size(reader, "data", GIB, 64 * MIB),
            kernel_args: reader.parsed_list("kernel-args", kernel_arg),
        }
    }
}

fn size(reader: &mut Reader<'_>, key: &'static str, default: u64, least: u64) -> Size {
    let size = reader.parsed(key, |text| {
        let size = Size::parse(text)?;
        if size.0 < least {
            return Err(format!("is at least {}MiB", least / MIB));
        }
        Ok(size)
    });
    size.unwrap_or(Size(default))
}

/// Words that name the root and the slot are not given: they differ between the two slots.
fn kernel_arg(text: &str) -> Result<String, String> {
    let good = |it: u8| it.is_ascii_graphic() && !b"\"'\\$;{}".contains(&it);
    if text.is_empty() || !text.bytes().all(good) {
        return Err(format!("takes single words without quotes, not `{text}`"));
    }
    let key = text.split('=').next().unwrap_or_default();
    if ["root", "gabion.slot", "init"].contains(&key) {
        return Err(format!("cannot have `{key}`, which is set for each slot"));
    }
    Ok(text.to_owned())
}
