//! The tables of the modules.

use super::{Account, File, Key, Source, UpdatesFrom};
use crate::recipe::address::{Kind, Reference};
use crate::recipe::reader::{Reader, Spanned};
use crate::recipe::value::Value;
use gabion_harden::{
    Fail2ban, Firewall, Jail, LayerPath, Mode, Name, Network, Owner, Policy, Rule, Ssh, SysctlKey,
    SysctlValue, Time, Uid, ValueError, Verdict,
};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;

/// The files that a `k3s` node gives.
const K3S_FILES: [&str; 4] = ["binary", "images", "list", "config"];

/// `users.ops = { ssh-keys = ["keys/ops.pub"], sudo = true }`; gives the files of keys too.
pub(super) fn users(reader: &mut Reader<'_>) -> (BTreeMap<Name, Account>, Vec<Spanned<String>>) {
    let mut files = Vec::new();
    let all = reader.within("users", |reader| {
        let single = reader.len() == 1;
        reader.named(|name, reader| {
            let keys = keys(reader);
            files.extend(keys.iter().filter_map(|it| match it {
                Key::In(path) => Some(path.clone()),
                Key::Here(_) => None,
            }));
            let account = account(reader, keys, single);
            match name.value.parse::<Name>() {
                Ok(name) => Some((name, account?)),
                Err(error) => {
                    reader.bad_value("users", &name.span, error);
                    None
                }
            }
        })
    });
    (all.unwrap_or_default().into_iter().collect(), files)
}

/// `ssh-keys`: keys, and files of the project that hold some.
fn keys(reader: &mut Reader<'_>) -> Vec<Key> {
    let texts = reader.strings("ssh-keys").into_iter();
    let key = |text: Spanned<String>| {
        // A key has words; a path of the project that has some can be renamed.
        if !text.value.contains(' ') {
            return Some(Key::In(text));
        }
        text.value
            .parse()
            .map(Key::Here)
            .map_err(|error| reader.bad_value("ssh-keys", &text.span, error))
            .ok()
    };
    texts.filter_map(key).collect()
}

/// Of several users each says its number: one that is added must not change the others'.
fn account(reader: &mut Reader<'_>, keys: Vec<Key>, single: bool) -> Option<Account> {
    let number = reader.integer("uid");
    let span = number.as_ref().map_or_else(|| reader.span(), |it| it.span.clone());
    let uid = match number.map(|it| it.value).or(single.then_some(1000)) {
        Some(number) => Uid::try_from(number).map_err(|error| reader.bad_value("uid", &span, error)).ok(),
        None => {
            if !reader.has("uid") {
                reader.bad_value("uid", &span, "must be given where there are several users");
            }
            None
        }
    };
    let groups = reader.parsed_list("groups", str::parse);
    let shell = reader.parsed("shell", shell).unwrap_or_else(|| "/bin/bash".to_owned());
    let sudo = reader.flag("sudo", false);
    Some(Account { uid: uid?, groups, keys, shell, sudo })
}

fn shell(text: &str) -> Result<String, String> {
    let path = text.parse::<LayerPath>().map_err(|error| error.to_string())?;
    if text.contains([':', ' ']) {
        return Err(format!("takes the path of a shell, not `{text}`"));
    }
    Ok(path.to_string())
}

/// `ssh = { port = 22 }`.
pub(super) fn ssh(reader: &mut Reader<'_>) -> Ssh {
    let usual = Ssh::default();
    Ssh {
        port: number(reader, "port").and_then(NonZeroU16::new).unwrap_or(usual.port),
        password_auth: reader.flag("password-auth", false),
        root_login: reader.flag("root-login", false),
        insecure: reader.flag("insecure", false),
    }
}

/// A number from 1 to 65535.
fn number(reader: &mut Reader<'_>, key: &'static str) -> Option<u16> {
    let number = reader.integer(key)?;
    let found = u16::try_from(number.value).ok().filter(|it| *it > 0);
    if found.is_none() {
        let why = format!("is between 1 and 65535, not `{}`", number.value);
        reader.bad_value(key, &number.span, why);
    }
    found
}

/// `firewall = { in = "deny", routed = "allow", allow = ["22/tcp limit", "from 10.42.0.0/16"] }`; what is denied
/// and rejected stands in front of what is allowed.
pub(super) fn firewall(reader: &mut Reader<'_>) -> Firewall {
    let mut policy = |key, usual| {
        let wrong = |text: &str| format!("is `allow`, `deny` or `reject`, not `{text}`");
        reader.parsed(key, |text| text.parse::<Policy>().map_err(|()| wrong(text))).unwrap_or(usual)
    };
    let (incoming, outgoing) = (policy("in", Policy::Deny), policy("out", Policy::Allow));
    let routed = policy("routed", Policy::Deny);
    let mut rules = Vec::new();
    for (key, verdict) in [("deny", Verdict::Deny), ("reject", Verdict::Reject), ("allow", Verdict::Allow)] {
        rules.extend(reader.parsed_list(key, |text| Rule::parse(text, verdict)));
    }
    Firewall { incoming, outgoing, routed, rules, log: reader.flag("log", true) }
}

/// `fail2ban.sshd = { maxretry = 5, bantime = "1h" }`, and `fail2ban.ignore`.
pub(super) fn fail2ban(reader: &mut Reader<'_>) -> Fail2ban {
    let ignore = reader.parsed_list("ignore", str::parse);
    let jails = reader.named(|name, reader| {
        let usual = Jail::default();
        let jail = Jail {
            maxretry: number(reader, "maxretry").unwrap_or(usual.maxretry),
            findtime: reader.parsed("findtime", str::parse).unwrap_or(usual.findtime),
            bantime: reader.parsed("bantime", str::parse).unwrap_or(usual.bantime),
        };
        match name.value.parse::<Name>() {
            Ok(name) => Some((name, jail)),
            Err(error) => {
                reader.bad_value("fail2ban", &name.span, error);
                None
            }
        }
    });
    Fail2ban { jails: jails.into_iter().collect(), ignore }
}

/// `updates = { mode = "bundle" }`.
pub(super) fn updates(reader: &mut Reader<'_>) -> UpdatesFrom {
    let mode = reader.required("mode");
    match mode.value.as_str() {
        "off" => UpdatesFrom::Off,
        "bundle" => UpdatesFrom::Bundle,
        "online" => UpdatesFrom::Online,
        other => {
            if reader.is_string("mode") {
                let why = format!("is `bundle`, `online` or `off`, not `{other}`");
                reader.bad_value("mode", &mode.span, why);
            }
            UpdatesFrom::Off
        }
    }
}

/// `sysctl = { "vm.swappiness" = 10 }`.
pub(super) fn sysctl(reader: &mut Reader<'_>) -> BTreeMap<SysctlKey, SysctlValue> {
    let Some((table, _)) = reader.table("sysctl") else { return BTreeMap::new() };
    let mut values = BTreeMap::new();
    for (key, (span, node)) in table {
        let text = match &node.value {
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            other => {
                let why = format!("takes strings and integers, not {}", other.type_name());
                reader.bad_value("sysctl", &node.span, why);
                continue;
            }
        };
        match (key.parse(), text.parse()) {
            (Ok(key), Ok(value)) => {
                values.insert(key, value);
            }
            (key, value) => {
                if let Some(error) = key.err() {
                    reader.bad_value("sysctl", span, error);
                }
                if let Some(error) = value.err() {
                    reader.bad_value("sysctl", &node.span, error);
                }
            }
        }
    }
    values
}

/// `network = { addresses = ["2001:db8::7/128"], gateways = ["2001:db8::1"] }`.
pub(super) fn network(reader: &mut Reader<'_>) -> Network {
    let address = |text: &str| {
        text.parse::<IpAddr>().map_err(|_| format!("takes addresses, `192.0.2.1`, not `{text}`"))
    };
    let usual = Network::default();
    let interfaces = reader.parsed_list("interfaces", str::parse);
    Network {
        interfaces: if interfaces.is_empty() { usual.interfaces } else { interfaces },
        dhcp: reader.flag("dhcp", true),
        addresses: reader.parsed_list("addresses", Network::address),
        gateways: reader.parsed_list("gateways", address),
        dns: reader.parsed_list("dns", address),
    }
}

/// `time = { servers = ["time.example.net"] }`.
pub(super) fn time(reader: &mut Reader<'_>) -> Time {
    Time { servers: reader.parsed_list("servers", str::parse) }
}

/// `files = [{ path = "/usr/local/bin/k3s", from = "k3s.main#binary", mode = "0755" }]`; gives the nodes and the
/// local files that they come from too.
pub(super) fn files(reader: &mut Reader<'_>) -> (Vec<File>, Vec<Spanned<Reference>>, Vec<Spanned<String>>) {
    let (mut from, mut local) = (Vec::new(), Vec::new());
    let files = reader.items("files", |reader| {
        let path = reader.required("path");
        let path = if reader.is_string("path") { read_path(reader, &path) } else { None };
        let one = reader.one_of(&["content", "file", "from"]);
        let (content, file) = (reader.string("content"), reader.string("file"));
        let node = reader.reference("from", &[Kind::Fetch, Kind::K3s, Kind::Run]);
        let mode = reader.parsed("mode", str::parse).unwrap_or(Mode::FILE);
        let owner = reader.parsed("owner", str::parse).unwrap_or_else(Owner::default);
        let node = node.filter(|it| has_one_output(reader, it));
        from.extend(node.clone());
        local.extend(file.clone());
        let source = match (content, file, node) {
            (Some(text), ..) => Source::Here(text.value),
            (_, Some(path), _) => Source::Local(path.value),
            (.., Some(reference)) => Source::Node(reference.value),
            _ => return None,
        };
        one.then_some(File { path: path?, source, mode, owner })
    });
    (files, from, local)
}

fn read_path(reader: &mut Reader<'_>, path: &Spanned<String>) -> Option<LayerPath> {
    let read: Result<LayerPath, ValueError> = path.value.parse();
    read.map_err(|error| reader.bad_value("path", &path.span, error)).ok()
}

/// Whether a reference names one file: a file of `fetch` has no name, one of `k3s` has. What a script leaves shows later.
fn has_one_output(reader: &mut Reader<'_>, reference: &Spanned<Reference>) -> bool {
    let (output, address) = (reference.value.output.as_deref(), &reference.value.address);
    let why = match (address.kind(), output) {
        (Kind::K3s, Some(name)) if K3S_FILES.contains(&name) => return true,
        (Kind::K3s, _) => {
            let names: Vec<String> = K3S_FILES.map(|it| format!("`{address}#{it}`")).into();
            format!("takes one of its files, {}", names.join(", "))
        }
        (_, None) | (Kind::Run, Some(_)) => return true,
        (_, Some(_)) => format!("takes `{address}`, which is one file"),
    };
    reader.bad_value("from", &reference.span, why);
    false
}
