//! Pipelines, commands and operands.

use super::{Parse, Parser};
use crate::ast::{Builtin, Cmd, Expr, ExprKind, Ident, Pipe};
use crate::fmt;
use crate::lexer::{Kind, Token};
use crate::value::Value;

impl Parser<'_> {
    /// Declarations, then commands, up to `end`.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parse<Pipe> {
        let mut pipe =
            Pipe { pos: self.peek_word().start, assign: false, decl: Vec::new(), cmds: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_word();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawText
                | Kind::Quoted
                | Kind::Variable
                | Kind::LeftParen => {
                    self.back();
                    pipe.cmds.push(self.command()?);
                }
                _ => return Err(self.unexpected(token, context)),
            }
        }
        check(&pipe, context)?;
        Ok(pipe)
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parse<()> {
        loop {
            let name = self.peek_word();
            if name.kind != Kind::Variable {
                return Ok(());
            }
            self.next();
            // `$x foo`, `$x.foo` and `$x := foo` differ only after the name, and a space is a token.
            let after = self.peek();
            let next = self.peek_word();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    pipe.assign = next.kind == Kind::Assign;
                    self.next_word();
                    self.declare(pipe, name);
                    return Ok(());
                }
                Kind::Char if self.bytes(next) == b"," => {
                    self.next_word();
                    self.declare(pipe, name);
                    if context != "range" || pipe.decl.len() >= 2 {
                        return Err(format!("too many declarations in {context}"));
                    }
                    match self.peek_word().kind {
                        Kind::Variable | Kind::RightDelim | Kind::RightParen => {}
                        _ => return Err("range can only initialize variables".to_owned()),
                    }
                }
                _ if after.kind == Kind::Space => {
                    self.back_three(name, after);
                    return Ok(());
                }
                _ => {
                    self.back_two(name);
                    return Ok(());
                }
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, name: Token) {
        let name = self.variable(self.word(name));
        pipe.decl.push(name);
        self.scope.variables.push(name);
    }

    fn command(&mut self) -> Parse<Cmd> {
        let mut cmd = Cmd { pos: self.peek_word().start, args: Vec::new() };
        loop {
            self.peek_word();
            if let Some(operand) = self.operand()? {
                cmd.args.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelim | Kind::RightParen => {
                    self.back();
                    break;
                }
                Kind::Pipe => break,
                _ => return Err(self.unexpected(token, "operand")),
            }
        }
        if cmd.args.is_empty() {
            return Err("empty command".to_owned());
        }
        Ok(cmd)
    }

    /// A term, and the fields that follow it without a space.
    fn operand(&mut self) -> Parse<Option<Expr>> {
        let Some((node, shown)) = self.term()? else {
            return Ok(None);
        };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(node));
        }
        let mut more: Vec<Ident> = Vec::new();
        while self.peek().kind == Kind::Field {
            let token = self.next();
            more.push(self.word(token)[1..].into());
        }
        let kind = match node.kind {
            ExprKind::Field(fields) => ExprKind::Field(fields.into_iter().chain(more).collect()),
            ExprKind::Variable { name, fields } => {
                ExprKind::Variable { name, fields: fields.into_iter().chain(more).collect() }
            }
            ExprKind::Bool(_)
            | ExprKind::Text { .. }
            | ExprKind::Number(_)
            | ExprKind::Nil
            | ExprKind::Dot => {
                return Err(format!("unexpected . after term {}", fmt::quoted(self.bytes(shown))));
            }
            _ => ExprKind::Chain { node: Box::new(node), fields: more.into() },
        };
        Ok(Some(Expr { pos: first.start, kind }))
    }

    /// A literal, a name, or a pipeline in parentheses, with its first token. `None`: the next token is none of these.
    fn term(&mut self) -> Parse<Option<(Expr, Token)>> {
        let token = self.next_word();
        let kind = match token.kind {
            Kind::Identifier => self.function(token)?,
            Kind::Dot => ExprKind::Dot,
            Kind::Nil => ExprKind::Nil,
            Kind::Variable => self.use_of_variable(token)?,
            Kind::Field => ExprKind::Field([Ident::from(&self.word(token)[1..])].into()),
            Kind::Bool => ExprKind::Bool(self.bytes(token) == b"true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                ExprKind::Number(Box::new(self.number(token)?))
            }
            Kind::LeftParen => ExprKind::Pipe(Box::new(
                self.nested(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?,
            )),
            Kind::Quoted | Kind::RawText => {
                ExprKind::Text { value: Value::text(self.unquote(token)?), end: token.end }
            }
            _ => {
                self.back();
                return Ok(None);
            }
        };
        // A pipeline is placed where its content begins, as Go places it.
        let pos = if let ExprKind::Pipe(pipe) = &kind { pipe.pos } else { token.start };
        Ok(Some((Expr { pos, kind }, token)))
    }

    fn function(&mut self, token: Token) -> Parse<ExprKind> {
        let name = self.word(token);
        if let Some(known) = self.known.iter().position(|function| function.name == name) {
            return Ok(ExprKind::Function(known as u32));
        }
        if let Some(function) = self.functions.get(name) {
            self.known.push(*function);
            return Ok(ExprKind::Function(self.known.len() as u32 - 1));
        }
        Builtin::get(name)
            .map(ExprKind::Builtin)
            .ok_or_else(|| format!("function {} not defined", fmt::quoted(name.as_bytes())))
    }

    fn use_of_variable(&mut self, token: Token) -> Parse<ExprKind> {
        let text = self.word(token);
        let name = self.variable(text);
        if !self.scope.variables.contains(&name) {
            return Err(format!("undefined variable {}", fmt::quoted(text.as_bytes())));
        }
        Ok(ExprKind::Variable { name, fields: Box::default() })
    }
}

fn check(pipe: &Pipe, context: &str) -> Parse<()> {
    if pipe.cmds.is_empty() {
        return Err(format!("missing value for {context}"));
    }
    for (at, cmd) in pipe.cmds.iter().enumerate().skip(1) {
        if let ExprKind::Bool(_)
        | ExprKind::Dot
        | ExprKind::Nil
        | ExprKind::Number(_)
        | ExprKind::Text { .. } = cmd.args[0].kind
        {
            return Err(format!("non executable command in pipeline stage {}", at + 1));
        }
    }
    Ok(())
}
