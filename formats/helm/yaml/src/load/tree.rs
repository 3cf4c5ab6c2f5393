//! The tree of the first document of a text, before anything in it has a meaning.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::LoadError;
use super::event::{Event, Parser, Placed};
use crate::MAX_DEPTH;
use crate::node::At;
use crate::scan::{Mark, Source};

/// A node by its number.
pub(super) type Id = u32;

/// A node of the tree.
#[derive(Debug)]
pub(super) struct Raw<'a> {
    pub(super) shape: Shape<'a>,
    pub(super) at: At,
}

#[derive(Debug)]
pub(super) enum Shape<'a> {
    Scalar {
        value: Cow<'a, str>,
        tag: Box<str>,
        implicit: bool,
    },
    Alias {
        name: &'a str,
        to: Id,
    },
    List(Box<[Id]>),
    /// Keys and values in turn.
    Map(Box<[Id]>),
}

/// All nodes of a document.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    nodes: Vec<Raw<'a>>,
}

impl<'a> Tree<'a> {
    pub(super) fn get(&self, id: Id) -> &Raw<'a> {
        &self.nodes[id as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }
}

/// Where a part of a text begins in the whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) offset: usize,
    pub(crate) line: u32,
}

impl Origin {
    pub(crate) fn at(self, start: Mark, end: Mark) -> At {
        let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
        At {
            start: number(self.offset + start.offset),
            end: number(self.offset + end.offset),
            line: self.line + start.line + 1,
            column: start.column + 1,
        }
    }
}

/// A collection that is not closed yet.
struct Open {
    id: Id,
    /// Where its children begin among those of all open collections.
    children: usize,
    is_map: bool,
}

/// Builds a tree from events.
struct Builder<'a> {
    tree: Tree<'a>,
    anchors: BTreeMap<&'a str, Id>,
    open: Vec<Open>,
    children: Vec<Id>,
    origin: Origin,
}

/// Reads the first document; nothing if the text has none.
pub(super) fn read(source: Source<'_>, origin: Origin) -> Result<Option<(Tree<'_>, Id)>, LoadError> {
    // What a node of a usual manifest takes; a wrong guess costs a copy.
    let nodes = Vec::with_capacity(source.text.len() / 16);
    let mut parser = Parser::new(source);
    let mut next = || parser.next().map_err(|problem| LoadError::syntax(&problem, origin));
    if matches!(next()?.event, Event::StreamEnd) {
        return Ok(None);
    }
    let mut builder = Builder {
        tree: Tree { nodes },
        anchors: BTreeMap::new(),
        open: Vec::new(),
        children: Vec::new(),
        origin,
    };
    let root = loop {
        if let Some(root) = builder.add(next()?)? {
            break root;
        }
    };
    // Go looks for the end of the document, and so at the token behind it.
    next()?;
    Ok(Some((builder.tree, root)))
}

impl<'a> Builder<'a> {
    /// Takes an event; gives the root once it is whole.
    fn add(&mut self, placed: Placed<'a>) -> Result<Option<Id>, LoadError> {
        let at = self.origin.at(placed.start, placed.end);
        match placed.event {
            Event::Scalar(scalar) => {
                let shape = Shape::Scalar { value: scalar.value, tag: scalar.tag, implicit: scalar.implicit };
                let id = self.node(shape, at, scalar.anchor);
                Ok(self.done(id))
            }
            Event::Alias(name) => {
                let to = *self
                    .anchors
                    .get(name)
                    .ok_or_else(|| LoadError::content(format!("unknown anchor '{name}' referenced"), at))?;
                let id = self.node(Shape::Alias { name, to }, at, None);
                Ok(self.done(id))
            }
            Event::ListStart(anchor) => self.begin(Shape::List(Box::default()), at, anchor, false),
            Event::MapStart(anchor) => self.begin(Shape::Map(Box::default()), at, anchor, true),
            Event::ListEnd | Event::MapEnd => Ok(self.end(at)),
            Event::DocumentStart | Event::DocumentEnd | Event::StreamEnd => Ok(None),
        }
    }

    fn node(&mut self, shape: Shape<'a>, at: At, anchor: Option<&'a str>) -> Id {
        let id = Id::try_from(self.tree.nodes.len()).unwrap_or(Id::MAX);
        self.tree.nodes.push(Raw { shape, at });
        if let Some(name) = anchor {
            self.anchors.insert(name, id);
        }
        id
    }

    fn begin(
        &mut self,
        shape: Shape<'a>,
        at: At,
        anchor: Option<&'a str>,
        is_map: bool,
    ) -> Result<Option<Id>, LoadError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(LoadError::Depth { at });
        }
        let id = self.node(shape, at, anchor);
        self.open.push(Open { id, children: self.children.len(), is_map });
        Ok(None)
    }

    /// Closes the innermost collection, which ends where its last child does, or at its own mark.
    fn end(&mut self, mark: At) -> Option<Id> {
        let Open { id, children, is_map } = self.open.pop()?;
        let children: Box<[Id]> = self.children.drain(children..).collect();
        let last = children.last().map_or(0, |it| self.tree.get(*it).at.end);
        let raw = &mut self.tree.nodes[id as usize];
        raw.at.end = if mark.end > mark.start { mark.end } else { last.max(raw.at.end) };
        raw.shape = if is_map { Shape::Map(children) } else { Shape::List(children) };
        self.done(id)
    }

    fn done(&mut self, id: Id) -> Option<Id> {
        if self.open.is_empty() {
            return Some(id);
        }
        self.children.push(id);
        None
    }
}
