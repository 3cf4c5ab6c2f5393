//! Mistakes with positions.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The files of a project, by index; a [`Span`] points into one of them.
#[derive(Debug, Clone, Default)]
pub struct Files(Vec<(String, Arc<str>)>);

impl Files {
    /// Adds a file and gives its index.
    pub fn add(&mut self, name: &str, text: &str) -> usize {
        self.0.push((name.to_owned(), text.into()));
        self.0.len() - 1
    }

    /// The texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, text)| text.as_ref())
    }

    /// Name and text of the file that `span` points into.
    pub fn get(&self, span: &Span) -> (&str, &str) {
        self.0.get(span.file).map_or(("?", ""), |(name, text)| (name, text))
    }

    /// Line and column of the start of `span`, both from 1; columns count characters.
    pub fn position(&self, span: &Span) -> (usize, usize) {
        let (_, text) = self.get(span);
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// A range of bytes in one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// Index into [`Files`].
    pub file: usize,
    /// First byte.
    pub start: usize,
    /// The byte behind the last one.
    pub end: usize,
}

impl Span {
    /// The bytes of `range` in file number `file`.
    pub fn new(file: usize, range: Range<usize>) -> Self {
        Self { file, start: range.start, end: range.end }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal,)*) => {
        /// Stable codes of the mistakes that a recipe can hold; `gabion explain CODE` tells more.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])* $variant,)* }

        impl Code {
            /// Every code with the text that documents it.
            pub const ALL: &[(Self, &'static str, &'static str)] =
                &[$((Self::$variant, $code, concat!($($doc,)*)),)*];

            /// The code as people see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

codes! {
    /// The file is not valid TOML.
    Syntax = "E0101",
    /// A key that this table does not have. Keys are never ignored: a misspelt key would silently change the platform.
    UnknownKey = "E0102",
    /// The first part of an address is not a kind of recipe.
    UnknownKind = "E0103",
    /// A value of another type than the key takes.
    WrongType = "E0104",
    /// A key that this table needs.
    MissingKey = "E0105",
    /// A value that the key cannot take.
    BadValue = "E0106",
    /// Two tables declare the same node.
    Duplicate = "E0107",
    /// `${name}` names no variable of `[vars]`. There are no built-in variables and no environment.
    UnknownVariable = "E0108",
    /// Two keys that exclude each other, or none of several that one must be.
    Conflict = "E0109",
    /// A file that the recipe names cannot be read.
    Unreadable = "E0110",
    /// A path that leaves the project. Everything a recipe uses lies beside it.
    Escapes = "E0111",
    /// A reference to a node that is not declared.
    UnknownReference = "E0112",
    /// A reference to a node of a kind that cannot stand here.
    WrongReference = "E0113",
    /// Nodes that need each other in a circle.
    Cycle = "E0114",
    /// The name on the command line is no node, or more than one.
    UnknownTarget = "E0115",
    /// An overlay that does not exist, or that names a node the project does not have.
    Overlay = "E0116",
    /// An overlay asks for another version than the shared lock holds.
    OverlayRequest = "E0117",
    /// Settings of a host that do not fit together, or under which nobody could log in.
    Host = "E0118",
}

/// One mistake: what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code.
    pub code: Code,
    /// A lowercase fragment without a full stop.
    pub message: String,
    /// Where, if it has a place.
    pub span: Option<Span>,
    /// What to do next.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake at `span`.
    pub fn new(code: Code, span: &Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span: Some(span.clone()), help: None }
    }

    /// A mistake without a place.
    pub fn nowhere(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span: None, help: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds `did you mean …` where one of `known` is close to `wrong`, otherwise lists what there is.
    #[must_use]
    pub fn suggest<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let close = known
            .iter()
            .map(|name| (strsim::damerau_levenshtein(wrong, name), *name))
            .filter(|(distance, name)| *distance <= 2.max(name.len() / 3))
            .min();
        match close {
            Some((_, name)) => self.help(format!("did you mean `{name}`?")),
            None if known.is_empty() => self,
            None => self.help(format!("known here: {}", known.join(", "))),
        }
    }
}

/// Every mistake of a project, in the order of its files.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    /// The texts that the spans point into.
    pub files: Files,
    /// The mistakes; never empty where this stands as an error.
    pub list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one mistake.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Gives `value`, or every mistake found so far.
    pub fn into_result<T>(mut self, value: T) -> Result<T, Self> {
        if self.list.is_empty() {
            return Ok(value);
        }
        self.list.sort_by(|a, b| a.span.cmp(&b.span));
        self.list.dedup();
        Err(self)
    }
}

impl fmt::Display for Diagnostics {
    /// One line per mistake: `file:line:column: error[CODE]: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            if let Some(span) = &diagnostic.span {
                let (line, column) = self.files.position(span);
                write!(f, "{}:{line}:{column}: ", self.files.get(span).0)?;
            }
            write!(f, "error[{}]: {}", diagnostic.code.as_str(), diagnostic.message)?;
            if let Some(help) = &diagnostic.help {
                write!(f, "\n  help: {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
