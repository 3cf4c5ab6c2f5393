//! Constraints on versions as Helm reads them (Masterminds/semver 3, `constraints.go`).

use super::version::{Version, is_prerelease, prereleases, whole};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The longest constraint that Helm reads, in bytes, and the most alternatives in it.
const LONGEST: usize = 512;
const ALTERNATIVES: usize = 32;
/// The longest version in a constraint, in bytes.
const LONGEST_VERSION: usize = 256;

/// What a version must satisfy: `>=1.2, <2 || 3.x`.
///
/// A version before a release fits only where an alternative names one itself (`>=1.2-0`).
#[derive(Debug, Clone)]
pub struct Constraint {
    text: String,
    alternatives: Vec<Vec<Bound>>,
}

/// Why a text is no constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no constraint on versions")]
pub struct ConstraintError {
    /// The text.
    pub text: String,
}

impl ConstraintError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "E0802"
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(
            "write a version, or a range as Helm reads it: `^1.2`, `~1.2.3`, `>=1.2, <2`, `1.2 - 1.4 || 2.x`"
                .to_owned(),
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    /// `=`, or nothing.
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// How many numbers of a bound are given; the rest is a wildcard or missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    None,
    Major,
    Minor,
    All,
}

/// One comparison.
#[derive(Debug, Clone)]
struct Bound {
    operator: Operator,
    version: Version,
    given: Given,
}

impl Constraint {
    /// Every release: what an empty constraint means in `Chart.yaml` and on Helm's command line.
    pub fn any() -> Self {
        let version = Version::from_parts("*", [0; 3], "");
        let bound = Bound { operator: Operator::Equal, version, given: Given::None };
        Self { text: "*".to_owned(), alternatives: vec![vec![bound]] }
    }

    /// Whether `version` fits.
    pub fn allows(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|bounds| {
            let before_releases = bounds.iter().any(|bound| !bound.version.prerelease().is_empty());
            (before_releases || version.prerelease().is_empty()) && bounds.iter().all(|it| it.allows(version))
        })
    }

    /// The version, where the constraint is nothing but one whole version: `1.2.3`, neither `1.2` nor `=1.2.3`.
    pub fn exact(&self) -> Option<&Version> {
        match self.alternatives.as_slice() {
            [bounds] => match bounds.as_slice() {
                [Bound { operator: Operator::Equal, version, given: Given::All }] => {
                    Some(version).filter(|it| it.as_str() == self.text.trim_matches(is_space))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        let wrong = || ConstraintError { text: text.to_owned() };
        if text.len() > LONGEST {
            return Err(wrong());
        }
        let plain = without_ranges(text);
        let alternatives: Option<Vec<_>> = plain.split("||").map(bounds).collect();
        let alternatives = alternatives.filter(|it| it.len() <= ALTERNATIVES).ok_or_else(wrong)?;
        Ok(Self { text: text.to_owned(), alternatives })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Constraint {}

fn is_space(it: char) -> bool {
    matches!(it, ' ' | '\t' | '\n' | '\x0c' | '\r')
}

/// Writes each `1.2 - 1.4` as `>= 1.2, <= 1.4`.
///
/// Helm does so in the text, before anything else is read, and takes the blanks around along; a range
/// behind a blank (`>1 2 - 3`) is wrong for that reason, and is wrong here too.
fn without_ranges(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some((low, high, after)) = range(rest) {
            out.extend([">= ", low, ", <= ", high, " "]);
            rest = after;
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

/// A range in front of `text`: its two versions and what comes after it.
fn range(text: &str) -> Option<(&str, &str, &str)> {
    let (low, rest) = operand(text.trim_start_matches(is_space))?;
    let dash = rest.trim_start_matches(is_space).strip_prefix('-').filter(|_| rest.starts_with(is_space))?;
    let (high, rest) = operand(dash.trim_start_matches(is_space)).filter(|_| dash.starts_with(is_space))?;
    Some((low, high, rest.trim_start_matches(is_space)))
}

/// The comparisons of one alternative; all must hold. They stand behind each other, or behind commas.
fn bounds(text: &str) -> Option<Vec<Bound>> {
    let mut out = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    loop {
        let (operator, behind) = operator(rest);
        let (version, after) = operand(behind.trim_start_matches(is_space))?;
        out.push(Bound::new(operator, version)?);
        let next = after.trim_start_matches(is_space);
        rest = match next.strip_prefix(',') {
            Some(next) => next.trim_start_matches(is_space),
            None if next.is_empty() => return Some(out),
            None if next.len() == after.len() => return None,
            None => next,
        };
    }
}

fn operator(text: &str) -> (Operator, &str) {
    const OPERATORS: [(&str, Operator); 11] = [
        ("!=", Operator::NotEqual),
        (">=", Operator::GreaterEqual),
        ("=>", Operator::GreaterEqual),
        ("<=", Operator::LessEqual),
        ("=<", Operator::LessEqual),
        ("~>", Operator::Tilde),
        ("=", Operator::Equal),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("~", Operator::Tilde),
        ("^", Operator::Caret),
    ];
    let found = OPERATORS.iter().find_map(|(sign, it)| Some((*it, text.strip_prefix(sign)?)));
    found.unwrap_or((Operator::Equal, text))
}

/// What looks like a version in front of `text`, and what comes after it.
fn operand(text: &str) -> Option<(&str, &str)> {
    // `|` is no part of a version, but Helm reads it as one before it looks closer.
    let number =
        |text: &str| text.find(|it: char| !it.is_ascii_digit() && !"xX*|".contains(it)).unwrap_or(text.len());
    let mut end = usize::from(text.starts_with('v'));
    let first = number(&text[end..]);
    end += first;
    for _ in 0..2 {
        let next = text[end..].strip_prefix('.').map_or(0, number);
        end += if next > 0 { next + 1 } else { 0 };
    }
    for mark in ['-', '+'] {
        let next = text[end..].strip_prefix(mark).map_or(0, identifiers);
        end += if next > 0 { next + 1 } else { 0 };
    }
    (first > 0).then(|| text.split_at(end))
}

/// Length of the identifiers, divided by dots, in front of `text`.
fn identifiers(text: &str) -> usize {
    let identifier =
        |text: &str| text.find(|it: char| !it.is_ascii_alphanumeric() && it != '-').unwrap_or(text.len());
    let mut end = identifier(text);
    while end > 0 {
        match text[end..].strip_prefix('.').map_or(0, identifier) {
            0 => break,
            next => end += next + 1,
        }
    }
    end
}

impl Bound {
    fn new(operator: Operator, text: &str) -> Option<Self> {
        let plain = text.strip_prefix('v').unwrap_or(text);
        let plain = plain.split_once('+').map_or(plain, |(plain, _)| plain);
        let (plain, pre) = plain.split_once('-').unwrap_or((plain, ""));
        let mut numbers = [0; 3];
        let mut given = 0;
        for number in plain.split('.').take_while(|it| !matches!(*it, "x" | "X" | "*")) {
            numbers[given] = whole(number)?;
            given += 1;
        }
        let given = [Given::None, Given::Major, Given::Minor, Given::All][given];
        let length = if given == Given::All {
            text.len()
        } else {
            Version::from_parts("", numbers, pre).normal().len()
        };
        let fine = (pre.is_empty() || is_prerelease(pre)) && length <= LONGEST_VERSION;
        fine.then(|| Self { operator, version: Version::from_parts(text, numbers, pre), given })
    }

    /// Whether `version` fits, where versions before a release are looked at.
    fn allows(&self, version: &Version) -> bool {
        let order = version.cmp(&self.version);
        match self.operator {
            Operator::Equal if self.given == Given::All => order == Ordering::Equal,
            Operator::Equal | Operator::Tilde => order != Ordering::Less && self.tilde(version),
            Operator::NotEqual => self.differs(version),
            Operator::Greater => self.greater(version),
            Operator::Less => order == Ordering::Less,
            Operator::GreaterEqual => order != Ordering::Less,
            Operator::LessEqual => self.less_equal(version),
            Operator::Caret => order != Ordering::Less && self.caret(version),
        }
    }

    /// Below the next number: `~1.2.3` is below 1.3, `~1` below 2, and `~0.0.0` is everything.
    fn tilde(&self, version: &Version) -> bool {
        let ([major, minor, _], [own_major, own_minor, _]) = (version.numbers(), self.version.numbers());
        match self.given {
            Given::None => true,
            Given::All if self.version.numbers() == [0; 3] => true,
            Given::Major => major == own_major,
            Given::Minor | Given::All => (major, minor) == (own_major, own_minor),
        }
    }

    /// Below the next number that breaks: `^1.2` is below 2, `^0.2` below 0.3, `^0.0.3` is 0.0.3.
    fn caret(&self, version: &Version) -> bool {
        let ([major, minor, patch], own) = (version.numbers(), self.version.numbers());
        match (own, self.given) {
            ([0, 0, _], Given::All | Given::None) => [major, minor, patch] == own,
            ([0, ..], Given::All | Given::Minor) => (major, minor) == (0, own[1]),
            _ => major == own[0],
        }
    }

    fn greater(&self, version: &Version) -> bool {
        let ([major, minor, _], [own_major, own_minor, _]) = (version.numbers(), self.version.numbers());
        match self.given {
            Given::Major => major > own_major,
            Given::Minor => (major, minor) > (own_major, own_minor),
            Given::None | Given::All => version > &self.version,
        }
    }

    fn less_equal(&self, version: &Version) -> bool {
        let ([major, minor, _], [own_major, own_minor, _]) = (version.numbers(), self.version.numbers());
        match self.given {
            Given::Major => major <= own_major,
            Given::None | Given::Minor => (major, minor) <= (own_major, own_minor),
            Given::All => version <= &self.version,
        }
    }

    fn differs(&self, version: &Version) -> bool {
        let ([major, minor, _], [own_major, own_minor, _]) = (version.numbers(), self.version.numbers());
        match self.given {
            Given::Major => major != own_major,
            Given::Minor => {
                (major, minor) != (own_major, own_minor)
                    || prereleases(version.prerelease(), self.version.prerelease()) != Ordering::Equal
            }
            Given::None | Given::All => version != &self.version,
        }
    }
}
