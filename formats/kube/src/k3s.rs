//! The images that K3s itself needs: the list of a release (`k3s-images.txt`).

use crate::decide::Extra;
use gabion_oci::{Reference, ReferenceError};
use std::collections::BTreeSet;

/// Without these K3s does less than it says: pods (pause), charts (klipper-helm), `LoadBalancer` (klipper-lb).
const NEEDED: [&str; 3] = ["mirrored-pause", "klipper-helm", "klipper-lb"];

/// Why a text is no list of K3s' images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum K3sError {
    /// A line names no image.
    #[error("line {line} of `{from}` names no image")]
    Line {
        /// What the caller calls the text.
        from: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        #[source]
        error: ReferenceError,
    },
    /// An image that every release has is not in it.
    #[error("`{from}` does not list `rancher/{missing}`")]
    Missing {
        /// What the caller calls the text.
        from: String,
        /// The image.
        missing: &'static str,
    },
}

impl K3sError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "E1709"
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Line { error, .. } => error.help(),
            Self::Missing { .. } => {
                Some("take `k3s-images.txt` of the very release that is installed".to_owned())
            }
        }
    }
}

/// The images of a list, one a line; each once, in the order of names.
pub fn k3s_images(text: &str, from: &str) -> Result<Vec<Extra>, Vec<K3sError>> {
    let mut images: BTreeSet<Reference> = BTreeSet::new();
    let mut errors = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
        match line.parse() {
            Ok(reference) => _ = images.insert(reference),
            Err(error) => errors.push(K3sError::Line { from: from.to_owned(), line: index + 1, error }),
        }
    }
    let has = |name: &str| images.iter().any(|it| it.name().repository().rsplit('/').next() == Some(name));
    let missing = NEEDED.iter().filter(|name| !has(name));
    errors.extend(missing.map(|missing| K3sError::Missing { from: from.to_owned(), missing }));
    let extra = |reference| Extra { reference, from: from.to_owned(), condition: None };
    if errors.is_empty() { Ok(images.into_iter().map(extra).collect()) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "docker.io/rancher/klipper-helm:v0.9.12-build20251215\ndocker.io/rancher/klipper-lb:v0.4.13\n\
                        \ndocker.io/rancher/mirrored-pause:3.6\r\ndocker.io/rancher/klipper-lb:v0.4.13\n";

    #[test]
    fn a_list_of_a_release_is_read_once_and_in_order() {
        let images = k3s_images(LIST, "k3s-images.txt").unwrap();
        let names: Vec<String> = images.iter().map(|it| it.reference.to_string()).collect();
        assert_eq!(names.len(), 3);
        assert_eq!(names[2], "docker.io/rancher/mirrored-pause:3.6");
    }

    #[test]
    fn a_list_that_lacks_what_every_release_has_is_an_error() {
        let errors = k3s_images("docker.io/rancher/mirrored-pause:3.6\nA b\n", "list").unwrap_err();
        let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "line 2 of `list` names no image",
                "`list` does not list `rancher/klipper-helm`",
                "`list` does not list `rancher/klipper-lb`"
            ]
        );
    }
}
