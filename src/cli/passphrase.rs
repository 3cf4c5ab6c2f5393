//! Passphrases: from the file that `$GABION_PASSPHRASE_FILE` names, otherwise from the terminal.

use super::failure::Failure;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// Ends a line like `\n` while a passphrase is typed, so that Ctrl-C is seen here and cannot leave the
/// terminal without echo.
const INTERRUPT: u8 = 3;

/// What the file of `$GABION_PASSPHRASE_FILE` says; `None` where the variable is not set.
pub(super) fn from_file() -> Result<Option<String>, Failure> {
    let Some(path) = std::env::var_os("GABION_PASSPHRASE_FILE").filter(|it| !it.is_empty()) else {
        return Ok(None);
    };
    let text = super::trust::read_text(path.as_ref())?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Asks on the terminal; `None` where there is none, or nothing was typed.
pub(super) fn ask(question: &str) -> Option<String> {
    let terminal = fs_err::OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?.into_file();
    read_hidden(&terminal, question).ok().filter(|it| !it.is_empty())
}

/// Asks twice; `None` where there is no terminal, nothing was typed, or not the same.
pub(super) fn ask_new() -> Option<String> {
    let first = ask("passphrase of the new key: ")?;
    (ask("the same again: ")? == first).then_some(first)
}

/// Sets the terminal back when it goes.
struct Hidden<'t> {
    terminal: &'t File,
    before: Termios,
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        let _back = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn read_hidden(terminal: &File, question: &str) -> io::Result<String> {
    let hidden = Hidden { terminal, before: tcgetattr(terminal)? };
    let mut silent = hidden.before.clone();
    silent.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
    silent.local_modes |= LocalModes::ICANON;
    silent.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
    tcsetattr(terminal, OptionalActions::Flush, &silent)?;
    let mut out = terminal;
    write!(out, "{question}")?;
    let mut line = Vec::new();
    // The kernel gives one line per read, so nothing behind it is lost with the buffer.
    let mut lines = BufReader::new(terminal);
    while !matches!(line.last(), Some(&(b'\n' | INTERRUPT))) {
        let bytes = lines.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        line.extend_from_slice(bytes);
        let count = bytes.len();
        lines.consume(count);
    }
    writeln!(out)?;
    drop(hidden);
    if line.last() == Some(&INTERRUPT) {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let text = String::from_utf8(line).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
