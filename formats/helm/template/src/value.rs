//! Values of templates, with Go's kinds.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::object::Object;
use crate::text::{Bytes, Taint, Text};

/// A value: what it is, and whether it would be another one next time.
#[derive(Clone, Debug)]
pub struct Value {
    /// What it is.
    pub data: Data,
    /// Whether it would be another one next time. Of a text, the sum of its parts; of a list or map, of itself alone:
    /// its elements have their own.
    pub taint: Taint,
}

/// What a value is.
///
/// Lists are immutable and shared. Maps are shared *and mutable*, as in Go: `set` through one variable shows in every other.
#[derive(Clone, Debug)]
pub enum Data {
    /// `nil`, and what a missing key gives.
    Nil,
    /// `bool`.
    Bool(bool),
    /// Any integer.
    Int(Int),
    /// `float64`: also every number of a file of values.
    Float(f64),
    /// `string`.
    Text(Text),
    /// A slice.
    List(Rc<List>),
    /// A map with strings as keys.
    Map(Rc<Map>),
    /// What has fields or methods of its own.
    Object(Rc<dyn Object>),
}

/// An integer and its Go type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int {
    /// Its bits; of `uint64` and `uint`, to be read as unsigned.
    pub bits: i64,
    /// Its type.
    pub kind: IntKind,
}

/// Go's integer types, as far as templates meet them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the Go type of its name")]
pub enum IntKind {
    Int,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint32,
    Uint64,
}

/// Go's `reflect.Kind`, as far as templates meet it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the Go kind of its name")]
pub enum Kind {
    Invalid,
    Bool,
    Int(IntKind),
    Float64,
    String,
    Slice,
    Map,
    Struct,
    Ptr,
    Func,
}

/// What the elements of a list are in Go: it shows in `typeOf`, `%T` and in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the Go type of its name")]
pub enum Elem {
    Any,
    String,
    Int,
    Byte,
    /// A slice of `interface {}` that is `nil`: without elements, and equal to `nil`.
    Nil,
    /// Strings, in the named type of what a cluster knows, which has a method `Has`.
    Versions,
}

/// A slice. It never changes.
#[derive(Clone, Debug)]
pub struct List {
    /// What its elements are.
    pub elem: Elem,
    /// Its elements.
    pub items: Vec<Value>,
}

/// What a map is in Go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// `map[string]interface {}`.
    Any,
    /// `map[string]string`.
    String,
    /// The named type of a chart's values; its underlying type is `map[string]interface {}`.
    Values,
}

/// A map: shared and mutable.
#[derive(Debug)]
pub struct Map {
    /// What it is in Go.
    pub kind: MapKind,
    /// Its entries, in the order of bytes of their keys, as `range` goes. Maps of other kinds may share them
    /// ([`as_kind`](Self::as_kind)).
    pub entries: Rc<RefCell<BTreeMap<Bytes, Value>>>,
}

impl Map {
    /// An empty map.
    pub fn new(kind: MapKind) -> Self {
        Self { kind, entries: Rc::default() }
    }

    /// A map of these entries.
    pub fn from_entries(kind: MapKind, entries: BTreeMap<Bytes, Value>) -> Self {
        Self { kind, entries: Rc::new(RefCell::new(entries)) }
    }

    /// The same map as another type of Go sees it: what is set through one shows in the other.
    #[must_use]
    pub fn as_kind(&self, kind: MapKind) -> Self {
        Self { kind, entries: Rc::clone(&self.entries) }
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.entries.borrow().get(key).cloned()
    }

    /// Gives a key a value.
    pub fn set(&self, key: impl Into<Bytes>, value: Value) {
        self.entries.borrow_mut().insert(key.into(), value);
    }

    /// The entries as they are now. A loop goes over these, so that its body may change the map.
    pub fn snapshot(&self) -> Vec<(Bytes, Value)> {
        self.entries.borrow().iter().map(|(key, value)| (Bytes::clone(key), value.clone())).collect()
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Has it none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for List {
    /// A list in a list in a list …, as deep as a loop can make it, is taken apart without as many frames of stack.
    fn drop(&mut self) {
        if self.items.iter().any(Value::is_container) {
            take_apart(std::mem::take(&mut self.items));
        }
    }
}

impl Drop for Map {
    /// As of [`List`].
    fn drop(&mut self) {
        let Some(entries) = Rc::get_mut(&mut self.entries) else { return };
        let entries = entries.get_mut();
        if entries.values().any(Value::is_container) {
            take_apart(std::mem::take(entries).into_values().collect());
        }
    }
}

fn take_apart(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        match value.data {
            Data::List(list) => {
                if let Some(mut list) = Rc::into_inner(list) {
                    values.append(&mut list.items);
                }
            }
            Data::Map(map) => {
                if let Some(mut map) = Rc::into_inner(map)
                    && let Some(entries) = Rc::get_mut(&mut map.entries)
                {
                    values.extend(std::mem::take(entries.get_mut()).into_values());
                }
            }
            _ => {}
        }
    }
}

impl Value {
    fn is_container(&self) -> bool {
        matches!(self.data, Data::List(_) | Data::Map(_))
    }

    /// `nil`.
    pub const NIL: Self = Self { data: Data::Nil, taint: Taint::NONE };

    /// An `int`.
    pub fn int(value: i64) -> Self {
        Self::integer(value, IntKind::Int)
    }

    /// An `int` that counts something in memory.
    pub fn count(count: usize) -> Self {
        Self::int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// An `int64`.
    pub fn int64(value: i64) -> Self {
        Self::integer(value, IntKind::Int64)
    }

    /// An integer of this type.
    pub fn integer(bits: i64, kind: IntKind) -> Self {
        Data::Int(Int { bits, kind }).into()
    }

    /// A string of unknown origin.
    pub fn text(bytes: impl Into<Bytes>) -> Self {
        Text::new(bytes).into()
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Self>) -> Self {
        Data::List(Rc::new(List { elem: Elem::Any, items })).into()
    }

    /// A `[]interface {}` that is `nil`, or has elements: what Go's `append` to nothing gives.
    pub fn appended(items: Vec<Self>) -> Self {
        let elem = if items.is_empty() { Elem::Nil } else { Elem::Any };
        Data::List(Rc::new(List { elem, items })).into()
    }

    /// A `[]string`.
    pub fn strings(items: impl IntoIterator<Item = Text>) -> Self {
        let items = items.into_iter().map(Self::from).collect();
        Data::List(Rc::new(List { elem: Elem::String, items })).into()
    }

    /// A `map[string]interface {}`.
    pub fn map(entries: BTreeMap<Bytes, Self>) -> Self {
        Data::Map(Rc::new(Map::from_entries(MapKind::Any, entries))).into()
    }

    /// The same value, with reasons added.
    #[must_use]
    pub fn tainted(mut self, taint: Taint) -> Self {
        self.taint = self.taint.and(taint);
        self
    }

    /// Is it `nil`?
    pub fn is_nil(&self) -> bool {
        matches!(self.data, Data::Nil)
    }

    /// Its text, if it is a string.
    pub fn as_text(&self) -> Option<&Text> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Rc<Map>> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<&Rc<List>> {
        match &self.data {
            Data::List(list) => Some(list),
            _ => None,
        }
    }

    /// Its kind, as `reflect` tells it.
    pub fn kind(&self) -> Kind {
        match &self.data {
            Data::Nil => Kind::Invalid,
            Data::Bool(_) => Kind::Bool,
            Data::Int(int) => Kind::Int(int.kind),
            Data::Float(_) => Kind::Float64,
            Data::Text(_) => Kind::String,
            Data::List(_) => Kind::Slice,
            Data::Map(_) => Kind::Map,
            Data::Object(object) => object.kind(),
        }
    }
}

impl From<Data> for Value {
    fn from(data: Data) -> Self {
        Self { data, taint: Taint::NONE }
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        let taint = text.taint();
        Self { data: Data::Text(text), taint }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Data::Bool(value).into()
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Data::Float(value).into()
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Text::from(value).into()
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Text::from(value).into()
    }
}
