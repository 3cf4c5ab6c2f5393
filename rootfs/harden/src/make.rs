//! Gathers nodes and mistakes while the modules write.

use crate::base::Base;
use crate::error::HardenError;
use crate::layer::{Content, Layer, LayerPath, Node};
use std::fmt::{self, Write as _};

/// The items, each on a line of its own.
pub(crate) fn lines<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for item in items {
        let _ = writeln!(text, "{item}");
    }
    text
}

/// What the modules write into.
pub(crate) struct Maker<'b> {
    pub(crate) base: &'b dyn Base,
    pub(crate) errors: Vec<HardenError>,
    layer: Layer,
}

impl<'b> Maker<'b> {
    pub(crate) fn new(base: &'b dyn Base) -> Self {
        Self { base, errors: Vec::new(), layer: Layer::default() }
    }

    /// The text of a file: as the layer has it by now, or else the base.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let bytes = match self.layer.nodes.get(&LayerPath::own(path)) {
            Some(Node::File { content: Content::Bytes(bytes), .. }) => Some(bytes.clone()),
            _ => self.base.file(path),
        };
        bytes.and_then(|it| String::from_utf8(it).ok())
    }

    /// Whether the layer or the base has something at `path`.
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.layer.nodes.contains_key(&LayerPath::own(path)) || self.base.exists(path)
    }

    /// Says that `module` needs `package`, unless the base has the `path` that it brings.
    pub(crate) fn need(&mut self, module: &'static str, package: &'static str, path: &str) -> bool {
        let there = self.base.exists(path);
        if !there {
            self.errors.push(HardenError::Package { module, package, path: path.to_owned() });
        }
        there
    }

    pub(crate) fn put(&mut self, path: LayerPath, node: Node) {
        self.layer.remove.remove(&path);
        self.layer.nodes.insert(path, node);
    }

    /// A file of root's that everybody reads.
    pub(crate) fn file(&mut self, path: &str, text: impl Into<Vec<u8>>) {
        self.owned(path, 0o644, (0, 0), text);
    }

    /// A file with everything that can be said of it.
    pub(crate) fn owned(&mut self, path: &str, mode: u32, (uid, gid): (u32, u32), text: impl Into<Vec<u8>>) {
        let content = Content::Bytes(text.into());
        self.put(LayerPath::own(path), Node::File { mode, uid, gid, content });
    }

    pub(crate) fn directory(&mut self, path: &str, mode: u32, (uid, gid): (u32, u32)) {
        self.put(LayerPath::own(path), Node::Directory { mode, uid, gid });
    }

    pub(crate) fn link(&mut self, path: &str, target: impl Into<String>) {
        self.put(LayerPath::own(path), Node::Symlink { target: target.into() });
    }

    pub(crate) fn remove(&mut self, path: &str) {
        let path = LayerPath::own(path);
        self.layer.nodes.remove(&path);
        self.layer.remove.insert(path);
    }

    /// The layer, with the directories that its nodes stand in.
    pub(crate) fn finish(mut self) -> Result<Layer, Vec<HardenError>> {
        let paths: Vec<LayerPath> = self.layer.nodes.keys().cloned().collect();
        for path in paths {
            self.parents(&path);
        }
        if self.errors.is_empty() { Ok(self.layer) } else { Err(self.errors) }
    }

    fn parents(&mut self, path: &LayerPath) {
        let mut next = path.parent();
        while let Some(parent) = next {
            match self.layer.nodes.get(&parent) {
                None if self.base.exists(parent.as_str()) => return,
                None => self.directory(parent.as_str(), 0o755, (0, 0)),
                Some(Node::Directory { .. }) => {}
                Some(_) => {
                    let (path, parent) = (path.to_string(), parent.to_string());
                    self.errors.push(HardenError::Below { path, parent });
                    return;
                }
            }
            next = parent.parent();
        }
    }
}
