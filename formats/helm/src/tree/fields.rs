//! Fields of a mapping, as Go's JSON puts them into a struct: names in any case, the last one counts, `null` is nothing.

use super::LoadError;
use gabion_yaml::{Data, Node};
use std::collections::BTreeMap;

/// The fields of one mapping.
pub(crate) struct Fields<'n> {
    file: &'static str,
    map: Option<&'n BTreeMap<String, Node>>,
}

/// The fields of a node, which must be a mapping or nothing.
pub(crate) fn of<'n>(file: &'static str, node: &'n Node) -> Result<Fields<'n>, LoadError> {
    match &node.data {
        Data::Map(map) => Ok(Fields { file, map: Some(map) }),
        Data::Null => Ok(Fields { file, map: None }),
        _ => Err(wrong(file, node, "is no mapping")),
    }
}

/// A scalar as text. Helm takes numbers and truth values for a text (`sigs.k8s.io/yaml`).
pub(crate) fn scalar(node: &Node) -> Option<String> {
    match &node.data {
        Data::String(text) => Some(text.clone()),
        Data::Bool(it) => Some(it.to_string()),
        Data::Int(it) => Some(it.to_string()),
        Data::Uint(it) => Some(it.to_string()),
        Data::Float(it) => Some(shown(*it)),
        Data::Null | Data::List(_) | Data::Map(_) => None,
    }
}

/// A float with as few digits as make it again (`%v`).
fn shown(it: f64) -> String {
    let mut out = Vec::new();
    gabion_template::fmt::float(&mut out, it, b'g', None);
    String::from_utf8_lossy(&out).into_owned()
}

fn wrong(file: &'static str, node: &Node, what: &str) -> LoadError {
    LoadError::Syntax { file: file.to_owned(), why: format!("line {}: something {what}", node.at.line) }
}

impl<'n> Fields<'n> {
    /// The field of this name, if it is there and is not `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        let same = self
            .map?
            .iter()
            .filter(|(key, node)| key.eq_ignore_ascii_case(name) && !matches!(node.data, Data::Null));
        same.map(|(_, node)| node).next_back()
    }

    pub(crate) fn text(&self, name: &str, into: &mut String) -> Result<(), LoadError> {
        if let Some(node) = self.get(name) {
            *into = scalar(node).ok_or_else(|| wrong(self.file, node, &format!("is no text: `{name}`")))?;
        }
        Ok(())
    }

    pub(crate) fn flag(&self, name: &str, into: &mut bool) -> Result<(), LoadError> {
        match self.get(name) {
            None => {}
            Some(Node { data: Data::Bool(flag), .. }) => *into = *flag,
            Some(node) => return Err(wrong(self.file, node, &format!("is no truth value: `{name}`"))),
        }
        Ok(())
    }

    pub(crate) fn list(&self, name: &str) -> Result<Option<&'n [Node]>, LoadError> {
        match self.get(name) {
            None => Ok(None),
            Some(Node { data: Data::List(list), .. }) => Ok(Some(list)),
            Some(node) => Err(wrong(self.file, node, &format!("is no list: `{name}`"))),
        }
    }

    pub(crate) fn texts(&self, name: &str, into: &mut Vec<String>) -> Result<(), LoadError> {
        if let Some(list) = self.list(name)? {
            let text = |it| text_or_empty(self.file, it, name);
            *into = list.iter().map(text).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    /// A mapping of texts to texts, over what is there.
    pub(crate) fn map(&self, name: &str, into: &mut BTreeMap<String, String>) -> Result<(), LoadError> {
        if let Some(node) = self.get(name) {
            for (key, value) in of(self.file, node)?.map.into_iter().flatten() {
                into.insert(key.clone(), text_or_empty(self.file, value, name)?);
            }
        }
        Ok(())
    }
}

fn text_or_empty(file: &'static str, node: &Node, name: &str) -> Result<String, LoadError> {
    match node.data {
        Data::Null => Ok(String::new()),
        _ => scalar(node).ok_or_else(|| wrong(file, node, &format!("is no text: `{name}`"))),
    }
}
