//! `.helmignore`: which files of a folder are no part of the chart (`pkg/ignore/rules.go`).
//!
//! It looks like `.gitignore` and is not: the first rule that says something counts, `!x` leaves out everything but `x`,
//! and there is no `**`. Patterns are those of Go's `path.Match`.

use std::collections::BTreeSet;

/// The rules of one file.
#[derive(Debug, Clone)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: Vec<char>,
    negated: bool,
    folders: bool,
    /// Whether the whole path is compared; else the name alone.
    whole: bool,
}

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{rule}` {why}")]
pub struct IgnoreError {
    /// The line, from 1.
    pub line: usize,
    /// The rule.
    pub rule: String,
    /// What is wrong.
    pub why: &'static str,
}

impl Ignore {
    /// Reads the rules, and adds that of Helm: nothing in `templates/` that begins with a dot.
    pub fn parse(text: &[u8]) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let text = String::from_utf8_lossy(text);
        let mut rules = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                let wrong = |why| IgnoreError { line: number + 1, rule: line.to_owned(), why };
                rules.push(Rule::parse(line).map_err(wrong)?);
            }
        }
        rules.extend(Rule::parse("templates/.?*"));
        Ok(Self { rules })
    }

    /// Whether the file at this path is left out, by itself or with a folder above it.
    pub fn leaves_out(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        folders.into_iter().any(|it| self.matches(it, true)) || self.matches(path, false)
    }

    fn matches(&self, path: &str, folder: bool) -> bool {
        for rule in &self.rules {
            let fits = (folder || !rule.folders) && rule.fits(path);
            if fits != rule.negated {
                return true;
            }
        }
        false
    }

    /// The paths of these that are no part of the chart.
    pub fn ignored<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> BTreeSet<&'p str> {
        paths.into_iter().filter(|it| self.leaves_out(it)).collect()
    }
}

impl Rule {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains("**") {
            return Err("has `**`, which means nothing here");
        }
        let (rest, negated) = text.strip_prefix('!').map_or((text, false), |it| (it, true));
        let (rest, folders) = rest.strip_suffix('/').map_or((rest, false), |it| (it, true));
        let (rest, whole) = match rest.strip_prefix('/') {
            Some(rest) => (rest, true),
            None => (rest, rest.contains('/')),
        };
        let pattern: Vec<char> = rest.chars().collect();
        check(&pattern)?;
        Ok(Self { pattern, negated, folders, whole })
    }

    fn fits(&self, path: &str) -> bool {
        let name = if self.whole { path } else { path.rsplit('/').next().unwrap_or(path) };
        let name: Vec<char> = name.chars().collect();
        fits(&self.pattern, &name)
    }
}

/// Whether every set of characters is closed.
fn check(pattern: &[char]) -> Result<(), &'static str> {
    let mut rest = pattern;
    while let [first, more @ ..] = rest {
        rest = match first {
            '[' => set(more, '\0').ok_or("has a set of characters that is not closed")?.1,
            '\\' => more.get(1..).ok_or("ends with a backslash")?,
            _ => more,
        };
    }
    Ok(())
}

/// What stands behind `[`: whether a character is in the set, and what follows it.
fn set(pattern: &[char], it: char) -> Option<(bool, &[char])> {
    let (mut rest, negated) = match pattern {
        ['^', rest @ ..] => (rest, true),
        _ => (pattern, false),
    };
    let (mut found, mut count) = (false, 0);
    loop {
        if let [']', rest @ ..] = rest
            && count > 0
        {
            return Some((found != negated, rest));
        }
        let (low, more) = member(rest)?;
        let (high, more) = match more {
            ['-', more @ ..] => member(more)?,
            _ => (low, more),
        };
        found |= (low..=high).contains(&it);
        (rest, count) = (more, count + 1);
    }
}

fn member(pattern: &[char]) -> Option<(char, &[char])> {
    let (it, rest) = match pattern {
        ['-' | ']', ..] | [] => return None,
        ['\\', it, rest @ ..] | [it, rest @ ..] => (*it, rest),
    };
    (!rest.is_empty()).then_some((it, rest))
}

/// Whether a name has the shape of a pattern; `*` and `?` stand for no slash, sets may (Go's `path.Match`).
fn fits(pattern: &[char], name: &[char]) -> bool {
    // The last `*`, and where it may take one more character: going back there is enough.
    let (mut rest, mut left, mut star) = (pattern, name, None);
    loop {
        let step = match (rest, left) {
            ([], []) => return true,
            (['*', more @ ..], _) => {
                star = Some((more, left));
                Some((more, left))
            }
            (['?', more @ ..], [it, after @ ..]) if *it != '/' => Some((more, after)),
            (['[', more @ ..], [it, after @ ..]) => match set(more, *it) {
                Some((true, more)) => Some((more, after)),
                _ => None,
            },
            (['\\', wanted, more @ ..], [it, after @ ..]) if wanted == it => Some((more, after)),
            ([wanted, more @ ..], [it, after @ ..]) if !matches!(wanted, '?' | '\\') && wanted == it => {
                Some((more, after))
            }
            _ => None,
        };
        (rest, left) = match (step, star) {
            (Some(next), _) => next,
            (None, Some((more, [it, after @ ..]))) if *it != '/' => {
                star = Some((more, after));
                (more, after)
            }
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rules: &str, kept: &[&str], left_out: &[&str]) {
        let ignore = Ignore::parse(rules.as_bytes()).unwrap();
        let all = kept.iter().chain(left_out).copied();
        assert_eq!(ignore.ignored(all), left_out.iter().copied().collect());
    }

    #[test]
    fn rules_are_those_of_helm_and_not_those_of_git() {
        check("*.txt\n", &["a.md"], &["a.txt", "templates/NOTES.txt"]);
        check("/a.txt", &["b/a.txt"], &["a.txt"]);
        check("docs/", &["docs"], &["docs/a", "x/docs/b"]);
        check("a/b", &["c/a/b"], &["a/b", "a/b/c"]);
        check("# a\n\n  b  \n", &["a"], &["b"]);
        // Not what git does: everything but `a` is left out, and what follows says nothing for the rest.
        check("!a", &["a"], &["b", "c/a"]);
        check("", &["templates/_a", ".x", "x/templates/.y"], &["templates/.x"]);
        check("[a-c]?.x\n[^z]", &["dd.x", "z"], &["bb.x", "y"]);
        check("a*b*c", &["ab/c", "acb"], &["abc", "axxbyyc"]);
        check("\\*", &["a"], &["*"]);
    }

    #[test]
    fn a_rule_that_helm_cannot_read_is_an_error() {
        for (rules, line) in [("a\n**/b", 2), ("[a", 1), ("[]a]", 1), ("a\\", 1), ("[a-]", 1)] {
            assert_eq!(Ignore::parse(rules.as_bytes()).unwrap_err().line, line, "{rules}");
        }
    }
}
