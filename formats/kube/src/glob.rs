//! Texts with `*`, which stands for any text.

use std::fmt;

/// A text in which `*` stands for any text, also for none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(String);

impl Glob {
    /// Every text is a glob.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `text`, as a whole.
    pub fn matches(&self, text: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut text) = text.strip_prefix(head) else { return false };
        let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
        // The leftmost place of each part leaves the most to those that follow.
        for part in middle.split('*') {
            match text.find(part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        text.ends_with(tail)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let yes = [
            ("*", ""),
            ("a", "a"),
            ("a*", "a"),
            ("*a", "ba"),
            ("a*b*c", "a1b2bc"),
            ("*x*", "x"),
            ("a**b", "ab"),
        ];
        for (glob, text) in yes {
            assert!(Glob::new(glob).matches(text), "{glob} {text}");
        }
        let no = [("", "a"), ("a", "ab"), ("a*a", "a"), ("a*b", "abc"), ("*bc*bc", "abc"), ("a*b*b", "ab")];
        for (glob, text) in no {
            assert!(!Glob::new(glob).matches(text), "{glob} {text}");
        }
    }
}
