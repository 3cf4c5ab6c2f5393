//! Places within a document, as people write and read them.
//!
//! `spec.template.spec.containers[operator].env[KAFKA_IMAGES].value`: an item of a list is called by its name
//! where it has one (the `name` of a mapping, the flag of an argument), so that a path stays the same when
//! items are added; otherwise by its number. ` > ` leads into a document that is written in a string.

use std::borrow::Cow;
use std::fmt;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step<'a> {
    /// The value of a key.
    Key(Cow<'a, str>),
    /// An item of a list.
    Item {
        /// Its number, from 0.
        index: usize,
        /// What it is called, where it has a name of its own.
        label: Option<Cow<'a, str>>,
    },
    /// A document in the text of a string, by its number in that text.
    Inside(usize),
}

impl Step<'_> {
    fn into_owned(self) -> Step<'static> {
        match self {
            Self::Key(key) => Step::Key(Cow::Owned(key.into_owned())),
            Self::Item { index, label } => {
                Step::Item { index, label: label.map(|label| Cow::Owned(label.into_owned())) }
            }
            Self::Inside(number) => Step::Inside(number),
        }
    }
}

/// Where a value stands, from the root of its document.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Step<'static>>);

impl Path {
    /// The steps, from the root.
    pub fn steps(&self) -> &[Step<'static>] {
        &self.0
    }

    /// The path of a key below this one.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(Cow::Borrowed(key)))
    }

    /// The path of an item below this one.
    #[must_use]
    pub fn item(&self, index: usize, label: Option<&str>) -> Self {
        self.then(Step::Item { index, label: label.map(Cow::Borrowed) })
    }

    fn then(&self, step: Step<'_>) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.into_owned());
        Self(steps)
    }
}

impl From<&[Step<'_>]> for Path {
    fn from(steps: &[Step<'_>]) -> Self {
        Self(steps.iter().cloned().map(Step::into_owned).collect())
    }
}

/// A key in brackets and quotes; only what would end the quotes or the line is escaped.
fn quoted(key: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("[\"")?;
    for it in key.chars() {
        match it {
            '"' | '\\' => write!(f, "\\{it}")?,
            '\n' => f.write_str("\\n")?,
            _ => write!(f, "{it}")?,
        }
    }
    f.write_str("\"]")
}

/// Whether a key needs no quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'/'))
}

/// Whether a label can stand in brackets and is no number.
fn is_label(text: &str) -> bool {
    let fits = |it: char| it.is_ascii_graphic() && !matches!(it, '[' | ']' | '"' | '\\' | '*');
    text.chars().all(fits) && text.bytes().any(|it| !it.is_ascii_digit())
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for step in &self.0 {
            match step {
                Step::Key(key) if is_plain(key) => write!(f, "{}{key}", if first { "" } else { "." })?,
                Step::Key(key) => quoted(key, f)?,
                Step::Item { label: Some(label), .. } if is_label(label) => write!(f, "[{label}]")?,
                Step::Item { index, .. } => write!(f, "[{index}]")?,
                Step::Inside(0) => f.write_str(" > ")?,
                Step::Inside(number) => write!(f, " >{number} ")?,
            }
            first = matches!(step, Step::Inside(_));
        }
        Ok(())
    }
}

impl serde::Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
