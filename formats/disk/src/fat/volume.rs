//! The volume: boot sector, tables, clusters.

use super::FatError;
use super::name::Short;
use super::tree::{Planner, Run, Stamp, directories};
use crate::target::Target;
use std::collections::BTreeMap;
use std::io;

const SECTOR: u64 = 512;
/// Sectors before the first table; 32 is what every writer of FAT32 leaves.
const RESERVED: u64 = 32;
const TABLES: u64 = 2;
/// Below, a volume is FAT16 to every reader (FAT specification 1.03, "FAT Type Determination").
const LEAST_CLUSTERS: u64 = 65_525;
/// Above, cluster numbers would run into those that mean something else.
const MOST_CLUSTERS: u64 = 0x0FFF_FFF5;
/// Where the second boot sector stands.
const COPY: u64 = 6;
/// The end of a chain.
const END: u32 = 0x0FFF_FFFF;

/// What a volume is besides its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Its bytes.
    pub size: u64,
    /// Its serial number, which Linux prints as its UUID.
    pub id: u32,
    /// Its label: capitals.
    pub label: String,
    /// The time of all files, in seconds since 1970; directories say it in UTC and in steps of two seconds.
    pub time: u64,
    /// The sector of the disk at which it begins, as the boot sector repeats it.
    pub first_sector: u64,
}

/// A volume, planned: every byte is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    options: Options,
    label: Short,
    shape: Shape,
    runs: Vec<Run>,
}

/// How the sectors are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    sectors: u64,
    /// Sectors of one cluster.
    cluster: u64,
    /// Sectors of one table.
    table: u64,
    /// How many clusters there are.
    clusters: u64,
}

impl Shape {
    fn new(size: u64) -> Option<Self> {
        let sectors = u64::from(u32::try_from(size / SECTOR).ok().filter(|_| size.is_multiple_of(SECTOR))?);
        // Up to 260 MiB a cluster is a sector (the table of FAT specification 1.03), then one page.
        let cluster = if sectors <= 532_480 { 1 } else { 8 };
        let table = (sectors.checked_sub(RESERVED)? / cluster + 2).div_ceil(SECTOR / 4);
        let clusters = sectors.checked_sub(RESERVED + TABLES * table)? / cluster;
        let fits = (LEAST_CLUSTERS..=MOST_CLUSTERS).contains(&clusters);
        fits.then_some(Self { sectors, cluster, table, clusters })
    }

    /// Where a cluster stands.
    fn offset(self, cluster: u32) -> u64 {
        (RESERVED + TABLES * self.table + (u64::from(cluster) - 2) * self.cluster) * SECTOR
    }
}

impl Volume {
    /// Plans a volume with `files`, by their paths. They are held in memory: loaders of a few MiB.
    pub fn new(options: Options, files: BTreeMap<String, Vec<u8>>) -> Result<Self, FatError> {
        let shape = Shape::new(options.size).ok_or(FatError::Size { size: options.size })?;
        let label = label(&options.label)?;
        let stamp = stamp(options.time).ok_or(FatError::Time { time: options.time })?;
        let runs = Planner::new(shape.cluster * SECTOR, stamp).run(&label, directories(files)?);
        let needed: u64 = runs.iter().map(|run| u64::from(run.clusters)).sum();
        if needed > shape.clusters {
            return Err(FatError::Full { missing: missing(options.size, needed) });
        }
        Ok(Self { options, label, shape, runs })
    }

    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.options.size
    }

    /// Writes it.
    pub fn write(&self, target: &mut dyn Target) -> io::Result<()> {
        for copy in [0, COPY] {
            target.put(copy * SECTOR, &self.boot_sector())?;
            target.put((copy + 1) * SECTOR, &self.information())?;
        }
        let table = self.table();
        for copy in 0..TABLES {
            target.put((RESERVED + copy * self.shape.table) * SECTOR, &table)?;
        }
        let mut written = self.runs.iter().filter(|run| run.clusters > 0);
        written.try_for_each(|run| target.put(self.shape.offset(run.first), &run.bytes))
    }

    /// The used part of the table: two reserved values, then one chain for each run.
    fn table(&self) -> Vec<u8> {
        let mut values = vec![0x0FFF_FFF8, END];
        for run in self.runs.iter().filter(|run| run.clusters > 0) {
            values.extend(run.first + 1..run.first + run.clusters);
            values.push(END);
        }
        values.iter().flat_map(|it| it.to_le_bytes()).collect()
    }

    /// FAT specification 1.03, "Boot Sector and BPB", with the fields of FAT32.
    fn boot_sector(&self) -> [u8; 512] {
        let mut sector = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| sector[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[0xEB, 0x58, 0x90]);
        put(3, b"gabion  ");
        put(11, &(SECTOR as u16).to_le_bytes());
        put(13, &[self.shape.cluster as u8]);
        put(14, &(RESERVED as u16).to_le_bytes());
        put(16, &[TABLES as u8]);
        // A fixed disk; sectors and heads as logical block addressing pretends them.
        put(21, &[0xF8]);
        put(24, &[63, 0, 255, 0]);
        put(28, &(self.options.first_sector as u32).to_le_bytes());
        put(32, &(self.shape.sectors as u32).to_le_bytes());
        put(36, &(self.shape.table as u32).to_le_bytes());
        put(44, &2_u32.to_le_bytes());
        put(48, &[1, 0, COPY as u8, 0]);
        put(64, &[0x80, 0, 0x29]);
        put(67, &self.options.id.to_le_bytes());
        put(71, &self.label);
        put(82, b"FAT32   ");
        put(510, &[0x55, 0xAA]);
        sector
    }

    /// How many clusters are free, and where the first one is (FAT specification 1.03, `FSInfo`).
    fn information(&self) -> [u8; 512] {
        let used: u64 = self.runs.iter().map(|run| u64::from(run.clusters)).sum();
        let mut sector = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| sector[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"RRaA");
        put(484, b"rrAa");
        put(488, &((self.shape.clusters - used) as u32).to_le_bytes());
        put(492, &(used as u32 + 2).to_le_bytes());
        put(510, &[0x55, 0xAA]);
        sector
    }
}

/// How many bytes more make `needed` clusters. A volume beyond 260 MiB has larger clusters: the caller's files are
/// counted anew then, and never need more of them.
fn missing(size: u64, needed: u64) -> u64 {
    let fits = |more: u64| Shape::new(size + more).is_some_and(|it| it.clusters >= needed);
    let (mut low, mut high) = (0, SECTOR);
    while !fits(high) && high < size << 8 {
        (low, high) = (high, high * 2);
    }
    while high - low > SECTOR {
        let middle = (low + (high - low) / 2).next_multiple_of(SECTOR).min(high - SECTOR);
        if fits(middle) { high = middle } else { low = middle }
    }
    high
}

fn label(text: &str) -> Result<Short, FatError> {
    let plain = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit() || b"-_".contains(&it);
    let mut label = [b' '; 11];
    match label.get_mut(..text.len()) {
        Some(place) if !text.is_empty() && text.bytes().all(plain) => place.copy_from_slice(text.as_bytes()),
        _ => return Err(FatError::Label { label: text.to_owned() }),
    }
    Ok(label)
}

/// Date and time of day in UTC; `None` outside of 1980 to 2107.
fn stamp(time: u64) -> Option<Stamp> {
    let (days, second) = (time / 86_400, time % 86_400);
    let (year, month, day) = civil(days);
    let years = u16::try_from(year.checked_sub(1980)?).ok().filter(|it| *it < 128)?;
    let date = years << 9 | (month as u16) << 5 | day as u16;
    let clock = (second / 3600) << 11 | (second / 60 % 60) << 5 | ((second % 60) / 2);
    Some((date, clock as u16))
}

/// Year, month and day of a day since 1970, in the Gregorian calendar: years begin in March here, so that the odd
/// day is the last one.
fn civil(days: u64) -> (u64, u64, u64) {
    let day = days + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (date, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (era * 400 + year + u64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_783), (2026, 11, 26));
        assert_eq!(stamp(315_532_799), None);
        assert_eq!(stamp(315_532_800), Some((0x21, 0)));
        assert_eq!(stamp(4_354_819_198).map(|(date, _)| date >> 9), Some(127));
        assert_eq!(stamp(4_354_819_200), None);
    }
}
