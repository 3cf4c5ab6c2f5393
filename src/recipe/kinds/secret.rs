//! `[secret.NAME]`: where a value goes that no recipe, lock, store or bundle holds.

use crate::recipe::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::recipe::reader::{Reader, Spanned};
use crate::recipe::{Address, Body, Recipe};
use gabion_bundle::{FileTarget, Generate, KubernetesTarget, SecretTarget, SecretTargets};
use std::collections::BTreeMap;

/// The fields of a `secret` node.
#[derive(Debug, Clone)]
pub struct Secret {
    /// What the bundle says of it.
    pub target: SecretTarget,
}

impl Secret {
    pub(super) fn read(address: &Address, reader: &mut Reader<'_>) -> Self {
        let span = reader.span();
        if reader.has("value") {
            // The place of the node, not of the value, which must not stand on a terminal.
            reader.known("value");
            let mistake =
                Diagnostic::new(Code::BadValue, &span, format!("`{address}` cannot hold its value"));
            reader.report(mistake.help("recipes say where it goes; `gabion secrets set` takes the value"));
        }
        let target = SecretTarget {
            name: address.name().to_owned(),
            kubernetes: reader.within("kubernetes", kubernetes),
            file: reader.within("file", file),
            optional: reader.flag("optional", false),
            generate: reader.within("generate", generate).flatten(),
        };
        if !reader.has("kubernetes") && !reader.has("file") {
            let message = format!("`{address}` needs one of `kubernetes`, `file`");
            reader.report(Diagnostic::new(Code::MissingKey, &span, message));
        }
        let several = target.kubernetes.as_ref().is_some_and(|it| it.keys.len() > 1);
        if several && target.file.is_some() {
            let place = reader.span_of("file");
            reader.bad_value("file", &place, "takes one value, and this secret has one for each of its keys");
        }
        Self { target }
    }
}

/// Says what is wrong with a part, unless something is missing, which was said.
fn told(reader: &mut Reader<'_>, needs: &[&str], key: &str, wrong: Result<(), String>) {
    if let Err(why) = wrong
        && needs.iter().all(|it| reader.has(it))
    {
        let span = reader.span();
        reader.bad_value(key, &span, format!("is wrong: {why}"));
    }
}

fn kubernetes(reader: &mut Reader<'_>) -> KubernetesTarget {
    let mut keys: Vec<String> = Vec::new();
    if reader.one_of(&["key", "keys"]) {
        keys.extend(reader.string("key").map(|it| it.value));
        keys.extend(reader.strings("keys").into_iter().map(|it| it.value));
    }
    let it = KubernetesTarget {
        namespace: reader.required("namespace").value,
        name: reader.required("name").value,
        kind: reader.string("type").map_or("Opaque".to_owned(), |it| it.value),
        keys,
    };
    if reader.has("key") != reader.has("keys") {
        told(reader, &["namespace", "name"], "kubernetes", it.check());
    }
    it
}

fn file(reader: &mut Reader<'_>) -> FileTarget {
    let it = FileTarget {
        path: reader.required("path").value,
        mode: reader.string("mode").map_or("0600".to_owned(), |it| it.value),
        owner: reader.string("owner").map(|it| it.value),
    };
    told(reader, &["path"], "file", it.check());
    it
}

/// Letters and digits: what every shell, URL and configuration takes as it is.
const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn generate(reader: &mut Reader<'_>) -> Option<Generate> {
    let count = |it: Option<Spanned<i64>>| it.map(|it| u32::try_from(it.value).unwrap_or_default());
    let alphabet = reader.string("alphabet").map_or(ALPHABET.to_owned(), |it| it.value);
    if reader.has("bytes") && reader.has("alphabet") {
        let place = reader.span_of("alphabet");
        reader.report(Diagnostic::new(Code::Conflict, &place, "`bytes` and `alphabet` exclude each other"));
    }
    let (bytes, length) = (count(reader.integer("bytes")), count(reader.integer("length")));
    if !reader.one_of(&["bytes", "length"]) {
        return None;
    }
    let it = match (bytes, length) {
        (Some(bytes), _) => Generate::Bytes { bytes },
        (None, length) => Generate::Text { alphabet, length: length? },
    };
    told(reader, &[], "generate", it.check());
    Some(it)
}

/// What the bundle `name` says of these secrets.
pub fn targets<'r>(name: &str, secrets: impl IntoIterator<Item = &'r Recipe>) -> SecretTargets {
    let secrets = secrets.into_iter().filter_map(|recipe| match &recipe.body {
        Body::Secret(it) => Some(it.target.clone()),
        _ => None,
    });
    let mut secrets: Vec<SecretTarget> = secrets.collect();
    secrets.sort_by(|a, b| a.name.cmp(&b.name));
    SecretTargets { format: 1, bundle: name.to_owned(), secrets }
}

/// Reports secrets of one bundle that want the same place.
pub(in crate::recipe) fn conflicts(recipes: &BTreeMap<Address, Recipe>, diagnostics: &mut Diagnostics) {
    let mut mistakes: Vec<(Span, String)> = Vec::new();
    for recipe in recipes.values() {
        let Body::Bundle(bundle) = &recipe.body else { continue };
        let named = bundle.secrets.iter().filter_map(|it| recipes.get(&it.value.address));
        let targets = targets(recipe.address.name(), named);
        let Some((second, why)) = targets.conflict() else { continue };
        let place = bundle.secrets.iter().find(|it| it.value.address.name() == second);
        mistakes.push((place.map_or_else(|| recipe.span.clone(), |it| it.span.clone()), why));
    }
    for (span, why) in mistakes {
        diagnostics.push(Diagnostic::new(Code::Conflict, &span, why));
    }
}
