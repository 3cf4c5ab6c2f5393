//! The configuration: one script without a menu.

use crate::{Layout, Role, Slot};
use std::fmt::Write as _;

/// What every kernel of a host is told, before the parameters of a recipe.
///
/// `rw`, because no line of `fstab` names the root, which may lie in either slot, and so nothing would make it writable
/// later; the serial line as the last console, because that is where the first process and its failures speak, while
/// the screen still shows the kernel; and ten seconds after a panic the host starts again: in the confirmed slot, where
/// the panic was a trial's.
pub const DEFAULT_PARAMETERS: [&str; 4] = ["rw", "console=tty0", "console=ttyS0,115200n8", "panic=10"];

/// Why there is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A path that GRUB would read otherwise.
    #[error("`{path}` is no path that GRUB can be told")]
    Path {
        /// The path.
        path: String,
    },
    /// A parameter that GRUB or the kernel would split or read otherwise.
    #[error("`{parameter}` is no parameter that the kernel can be told")]
    Parameter {
        /// The parameter.
        parameter: String,
    },
}

impl ConfigError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "E1312"
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Path { .. } => "a path begins with `/` and has letters, digits and `/._+-` only".to_owned(),
            Self::Parameter { .. } => {
                "a parameter has no space, quote, backslash or control character; give several as a list"
                    .to_owned()
            }
        })
    }
}

/// What the slots of a disk are started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    kernel: String,
    initrd: Option<String>,
    parameters: Vec<String>,
    /// Of both slots: the number of the partition and its `PARTUUID`.
    slots: [(usize, String); 2],
}

impl Config {
    /// `kernel` and `initrd` are absolute paths within a slot, and may be symbolic links there; `parameters` follow
    /// `root=`, usually [`DEFAULT_PARAMETERS`] first.
    pub fn new<'p>(
        layout: &Layout,
        kernel: &str,
        initrd: Option<&str>,
        parameters: impl IntoIterator<Item = &'p str>,
    ) -> Result<Self, ConfigError> {
        let parameters: Vec<String> = parameters.into_iter().map(str::to_owned).collect();
        if let Some(parameter) = parameters.iter().find(|it| !is_parameter(it)) {
            return Err(ConfigError::Parameter { parameter: parameter.clone() });
        }
        if let Some(path) = [Some(kernel), initrd].into_iter().flatten().find(|it| !is_path(it)) {
            return Err(ConfigError::Path { path: path.to_owned() });
        }
        let slots = [Slot::A, Slot::B].map(|slot| {
            let role = Role::from(slot);
            (role.number(), layout.partition(role).id.to_string())
        });
        Ok(Self { kernel: kernel.to_owned(), initrd: initrd.map(str::to_owned), parameters, slots })
    }

    /// The text of `grub.cfg`.
    pub fn to_text(&self) -> String {
        let [(a, a_id), (b, b_id)] = &self.slots;
        let quoted = self.parameters.iter().fold(String::new(), |mut text, it| {
            let _ = write!(text, " '{it}'");
            text
        });
        let kernel = &self.kernel;
        let start = match &self.initrd {
            Some(initrd) => format!("if initrd \"$at{initrd}\"; then boot; fi"),
            None => "boot".to_owned(),
        };
        format!(
            r#"# A slot that is tried is forgotten on the disk before it starts: the next start takes the confirmed one.
if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi

function start {{
  if [ "$1" = b ]; then
    set at="($disk,gpt{b})"
    set id={b_id}
  else
    set at="($disk,gpt{a})"
    set id={a_id}
  fi
  echo "slot $1"
  if linux "$at{kernel}" root=PARTUUID=$id gabion.slot=$1 $2{quoted}; then
    {start}
  fi
  echo "slot $1 does not start"
}}

regexp --set=1:disk '^([^,]*),' "$root"
set slot=a
set trial=
load_env --file "$prefix/grubenv" slot trial
if [ "$slot" != b ]; then set slot=a; fi

set first="$slot"
set note=
if [ "$trial" = a -o "$trial" = b ]; then
  set tried="$trial"
  set trial=
  if save_env --file "$prefix/grubenv" trial; then
    set first="$tried"
    set note=gabion.trial=1
  fi
fi

start "$first" $note
if [ "$first" = a ]; then start b; else start a; fi
echo "no slot starts; trying again in 10 seconds"
sleep 10
reboot
"#
        )
    }
}

fn is_path(path: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"/._+-".contains(&it);
    path.len() > 1 && path.starts_with('/') && path.bytes().all(plain)
}

/// What stands in single quotes as it is, and what GRUB's `lib/cmdline.c` passes on without a backslash.
fn is_parameter(parameter: &str) -> bool {
    !parameter.is_empty() && parameter.bytes().all(|it| it.is_ascii_graphic() && !b"'\"\\".contains(&it))
}
