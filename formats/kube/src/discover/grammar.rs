//! Images in texts: what a word must look like to be one.

use gabion_oci::Reference;
use std::ops::Range;

/// How much a place tells of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Any text: an image names its registry, and its tag or its digest.
    Text,
    /// The value of a key, variable or flag that is called after an image: short names count as well.
    Named,
}

/// An image in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) at: Range<usize>,
    pub(super) reference: Reference,
    /// The word before it, where one `=` stands between the two.
    pub(super) key: Option<Range<usize>>,
}

/// Characters that stand in no image and end words of all the notations that texts are in.
fn ends_word(byte: u8) -> bool {
    byte <= b' ' || b",;='\"`()[]{}<>|&\\".contains(&byte)
}

/// The images of a text, in its order.
pub(super) fn scan(text: &str, level: Level) -> Vec<Found> {
    let mut out = Vec::new();
    if level == Level::Text && !text.contains('/') {
        return out;
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let Some(seed) = next(text, at, level) else { break };
        let start = bytes[at..seed].iter().rposition(|byte| ends_word(*byte)).map_or(at, |it| at + it + 1);
        let end = bytes[seed..].iter().position(|byte| ends_word(*byte)).map_or(bytes.len(), |it| seed + it);
        let word = trim(text, start..end);
        if let Some(reference) = read(&text[word.clone()], level, word.len() == text.trim().len()) {
            out.push(Found { key: key(text, start), at: word, reference });
        }
        at = end + 1;
    }
    out
}

/// A byte of the next word that may be an image.
fn next(text: &str, from: usize, level: Level) -> Option<usize> {
    let found = match level {
        Level::Text => text.as_bytes()[from..].iter().position(|byte| *byte == b'/'),
        Level::Named => text.as_bytes()[from..].iter().position(|byte| !ends_word(*byte)),
    };
    found.map(|it| from + it)
}

/// The word without what stands around images: scheme of Docker's transport, defaults of shells, full stops.
fn trim(text: &str, mut word: Range<usize>) -> Range<usize> {
    for lead in ["docker://", ":-"] {
        if let Some(at) = text[word.clone()].find(lead) {
            word.start += at + lead.len();
        }
    }
    word.end -= word.len() - text[word.clone()].trim_end_matches(['.', ':', '!', '?']).len();
    word
}

/// The word before `start`, behind which one `=` stands.
fn key(text: &str, start: usize) -> Option<Range<usize>> {
    let before = text[..start].strip_suffix('=')?;
    let from = before.bytes().rposition(ends_word).map_or(0, |it| it + 1);
    (from < before.len()).then_some(from..before.len())
}

fn read(word: &str, level: Level, alone: bool) -> Option<Reference> {
    if word.contains("://") {
        return None;
    }
    let path = word.split('@').next().unwrap_or_default();
    let (repository, tag) = match path.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (path, None),
    };
    let pinned = tag.is_some() || word.contains('@');
    let host = repository.split_once('/').map(|(host, _)| host).filter(|host| is_registry(host));
    let wanted = match level {
        Level::Text => host.is_some() && pinned,
        Level::Named => pinned || repository.contains('/') || (alone && is_short_name(word)),
    };
    let letters = |text: &str| text.bytes().any(|it| it.is_ascii_alphabetic());
    // Without a letter it is a fraction, a network or a port.
    if !wanted || !letters(repository) || tag.is_some_and(|tag| is_no_tag(repository, tag)) {
        return None;
    }
    if repository.contains('/')
        && host.is_none()
        && repository.starts_with(|it: char| !it.is_ascii_alphanumeric())
    {
        return None;
    }
    word.parse().ok()
}

/// Whether the first part of a name can only be a registry. Keys of labels of Kubernetes are none.
fn is_registry(host: &str) -> bool {
    let labels = host.ends_with(".kubernetes.io") || host == "kubernetes.io";
    (host == "localhost" || host.contains(['.', ':'])) && !labels
}

/// What follows a colon in taints and in places of source code.
fn is_no_tag(name: &str, tag: &str) -> bool {
    const SOURCES: [&str; 8] = [".go", ".rs", ".py", ".java", ".js", ".ts", ".c", ".rb"];
    matches!(tag, "NoSchedule" | "NoExecute" | "PreferNoSchedule")
        || (tag.bytes().all(|it| it.is_ascii_digit()) && SOURCES.iter().any(|end| name.ends_with(end)))
}

/// Whether a word that is all of a value can be a short name without a tag: no truth value, number or policy.
fn is_short_name(word: &str) -> bool {
    const WORDS: [&str; 11] =
        ["true", "false", "yes", "no", "none", "auto", "null", "default", "always", "never", "latest"];
    word.starts_with(|it: char| it.is_ascii_lowercase()) && word.len() > 1 && !WORDS.contains(&word)
}

/// Whether a key, variable or flag is called after an image: `image`, `proxyImage`, `X_IMAGE`, `--helper-image`,
/// `KAFKA_IMAGES`.
pub(super) fn is_called_image(name: &str) -> bool {
    let name = name.strip_suffix(['s', 'S']).unwrap_or(name);
    let ends = |end: &str| name.strip_suffix(end);
    let before = ends("image").or_else(|| ends("Image")).or_else(|| ends("IMAGE"));
    before.is_some_and(|before| {
        let apart = before.is_empty() || before.ends_with(['-', '_', '.', '/']);
        apart
            || (ends("Image").is_some()
                && before.ends_with(|it: char| it.is_ascii_lowercase() || it.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, level: Level, wanted: &[&str]) {
        let found: Vec<&str> = scan(text, level).into_iter().map(|it| &text[it.at]).collect();
        assert_eq!(found, wanted, "{text}");
    }

    #[test]
    fn an_image_is_found_in_any_notation() {
        let image = "quay.io/strimzi/kafka:0.45.0-kafka-3.9.0";
        for text in [
            "{}",
            "--image={}",
            "3.9.0={}\n3.8.0=x",
            "{\"image\":\"{}\"}",
            "image: '{}',",
            "(see {}).",
            "run {}; then",
            "[{}]",
            "${X:-{}}",
            "docker://{}",
            "{\\\"a\\\":\\\"{}\\\"}",
            "a|{}&",
            "first.\n{}:",
        ] {
            check(&text.replace("{}", image), Level::Text, &[image]);
            check(&text.replace("{}", image), Level::Named, &[image]);
        }
        let digest = format!("localhost:5000/a@sha256:{}", "0".repeat(64));
        check(&format!("a {digest} localhost/b:1"), Level::Text, &[&digest, "localhost/b:1"]);
    }

    #[test]
    fn the_word_before_an_image_is_its_key() {
        let text = "3.9.0=quay.io/a:1\n3.8.0=quay.io/a:2 quay.io/a:3";
        let keys: Vec<_> =
            scan(text, Level::Text).into_iter().map(|it| it.key.map(|key| &text[key])).collect();
        assert_eq!(keys, [Some("3.9.0"), Some("3.8.0"), None]);
    }

    #[test]
    fn what_only_looks_like_an_image_is_none() {
        for text in [
            "https://ghcr.io/a/b:1",
            "oci://ghcr.io/a/b:1",
            "http://localhost:9090/api/v1:80",
            "prometheus.monitoring.svc:9090/metrics",
            "kafka-0.kafka.svc.cluster.local:9092,kafka-1:9092",
            "admin@example.com/a:1",
            "me <someone@example.com>",
            "org.apache.kafka.common.security.scram.ScramLoginModule",
            "apps/v1 kafka.strimzi.io/v1beta2",
            "/var/lib/a.b/c:ro /etc/x.d:/etc/y.d:ro ./a.b/c:1",
            "sum(rate(node_cpu_seconds_total{mode!=\"idle\"}[5m])) by (instance)/on(x) a.b:c",
            "namespace:container_cpu:sum_irate/node:cpu:sum",
            "*/5 * * * *",
            "node-role.kubernetes.io/control-plane:NoSchedule",
            "app.kubernetes.io/name:a",
            "10.42.0.0/16:80",
            "0.5/1:2",
            "k8s.io/client-go/tools/cache/reflector.go:243",
            "github.com/a/b@v1.2.3",
            "quay.io/a/b",
            "nginx:1.27",
            "2024-01-01T10:00:00Z",
            "ghcr.io/A/b:1",
            "",
            "/",
        ] {
            check(text, Level::Text, &[]);
        }
    }

    #[test]
    fn short_names_count_where_the_name_says_image() {
        check("busybox", Level::Named, &["busybox"]);
        check(" rancher/busybox:1.37\n", Level::Named, &["rancher/busybox:1.37"]);
        check("a=busybox:1 b=rancher/b", Level::Named, &["busybox:1", "rancher/b"]);
        for text in [
            "true",
            "Always",
            "IfNotPresent",
            "1.2.3",
            "",
            "5",
            "a b",
            "/usr/bin/a:1",
            "{{ .Values.image }}",
            "./a/b",
        ] {
            check(text, Level::Named, &[]);
        }
        for name in [
            "image",
            "images",
            "IMAGE",
            "X_IMAGE",
            "KAFKA_IMAGES",
            "proxyImage",
            "--helper-image",
            "a.b/image",
        ] {
            assert!(is_called_image(name), "{name}");
        }
        for name in ["imagePullPolicy", "pilgrimage", "IMAGE_PULL_POLICY", "PILGRIMAGE", "--image-dir", ""] {
            assert!(!is_called_image(name), "{name}");
        }
    }
}
