//! How much memory a large file system costs. A test of its own, because it looks at the whole process.

use gabion_disk::ext4::{Entry, Image, Kind, Options};
use gabion_disk::{MIB, Target, Uuid};
use std::collections::BTreeMap;
use std::io::{self, Read};

/// The most memory that this process has had, in KiB (Linux' `proc(5)`).
fn peak() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

struct Nowhere(u64);

impl Target for Nowhere {
    fn put(&mut self, _: u64, bytes: &[u8]) -> io::Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}

#[test]
fn a_tree_of_600_mb_in_20_000_files_needs_a_fraction_of_that() {
    let file = |path: String, size| {
        let kind = Kind::File { size };
        Entry { path: path.into(), mode: 0o644, uid: 0, gid: 0, xattrs: BTreeMap::new(), kind }
    };
    let mut tree: Vec<Entry> = (0..20_000).map(|at| file(at.to_string(), 20_000)).collect();
    tree.push(file("large".to_owned(), 200_000_000));
    let plan =
        Image::plan(&Options::new(3072 * MIB, Uuid::from_u128(1), "root", 1_700_000_000), tree).unwrap();
    let mut target = Nowhere(0);
    let content = |path: &[u8]| {
        Ok(io::repeat(path.len() as u8).take(if path == b"large" { 200_000_000 } else { 20_000 }))
    };
    plan.write(&mut target, content).unwrap();
    assert!(target.0 > 600_000_000);
    assert!(peak() < 100 << 10, "{} KiB", peak());
}
