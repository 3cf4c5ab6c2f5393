//! Leases: what a running process relies on.
//!
//! `lease/PID-N` is held by its owner's `flock` and has a line per need. Whoever has a lease also shares
//! `gc.lock`, so that garbage is collected at leisure only while nobody has one. A need is written down
//! *before* it is looked up: whoever collects garbage moves things aside, reads the leases again, and puts
//! back what they name.

use crate::{Need, Store, StoreError, fs, read_small, walk};
use rustix::fs::FlockOperation;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What this process relies on stays until the lease is dropped.
#[derive(Debug)]
pub struct Lease {
    /// None on a store that cannot be written: nobody removes anything there.
    file: Option<(File, PathBuf)>,
    needs: Mutex<BTreeSet<Need>>,
    /// Held, never read.
    _shared: Option<File>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.file {
            let _swept_later = fs::remove(path);
        }
    }
}

impl Lease {
    /// Relies on `need` from now on. Call it before looking for the thing; the same need twice costs nothing.
    pub fn need(&self, need: Need) -> Result<(), StoreError> {
        let Some((file, path)) = &self.file else { return Ok(()) };
        let mut needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        if needs.contains(&need) {
            return Ok(());
        }
        fs::append(file, path, format!("{need}\n").as_bytes())?;
        needs.insert(need);
        Ok(())
    }
}

impl Store {
    pub(crate) fn gc_lock(&self) -> Result<File, StoreError> {
        fs::lock_file(&self.root.join("gc.lock"))
    }

    /// Begins a lease. It waits while garbage is swept, which takes moments.
    pub fn lease(&self) -> Result<Lease, StoreError> {
        let lock = match self.gc_lock() {
            Ok(lock) => Some(lock),
            Err(StoreError::ReadOnly { .. }) => None,
            Err(error) => return Err(error),
        };
        if let Some(lock) = &lock {
            let shared = rustix::fs::flock(lock, FlockOperation::LockShared);
            shared.map_err(|error| StoreError::io("lock", &self.root.join("gc.lock"), error.into()))?;
        }
        let file = match fs::create_held(&self.root.join("lease"), "", 0o644) {
            Ok(file) => Some(file),
            Err(StoreError::ReadOnly { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Lease { file, needs: Mutex::default(), _shared: lock })
    }

    /// What living processes rely on.
    pub(crate) fn leased(&self) -> Result<BTreeSet<Need>, StoreError> {
        let mut needs = BTreeSet::new();
        for path in walk::entries(&self.root.join("lease"))? {
            if fs::take_over(&path)?.is_none() {
                needs.extend(read_lease(&path)?);
            }
        }
        Ok(needs)
    }
}

/// A line without its end is still being written: its owner has not looked for anything yet.
fn read_lease(path: &Path) -> Result<Vec<Need>, StoreError> {
    let bytes = read_small(path)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    Ok(whole.lines().filter_map(|line| line.parse().ok()).collect())
}
