//! What two images differ in.

use crate::sample::layout;
use gabion_disk::{Difference, Role, compare};
use std::io::{self, Read};

/// Zeros, but for some bytes.
struct Sparse {
    at: u64,
    size: u64,
    bytes: Vec<(u64, u8)>,
}

impl Read for Sparse {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = (self.size - self.at).min(out.len() as u64).min(700_001);
        out[..count as usize].fill(0);
        for (at, byte) in &self.bytes {
            if (self.at..self.at + count).contains(at) {
                out[(at - self.at) as usize] = *byte;
            }
        }
        self.at += count;
        Ok(count as usize)
    }
}

fn image(bytes: &[(u64, u8)]) -> Sparse {
    Sparse { at: 0, size: layout().size(), bytes: bytes.to_vec() }
}

#[test]
fn images_that_are_the_same_have_no_difference() {
    assert_eq!(compare(&layout(), image(&[(5, 1)]), image(&[(5, 1)])).unwrap(), []);
}

#[test]
fn a_difference_is_told_by_partition_and_range() {
    let layout = layout();
    let (root, last) = (layout.partition(Role::RootA).offset(), layout.size() - 1);
    let changed = [(100, 1), (root, 1), (root + 3, 1), (root + 600, 1), (root + (3 << 20), 1), (last, 1)];
    let found = compare(&layout, image(&[]), image(&changed)).unwrap();
    let table =
        Difference { part: "partition table".to_owned(), ranges: vec![100..101, last..last + 1], bytes: 2 };
    let ranges = vec![0..4, 600..601, 3 << 20..(3 << 20) + 1];
    assert_eq!(found, [table, Difference { part: "root-a".to_owned(), ranges, bytes: 4 }]);
}

#[test]
fn many_differences_are_counted_and_the_first_ones_told() {
    let layout = layout();
    let data = layout.partition(Role::Data).offset();
    let changed: Vec<(u64, u8)> = (0..50).map(|at| (data + at * 10_000, 1)).collect();
    let found = compare(&layout, image(&changed), image(&[])).unwrap();
    assert_eq!((found.len(), found[0].bytes, found[0].ranges.len()), (1, 50, 8));
    assert_eq!(found[0].ranges[7], 70_000..70_001);
}

#[test]
fn an_image_that_ends_early_differs_in_what_it_lacks() {
    let layout = layout();
    let short = Sparse { size: layout.size() - 10, ..image(&[]) };
    let found = compare(&layout, image(&[]), short).unwrap();
    assert_eq!(found.iter().map(|it| it.bytes).sum::<u64>(), 10);
}
