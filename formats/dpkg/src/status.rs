//! `/var/lib/dpkg/status`: what is installed on a running system (dpkg's `lib/dpkg/parse.c`).

use crate::control::{SyntaxError, fields, stanzas};
use crate::version::Version;

/// A package that is on a system: unpacked at least, and not only its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its architecture: `amd64`, `all`.
    pub arch: &'a str,
    /// Its version.
    pub version: Version<'a>,
}

/// Why nobody knows what is installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// A line that is no field.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A package that says too little of itself, or what dpkg never says.
    #[error("line {line}: the package `{name}` has no right `{field}`")]
    Field {
        /// Line in the text, from 1, at which the package begins.
        line: usize,
        /// The package.
        name: String,
        /// What is missing or wrong.
        field: &'static str,
    },
}

/// The packages of a system, in the order of the text.
pub fn installed(text: &str) -> Result<Vec<Installed<'_>>, StatusError> {
    let mut all = Vec::new();
    for (start, stanza) in stanzas(text) {
        all.extend(package(start, stanza)?);
    }
    Ok(all)
}

fn package(line: usize, stanza: &str) -> Result<Option<Installed<'_>>, StatusError> {
    let (mut name, mut arch, mut version, mut status) = ("", "", "", "");
    for field in fields(stanza) {
        let (key, value) = field.map_err(|it| SyntaxError { line: line + it.line - 1, ..it })?;
        match key.to_ascii_lowercase().as_str() {
            "package" => name = value,
            "architecture" => arch = value,
            "version" => version = value,
            "status" => status = value,
            _ => {}
        }
    }
    let wrong = |field| StatusError::Field { line, name: name.to_owned(), field };
    if name.is_empty() {
        return Err(wrong("Package"));
    }
    // What is wanted, whether it is broken, and how far it is (dpkg(1), "Package states").
    let [_, _, state] = status.split(' ').collect::<Vec<_>>()[..] else { return Err(wrong("Status")) };
    match state {
        "not-installed" | "config-files" => return Ok(None),
        "installed" | "half-installed" | "unpacked" | "half-configured" | "triggers-awaited"
        | "triggers-pending" => {}
        _ => return Err(wrong("Status")),
    }
    if arch.is_empty() {
        return Err(wrong("Architecture"));
    }
    let version = Version::parse(version).ok_or_else(|| wrong("Version"))?;
    Ok(Some(Installed { name, arch, version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_not_installed_and_what_is_half_there_is() {
        let text = "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2-3\nDescription: x\n y\n\n\
            Package: b\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n\
            Package: c\nStatus: purge ok not-installed\n\n\
            Package: d\nStatus: install reinstreq half-installed\nArchitecture: all\nVersion: 2~x\n";
        let found = installed(text).unwrap();
        let shown: Vec<_> = found.iter().map(|it| (it.name, it.arch, it.version.as_str())).collect();
        assert_eq!(shown, [("a", "amd64", "1:2-3"), ("d", "all", "2~x")]);
        assert_eq!(installed("").unwrap(), []);
    }

    #[test]
    fn a_text_that_dpkg_did_not_write_is_an_error_with_its_line() {
        let check =
            |text: &str, told: &str| assert_eq!(installed(text).unwrap_err().to_string(), told, "{text}");
        check("\nPackage: a\nnonsense\n", "line 3: expected `Field: value`, found `nonsense`");
        check("Status: install ok installed\n", "line 1: the package `` has no right `Package`");
        check("Package: a\nVersion: 1\n", "line 1: the package `a` has no right `Status`");
        check("Package: a\nStatus: install ok\n", "line 1: the package `a` has no right `Status`");
        check("Package: a\nStatus: install ok odd\n", "line 1: the package `a` has no right `Status`");
        let good = "Package: a\nStatus: install ok installed\n";
        check(&format!("{good}Version: 1\n"), "line 1: the package `a` has no right `Architecture`");
        check(
            &format!("{good}Architecture: all\nVersion: x\n"),
            "line 1: the package `a` has no right `Version`",
        );
    }
}
