//! How much is missing, found by planning: tables, copies of the superblock and journals make a formula a guess.

use super::{Entry, Ext4Error, Image, Kind, Options};
use crate::MIB;

/// What `refusal` means: that with so many bytes more everything fits, or, where nothing helps, what it says.
pub(super) fn explain(options: &Options, entries: &[Entry], refusal: mkext4::Error) -> Ext4Error {
    let fits = |size: u64| Image::of_size(options, entries, size).is_ok();
    let Some(enough) = enough(options, entries, fits) else {
        return Ext4Error::Refused(refusal);
    };
    let (mut low, mut high) = (options.size, enough);
    while high - low > MIB {
        let middle = (low + (high - low) / 2).next_multiple_of(MIB).min(high - MIB);
        if fits(middle) { high = middle } else { low = middle }
    }
    Ext4Error::Full { size: options.size, missing: high - options.size }
}

/// A size at which everything fits: from what the files alone need, doubled a few times.
fn enough(options: &Options, entries: &[Entry], fits: impl Fn(u64) -> bool) -> Option<u64> {
    let bytes = |entry: &Entry| match &entry.kind {
        Kind::File { size } => size.saturating_add(8192),
        _ => 8192,
    };
    let needed = entries.iter().map(bytes).fold(options.journal, u64::saturating_add);
    let first = needed.max(options.size).checked_next_multiple_of(MIB)?;
    let mut sizes = std::iter::successors(Some(first), |it| it.checked_mul(2)).take(4);
    sizes.find(|size| *size > options.size && *size < super::image::MOST && fits(*size))
}
