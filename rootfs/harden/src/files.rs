//! Files of the recipe's own: the way out, for what no module knows.

use crate::accounts::Table;
use crate::error::HardenError;
use crate::layer::{Content, LayerPath, Node};
use crate::make::Maker;
use crate::settings::Settings;
use crate::value::ValueError;
use std::str::FromStr;

/// Permissions: four octal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(u32);

impl Mode {
    /// What a file has unless something else is said: everybody reads, root writes.
    pub const FILE: Self = Self(0o644);

    /// The bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for Mode {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let digits = (3..=4).contains(&text.len()) && text.bytes().all(|it| matches!(it, b'0'..=b'7'));
        let number = u32::from_str_radix(text, 8).ok().filter(|_| digits);
        number.map(Self).ok_or_else(|| ValueError::Mode(text.to_owned()))
    }
}

/// Who a file belongs to: names or numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    user: String,
    group: String,
}

impl Default for Owner {
    fn default() -> Self {
        Self { user: "root".to_owned(), group: "root".to_owned() }
    }
}

impl FromStr for Owner {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let inner = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'.');
        let is_name = |it: &str| !it.is_empty() && it.len() <= 32 && it.bytes().all(inner);
        match text.split_once(':') {
            Some((user, group)) if is_name(user) && is_name(group) => {
                Ok(Self { user: user.to_owned(), group: group.to_owned() })
            }
            _ => Err(ValueError::Owner(text.to_owned())),
        }
    }
}

/// A file of the recipe's own.
#[derive(Debug, Clone)]
pub struct ExtraFile {
    /// Where it stands. The file of a module at this path is replaced.
    pub path: LayerPath,
    /// Its bytes.
    pub content: Content,
    /// Its permissions.
    pub mode: Mode,
    /// Who it belongs to.
    pub owner: Owner,
}

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    if settings.files.is_empty() {
        return;
    }
    let table = |path, fields| {
        // Where it cannot be read, the module of users has said so.
        Table::read(path, fields, maker.text(path)).ok()
    };
    let (passwd, group) = (table("etc/passwd", 7), table("etc/group", 4));
    let id = |table: &Option<Table>, name: &str| {
        name.parse().ok().or_else(|| table.as_ref().and_then(|it| it.number(name, 2)))
    };
    for file in &settings.files {
        let (uid, gid) = (id(&passwd, &file.owner.user), id(&group, &file.owner.group));
        let (Some(uid), Some(gid)) = (uid, gid) else {
            let owner = format!("{}:{}", file.owner.user, file.owner.group);
            maker.errors.push(HardenError::UnknownOwner { path: file.path.to_string(), owner });
            continue;
        };
        let node = Node::File { mode: file.mode.bits(), uid, gid, content: file.content.clone() };
        maker.put(file.path.clone(), node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_octal_and_owners_are_two() {
        assert_eq!("0755".parse::<Mode>().unwrap().bits(), 0o755);
        assert_eq!("640".parse::<Mode>().unwrap().bits(), 0o640);
        for bad in ["", "64", "0o644", "00644", "0688", "+644", "rw-"] {
            assert!(bad.parse::<Mode>().is_err(), "{bad}");
        }
        for good in ["root:root", "0:0", "_apt:nogroup"] {
            assert!(good.parse::<Owner>().is_ok(), "{good}");
        }
        for bad in ["", "root", "root:", ":root", "a:b:c", "a b:c"] {
            assert!(bad.parse::<Owner>().is_err(), "{bad}");
        }
    }
}
