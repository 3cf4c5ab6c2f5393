//! Architecture, memory and firmware.

use super::failed;
use crate::disk::DiskError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What starts this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// A BIOS, or UEFI that pretends to be one.
    Bios,
    /// UEFI.
    Uefi,
}

/// The machine itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its architecture as images spell it: `amd64`, `arm64`, or else as the kernel does.
    pub architecture: String,
    /// Bytes of memory.
    pub memory: u64,
    /// What started it this time.
    pub firmware: Firmware,
}

impl Machine {
    pub(super) fn gather(root: &Path) -> Result<Self, DiskError> {
        let path = root.join("proc/meminfo");
        let text = fs_err::read(&path).map_err(|source| failed(&path, source))?;
        let text = String::from_utf8_lossy(&text);
        let total = text.lines().find_map(|it| it.strip_prefix("MemTotal:"));
        let kib: Option<u64> = total.and_then(|it| it.trim().trim_end_matches("kB").trim().parse().ok());
        let is_uefi = root.join("sys/firmware/efi").exists();
        Ok(Self {
            architecture: architecture(),
            memory: kib.unwrap_or_default().saturating_mul(1024),
            firmware: if is_uefi { Firmware::Uefi } else { Firmware::Bios },
        })
    }
}

/// The architecture of this machine as images spell it.
pub(crate) fn architecture() -> String {
    let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
    match &*machine {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        _ => machine,
    }
}
