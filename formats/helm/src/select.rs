//! Which version is taken: one rule for repositories and registries.

use crate::Constraint;
use gabion_sprig::semver::Version;

/// How many versions an error names.
const NEAR: usize = 5;

/// A version that can be had.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer<'a> {
    /// As it was written.
    pub(crate) text: &'a str,
    /// As a version, where it is one.
    pub(crate) version: Option<&'a Version>,
    /// Whether it was taken back.
    pub(crate) removed: bool,
}

/// Why no version of a chart could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// There is no such chart.
    #[error("there is no chart `{name}`")]
    Chart {
        /// Its name.
        name: String,
        /// The chart whose name is the nearest.
        near: Option<String>,
    },
    /// No version fits.
    #[error("no version of `{name}` fits `{wanted}`")]
    Version {
        /// The chart.
        name: String,
        /// What was asked for.
        wanted: String,
        /// Versions that there are: those near to what was asked for, newest first.
        near: Vec<String>,
    },
    /// The version was taken back.
    #[error("`{name}` `{version}` was removed by its repository")]
    Removed {
        /// The chart.
        name: String,
        /// The version.
        version: String,
    },
}

impl ChooseError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Chart { .. } => "E0806",
            Self::Version { .. } => "E0807",
            Self::Removed { .. } => "E0808",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Chart { near, .. } => near.as_ref().map(|near| format!("there is `{near}`")),
            Self::Version { near, .. } if near.is_empty() => Some("there is no version at all".to_owned()),
            Self::Version { near, .. } => Some(format!("there is `{}`", near.join("`, `"))),
            Self::Removed { .. } => Some("take another version; this one was found to be bad".to_owned()),
        }
    }
}

/// The place of the offer that `wanted` means, among `offers` from new to old (`IndexFile.Get` of Helm).
pub(crate) fn choose(name: &str, offers: &[Offer<'_>], wanted: &Constraint) -> Result<usize, ChooseError> {
    if let Some(place) = offers.iter().position(|it| it.text == wanted.as_str()) {
        let version = offers[place].text.to_owned();
        let removed = offers[place].removed;
        return if removed {
            Err(ChooseError::Removed { name: name.to_owned(), version })
        } else {
            Ok(place)
        };
    }
    // One whole version means that version: Helm warns here and takes another one of the same number.
    let fits = |it: &Offer<'_>| !it.removed && it.version.is_some_and(|version| wanted.allows(version));
    let found = if wanted.exact().is_none() { offers.iter().position(fits) } else { None };
    found.ok_or_else(|| ChooseError::Version {
        name: name.to_owned(),
        wanted: wanted.to_string(),
        near: near(offers, wanted),
    })
}

/// Some of the versions that there are: of the same major number where one version is wanted.
fn near(offers: &[Offer<'_>], wanted: &Constraint) -> Vec<String> {
    let major = wanted.exact().map(|it| it.numbers()[0]);
    let there = offers.iter().filter(|it| !it.removed);
    let same = there.clone().filter(|it| major.is_some() && it.version.map(|it| it.numbers()[0]) == major);
    let mut out: Vec<String> = Vec::new();
    for offer in same.chain(there) {
        if out.len() < NEAR && out.iter().all(|it| it != offer.text) {
            out.push(offer.text.to_owned());
        }
    }
    out
}
