//! Patterns of paths: what a path looks like, with `*` in keys and names and `**` for any number of steps.
//!
//! | Written | Stands for |
//! |---|---|
//! | `spec.image` | that value and everything below it |
//! | `data.*`, `data["*.yaml"]` | any key; a key with a dot stands in quotes |
//! | `containers[*]`, `containers[grafana]`, `[0]` | any item, one of a name, one of a number |
//! | `**.image` | at any depth, also at the root |
//! | `env[X_*]`, `args[--image]`, `command[…]` | the same behind `**`: of any container |
//! | `data["a.yaml"] > spec` | within a document that is written in a string |

use crate::glob::Glob;
use crate::path::{Path, Step};
use std::fmt;
use std::str::FromStr;

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no pattern of paths: {why} at character {}", .at + 1)]
pub struct PatternError {
    /// The whole text.
    pub text: String,
    /// The place, in bytes.
    pub at: usize,
    /// What is wrong there.
    pub why: &'static str,
}

impl PatternError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "E1701"
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(
            "a path is written like `spec.containers[*].image`, `data[\"a.yaml\"]`, `env[X_*]` or `**.image`"
                .to_owned(),
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Key(Glob),
    Index(usize),
    Label(Glob),
    AnyDepth,
    Inside(usize),
}

impl Part {
    fn matches(&self, step: &Step<'_>) -> bool {
        match (self, step) {
            (Self::Key(glob), Step::Key(key)) => glob.matches(key),
            (Self::Index(wanted), Step::Item { index, .. }) | (Self::Inside(wanted), Step::Inside(index)) => {
                wanted == index
            }
            (Self::Label(glob), Step::Item { label, .. }) => {
                glob.as_str() == "*" || label.as_ref().is_some_and(|label| glob.matches(label))
            }
            _ => false,
        }
    }
}

/// What paths look like. See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

impl Pattern {
    /// Whether it names this place or one above it.
    pub fn covers(&self, path: &[Step<'_>]) -> bool {
        matches(&self.parts, path, false)
    }

    /// Whether it names this very place.
    pub fn is(&self, path: &[Step<'_>]) -> bool {
        matches(&self.parts, path, true)
    }

    /// Whether it names every place.
    pub(crate) fn is_any(&self) -> bool {
        self.parts == [Part::AnyDepth]
    }

    /// Whether it names the place of a path or one above it.
    pub fn covers_path(&self, path: &Path) -> bool {
        self.covers(path.steps())
    }
}

/// Where a part does not fit, only the last `**` before it takes one step more: an earlier one could not do better.
fn matches(parts: &[Part], steps: &[Step<'_>], whole: bool) -> bool {
    let (mut part, mut step) = (0, 0);
    let mut again = None;
    loop {
        match (parts.get(part), steps.get(step)) {
            (None, next) if !whole || next.is_none() => return true,
            (Some(Part::AnyDepth), _) => {
                again = Some((part + 1, step));
                part += 1;
                continue;
            }
            (Some(wanted), Some(next)) if wanted.matches(next) => {
                (part, step) = (part + 1, step + 1);
                continue;
            }
            _ => {}
        }
        let Some((behind, from)) = again.filter(|(_, from)| *from < steps.len()) else { return false };
        again = Some((behind, from + 1));
        (part, step) = (behind, from + 1);
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let mut reader = Reader { text, rest: text };
        let mut parts = Vec::new();
        if ["env[", "args[", "command["].iter().any(|short| text.starts_with(short)) {
            parts.push(Part::AnyDepth);
        }
        let mut first = true;
        while !reader.rest.is_empty() {
            let part = reader.part(first)?;
            first = matches!(part, Part::Inside(_));
            if part != Part::AnyDepth || parts.last() != Some(&Part::AnyDepth) {
                parts.push(part);
            }
        }
        if first {
            return Err(reader.wrong("a key is missing"));
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl Reader<'_> {
    fn wrong(&self, why: &'static str) -> PatternError {
        PatternError { text: self.text.to_owned(), at: self.text.len() - self.rest.len(), why }
    }

    fn part(&mut self, first: bool) -> Result<Part, PatternError> {
        if let Some(rest) = self.rest.strip_prefix(" >") {
            let (number, rest) =
                rest.split_once(' ').ok_or_else(|| self.wrong("` >` has no blank behind it"))?;
            let number = if number.is_empty() { Ok(0) } else { number.parse() };
            let number = number.map_err(|_| self.wrong("` >` has no number behind it"))?;
            self.rest = rest;
            return Ok(Part::Inside(number));
        }
        if let Some(rest) = self.rest.strip_prefix("[\"") {
            return self.quoted(rest.len());
        }
        if let Some(rest) = self.rest.strip_prefix('[') {
            let (label, rest) = rest.split_once(']').ok_or_else(|| self.wrong("`[` is not closed"))?;
            if label.is_empty() {
                return Err(self.wrong("`[]` is empty"));
            }
            self.rest = rest;
            return Ok(label.parse().map_or_else(|_| Part::Label(Glob::new(label)), Part::Index));
        }
        if !first {
            self.rest = self.rest.strip_prefix('.').ok_or_else(|| self.wrong("a dot is missing"))?;
        }
        let end = self.rest.find(['.', '[', ' ', '"', ']']).unwrap_or(self.rest.len());
        let (key, rest) = self.rest.split_at(end);
        if key.is_empty() {
            return Err(self.wrong("a key is missing"));
        }
        self.rest = rest;
        Ok(if key == "**" { Part::AnyDepth } else { Part::Key(Glob::new(key)) })
    }

    /// A key in quotes, whose text has `length` bytes at most.
    fn quoted(&mut self, length: usize) -> Result<Part, PatternError> {
        let inner = &self.rest[self.rest.len() - length..];
        let mut key = String::new();
        let mut chars = inner.char_indices();
        while let Some((at, it)) = chars.next() {
            match it {
                '"' => {
                    let rest = inner[at + 1..].strip_prefix(']');
                    self.rest = rest.ok_or_else(|| self.wrong("`]` is missing behind the quotes"))?;
                    return Ok(Part::Key(Glob::new(key)));
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => key.push('\n'),
                    Some((_, it)) => key.push(it),
                    None => break,
                },
                _ => key.push(it),
            }
        }
        Err(self.wrong("the quotes are not closed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path() -> Path {
        let path = Path::default().key("spec").key("containers").item(1, Some("operator"));
        path.key("env").item(3, Some("A_IMAGE")).key("value")
    }

    #[track_caller]
    fn covers(pattern: &str, path: &Path) -> bool {
        pattern.parse::<Pattern>().unwrap().covers_path(path)
    }

    #[test]
    fn a_pattern_covers_what_is_below_it() {
        for yes in [
            "spec",
            "spec.containers[*]",
            "spec.containers[oper*].env[A_IMAGE].value",
            "*.*[1].env",
            "**.value",
            "**",
            "spec.**.env[*]",
            "env[*_IMAGE]",
        ] {
            assert!(covers(yes, &path()), "{yes}");
        }
        for no in [
            "containers",
            "spec.containers[0]",
            "spec.containers.env",
            "env[B*]",
            "spec.**.values",
            "args[*]",
        ] {
            assert!(!covers(no, &path()), "{no}");
        }
        let env: Pattern = "spec.containers[*].env".parse().unwrap();
        assert!(env.is(&path().steps()[..4]) && !env.is(path().steps()));
    }

    #[test]
    fn a_pattern_of_many_depths_takes_no_time_of_their_product() {
        let path = (0..400).fold(Path::default(), |path, _| path.key("a"));
        assert!(!covers(&("**.a.".repeat(40) + "b"), &path));
        assert!(covers(&("**.a.".repeat(40) + "a"), &path));
    }

    #[test]
    fn a_key_with_a_dot_stands_in_quotes() {
        let path = Path::default().key("data").key("helper.yaml");
        assert_eq!(path.to_string(), r#"data["helper.yaml"]"#);
        assert!(covers(r#"data["*.yaml"]"#, &path) && covers("data.*", &path));
        assert!(!covers("data.helper", &path));
    }

    #[test]
    fn what_is_no_pattern_is_told_with_its_place() {
        for (text, at) in
            [("", 0), ("a..b", 2), ("a[", 1), ("a[]", 1), ("a[\"b", 1), ("a b", 1), ("a > ", 4), (".a", 0)]
        {
            assert_eq!(text.parse::<Pattern>().map_err(|it| it.at), Err(at), "{text:?}");
        }
    }

    fn steps() -> impl Strategy<Value = Vec<Step<'static>>> {
        let key = "[a-z.*/\\[\\]\" \\\\\n]{0,6}".prop_map(|key| Step::Key(key.into()));
        let item = (0..20usize, proptest::option::of("[-a-z0-9=.]{1,4}"))
            .prop_map(|(index, label)| Step::Item { index, label: label.map(Into::into) });
        proptest::collection::vec(prop_oneof![key, item], 1..5)
    }

    proptest! {
        #[test]
        fn a_path_is_a_pattern_of_itself(before in steps(), number in 0..3usize, after in steps()) {
            let mut steps = before;
            steps.push(Step::Inside(number));
            steps.extend(after);
            let path = Path::from(&steps[..]);
            // A root that is a list cannot be read: no document is one.
            prop_assume!(!matches!(steps[0], Step::Item { .. }) );
            let pattern: Pattern = path.to_string().parse().unwrap();
            prop_assert!(pattern.is(path.steps()), "{path}");
        }

        #[test]
        fn every_way_to_take_steps_is_tried(parts in "[ab*]{1,6}", path in "[ab]{0,7}") {
            let pattern = parts.chars().map(|it| if it == '*' { "**".into() } else { it.to_string() });
            let pattern: Pattern = pattern.collect::<Vec<_>>().join(".").parse().unwrap();
            let place = path.chars().fold(Path::default(), |place, it| place.key(&it.to_string()));
            let glob = parts.replace("**", "*");
            let fits = |text: &str| Glob::new(glob.as_str()).matches(text);
            prop_assert_eq!(pattern.is(place.steps()), fits(&path), "{} {}", parts, path);
            let above = (0..=path.len()).any(|end| fits(&path[..end]));
            prop_assert_eq!(pattern.covers_path(&place), above, "{} {}", parts, path);
        }

        #[test]
        fn no_text_is_a_panic(text in ".{0,20}") {
            let _ = text.parse::<Pattern>();
        }
    }
}
