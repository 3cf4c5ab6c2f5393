//! Patterns of Go's `regexp/syntax` written as patterns of the `regex` crate.
//!
//! Both are of RE2's family, but differ: here `\d`, `\w`, `\s` and `\b` are ASCII, a `{` that counts nothing is a sign, `&&`
//! and `[` mean nothing in a class, and `\Q…\E` quotes. So the pattern is read by Go's rules and written anew in a form
//! that has one meaning.

use super::class;

/// Most repetitions that Go takes.
const MOST: i64 = 1000;
/// How deep groups may lie in each other (`maxHeight`).
const DEEPEST: usize = 1000;

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) out: String,
    names: Vec<Option<String>>,
    flags: Flags,
    /// Flags before each open group, and where in the output it begins.
    open: Vec<(Flags, usize)>,
    /// The last thing that can be repeated.
    atom: Option<Atom>,
    /// Where the last repetition begins, if nothing stands behind it.
    repeat: Option<usize>,
}

/// Where in the output something that can be repeated begins and ends, and whether it is a repetition already.
#[derive(Clone, Copy)]
struct Atom {
    start: usize,
    end: usize,
    repeated: bool,
}

/// `i`, `m`, `s` and `U`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Flags([bool; 4]);

const FLAGS: &str = "imsU";

/// The pattern for the crate, and the names of its groups from 0 on; or Go's complaint.
pub(super) fn translate(expression: &[u8]) -> Result<(String, Vec<Option<String>>), String> {
    let text = std::str::from_utf8(expression)
        .map_err(|_| format!("invalid UTF-8: `{}`", String::from_utf8_lossy(expression)))?;
    let mut reader = Reader {
        text,
        at: 0,
        out: String::with_capacity(text.len() * 2),
        names: vec![None],
        flags: Flags([false; 4]),
        open: Vec::new(),
        atom: None,
        repeat: None,
    };
    while let Some(sign) = reader.peek() {
        reader.sign(sign)?;
    }
    if reader.open.is_empty() {
        Ok((reader.out, reader.names))
    } else {
        Err(format!("missing closing ): `{text}`"))
    }
}

impl Reader<'_> {
    pub(super) fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Steps over these signs if they stand here.
    fn eat(&mut self, part: &str) -> bool {
        let found = self.rest().starts_with(part);
        if found {
            self.at += part.len();
        }
        found
    }

    fn sign(&mut self, sign: char) -> Result<(), String> {
        match sign {
            '*' | '+' | '?' => return self.repeat(1, &sign.to_string()),
            '{' => {
                if let Some((length, least, most)) = counts(self.rest()) {
                    let wrong = least > MOST || most.is_some_and(|most| most > MOST || most < least);
                    if wrong {
                        return Err(format!("invalid repeat count: `{}`", &self.rest()[..length]));
                    }
                    let most = most.map_or(String::new(), |most| most.to_string());
                    return self.repeat(length, &format!("{{{least},{most}}}"));
                }
                self.literal('{');
                self.at += 1;
            }
            '(' => return self.group(),
            ')' => {
                let Some((flags, start)) = self.open.pop() else {
                    return Err(format!("unexpected ): `{}`", self.text));
                };
                self.flags = flags;
                self.at += 1;
                self.push(")");
                self.atom = self.atom.map(|atom| Atom { start, ..atom });
            }
            '|' => {
                self.at += 1;
                self.out.push('|');
                self.atom = None;
                self.repeat = None;
            }
            '^' | '$' | '.' => {
                self.at += 1;
                self.push(sign.encode_utf8(&mut [0; 4]));
            }
            '[' => {
                let class = class::bracket(self)?;
                self.push(&class);
            }
            '\\' => return self.backslash(),
            _ => {
                self.at += sign.len_utf8();
                self.literal(sign);
            }
        }
        Ok(())
    }

    /// Appends something that can be repeated.
    fn push(&mut self, part: &str) {
        let start = self.out.len();
        self.out.push_str(part);
        self.atom = Some(Atom { start, end: self.out.len(), repeated: false });
        self.repeat = None;
    }

    fn literal(&mut self, sign: char) {
        let written = class::sign(sign);
        self.push(&written);
    }

    /// A repetition of `length` signs; behind it another one is a mistake.
    fn repeat(&mut self, length: usize, written: &str) -> Result<(), String> {
        let start = self.at;
        self.at += length;
        let lazy = self.eat("?");
        if let Some(before) = self.repeat {
            return Err(format!("invalid nested repetition operator: `{}`", &self.text[before..self.at]));
        }
        let Some(Atom { start: from, end, repeated }) = self.atom else {
            return Err(format!("missing argument to repetition operator: `{}`", &self.text[start..self.at]));
        };
        // What stands behind is but flags, which Go does not see here.
        let behind = self.out.split_off(end);
        if repeated {
            self.out.insert_str(from, "(?:");
            self.out.push(')');
        }
        self.out.push_str(written);
        if lazy {
            self.out.push('?');
        }
        self.atom = Some(Atom { start: from, end: self.out.len(), repeated: true });
        self.out.push_str(&behind);
        self.repeat = Some(start);
        Ok(())
    }

    fn group(&mut self) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("expression nests too deeply: `{}`", self.text));
        }
        if !self.rest().starts_with("(?") {
            self.at += 1;
            self.enter("(");
            self.names.push(None);
            return Ok(());
        }
        if self.rest().starts_with("(?P<") || self.rest().starts_with("(?<") {
            return self.named();
        }
        self.flags_or_group()
    }

    fn enter(&mut self, bracket: &str) {
        self.open.push((self.flags, self.out.len()));
        self.out.push_str(bracket);
        self.atom = None;
        self.repeat = None;
    }

    fn named(&mut self) -> Result<(), String> {
        let rest = self.rest();
        let start = if rest.starts_with("(?P") { 4 } else { 3 };
        let Some(end) = rest.find('>') else {
            return Err(format!("invalid named capture: `{rest}`"));
        };
        let name = &rest[start..end];
        let word = |it: char| it.is_ascii_alphanumeric() || it == '_';
        if name.is_empty() || !name.chars().all(word) {
            return Err(format!("invalid named capture: `{}`", &rest[..=end]));
        }
        let name = name.to_owned();
        self.names.push(Some(name));
        self.at += end + 1;
        self.enter("(");
        Ok(())
    }

    /// `(?i)`, `(?i:`, `(?:`.
    fn flags_or_group(&mut self) -> Result<(), String> {
        let start = self.at;
        self.at += 2;
        let (mut flags, mut on, mut named) = (self.flags, true, false);
        loop {
            let sign = self.peek();
            self.at += sign.map_or(0, char::len_utf8);
            match sign {
                Some('-') if on => (on, named) = (false, false),
                Some(':' | ')') if !on && !named => break,
                Some(':') => {
                    self.enter("(?:");
                    self.set(flags);
                    return Ok(());
                }
                Some(')') => {
                    self.set(flags);
                    self.repeat = None;
                    return Ok(());
                }
                Some(sign) if FLAGS.contains(sign) => {
                    flags.0[FLAGS.find(sign).unwrap_or(0)] = on;
                    named = true;
                }
                _ => break,
            }
        }
        Err(format!("invalid or unsupported Perl syntax: `{}`", &self.text[start..self.at]))
    }

    fn set(&mut self, flags: Flags) {
        if flags == self.flags {
            return;
        }
        self.flags = flags;
        let all = |wanted: bool| {
            FLAGS.chars().zip(flags.0).filter(move |(_, on)| *on == wanted).map(|(sign, _)| sign)
        };
        self.out.push_str("(?");
        self.out.extend(all(true));
        if flags.0.contains(&false) {
            self.out.push('-');
        }
        self.out.extend(all(false));
        self.out.push(')');
    }

    fn backslash(&mut self) -> Result<(), String> {
        let Some(sign) = self.rest()[1..].chars().next() else {
            return Err("trailing backslash at end of expression: ``".to_owned());
        };
        match sign {
            'A' | 'z' => {
                self.at += 2;
                self.push(if sign == 'A' { "\\A" } else { "\\z" });
            }
            'b' | 'B' => {
                self.at += 2;
                self.push(if sign == 'b' { "(?-u:\\b)" } else { "(?-u:\\B)" });
            }
            'Q' => {
                self.at += 2;
                let end = self.rest().find("\\E");
                let quoted = self.rest()[..end.unwrap_or(self.rest().len())].to_owned();
                self.at += quoted.len() + if end.is_some() { 2 } else { 0 };
                self.repeat = None;
                for sign in quoted.chars() {
                    self.literal(sign);
                }
            }
            _ => {
                let written = match class::named(self)? {
                    Some(class) => format!("[{class}]"),
                    None => class::sign(class::escape(self)?),
                };
                self.push(&written);
            }
        }
        Ok(())
    }
}

/// `{2}`, `{2,}` or `{2,5}`: how long it is, and its numbers. Anything else is no repetition.
fn counts(text: &str) -> Option<(usize, i64, Option<i64>)> {
    let inner = &text[1..text.find('}')?];
    let number = |part: &str| {
        let fine = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let fine = fine && (part.len() == 1 || !part.starts_with('0'));
        fine.then(|| part.parse().unwrap_or(i64::MAX))
    };
    let (least, most) = match inner.split_once(',') {
        None => (number(inner)?, Some(number(inner)?)),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    Some((inner.len() + 2, least, most))
}
