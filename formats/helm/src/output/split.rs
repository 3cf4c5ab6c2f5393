//! Rendered files taken apart into documents (`pkg/release/v1/util/manifest.go`).

use gabion_template::Text;

/// The documents of a file, without what is blank. A line that begins with `---` ends one, whatever stands behind it.
pub(super) fn documents(text: &Text) -> Vec<Text> {
    let bytes = text.bytes();
    let mut out = Vec::new();
    let mut start = bytes.len() - front(bytes).len();
    let mut at = start;
    let mut part = |start: usize, end: usize| {
        let part = &bytes[start..end];
        let begin = start + (part.len() - front(part).len());
        if begin < end {
            out.push(text.slice(begin, end));
        }
    };
    while at < bytes.len() {
        if bytes[at..].starts_with(b"---") {
            part(start, at);
            let blank = bytes[at + 3..].iter().take_while(|it| matches!(it, b' ' | b'\t')).count();
            start = at + 3 + blank;
        }
        at = bytes[at.max(start)..]
            .iter()
            .position(|it| *it == b'\n')
            .map_or(bytes.len(), |it| at.max(start) + it + 1);
    }
    if start < bytes.len() {
        part(start, bytes.len());
    }
    out
}

/// Without blanks around it, as Go knows them (`unicode.IsSpace`).
pub(super) fn trimmed(bytes: &[u8]) -> &[u8] {
    let mut bytes = front(bytes);
    while let Some(rest) = blank_at_end(bytes) {
        bytes = rest;
    }
    bytes
}

/// Without blanks at its beginning.
fn front(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = blank_at_start(bytes) {
        bytes = rest;
    }
    bytes
}

/// U+0085, U+00A0, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000; all but the first two have three bytes.
fn is_wide(bytes: &[u8]) -> bool {
    match bytes {
        [0xc2, 0x85 | 0xa0] | [0xe1, 0x9a, 0x80] | [0xe2, 0x81, 0x9f] | [0xe3, 0x80, 0x80] => true,
        [0xe2, 0x80, last] => matches!(last, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf),
        _ => false,
    }
}

fn blank_at_start(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [b'\t'..=b'\r' | b' ', rest @ ..] => Some(rest),
        _ => [2, 3].into_iter().find(|it| bytes.get(..*it).is_some_and(is_wide)).map(|it| &bytes[it..]),
    }
}

fn blank_at_end(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [rest @ .., b'\t'..=b'\r' | b' '] => Some(rest),
        _ => {
            let split = |it: &usize| bytes.len().checked_sub(*it).map(|at| bytes.split_at(at));
            [2, 3].iter().filter_map(split).find(|(_, end)| is_wide(end)).map(|(rest, _)| rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let parts = documents(&text.into());
        let parts: Vec<_> = parts.iter().map(|it| it.to_str().into_owned()).collect();
        assert_eq!(parts, expected);
    }

    #[test]
    fn documents_end_where_helm_ends_them() {
        check("", &[]);
        check("a: 1", &["a: 1"]);
        check("\n  a: 1\n---\nb: 2\n", &["a: 1\n", "b: 2\n"]);
        check("---a: 1\n---  \t# x\nb\n---\n \n---", &["a: 1\n", "# x\nb\n"]);
        check("a: |\n  ---\n  b\n", &["a: |\n  ---\n  b\n"]);
        check("------\na", &["---\na"]);
        check("\u{85}\u{3000}a\n---\n\u{a0}\n", &["a\n"]);
    }
}
