//! Relations between packages (Debian Policy §7.1).

use gabion_dpkg::Version;
use std::cmp::Ordering;
use std::fmt;

/// How a version must compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// A package, and which versions of it.
#[derive(Debug, Clone, Copy)]
pub struct Relation<'a> {
    /// The package, real or virtual. A qualifier (`:any`) does not matter within one architecture.
    pub name: &'a str,
    /// Which versions; all of them without one.
    pub version: Option<(Operator, Version<'a>)>,
}

impl Relation<'_> {
    /// Whether `version` is one of those that are meant.
    pub fn takes(&self, version: Version<'_>) -> bool {
        let Some((operator, wanted)) = self.version else { return true };
        let order = version.cmp(&wanted);
        match operator {
            Operator::Earlier => order == Ordering::Less,
            Operator::EarlierOrEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::LaterOrEqual => order != Ordering::Less,
            Operator::Later => order == Ordering::Greater,
        }
    }
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let Some((operator, version)) = self.version else { return Ok(()) };
        let sign = match operator {
            Operator::Earlier => "<<",
            Operator::EarlierOrEqual => "<=",
            Operator::Equal => "=",
            Operator::LaterOrEqual => ">=",
            Operator::Later => ">>",
        };
        write!(f, " ({sign} {})", version.as_str())
    }
}

/// The groups of a relation field; each group is satisfied by one of its alternatives.
///
/// `Err` gives the part that cannot be read.
pub fn relations(text: &str) -> Result<Vec<Vec<Relation<'_>>>, &str> {
    let groups = text.split(',').map(str::trim).filter(|group| !group.is_empty());
    groups.map(|group| group.split('|').map(relation).collect()).collect()
}

fn relation(text: &str) -> Result<Relation<'_>, &str> {
    let text = text.trim();
    let (name, rest) = match text.find(|it: char| it == '(' || it.is_whitespace()) {
        Some(at) => (&text[..at], text[at..].trim()),
        None => (text, ""),
    };
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    if !crate::package::is_package_name(name) {
        return Err(text);
    }
    if rest.is_empty() {
        return Ok(Relation { name, version: None });
    }
    let inside = rest.strip_prefix('(').and_then(|it| it.strip_suffix(')')).ok_or(text)?.trim();
    let at = inside.find(|it| !matches!(it, '<' | '=' | '>')).ok_or(text)?;
    let operator = match &inside[..at] {
        "<<" => Operator::Earlier,
        // `<` and `>` are the historic spellings of `<=` and `>=`.
        "<=" | "<" => Operator::EarlierOrEqual,
        "=" => Operator::Equal,
        ">=" | ">" => Operator::LaterOrEqual,
        ">>" => Operator::Later,
        _ => return Err(text),
    };
    let version = Version::parse(inside[at..].trim()).ok_or(text)?;
    Ok(Relation { name, version: Some((operator, version)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let groups = relations(text).unwrap();
        let group =
            |it: &Vec<Relation<'_>>| it.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        groups.iter().map(group).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn relations_are_read_as_dpkg_writes_them() {
        assert_eq!(
            shown("libc6 (>= 2.34), python3:any,\n aa | bb(<<1.0-2~)"),
            "libc6 (>= 2.34), python3, aa | bb (<< 1.0-2~)"
        );
    }

    #[test]
    fn what_is_no_relation_is_given_back() {
        assert_eq!(relations("libc6 (>= )").unwrap_err(), "libc6 (>= )");
        assert_eq!(relations("libc6 (~ 1)").unwrap_err(), "libc6 (~ 1)");
        assert_eq!(relations("libc6, Foo").unwrap_err(), "Foo");
    }
}
