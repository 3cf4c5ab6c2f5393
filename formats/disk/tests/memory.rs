//! How much memory a large file system costs. A test of its own, because it looks at the whole process.

mod sample;

use gabion_disk::ext4::{Image, Kind, Options};
use gabion_disk::{MIB, Target};
use sample::{TIME, entry, layout, link, uuid};
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
    assert!(layout().size() > 0 && link("a", "b").mode == 0o777);
    let mut tree: Vec<_> =
        (0..20_000).map(|at| entry(&format!("{at}"), Kind::File { size: 20_000 })).collect();
    tree.push(entry("large", Kind::File { size: 200_000_000 }));
    let plan = Image::plan(&Options::new(3072 * MIB, uuid("root"), "root", TIME), tree).unwrap();
    let mut target = Nowhere(0);
    let content = |path: &[u8]| {
        Ok(io::repeat(path.len() as u8).take(if path == b"large" { 200_000_000 } else { 20_000 }))
    };
    plan.write(&mut target, content).unwrap();
    assert!(target.0 > 600_000_000);
    assert!(peak() < 100 << 10, "{} KiB", peak());
}
