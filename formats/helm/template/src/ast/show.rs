//! Nodes as Go writes them in errors: one spelling, whatever the template's own was.

use super::{Branch, Builtin, Cmd, Expr, ExprKind, Ident, Pipe, Source, Stmt};
use crate::fmt;

/// A node that an error can be about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node<'t> {
    Stmt(&'t Stmt),
    Pipe(&'t Pipe),
    Cmd(&'t Cmd),
    Expr(&'t Expr),
}

impl Node<'_> {
    /// Where it stands in its source.
    pub(crate) fn pos(self) -> u32 {
        match self {
            Self::Stmt(stmt) => match stmt {
                Stmt::Text { start: pos, .. }
                | Stmt::Action { pos, .. }
                | Stmt::Template { pos, .. }
                | Stmt::Break { pos }
                | Stmt::Continue { pos } => *pos,
                Stmt::If(branch) | Stmt::With(branch) | Stmt::Range(branch) => branch.pipe.pos,
            },
            Self::Pipe(pipe) => pipe.pos,
            Self::Cmd(cmd) => cmd.pos,
            Self::Expr(expr) => expr.pos,
        }
    }

    /// Its text.
    pub(crate) fn show(self, source: &Source) -> String {
        let mut shown = Shown { source, out: Vec::new() };
        match self {
            Self::Stmt(node) => shown.stmt(node),
            Self::Pipe(node) => shown.pipe(node),
            Self::Cmd(node) => shown.cmd(node),
            Self::Expr(node) => shown.expr(node),
        }
        String::from_utf8_lossy(&shown.out).into_owned()
    }
}

struct Shown<'s> {
    source: &'s Source,
    out: Vec<u8>,
}

impl Shown<'_> {
    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Text { start, end, .. } => self.range(*start, *end),
            Stmt::Action { pipe, .. } => {
                self.push("{{");
                self.pipe(pipe);
                self.push("}}");
            }
            Stmt::If(branch) => self.branch("if", branch),
            Stmt::With(branch) => self.branch("with", branch),
            Stmt::Range(branch) => self.branch("range", branch),
            Stmt::Template { name, pipe, .. } => {
                self.push("{{template ");
                fmt::quote(&mut self.out, name.as_bytes());
                if let Some(pipe) = pipe {
                    self.push(" ");
                    self.pipe(pipe);
                }
                self.push("}}");
            }
            Stmt::Break { .. } => self.push("{{break}}"),
            Stmt::Continue { .. } => self.push("{{continue}}"),
        }
    }

    fn range(&mut self, start: u32, end: u32) {
        self.out.extend_from_slice(&self.source.text[start as usize..end as usize]);
    }

    fn branch(&mut self, word: &str, branch: &Branch) {
        self.push("{{");
        self.push(word);
        self.push(" ");
        self.pipe(&branch.pipe);
        self.push("}}");
        self.list(&branch.list);
        if let Some(list) = &branch.or_else {
            self.push("{{else}}");
            self.list(list);
        }
        self.push("{{end}}");
    }

    fn list(&mut self, list: &[Stmt]) {
        for stmt in list {
            self.stmt(stmt);
        }
    }

    fn pipe(&mut self, pipe: &Pipe) {
        for (at, name) in pipe.decl.iter().enumerate() {
            self.push(if at > 0 { ", " } else { "" });
            self.variable(*name);
        }
        if !pipe.decl.is_empty() {
            self.push(if pipe.assign { " = " } else { " := " });
        }
        for (at, cmd) in pipe.cmds.iter().enumerate() {
            self.push(if at > 0 { " | " } else { "" });
            self.cmd(cmd);
        }
    }

    fn cmd(&mut self, cmd: &Cmd) {
        for (at, arg) in cmd.args.iter().enumerate() {
            self.push(if at > 0 { " " } else { "" });
            self.operand(arg);
        }
    }

    fn operand(&mut self, expr: &Expr) {
        let is_pipe = matches!(expr.kind, ExprKind::Pipe(_));
        self.push(if is_pipe { "(" } else { "" });
        self.expr(expr);
        self.push(if is_pipe { ")" } else { "" });
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Dot => self.push("."),
            ExprKind::Nil => self.push("nil"),
            ExprKind::Bool(value) => self.push(if *value { "true" } else { "false" }),
            ExprKind::Number(number) => self.range(expr.pos, number.end),
            ExprKind::Text { end, .. } => self.range(expr.pos, *end),
            ExprKind::Field(fields) => self.fields(fields),
            ExprKind::Variable { name, fields } => {
                self.variable(*name);
                self.fields(fields);
            }
            ExprKind::Function(function) => self.push(self.source.functions[*function as usize].name),
            ExprKind::Builtin(builtin) => self.push(Builtin::name(*builtin)),
            ExprKind::Chain { node, fields } => {
                self.operand(node);
                self.fields(fields);
            }
            ExprKind::Pipe(pipe) => self.pipe(pipe),
        }
    }

    fn variable(&mut self, name: u32) {
        let source = self.source;
        self.push(&source.variables[name as usize]);
    }

    fn fields(&mut self, fields: &[Ident]) {
        for field in fields {
            self.push(".");
            self.push(field);
        }
    }
}
