//! What can be wrong with the text of a lock, and where.

use crate::ValueError;
use std::ops::Range;

/// A place in the text of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The bytes of the text that are meant; they lie in one line.
    pub span: Range<usize>,
}

impl Place {
    /// Finds line and column of `span` in `text`; a span outside the text is cut to it.
    pub(crate) fn of(text: &str, span: Range<usize>) -> Self {
        let floor =
            |at: usize| (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let (start, end) = (floor(span.start), floor(span.end));
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            span: start..end.max(start),
        }
    }
}

/// One thing that is wrong with a lock, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}", .place.line, .place.column)]
pub struct LockError {
    /// Where.
    pub place: Box<Place>,
    /// What.
    #[source]
    pub problem: Box<Problem>,
}

impl std::ops::Deref for LockError {
    type Target = Problem;

    fn deref(&self) -> &Problem {
        &self.problem
    }
}

impl LockError {
    /// The stable code of the problem.
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        self.problem.help()
    }

    /// Whether the text holds conflict markers of a merge, so that it can be read as a merge.
    pub fn is_conflict(&self) -> bool {
        matches!(*self.problem, Problem::Conflict)
    }
}

/// What is wrong with a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is longer than any lock.
    #[error("the lock is longer than {} MiB", .limit >> 20)]
    TooLong {
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// A later Gabion wrote it.
    #[error("the lock has version {found}, and this Gabion reads version {known}")]
    Newer {
        /// The version it states.
        found: String,
        /// The newest version that this crate reads.
        known: u32,
    },
    /// A merge left its markers.
    #[error("the lock holds the markers of an unfinished merge")]
    Conflict,
    /// The text is not in the language of locks.
    #[error("expected {expected}")]
    Syntax {
        /// What may stand here.
        expected: &'static str,
    },
    /// No field or table has this name.
    #[error("unknown field `{name}`")]
    Unknown {
        /// The name.
        name: String,
        /// The nearest name that there is.
        near: Option<&'static str>,
    },
    /// The field is one of another kind of entry.
    #[error("an entry of kind `{kind}` has no field `{name}`")]
    NotOfKind {
        /// The name of the field.
        name: &'static str,
        /// The kind of the entry.
        kind: &'static str,
    },
    /// A field that every such entry has.
    #[error("field `{name}` is missing")]
    Missing {
        /// The name of the field.
        name: &'static str,
    },
    /// A name that may occur once.
    #[error("`{name}` occurs twice")]
    Twice {
        /// The field, the list item, the package or the id.
        name: String,
    },
    /// The value of a field is not what the field holds.
    #[error("the value of `{name}` is wrong")]
    Value {
        /// The name of the field.
        name: &'static str,
        /// Why.
        #[source]
        source: ValueError,
    },
    /// A line that is readable, but not where or how `gabion lock` writes it.
    #[error("this line is not as `gabion lock` writes it")]
    NotCanonical {
        /// The line that belongs here.
        want: String,
    },
    /// The markers of a merge do not fit together.
    #[error("the markers of the merge do not fit together: expected {expected}")]
    Markers {
        /// What was to come.
        expected: &'static str,
    },
}

impl Problem {
    /// The stable code of this problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "E0201",
            Self::Newer { .. } => "E0202",
            Self::Conflict => "E0203",
            Self::Syntax { .. } => "E0204",
            Self::Unknown { .. } => "E0205",
            Self::Missing { .. } => "E0206",
            Self::Twice { .. } => "E0207",
            Self::Value { source, .. } => source.code(),
            Self::NotOfKind { .. } => "E0209",
            Self::NotCanonical { .. } => "E0210",
            Self::Markers { .. } => "E0211",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::TooLong { .. } => "check that this is a lock and not another file".into(),
            Self::Newer { .. } => "update Gabion; an older one cannot know what the newer fields mean".into(),
            Self::Conflict => {
                "run `gabion lock`: it keeps what both sides agree about and resolves the rest".into()
            }
            Self::Syntax { .. } | Self::Missing { .. } | Self::Twice { .. } => {
                "restore the file from version control, or delete it and run `gabion lock`".into()
            }
            Self::Unknown { near: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::Unknown { near: None, .. } | Self::NotOfKind { .. } => {
                "remove the line, or update Gabion if a newer one wrote it".into()
            }
            Self::Value { source, .. } => return source.help(),
            Self::NotCanonical { want } => format!("expected `{want}`; run `gabion lock` instead of editing"),
            Self::Markers { .. } => {
                "merge again, or restore one side of the file and run `gabion lock`".into()
            }
        })
    }
}

/// A problem whose place is not yet counted in lines.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) span: Range<usize>,
    pub(crate) problem: Box<Problem>,
}

impl Fault {
    pub(crate) fn new(span: Range<usize>, problem: Problem) -> Self {
        Self { span, problem: Box::new(problem) }
    }

    /// Finds the place in `text`.
    pub(crate) fn placed(self, text: &str) -> LockError {
        LockError { place: Box::new(Place::of(text, self.span)), problem: self.problem }
    }
}

/// The one of `names` that `name` was probably meant to be.
pub(crate) fn nearest(name: &str, names: &[&'static str]) -> Option<&'static str> {
    let near = names.iter().map(|&known| (distance(name, known), known)).min()?;
    (near.0 <= 1 + near.1.len() / 4).then_some(near.1)
}

/// How many letters to change, insert, drop or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let mut best = (rows[i][j] + usize::from(a[i] != b[j])).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters() {
        let text = "größe = 1\nö = 2\n";
        let at = text.find('2').unwrap();
        assert_eq!(Place::of(text, at..at + 1), Place { line: 2, column: 5, span: at..at + 1 });
        assert_eq!(Place::of(text, 999..1000).line, 3);
        // Byte 3 is inside `ö`.
        assert_eq!(Place::of(text, 3..4), Place { line: 1, column: 3, span: 2..4 });
        assert_eq!(Place::of("", 0..0), Place { line: 1, column: 1, span: 0..0 });
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let names = ["id", "request", "sha256", "size", "manifest"];
        let table = [
            ("sha265", Some("sha256")),
            ("manifst", Some("manifest")),
            ("blake3", None),
            ("sise", Some("size")),
        ];
        for (name, near) in table {
            assert_eq!(nearest(name, &names), near, "{name}");
        }
    }
}
