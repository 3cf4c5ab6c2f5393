//! Users: who may log in, by key alone.
//!
//! Every password is locked, root's too (`passwd(5)`: a field that begins with `!`).

use crate::accounts::Table;
use crate::error::HardenError;
use crate::make::{Maker, lines};
use crate::public_key::PublicKey;
use crate::settings::Settings;
use crate::value::{Name, ValueError};

/// The id of a person's account: Debian gives those from 1000 to 59999 to people (Debian Policy §9.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uid(u32);

impl TryFrom<i64> for Uid {
    type Error = ValueError;

    fn try_from(number: i64) -> Result<Self, ValueError> {
        match u32::try_from(number) {
            Ok(number) if (1000..60_000).contains(&number) => Ok(Self(number)),
            _ => Err(ValueError::Uid(number)),
        }
    }
}

impl Uid {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// Somebody who may log in. The group of the same name has the same number.
#[derive(Debug, Clone)]
pub struct User {
    /// The account's number, and its group's.
    pub uid: Uid,
    /// Groups beside its own.
    pub groups: Vec<Name>,
    /// Keys that log in.
    pub keys: Vec<PublicKey>,
    /// The login shell.
    pub shell: String,
    /// Whether it may do everything as root, without a password, which it has not.
    pub sudo: bool,
}

/// The files of accounts, all read before one is changed.
struct Accounts {
    passwd: Table,
    shadow: Table,
    group: Table,
    gshadow: Table,
    subordinates: Vec<Table>,
}

impl Accounts {
    fn read(maker: &mut Maker<'_>) -> Option<Self> {
        let mut table = |path, fields| {
            Table::read(path, fields, maker.text(path)).map_err(|error| maker.errors.push(error)).ok()
        };
        let (passwd, shadow) = (table("etc/passwd", 7), table("etc/shadow", 9));
        let (group, gshadow) = (table("etc/group", 4), table("etc/gshadow", 4));
        // They are optional, and `useradd` makes none.
        let there = ["etc/subuid", "etc/subgid"].into_iter().filter(|path| maker.base.exists(path));
        let subordinates: Vec<&'static str> = there.collect();
        let subordinates = subordinates.into_iter().filter_map(|path| {
            Table::read(path, 3, maker.text(path)).map_err(|error| maker.errors.push(error)).ok()
        });
        let subordinates = subordinates.collect();
        Some(Self { passwd: passwd?, shadow: shadow?, group: group?, gshadow: gshadow?, subordinates })
    }

    /// Adds an account and its group; says what is taken.
    fn add(&mut self, name: &Name, user: &User, day: u32, errors: &mut Vec<HardenError>) {
        let uid = user.uid.get();
        for (table, field, value) in [
            (&self.passwd, 0, name.as_str()),
            (&self.passwd, 2, &uid.to_string()),
            (&self.group, 0, name.as_str()),
            (&self.group, 2, &uid.to_string()),
        ] {
            if table.has(field, value) {
                errors.push(HardenError::Taken { what: value.to_owned(), file: table.path });
            }
        }
        self.passwd.push(format!("{name}:x:{uid}:{uid}::/home/{name}:{}", user.shell));
        self.shadow.push(format!("{name}:!:{day}:0:99999:7:::"));
        self.group.push(format!("{name}:x:{uid}:"));
        self.gshadow.push(format!("{name}:!::"));
        self.subordinates.iter_mut().for_each(|it| it.delegate(name));
        for group in &user.groups {
            if !self.group.join(group, name) {
                let (user, group) = (name.to_string(), group.to_string());
                errors.push(HardenError::UnknownGroup { user, group });
            }
            self.gshadow.join(group, name);
        }
    }

    fn write(&self, maker: &mut Maker<'_>) {
        let shadow = self.group.number("shadow", 2).unwrap_or(0);
        let open = [&self.passwd, &self.group].into_iter().chain(&self.subordinates);
        open.for_each(|it| maker.file(it.path, it.text()));
        for it in [&self.shadow, &self.gshadow] {
            maker.owned(it.path, 0o640, (0, shadow), it.text());
        }
    }
}

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    if settings.users.values().any(|it| it.sudo) {
        maker.need("users", "sudo", "usr/bin/sudo");
    }
    let Some(mut accounts) = Accounts::read(maker) else { return };
    accounts.shadow.set("root", 1, "!*");
    for (name, user) in &settings.users {
        accounts.add(name, user, settings.epoch_day, &mut maker.errors);
        home(name, user, maker);
        if user.sudo {
            // Read last of what Debian has there (`sudoers(5)`, `@includedir`), so that it counts.
            let text = format!("{name} ALL=(ALL:ALL) NOPASSWD: ALL\n");
            maker.owned(&format!("etc/sudoers.d/90-{name}"), 0o440, (0, 0), text);
        }
    }
    accounts.write(maker);
}

/// What `useradd --create-home` would lay out, and the keys.
fn home(name: &Name, user: &User, maker: &mut Maker<'_>) {
    let (home, owner) = (format!("home/{name}"), (user.uid.get(), user.uid.get()));
    maker.directory(&home, 0o700, owner);
    for file in [".bash_logout", ".bashrc", ".profile"] {
        if let Some(text) = maker.base.file(&format!("etc/skel/{file}")) {
            maker.owned(&format!("{home}/{file}"), 0o644, owner, text);
        }
    }
    if user.keys.is_empty() {
        return;
    }
    maker.directory(&format!("{home}/.ssh"), 0o700, owner);
    maker.owned(&format!("{home}/.ssh/authorized_keys"), 0o600, owner, lines(&user.keys));
}
