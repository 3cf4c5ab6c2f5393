//! What kind of token comes next.

use super::cursor::Mark;
use super::{Kind, Scanned, Scanner, Token};

impl<'a> Scanner<'a> {
    /// Appends the next token to the queue.
    pub(super) fn fetch(&mut self) -> Scanned<()> {
        self.skip_to_token();
        self.unroll_indent(self.column());
        self.look_ahead(4)?;
        let first = self.at.peek(0);
        match first {
            0 => self.stream_end(),
            b'%' if self.at.mark.column == 0 => self.directive(),
            b'-' | b'.' if self.at.is_document_mark() => self.document_mark(first),
            b'[' => self.flow_start(Kind::FlowSequenceStart),
            b'{' => self.flow_start(Kind::FlowMappingStart),
            b']' => self.flow_end(Kind::FlowSequenceEnd),
            b'}' => self.flow_end(Kind::FlowMappingEnd),
            b',' => self.flow_entry(),
            b'-' if self.at.is_blank_or_end(1) => self.block_entry(),
            b'?' if self.flow_level > 0 || self.at.is_blank_or_end(1) => self.key(),
            b':' if self.flow_level > 0 || self.at.is_blank_or_end(1) => self.value(),
            b'*' | b'&' => self.anchor(first),
            b'!' => self.tag(),
            b'|' | b'>' if self.flow_level == 0 => self.block_scalar(first == b'|'),
            b'\'' | b'"' => self.flow_scalar(first == b'\''),
            _ if self.begins_plain(first) => self.plain_scalar(),
            _ => Err(self.problem("found character that cannot start any token")),
        }
    }

    /// Spaces, comments, ends of lines; tabs too, but not where they would be an indent.
    fn skip_to_token(&mut self) {
        loop {
            let tabs = self.flow_level > 0 || !self.simple_key_allowed;
            let blank = |it: &u8| *it == b' ' || tabs && *it == b'\t';
            let blanks = self.at.rest().iter().take_while(|it| blank(it)).count();
            self.at.advance(blanks);
            self.at.skip_comment();
            if self.at.read_break().is_empty() {
                return;
            }
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    fn begins_plain(&self, first: u8) -> bool {
        match first {
            b'-' => !self.at.is_blank(1),
            b'?' | b':' => self.flow_level == 0 && !self.at.is_blank_or_end(1),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"'
            | b'%' | b'@' | b'`' => false,
            _ => !self.at.is_blank_or_end(0),
        }
    }

    fn stream_end(&mut self) -> Scanned<()> {
        if self.at.mark.column != 0 {
            self.at.mark = Mark { column: 0, line: self.at.mark.line + 1, ..self.at.mark };
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(Kind::StreamEnd, 0);
        Ok(())
    }

    fn document_mark(&mut self, first: u8) -> Scanned<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(if first == b'-' { Kind::DocumentStart } else { Kind::DocumentEnd }, 3);
        Ok(())
    }

    fn directive(&mut self) -> Scanned<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let token = self.scan_directive()?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn flow_start(&mut self, kind: Kind<'a>) -> Scanned<()> {
        self.save_simple_key()?;
        self.increase_flow_level()?;
        self.simple_key_allowed = true;
        self.push(kind, 1);
        Ok(())
    }

    fn flow_end(&mut self, kind: Kind<'a>) -> Scanned<()> {
        self.remove_simple_key()?;
        self.decrease_flow_level();
        self.simple_key_allowed = false;
        self.push(kind, 1);
        Ok(())
    }

    fn flow_entry(&mut self) -> Scanned<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push(Kind::FlowEntry, 1);
        Ok(())
    }

    fn block_entry(&mut self) -> Scanned<()> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.problem("block sequence entries are not allowed in this context"));
            }
            self.roll_indent(self.at.mark.column, None, Kind::BlockSequenceStart, self.at.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push(Kind::BlockEntry, 1);
        Ok(())
    }

    fn key(&mut self) -> Scanned<()> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.problem("mapping keys are not allowed in this context"));
            }
            self.roll_indent(self.at.mark.column, None, Kind::BlockMappingStart, self.at.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.push(Kind::Key, 1);
        Ok(())
    }

    /// `:`, which makes a key of what was a possible one.
    fn value(&mut self) -> Scanned<()> {
        let level = self.flow_level;
        if self.is_valid(level)? {
            let key = self.simple_keys[level];
            let token = self.token(Kind::Key, key.mark);
            self.insert(key.token, token);
            self.roll_indent(key.mark.column, Some(key.token), Kind::BlockMappingStart, key.mark)?;
            self.simple_keys[level].possible = false;
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(self.problem("mapping values are not allowed in this context"));
                }
                self.roll_indent(self.at.mark.column, None, Kind::BlockMappingStart, self.at.mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.push(Kind::Value, 1);
        Ok(())
    }

    fn anchor(&mut self, first: u8) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.at.mark;
        self.at.skip();
        let name = self.scan_word();
        let ends = self.at.is_blank_or_end(0)
            || matches!(self.at.peek(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends {
            return Err(self.problem("did not find expected alphabetic or numeric character"));
        }
        let kind = if first == b'*' { Kind::Alias(name) } else { Kind::Anchor(name) };
        self.tokens.push_back(Token { kind, start, end: self.at.mark });
        Ok(())
    }

    fn tag(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = self.scan_tag()?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn block_scalar(&mut self, literal: bool) -> Scanned<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let token = self.scan_block_scalar(literal)?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn flow_scalar(&mut self, single: bool) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = self.scan_flow_scalar(single)?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn plain_scalar(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = self.scan_plain_scalar()?;
        self.tokens.push_back(token);
        Ok(())
    }

    /// Appends a token of some ASCII characters that stand here.
    fn push(&mut self, kind: Kind<'a>, length: usize) {
        let start = self.at.mark;
        self.at.advance(length);
        self.tokens.push_back(Token { kind, start, end: self.at.mark });
    }

    /// Letters, digits, `_` and `-` of ASCII.
    pub(super) fn scan_word(&mut self) -> &'a str {
        let start = self.at.mark.offset;
        let is_word = |it: &&u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-');
        let length = self.at.rest().iter().take_while(is_word).count();
        self.at.advance(length);
        &self.at.text[start..start + length]
    }
}
