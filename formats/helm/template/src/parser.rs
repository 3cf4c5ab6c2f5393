//! Text to trees, as `text/template/parse` reads it, with its words for mistakes.

mod control;
mod expr;
mod literal;

use std::rc::Rc;

use crate::ast::{Source, Stmt, Tree};
use crate::error::ParseError;
use crate::fmt;
use crate::function::{Function, Functions};
use crate::lexer::{Kind, Lexer, Token, is_space};
use crate::text::Bytes;

/// Parentheses in parentheses and blocks in blocks. Go allows 10000 of the first and any number of the second, on stacks
/// that grow; this many take about 350 KiB.
const MAX_DEPTH: u32 = 250;

/// Parses a file: the templates that it defines, and last its own body.
pub(crate) fn parse(
    name: &str,
    id: u32,
    text: &Bytes,
    functions: &dyn Functions,
) -> Result<Vec<Rc<Tree>>, ParseError> {
    let mut parser = Parser::new(text, functions, name);
    if let Err(message) = parser.file() {
        return Err(ParseError { name: name.to_owned(), line: parser.tokens[0].line, message });
    }
    let Parser { known, variables, bodies, .. } = parser;
    let source = Source { name: name.into(), id, text: Bytes::clone(text), functions: known, variables };
    let source = Rc::new(source);
    let tree = |body: Body| {
        Rc::new(Tree { name: body.name, source: Rc::clone(&source), root: body.root, empty: body.empty })
    };
    let (own, others): (Vec<Body>, Vec<Body>) = bodies.into_iter().partition(|body| &*body.name == name);
    Ok(others.into_iter().chain(own).map(tree).collect())
}

/// What was wrong.
type Parse<T> = Result<T, String>;

/// A body that was read.
struct Body {
    name: Rc<str>,
    root: Vec<Stmt>,
    empty: bool,
}

struct Parser<'t> {
    text: &'t [u8],
    name: &'t str,
    functions: &'t dyn Functions,
    lexer: Lexer<'t>,
    /// Three tokens of look-ahead; the first is the last one that was read.
    tokens: [Token; 3],
    peeked: usize,
    known: Vec<Function>,
    variables: Vec<Box<str>>,
    bodies: Vec<Body>,
    depth: u32,
    scope: Scope,
}

/// What a definition has of its own.
#[derive(Debug)]
struct Scope {
    /// The variables that can be named here.
    variables: Vec<u32>,
    loops: u32,
    /// The line on which the action began; 0 outside of one.
    action_line: u32,
}

impl Scope {
    fn new() -> Self {
        Self { variables: vec![0], loops: 0, action_line: 0 }
    }
}

impl<'t> Parser<'t> {
    fn new(text: &'t [u8], functions: &'t dyn Functions, name: &'t str) -> Self {
        let mut lexer = Lexer::new(text);
        lexer.break_is_word = functions.get("break").is_none();
        lexer.continue_is_word = functions.get("continue").is_none();
        Self {
            text,
            name,
            functions,
            lexer,
            tokens: [Token { kind: Kind::Eof, start: 0, end: 0, line: 0 }; 3],
            peeked: 0,
            known: Vec::new(),
            variables: vec!["$".into()],
            bodies: Vec::new(),
            depth: 0,
            scope: Scope::new(),
        }
    }

    fn next(&mut self) -> Token {
        if self.peeked > 0 {
            self.peeked -= 1;
        } else {
            self.tokens[0] = self.lexer.token();
        }
        self.tokens[self.peeked]
    }

    fn back(&mut self) {
        self.peeked += 1;
    }

    /// Puts back the last token, and one before it.
    fn back_two(&mut self, earlier: Token) {
        self.tokens[1] = earlier;
        self.peeked = 2;
    }

    fn back_three(&mut self, earliest: Token, earlier: Token) {
        self.tokens[1] = earlier;
        self.tokens[2] = earliest;
        self.peeked = 3;
    }

    fn peek(&mut self) -> Token {
        if self.peeked == 0 {
            self.tokens[0] = self.lexer.token();
            self.peeked = 1;
        }
        self.tokens[self.peeked - 1]
    }

    fn next_word(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_word(&mut self) -> Token {
        let token = self.next_word();
        self.back();
        token
    }

    fn bytes(&self, token: Token) -> &'t [u8] {
        &self.text[token.start as usize..token.end as usize]
    }

    /// The text of a token that is known to be UTF-8: names.
    fn word(&self, token: Token) -> &'t str {
        std::str::from_utf8(self.bytes(token)).unwrap_or_default()
    }

    /// The token as mistakes show it.
    fn shown(&self, token: Token) -> String {
        let text = self.bytes(token);
        match token.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => self.lexer.error.clone(),
            kind if kind.is_keyword() => format!("<{}>", String::from_utf8_lossy(text)),
            _ if text.len() > 10 => fmt::quoted(first_chars(text, 10)) + "...",
            _ => fmt::quoted(text),
        }
    }

    fn unexpected(&self, token: Token, context: &str) -> String {
        let shown = self.shown(token);
        if token.kind != Kind::Error {
            return format!("unexpected {shown} in {context}");
        }
        let line = self.scope.action_line;
        if line == 0 || line == token.line {
            return shown;
        }
        let word = if shown.ends_with(" action") { "" } else { " in action" };
        format!("{shown}{word} started at {}:{line}", self.name)
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parse<Token> {
        let token = self.next_word();
        if token.kind == kind { Ok(token) } else { Err(self.unexpected(token, context)) }
    }

    /// One level deeper, for what may hold itself.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth >= MAX_DEPTH {
            return Err("max expression depth exceeded".to_owned());
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// A body with a scope of its own.
    fn separate<T>(&mut self, read: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        let outer = std::mem::replace(&mut self.scope, Scope::new());
        let result = self.nested(read)?;
        self.scope = outer;
        Ok(result)
    }

    /// Keeps a body under its name. Within one file a name has one body, besides empty ones.
    fn add(&mut self, name: Rc<str>, root: Vec<Stmt>) -> Parse<()> {
        let empty = self.is_empty(&root);
        let body = Body { name, root, empty };
        match self.bodies.iter_mut().find(|other| other.name == body.name) {
            None => self.bodies.push(body),
            Some(other) if other.empty => *other = body,
            Some(_) if empty => {}
            Some(_) => {
                return Err(format!(
                    "template: multiple definition of template {}",
                    fmt::quoted(body.name.as_bytes())
                ));
            }
        }
        Ok(())
    }

    fn is_empty(&self, root: &[Stmt]) -> bool {
        root.iter().all(|stmt| match stmt {
            Stmt::Text { start, end, .. } => is_blank(&self.text[*start as usize..*end as usize]),
            _ => false,
        })
    }

    /// The number of a variable's name.
    fn variable(&mut self, name: &str) -> u32 {
        let known = self.variables.iter().position(|known| &**known == name);
        known.unwrap_or_else(|| {
            self.variables.push(name.into());
            self.variables.len() - 1
        }) as u32
    }
}

/// White space alone, as `bytes.TrimSpace` has it.
fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|byte| is_space(*byte) || matches!(byte, 0x0b | 0x0c))
        || std::str::from_utf8(text).is_ok_and(|text| text.trim().is_empty())
}

fn first_chars(text: &[u8], count: usize) -> &[u8] {
    let mut at = 0;
    for _ in 0..count {
        at += fmt::first_char(&text[at..]).map_or(0, |(_, size)| size);
    }
    &text[..at]
}
