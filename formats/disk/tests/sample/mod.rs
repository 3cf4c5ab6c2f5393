//! A small disk, and entries of file systems.

use gabion_disk::ext4::{Entry, Kind};
use gabion_disk::{Layout, MIB, Sizes, Uuid};
use std::collections::BTreeMap;

/// The time of everything.
pub(crate) const TIME: u32 = 1_700_000_000;

/// An identifier out of a name.
pub(crate) fn uuid(name: &str) -> Uuid {
    Uuid::v5(Uuid::from_u128(0x0A7F_CB2C_55B4_4C31_9A5C_36E2_2F3A_9B10), name)
}

/// A disk whose partitions are as small as they can be.
pub(crate) fn layout() -> Layout {
    let sizes =
        Sizes { esp: 64 * MIB, root: 256 * MIB, state: 256 * MIB, data: 256 * MIB, ..Sizes::default() };
    Layout::new(uuid("disk"), "vps", sizes).unwrap()
}

/// Something of root's that anybody may read.
pub(crate) fn entry(path: &str, kind: Kind) -> Entry {
    let mode = if kind == Kind::Directory { 0o755 } else { 0o644 };
    Entry { path: path.into(), mode, uid: 0, gid: 0, xattrs: BTreeMap::new(), kind }
}

/// A symbolic link.
pub(crate) fn link(path: &str, target: &str) -> Entry {
    Entry { mode: 0o777, ..entry(path, Kind::Symlink { target: target.into() }) }
}
