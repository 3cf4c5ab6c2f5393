//! Fields, keys and methods.

use super::{Exec, Step, Val};
use crate::ast::show::Node;
use crate::ast::{Expr, Ident};
use crate::fmt;
use crate::object::Object;
use crate::run::Missing;
use crate::text::Text;
use crate::value::{Data, Elem, Kind, Map, MapKind, Value};
use crate::versions::Versions;

/// The value at the end of the fields, if all before it are maps that have them. Nothing between is copied.
pub(super) fn descend(from: &Val, fields: &[Ident]) -> Option<Val> {
    fn step(map: &Map, fields: &[Ident]) -> Option<Val> {
        let (first, rest) = fields.split_first()?;
        // It may be a method.
        if map.kind == MapKind::Values && first.as_bytes().first().is_some_and(u8::is_ascii_uppercase) {
            return None;
        }
        let entries = map.entries.borrow();
        let value = entries.get(first.as_bytes())?;
        match (&value.data, rest) {
            (_, []) => Some(Val { value: value.clone(), interface: map.kind != MapKind::String }),
            (Data::Map(map), _) if value.taint.is_none() => step(map, rest),
            _ => None,
        }
    }
    match &from.value.data {
        Data::Map(map) if from.value.taint.is_none() => step(map, fields),
        _ => None,
    }
}

impl<'t> Exec<'_, '_, 't> {
    /// `receiver.a.b.c`; the arguments are of the last one, if it is a method.
    pub(super) fn fields(
        &mut self,
        dot: &Val,
        receiver: &Val,
        node: Node<'t>,
        fields: &'t [Ident],
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Step<Val> {
        if args.len() < 2
            && last.is_none()
            && let Some(found) = descend(receiver, fields)
        {
            return Ok(found);
        }
        let Some((end, before)) = fields.split_last() else {
            return Ok(receiver.clone());
        };
        let mut receiver = receiver.clone();
        for field in before {
            receiver = self.field(dot, &receiver, node, field, &[], None)?;
        }
        self.field(dot, &receiver, node, end, args, last)
    }

    fn field(
        &mut self,
        dot: &Val,
        receiver: &Val,
        node: Node<'t>,
        name: &str,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Step<Val> {
        let has_args = args.len() > 1 || last.is_some();
        if let Data::Map(map) = &receiver.value.data
            && map.kind == MapKind::Values
            && let Some(method) = self.run.method(name)
        {
            return self.method(dot, receiver, node, &method, args, last);
        }
        let found = match &receiver.value.data {
            Data::Nil if receiver.interface => {
                return self.fail(format!("nil pointer evaluating interface {{}}.{name}"));
            }
            Data::Nil if self.run.options.missing == Missing::Error => {
                return self.fail(format!("nil data; no entry for key {}", fmt::quoted(name.as_bytes())));
            }
            Data::Nil => Val::concrete(Value::NIL),
            Data::Map(_) if has_args => {
                return self.fail(format!("{name} is not a method but has arguments"));
            }
            Data::Map(map) => match map.get(name.as_bytes()) {
                Some(value) => Val { value, interface: map.kind != MapKind::String },
                None => self.missing(map.kind, name)?,
            },
            Data::Object(object) => {
                let object = std::rc::Rc::clone(object);
                self.member(dot, receiver, &*object, node, name, args, last)?
            }
            Data::List(of) if of.elem == Elem::Versions => {
                let versions = Versions(std::rc::Rc::clone(of));
                self.member(dot, receiver, &versions, node, name, args, last)?
            }
            _ => return self.no_field(receiver, name),
        };
        Ok(Val { value: found.value.tainted(receiver.value.taint), interface: found.interface })
    }

    pub(super) fn no_field<T>(&self, receiver: &Val, name: &str) -> Step<T> {
        self.fail(format!("can't evaluate field {name} in type {}", receiver.type_name()))
    }

    fn missing(&self, kind: MapKind, name: &str) -> Step<Val> {
        match self.run.options.missing {
            Missing::Error => self.fail(format!("map has no entry for key {}", fmt::quoted(name.as_bytes()))),
            Missing::Invalid => Ok(Val::concrete(Value::NIL)),
            Missing::Zero if kind == MapKind::String => Ok(Val::concrete(Text::default().into())),
            Missing::Zero => Ok(Val::held(Value::NIL)),
        }
    }

    /// A method or field of an object. No type has both under one name, so that a field may be asked for first.
    #[expect(clippy::too_many_arguments, reason = "all of them make one call")]
    fn member(
        &mut self,
        dot: &Val,
        receiver: &Val,
        object: &dyn Object,
        node: Node<'t>,
        name: &str,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Step<Val> {
        let has_args = args.len() > 1 || last.is_some();
        if !has_args && let Some(value) = object.field(name) {
            return Ok(Val::concrete(value));
        }
        let base = self.run.stack.len();
        for arg in args.iter().skip(1) {
            let value =
                self.argument(dot, super::argument::Wanted::Param(crate::function::Param::Any), arg)?;
            self.run.stack.push(value.value);
        }
        self.run.stack.extend(last);
        let result = object.call(name, &self.run.stack[base..]);
        let taint = self.taint_of(base);
        self.run.stack.truncate(base);
        match result {
            Some(Ok(value)) => {
                self.check_size(&value)?;
                Ok(Val::concrete(value.tainted(taint)))
            }
            Some(Err(error)) => {
                self.at = node;
                self.fail(format!("error calling {name}: {error}"))
            }
            None if object.kind() == Kind::Map && has_args => {
                self.fail(format!("{name} is not a method but has arguments"))
            }
            None if object.kind() == Kind::Map => self.missing(MapKind::Any, name),
            None if object.field(name).is_some() => {
                self.fail(format!("{name} has arguments but cannot be invoked as function"))
            }
            None => self.no_field(receiver, name),
        }
    }
}
