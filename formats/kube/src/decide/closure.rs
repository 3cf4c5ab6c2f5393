//! The images of a bundle, and why each is one.

use crate::discover::Candidate;
use crate::id::ObjectId;
use crate::path::Path;
use crate::rules::Class;
use gabion_oci::Reference;
use std::collections::BTreeMap;
use std::fmt;

/// What made an image one, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// Its place is one of images.
    Place,
    /// A rule.
    Rule {
        /// Its file.
        from: String,
        /// Its line.
        line: usize,
    },
    /// A decision of the recipe.
    Decision {
        /// Its number, from 0.
        number: usize,
    },
    /// It was named besides, and where.
    Extra {
        /// By what.
        from: String,
    },
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place => f.write_str("its place"),
            Self::Rule { from, line } => write!(f, "{from}:{line}"),
            Self::Decision { number } => write!(f, "decision {}", number + 1),
            Self::Extra { from } => f.write_str(from),
        }
    }
}

/// Why an image is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The document that names it; none if it was named besides.
    pub object: Option<ObjectId>,
    /// What the document is from.
    pub from: String,
    /// Where it is named.
    pub path: Path,
    /// Its place in the text.
    pub at: Option<std::ops::Range<u32>>,
    /// What the place tells.
    pub class: Option<Class>,
    /// What decided.
    pub because: Because,
}

impl Why {
    pub(super) fn of(candidate: &Candidate, because: Because) -> Self {
        Self {
            object: Some(candidate.object.clone()),
            from: candidate.from.clone(),
            path: candidate.path.clone(),
            at: candidate.at.clone(),
            class: Some(candidate.class),
            because,
        }
    }

    pub(super) fn extra(from: &str) -> Self {
        let because = Because::Extra { from: from.to_owned() };
        Self { object: None, from: from.to_owned(), path: Path::default(), at: None, class: None, because }
    }
}

/// A text that looks like an image and is not needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The document.
    pub object: ObjectId,
    /// What the document is from.
    pub from: String,
    /// Where it stands.
    pub path: Path,
    /// What its place tells.
    pub class: Class,
    /// As it was written.
    pub text: String,
    /// Why it is not needed.
    pub reason: String,
    /// What decided.
    pub because: Because,
}

impl Ignored {
    pub(super) fn of(candidate: &Candidate, reason: String, because: Because) -> Self {
        Self {
            object: candidate.object.clone(),
            from: candidate.from.clone(),
            path: candidate.path.clone(),
            class: candidate.class,
            text: candidate.text.clone(),
            reason,
            because,
        }
    }
}

/// The images that a bundle must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closure {
    /// Each image, and everything that asks for it, in the order of documents.
    pub images: BTreeMap<Reference, Vec<Why>>,
    /// What looks like an image and is none, or is not needed.
    pub ignored: Vec<Ignored>,
}

impl Closure {
    pub(super) fn add(&mut self, reference: &Reference, why: Why) {
        self.images.entry(reference.clone()).or_default().push(why);
    }

    /// How often each reason to ignore something was given.
    pub fn reasons(&self) -> BTreeMap<&str, usize> {
        let mut out = BTreeMap::new();
        for ignored in &self.ignored {
            *out.entry(ignored.reason.as_str()).or_default() += 1;
        }
        out
    }

    /// Puts the images of another set into this one.
    pub fn merge(&mut self, other: Self) {
        for (reference, whys) in other.images {
            self.images.entry(reference).or_default().extend(whys);
        }
        self.ignored.extend(other.ignored);
    }
}
