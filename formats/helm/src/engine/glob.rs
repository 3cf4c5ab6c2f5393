//! Patterns of `.Files.Glob`: those of gobwas/glob with `/` as the separator.
//!
//! `*` and `?` stand for no slash, `**` for anything, `[abc]`, `[!a-z]` for one character, `{a,b}` for either.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Char(char),
    /// `?`
    Single,
    /// `*`
    Any,
    /// `**`
    Super,
    Set {
        set: Set,
        not: bool,
    },
    /// `{…,…}`
    OneOf(Vec<Vec<Part>>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Set {
    Chars(Vec<char>),
    Range(char, char),
}

impl Glob {
    /// Reads a pattern; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let chars: Vec<char> = text.chars().collect();
        let mut rest = chars.as_slice();
        Some(Self(parts(&mut rest, 0)?))
    }

    /// Any path at all, which Helm takes in place of what is no pattern.
    pub(super) fn everything() -> Self {
        Self(vec![Part::Super])
    }

    /// Whether a path has its shape.
    pub(super) fn fits(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        ends(&self.0, &path, &[0]).contains(&path.len())
    }
}

/// `{` in `{`, as deep as anybody writes them.
const DEEPEST: u32 = 64;

fn parts(rest: &mut &[char], depth: u32) -> Option<Vec<Part>> {
    let mut out = Vec::new();
    while let [first, more @ ..] = *rest {
        if depth > 0 && matches!(first, ',' | '}') {
            break;
        }
        *rest = more;
        out.push(match (first, more) {
            ('*', ['*', more @ ..]) => {
                *rest = more;
                Part::Super
            }
            ('*', _) => Part::Any,
            ('?', _) => Part::Single,
            ('[', _) => set(rest)?,
            ('{', _) if depth < DEEPEST => Part::OneOf(choices(rest, depth + 1)?),
            ('{', _) => return None,
            ('\\', [it, more @ ..]) => {
                *rest = more;
                Part::Char(*it)
            }
            ('\\', []) => break,
            (it, _) => Part::Char(*it),
        });
    }
    Some(out)
}

/// What stands in `{…}`. The end of the pattern closes it too.
fn choices(rest: &mut &[char], depth: u32) -> Option<Vec<Vec<Part>>> {
    let mut out = Vec::new();
    loop {
        out.push(parts(rest, depth)?);
        let [end, more @ ..] = *rest else { return Some(out) };
        *rest = more;
        if *end == '}' {
            return Some(out);
        }
    }
}

/// What stands in `[…]`: characters, or one range.
fn set(rest: &mut &[char]) -> Option<Part> {
    let (body, not) = match *rest {
        ['!', body @ ..] => (body, true),
        body => (body, false),
    };
    if let [low, '-', high, ']', more @ ..] = body {
        *rest = more;
        return (low <= high).then_some(Part::Set { set: Set::Range(*low, *high), not });
    }
    if body.get(1) == Some(&'-') {
        return None;
    }
    let (mut chars, mut at) = (Vec::new(), body);
    loop {
        match at {
            [']', more @ ..] => {
                *rest = more;
                return (!chars.is_empty()).then_some(Part::Set { set: Set::Chars(chars), not });
            }
            ['\\', it, more @ ..] | [it, more @ ..] => {
                chars.push(*it);
                at = more;
            }
            [] => return None,
        }
    }
}

/// Where a part may end if it begins at one of `starts`. All ways are gone at once, so no pattern takes longer than its
/// length times that of the path.
fn ends(parts: &[Part], path: &[char], starts: &[usize]) -> Vec<usize> {
    let mut at = starts.to_vec();
    for part in parts {
        let mut next = match part {
            Part::Any | Part::Super => run(path, &at, *part == Part::Super),
            Part::OneOf(choices) => choices.iter().flat_map(|it| ends(it, path, &at)).collect(),
            one => {
                let step = |it: &usize| path.get(*it).is_some_and(|char| one.is(*char)).then_some(it + 1);
                at.iter().filter_map(step).collect()
            }
        };
        next.sort_unstable();
        next.dedup();
        at = next;
    }
    at
}

/// All places from each start on, up to a slash unless `over`.
fn run(path: &[char], starts: &[usize], over: bool) -> Vec<usize> {
    let mut out = Vec::new();
    for start in starts {
        if out.last().is_some_and(|last| last >= start) {
            continue;
        }
        let stop = path[*start..].iter().position(|it| *it == '/').filter(|_| !over);
        out.extend(*start..=stop.map_or(path.len(), |it| start + it));
    }
    out
}

impl Part {
    /// Whether it stands for this one character.
    fn is(&self, it: char) -> bool {
        match self {
            Self::Char(char) => *char == it,
            Self::Single => it != '/',
            Self::Set { set: Set::Chars(chars), not } => chars.contains(&it) != *not,
            Self::Set { set: Set::Range(low, high), not } => (*low..=*high).contains(&it) != *not,
            Self::Any | Self::Super | Self::OneOf(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, fits: &[&str], not: &[&str]) {
        let glob = Glob::parse(pattern).unwrap();
        for path in fits.iter().chain(not) {
            assert_eq!(glob.fits(path), fits.contains(path), "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_stand_for_what_gobwas_takes_them_for() {
        check("files/*", &["files/a", "files/"], &["files/a/b", "files"]);
        check("files/**", &["files/a", "files/a/b"], &["files"]);
        check("**.yaml", &["a.yaml", "a/b.yaml"], &["a.yml"]);
        check("*.{yaml,yml}", &["a.yaml", "b.yml"], &["a/b.yml", "c.json"]);
        check("{a,b{c,d}}/?", &["a/x", "bc/x", "bd/é"], &["b/x", "a/xx", "a//"]);
        check("[a-c][!x]z", &["abz", "c/z"], &["axz", "dbz"]);
        check("[abc]\\*", &["a*"], &["ab"]);
        check("a,b}", &["a,b}"], &["a"]);
        check("{a,b", &["a", "b"], &["{a"]);
    }

    #[test]
    fn what_is_no_pattern_is_none() {
        for text in ["[", "[]", "[b-a]", "[a", "[a-"] {
            assert_eq!(Glob::parse(text), None, "{text}");
        }
        assert!(Glob::everything().fits("a/b"));
    }

    #[test]
    fn many_stars_take_no_longer_than_they_are_long() {
        let glob = Glob::parse(&"*a".repeat(2000)).unwrap();
        assert!(!glob.fits(&"a".repeat(1999)));
        assert!(glob.fits(&"a".repeat(2000)));
    }
}
