//! Versions as Helm reads them (Masterminds/semver 3, `version.go`; <https://semver.org> §9 to §11).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The longest version that Helm reads, in bytes.
const LONGEST: usize = 256;

/// A version, spelled as it was written and ordered as Helm orders it.
///
/// `v1.2` and `1.2.0+build` are equal: a leading `v`, missing numbers and build metadata do not count.
#[derive(Debug, Clone)]
pub struct Version {
    text: String,
    numbers: [u64; 3],
    pre: String,
    build: String,
}

/// Why a text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no version")]
pub struct VersionError {
    /// The text.
    pub text: String,
}

impl VersionError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "E0801"
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some("a version is `1.2.3`, with `-rc.1` behind it for what comes before a release".to_owned())
    }
}

impl Version {
    /// The three numbers: major, minor, patch.
    pub fn numbers(&self) -> [u64; 3] {
        self.numbers
    }

    /// What stands between `-` and `+`, empty for a release.
    pub fn prerelease(&self) -> &str {
        &self.pre
    }

    /// What stands behind `+`, empty if nothing does.
    pub fn build(&self) -> &str {
        &self.build
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The spelling of <https://semver.org>: three numbers, no `v`, no zeros in front.
    pub fn normal(&self) -> String {
        let [major, minor, patch] = self.numbers;
        let behind =
            |mark: char, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
        format!("{major}.{minor}.{patch}{}{}", behind('-', &self.pre), behind('+', &self.build))
    }

    /// Whether it is written as <https://semver.org> wants it; Helm takes no other tag of a registry.
    pub fn is_strict(&self) -> bool {
        self.normal() == self.text
    }

    /// A version from its parts, for what a constraint is made of.
    pub(super) fn from_parts(text: &str, numbers: [u64; 3], pre: &str) -> Self {
        Self { text: text.to_owned(), numbers, pre: pre.to_owned(), build: String::new() }
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        read(text).ok_or_else(|| VersionError { text: text.to_owned() })
    }
}

fn read(text: &str) -> Option<Version> {
    if text.len() > LONGEST {
        return None;
    }
    let rest = text.strip_prefix('v').unwrap_or(text);
    let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
    let (rest, pre) = rest.split_once('-').map_or((rest, None), |(rest, pre)| (rest, Some(pre)));
    let mut numbers = [0; 3];
    let mut given = rest.split('.');
    for (place, number) in numbers.iter_mut().zip(&mut given) {
        *place = whole(number)?;
    }
    let fine = given.next().is_none() && pre.is_none_or(is_prerelease) && build.is_none_or(is_identifiers);
    let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
    fine.then(|| Version { text: text.to_owned(), numbers, pre: part(pre), build: part(build) })
}

/// A number of a version; Helm takes zeros in front.
pub(super) fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|it| it.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Whether the parts between dots are what may stand behind `-`.
pub(super) fn is_prerelease(text: &str) -> bool {
    let number = |part: &str| part.bytes().all(|it| it.is_ascii_digit());
    is_identifiers(text)
        && !text.split('.').any(|part| part.len() > 1 && part.starts_with('0') && number(part))
}

fn is_identifiers(text: &str) -> bool {
    let identifier =
        |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    text.split('.').all(identifier)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let release = |version: &Self| version.pre.is_empty();
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| release(self).cmp(&release(other)))
            .then_with(|| prereleases(&self.pre, &other.pre))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// Compares part by part (<https://semver.org> §11.4); fewer parts come first.
pub(super) fn prereleases(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => parts(a, b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Numbers by value and before words. A number beyond 64 bits is a word, as it is to Helm.
fn parts(left: &str, right: &str) -> Ordering {
    match (whole(left), whole(right)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_keeps_the_spelling_that_it_came_with() {
        for (text, normal) in [("v1.2", "1.2.0"), ("01.2.3", "1.2.3"), ("1.2.3-rc.1+b", "1.2.3-rc.1+b")] {
            let version: Version = text.parse().unwrap();
            assert_eq!((version.as_str(), version.normal().as_str()), (text, normal));
            assert_eq!(version.is_strict(), text == normal);
            assert_eq!(version, normal.parse().unwrap());
        }
    }

    #[test]
    fn what_is_no_version_names_itself() {
        for text in ["", "latest", "1.2.3.4", "../../x", "1.2.3/..", "1.2.3\n", "1.2.3-01", "1.2.3-é"] {
            let error = text.parse::<Version>().unwrap_err();
            assert_eq!((error.text.as_str(), error.code()), (text, "E0801"));
        }
    }
}
