//! The functions that every template has.

use super::argument::Wanted;
use super::{Exec, Step, Val, compare, escape, index, is_true};
use crate::ast::show::Node;
use crate::ast::{Builtin, Expr};
use crate::error::Class;
use crate::fmt;
use crate::function::{Error, Param};
use crate::text::{Origin, Taint, Text, TextBuilder};
use crate::value::{Data, Kind, Value};

const ANY: Param = Param::Any;

impl Builtin {
    /// The parameters that must be given, and whether there may be more.
    fn params(self) -> (&'static [Param], Option<Param>) {
        match self {
            Self::And | Self::Or | Self::Call | Self::Index | Self::Slice | Self::Eq => (&[ANY], Some(ANY)),
            Self::Len | Self::Not => (&[ANY], None),
            Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge => (&[ANY, ANY], None),
            Self::Html | Self::Js | Self::UrlQuery | Self::Print | Self::Println => (&[], Some(ANY)),
            Self::Printf => (&[Param::String], Some(ANY)),
        }
    }
}

impl<'t> Exec<'_, '_, 't> {
    /// A call of a built-in function; `node` is what its error is about.
    pub(super) fn builtin(
        &mut self,
        dot: &Val,
        node: Node<'t>,
        builtin: Builtin,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Step<Val> {
        match builtin {
            Builtin::And | Builtin::Or => self.and_or(dot, builtin, args, last),
            _ => {
                let base = self.run.stack.len();
                let (params, rest) = builtin.params();
                let held = self.arguments(dot, builtin.name(), params, rest, args, last)?;
                let name = (builtin == Builtin::Call).then(|| self.callee(args, base));
                let result = self.builtin_result(builtin, base, held, name.as_deref());
                self.run.stack.truncate(base);
                self.answer(node, builtin, result)
            }
        }
    }

    /// What `call` says that it was to call.
    fn callee(&self, args: &'t [Expr], base: usize) -> String {
        if let Some(arg) = args.first() {
            return Node::Expr(arg).show(&self.tree.source);
        }
        let value = &self.run.stack[base];
        match value.as_text() {
            Some(text) => text.to_str().into_owned(),
            None => format!("<{} Value>", value.type_name().unwrap_or("invalid")),
        }
    }

    fn answer(&mut self, node: Node<'t>, builtin: Builtin, result: Result<Value, Error>) -> Step<Val> {
        match result {
            Ok(value) => {
                self.check_size(&value)?;
                Ok(Val::concrete(value))
            }
            Err(error) => {
                self.at = node;
                let class = if fmt::is_limit(&error) { Class::Budget } else { Class::Exec };
                self.end(class, format!("error calling {}: {error}", builtin.name()), Vec::new())
            }
        }
    }

    /// The first argument that decides, or the last one. What stands behind it is not evaluated.
    fn and_or(&mut self, dot: &Val, builtin: Builtin, args: &'t [Expr], last: Option<Value>) -> Step<Val> {
        if args.is_empty() && last.is_none() {
            return self.fail(format!("wrong number of args for {}: want at least 1 got 0", builtin.name()));
        }
        let mut value = Val::concrete(Value::NIL);
        for arg in args {
            value = self.argument(dot, Wanted::Value, arg)?;
            if is_true(&value.value) == (builtin == Builtin::Or) {
                return Ok(value);
            }
        }
        Ok(last.map_or(value, Val::concrete))
    }

    fn builtin_result(
        &mut self,
        builtin: Builtin,
        base: usize,
        held: u64,
        callee: Option<&str>,
    ) -> Result<Value, Error> {
        let args = &self.run.stack[base..];
        let bool = |result: Result<bool, Error>| {
            let taint = args.iter().fold(Taint::NONE, |sum, arg| sum.and(arg.taint));
            result.map(|bool| Value::from(bool).tainted(taint))
        };
        match builtin {
            Builtin::Not => bool(Ok(!is_true(&args[0]))),
            Builtin::Eq => bool(compare::equal(args)),
            Builtin::Ne => bool(compare::equal(args).map(|equal| !equal)),
            Builtin::Lt => bool(compare::less(&args[0], &args[1])),
            Builtin::Le => bool(compare::less_or_equal(&args[0], &args[1])),
            Builtin::Gt => bool(compare::less_or_equal(&args[0], &args[1]).map(|less| !less)),
            Builtin::Ge => bool(compare::less(&args[0], &args[1]).map(|less| !less)),
            Builtin::Index => index::index(args),
            Builtin::Slice => index::slice(args, held),
            Builtin::Len => index::length(&args[0], held & 1 == 1)
                .map(|length| Value::count(length).tainted(args[0].taint)),
            Builtin::Call => call(args, callee.unwrap_or("<nil>")),
            Builtin::Printf => self.printf(base),
            _ => {
                let text = match builtin {
                    Builtin::Print => printed(args, fmt::print)?,
                    Builtin::Println => printed(args, fmt::println)?,
                    Builtin::Html => escape::html(&printable(args)?),
                    Builtin::Js => escape::js(&printable(args)?),
                    _ => escape::url_query(&printable(args)?),
                };
                Ok(self.derive(Value::text(text), base))
            } // `and` and `or` evaluate their arguments themselves.
        }
    }

    /// `printf` knows which bytes came of which argument.
    fn printf(&mut self, base: usize) -> Result<Value, Error> {
        let args = &self.run.stack[base..];
        let Data::Text(format) = &args[0].data else {
            return Err("the format is no string".into());
        };
        let mut out = Vec::with_capacity(format.bytes().len() * 2);
        if !self.run.options.trace {
            fmt::printf(&mut out, format.bytes(), &args[1..])?;
            return Ok(self.derive(Value::text(out), base));
        }
        let mut marks = fmt::Marks::new();
        fmt::printf_marked(&mut out, format.bytes(), &args[1..], &mut marks)?;
        let taint = self.taint_of(base);
        if taint.is_none() && args.iter().all(|arg| arg.as_text().is_none_or(|text| text.spans().is_empty()))
        {
            return Ok(Value::text(out));
        }
        let text = woven(&out, &marks, &args[1..], args[0].taint);
        // Reasons inside of lists and maps are of no part alone.
        Ok(Value::from(text).tainted(taint))
    }
}

/// The text of a format, with the origins of its arguments.
fn woven(out: &[u8], marks: &fmt::Marks, args: &[Value], format: Taint) -> Text {
    let mut builder = TextBuilder::default();
    let mut start = 0;
    for (end, arg) in marks {
        let bytes = &out[start..*end];
        start = *end;
        let arg = arg.map(|arg| &args[arg]);
        let taint = arg.map_or(format, |arg| arg.taint.and(format));
        match arg.and_then(Value::as_text) {
            // Reasons that no part has were given to the whole.
            Some(text) if text.bytes() == bytes && taint.without(text.taint()).is_none() => {
                builder.push_text(text);
            }
            Some(text) => {
                let origin = text.spans().first().map_or(Origin::default(), |span| span.origin);
                builder.push(bytes, origin, taint);
            }
            None => builder.push(bytes, Origin::default(), taint),
        }
    }
    builder.finish()
}

fn printed(args: &[Value], print: fn(&mut Vec<u8>, &[Value]) -> Result<(), Error>) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    print(&mut out, args)?;
    Ok(out)
}

/// As an action would write them: `nil` is `<no value>` there.
fn printable(args: &[Value]) -> Result<Vec<u8>, Error> {
    if !args.iter().any(Value::is_nil) {
        return printed(args, fmt::print);
    }
    let shown = |arg: &Value| if arg.is_nil() { "<no value>".into() } else { arg.clone() };
    let args: Vec<Value> = args.iter().map(shown).collect();
    printed(&args, fmt::print)
}

fn call(args: &[Value], name: &str) -> Result<Value, Error> {
    match &args[0].data {
        Data::Nil => Err("call of nil".into()),
        Data::Object(object) if object.kind() == Kind::Func => object
            .call("", &args[1..])
            .unwrap_or_else(|| Err(format!("call of {name}, which cannot be called").into())),
        _ => Err(format!("non-function {name} of type {}", args[0].type_name().unwrap_or_default()).into()),
    }
}
