//! The smallest parts of a text.

use std::borrow::Cow;

use super::Mark;

/// A part of a text and its place.
#[derive(Clone, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind<'a>,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
}

/// What it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind<'a> {
    StreamEnd,
    /// `%YAML`
    Version(u8, u8),
    /// `%TAG`
    TagDirective(Box<TagName>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    /// `-`
    BlockEntry,
    /// `,`
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag(Box<TagName>),
    Scalar {
        value: Cow<'a, str>,
        plain: bool,
    },
}

/// The two parts of a tag; of a directive, what the handle stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TagName {
    pub(crate) handle: String,
    pub(crate) suffix: String,
}
