//! What becomes of origins and taints when a function makes a value of others.
//!
//! Only data flows: a value that was chosen by an `if` over a random one is not tainted by it.

use std::collections::HashSet;
use std::rc::Rc;

use super::Exec;
use crate::text::{Origin, Taint, Text};
use crate::value::{Data, List, Value};

impl Exec<'_, '_, '_> {
    /// The sum of the reasons of the arguments from `base` on.
    pub(super) fn taint_of(&self, base: usize) -> Taint {
        let args = &self.run.stack[base..];
        if self.run.tainted {
            let mut search = Search::default();
            for arg in args {
                search.look(arg);
            }
            return search.taint;
        }
        args.iter().fold(Taint::NONE, |sum, arg| sum.and(arg.taint))
    }

    /// A result that was made of the arguments from `base` on: it has their reasons, and the first one's origin.
    pub(super) fn derive(&mut self, value: Value, base: usize) -> Value {
        let taint = self.taint_of(base);
        self.run.tainted |= !value.taint.and(taint).is_none();
        let value = match &value.data {
            Data::Text(text) if text.spans().is_empty() && self.run.options.trace => {
                match self.run.stack[base..].iter().find_map(first_origin) {
                    Some(origin) => Text::from_origin(text.shared(), origin, taint.and(value.taint)).into(),
                    None => value,
                }
            }
            _ if taint.is_none() => return value,
            _ => taint_elements(value, taint),
        };
        value.tainted(taint)
    }
}

/// The origin of an argument: of its first part that comes from a file, or else its first part.
fn first_origin(value: &Value) -> Option<Origin> {
    let spans = value.as_text()?.spans();
    let from_file = spans.iter().find(|span| span.origin.file != 0);
    from_file.or(spans.first()).map(|span| span.origin)
}

/// A new list or map of tainted parts: which element came of which part is not known.
fn taint_elements(value: Value, taint: Taint) -> Value {
    let whole = value.taint;
    match &value.data {
        Data::List(list) => {
            let items = list.items.iter().map(|item| item.clone().tainted(taint)).collect();
            Value { data: Data::List(Rc::new(List { elem: list.elem, items })), taint: whole }
        }
        Data::Map(map) => {
            for item in map.entries.borrow_mut().values_mut() {
                item.taint = item.taint.and(taint);
            }
            value
        }
        _ => value,
    }
}

/// A search for reasons in everything that a value holds. Maps may hold themselves.
#[derive(Default)]
struct Search {
    taint: Taint,
    seen: HashSet<usize>,
    left: Vec<Value>,
}

impl Search {
    fn look(&mut self, value: &Value) {
        self.step(value);
        while let Some(value) = self.left.pop() {
            self.step(&value);
        }
    }

    fn step(&mut self, value: &Value) {
        self.taint = self.taint.and(value.taint);
        match &value.data {
            Data::List(list) if self.seen.insert(Rc::as_ptr(list).addr()) => {
                for item in &list.items {
                    self.queue(item);
                }
            }
            Data::Map(map) if self.seen.insert(Rc::as_ptr(map).addr()) => {
                for item in map.entries.borrow().values() {
                    self.queue(item);
                }
            }
            _ => {}
        }
    }

    fn queue(&mut self, item: &Value) {
        self.taint = self.taint.and(item.taint);
        if matches!(item.data, Data::List(_) | Data::Map(_)) {
            self.left.push(item.clone());
        }
    }
}
