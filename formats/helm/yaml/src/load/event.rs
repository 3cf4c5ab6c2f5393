//! Tokens to events, by the grammar of Go's `yaml.v2` (`parserc.go`), which is that of libyaml.

use std::borrow::Cow;

use crate::scan::{Kind, Mark, Problem, Scanner, Source, TagName, Token};

/// What comes next in a document.
#[derive(Debug)]
pub(super) enum Event<'a> {
    DocumentStart,
    DocumentEnd,
    StreamEnd,
    Alias(&'a str),
    Scalar(Scalar<'a>),
    ListStart(Option<&'a str>),
    ListEnd,
    MapStart(Option<&'a str>),
    MapEnd,
}

/// A scalar before it has a meaning.
#[derive(Debug)]
pub(super) struct Scalar<'a> {
    pub(super) anchor: Option<&'a str>,
    /// Empty if none is given.
    pub(super) tag: Box<str>,
    pub(super) value: Cow<'a, str>,
    /// Whether its meaning is found in its text.
    pub(super) implicit: bool,
}

/// An event and its place, without anchor and tag.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    pub(super) event: Event<'a>,
    pub(super) start: Mark,
    pub(super) end: Mark,
}

#[derive(Clone, Copy, Debug)]
enum State {
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceEntry { first: bool },
    FlowSequenceKey,
    FlowSequenceValue,
    FlowSequenceMappingEnd,
    FlowMappingKey { first: bool },
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

/// Reads events.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    state: State,
    states: Vec<State>,
    /// `%TAG` and the handles that are always there.
    handles: Vec<(String, String)>,
}

type Parsed<'a> = Result<Placed<'a>, Problem>;

impl<'a> Parser<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self {
            scanner: Scanner::new(source),
            state: State::ImplicitDocumentStart,
            states: Vec::new(),
            handles: Vec::new(),
        }
    }

    pub(super) fn next(&mut self) -> Parsed<'a> {
        match self.state {
            State::ImplicitDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceEntry { first } => self.flow_sequence_entry(first),
            State::FlowSequenceKey => self.flow_sequence_key(),
            State::FlowSequenceValue => self.flow_sequence_value(),
            State::FlowSequenceMappingEnd => self.flow_sequence_mapping_end(),
            State::FlowMappingKey { first } => self.flow_mapping_key(first),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingEmptyValue => self.flow_mapping_empty_value(),
            State::End => Ok(placed(Event::StreamEnd, Mark::default())),
        }
    }

    fn document_start(&mut self, implicit: bool) -> Parsed<'a> {
        while !implicit && self.scanner.peek()?.kind == Kind::DocumentEnd {
            self.scanner.next()?;
        }
        let Token { kind, start, .. } = self.scanner.peek()?;
        let start = *start;
        let explicit = matches!(kind, Kind::Version(..) | Kind::TagDirective(_) | Kind::DocumentStart);
        if *kind == Kind::StreamEnd {
            self.state = State::End;
            return Ok(placed(Event::StreamEnd, start));
        }
        if implicit && !explicit {
            self.directives()?;
            self.states.push(State::DocumentEnd);
            self.state = State::BlockNode;
            return Ok(placed(Event::DocumentStart, start));
        }
        self.directives()?;
        let token = self.scanner.peek()?;
        if token.kind != Kind::DocumentStart {
            return Err(unexpected("did not find expected <document start>", token.start));
        }
        self.scanner.next()?;
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(placed(Event::DocumentStart, start))
    }

    fn directives(&mut self) -> Result<(), Problem> {
        let mut version = false;
        loop {
            let token = self.scanner.peek()?;
            let start = token.start;
            match &token.kind {
                Kind::Version(..) if version => {
                    return Err(unexpected("found duplicate %YAML directive", start));
                }
                Kind::Version(1, 1) => version = true,
                Kind::Version(..) => return Err(unexpected("found incompatible YAML document", start)),
                Kind::TagDirective(directive) => {
                    let TagName { handle, suffix: prefix } = &**directive;
                    if self.handles.iter().any(|(known, _)| known == handle) {
                        return Err(unexpected("found duplicate %TAG directive", start));
                    }
                    self.handles.push((handle.clone(), prefix.clone()));
                }
                _ => break,
            }
            self.scanner.next()?;
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.handles.iter().any(|(known, _)| known == handle) {
                self.handles.push((handle.into(), prefix.into()));
            }
        }
        Ok(())
    }

    fn document_content(&mut self) -> Parsed<'a> {
        let token = self.scanner.peek()?;
        match token.kind {
            Kind::Version(..)
            | Kind::TagDirective(_)
            | Kind::DocumentStart
            | Kind::DocumentEnd
            | Kind::StreamEnd => {
                let mark = token.start;
                self.pop();
                Ok(empty(mark))
            }
            _ => self.node(true, false),
        }
    }

    fn document_end(&mut self) -> Parsed<'a> {
        let token = self.scanner.peek()?;
        let start = token.start;
        if token.kind == Kind::DocumentEnd {
            self.scanner.next()?;
        }
        self.handles.clear();
        self.state = State::DocumentStart;
        Ok(placed(Event::DocumentEnd, start))
    }

    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    /// Anchor and tag in either order, then what they belong to.
    fn node(&mut self, block: bool, indentless: bool) -> Parsed<'a> {
        let first = self.scanner.peek()?.start;
        if let Kind::Alias(_) = self.scanner.peek()?.kind {
            let token = self.scanner.next()?;
            self.pop();
            let Kind::Alias(name) = token.kind else { return Ok(empty(token.start)) };
            return Ok(Placed { event: Event::Alias(name), start: token.start, end: token.end });
        }
        let mut behind = first;
        let mut anchor = self.anchor(&mut behind)?;
        let tag = self.tag(&mut behind)?;
        if anchor.is_none() && tag.is_some() {
            anchor = self.anchor(&mut behind)?;
        }
        self.scanner.peek()?;
        let tag = self.resolved(tag)?;
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        match &token.kind {
            Kind::BlockEntry if indentless => {
                self.state = State::IndentlessSequenceEntry;
                Ok(Placed { event: Event::ListStart(anchor), start, end })
            }
            Kind::Scalar { plain, .. } => {
                let implicit = tag.is_empty() && *plain || &*tag == "!";
                self.pop();
                let Kind::Scalar { value, .. } = self.scanner.next()?.kind else { return Ok(empty(start)) };
                Ok(Placed { event: Event::Scalar(Scalar { anchor, tag, value, implicit }), start, end })
            }
            Kind::FlowSequenceStart => {
                self.state = State::FlowSequenceEntry { first: true };
                self.scanner.next()?;
                Ok(Placed { event: Event::ListStart(anchor), start, end })
            }
            Kind::FlowMappingStart => {
                self.state = State::FlowMappingKey { first: true };
                self.scanner.next()?;
                Ok(Placed { event: Event::MapStart(anchor), start, end })
            }
            Kind::BlockSequenceStart if block => {
                self.state = State::BlockSequenceEntry;
                self.scanner.next()?;
                Ok(Placed { event: Event::ListStart(anchor), start, end })
            }
            Kind::BlockMappingStart if block => {
                self.state = State::BlockMappingKey;
                self.scanner.next()?;
                Ok(Placed { event: Event::MapStart(anchor), start, end })
            }
            _ if anchor.is_some() || !tag.is_empty() => {
                self.pop();
                let scalar = Scalar { anchor, implicit: tag.is_empty(), tag, value: Cow::Borrowed("") };
                Ok(placed(Event::Scalar(scalar), behind))
            }
            _ => Err(unexpected("did not find expected node content", start)),
        }
    }

    fn anchor(&mut self, behind: &mut Mark) -> Result<Option<&'a str>, Problem> {
        let token = self.scanner.peek()?;
        let Kind::Anchor(name) = token.kind else { return Ok(None) };
        *behind = token.end;
        self.scanner.next()?;
        Ok(Some(name))
    }

    fn tag(&mut self, behind: &mut Mark) -> Result<Option<Token<'a>>, Problem> {
        let token = self.scanner.peek()?;
        if !matches!(token.kind, Kind::Tag(_)) {
            return Ok(None);
        }
        *behind = token.end;
        self.scanner.next().map(Some)
    }

    /// The whole name of a tag; an empty one where there is none.
    fn resolved(&self, tag: Option<Token<'a>>) -> Result<Box<str>, Problem> {
        let Some(Token { kind: Kind::Tag(tag), start, .. }) = tag else {
            return Ok(Box::default());
        };
        let TagName { handle, suffix } = *tag;
        if handle.is_empty() {
            return Ok(suffix.into());
        }
        let prefix = self.handles.iter().find(|(known, _)| *known == handle).map(|(_, prefix)| prefix);
        let prefix = prefix.ok_or_else(|| unexpected("found undefined tag handle", start))?;
        Ok(format!("{prefix}{suffix}").into())
    }

    fn block_sequence_entry(&mut self) -> Parsed<'a> {
        let token = self.scanner.next()?;
        match token.kind {
            Kind::BlockEntry => {
                if matches!(self.scanner.peek()?.kind, Kind::BlockEntry | Kind::BlockEnd) {
                    return Ok(empty(token.end));
                }
                self.states.push(State::BlockSequenceEntry);
                self.node(true, false)
            }
            Kind::BlockEnd => {
                self.pop();
                Ok(placed(Event::ListEnd, token.start))
            }
            _ => Err(unexpected("did not find expected '-' indicator", token.start)),
        }
    }

    fn indentless_sequence_entry(&mut self) -> Parsed<'a> {
        let token = self.scanner.peek()?;
        if token.kind != Kind::BlockEntry {
            let start = token.start;
            self.pop();
            return Ok(placed(Event::ListEnd, start));
        }
        let end = self.scanner.next()?.end;
        if matches!(self.scanner.peek()?.kind, Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd) {
            return Ok(empty(end));
        }
        self.states.push(State::IndentlessSequenceEntry);
        self.node(true, false)
    }

    fn block_mapping_key(&mut self) -> Parsed<'a> {
        let token = self.scanner.next()?;
        match token.kind {
            Kind::Key => self.block_mapping_node(token.end, State::BlockMappingValue),
            Kind::BlockEnd => {
                self.pop();
                Ok(placed(Event::MapEnd, token.start))
            }
            _ => Err(unexpected("did not find expected key", token.start)),
        }
    }

    fn block_mapping_value(&mut self) -> Parsed<'a> {
        let token = self.scanner.peek()?;
        if token.kind != Kind::Value {
            let start = token.start;
            self.state = State::BlockMappingKey;
            return Ok(empty(start));
        }
        let end = self.scanner.next()?.end;
        self.block_mapping_node(end, State::BlockMappingKey)
    }

    fn block_mapping_node(&mut self, behind: Mark, then: State) -> Parsed<'a> {
        if matches!(self.scanner.peek()?.kind, Kind::Key | Kind::Value | Kind::BlockEnd) {
            self.state = then;
            return Ok(empty(behind));
        }
        self.states.push(then);
        self.node(true, true)
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Parsed<'a> {
        if self.scanner.peek()?.kind != Kind::FlowSequenceEnd {
            if !first {
                self.flow_entry("did not find expected ',' or ']'")?;
            }
            let token = self.scanner.peek()?;
            if token.kind == Kind::Key {
                let (start, end) = (token.start, token.end);
                self.scanner.next()?;
                self.state = State::FlowSequenceKey;
                return Ok(Placed { event: Event::MapStart(None), start, end });
            }
            if token.kind != Kind::FlowSequenceEnd {
                self.states.push(State::FlowSequenceEntry { first: false });
                return self.node(false, false);
            }
        }
        self.flow_end(Event::ListEnd)
    }

    fn flow_entry(&mut self, otherwise: &'static str) -> Result<(), Problem> {
        let token = self.scanner.peek()?;
        if token.kind != Kind::FlowEntry {
            return Err(unexpected(otherwise, token.start));
        }
        self.scanner.next().map(drop)
    }

    fn flow_end(&mut self, event: Event<'a>) -> Parsed<'a> {
        self.pop();
        let token = self.scanner.next()?;
        Ok(Placed { event, start: token.start, end: token.end })
    }

    fn flow_sequence_key(&mut self) -> Parsed<'a> {
        if !matches!(self.scanner.peek()?.kind, Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd) {
            self.states.push(State::FlowSequenceValue);
            return self.node(false, false);
        }
        // Go takes the token too, whatever it is.
        let token = self.scanner.next()?;
        self.state = State::FlowSequenceValue;
        Ok(empty(token.end))
    }

    fn flow_sequence_value(&mut self) -> Parsed<'a> {
        if self.scanner.peek()?.kind == Kind::Value {
            self.scanner.next()?;
            if !matches!(self.scanner.peek()?.kind, Kind::FlowEntry | Kind::FlowSequenceEnd) {
                self.states.push(State::FlowSequenceMappingEnd);
                return self.node(false, false);
            }
        }
        self.state = State::FlowSequenceMappingEnd;
        Ok(empty(self.scanner.peek()?.start))
    }

    fn flow_sequence_mapping_end(&mut self) -> Parsed<'a> {
        self.state = State::FlowSequenceEntry { first: false };
        Ok(placed(Event::MapEnd, self.scanner.peek()?.start))
    }

    fn flow_mapping_key(&mut self, first: bool) -> Parsed<'a> {
        if self.scanner.peek()?.kind != Kind::FlowMappingEnd {
            if !first {
                self.flow_entry("did not find expected ',' or '}'")?;
            }
            let token = self.scanner.peek()?;
            if token.kind == Kind::Key {
                self.scanner.next()?;
                return self.flow_mapping_node(State::FlowMappingValue);
            }
            if token.kind != Kind::FlowMappingEnd {
                self.states.push(State::FlowMappingEmptyValue);
                return self.node(false, false);
            }
        }
        self.flow_end(Event::MapEnd)
    }

    fn flow_mapping_node(&mut self, then: State) -> Parsed<'a> {
        let token = self.scanner.peek()?;
        let nothing = match then {
            State::FlowMappingValue => {
                matches!(token.kind, Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd)
            }
            _ => matches!(token.kind, Kind::FlowEntry | Kind::FlowMappingEnd),
        };
        if nothing {
            let start = token.start;
            self.state = then;
            return Ok(empty(start));
        }
        self.states.push(then);
        self.node(false, false)
    }

    fn flow_mapping_value(&mut self) -> Parsed<'a> {
        let token = self.scanner.peek()?;
        if token.kind == Kind::Value {
            self.scanner.next()?;
            return self.flow_mapping_node(State::FlowMappingKey { first: false });
        }
        self.flow_mapping_empty_value()
    }

    fn flow_mapping_empty_value(&mut self) -> Parsed<'a> {
        self.state = State::FlowMappingKey { first: false };
        Ok(empty(self.scanner.peek()?.start))
    }
}

fn placed(event: Event<'_>, at: Mark) -> Placed<'_> {
    Placed { event, start: at, end: at }
}

/// A scalar of which nothing is written.
fn empty<'a>(at: Mark) -> Placed<'a> {
    let scalar = Scalar { anchor: None, tag: Box::default(), value: Cow::Borrowed(""), implicit: true };
    placed(Event::Scalar(scalar), at)
}

/// A mistake at a token. Go counts its line from 0 here, and names none if that is 0.
fn unexpected(text: &'static str, mark: Mark) -> Problem {
    Problem::new(text.into(), (mark.line > 0).then_some(mark.line), mark)
}
