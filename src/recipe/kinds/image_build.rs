//! `[image-build.NAME]`: a container image of trees and files, with no Dockerfile and no program that runs.

use crate::recipe::address::{Kind, Reference};
use crate::recipe::reader::{Reader, Spanned};
use crate::recipe::value::Value;
use gabion_layer::{Meta, Packing};
use gabion_oci::compose::Settings;
use gabion_oci::{Name, is_tag};
use std::collections::{BTreeMap, BTreeSet};

/// The fields of an `image-build` node.
#[derive(Debug, Clone)]
pub struct ImageBuild {
    /// What it is called: registry and repository; absent only where a mistake was reported.
    pub name: Option<Name>,
    /// Its tag.
    pub tag: String,
    /// The image that it is made of.
    pub base: Option<Spanned<Reference>>,
    /// What lies over the base, the lowest first.
    pub layers: Vec<Layer>,
    /// Its configuration.
    pub settings: Settings,
    /// How its layers are packed.
    pub packing: Packing,
    /// Every node that a layer names, in their order.
    pub from: Vec<Spanned<Reference>>,
    /// Every local file that a layer names, in their order.
    pub(super) local: Vec<Spanned<String>>,
}

/// One layer.
#[derive(Debug, Clone)]
pub enum Layer {
    /// A tree: a system, or what a script left.
    Tree {
        /// Whose.
        from: Reference,
        /// Where it lies, without slashes at the ends; empty for the root.
        to: Vec<u8>,
    },
    /// Single files.
    Files(Vec<LayerFile>),
}

/// A file of a layer.
#[derive(Debug, Clone)]
pub struct LayerFile {
    /// Where it lies, without a slash before it.
    pub path: Vec<u8>,
    /// Its bytes.
    pub source: FileSource,
    /// Mode and owner.
    pub meta: Meta,
}

/// Where the bytes of a file stand.
#[derive(Debug, Clone)]
pub enum FileSource {
    /// In the recipe.
    Here(String),
    /// In a file of the project.
    Local(String),
    /// In the output of a node.
    Node(Reference),
}

impl ImageBuild {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let name = reader.required("ref");
        let name = match name.value.parse::<Name>() {
            Ok(name) => Some(name),
            Err(_) if name.value.is_empty() => None,
            Err(error) => {
                let why = format!("takes registry and repository without a tag, `ghcr.io/acme/api`: {error}");
                reader.bad_value("ref", &name.span, why);
                None
            }
        };
        let tag = reader.required("tag");
        if reader.is_string("tag") && !is_tag(&tag.value) {
            reader.bad_value("tag", &tag.span, format!("cannot be `{}`", tag.value));
        }
        let base = reader.reference("base", &[Kind::Image, Kind::ImageBuild]);
        if let Some(part) = base.as_ref().filter(|it| it.value.output.is_some()) {
            reader.bad_value("base", &part.span, format!("takes a whole node, not `{}`", part.value));
        }
        let (mut from, mut local) = (Vec::new(), Vec::new());
        let layers = reader.items("layers", |reader| layer(reader, &mut from, &mut local));
        if reader.is_empty("layers") && base.is_none() {
            let span = reader.span();
            reader.bad_value("layers", &span, "and `base` are both missing: there is nothing in it");
        }
        let packing = reader.parsed("compression", |text| {
            let found = Packing::ALL.into_iter().find(|it| it.name() == text);
            found.ok_or_else(|| format!("is `gzip`, `zstd` or `none`, not `{text}`"))
        });
        let settings = settings(reader);
        let packing = packing.unwrap_or_default();
        Self { name, tag: tag.value, base, layers, settings, packing, from, local }
    }
}

/// `{ from = "rootfs.api" }`, `{ from = "run.app", to = "/opt/app" }` or `{ files = [ … ] }`.
fn layer(
    reader: &mut Reader<'_>,
    from: &mut Vec<Spanned<Reference>>,
    local: &mut Vec<Spanned<String>>,
) -> Option<Layer> {
    let one = reader.one_of(&["from", "files"]);
    let tree = reader.reference("from", &[Kind::Rootfs, Kind::Run]);
    let to = reader.parsed("to", |text| if text == "/" { Ok(Vec::new()) } else { path(text) });
    if let (Some(to), true) = (reader.string("to"), reader.has("files")) {
        reader.bad_value("to", &to.span, "goes with `from`: each of `files` has its own `path`");
    }
    let files = reader.items("files", |reader| file(reader, from, local));
    if let (true, true) = (reader.has("files"), reader.is_empty("files")) {
        let span = reader.span_of("files");
        reader.bad_value("files", &span, "is empty: a layer without anything is none");
    }
    let mut seen = BTreeSet::new();
    for again in files.iter().filter(|it| !seen.insert(it.path.as_slice())) {
        let span = reader.span_of("files");
        reader.bad_value("files", &span, format!("has `/{}` twice", again.path.escape_ascii()));
    }
    if !one {
        return None;
    }
    match tree {
        Some(tree) => {
            from.push(tree.clone());
            Some(Layer::Tree { from: tree.value, to: to.unwrap_or_default() })
        }
        None => (!files.is_empty()).then_some(Layer::Files(files)),
    }
}

fn file(
    reader: &mut Reader<'_>,
    from: &mut Vec<Spanned<Reference>>,
    local: &mut Vec<Spanned<String>>,
) -> Option<LayerFile> {
    reader.must_have("path");
    let path = reader.parsed("path", path);
    let one = reader.one_of(&["content", "file", "from"]);
    let (content, file) = (reader.string("content"), reader.string("file"));
    let node = reader.reference("from", &[Kind::Fetch, Kind::K3s, Kind::Run, Kind::Manifests]);
    let mode = reader.parsed("mode", mode).unwrap_or(0o644);
    let (uid, gid) = reader.parsed("owner", owner).unwrap_or_default();
    from.extend(node.clone());
    local.extend(file.clone());
    let source = match (content, file, node) {
        (Some(text), ..) => FileSource::Here(text.value),
        (_, Some(path), _) => FileSource::Local(path.value),
        (.., Some(reference)) => FileSource::Node(reference.value),
        _ => return None,
    };
    one.then_some(LayerFile { path: path?, source, meta: Meta { mode, uid, gid } })
}

/// An absolute path of plain names, without its slash.
fn path(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("takes an absolute path of plain names, `/usr/bin/api`, not `{text}`");
    let rest = text.strip_prefix('/').ok_or_else(wrong)?;
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\n']);
    if let Some(name) = rest.split('/').find(|part| part.starts_with(".wh.")) {
        return Err(format!("cannot have `{name}`, which would remove a file of a lower layer"));
    }
    rest.split('/').all(plain).then(|| rest.as_bytes().to_vec()).ok_or_else(wrong)
}

/// `0755`, with the set-id and sticky bits.
fn mode(text: &str) -> Result<u32, String> {
    let wrong = || format!("takes octal digits, `0755`, not `{text}`");
    let octal = matches!(text.len(), 3 | 4) && text.bytes().all(|it| matches!(it, b'0'..=b'7'));
    u32::from_str_radix(text, 8).ok().filter(|_| octal).ok_or_else(wrong)
}

/// `1000` or `1000:1000`: an image of nothing has no names.
fn owner(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("takes numbers, `1000:1000`, not `{text}`");
    let number = |text: &str| text.parse::<u32>().ok().filter(|it| it.to_string() == text).ok_or_else(wrong);
    match text.split_once(':') {
        Some((user, group)) => Ok((number(user)?, number(group)?)),
        None => number(text).map(|it| (it, it)),
    }
}

fn settings(reader: &mut Reader<'_>) -> Settings {
    let list = |reader: &mut Reader<'_>, key: &'static str| {
        let has = reader.has(key);
        let all: Vec<String> = reader.strings(key).into_iter().map(|it| it.value).collect();
        has.then_some(all)
    };
    Settings {
        entrypoint: list(reader, "entrypoint"),
        cmd: list(reader, "cmd"),
        env: texts(reader, "env", |name| {
            let bad = name.is_empty() || name.contains(['=', '\0']);
            (!bad).then_some(()).ok_or_else(|| format!("cannot set `{name}`"))
        }),
        user: reader.parsed("user", |text| text_of(text, "a user")),
        workdir: reader.parsed("workdir", |text| {
            if text.starts_with('/') {
                text_of(text, "a path")
            } else {
                Err("takes an absolute path".to_owned())
            }
        }),
        labels: texts(reader, "labels", |name| {
            if name.is_empty() { Err("has a label without a name".to_owned()) } else { Ok(()) }
        }),
        ports: reader.parsed_list("ports", port).into_iter().collect(),
        stop_signal: reader.parsed("stop-signal", signal),
    }
}

fn text_of(text: &str, what: &str) -> Result<String, String> {
    let good = !text.is_empty() && !text.contains(|it: char| it.is_control());
    good.then(|| text.to_owned()).ok_or_else(|| format!("takes {what}"))
}

/// A table of strings.
fn texts(
    reader: &mut Reader<'_>,
    key: &'static str,
    check: impl Fn(&str) -> Result<(), String>,
) -> BTreeMap<String, String> {
    let Some((table, _)) = reader.table(key) else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    for (name, (span, node)) in table {
        if let Err(why) = check(name) {
            reader.bad_value(key, span, why);
        }
        match &node.value {
            Value::String(text) if !text.contains('\0') => {
                all.insert(name.clone(), text.clone());
            }
            Value::String(_) => reader.bad_value(key, &node.span, "takes no zero bytes"),
            other => reader.bad_value(key, &node.span, format!("takes strings, not {}", other.type_name())),
        }
    }
    all
}

/// `8080/tcp`, `53/udp`, or `8080`, which is `8080/tcp` (OCI image specification 1.1, `config.md`).
fn port(text: &str) -> Result<String, String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let known = ["tcp", "udp", "sctp"].contains(&protocol);
    let plain = number.parse::<u16>().is_ok_and(|it| it > 0 && it.to_string() == number);
    if known && plain {
        Ok(format!("{number}/{protocol}"))
    } else {
        Err(format!("takes `8080/tcp`, not `{text}`"))
    }
}

/// `SIGTERM`, `SIGRTMIN+3` or a number.
fn signal(text: &str) -> Result<String, String> {
    let name = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit() || b"+-".contains(&it);
    let named = text.starts_with("SIG") && text.len() > 3 && text.bytes().all(name);
    let number = text.parse::<u8>().is_ok_and(|it| (1..=64).contains(&it) && it.to_string() == text);
    if named || number {
        Ok(text.to_owned())
    } else {
        Err(format!("takes `SIGTERM` or a number, not `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_have_one_meaning() {
        assert_eq!((mode("0755"), mode("4711"), mode("644")), (Ok(0o755), Ok(0o4711), Ok(0o644)));
        for bad in ["", "0o755", "0799", "00755", "rwx", "-644", "+755"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
        assert_eq!((owner("7"), owner("0:5")), (Ok((7, 7)), Ok((0, 5))));
        for bad in ["", "root", "1:", "01", "1:2:3", "-1", "4294967296"] {
            assert!(owner(bad).is_err(), "{bad}");
        }
        assert_eq!(
            (port("80").unwrap(), port("53/udp").unwrap()),
            ("80/tcp".to_owned(), "53/udp".to_owned())
        );
        for bad in ["", "0", "080", "80/http", "65536", "80-90"] {
            assert!(port(bad).is_err(), "{bad}");
        }
        for good in ["SIGTERM", "SIGRTMIN+3", "15"] {
            assert!(signal(good).is_ok(), "{good}");
        }
        for bad in ["", "SIG", "term", "0", "65", "SIG TERM"] {
            assert!(signal(bad).is_err(), "{bad}");
        }
        assert_eq!(path("/usr/bin/a b"), Ok(b"usr/bin/a b".to_vec()));
        for bad in ["", "/", "a", "/a/", "//a", "/a/../b", "/./a", "/.wh.a"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }
}
