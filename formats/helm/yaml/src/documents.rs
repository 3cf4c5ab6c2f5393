//! A stream of documents, taken apart as a client of Kubernetes takes it apart
//! (`k8s.io/apimachinery/pkg/util/yaml`, `splitYAMLDocument`): by lines that begin with `---`, before any of it is YAML.

use crate::load::{LoadError, Numbers, Origin, read};
use crate::node::Node;

/// What begins the line between two documents.
const BETWEEN: &str = "---";

/// The documents of a text in order, empty ones too, with integers as integers. Places are those of the whole text.
pub fn documents(text: &str) -> Result<Vec<Node>, LoadError> {
    let (mut out, mut start, mut line) = (Vec::new(), Origin::default(), 0);
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        line += 1;
        if whole.starts_with(BETWEEN) {
            add(&mut out, text, start, at)?;
            start = Origin { offset: at + whole.len(), line };
        }
        at += whole.len();
    }
    add(&mut out, text, start, at)?;
    Ok(out)
}

fn add(out: &mut Vec<Node>, text: &str, from: Origin, to: usize) -> Result<(), LoadError> {
    let part = &text[from.offset..to];
    if !part.trim().is_empty() {
        out.push(read(part, from, Numbers::Typed)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_whole_text() {
        let text = "# head\n---\na: x\n--- # next\nb:\n- y\n---\n\n---abc\nc: |\n  z\n  ---\n";
        let read = documents(text).unwrap();
        let found: Vec<_> =
            [("a", 1), ("c", 3)].map(|(key, number)| read[number].get(key).unwrap().at).into();
        assert_eq!(&text[found[0].start as usize..found[0].end as usize], "x");
        assert_eq!((found[0].line, found[1].line), (3, 10));
        assert!(text[found[1].start as usize..].starts_with("|\n  z\n  ---"));
        assert_eq!(read.len(), 4);
    }

    #[test]
    fn a_mistake_has_its_line_in_the_whole_text() {
        let error = documents("a: 1\n---\nb: [\n").unwrap_err();
        assert!(error.at().line >= 3, "{error:?}");
    }
}
