//! How new each suite was: what a later lock may not go below.

use super::text::suite;
use super::{AptLock, Suite};
use crate::reader::lines;
use crate::{LockError, UtcTime, Word};
use std::collections::BTreeMap;

/// The newest date of each suite in a closure. The archive does not count: a mirror has the suites of its origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Floor(BTreeMap<Word, UtcTime>);

impl Floor {
    /// What both sides of a merge say, from a closure with conflict markers.
    pub fn parse_merging(text: &str) -> Result<Self, LockError> {
        let mut floor = Self::default();
        for line in lines(text) {
            if let Some(rest) = line.text.strip_prefix("# suite ") {
                let at = line.offset + line.text.len() - rest.len();
                floor.raise(&suite(rest, at).map_err(|fault| fault.placed(text))?);
            }
        }
        Ok(floor)
    }

    fn raise(&mut self, suite: &Suite) {
        let date = self.0.entry(suite.name.clone()).or_insert(suite.date);
        *date = suite.date.max(*date);
    }

    /// The first suite of `closure` that is older than this, with the date that it must have.
    pub fn above<'c>(&self, closure: &'c AptLock) -> Option<(&'c Suite, UtcTime)> {
        let mut suites = closure.archives().iter().flat_map(|archive| &archive.suites);
        suites.find_map(|suite| {
            let floor = self.0.get(&suite.name)?;
            (suite.date < *floor).then_some((suite, *floor))
        })
    }
}

impl From<&AptLock> for Floor {
    fn from(closure: &AptLock) -> Self {
        let mut floor = Self::default();
        closure.archives().iter().flat_map(|archive| &archive.suites).for_each(|suite| floor.raise(suite));
        floor
    }
}
