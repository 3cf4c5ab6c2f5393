//! qcow2, version 3, for virtual machines (QEMU's `docs/interop/qcow2.txt`): clusters of 64 KiB, not compressed, and
//! only those with a byte that is not zero.
//!
//! The file: header, first table, then clusters in the order in which they were first put, then second tables,
//! reference counts and their table.

use crate::target::{Target, runs, within};
use std::collections::BTreeMap;
use std::io::{self, Seek, SeekFrom, Write};

const CLUSTER_BITS: u32 = 16;
const CLUSTER: u64 = 1 << CLUSTER_BITS;
/// Entries of 8 bytes in a table of one cluster.
const PER_TABLE: u64 = CLUSTER / 8;
/// Counts of 2 bytes in a cluster.
const PER_COUNTS: u64 = CLUSTER / 2;
/// "Its reference count is one."
const COPIED: u64 = 1 << 63;
const HEADER_LENGTH: u32 = 104;

/// An image in qcow2. `out` is a new file: what is not written there reads as zeros.
#[derive(Debug)]
pub struct Qcow2<W> {
    out: W,
    size: u64,
    /// Where the clusters of the image are in the file.
    clusters: BTreeMap<u64, u64>,
    /// The next free cluster of the file.
    next: u64,
}

impl<W: Write + Seek> Qcow2<W> {
    /// An image of `size` bytes.
    pub fn new(out: W, size: u64) -> Self {
        let next = 1 + first_table(size).div_ceil(PER_TABLE);
        Self { out, size, clusters: BTreeMap::new(), next }
    }

    /// Writes the tables, and gives the file back.
    pub fn finish(mut self) -> io::Result<W> {
        let first = self.write_second_tables()?;
        self.write_at(CLUSTER, &first)?;
        let (counts_at, table) = self.write_counts()?;
        self.write_at(0, &header(self.size, counts_at, table))?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Gives the first table, which says where the second ones are.
    fn write_second_tables(&mut self) -> io::Result<Vec<u8>> {
        let mut first = vec![0; (first_table(self.size) * 8) as usize];
        let mut tables: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        for (cluster, place) in &self.clusters {
            let table = tables.entry(cluster / PER_TABLE).or_insert_with(|| vec![0; CLUSTER as usize]);
            put(table, cluster % PER_TABLE, (place * CLUSTER) | COPIED);
        }
        for (at, table) in tables {
            put(&mut first, at, (self.next * CLUSTER) | COPIED);
            self.write_at(self.next * CLUSTER, &table)?;
            self.next += 1;
        }
        Ok(first)
    }

    /// Every cluster of the file is used once, those of the counts as well. Gives where their table is, and how many
    /// clusters it has.
    fn write_counts(&mut self) -> io::Result<(u64, u64)> {
        let (mut blocks, mut table) = (1, 1_u64);
        while blocks * PER_COUNTS < self.next + blocks + table {
            blocks += 1;
            table = blocks.div_ceil(PER_TABLE);
        }
        let (begin, used) = (self.next, self.next + blocks + table);
        let mut places = vec![0; (table * CLUSTER) as usize];
        for block in 0..blocks {
            let count = (used - block * PER_COUNTS).min(PER_COUNTS) as usize;
            let mut counts = [0, 1].repeat(count);
            counts.resize(CLUSTER as usize, 0);
            put(&mut places, block, (begin + block) * CLUSTER);
            self.write_at((begin + block) * CLUSTER, &counts)?;
        }
        self.write_at((begin + blocks) * CLUSTER, &places)?;
        Ok(((begin + blocks) * CLUSTER, table))
    }

    /// Where a cluster of the image is in the file.
    fn place(&mut self, cluster: u64) -> u64 {
        let place = *self.clusters.entry(cluster).or_insert(self.next);
        self.next = self.next.max(place + 1);
        place * CLUSTER
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.out.seek(SeekFrom::Start(offset))?;
        self.out.write_all(bytes)
    }
}

impl<W: Write + Seek> Target for Qcow2<W> {
    fn put(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        within(self.size, offset, bytes)?;
        for (mut offset, mut bytes) in runs(offset, bytes) {
            while !bytes.is_empty() {
                let within = offset % CLUSTER;
                let (piece, rest) = bytes.split_at(bytes.len().min((CLUSTER - within) as usize));
                let place = self.place(offset / CLUSTER);
                self.write_at(place + within, piece)?;
                (offset, bytes) = (offset + piece.len() as u64, rest);
            }
        }
        Ok(())
    }
}

/// Entries of the first table: one for each second table that the image could need.
fn first_table(size: u64) -> u64 {
    size.div_ceil(CLUSTER * PER_TABLE).max(1)
}

fn put(table: &mut [u8], at: u64, value: u64) {
    let at = at as usize * 8;
    table[at..at + 8].copy_from_slice(&value.to_be_bytes());
}

/// No backing file, no encryption, no snapshots, no features; the end of extensions (zeros) follows.
fn header(size: u64, counts_at: u64, counts_clusters: u64) -> Vec<u8> {
    let small = |numbers: &[u32]| numbers.iter().flat_map(|it| it.to_be_bytes()).collect::<Vec<u8>>();
    let large = |numbers: &[u64]| numbers.iter().flat_map(|it| it.to_be_bytes()).collect::<Vec<u8>>();
    let fields = [
        b"QFI\xfb".to_vec(),
        // Version, then offset (two words) and length of the backing file's name.
        small(&[3, 0, 0, 0, CLUSTER_BITS]),
        large(&[size]),
        small(&[0, first_table(size) as u32]),
        large(&[CLUSTER, counts_at]),
        small(&[counts_clusters as u32, 0]),
        // Snapshots; features that are incompatible, compatible, cleared by who does not know them.
        large(&[0, 0, 0, 0]),
        // Counts of 2⁴ bits.
        small(&[4, HEADER_LENGTH]),
        large(&[0]),
    ];
    fields.concat()
}
