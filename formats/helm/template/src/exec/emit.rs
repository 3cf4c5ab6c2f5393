//! What is written, and where it comes from.
//!
//! Every byte gets the line of the innermost action that wrote it. A text that was written before, by a template that was
//! included, keeps that origin; a text of a file of values keeps the place in the file beside it. So each byte answers
//! both: which line of which file of values, written by which line of which template.

use super::{Exec, Step};
use crate::ast::show::Node;
use crate::fmt;
use crate::text::{Origin, Taint, Text};
use crate::value::{Data, Kind, Value};

impl Exec<'_, '_, '_> {
    /// Text outside of actions. Each of its lines is a place of its own.
    pub(super) fn literal(&mut self, start: u32, end: u32, line: u32) -> Step<()> {
        let tree = self.tree;
        let bytes = &tree.source.text[start as usize..end as usize];
        if let Some(backing) = self.backing {
            let text = backing.text.slice(start as usize, end as usize);
            self.run.here = backing.caller;
            self.text(&text, backing.text.taint());
        } else if self.run.options.trace {
            for (line, part) in (line..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
                let origin = Origin { template: tree.source.id, line, file: 0, file_line: 0 };
                self.out.push(part, origin, Taint::NONE);
            }
        } else {
            self.out.push(bytes, Origin::default(), Taint::NONE);
        }
        self.check_output()
    }

    /// The value of an action.
    pub(super) fn emit(&mut self, value: &Value) -> Step<()> {
        match &value.data {
            Data::Nil => self.out.push(b"<no value>", self.run.here, value.taint),
            Data::Text(text) => self.text(text, value.taint),
            Data::Object(object) if object.kind() == Kind::Func => {
                let Node::Stmt(_) = self.at else { return Ok(()) };
                let shown = self.at.show(&self.tree.source);
                return self.fail(format!("can't print {shown} of type {}", object.type_name()));
            }
            Data::Object(object) => {
                let (shown, origin) = (object.shown(), self.run.here);
                self.out.push(shown.as_bytes(), origin, value.taint);
            }
            _ => {
                let shown = fmt::displayed(value).or_else(|error| self.over_budget(error.0))?;
                let origin = self.run.here;
                let taint = self.deep_taint(value);
                self.out.push(&shown, origin, taint);
            }
        }
        self.check_output()
    }

    fn deep_taint(&mut self, value: &Value) -> Taint {
        if !self.run.tainted {
            return value.taint;
        }
        let base = self.run.stack.len();
        self.run.stack.push(value.clone());
        let taint = self.taint_of(base);
        self.run.stack.truncate(base);
        taint
    }

    fn text(&mut self, text: &Text, taint: Taint) {
        let here = self.run.here;
        let spans = text.spans();
        if spans.is_empty() {
            self.out.push(text.bytes(), here, taint);
            return;
        }
        // Reasons that no part has were given to the whole.
        let whole = if taint.is_none() { taint } else { taint.without(text.taint()) };
        let mut start = 0;
        for span in spans {
            let end = span.end as usize;
            let origin = match span.origin.template {
                0 => Origin { template: here.template, line: here.line, ..span.origin },
                _ => span.origin,
            };
            self.out.push(&text.bytes()[start..end], origin, span.taint.and(whole));
            start = end;
        }
    }

    fn check_output(&self) -> Step<()> {
        let limit = self.run.options.limits.text;
        if self.out.len() <= limit {
            return Ok(());
        }
        self.over_budget(format!("a text is longer than {limit} bytes"))
    }
}
