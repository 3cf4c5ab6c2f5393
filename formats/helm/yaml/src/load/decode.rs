//! A tree to nodes: aliases, merges, keys, and what JSON does not have (`decode.go` of Go's `yaml.v2`,
//! `convertToJSONableObject` of `sigs.k8s.io/yaml`).

use std::collections::BTreeMap;

use super::go;
use super::scalar::{Value, is_merge, value};
use super::tree::{Id, Raw, Shape, Tree};
use super::{LoadError, Numbers};
use crate::MAX_DEPTH;
use crate::node::{At, Data, Node};
use crate::resolve::{Number, through_json};

/// What Go would find wrong only behind the decoder, and not at all if another value takes the place of this one.
#[derive(Debug)]
struct Defect {
    /// 0: the conversion of keys; 1: JSON, which is written after all keys were converted.
    stage: u8,
    error: LoadError,
}

/// A node, and what is wrong with it.
type Decoded = (Node, Option<Box<Defect>>);

/// A mapping while it is read.
#[derive(Default)]
struct Mapping {
    entries: BTreeMap<String, Node>,
    /// By key; an error is what is no key of JSON.
    defects: Vec<(Result<String, Value>, Box<Defect>)>,
}

/// Decodes one document.
pub(super) struct Decoder<'t, 'a> {
    tree: &'t Tree<'a>,
    numbers: Numbers,
    /// Aliases that are being followed.
    following: Vec<bool>,
    alias_depth: usize,
    depth: usize,
    decoded: u64,
    decoded_in_aliases: u64,
}

pub(super) fn decode(tree: &Tree<'_>, root: Id, numbers: Numbers) -> Result<Node, LoadError> {
    let mut decoder = Decoder {
        tree,
        numbers,
        following: vec![false; tree.len()],
        alias_depth: 0,
        depth: 0,
        // The document itself is a step.
        decoded: 1,
        decoded_in_aliases: 0,
    };
    match decoder.node(root)? {
        (_, Some(defect)) => Err(defect.error),
        (node, None) => Ok(node),
    }
}

impl<'t, 'a> Decoder<'t, 'a> {
    fn raw(&self, id: Id) -> &'t Raw<'a> {
        self.tree.get(id)
    }

    fn node(&mut self, id: Id) -> Result<Decoded, LoadError> {
        self.count(id)?;
        let raw = self.raw(id);
        match &raw.shape {
            Shape::Scalar { value: text, tag, implicit } => {
                let value = value(text, tag, *implicit).map_err(|it| LoadError::content(it, raw.at))?;
                Ok(self.scalar(value, raw.at))
            }
            Shape::Alias { name, to } => self.through(id, name, |it| it.node(*to)),
            Shape::List(items) => self.deeper(raw.at, |it| it.list(items, raw.at)),
            Shape::Map(_) => self.deeper(raw.at, |it| {
                let mut mapping = Mapping::default();
                it.map(id, &mut mapping)?;
                Ok(mapping.finish(raw.at))
            }),
        }
    }

    /// One step of Go's decoder, of which most may not come from aliases.
    fn count(&mut self, id: Id) -> Result<(), LoadError> {
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.decoded_in_aliases += 1;
        }
        #[expect(clippy::cast_precision_loss, reason = "Go's own arithmetic")]
        let ratio = |it: &Self| it.decoded_in_aliases as f64 / it.decoded as f64;
        if self.decoded_in_aliases > 100 && self.decoded > 1000 && ratio(self) > allowed_ratio(self.decoded) {
            let text = "document contains excessive aliasing".to_owned();
            return Err(LoadError::content(text, self.raw(id).at));
        }
        Ok(())
    }

    /// Follows an alias.
    fn through<T>(
        &mut self,
        id: Id,
        name: &str,
        then: impl FnOnce(&mut Self) -> Result<T, LoadError>,
    ) -> Result<T, LoadError> {
        if std::mem::replace(&mut self.following[id as usize], true) {
            let text = format!("anchor '{name}' value contains itself");
            return Err(LoadError::content(text, self.raw(id).at));
        }
        self.alias_depth += 1;
        let result = then(self)?;
        self.alias_depth -= 1;
        self.following[id as usize] = false;
        Ok(result)
    }

    fn deeper<T>(
        &mut self,
        at: At,
        then: impl FnOnce(&mut Self) -> Result<T, LoadError>,
    ) -> Result<T, LoadError> {
        if self.depth >= MAX_DEPTH {
            return Err(LoadError::Depth { at });
        }
        self.depth += 1;
        let result = then(self)?;
        self.depth -= 1;
        Ok(result)
    }

    fn scalar(&self, value: Value, at: At) -> Decoded {
        let floats = self.numbers == Numbers::Floats;
        #[expect(clippy::cast_precision_loss, reason = "a float is what JSON's reader makes of it")]
        let data = match value {
            Value::Null => Data::Null,
            Value::Bool(it) => Data::Bool(it),
            Value::Int(it) if floats => Data::Float(it as f64),
            Value::Uint(it) if floats => Data::Float(it as f64),
            Value::Int(it) => Data::Int(it),
            Value::Uint(it) => Data::Uint(it),
            Value::Float(it) if !it.is_finite() => {
                let error = LoadError::NotFinite { value: go::number(it), at };
                return (Data::Null.into(), Some(Box::new(Defect { stage: 1, error })));
            }
            Value::Float(it) if floats => Data::Float(it),
            Value::Float(it) => match through_json(it) {
                Number::Int(it) => Data::Int(it),
                Number::Uint(it) => Data::Uint(it),
                Number::Float(it) => Data::Float(it),
            },
            Value::String(it) => Data::String(it),
        };
        (Node { data, at }, None)
    }

    fn list(&mut self, items: &[Id], at: At) -> Result<Decoded, LoadError> {
        let mut nodes = Vec::with_capacity(items.len());
        let mut defect: Option<Box<Defect>> = None;
        for item in items {
            let (node, found) = self.node(*item)?;
            nodes.push(node);
            defect = first(defect, found);
        }
        Ok((Node { data: Data::List(nodes), at }, defect))
    }

    /// The entries of a mapping into one that may have some already.
    fn map(&mut self, id: Id, into: &mut Mapping) -> Result<(), LoadError> {
        let Shape::Map(children) = &self.raw(id).shape else { return Ok(()) };
        for pair in children.chunks_exact(2) {
            let (key, value) = (pair[0], pair[1]);
            if is_merge(&self.raw(key).shape) {
                self.merge(value, into)?;
                continue;
            }
            let decoded_key = self.key(key)?;
            let (node, defect) = self.node(value)?;
            match decoded_key.key() {
                Ok(text) => into.insert(text, node, defect),
                Err(it) => {
                    let error = self.no_key(&it, key, value);
                    into.spoil(Err(it), Box::new(Defect { stage: 0, error }));
                }
            }
        }
        Ok(())
    }

    fn key(&mut self, id: Id) -> Result<Value, LoadError> {
        self.count(id)?;
        let raw = self.raw(id);
        match &raw.shape {
            Shape::Scalar { value: text, tag, implicit } => {
                value(text, tag, *implicit).map_err(|it| LoadError::content(it, raw.at))
            }
            Shape::Alias { name, to } => self.through(id, name, |it| it.key(*to)),
            Shape::List(items) => {
                self.deeper(raw.at, |it| it.list(items, raw.at))?;
                Err(self.collection_as_key(id))
            }
            Shape::Map(_) => {
                self.deeper(raw.at, |it| it.map(id, &mut Mapping::default()))?;
                Err(self.collection_as_key(id))
            }
        }
    }

    fn collection_as_key(&self, id: Id) -> LoadError {
        LoadError::content(format!("invalid map key: {}", go::syntax(self.tree, id)), self.raw(id).at)
    }

    fn no_key(&self, key: &Value, at: Id, value: Id) -> LoadError {
        let mut shown = String::new();
        go::scalar(key, false, &mut shown);
        let kind = if *key == Value::Null { "%!s(<nil>)" } else { "uint64" };
        let value = go::top_syntax(self.tree, value);
        LoadError::Key {
            text: format!("unsupported map key of type: {kind}, key: {shown}, value: {value}"),
            at: self.raw(at).at,
        }
    }

    /// `<<`: the entries of a mapping, or of several of which the first counts most.
    fn merge(&mut self, id: Id, into: &mut Mapping) -> Result<(), LoadError> {
        match &self.raw(id).shape {
            Shape::List(items) => items.iter().rev().try_for_each(|it| self.merge_one(*it, into)),
            _ => self.merge_one(id, into),
        }
    }

    fn merge_one(&mut self, id: Id, into: &mut Mapping) -> Result<(), LoadError> {
        let raw = self.raw(id);
        let no_map = || {
            let text = "map merge requires map or sequence of maps as the value".to_owned();
            LoadError::content(text, raw.at)
        };
        match &raw.shape {
            Shape::Map(_) => {
                self.count(id)?;
                self.map(id, into)
            }
            Shape::Alias { name, to } if matches!(self.raw(*to).shape, Shape::Map(_)) => {
                self.count(id)?;
                // A chain of merges is no deeper than a tree may be.
                self.deeper(raw.at, |it| {
                    it.through(id, name, |it| {
                        it.count(*to)?;
                        it.map(*to, into)
                    })
                })
            }
            _ => Err(no_map()),
        }
    }
}

impl Mapping {
    fn insert(&mut self, key: String, node: Node, defect: Option<Box<Defect>>) {
        match defect {
            Some(defect) => self.spoil(Ok(key.clone()), defect),
            None => self.defects.retain(|(known, _)| known.as_ref() != Ok(&key)),
        }
        self.entries.insert(key, node);
    }

    fn spoil(&mut self, key: Result<String, Value>, defect: Box<Defect>) {
        self.defects.retain(|(known, _)| *known != key);
        self.defects.push((key, defect));
    }

    fn finish(self, at: At) -> Decoded {
        let defect = self.defects.into_iter().map(|(_, it)| Some(it)).fold(None, first);
        (Node { data: Data::Map(self.entries), at }, defect)
    }
}

/// The one of two defects that Go meets first.
fn first(known: Option<Box<Defect>>, found: Option<Box<Defect>>) -> Option<Box<Defect>> {
    match (known, found) {
        (Some(known), Some(found)) => Some(if found.stage < known.stage { found } else { known }),
        (known, found) => known.or(found),
    }
}

/// How much of a document may come from aliases: 99 %, and less from 400 000 nodes on, down to 10 % of 4 000 000.
#[expect(clippy::cast_precision_loss, reason = "Go's own arithmetic")]
fn allowed_ratio(decoded: u64) -> f64 {
    const LOW: u64 = 400_000;
    const HIGH: u64 = 4_000_000;
    match decoded {
        ..=LOW => 0.99,
        HIGH.. => 0.10,
        _ => 0.99 - 0.89 * ((decoded - LOW) as f64 / (HIGH - LOW) as f64),
    }
}
