//! Text to tokens, by the rules of Go's `yaml.v2` (`scannerc.go`), which are those of libyaml.
//!
//! Its errors are Go's, in wording and in what line they name, because `fromYaml` puts them into documents.

mod block;
mod cursor;
mod fetch;
mod plain;
mod quoted;
mod reader;
mod tag;
mod token;

use std::borrow::Cow;
use std::collections::VecDeque;

pub(crate) use cursor::Mark;
use cursor::{Cursor, has_more_than};
pub(crate) use reader::{Source, read};
pub(crate) use token::{Kind, TagName, Token};

use crate::MAX_DEPTH;

/// Why a text is no YAML. It is small, because every step of the scanner may give one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem(Box<Details>);

/// What is known of a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Details {
    /// In Go's words.
    pub(crate) text: Cow<'static, str>,
    /// The line that Go names, if it names one.
    pub(crate) go_line: Option<u32>,
    pub(crate) mark: Mark,
}

impl Problem {
    pub(crate) fn new(text: Cow<'static, str>, go_line: Option<u32>, mark: Mark) -> Self {
        Self(Box::new(Details { text, go_line, mark }))
    }

    pub(crate) fn details(&self) -> &Details {
        &self.0
    }
}

type Scanned<T> = Result<T, Problem>;

/// A place where a key may have begun that has no `?` before it.
#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    possible: bool,
    /// It must be a key: nothing else can stand at this indent.
    required: bool,
    /// Whether its first token waits for it. Go forgets that at the end of an empty flow, see [`Scanner::forget`].
    waited_for: bool,
    /// The number of its first token, counted from the beginning.
    token: usize,
    mark: Mark,
}

/// Reads tokens.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    at: Cursor<'a>,
    /// What stands behind the end that can be read.
    unreadable: Option<Problem>,
    tokens: VecDeque<Token<'a>>,
    /// How many tokens were taken.
    taken: usize,
    /// Whether the first token of the queue was found to be final.
    ready: bool,
    /// The column of the block that is open, or -1.
    indent: i64,
    indents: Vec<i64>,
    flow_level: usize,
    simple_key_allowed: bool,
    /// One for each level of flow, and one for the block around.
    simple_keys: Vec<SimpleKey>,
    /// No key below this level is possible.
    lowest_key: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(source: Source<'a>) -> Self {
        let Source { text, start, unreadable } = source;
        Self {
            at: Cursor { text, mark: Mark { offset: start, ..Mark::default() } },
            unreadable,
            tokens: VecDeque::new(),
            taken: 0,
            ready: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
            lowest_key: 0,
        }
    }

    /// The next token, which stays.
    pub(crate) fn peek(&mut self) -> Scanned<&Token<'a>> {
        if !self.ready {
            while self.tokens.is_empty() || self.head_may_be_a_key()? {
                self.fetch()?;
            }
            self.ready = true;
        }
        Ok(&self.tokens[0])
    }

    /// Takes the next token.
    pub(crate) fn next(&mut self) -> Scanned<Token<'a>> {
        self.peek()?;
        self.ready = false;
        self.taken += 1;
        Ok(self.tokens.pop_front().unwrap_or_else(|| self.token(Kind::StreamEnd, self.at.mark)))
    }

    /// Whether the first token of the queue may still turn out to begin a key.
    fn head_may_be_a_key(&mut self) -> Scanned<bool> {
        let waits = |it: &SimpleKey| it.possible && it.waited_for;
        while self.simple_keys.get(self.lowest_key).is_some_and(|it| !waits(it)) {
            self.lowest_key += 1;
        }
        match self.simple_keys.get(self.lowest_key) {
            Some(key) if key.token == self.taken => self.is_valid(self.lowest_key),
            _ => Ok(false),
        }
    }

    /// Whether the key of a level is still possible here: on the same line, within 1024 characters.
    fn is_valid(&mut self, level: usize) -> Scanned<bool> {
        let key = self.simple_keys[level];
        if !key.possible {
            return Ok(false);
        }
        let passed = &self.at.bytes()[key.mark.offset..self.at.mark.offset];
        if key.mark.line < self.at.mark.line || has_more_than(passed, 1024) {
            if key.required {
                return Err(self.problem("could not find expected ':'"));
            }
            self.simple_keys[level].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    /// A key may begin here.
    fn save_simple_key(&mut self) -> Scanned<()> {
        if self.simple_key_allowed {
            let required = self.flow_level == 0 && self.indent == self.column();
            let token = self.taken + self.tokens.len();
            self.remove_simple_key()?;
            let level = self.flow_level;
            self.simple_keys[level] =
                SimpleKey { possible: true, required, waited_for: true, token, mark: self.at.mark };
            self.lowest_key = self.lowest_key.min(level);
        }
        Ok(())
    }

    /// No key began where one might have.
    fn remove_simple_key(&mut self) -> Scanned<()> {
        let key = self.simple_keys[self.flow_level];
        if key.possible && key.required {
            return Err(self.problem("could not find expected ':'"));
        }
        self.simple_keys[self.flow_level].possible = false;
        Ok(())
    }

    fn column(&self) -> i64 {
        self.at.mark.column.into()
    }

    fn increase_flow_level(&mut self) -> Scanned<()> {
        let token = self.taken + self.tokens.len();
        self.simple_keys.push(SimpleKey { token, ..SimpleKey::default() });
        self.flow_level += 1;
        if self.flow_level > MAX_DEPTH { Err(self.too_deep()) } else { Ok(()) }
    }

    fn decrease_flow_level(&mut self) {
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.forget();
            self.lowest_key = self.lowest_key.min(self.simple_keys.len());
        }
    }

    /// Drops the innermost level. Go keeps the keys that are waited for by the numbers of their tokens, and gives a new level
    /// the number of the token that opens it; if nothing in the level began a key, it is the flow itself that is no longer
    /// waited for.
    fn forget(&mut self) {
        let dropped = self.simple_keys.pop().map(|it| it.token);
        if let Some(outer) = self.simple_keys.last_mut().filter(|it| Some(it.token) == dropped) {
            outer.waited_for = false;
        }
    }

    /// Puts a token before the one with a number, or last if that one was taken.
    fn insert(&mut self, number: usize, token: Token<'a>) {
        match number.checked_sub(self.taken) {
            Some(at) => self.tokens.insert(at, token),
            None => self.tokens.push_back(token),
        }
    }

    /// Opens a block at a column that is deeper; its token comes before the one with a number, or last.
    fn roll_indent(&mut self, column: u32, number: Option<usize>, kind: Kind<'a>, mark: Mark) -> Scanned<()> {
        let column = i64::from(column);
        if self.flow_level > 0 || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > MAX_DEPTH {
            return Err(self.too_deep());
        }
        let token = self.token(kind, mark);
        match number {
            Some(number) => self.insert(number, token),
            None => self.tokens.push_back(token),
        }
        Ok(())
    }

    /// Closes the blocks that are deeper than a column.
    fn unroll_indent(&mut self, column: i64) {
        while self.flow_level == 0 && self.indent > column {
            let token = self.token(Kind::BlockEnd, self.at.mark);
            self.tokens.push_back(token);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    /// A token without a length.
    #[expect(clippy::unused_self, reason = "it reads as what the scanner makes")]
    fn token(&self, kind: Kind<'a>, mark: Mark) -> Token<'a> {
        Token { kind, start: mark, end: mark }
    }

    /// Go looks some characters ahead, and fails if they cannot be read.
    fn look_ahead(&self, characters: usize) -> Scanned<()> {
        match &self.unreadable {
            Some(unreadable) if !has_more_than(self.at.rest(), characters - 1) => Err(unreadable.clone()),
            _ => Ok(()),
        }
    }

    /// A mistake at this place. Near bytes that cannot be read it is these.
    fn problem(&self, text: &'static str) -> Problem {
        self.problem_in(text.into())
    }

    fn problem_in(&self, text: Cow<'static, str>) -> Problem {
        if let Some(unreadable) = &self.unreadable
            && self.at.mark.offset + 4 > self.at.text.len()
        {
            return unreadable.clone();
        }
        let line = self.at.mark.line;
        Problem::new(text, (line > 0).then_some(line + 1), self.at.mark)
    }

    fn too_deep(&self) -> Problem {
        self.problem_in(format!("exceeded max depth of {MAX_DEPTH}").into())
    }
}
