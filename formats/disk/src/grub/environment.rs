//! The environment: 1024 bytes that GRUB rewrites in place (GRUB's `grub-core/lib/envblk.c`).

use crate::Slot;
use std::collections::BTreeMap;

/// Bytes of an environment, always.
const SIZE: usize = 1024;
/// Its first line.
const HEADER: &str = "# GRUB Environment Block\n";
/// What fills the rest.
const FILL: u8 = b'#';
/// The confirmed slot.
const SLOT: &str = "slot";
/// The slot to be tried once.
const TRIAL: &str = "trial";

/// Why bytes are no environment, or none can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// Not 1024 bytes that begin as an environment does.
    #[error("these {size} bytes are no environment of GRUB")]
    Format {
        /// How many.
        size: usize,
    },
    /// A variable that GRUB could not read.
    #[error("`{name}` is no variable of an environment")]
    Name {
        /// The name.
        name: String,
    },
    /// More than fits.
    #[error("the environment needs {missing} bytes more than the {SIZE} that it has")]
    Full {
        /// How many bytes too many.
        missing: usize,
    },
}

impl EnvironmentError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format { .. } => "E1310",
            Self::Name { .. } | Self::Full { .. } => "E1311",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = "write it anew: `slot` is the slot that runs now";
        matches!(self, Self::Format { .. }).then(|| text.to_owned())
    }
}

/// The variables of an environment. Those of others are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// The environment of a new disk: `slot` is confirmed, and nothing is to be tried.
    pub fn new(slot: Slot) -> Self {
        let variables = [(SLOT, slot.as_str()), (TRIAL, "")];
        Self { variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into() }
    }

    /// Reads the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvironmentError> {
        let format = || EnvironmentError::Format { size: bytes.len() };
        let text =
            bytes.strip_prefix(HEADER.as_bytes()).filter(|_| bytes.len() == SIZE).ok_or_else(format)?;
        let text = std::str::from_utf8(text).map_err(|_| format())?;
        let lines = lines(text);
        let pairs = lines.iter().filter_map(|line| line.split_once('=')).filter(|(name, _)| is_name(name));
        let variables = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Self { variables: variables.collect() })
    }

    /// The 1024 bytes, sorted by name.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EnvironmentError> {
        let mut text = HEADER.to_owned();
        for (name, value) in &self.variables {
            // A backslash takes the next character as it is (`envblk.c`, `escaped_value_len`).
            let value = value.replace('\\', "\\\\").replace('\n', "\\\n");
            text.extend([name, "=", &value, "\n"]);
        }
        let mut bytes = text.into_bytes();
        if bytes.len() > SIZE {
            return Err(EnvironmentError::Full { missing: bytes.len() - SIZE });
        }
        bytes.resize(SIZE, FILL);
        Ok(bytes)
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), EnvironmentError> {
        if !is_name(name) || value.contains('\0') {
            return Err(EnvironmentError::Name { name: name.to_owned() });
        }
        self.variables.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Takes a variable out.
    pub fn remove(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// The confirmed slot; `None` where it is neither, which GRUB takes as `a`.
    pub fn slot(&self) -> Option<Slot> {
        self.get(SLOT)?.parse().ok()
    }

    /// The slot that the next start will try.
    pub fn trial(&self) -> Option<Slot> {
        self.get(TRIAL)?.parse().ok()
    }

    /// Lets the next start, and only that one, try `slot`.
    pub fn try_once(&mut self, slot: Slot) {
        self.variables.insert(TRIAL.to_owned(), slot.to_string());
    }

    /// Lets every start take `slot`; ends a trial.
    pub fn confirm(&mut self, slot: Slot) {
        self.variables.insert(SLOT.to_owned(), slot.to_string());
        self.variables.insert(TRIAL.to_owned(), String::new());
    }
}

/// What may stand before the sign of equality; a `#` begins a comment, and a backslash would take what follows.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|it| it.is_ascii_graphic() && !b"#=\\".contains(&it))
}

/// Lines without their ends; a backslash takes the next character into the line.
fn lines(text: &str) -> Vec<String> {
    let (mut lines, mut line, mut escaped) = (Vec::new(), String::new(), false);
    for letter in text.chars() {
        match letter {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '\n' if !escaped => lines.push(std::mem::take(&mut line)),
            _ => line.push(letter),
        }
        escaped = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_trial_is_over_when_a_slot_is_confirmed() {
        let mut it = Environment::new(Slot::A);
        assert_eq!((it.slot(), it.trial()), (Some(Slot::A), None));
        it.try_once(Slot::B);
        assert_eq!((it.slot(), it.trial()), (Some(Slot::A), Some(Slot::B)));
        it.confirm(Slot::B);
        assert_eq!((it.slot(), it.trial()), (Some(Slot::B), None));
    }

    #[test]
    fn what_is_no_environment_is_refused() {
        for bytes in [&b""[..], HEADER.as_bytes(), &[b'#'; SIZE], &[b'#'; 2048]] {
            assert!(Environment::parse(bytes).is_err());
        }
        let mut bytes = Environment::new(Slot::A).to_bytes().unwrap();
        bytes[40] = 0xFF;
        assert_eq!(Environment::parse(&bytes), Err(EnvironmentError::Format { size: SIZE }));
        let garbage = HEADER.to_owned() + "slot=c\n" + &"#".repeat(SIZE - HEADER.len() - 7);
        assert_eq!(Environment::parse(garbage.as_bytes()).unwrap().slot(), None);
    }

    #[test]
    fn a_variable_that_does_not_fit_is_told_by_how_much() {
        let mut it = Environment::new(Slot::A);
        assert!(it.set("a b", "c").is_err() && it.set("", "c").is_err() && it.set("a", "\0").is_err());
        it.set("a", &"x".repeat(SIZE)).unwrap();
        let EnvironmentError::Full { missing } = it.to_bytes().unwrap_err() else { panic!("it fits") };
        it.set("a", &"x".repeat(SIZE - missing)).unwrap();
        assert_eq!(it.to_bytes().unwrap().len(), SIZE);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_and_read_again(lines in "[a-z#=\\\\\n -]{0,999}", byte in 0_u8..255) {
            let mut bytes = (HEADER.to_owned() + &lines).into_bytes();
            bytes.resize(SIZE, byte);
            if let Ok(read) = Environment::parse(&bytes) {
                let again = read.to_bytes().map(|it| Environment::parse(&it));
                prop_assert!(again.is_err() || again == Ok(Ok(read)));
            }
        }

        #[test]
        fn what_is_set_is_read_again(name in "[a-z_]{1,8}", value in "[ -~\n\\\\ä#=]{0,60}") {
            let mut it = Environment::new(Slot::B);
            it.set(&name, &value).unwrap();
            let read = Environment::parse(&it.to_bytes().unwrap()).unwrap();
            prop_assert_eq!(read, it);
        }
    }
}
