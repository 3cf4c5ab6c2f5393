//! The mirrors that this machine's own apt is configured for (`sources.list(5)`).
//!
//! Only where archives lie is taken from there: what signs them, and which of their packages are used, is said by
//! recipes and locks, so that a mirror can be slow and nothing worse.

use gabion_apt::{ORIGINS, fields, stanzas};
use std::path::Path;

/// A source of apt: where it lies, and its suites.
type Source = (String, Vec<String>);

/// For every archive of a known origin that `etc` (`/etc/apt`) has a source of: its location, and the source's.
pub(super) fn mirrors(etc: &Path) -> Vec<(String, Vec<String>)> {
    let sources = sources(etc);
    let mut found = Vec::new();
    for part in ORIGINS.iter().flat_map(|origin| origin.archives) {
        let first = part.suites.first().copied().unwrap_or_default();
        let of_part = sources.iter().filter(|(_, suites)| suites.iter().any(|it| it == first));
        let mut urls: Vec<String> = of_part.map(|(url, _)| url.clone()).collect();
        urls.dedup();
        if !urls.is_empty() {
            found.push((part.url.to_owned(), urls));
        }
    }
    found
}

fn sources(etc: &Path) -> Vec<Source> {
    let mut files = vec![etc.join("sources.list")];
    let folder = fs_err::read_dir(etc.join("sources.list.d"));
    files.extend(folder.into_iter().flatten().flatten().map(|entry| entry.path()));
    files.sort();
    let mut sources = Vec::new();
    for file in files {
        let Ok(text) = fs_err::read_to_string(&file) else { continue };
        match file.extension().and_then(|it| it.to_str()) {
            Some("list") => sources.extend(text.lines().filter_map(line)),
            Some("sources") => sources.extend(plain(&text).iter().flat_map(|it| stanza(it))),
            _ => {}
        }
    }
    sources.retain(|(url, _)| url.starts_with("http://") || url.starts_with("https://"));
    sources
}

/// `deb [OPTIONS] URI SUITE COMPONENT…`
fn line(line: &str) -> Option<Source> {
    let rest = line.split('#').next()?.trim().strip_prefix("deb ")?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_whitespace();
    Some((words.next()?.trim_end_matches('/').to_owned(), vec![words.next()?.to_owned()]))
}

/// Stanzas of a file that people write, without their comments.
fn plain(text: &str) -> Vec<String> {
    let text: String =
        text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    stanzas(&text).map(|(_, stanza)| stanza.to_owned()).collect()
}

fn stanza(text: &str) -> Vec<Source> {
    let (mut types, mut urls, mut suites, mut enabled) = (Vec::new(), Vec::new(), Vec::new(), true);
    for (name, value) in fields(text).flatten() {
        let words = || value.split_whitespace().map(|it| it.trim_end_matches('/').to_owned()).collect();
        match name.to_ascii_lowercase().as_str() {
            "types" => types = words(),
            "uris" => urls = words(),
            "suites" => suites = words(),
            "enabled" => enabled = !matches!(value, "no" | "false" | "0"),
            _ => {}
        }
    }
    if !enabled || !types.iter().any(|it: &String| it == "deb") {
        return Vec::new();
    }
    urls.into_iter().map(|url| (url, suites.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_in_both_forms_and_for_known_archives_only() {
        let etc = tempfile::tempdir().unwrap();
        fs_err::create_dir(etc.path().join("sources.list.d")).unwrap();
        let write = |name: &str, text: &str| fs_err::write(etc.path().join(name), text).unwrap();
        write(
            "sources.list",
            "# deb http://off.invalid/debian bookworm main\ndeb-src http://src.invalid/debian bookworm main\n\
             deb [arch=amd64 signed-by=/k] http://one.invalid/ubuntu/ jammy main # here\n\
             deb cdrom:[x]/ bookworm main\n",
        );
        write(
            "sources.list.d/debian.sources",
            "Types: deb deb-src\n# a comment\nURIs: https://two.invalid/debian/\nSuites: bookworm bookworm-updates\n\
             Components: main\n\nTypes: deb\nURIs: https://three.invalid/security\nSuites: bookworm-security\n\n\
             Enabled: no\nTypes: deb\nURIs: https://four.invalid/debian\nSuites: bookworm\n",
        );
        write("sources.list.d/other.list", "deb https://five.invalid/x stable main\n");
        let expected = [
            ("http://archive.ubuntu.com/ubuntu", "http://one.invalid/ubuntu"),
            ("https://deb.debian.org/debian", "https://two.invalid/debian"),
            ("https://deb.debian.org/debian-security", "https://three.invalid/security"),
        ];
        let expected = expected.map(|(origin, mirror)| (origin.to_owned(), vec![mirror.to_owned()]));
        assert_eq!(mirrors(etc.path()), expected);
        assert_eq!(mirrors(&etc.path().join("none")), []);
    }
}
