//! What two images of one layout differ in, by partition.

use crate::Layout;
use std::io::{self, Read};
use std::ops::Range;

/// How much is compared at once.
const PIECE: usize = 1 << 20;
/// Ranges that are told for one part; the rest is only counted.
const RANGES: usize = 8;
/// Equal bytes between two differences that still make one range: whoever reads them thinks in sectors.
const NEAR: u64 = 512;

/// Where two images differ within one part of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The label of the partition, or `partition table` for what lies in none.
    pub part: String,
    /// The first ranges, in bytes from the beginning of the part (of the disk, where it is no partition).
    pub ranges: Vec<Range<u64>>,
    /// How many bytes differ in all.
    pub bytes: u64,
}

/// Compares two images that were made for `layout`; nothing where they are the same. An image that ends early differs
/// in all that it lacks, and what lies behind the end of the layout is not looked at.
pub fn compare(layout: &Layout, mut one: impl Read, mut other: impl Read) -> io::Result<Vec<Difference>> {
    let (mut left, mut right) = (vec![0; PIECE], vec![0; PIECE]);
    let mut found = Vec::new();
    for (part, range, base) in parts(layout) {
        let mut difference = Difference { part, ranges: Vec::new(), bytes: 0 };
        let mut at = range.start;
        while at < range.end {
            let length = (range.end - at).min(PIECE as u64) as usize;
            let (a, b) = (fill(&mut one, &mut left[..length])?, fill(&mut other, &mut right[..length])?);
            difference.add(at - base, &left[..a], &right[..b]);
            at += length as u64;
        }
        merge(&mut found, difference);
    }
    Ok(found)
}

/// Every byte of the disk: name, range, and what its offsets are counted from.
fn parts(layout: &Layout) -> Vec<(String, Range<u64>, u64)> {
    let table = || "partition table".to_owned();
    let (mut parts, mut at) = (Vec::new(), 0);
    for it in layout.table().partitions() {
        parts.push((table(), at..it.offset(), 0));
        at = it.offset() + it.size();
        parts.push((it.label.clone(), it.offset()..at, it.offset()));
    }
    parts.push((table(), at..layout.size(), 0));
    parts
}

impl Difference {
    fn add(&mut self, offset: u64, left: &[u8], right: &[u8]) {
        if left == right {
            return;
        }
        for at in 0..left.len().max(right.len()) {
            if left.get(at) != right.get(at) {
                self.count(offset + at as u64);
            }
        }
    }

    fn count(&mut self, at: u64) {
        self.bytes += 1;
        let has_room = self.ranges.len() < RANGES;
        match self.ranges.last_mut() {
            Some(last) if at - last.end < NEAR => last.end = at + 1,
            _ if has_room => self.ranges.push(at..at + 1),
            _ => {}
        }
    }
}

/// The table stands at both ends, and is one part.
fn merge(found: &mut Vec<Difference>, new: Difference) {
    if new.bytes == 0 {
        return;
    }
    match found.iter_mut().find(|it| it.part == new.part) {
        Some(same) => {
            same.bytes += new.bytes;
            let room = RANGES - same.ranges.len();
            same.ranges.extend(new.ranges.into_iter().take(room));
        }
        None => found.push(new),
    }
}

/// Reads until `bytes` is full or the end; gives how many there were.
fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match reader.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
