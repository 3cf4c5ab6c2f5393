//! Calls of the caller's functions.

use super::argument::Wanted;
use super::{Exec, Step, Val};
use crate::ast::Expr;
use crate::ast::show::Node;
use crate::error::{Class, ExecError};
use crate::function::{Body, Error, Flow, Function, Param};
use crate::value::Value;

impl<'t> Exec<'_, '_, 't> {
    /// A call; `last` is the value that the pipeline hands over, the last argument.
    pub(super) fn function(
        &mut self,
        dot: &Val,
        node: Node<'t>,
        function: u32,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Step<Value> {
        let tree = self.tree;
        let function = &tree.source.functions[function as usize];
        let base = self.run.stack.len();
        self.arguments(dot, function.name, function.params, function.rest, args, last)?;
        self.spend_for(function, base)?;
        let result = match function.run {
            Body::Pure(run) => run(&self.run.stack[base..]),
            Body::Run(run) => {
                let args = self.run.stack.split_off(base);
                let here = self.run.here;
                let result = run(self.run, &args);
                self.run.here = here;
                self.run.stack.extend(args);
                result
            }
        };
        let value = match result {
            Ok(value) => self.flow(function, value, base),
            Err(error) => {
                self.at = node;
                return self.refused(function, &error);
            }
        };
        self.run.stack.truncate(base);
        self.check_size(&value)?;
        Ok(value)
    }

    /// A method of a map: a function whose first argument is the map.
    pub(super) fn method(
        &mut self,
        dot: &Val,
        receiver: &Val,
        node: Node<'t>,
        method: &Function,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Step<Val> {
        let base = self.run.stack.len();
        self.run.stack.push(receiver.value.clone());
        let (params, args) = (method.params.get(1..).unwrap_or_default(), args.get(1..).unwrap_or_default());
        self.arguments(dot, method.name, params, method.rest, args, last)?;
        let Body::Pure(run) = method.run else { return self.no_field(receiver, method.name) };
        let value = match run(&self.run.stack[base..]) {
            Ok(value) => self.flow(method, value, base),
            Err(error) => {
                self.at = node;
                return self.refused(method, &error);
            }
        };
        self.run.stack.truncate(base);
        self.check_size(&value)?;
        Ok(Val::concrete(value))
    }

    fn flow(&mut self, function: &Function, value: Value, base: usize) -> Value {
        match function.flow {
            Flow::Pass => {
                self.run.tainted |= !value.taint.is_none();
                value
            }
            Flow::Derive => self.derive(value, base),
        }
    }

    /// Puts the arguments on the stack, after counting them and asking for their types. Gives which of the first 64 are held
    /// by an interface.
    pub(super) fn arguments(
        &mut self,
        dot: &Val,
        name: &str,
        params: &[Param],
        rest: Option<Param>,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Step<u64> {
        let mut held = 0;
        let count = args.len() + usize::from(last.is_some());
        if rest.is_some() && count < params.len() {
            let (wanted, got) = (params.len(), args.len());
            return self.fail(format!("wrong number of args for {name}: want at least {wanted} got {got}"));
        }
        if rest.is_none() && count != params.len() {
            return self.fail(format!("wrong number of args for {name}: want {} got {count}", params.len()));
        }
        let param = |at: usize| params.get(at).copied().or(rest).unwrap_or(Param::Any);
        for (at, arg) in args.iter().enumerate() {
            let value = self.argument(dot, Wanted::Param(param(at)), arg)?;
            held |= u64::from(value.interface) << at.min(63);
            self.run.stack.push(value.value);
        }
        if let Some(last) = last {
            let value = self.validate(Val::concrete(last), param(args.len()))?;
            self.run.stack.push(value.value);
        }
        Ok(held)
    }

    /// The error of a function. What a template inside of it failed with is a part of the story.
    fn refused<T>(&mut self, function: &Function, error: &Error) -> Step<T> {
        let reason = format!("error calling {}: {error}", function.name);
        match self.run.pending.take().filter(|inner| error.0.contains(&inner.message)) {
            Some(inner) => {
                let innermost = inner.reason;
                self.end(inner.class, reason, inner.frames).map_err(|mut outer: Box<ExecError>| {
                    outer.reason = innermost;
                    outer
                })
            }
            None => self.end(Class::Exec, reason, Vec::new()),
        }
    }
}
