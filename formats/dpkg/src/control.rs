//! Control files: stanzas of fields (Debian Policy §5.1).

/// A line of a control file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct SyntaxError {
    /// Line in the text, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

/// The stanzas of a control file, as slices of its text, with the line that each begins at.
pub fn stanzas(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    let mut line = 1;
    std::iter::from_fn(move || {
        loop {
            let blank = rest.len() - rest.trim_start_matches('\n').len();
            line += blank;
            rest = &rest[blank..];
            if rest.is_empty() {
                return None;
            }
            let end = rest.find("\n\n").map_or(rest.len(), |at| at + 1);
            let (stanza, after) = rest.split_at(end);
            let start = line;
            line += stanza.bytes().filter(|it| *it == b'\n').count();
            rest = after;
            // Comment lines stand in control files of people, never in those of archives.
            if !stanza.is_empty() {
                return Some((start, stanza));
            }
        }
    })
}

/// The fields of one stanza in their order: name and value.
///
/// A value holds its continuation lines as they are, each behind a line feed and with its blank.
pub fn fields(stanza: &str) -> Fields<'_> {
    Fields { rest: stanza, line: 0 }
}

/// Iterator over the fields of a stanza.
#[derive(Debug)]
pub struct Fields<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(&'a str, &'a str), SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let bytes = self.rest.as_bytes();
        let mut end = self.rest.find('\n').unwrap_or(bytes.len());
        let mut lines = 1;
        while matches!(bytes.get(end + 1), Some(b' ' | b'\t')) {
            end = self.rest[end + 1..].find('\n').map_or(bytes.len(), |at| end + 1 + at);
            lines += 1;
        }
        let field = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        self.line += lines;
        match field.split_once(':') {
            Some((name, value)) if is_name(name) => Some(Ok((name, value.trim_matches([' ', '\t'])))),
            _ => {
                self.rest = "";
                let why = format!("expected `Field: value`, found `{}`", field.lines().next().unwrap_or(""));
                Some(Err(SyntaxError { line: self.line, why }))
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(['#', '-']) && text.bytes().all(|it| it.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_and_folded_fields_are_read_with_their_lines() {
        let text = "\nPackage: a\nDepends: b,\n c\n\n\nPackage: d\n";
        let found: Vec<_> = stanzas(text)
            .map(|(line, stanza)| (line, fields(stanza).collect::<Result<Vec<_>, _>>().unwrap()))
            .collect();
        assert_eq!(found[0], (2, vec![("Package", "a"), ("Depends", "b,\n c")]));
        assert_eq!(found[1], (7, vec![("Package", "d")]));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_line_that_is_no_field_is_named() {
        let error = fields("Package: a\nnonsense\n").find_map(Result::err).unwrap();
        assert_eq!(error.to_string(), "line 2: expected `Field: value`, found `nonsense`");
    }
}
