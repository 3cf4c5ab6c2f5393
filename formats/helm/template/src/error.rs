//! Why a template was refused, or why its run ended.
//!
//! The text is Go's, because whoever writes charts knows it and searches for it; the parts stand beside it.

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub struct ParseError {
    /// The file, as it was named.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, in Go's words.
    pub message: String,
}

/// What ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A template that `tpl` was given is none.
    Parse,
    /// An action could not be done: a wrong type, a field of nothing, a function that refused.
    Exec,
    /// A limit of the run was reached.
    Budget,
}

/// An action that was being done when the run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The template that was executed.
    pub template: String,
    /// The file that it stands in.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 0, as Go counts.
    pub column: u32,
    /// The action, as Go writes it.
    pub action: String,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExecError {
    /// What ended it.
    pub class: Class,
    /// The whole story, in Go's words.
    pub message: String,
    /// The reason alone, without places.
    pub reason: String,
    /// Where it ended: the innermost action first.
    pub frames: Vec<Frame>,
}
