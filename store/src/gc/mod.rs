//! Removes what nothing reaches and nobody used lately.
//!
//! Two phases. *Mark* follows roots and leases through records and trees, without any lock. *Sweep* begins
//! once nobody has a lease any more, or after a deadline beside those who have one; then it is content with what
//! is older than the grace period. It moves things aside, reads roots and leases again, puts back what they
//! name or what was used meanwhile, and only then removes. A process that writes its need down before it looks
//! therefore keeps what it found, or finds nothing.
//!
//! # Invariants
//! - What a root or a living lease reaches is never removed.
//! - A crash at any point leaves each file whole: at its place, in `tmp` (the next run puts it back), or gone.
//! - Whoever finds that a file is gone has a miss, never an error.

mod left_over;
mod mark;
mod sweep;

use crate::{Store, StoreError, fs};
use gabion_digest::BlobId;
use mark::Condemned;
use rustix::fs::FlockOperation;
use std::fs::File;
use std::time::{Duration, Instant, SystemTime};
use sweep::Trash;

/// How many, and how large together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Count {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// What may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What was used within this time stays, reached or not.
    pub keep: Duration,
    /// Above this many bytes, what is not reached goes even before that time, oldest use first.
    pub max_size: Option<u64>,
    /// How long to wait until nobody has a lease.
    pub wait: Duration,
    /// What was used within this time stays while somebody has a lease. At least two hours.
    pub grace: Duration,
    /// Only say what would go.
    pub dry_run: bool,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for Policy {
    /// Thirty days of use; ten minutes of patience; a day of grace.
    fn default() -> Self {
        let wait = Duration::from_secs(600);
        Self { keep: 30 * DAY, max_size: None, wait, grace: DAY, dry_run: false }
    }
}

impl Policy {
    fn limit(&self, now: SystemTime) -> SystemTime {
        now.checked_sub(self.keep).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// What is younger stays beside a lease, also where the store is too large.
    fn grace_limit(&self, now: SystemTime) -> SystemTime {
        let grace = self.grace.max(2 * fs::USE_STEP);
        now.checked_sub(grace).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// What went, or would go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Whether nobody had a lease; otherwise only what is older than the grace period went.
    pub alone: bool,
    /// Whether nothing was touched.
    pub dry_run: bool,
    /// The blobs that went, by name.
    pub removed: Vec<BlobId>,
    /// The same, counted.
    pub blobs: Count,
    /// Records that went.
    pub records: usize,
    /// Aliases of blobs that are not there any more.
    pub aliases: usize,
    /// What processes left behind: downloads, files without a name, leases, journals.
    pub left_over: Count,
    /// Blobs that stay.
    pub kept: Count,
}

impl Store {
    /// Removes what `policy` allows. Fails before anything is removed where a root cannot be read.
    pub fn gc(&self, policy: &Policy) -> Result<Report, StoreError> {
        let sweeper = if policy.dry_run { None } else { Some(self.only_sweeper()?) };
        if sweeper.is_some() {
            sweep::put_back_left_over(self)?;
        }
        let now = fs::now();
        let mut condemned = self.condemn(policy, now)?;
        let mut report = Report { dry_run: policy.dry_run, alone: true, ..Report::default() };
        if !policy.dry_run && !condemned.is_empty() {
            let lock = self.alone(policy.wait)?;
            report.alone = lock.is_some();
            if !report.alone {
                condemned.spare_younger_than(policy.grace_limit(now));
            }
            let trash = Trash::open(self)?;
            trash.sweep(&mut condemned)?;
            drop(lock);
            trash.empty()?;
            let blobs: Vec<BlobId> = condemned.blobs.iter().map(|(id, _)| *id).collect();
            self.forget(&blobs, condemned.records.iter().map(|(key, _)| *key));
        }
        report.records = condemned.records.len();
        report.removed = condemned.blobs.iter().map(|(id, _)| *id).collect();
        condemned.blobs.iter().for_each(|(_, item)| report.blobs.add(item.size));
        report.kept = Count {
            files: condemned.all.files - report.blobs.files,
            bytes: condemned.all.bytes - report.blobs.bytes,
        };
        report.aliases = self.sweep_aliases(&condemned, policy.dry_run)?;
        report.left_over = self.sweep_left_over(policy.limit(now), policy.dry_run)?;
        Ok(report)
    }

    /// Waits for another run. Two at once would miss what a lease reaches through a record that the other one
    /// is just holding aside.
    fn only_sweeper(&self) -> Result<File, StoreError> {
        let path = self.root.join("sweep.lock");
        let lock = fs::lock_file(&path)?;
        let locked = rustix::fs::flock(&lock, FlockOperation::LockExclusive);
        locked.map(|()| lock).map_err(|error| StoreError::io("lock", &path, error.into()))
    }

    /// The lock that says that nobody has a lease; `None` where somebody has one all the time.
    fn alone(&self, wait: Duration) -> Result<Option<File>, StoreError> {
        let lock = self.gc_lock()?;
        let began = Instant::now();
        loop {
            let locked = fs::try_lock(&lock, FlockOperation::NonBlockingLockExclusive);
            if locked.map_err(|error| StoreError::io("lock", &self.root.join("gc.lock"), error))? {
                return Ok(Some(lock));
            }
            if began.elapsed() >= wait {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Condemned {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.blobs.is_empty()
    }

    fn spare_younger_than(&mut self, limit: SystemTime) {
        self.records.retain(|(_, item)| item.used < limit);
        self.blobs.retain(|(_, item)| item.used < limit);
    }
}
