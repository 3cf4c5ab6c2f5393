//! Where the bytes of an image are, so that nobody reads its holes.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// Ranges of an image that were written, apart from each other; all else is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extents(BTreeMap<u64, u64>);

impl Extents {
    /// Adds a range that touches or overlaps none but at its ends.
    pub(crate) fn add(&mut self, range: Range<u64>) {
        let before = self.0.range(..range.start).next_back().filter(|(_, end)| **end == range.start);
        let start = before.map_or(range.start, |(start, _)| *start);
        let end = self.0.remove(&range.end).unwrap_or(range.end);
        self.0.insert(start, end);
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.0.iter().map(|(start, end)| *start..*end)
    }

    /// How many bytes they are.
    pub fn bytes(&self) -> u64 {
        self.iter().map(|range| range.end - range.start).sum()
    }

    /// The range that `at` lies in, or else the next one.
    fn next(&self, at: u64) -> Option<Range<u64>> {
        let before = self.0.range(..=at).next_back().filter(|(_, end)| **end > at);
        before.or_else(|| self.0.range(at..).next()).map(|(start, end)| *start..*end)
    }
}

/// Reads an image of which only extents are in the file, or worth reading.
#[derive(Debug)]
pub struct Sparse<R> {
    file: R,
    extents: Extents,
    size: u64,
    at: u64,
    /// Where the file stands.
    file_at: Option<u64>,
}

impl<R: Read + Seek> Sparse<R> {
    /// The `size` bytes of an image whose `extents` are in `file`, at the same offsets.
    pub fn new(file: R, extents: Extents, size: u64) -> Self {
        Self { file, extents, size, at: 0, file_at: None }
    }
}

impl<R: Read + Seek> Read for Sparse<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let extent = self.extents.next(self.at).unwrap_or(self.size..self.size);
        let is_hole = self.at < extent.start;
        let end = if is_hole { extent.start } else { extent.end }.min(self.size);
        let length = end.saturating_sub(self.at).min(bytes.len() as u64) as usize;
        let count = if is_hole || length == 0 {
            bytes[..length].fill(0);
            length
        } else {
            if self.file_at != Some(self.at) {
                self.file.seek(SeekFrom::Start(self.at))?;
            }
            let count = self.file.read(&mut bytes[..length])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.file_at = Some(self.at + count as u64);
            count
        };
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    #[test]
    fn ranges_that_touch_become_one() {
        let mut it = Extents::default();
        for range in [10..20, 30..40, 0..5, 20..30] {
            it.add(range);
        }
        assert_eq!(it.iter().collect::<Vec<_>>(), [0..5, 10..40]);
        assert_eq!(it.bytes(), 35);
    }

    #[test]
    fn a_file_that_lacks_an_extent_is_an_error_and_not_zeros() {
        let mut extents = Extents::default();
        extents.add(5..20);
        let error =
            Sparse::new(Cursor::new(vec![1; 10]), extents, 30).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn holes_are_zeros_and_extents_are_the_file(
            cuts in prop::collection::btree_set(0_u64..1000, 0..20),
            size in 900_u64..1100,
        ) {
            let (mut extents, mut expected) = (Extents::default(), vec![0; size as usize]);
            let cuts: Vec<u64> = cuts.into_iter().collect();
            for pair in cuts.chunks_exact(2) {
                extents.add(pair[0]..pair[1]);
                let end = (pair[1] as usize).min(expected.len());
                let start = (pair[0] as usize).min(end);
                expected[start..end].fill(7);
            }
            let mut read = Vec::new();
            Sparse::new(Cursor::new(vec![7; 2000]), extents, size).read_to_end(&mut read).unwrap();
            prop_assert_eq!(read, expected);
        }
    }
}
