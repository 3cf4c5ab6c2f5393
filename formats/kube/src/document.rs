//! Documents: what one object of a cluster is to be, and where that was written.

use crate::id::ObjectId;
use crate::json;
use crate::read;
use crate::scope::Scopes;
use gabion_yaml::{At, Data, LoadError, Node};
use std::sync::Arc;

/// Why a text holds no documents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is no YAML.
    #[error("`{from}` cannot be read (line {})", .error.at().line)]
    Syntax {
        /// Where the text is from.
        from: String,
        /// What the reader says, with the place.
        #[source]
        error: LoadError,
    },
    /// A document is a list, a text or a number.
    #[error("document {number} of `{from}` (line {line}) is no mapping")]
    NoMapping {
        /// Where the text is from.
        from: String,
        /// Its number, from 1.
        number: usize,
        /// Its line, from 1.
        line: u32,
    },
    /// A document says not what it is.
    #[error("document {number} of `{from}` (line {line}) has no `{field}`")]
    Missing {
        /// Where the text is from.
        from: String,
        /// Its number, from 1.
        number: usize,
        /// Its line, from 1.
        line: u32,
        /// `apiVersion` or `kind`.
        field: &'static str,
    },
}

impl DocumentError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "E1702",
            Self::NoMapping { .. } | Self::Missing { .. } => "E1703",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Syntax { .. } => None,
            Self::NoMapping { .. } | Self::Missing { .. } => Some(
                "every document says `apiVersion:` and `kind:`; values of a chart are no documents"
                    .to_owned(),
            ),
        }
    }
}

/// What one object is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Which object.
    pub id: ObjectId,
    /// Group and version of its API, as written.
    pub api_version: String,
    /// Where it was written, as the caller calls it: the template of a chart, a file.
    pub from: String,
    /// Its place in the text.
    pub at: At,
    /// All of it.
    pub node: Node,
    /// The text that the places of its nodes point into, where there is one.
    pub(crate) text: Arc<str>,
}

impl Document {
    /// A document that was read elsewhere; `text` is what the places of its nodes point into.
    /// The items of a list (`kind: List`, `ConfigMapList`) are documents of their own.
    pub fn open(node: Node, from: &str, text: &Arc<str>) -> Result<Vec<Self>, DocumentError> {
        let mut out = Vec::new();
        open(node, &Place { from, text, number: 1 }, &mut out)?;
        Ok(out)
    }

    /// It as one line of JSON, as `kubectl` would send it: numbers as they were read, keys in the order of bytes, and the
    /// namespace in which it lives even where its text says none.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        json::write(&self.node, self.id.namespace.as_deref(), &mut out);
        out
    }

    /// A field of it, by its keys: `["spec", "image"]`.
    pub fn field(&self, keys: &[&str]) -> Option<&Node> {
        field(&self.node, keys)
    }

    /// The text of a field.
    pub fn text_of(&self, keys: &[&str]) -> Option<&str> {
        self.field(keys)?.as_str()
    }

    /// An annotation of it.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.text_of(&["metadata", "annotations", key])
    }

    /// A label of it.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.text_of(&["metadata", "labels", key])
    }
}

pub(crate) fn field<'n>(node: &'n Node, keys: &[&str]) -> Option<&'n Node> {
    keys.iter().try_fold(node, |node, key| node.get(key))
}

/// The documents of a text, in its order; empty ones are passed over.
///
/// `from` is what the caller calls the text.
pub fn documents(text: &str, from: &str) -> Result<Vec<Document>, DocumentError> {
    let nodes = read::nodes(text).map_err(|error| DocumentError::Syntax { from: from.to_owned(), error })?;
    let text: Arc<str> = text.into();
    let mut out = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        open(node, &Place { from, text: &text, number: index + 1 }, &mut out)?;
    }
    Ok(out)
}

/// Writes the namespace of a release into the documents that say none and live in one.
///
/// `scopes` are those of everything that is applied together: a custom resource lives in a namespace if its
/// definition says so, whoever brings that.
pub fn in_namespace(documents: &mut [Document], namespace: &str, scopes: &Scopes) {
    for document in documents {
        if document.id.namespace.is_none() && scopes.is_namespaced(&document.id) == Some(true) {
            document.id.namespace = Some(namespace.to_owned());
        }
    }
}

struct Place<'a> {
    from: &'a str,
    text: &'a Arc<str>,
    number: usize,
}

fn open(node: Node, place: &Place<'_>, out: &mut Vec<Document>) -> Result<(), DocumentError> {
    if node.data == Data::Null {
        return Ok(());
    }
    let (from, number, line) = (place.from, place.number, node.at.line);
    let Data::Map(map) = &node.data else {
        return Err(DocumentError::NoMapping { from: from.to_owned(), number, line });
    };
    let text_of = |field: &'static str| {
        let text = map.get(field).and_then(Node::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| DocumentError::Missing { from: from.to_owned(), number, line, field })
    };
    let (api_version, kind) = (text_of("apiVersion")?, text_of("kind")?);
    if is_list(kind, &node) {
        let Data::Map(mut map) = node.data else { return Ok(()) };
        let Some(Data::List(items)) = map.remove("items").map(|it| it.data) else { return Ok(()) };
        return items.into_iter().try_for_each(|item| open(item, place, out));
    }
    let metadata = |key: &str| field(&node, &["metadata", key]).and_then(Node::as_str).map(str::to_owned);
    let id = ObjectId {
        group: api_version.rsplit_once('/').map_or("", |(group, _)| group).to_owned(),
        kind: kind.to_owned(),
        namespace: metadata("namespace").filter(|it| !it.is_empty()),
        name: metadata("name").unwrap_or_default(),
    };
    let api_version = api_version.to_owned();
    out.push(Document {
        id,
        api_version,
        from: from.to_owned(),
        at: node.at,
        node,
        text: place.text.clone(),
    });
    Ok(())
}

/// `List` and the lists of one kind; an object of a kind that only ends like one has no items.
fn is_list(kind: &str, node: &Node) -> bool {
    kind.ends_with("List") && matches!(node.get("items").map(|it| &it.data), Some(Data::List(_) | Data::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_opened_and_empty_documents_passed_over() {
        let text = "---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n\
                    - apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: b, namespace: ns}\n---\napiVersion: v1\nkind: List\nitems:\n";
        let read = documents(text, "a.yaml").unwrap();
        let ids: Vec<String> = read.iter().map(|it| it.id.to_string()).collect();
        assert_eq!(ids, ["Secret a", "Deployment ns/b"]);
        assert_eq!(read[1].id.group_kind(), "apps/Deployment");
        assert_eq!(read[1].api_version, "apps/v1");
    }

    #[test]
    fn what_says_not_what_it_is_is_an_error_with_its_place() {
        for (text, code) in
            [("a: [", "E1702"), ("- a", "E1703"), ("kind: A", "E1703"), ("apiVersion: v1", "E1703")]
        {
            assert_eq!(documents(text, "a.yaml").unwrap_err().code(), code, "{text}");
        }
        let error = documents("kind: A\n---\nkind: B\napiVersion: v1\n", "a.yaml").unwrap_err();
        assert!(error.to_string().contains("document 1 of `a.yaml`"), "{error}");
    }

    #[test]
    fn a_release_s_namespace_goes_where_there_is_none_and_one_belongs() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n---\n\
                    apiVersion: v1\nkind: Secret\nmetadata: {name: c, namespace: own}\n---\napiVersion: x.io/v1\nkind: X\nmetadata: {name: d}\n---\n\
                    apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: xs.x.io}\n\
                    spec: {group: x.io, scope: Namespaced, names: {kind: X, plural: xs}}\n---\napiVersion: y.io/v1\nkind: Zz\nmetadata: {name: e}\n";
        let mut read = documents(text, "a").unwrap();
        let scopes = Scopes::of(&read);
        in_namespace(&mut read, "ns", &scopes);
        let namespaces: Vec<_> = read.iter().map(|it| it.id.namespace.as_deref()).collect();
        assert_eq!(namespaces, [Some("ns"), None, Some("own"), Some("ns"), None, None]);
    }
}
