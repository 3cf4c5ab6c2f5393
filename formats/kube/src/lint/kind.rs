//! What lints are called, how much they weigh, and what they are about.

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It is not told.
    Allow,
    /// It is told.
    Warning,
    /// It is told, and what was checked is wrong.
    Error,
}

macro_rules! lints {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal $name:literal $level:ident,)*) => {
        /// What is wrong with an object.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LintKind { $($(#[doc = $doc])* $variant,)* }

        impl LintKind {
            /// Every lint with its code, its name, its level and the text that documents it.
            pub const ALL: &[(Self, &'static str, &'static str, Level, &'static str)] =
                &[$((Self::$variant, $code, $name, Level::$level, concat!($($doc,)*)),)*];

            /// Stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// Stable name, by which recipes speak of it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

lints! {
    /// An image without tag and digest, or with the tag `latest`: it is another one next time.
    Floating = "L1701" "floating-image" Warning,
    /// A policy that asks the registry at every start, for an image that only a tag names. Without a network it never starts.
    PullAlways = "L1702" "pull-always" Warning,
    /// An object whose images cannot be told, because an operator or a controller chooses them.
    Unseen = "L1703" "unseen-images" Warning,
    /// Two documents of one object: the last one applied wins.
    Twice = "L1704" "described-twice" Warning,
    /// A program of your own that nobody asks whether it lives, or whether it may have requests. Without the first it hangs
    /// until somebody looks; without the second it gets requests before it can answer.
    Probes = "L3001" "missing-probes" Warning,
    /// A container of your own that does not say what it needs. The scheduler puts any number of them on a node, and one
    /// that was promised nothing is the first to be killed.
    Requests = "L3002" "missing-requests" Warning,
    /// A container of your own that may take all of the node's memory. On a single node that is everybody's.
    Limits = "L3003" "missing-limits" Warning,
    /// A namespace with programs of your own and without any `NetworkPolicy`: every pod of the cluster reaches them.
    NetworkPolicy = "L3004" "missing-network-policy" Warning,
    /// A container that is root of the node, or may become it: privileged, or with capabilities that amount to it.
    Privileged = "L3005" "privileged" Warning,
    /// A pod in the node's own network, processes or IPC. It reaches what listens on the node alone, past the firewall.
    HostNamespace = "L3006" "host-namespace" Warning,
    /// A pod that mounts folders of the node.
    HostPath = "L3007" "host-path" Warning,
    /// A `HelmChart` whose failed installation K3s' controller answers by removing the release and installing it anew
    /// (`failurePolicy: reinstall`, its default): what the chart's volumes held is gone.
    FailurePolicy = "L3010" "helm-failure-policy" Error,
    /// An object that the API server refuses for its size: data of a `Secret` or a `ConfigMap` beyond 1 MiB, or any object
    /// beyond 1.5 MiB, the limit of one request of etcd.
    TooLarge = "L3011" "too-large" Error,
    /// An object of a kind that neither Kubernetes, nor K3s, nor a `CustomResourceDefinition` of the bundle defines.
    UnknownKind = "L3012" "unknown-kind" Error,
    /// A webhook whose service is not in the bundle: the API server asks nobody, and refuses what it would ask about.
    WebhookNowhere = "L3013" "webhook-without-service" Error,
    /// An object that is applied before the webhook that writes its defaults or checks it.
    WebhookLate = "L3014" "webhook-late" Warning,
    /// Programs that wait for objects which they serve themselves: the order of the waves had to give up one wait.
    Circle = "L3015" "apply-circle" Warning,
    /// A version of an API that the pinned Kubernetes does not serve any more.
    RemovedApi = "L3020" "removed-api" Error,
    /// A version of an API that is alpha or beta: Kubernetes serves it only where `runtime-config` says so.
    ApiOff = "L3021" "api-off" Error,
    /// A `kubectl` in an image that is more than one minor version away from the pinned Kubernetes.
    Skew = "L3022" "version-skew" Warning,
    /// Something that a program fetches when it starts: dashboards by their number, plugins, what a script downloads. Without
    /// a network it does not start; with one, nobody pinned what it gets.
    Fetched = "L3030" "fetched-at-boot" Warning,
    /// A `HorizontalPodAutoscaler` that asks for figures of CPU or memory while nothing in the cluster serves them.
    ScaleMetrics = "L3040" "scale-without-metrics" Error,
    /// A `HorizontalPodAutoscaler` that aims at a share of what its target requests, and the target requests nothing.
    ScaleRequests = "L3041" "scale-without-requests" Error,
    /// A `HorizontalPodAutoscaler` whose target is not in the bundle.
    ScaleTarget = "L3042" "scale-without-target" Warning,
    /// What all programs request, with every `HorizontalPodAutoscaler` at its maximum, is more than the node has.
    NodeFull = "L3043" "node-too-small" Warning,
    /// A claim that names no class: which storage it gets depends on what the cluster calls its default then.
    ClaimClass = "L3044" "claim-without-class" Warning,
    /// A claim of a class that neither K3s nor the bundle brings: it stays pending.
    UnknownClass = "L3045" "unknown-storage-class" Error,
    /// All claims together are larger than the space that the host says its volumes have.
    ClaimsFull = "L3046" "claims-too-large" Warning,
    /// A field that the object's schema does not have. It would be dropped in silence, or the object refused.
    UnknownField = "L3050" "unknown-field" Error,
    /// A value of another type than the field takes.
    WrongType = "L3051" "wrong-type" Error,
    /// A field that must be there and is not.
    MissingField = "L3052" "missing-field" Error,
    /// A value that the field cannot take.
    BadValue = "L3053" "bad-value" Error,
    /// Two items of a list that are told apart by a key, with the same key. The server that merges them refuses both.
    DuplicateItem = "L3054" "duplicate-item" Error,
}

impl LintKind {
    /// Its level where nobody says otherwise.
    pub fn level(self) -> Level {
        Self::ALL.iter().find(|it| it.0 == self).map_or(Level::Error, |it| it.3)
    }
}

impl serde::Serialize for LintKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_each_one_s_own_and_every_lint_is_explained() {
        for (at, (kind, code, name, level, text)) in LintKind::ALL.iter().enumerate() {
            assert!(LintKind::ALL[..at].iter().all(|it| it.1 != *code && it.2 != *name), "{code} {name}");
            assert_eq!((kind.code(), kind.name(), kind.level()), (*code, *name, *level));
            assert!(text.len() > 30 && text.trim_end().ends_with('.'), "{name}: {text}");
            assert!(name.bytes().all(|it| it.is_ascii_lowercase() || it == b'-'), "{name}");
        }
    }
}
