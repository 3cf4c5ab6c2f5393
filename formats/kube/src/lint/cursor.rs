//! A value of a document, and where it stands.

use super::{Lint, LintKind};
use crate::document::Document;
use crate::path::Path;
use crate::{pods, walk};
use gabion_yaml::{Data, Node};

/// A value with the way to it.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'d> {
    pub(crate) document: &'d Document,
    pub(crate) node: &'d Node,
    pub(crate) path: Path,
}

impl<'d> Cursor<'d> {
    /// The root of a document.
    pub(crate) fn of(document: &'d Document) -> Self {
        Self { document, node: &document.node, path: Path::default() }
    }

    /// The value of a key that is there and not `null`.
    pub(crate) fn key(&self, key: &str) -> Option<Self> {
        let node = self.node.get(key).filter(|it| it.data != Data::Null)?;
        Some(Self { document: self.document, node, path: self.path.key(key) })
    }

    /// The value behind several keys.
    pub(crate) fn keys(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self.clone(), |at, key| at.key(key))
    }

    /// The items of a list; none where it is no list.
    pub(crate) fn items(&self) -> Vec<Self> {
        let Data::List(list) = &self.node.data else { return Vec::new() };
        let item = |index: usize| Self {
            document: self.document,
            node: &list[index],
            path: self.path.item(index, walk::label(list, index)),
        };
        (0..list.len()).map(item).collect()
    }

    /// The items of the list `key`.
    pub(crate) fn each(&self, key: &str) -> Vec<Self> {
        self.key(key).map(|it| it.items()).unwrap_or_default()
    }

    /// Its text.
    pub(crate) fn text(&self) -> Option<&'d str> {
        self.node.as_str()
    }

    /// The text of a key.
    pub(crate) fn text_of(&self, key: &str) -> Option<&'d str> {
        self.node.get(key)?.as_str()
    }

    /// Whether the value of a key is `true`.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.node.get(key).is_some_and(|it| it.data == Data::Bool(true))
    }

    /// A finding about this value.
    pub(crate) fn lint(&self, kind: LintKind, why: impl Into<String>) -> Lint {
        let (object, from) = (self.document.id.clone(), self.document.from.clone());
        let at = &self.node.at;
        let at = (at.line > 0).then_some(at.start..at.end);
        Lint { kind, object, from, path: self.path.clone(), at, why: why.into(), help: String::new() }
    }
}

/// The `spec` of the pod that an object is or makes.
pub(crate) fn pod_spec(document: &Document) -> Option<Cursor<'_>> {
    Cursor::of(document).keys(pods::path(&document.id)?)?.key("spec")
}

/// The containers of a pod, those that run before the others too.
pub(crate) fn containers<'d>(spec: &Cursor<'d>) -> Vec<Cursor<'d>> {
    ["initContainers", "containers"].iter().flat_map(|key| spec.each(key)).collect()
}

/// What people call a container.
pub(crate) fn name<'d>(container: &Cursor<'d>) -> &'d str {
    container.text_of("name").unwrap_or("(no name)")
}
