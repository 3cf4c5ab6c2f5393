//! Compiled patterns, and texts to search.

use std::borrow::Cow;

use regex::bytes::{Regex, RegexBuilder};

use super::syntax;
use crate::runes;

/// Memory that a compiled pattern may take. Go bounds the counts of repetitions instead.
const LARGEST: usize = 64 << 20;

/// A place in a [`Haystack`]: start and end.
pub(super) type Found = (usize, usize);

pub(super) struct Pattern {
    regex: Regex,
    /// Names of the groups, from 0 on.
    pub(super) names: Vec<Option<String>>,
}

/// A text as Go looks at it: every byte that begins no character stands for U+FFFD, and is written so here.
pub(super) struct Haystack<'a> {
    text: Cow<'a, [u8]>,
    /// Of each byte, and of the end, where it stands in the text itself; empty if it stands at the same place.
    places: Vec<usize>,
}

impl<'a> Haystack<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        if std::str::from_utf8(bytes).is_ok() {
            return Self { text: Cow::Borrowed(bytes), places: Vec::new() };
        }
        let (mut text, mut places) = (Vec::new(), Vec::new());
        for (at, rune) in runes::runes(bytes) {
            runes::push(&mut text, rune);
            places.resize(text.len(), at);
        }
        places.push(bytes.len());
        Self { text: text.into(), places }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The place in the text itself.
    pub(super) fn outside(&self, at: usize) -> usize {
        self.places.get(at).copied().unwrap_or(at)
    }

    /// The length of the character at this place; 0 at the end.
    pub(super) fn width(&self, at: usize) -> usize {
        self.text.get(at..).and_then(runes::first).map_or(0, |(_, length)| length)
    }

    fn is_boundary(&self, at: usize) -> bool {
        self.text.get(at).is_none_or(|byte| byte & 0xC0 != 0x80)
    }
}

impl Pattern {
    /// Reads a pattern of Go; says in Go's words what is wrong with it.
    pub(super) fn new(expression: &[u8]) -> Result<Self, String> {
        let (pattern, names) = syntax::translate(expression)?;
        let regex = RegexBuilder::new(&pattern).size_limit(LARGEST).dfa_size_limit(LARGEST).build();
        let regex =
            regex.map_err(|_| format!("expression too large: `{}`", String::from_utf8_lossy(expression)))?;
        Ok(Self { regex, names })
    }

    /// The first match from `at` on.
    pub(super) fn find(&self, hay: &Haystack<'_>, at: usize) -> Option<Found> {
        self.captures(hay, at).and_then(|found| found[0])
    }

    /// The groups of the first match from `at` on. `\B` may hold within a character; such a match is none.
    pub(super) fn captures(&self, hay: &Haystack<'_>, at: usize) -> Option<Vec<Option<Found>>> {
        let mut places = self.regex.capture_locations();
        let mut at = at;
        loop {
            let found = self.regex.captures_read_at(&mut places, &hay.text, at)?;
            if hay.is_boundary(found.start()) {
                return Some((0..places.len()).map(|group| places.get(group)).collect());
            }
            at = found.start() + 1;
        }
    }

    /// All matches, at most `most` (below 0: all), as `Regexp.FindAllIndex` goes over them.
    pub(super) fn all(&self, hay: &Haystack<'_>, most: i64) -> Vec<Found> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut out = Vec::new();
        let mut last = None;
        let mut at = 0;
        while out.len() < most && at <= hay.len() {
            let Some(found) = self.find(hay, at) else { break };
            let mut accept = true;
            if found.1 == at {
                // An empty match right behind another one does not count.
                accept = last != Some(found.0);
                at += hay.width(at).max(1);
            } else {
                at = found.1;
            }
            last = Some(found.1);
            if accept {
                out.push(found);
            }
        }
        out
    }
}
