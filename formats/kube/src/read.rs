//! Text to nodes, document by document.

use gabion_yaml::{At, Data, LoadError, Node, load_typed};

/// The documents of a text, with their places in all of it.
///
/// A line that begins with `---` begins the next one (`releaseutil.SplitManifests` of Helm, and the splitter of
/// `k8s.io/apimachinery`): no value of a block can hold one, as these are indented.
pub(crate) fn nodes(text: &str) -> Result<Vec<Node>, LoadError> {
    parts(text)
        .map(|(start, line)| {
            let end = text[start..].find("\n---").map_or(text.len(), |it| start + it + 1);
            let shift = Shift { bytes: start as u32, lines: line, columns: column(text, start) };
            let mut node = load_typed(&text[start..end]).map_err(|error| shift.error(error))?;
            shift.node(&mut node);
            Ok(node)
        })
        .collect()
}

/// Where documents begin, and how many lines are before each.
fn parts(text: &str) -> impl Iterator<Item = (usize, u32)> {
    const MARK: &str = "---";
    let first = if text.starts_with(MARK) { MARK.len() } else { 0 };
    let later = text.match_indices("\n---").map(|(at, _)| at + 1 + MARK.len());
    let mut counted = (0, 0);
    std::iter::once(first).chain(later).map(move |start| {
        let lines = text[counted.0..start].bytes().filter(|byte| *byte == b'\n').count() as u32;
        counted = (start, counted.1 + lines);
        counted
    })
}

fn column(text: &str, start: usize) -> u32 {
    let line = text[..start].rfind('\n').map_or(0, |it| it + 1);
    text[line..start].chars().count() as u32
}

/// What is added to the places of a document.
#[derive(Clone, Copy)]
struct Shift {
    bytes: u32,
    lines: u32,
    /// Only for what stands on the first line.
    columns: u32,
}

impl Shift {
    fn at(self, at: &mut At) {
        if at.line == 0 {
            return;
        }
        at.column += if at.line == 1 { self.columns } else { 0 };
        at.start += self.bytes;
        at.end += self.bytes;
        at.line += self.lines;
    }

    fn node(self, node: &mut Node) {
        self.at(&mut node.at);
        match &mut node.data {
            Data::List(items) => items.iter_mut().for_each(|it| self.node(it)),
            Data::Map(map) => map.values_mut().for_each(|it| self.node(it)),
            _ => {}
        }
    }

    fn error(self, mut error: LoadError) -> LoadError {
        match &mut error {
            LoadError::Yaml { at, .. }
            | LoadError::Key { at, .. }
            | LoadError::NotFinite { at, .. }
            | LoadError::Depth { at }
            | LoadError::Kind { at, .. } => self.at(at),
            LoadError::Size => {}
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_whole_text() {
        let text = "a: b\n---\nc: \"dé\"\n--- {e: f}\n";
        let nodes = nodes(text).unwrap();
        let at = |number: usize, key: &str| {
            let at = nodes[number].get(key).unwrap().at;
            (&text[at.start as usize..at.end as usize], at.line, at.column)
        };
        assert_eq!([at(0, "a"), at(1, "c"), at(2, "e")], [("b", 1, 4), ("\"dé\"", 3, 4), ("f", 4, 9)]);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let error = nodes("a: b\n---\nc: d\ne: [\n").unwrap_err();
        assert!(error.at().line >= 4, "{error:?}");
    }

    #[test]
    fn dashes_within_a_line_begin_no_document() {
        assert_eq!(nodes("a: b---c\nd: |\n  ---\n  x\n").unwrap().len(), 1);
        assert_eq!(nodes("---\n---\na: b\n").unwrap().len(), 2);
        assert_eq!(nodes("").unwrap().len(), 1);
    }
}
