//! Tags and directives.

use super::{Kind, Scanned, Scanner, TagName, Token};

impl<'a> Scanner<'a> {
    pub(super) fn scan_tag(&mut self) -> Scanned<Token<'a>> {
        let start = self.at.mark;
        let (handle, suffix) = if self.at.peek(1) == b'<' {
            self.at.advance(2);
            let suffix = self.scan_uri("")?;
            if self.at.peek(0) != b'>' {
                return Err(self.problem("did not find the expected '>'"));
            }
            self.at.skip();
            (String::new(), suffix)
        } else {
            self.scan_short_tag()?
        };
        if !self.at.is_blank_or_end(0) {
            return Err(self.problem("did not find expected whitespace or line break"));
        }
        Ok(Token { kind: Kind::Tag(Box::new(TagName { handle, suffix })), start, end: self.at.mark })
    }

    /// `!suffix`, `!handle!suffix`, `!!suffix` or `!` alone.
    fn scan_short_tag(&mut self) -> Scanned<(String, String)> {
        let handle = self.scan_handle(false)?;
        if handle.len() > 1 && handle.ends_with('!') {
            let suffix = self.scan_uri("")?;
            return Ok((handle, suffix));
        }
        let suffix = self.scan_uri(&handle)?;
        if suffix.is_empty() { Ok((String::new(), handle)) } else { Ok(("!".into(), suffix)) }
    }

    fn scan_handle(&mut self, directive: bool) -> Scanned<String> {
        if self.at.peek(0) != b'!' {
            return Err(self.problem("did not find expected '!'"));
        }
        self.at.skip();
        let mut handle = format!("!{}", self.scan_word());
        if self.at.peek(0) == b'!' {
            handle.push('!');
            self.at.skip();
        } else if directive && handle != "!" {
            return Err(self.problem("did not find expected '!'"));
        }
        Ok(handle)
    }

    /// The rest of a tag; `head` is what was taken for its handle, with the `!` that does not count.
    fn scan_uri(&mut self, head: &str) -> Scanned<String> {
        let mut uri = head.get(1..).unwrap_or_default().as_bytes().to_vec();
        let mut any = !head.is_empty();
        while is_uri(self.at.peek(0)) {
            if self.at.peek(0) == b'%' {
                self.scan_uri_escape(&mut uri)?;
            } else {
                uri.push(self.at.peek(0));
                self.at.skip();
            }
            any = true;
        }
        if !any {
            return Err(self.problem("did not find expected tag URI"));
        }
        Ok(String::from_utf8_lossy(&uri).into_owned())
    }

    /// The octets of one character.
    fn scan_uri_escape(&mut self, uri: &mut Vec<u8>) -> Scanned<()> {
        let mut missing = None;
        while missing != Some(0) {
            let hex = |ahead| char::from(self.at.peek(ahead)).to_digit(16);
            let octet = match (self.at.peek(0), hex(1), hex(2)) {
                (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).unwrap_or_default(),
                _ => return Err(self.problem("did not find URI escaped octet")),
            };
            let left = match (missing, octet) {
                (Some(left), 0x80..0xc0) => left,
                (Some(_), _) => return Err(self.problem("found an incorrect trailing UTF-8 octet")),
                (None, 0..0x80) => 1,
                (None, 0xc0..0xe0) => 2,
                (None, 0xe0..0xf0) => 3,
                (None, 0xf0..0xf8) => 4,
                (None, _) => return Err(self.problem("found an incorrect leading UTF-8 octet")),
            };
            uri.push(octet);
            self.at.advance(3);
            missing = Some(left - 1);
        }
        Ok(())
    }

    /// `%YAML` or `%TAG`, and its line.
    pub(super) fn scan_directive(&mut self) -> Scanned<Token<'a>> {
        let start = self.at.mark;
        self.at.skip();
        let name = self.scan_word();
        if name.is_empty() {
            return Err(self.problem("could not find expected directive name"));
        }
        if !self.at.is_blank_or_end(0) {
            return Err(self.problem("found unexpected non-alphabetical character"));
        }
        let kind = match name {
            "YAML" => self.scan_version()?,
            "TAG" => self.scan_tag_directive()?,
            _ => return Err(self.problem("found unknown directive name")),
        };
        let end = self.at.mark;
        self.at.skip_blanks();
        self.at.skip_comment();
        if !self.at.is_break_or_end(0) {
            return Err(self.problem("did not find expected comment or line break"));
        }
        self.at.read_break();
        Ok(Token { kind, start, end })
    }

    fn scan_version(&mut self) -> Scanned<Kind<'a>> {
        self.at.skip_blanks();
        let major = self.scan_version_number()?;
        if self.at.peek(0) != b'.' {
            return Err(self.problem("did not find expected digit or '.' character"));
        }
        self.at.skip();
        let minor = self.scan_version_number()?;
        Ok(Kind::Version(major, minor))
    }

    fn scan_version_number(&mut self) -> Scanned<u8> {
        let mut number = None;
        for length in 0.. {
            let digit = self.at.peek(0);
            if !digit.is_ascii_digit() {
                break;
            }
            if length == 2 {
                return Err(self.problem("found extremely long version number"));
            }
            number = Some(number.unwrap_or(0) * 10 + (digit - b'0'));
            self.at.skip();
        }
        number.ok_or_else(|| self.problem("did not find expected version number"))
    }

    fn scan_tag_directive(&mut self) -> Scanned<Kind<'a>> {
        self.at.skip_blanks();
        let handle = self.scan_handle(true)?;
        if !self.at.is_blank(0) {
            return Err(self.problem("did not find expected whitespace"));
        }
        self.at.skip_blanks();
        let prefix = self.scan_uri("")?;
        if !self.at.is_blank_or_end(0) {
            return Err(self.problem("did not find expected whitespace or line break"));
        }
        Ok(Kind::TagDirective(Box::new(TagName { handle, suffix: prefix })))
    }
}

const fn is_uri(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'_' | b'-'
                | b';'
                | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b','
                | b'.'
                | b'!'
                | b'~'
                | b'*'
                | b'\''
                | b'('
                | b')'
                | b'['
                | b']'
                | b'%'
        )
}
