//! `[lints]`: what the author says of findings. And the findings about recipes themselves; those about documents are
//! [`gabion_kube::LintKind`].
//!
//! As in cargo, a level is said by name; a level that tells less, and every allowance, says why. Nothing of it is part of
//! a node, so saying it builds nothing again.

use super::diagnostic::{Code, Diagnostic};
use super::reader::{Reader, Spanned};
use super::value::{Node, Value};
use gabion_kube::{Glob, Level, LintKind};

macro_rules! lints {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal $name:literal $level:ident,)*) => {
        /// What is wrong with what recipes say together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum RecipeLint { $($(#[doc = $doc])* $variant,)* }

        impl RecipeLint {
            /// Every lint with its code, its name, its level and the text that documents it.
            pub const ALL: &[(Self, &'static str, &'static str, Level, &'static str)] =
                &[$((Self::$variant, $code, $name, Level::$level, concat!($($doc,)*)),)*];

            /// Its row of [`RecipeLint::ALL`].
            pub fn row(self) -> LintRow {
                let row = match self { $(Self::$variant => ($code, $name, Level::$level, concat!($($doc,)*)),)* };
                LintRow { code: row.0, name: row.1, level: row.2, text: row.3 }
            }
        }
    };
}

lints! {
    /// Nobody outside of the host reaches the API server of K3s (6443): there is no `kubectl` but on the host itself.
    ApiUnreachable = "L3070" "api-unreachable" Warning,
    /// A port that is for the operator or for the cluster's own programs is open to everybody: 6443 (the API), 2379 and 2380
    /// (etcd), 10250 (the kubelet).
    Exposed = "L3071" "cluster-port-exposed" Warning,
    /// The firewall does not let in what K3s' pods or services send to the host: DNS and the API server are not reached, and
    /// nothing starts. Routed packets are judged apart (E0118).
    PodsBlocked = "L3072" "pods-blocked" Error,
    /// A host without DHCP and without a gateway. K3s does not start without a default route, with a network or without.
    NoRoute = "L3073" "no-default-route" Error,
    /// A setting of the kernel that is not what K3s needs. With `protect-kernel-defaults` the kubelet ends because of it.
    Kernel = "L3074" "kernel-settings" Error,
    /// `protect-kernel-defaults` without a `[rootfs.NAME]` that says `k3s`: nobody gives the kernel the settings which the
    /// kubelet then asks for.
    KernelUnset = "L3075" "kernel-settings-missing" Warning,
    /// Secrets lie in etcd, and in its snapshots, as they are (`secrets-encryption` of K3s).
    EtcdInClear = "L3076" "secrets-in-clear" Warning,
    /// Everybody on the host can read the key of the cluster's administrator (`write-kubeconfig-mode`).
    Kubeconfig = "L3077" "kubeconfig-readable" Warning,
    /// A file in K3s' folder of manifests that K3s does not take: its name up to the first dot is that of an object, must be
    /// its own, and none of those that K3s brings.
    AddonName = "L3078" "addon-name" Error,
    /// A list of images to pull in K3s' folder of images: without a network K3s fails at it.
    ImageList = "L3079" "image-list" Warning,
    /// A `Secret` whose values stand in a document as they are. No bundle is built with it (E1901).
    PlainSecret = "L3080" "plain-secret" Error,
    /// The repository that Flux reconciles has a `Secret` or a key that is not encrypted, and a bundle would carry it.
    SecretInRepository = "L3081" "secret-in-repository" Error,
    /// A release that K3s' controller cannot keep: what Helm notes of it, packed and in base64, is beyond the 1 MiB of a
    /// `Secret`. Its documents alone are counted here; templates and values come on top.
    ReleaseSize = "L3082" "release-too-large" Error,
    /// An allowance of `[lints]` that nothing needs any more.
    Unused = "L3090" "unused-allowance" Warning,
    /// Documents could not be looked at, because the lock does not answer all recipes.
    NotLocked = "L3091" "not-locked" Warning,
    /// The table of schemas does not have the pinned version of Kubernetes; the nearest one was taken.
    OtherSchemas = "L3092" "other-schemas" Warning,
}

/// What is known of a lint, whatever it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LintRow {
    /// Stable code.
    pub code: &'static str,
    /// Stable name.
    pub name: &'static str,
    /// Its level where nobody says otherwise.
    pub level: Level,
    /// The text that documents it.
    pub text: &'static str,
}

/// Every lint.
pub fn lint_rows() -> impl Iterator<Item = LintRow> {
    let documents = LintKind::ALL.iter().map(|it| (it.1, it.2, it.3, it.4));
    let recipes = RecipeLint::ALL.iter().map(|it| (it.1, it.2, it.3, it.4));
    documents.chain(recipes).map(|(code, name, level, text)| LintRow { code, name, level, text })
}

/// One thing that may be.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// The name of the lint.
    pub lint: Spanned<String>,
    /// Only about this node.
    pub node: Option<String>,
    /// Only about objects that are called so, `DaemonSet monitoring/*`.
    pub object: Option<Glob>,
    /// Why it may be.
    pub reason: String,
}

/// What `[lints]` says.
#[derive(Debug, Clone, Default)]
pub struct Lints {
    /// Levels of lints, by name.
    pub levels: Vec<(Spanned<String>, Level)>,
    /// What may be.
    pub allow: Vec<Allowance>,
}

impl Lints {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let allow = reader.items("allow", |reader| {
            let (lint, reason) = (reader.required("lint"), reader.required("reason"));
            let node = reader.string("node").map(|it| it.value);
            let object = reader.string("object").map(|it| Glob::new(it.value));
            says_why(reader, &reason);
            (is_known(reader, &lint) && reader.has("reason")).then_some(Allowance {
                lint,
                node,
                object,
                reason: reason.value,
            })
        });
        let mut levels = Vec::new();
        for (name, node) in reader.others() {
            if !is_known(reader, &name) {
                continue;
            }
            if let Some(level) = level(reader, &name, node) {
                levels.push((name, level));
            }
        }
        Self { levels, allow }
    }
}

fn says_why(reader: &mut Reader<'_>, reason: &Spanned<String>) {
    if reason.value.trim().is_empty() && reader.is_string("reason") {
        reader.bad_value("reason", &reason.span, "is empty: say why it may be");
    }
}

fn is_known(reader: &mut Reader<'_>, name: &Spanned<String>) -> bool {
    let known = lint_rows().any(|it| it.name == name.value);
    if !known && !name.value.is_empty() {
        let mistake =
            Diagnostic::new(Code::BadValue, &name.span, format!("there is no lint `{}`", name.value));
        reader.report(mistake.suggest(&name.value, lint_rows().map(|it| it.name)));
    }
    known
}

/// `"error"`, `"warning"`, or `{ level = "allow", reason = "…" }`.
fn level(reader: &mut Reader<'_>, name: &Spanned<String>, node: &Node) -> Option<Level> {
    let read = |text: &str| match text {
        "error" => Some(Level::Error),
        "warning" => Some(Level::Warning),
        "allow" => Some(Level::Allow),
        _ => None,
    };
    let (text, reason) = match &node.value {
        Value::String(text) => (text.clone(), None),
        Value::Table(table) => {
            let of = |key: &str| match table.get(key).map(|(_, it)| &it.value) {
                Some(Value::String(text)) => Some(text.clone()),
                _ => None,
            };
            (of("level").unwrap_or_default(), of("reason").filter(|it| !it.trim().is_empty()))
        }
        _ => (String::new(), None),
    };
    let Some(level) = read(&text) else {
        let why = "takes `error`, `warning` or `{ level = \"allow\", reason = \"…\" }`";
        reader.bad_value(&name.value, &node.span, why);
        return None;
    };
    if level == Level::Allow && reason.is_none() {
        let why = "takes a reason with this level: `{ level = \"allow\", reason = \"…\" }`";
        reader.bad_value(&name.value, &node.span, why);
        return None;
    }
    Some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_each_one_s_own_and_every_lint_is_explained() {
        let rows: Vec<LintRow> = lint_rows().collect();
        for (at, row) in rows.iter().enumerate() {
            assert!(rows[..at].iter().all(|it| it.code != row.code && it.name != row.name), "{row:?}");
            assert!(row.text.trim_end().ends_with('.') && row.name != "allow", "{row:?}");
        }
        assert_eq!(
            RecipeLint::ALL.iter().map(|it| it.0.row().code).collect::<Vec<_>>().len(),
            RecipeLint::ALL.len()
        );
    }
}
