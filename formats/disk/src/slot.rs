//! The two places of a root file system.

use std::fmt;
use std::str::FromStr;

/// A place of a root file system. One runs; the other takes what is installed next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// `root-a`, which a new disk starts from.
    A,
    /// `root-b`.
    B,
}

impl Slot {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Its one letter, as it stands in the environment of GRUB.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is neither `a` nor `b`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no slot: there are `a` and `b`")]
pub struct ParseSlotError {
    /// The text.
    pub found: String,
}

impl FromStr for Slot {
    type Err = ParseSlotError;

    fn from_str(text: &str) -> Result<Self, ParseSlotError> {
        let all = [Self::A, Self::B];
        let found = all.into_iter().find(|slot| slot.as_str() == text);
        found.ok_or_else(|| ParseSlotError { found: text.to_owned() })
    }
}
