//! Files of values: one table each, out of one document or of several (`pkg/chart/v2/loader.LoadValues`).

use crate::document;
use gabion_yaml::{At, Data, Node};
use std::collections::BTreeMap;

/// The values of a file that the user gives. Later files are laid over earlier ones.
#[derive(Debug, Clone)]
pub struct ValuesFile {
    /// What the file is called in errors and in [`Rendered::sources`](crate::Rendered::sources).
    pub name: String,
    /// What it holds: a mapping.
    pub values: Node,
}

/// Why a file of values cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the values of `{file}` cannot be read: {why}")]
pub struct ValuesError {
    /// The file.
    pub file: String,
    /// Why not.
    pub why: String,
}

impl ValuesFile {
    /// Reads a file of values.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, ValuesError> {
        let values = documents(bytes).map_err(|why| ValuesError { file: name.to_owned(), why })?;
        Ok(Self { name: name.to_owned(), values })
    }
}

/// All documents of a file as one table, later ones laid over earlier ones.
pub(crate) fn documents(bytes: &[u8]) -> Result<Node, String> {
    let mut all = Node { data: Data::Map(BTreeMap::new()), at: At::default() };
    for (line, text) in split(bytes)? {
        let mut node = document::read(text).map_err(|error| error.below(line))?;
        match node.data {
            Data::Null => {}
            Data::Map(_) => {
                move_down(&mut node, line);
                all = laid_over(all, node);
            }
            _ => return Err(format!("line {}: it is no mapping", line + node.at.line.max(1))),
        }
    }
    Ok(all)
}

/// `upper` over `lower`, in which a `null` counts as any other value (`loader.MergeMaps`).
fn laid_over(lower: Node, upper: Node) -> Node {
    match (lower.data, upper.data) {
        (Data::Map(mut all), Data::Map(map)) => {
            for (key, node) in map {
                let node = match all.remove(&key) {
                    Some(below) if matches!(node.data, Data::Map(_)) => laid_over(below, node),
                    _ => node,
                };
                all.insert(key, node);
            }
            Node { data: Data::Map(all), at: upper.at }
        }
        (_, data) => Node { data, at: upper.at },
    }
}

fn move_down(node: &mut Node, lines: u32) {
    if node.at.line > 0 {
        node.at.line += lines;
    }
    match &mut node.data {
        Data::List(items) => items.iter_mut().for_each(|it| move_down(it, lines)),
        Data::Map(map) => map.values_mut().for_each(|it| move_down(it, lines)),
        _ => {}
    }
}

/// The documents of a stream, each with the lines above it (`k8s.io/apimachinery/pkg/util/yaml.YAMLReader`).
fn split(bytes: &[u8]) -> Result<Vec<(u32, &[u8])>, String> {
    let (mut out, mut start, mut first, mut at) = (Vec::new(), 0, 0, 0);
    for (number, line) in (0..).zip(bytes.split_inclusive(|it| *it == b'\n')) {
        if let Some(rest) = line.strip_prefix(b"---") {
            let rest = rest.trim_ascii();
            if !rest.is_empty() && !rest.starts_with(b"#") {
                return Err(format!("line {}: something stands behind `---`", number + 1));
            }
            if at > start {
                out.push((first, &bytes[start..at]));
                // The line is left out, unless it begins the next document.
                (start, first) = (at + line.len(), number + 1);
            }
        }
        at += line.len();
    }
    if at > start {
        out.push((first, &bytes[start..at]));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_split_where_helm_splits_it() {
        let parts = |text: &'static str| {
            let parts = split(text.as_bytes()).unwrap();
            parts.into_iter().map(|(line, it)| (line, std::str::from_utf8(it).unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(parts("a: 1\n---\nb: 2"), [(0, "a: 1\n"), (2, "b: 2")]);
        assert_eq!(parts("---\na: 1\n--- # x\n"), [(0, "---\na: 1\n")]);
        assert_eq!(parts(" ---\na: 1\n"), [(0, " ---\na: 1\n")]);
        assert_eq!(parts(""), []);
        assert!(split(b"a: 1\n--- b: 2\n").unwrap_err().starts_with("line 2"));
    }
}
