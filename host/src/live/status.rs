//! Where a host stands.

use super::change::Change;
use super::error::LiveError;
use super::generation::{Event, Generation, history};
use super::host::Host;
use serde::Serialize;

/// Where a host stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The generation in force.
    pub generation: Option<Generation>,
    /// The change under way.
    pub change: Option<Change>,
    /// The slot that it runs from.
    pub slot: Option<String>,
    /// Files that are not as they were left.
    pub drift: Vec<String>,
    /// What is not healthy.
    pub wrong: Vec<String>,
    /// What happened last.
    pub last: Option<Event>,
}

impl Host<'_> {
    /// Where the host stands; changes nothing.
    pub fn status(&self) -> Result<Status, LiveError> {
        let generation = Generation::current(&self.root)?;
        let wrong = match &generation {
            Some(it) => {
                let (wrong, beyond) = self.wrong(it, it.k3s.is_some())?;
                wrong.into_iter().chain(beyond).collect()
            }
            None => Vec::new(),
        };
        Ok(Status {
            change: Change::load(&self.root)?,
            slot: self.running_slot()?,
            drift: crate::stamps::changed(&self.root)?,
            wrong,
            last: history(&self.root)?.pop(),
            generation,
        })
    }
}
