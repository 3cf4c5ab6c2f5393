//! Where the bytes of a value stand in the text that it was read from.

use gabion_yaml::At;
use std::ops::Range;

/// A text, and the value that it is, if that stands in a text again.
#[derive(Clone, Copy)]
pub(super) struct Text<'t> {
    pub(super) text: &'t str,
    pub(super) outer: Option<(&'t Text<'t>, At)>,
}

impl Text<'_> {
    /// The place of `part` of `value`, which was read at `at`: only if it stands there as it is.
    ///
    /// Indentation, folds and escapes move bytes, so what is compared is how often the part occurs: the
    /// third time in the value is the third time in the text, if both have it equally often.
    pub(super) fn locate(&self, at: At, value: &str, part: Range<usize>) -> Option<Range<u32>> {
        if at.line == 0 {
            return None;
        }
        let written = self.text.get(at.start as usize..at.end as usize)?;
        let wanted = value.get(part.clone())?;
        let number = value.match_indices(wanted).position(|(start, _)| start == part.start)?;
        let start = if written.matches(wanted).count() == value.matches(wanted).count() {
            written.match_indices(wanted).nth(number)?.0 + at.start as usize
        } else {
            return None;
        };
        match self.outer {
            Some((outer, at)) => outer.locate(at, self.text, start..start + wanted.len()),
            None => Some(u32::try_from(start).ok()?..u32::try_from(start + wanted.len()).ok()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: usize, end: usize) -> At {
        At { start: start as u32, end: end as u32, line: 1, column: 1 }
    }

    #[test]
    fn the_second_time_in_a_value_is_the_second_time_in_its_text() {
        let text = "k: |\n  a: x/y\n  b: x/y\n";
        let value = "a: x/y\nb: x/y\n";
        let outer = Text { text, outer: None };
        assert_eq!(outer.locate(at(3, text.len()), value, 10..13), Some(19..22));
        let inner = Text { text: value, outer: Some((&outer, at(3, text.len()))) };
        assert_eq!(inner.locate(at(10, 13), "x/y", 0..3), Some(19..22));
    }

    #[test]
    fn what_is_escaped_or_was_not_read_has_no_place() {
        let text = Text { text: "\"x\\u002fy\"", outer: None };
        assert_eq!(text.locate(at(0, 10), "x/y", 0..3), None);
        assert_eq!(text.locate(At::default(), "x/y", 0..3), None);
        assert_eq!(text.locate(at(5, 90), "x/y", 0..3), None);
    }
}
