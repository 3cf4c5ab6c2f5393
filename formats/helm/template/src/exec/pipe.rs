//! Pipelines, commands and variables.

use super::argument::Wanted;
use super::{Exec, Step, Val};
use crate::ast::show::Node;
use crate::ast::{Cmd, Expr, ExprKind, Ident, Pipe};
use crate::value::Value;

impl<'t> Exec<'_, '_, 't> {
    /// The value of a pipeline; what it declares stays until the block ends.
    pub(super) fn pipeline(&mut self, dot: &Val, pipe: &'t Pipe) -> Step<Value> {
        self.at = Node::Pipe(pipe);
        let mut value = None;
        for cmd in &pipe.cmds {
            value = Some(self.command(dot, cmd, value)?.value);
        }
        let value = value.unwrap_or(Value::NIL);
        for name in &pipe.decl {
            let value = Val::concrete(value.clone());
            if pipe.assign {
                self.assign(*name, value)?;
            } else {
                self.run.variables.push((*name, value));
            }
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Val, cmd: &'t Cmd, last: Option<Value>) -> Step<Val> {
        self.spend()?;
        let first = &cmd.args[0];
        match &first.kind {
            ExprKind::Field(fields) => {
                self.at = Node::Expr(first);
                self.fields(dot, dot, Node::Expr(first), fields, &cmd.args, last)
            }
            ExprKind::Chain { node, fields } => self.chain(dot, first, node, fields, &cmd.args, last),
            ExprKind::Function(function) => {
                self.at = Node::Expr(first);
                self.function(dot, Node::Cmd(cmd), *function, &cmd.args[1..], last).map(Val::concrete)
            }
            ExprKind::Builtin(builtin) => {
                self.at = Node::Expr(first);
                self.builtin(dot, Node::Cmd(cmd), *builtin, &cmd.args[1..], last)
            }
            ExprKind::Pipe(pipe) => {
                self.not_a_function(&cmd.args, last.as_ref())?;
                self.check_stack()?;
                self.pipeline(dot, pipe).map(Val::concrete)
            }
            ExprKind::Variable { name, fields } => self.variable(dot, first, *name, fields, &cmd.args, last),
            constant => {
                self.at = Node::Expr(first);
                self.not_a_function(&cmd.args, last.as_ref())?;
                match constant {
                    ExprKind::Dot => Ok(dot.clone()),
                    ExprKind::Nil => self.fail("nil is not a command"),
                    _ => self.constant(first).map(Val::concrete),
                }
            }
        }
    }

    fn not_a_function(&self, args: &'t [Expr], last: Option<&Value>) -> Step<()> {
        if args.len() < 2 && last.is_none() {
            return Ok(());
        }
        let shown = Node::Expr(&args[0]).show(&self.tree.source);
        self.fail(format!("can't give argument to non-function {shown}"))
    }

    /// A literal where no type is asked for.
    pub(super) fn constant(&self, expr: &Expr) -> Step<Value> {
        match &expr.kind {
            ExprKind::Bool(bool) => Ok((*bool).into()),
            ExprKind::Text { value, .. } => Ok(value.clone()),
            ExprKind::Number(number) => match &number.ideal {
                Some(value) => Ok(value.clone()),
                None => self.fail(format!("{} overflows int", Node::Expr(expr).show(&self.tree.source))),
            },
            _ => Ok(Value::NIL),
        }
    }

    pub(super) fn variable(
        &mut self,
        dot: &Val,
        expr: &'t Expr,
        name: u32,
        fields: &'t [Ident],
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Step<Val> {
        self.at = Node::Expr(expr);
        let place = self.place(name)?;
        if fields.is_empty() {
            self.not_a_function(args, last.as_ref())?;
            return Ok(self.run.variables[place].1.clone());
        }
        if args.len() < 2
            && last.is_none()
            && let Some(found) = super::field::descend(&self.run.variables[place].1, fields)
        {
            return Ok(found);
        }
        let value = self.run.variables[place].1.clone();
        self.fields(dot, &value, Node::Expr(expr), fields, args, last)
    }

    pub(super) fn chain(
        &mut self,
        dot: &Val,
        expr: &'t Expr,
        node: &'t Expr,
        fields: &'t [Ident],
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Step<Val> {
        self.at = Node::Expr(expr);
        self.check_stack()?;
        let value = self.argument(dot, Wanted::Value, node)?;
        self.fields(dot, &value, Node::Expr(expr), fields, args, last)
    }

    /// Where a variable of this name stands: the last one that was declared.
    fn place(&self, name: u32) -> Step<usize> {
        let own = &self.run.variables[self.base..];
        match own.iter().rposition(|(other, _)| *other == name) {
            Some(at) => Ok(self.base + at),
            None => self.fail(format!("undefined variable: {}", self.tree.source.variables[name as usize])),
        }
    }

    pub(super) fn assign(&mut self, name: u32, value: Val) -> Step<()> {
        let place = self.place(name)?;
        self.run.variables[place].1 = value;
        Ok(())
    }
}
