//! Strings of templates: bytes, as in Go, with the origin of each.

use std::rc::Rc;

/// The bytes of a Go string: not always UTF-8 (`trunc` may cut a character in two).
pub type Bytes = Rc<[u8]>;

/// Why a value would be another one next time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Taint(u8);

impl Taint {
    /// The same at each run.
    pub const NONE: Self = Self(0);
    /// Of random numbers: `randAlphaNum`, `uuidv4`, `shuffle`, the salt of `htpasswd`.
    pub const RANDOM: Self = Self(1);
    /// Of the clock: `now`, `ago`, `date` of something that is no time.
    pub const CLOCK: Self = Self(2);
    /// Of keys and certificates made on the spot: `genCA`, `genPrivateKey`.
    pub const CERTIFICATE: Self = Self(4);
    /// Of what stands in a cluster: `lookup`.
    pub const LOOKUP: Self = Self(8);

    /// Both reasons.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Is it the same at each run?
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The reasons that the other does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Does it hold this reason?
    pub const fn has(self, reason: Self) -> bool {
        self.0 & reason.0 != 0
    }

    /// The reasons in words, for errors.
    pub fn reasons(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (Self::RANDOM, "random"),
            (Self::CLOCK, "the clock"),
            (Self::CERTIFICATE, "a generated key or certificate"),
            (Self::LOOKUP, "a look-up in a cluster"),
        ];
        all.into_iter().filter(move |(reason, _)| self.has(*reason)).map(|(_, word)| word)
    }
}

/// Where bytes were written: a place in a template, and the value that filled it.
///
/// Sources are numbered by the caller (an index into its table of files); 0 is "not known".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The template, as the caller numbers it.
    pub template: u32,
    /// Line in that template, from 1; 0 if not known.
    pub line: u32,
    /// The file of values, as the caller numbers it; 0 if the bytes stand in the template itself.
    pub file: u32,
    /// Line in that file, from 1.
    pub file_line: u32,
}

/// A run of bytes with one origin. It begins where the run before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it ends, in bytes from the start of the text, exclusive.
    pub end: u32,
    /// Where its bytes come from.
    pub origin: Origin,
    /// Whether they would be others next time.
    pub taint: Taint,
}

/// A string value: bytes and, where they are known, the origins of its parts.
#[derive(Clone, Default)]
pub struct Text {
    bytes: Bytes,
    /// Sorted by `end`; empty ("nothing known"), or the last one ends where the bytes do.
    spans: Option<Rc<[Span]>>,
}

impl Text {
    /// A text whose origin is not known.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), spans: None }
    }

    /// A text with one origin.
    pub fn from_origin(bytes: impl Into<Bytes>, origin: Origin, taint: Taint) -> Self {
        let bytes = bytes.into();
        let span = Span { end: bytes.len() as u32, origin, taint };
        Self { spans: Some(Rc::from([span])), bytes }
    }

    /// A text of parts: `spans` cover `bytes` without gaps.
    ///
    /// # Panics
    /// In debug builds, if the last span does not end where the bytes do.
    pub fn with_spans(bytes: impl Into<Bytes>, spans: Vec<Span>) -> Self {
        let bytes = bytes.into();
        debug_assert!(spans.last().is_none_or(|last| last.end as usize == bytes.len()));
        Self { spans: if spans.is_empty() { None } else { Some(spans.into()) }, bytes }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, shared.
    pub fn shared(&self) -> Bytes {
        Rc::clone(&self.bytes)
    }

    /// Its bytes as characters; what is no UTF-8 becomes U+FFFD.
    pub fn to_str(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// The parts, if they are known.
    pub fn spans(&self) -> &[Span] {
        self.spans.as_deref().unwrap_or_default()
    }

    /// All reasons of all parts.
    pub fn taint(&self) -> Taint {
        self.spans().iter().fold(Taint::NONE, |sum, span| sum.and(span.taint))
    }

    /// The origin of the byte at `at`.
    pub fn origin(&self, at: usize) -> Option<&Span> {
        let spans = self.spans();
        spans.get(spans.partition_point(|span| span.end as usize <= at))
    }

    /// The text without any occurrence of some bytes. What is left keeps its origins.
    #[must_use]
    pub fn without(&self, unwanted: &[u8]) -> Self {
        let mut builder = TextBuilder::default();
        let (mut from, mut at) = (0, 0);
        while let Some(found) = find(&self.bytes[at..], unwanted) {
            builder.push_slice(self, from, at + found);
            at += found + unwanted.len();
            from = at;
        }
        if from == 0 {
            return self.clone();
        }
        builder.push_slice(self, from, self.bytes.len());
        let text = builder.finish();
        if self.spans.is_some() { text } else { Self::new(text.bytes) }
    }

    /// The bytes from `start` to `end`, with their origins.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Self {
        if self.spans.is_none() {
            return Self::new(&self.bytes[start..end]);
        }
        let mut builder = TextBuilder::default();
        builder.push_slice(self, start, end);
        builder.finish()
    }
}

/// Where `wanted`, which is not empty, stands first.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == first) {
        if bytes[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

impl std::fmt::Debug for Text {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}", self.to_str())
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

/// Puts a text together from parts and keeps the origin of each.
#[derive(Debug, Default)]
pub struct TextBuilder {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    taint: Taint,
    /// Origins are not kept, and spans not before there is a taint.
    plain: bool,
}

impl TextBuilder {
    /// A builder that keeps reasons and no origins. Its text has spans only if a part has a reason.
    pub fn without_origins() -> Self {
        Self { plain: true, ..Self::default() }
    }

    /// All reasons of all parts so far.
    pub fn taint(&self) -> Taint {
        self.taint
    }

    /// What was written so far, in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Was nothing written yet?
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends bytes of one origin.
    pub fn push(&mut self, bytes: &[u8], origin: Origin, taint: Taint) {
        if bytes.is_empty() {
            return;
        }
        let origin = if self.plain { Origin::default() } else { origin };
        if self.plain && self.spans.is_empty() {
            if taint.is_none() {
                self.bytes.extend_from_slice(bytes);
                return;
            }
            if !self.bytes.is_empty() {
                self.spans.push(Span { end: self.bytes.len() as u32, origin, taint: Taint::NONE });
            }
        }
        self.taint = self.taint.and(taint);
        self.bytes.extend_from_slice(bytes);
        let end = self.bytes.len() as u32;
        match self.spans.last_mut() {
            Some(last) if last.origin == origin && last.taint == taint => last.end = end,
            _ => self.spans.push(Span { end, origin, taint }),
        }
    }

    /// Appends a part of a text with its origins.
    pub fn push_slice(&mut self, text: &Text, start: usize, end: usize) {
        let mut from = start;
        let spans = text.spans();
        let first = spans.partition_point(|span| span.end as usize <= start);
        for span in &spans[first..] {
            if from >= end {
                return;
            }
            let to = end.min(span.end as usize);
            self.push(&text.bytes()[from..to], span.origin, span.taint);
            from = to;
        }
        if from < end {
            self.push(&text.bytes()[from..end], Origin::default(), Taint::NONE);
        }
    }

    /// Appends a whole text with its origins.
    pub fn push_text(&mut self, text: &Text) {
        self.push_slice(text, 0, text.bytes().len());
    }

    /// The text.
    pub fn finish(self) -> Text {
        Text::with_spans(self.bytes, self.spans)
    }
}
