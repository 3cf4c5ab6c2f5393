//! Arguments, and what Go's `reflect` lets a parameter be given.

use super::{Exec, Step, Val};
use crate::ast::show::Node;
use crate::ast::{Expr, ExprKind};
use crate::function::Param;
use crate::value::{Data, Elem, IntKind, List, Map, MapKind, Value};

/// What is asked of an argument.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The value as it is: Go's `reflect.Value`, and what stands before a field.
    Value,
    /// A type.
    Param(Param),
}

impl<'t> Exec<'_, '_, 't> {
    /// The value of an operand, of the type that is asked for.
    pub(super) fn argument(&mut self, dot: &Val, wanted: Wanted, expr: &'t Expr) -> Step<Val> {
        self.at = Node::Expr(expr);
        let value = match &expr.kind {
            ExprKind::Dot => dot.clone(),
            ExprKind::Field(fields) => self.fields(dot, dot, Node::Expr(expr), fields, &[], None)?,
            ExprKind::Variable { name, fields } => self.variable(dot, expr, *name, fields, &[], None)?,
            ExprKind::Pipe(pipe) => {
                self.check_stack()?;
                Val::concrete(self.pipeline(dot, pipe)?)
            }
            ExprKind::Function(function) => {
                Val::concrete(self.function(dot, Node::Expr(expr), *function, &[], None)?)
            }
            ExprKind::Builtin(builtin) => self.builtin(dot, Node::Expr(expr), *builtin, &[], None)?,
            ExprKind::Chain { node, fields } => self.chain(dot, expr, node, fields, &[], None)?,
            ExprKind::Nil => return self.nil(wanted),
            _ => return self.literal_argument(wanted, expr),
        };
        match wanted {
            Wanted::Value | Wanted::Param(Param::Any) => Ok(value),
            Wanted::Param(param) => self.validate(value, param),
        }
    }

    fn nil(&self, wanted: Wanted) -> Step<Val> {
        match wanted {
            Wanted::Value | Wanted::Param(Param::Any) => Ok(Val::concrete(Value::NIL)),
            Wanted::Param(param) => match zero(param) {
                Some(value) => Ok(Val::concrete(value)),
                None => self.fail(format!("cannot assign nil to {}", param.type_name())),
            },
        }
    }

    /// A literal has no type of its own: it becomes what is asked for.
    fn literal_argument(&self, wanted: Wanted, expr: &'t Expr) -> Step<Val> {
        let param = match wanted {
            Wanted::Value | Wanted::Param(Param::Any) => return self.constant(expr).map(Val::concrete),
            Wanted::Param(param) => param,
        };
        let number = match &expr.kind {
            ExprKind::Number(number) => Some(number),
            _ => None,
        };
        let (value, expected) = match (param, &expr.kind) {
            (Param::String, ExprKind::Text { value, .. }) => (Some(value.clone()), "string"),
            (Param::Bool, ExprKind::Bool(bool)) => (Some((*bool).into()), "bool"),
            (Param::String, _) => (None, "string"),
            (Param::Bool, _) => (None, "bool"),
            (Param::Int, _) => (number.and_then(|number| number.int).map(Value::int), "integer"),
            (Param::Int64, _) => (number.and_then(|number| number.int).map(Value::int64), "integer"),
            (Param::Float64, _) => (number.and_then(|number| number.float).map(Value::from), "float"),
            _ => {
                let shown = Node::Expr(expr).show(&self.tree.source);
                return self.fail(format!("can't handle {shown} for arg of type {}", param.type_name()));
            }
        };
        match value {
            Some(value) => Ok(Val::concrete(value)),
            None => {
                self.fail(format!("expected {expected}; found {}", Node::Expr(expr).show(&self.tree.source)))
            }
        }
    }

    /// Refuses a value that is not of the type (`validateType`). What has no value at all is the zero of types that have one.
    pub(super) fn validate(&self, value: Val, param: Param) -> Step<Val> {
        if param == Param::Any {
            return Ok(value);
        }
        if fits(&value.value, param) {
            return Ok(converted(value, param));
        }
        if !value.is_invalid() {
            let got = if value.value.is_nil() {
                "interface {}"
            } else {
                value.value.type_name().unwrap_or_default()
            };
            return self.fail(format!("wrong type for value; expected {}; got {got}", param.type_name()));
        }
        match zero(param) {
            Some(zero) => Ok(Val::concrete(zero)),
            None => self.fail(format!("invalid value; expected {}", param.type_name())),
        }
    }
}

/// Can the value be assigned to the type?
fn fits(value: &Value, param: Param) -> bool {
    match (&value.data, param) {
        (_, Param::Any)
        | (Data::Bool(_), Param::Bool)
        | (Data::Float(_), Param::Float64)
        | (Data::Text(_), Param::String) => true,
        (Data::Int(int), Param::Int) => int.kind == IntKind::Int,
        (Data::Int(int), Param::Int64) => int.kind == IntKind::Int64,
        (Data::Map(map), Param::Map) => map.kind != MapKind::String,
        (Data::List(list), Param::List) => matches!(list.elem, Elem::Any | Elem::Nil),
        (Data::List(list), Param::Strings) => matches!(list.elem, Elem::String | Elem::Versions),
        (Data::Object(object), Param::Time) => matches!(object.type_name(), "time.Time" | "*time.Time"),
        _ => false,
    }
}

/// A value that fits, as one of the type itself: a named map becomes a plain one, of the same entries.
fn converted(value: Val, param: Param) -> Val {
    match &value.value.data {
        Data::Map(map) if param == Param::Map && map.kind == MapKind::Values => {
            let plain = Data::Map(std::rc::Rc::new(map.as_kind(MapKind::Any)));
            Val { value: Value { data: plain, taint: value.value.taint }, ..value }
        }
        _ => value,
    }
}

/// What `nil` is as a value of the type. Go's nil maps and lists are empty ones here.
fn zero(param: Param) -> Option<Value> {
    let list = |elem| Data::List(std::rc::Rc::new(List { elem, items: Vec::new() })).into();
    match param {
        Param::Any => Some(Value::NIL),
        Param::Map => Some(Data::Map(std::rc::Rc::new(Map::new(MapKind::Any))).into()),
        Param::List => Some(list(Elem::Any)),
        Param::Strings => Some(list(Elem::String)),
        _ => None,
    }
}
