//! Bodies and what controls them: text, actions, blocks.

use std::rc::Rc;

use super::{Parse, Parser};
use crate::ast::{Branch, Pipe, Stmt};
use crate::lexer::{Kind, Token};

/// What a list of statements was ended by.
enum Ending {
    End,
    /// `else`; an `if` or `with` that follows it at once is the next token.
    Else,
}

/// One step in a list.
enum Step {
    Stmt(Stmt),
    Ending(Ending),
}

/// The word that may follow `else`, and how it is read.
type Chained<P> = (Kind, fn(&mut P) -> Parse<Stmt>);

impl Parser<'_> {
    /// The whole file.
    pub(super) fn file(&mut self) -> Parse<()> {
        let mut root = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_word().kind == Kind::Define {
                    self.separate(Self::definition)?;
                    continue;
                }
                self.back_two(delim);
            }
            match self.text_or_action()? {
                Step::Stmt(stmt) => root.push(stmt),
                Step::Ending(ending) => return Err(format!("unexpected {}", ending.shown())),
            }
        }
        self.add(self.name.into(), root)
    }

    fn definition(&mut self) -> Parse<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        self.body(name, CONTEXT)
    }

    /// A body up to its `end`, kept under its name.
    fn body(&mut self, name: Rc<str>, context: &str) -> Parse<()> {
        let (root, ending) = self.list()?;
        match ending {
            Ending::End => self.add(name, root),
            Ending::Else => Err(format!("unexpected {} in {context}", ending.shown())),
        }
    }

    fn list(&mut self) -> Parse<(Vec<Stmt>, Ending)> {
        let mut list = Vec::new();
        while self.peek_word().kind != Kind::Eof {
            match self.text_or_action()? {
                Step::Stmt(stmt) => list.push(stmt),
                Step::Ending(ending) => return Ok((list, ending)),
            }
        }
        Err("unexpected EOF".to_owned())
    }

    fn text_or_action(&mut self) -> Parse<Step> {
        let token = self.next_word();
        match token.kind {
            Kind::Text => Ok(Step::Stmt(Stmt::Text { start: token.start, end: token.end, line: token.line })),
            Kind::LeftDelim => {
                self.scope.action_line = token.line;
                let step = self.action();
                if step.is_ok() {
                    self.scope.action_line = 0;
                }
                step
            }
            _ => Err(self.unexpected(token, "input")),
        }
    }

    fn action(&mut self) -> Parse<Step> {
        let token = self.next_word();
        match token.kind {
            Kind::Block => self.block().map(Step::Stmt),
            Kind::Break => self.jump("{{break}}").map(|()| Step::Stmt(Stmt::Break { pos: token.start })),
            Kind::Continue => {
                self.jump("{{continue}}").map(|()| Step::Stmt(Stmt::Continue { pos: token.start }))
            }
            Kind::Else => self.or_else().map(Step::Ending),
            Kind::End => self.expect(Kind::RightDelim, "end").map(|_| Step::Ending(Ending::End)),
            Kind::If => self.nested(Self::if_block).map(Step::Stmt),
            Kind::Range => self.nested(Self::range_block).map(Step::Stmt),
            Kind::With => self.nested(Self::with_block).map(Step::Stmt),
            Kind::Template => self.template().map(Step::Stmt),
            _ => {
                self.back();
                let first = self.peek();
                let pipe = self.pipeline("command", Kind::RightDelim)?;
                Ok(Step::Stmt(Stmt::Action { pos: first.start, line: first.line, pipe }))
            }
        }
    }

    fn jump(&mut self, shown: &str) -> Parse<()> {
        let token = self.next_word();
        if token.kind != Kind::RightDelim {
            return Err(self.unexpected(token, shown));
        }
        if self.scope.loops == 0 {
            return Err(format!("{shown} outside {{{{range}}}}"));
        }
        Ok(())
    }

    fn or_else(&mut self) -> Parse<Ending> {
        if !matches!(self.peek_word().kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelim, "else")?;
        }
        Ok(Ending::Else)
    }

    fn if_block(&mut self) -> Parse<Stmt> {
        self.branch("if", Some((Kind::If, Self::if_block))).map(Stmt::If)
    }

    fn with_block(&mut self) -> Parse<Stmt> {
        self.branch("with", Some((Kind::With, Self::with_block))).map(Stmt::With)
    }

    fn range_block(&mut self) -> Parse<Stmt> {
        self.branch("range", None).map(Stmt::Range)
    }

    /// A block; `chained` is what may follow `else` without an `end` of its own.
    fn branch(&mut self, context: &str, chained: Option<Chained<Self>>) -> Parse<Box<Branch>> {
        let outer = self.scope.variables.len();
        let line = self.peek_word().line;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let in_loop = u32::from(context == "range");
        self.scope.loops += in_loop;
        let (list, ending) = self.list()?;
        self.scope.loops -= in_loop;
        let or_else = match ending {
            Ending::End => None,
            Ending::Else => Some(self.else_list(chained)?),
        };
        self.scope.variables.truncate(outer);
        Ok(Box::new(Branch { line, pipe, list, or_else }))
    }

    fn else_list(&mut self, chained: Option<Chained<Self>>) -> Parse<Vec<Stmt>> {
        if let Some((kind, read)) = chained
            && self.peek().kind == kind
        {
            self.next();
            return Ok(vec![self.nested(read)?]);
        }
        let (list, ending) = self.list()?;
        match ending {
            Ending::End => Ok(list),
            Ending::Else => Err(format!("expected end; found {}", ending.shown())),
        }
    }

    /// `block` is a definition, and its use.
    fn block(&mut self) -> Parse<Stmt> {
        const CONTEXT: &str = "block clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let body = Rc::clone(&name);
        self.separate(|parser| parser.body(body, CONTEXT))?;
        Ok(use_of(token, name, Some(pipe)))
    }

    fn template(&mut self) -> Parse<Stmt> {
        const CONTEXT: &str = "template clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        if self.next_word().kind == Kind::RightDelim {
            return Ok(use_of(token, name, None));
        }
        self.back();
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        Ok(use_of(token, name, Some(pipe)))
    }

    fn template_name(&mut self, token: Token, context: &str) -> Parse<Rc<str>> {
        match token.kind {
            Kind::Quoted | Kind::RawText => Ok(String::from_utf8_lossy(&self.unquote(token)?).into()),
            _ => Err(self.unexpected(token, context)),
        }
    }
}

fn use_of(token: Token, name: Rc<str>, pipe: Option<Pipe>) -> Stmt {
    Stmt::Template { pos: token.start, line: token.line, name, pipe }
}

impl Ending {
    fn shown(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}
