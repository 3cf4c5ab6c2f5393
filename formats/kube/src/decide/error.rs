//! What the recipe has still to say.

use super::{Choice, Decision};
use crate::discover::Candidate;
use crate::id::ObjectId;
use crate::path::Path;
use crate::rules::Class;
use gabion_oci::ReferenceError;
use std::fmt::Write as _;

/// An image of which nobody said whether it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// The image in full.
    pub image: String,
    /// Where it is named.
    pub places: Vec<Place>,
}

/// Where a candidate stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The document.
    pub object: ObjectId,
    /// What the document is from.
    pub from: String,
    /// Where in it.
    pub path: Path,
    /// Where in its text.
    pub at: Option<std::ops::Range<u32>>,
    /// What the place tells.
    pub class: Class,
    /// As it was written.
    pub text: String,
}

impl Undecided {
    pub(super) fn new(image: &str) -> Self {
        Self { image: image.to_owned(), places: Vec::new() }
    }

    pub(super) fn add(&mut self, candidate: &Candidate) {
        self.places.push(Place {
            object: candidate.object.clone(),
            from: candidate.from.clone(),
            path: candidate.path.clone(),
            at: candidate.at.clone(),
            class: candidate.class,
            text: candidate.text.clone(),
        });
    }
}

/// Why a set of candidates is no set of images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// It may be needed, and nobody said.
    #[error("{}", told(.0))]
    Undecided(Undecided),
    /// A place of images holds none.
    #[error("`{text}` at `{path}` of {object} (`{from}`) is needed and names no image")]
    Unreadable {
        /// The text.
        text: String,
        /// Its place.
        path: Box<Path>,
        /// The document.
        object: Box<ObjectId>,
        /// What the document is from.
        from: String,
        /// What is wrong.
        #[source]
        error: ReferenceError,
    },
    /// A decision covers nothing.
    #[error("decision {} covers nothing: {decision}", .number + 1)]
    Unused {
        /// Its number, from 0.
        number: usize,
        /// As it was written.
        decision: String,
        /// What it may mean.
        near: Option<String>,
    },
    /// The annotation of a chart is no list of images.
    #[error("the {from} is no list of images")]
    Annotation {
        /// Which one.
        from: String,
        /// What is wrong with an item.
        #[source]
        error: Option<ReferenceError>,
    },
}

impl DecideError {
    pub(super) fn unreadable(candidate: &Candidate, error: &ReferenceError) -> Self {
        Self::Unreadable {
            text: candidate.text.clone(),
            path: Box::new(candidate.path.clone()),
            object: Box::new(candidate.object.clone()),
            from: candidate.from.clone(),
            error: error.clone(),
        }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Undecided(_) => "E1705",
            Self::Unreadable { .. } => "E1706",
            Self::Unused { .. } => "E1707",
            Self::Annotation { .. } => "E1708",
        }
    }

    /// What to do next. `table` is what the recipe calls the decisions on these documents: `manifests.apps.images`, with
    /// lists `include` and `extra` and a table `exclude` of reasons.
    pub fn help(&self, table: &str) -> String {
        match self {
            Self::Undecided(Undecided { image, .. }) => format!(
                "write into the recipe:\n[{table}]\ninclude = [{image:?}]\n\
                 # or, if it is never started: exclude = {{ {image:?} = \"why\" }}"
            ),
            Self::Unreadable { text, .. } => {
                format!(
                    "correct it, or write into the recipe:\n[{table}]\nexclude = {{ {text:?} = \"why\" }}"
                )
            }
            Self::Unused { near: Some(near), .. } => {
                format!("did you mean `{near}`? otherwise take it out of `[{table}]`")
            }
            Self::Unused { near: None, .. } => format!("take it out of `[{table}]`"),
            Self::Annotation { .. } => format!("name the images in `extra` of `[{table}]`"),
        }
    }
}

/// How many places are shown of one image.
const SHOWN: usize = 3;

fn told(undecided: &Undecided) -> String {
    let mut text = format!("nobody said whether `{}` is needed", undecided.image);
    for place in undecided.places.iter().take(SHOWN) {
        let _ = write!(text, "\nnamed at `{}` of {} (`{}`)", place.path, place.object, place.from);
    }
    if undecided.places.len() > SHOWN {
        let _ = write!(text, "\nand at {} more", undecided.places.len() - SHOWN);
    }
    text
}

/// A decision in one line.
pub(super) fn spelled(decision: &Decision) -> String {
    let Decision { image, path, object, choice } = decision;
    let mut parts = Vec::new();
    parts.extend(image.as_ref().map(|it| format!("image = \"{it}\"")));
    parts.extend(path.as_ref().map(|it| format!("path = '{it}'")));
    parts.extend(object.as_ref().map(|it| format!("object = \"{it}\"")));
    parts.push(match choice {
        Choice::Include => "include = true".to_owned(),
        Choice::Exclude { reason } => format!("exclude = {reason:?}"),
    });
    parts.join(", ")
}

/// The nearest of what there is, if it is near.
pub(super) fn near(wrong: &str, known: impl Iterator<Item = impl AsRef<str>>) -> Option<String> {
    let distance = |it: &str| strsim::damerau_levenshtein(wrong, it);
    let known = known.map(|it| (distance(it.as_ref()), it.as_ref().to_owned()));
    known.filter(|(distance, it)| *distance <= 2.max(it.len() / 3)).min().map(|(_, it)| it)
}
