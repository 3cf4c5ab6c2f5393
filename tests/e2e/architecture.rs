//! Who may import whom. An exception changes ARCHITECTURE.md first.

use std::path::Path;

/// A crate and the crates of this workspace that it may depend on.
const CRATES: [(&str, &[&str]); 25] = [
    ("store/digest", &[]),
    ("store", &["gabion-digest"]),
    ("keys", &[]),
    ("cache", &["gabion-digest", "gabion-keys", "gabion-store"]),
    ("rootfs/harden", &[]),
    ("lockfile", &["gabion-digest"]),
    ("bundle", &["gabion-digest", "gabion-keys"]),
    ("host", &["gabion-bundle", "gabion-digest", "gabion-disk", "gabion-dpkg", "gabion-oci"]),
    ("host/installer", &["gabion-bundle", "gabion-host"]),
    ("rootfs", &["gabion-apt", "gabion-digest", "gabion-sandbox"]),
    ("sandbox", &[]),
    ("formats/disk", &[]),
    ("formats/dpkg", &[]),
    ("formats/git", &[]),
    ("formats/layer", &[]),
    ("formats/oci", &["gabion-digest"]),
    ("formats/openpgp", &[]),
    ("formats/apt", &["gabion-digest", "gabion-dpkg", "gabion-openpgp"]),
    ("formats/helm/yaml", &[]),
    ("formats/helm/template", &[]),
    ("formats/helm/sprig", &["gabion-template"]),
    ("formats/helm", &["gabion-digest", "gabion-openpgp", "gabion-sprig", "gabion-template", "gabion-yaml"]),
    ("formats/kube", &["gabion-oci", "gabion-yaml"]),
    ("tests/testkit", &[]),
    ("tests/upstream", &["gabion-digest"]),
];

/// Crates that must never be linked into what runs on the host.
const NOT_ON_THE_HOST: [&str; 8] =
    ["reqwest", "hyper", "rustls", "tokio", "sled", "toml", "gabion-store", "gabion-lockfile"];

/// The pipeline from left to right: a module may use what stands left of it.
const PIPELINE: [&str; 19] = [
    "error", "exit", "file", "event", "config", "recipe", "graph", "request", "lock", "net", "image",
    "resolve", "share", "plan", "build", "closure", "leak", "check", "assemble",
];

fn read(path: &str) -> String {
    fs_err::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn sources(folder: &Path, out: &mut Vec<String>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else {
            out.push(fs_err::read_to_string(&path).unwrap());
        }
    }
}

/// The members that name `wanted` in one of these tables of their manifest.
fn importers(wanted: &str, kinds: &[&str]) -> Vec<String> {
    let root: toml::Table = read("Cargo.toml").parse().unwrap();
    let members = root["workspace"]["members"].as_array().unwrap();
    let imports = |folder: &&str| {
        let manifest: toml::Table = read(&format!("{folder}/Cargo.toml")).parse().unwrap();
        let mut tables = kinds.iter().filter_map(|kind| manifest.get(*kind).and_then(toml::Value::as_table));
        tables.any(|it| it.contains_key(wanted))
    };
    let members = members.iter().map(|member| member.as_str().unwrap());
    let mut found: Vec<String> = members.chain(["."]).filter(imports).map(str::to_owned).collect();
    found.sort_unstable();
    found
}

#[test]
fn crates_depend_only_on_what_stands_below_them() {
    for (folder, allowed) in CRATES {
        let manifest: toml::Table = read(&format!("{folder}/Cargo.toml")).parse().unwrap();
        let found = manifest["dependencies"].as_table().unwrap().keys();
        for name in found.filter(|name| name.starts_with("gabion-")) {
            assert!(allowed.contains(&name.as_str()), "`{folder}` must not depend on `{name}`");
        }
    }
}

/// Formats are leaves; the policy of signatures is the one leaf below them, and theirs alone.
#[test]
fn only_formats_that_are_signed_import_the_policy_of_signatures() {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    assert_eq!(importers("gabion-openpgp", &kinds), ["formats/apt", "formats/helm"]);
}

#[test]
fn what_tests_share_reaches_no_program() {
    assert_eq!(importers("gabion-testkit", &["dependencies", "build-dependencies"]), [""; 0]);
    assert!(importers("gabion-testkit", &["dev-dependencies"]).len() > 2);
}

#[test]
fn the_installer_links_no_client_no_parser_of_recipes_and_no_store() {
    for package in ["gabion-host", "gabion-installer"] {
        // Macros of dependencies run while they are compiled; what these need reaches no program.
        let cargo = std::process::Command::new(env!("CARGO"))
            .args([
                "tree",
                "-p",
                package,
                "-e",
                "normal,no-proc-macro",
                "--prefix",
                "none",
                "--offline",
                "--locked",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let tree = String::from_utf8(cargo.stdout).unwrap();
        assert!(tree.contains("gabion-bundle"), "{}", String::from_utf8_lossy(&cargo.stderr));
        for name in NOT_ON_THE_HOST {
            assert!(
                !tree.lines().any(|line| line.split(' ').next() == Some(name)),
                "`{package}` links `{name}`"
            );
        }
    }
}

#[test]
fn the_pipeline_imports_only_to_the_left() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (place, module) in PIPELINE.iter().enumerate() {
        let mut texts = Vec::new();
        let folder = root.join(module);
        if folder.is_dir() {
            sources(&folder, &mut texts);
        } else {
            texts.push(fs_err::read_to_string(root.join(format!("{module}.rs"))).unwrap());
        }
        let uses = texts.iter().flat_map(|text| text.split("crate::").skip(1));
        for used in uses
            .map(|rest| rest.split(|it: char| !it.is_alphanumeric() && it != '_').next().unwrap_or_default())
        {
            let at = PIPELINE.iter().position(|name| *name == used);
            let fine = at.is_none_or(|at| at <= place) && used != "cli";
            assert!(fine, "`src/{module}` must not use `crate::{used}`: the pipeline runs the other way");
        }
    }
}

#[test]
fn the_oldest_rust_is_the_one_that_the_dependencies_need() {
    let cargo = std::process::Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--locked",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&cargo.stdout).unwrap();
    let parse = |text: &str| {
        text.split('.').map(|it| it.parse::<u32>().unwrap()).chain([0]).take(3).collect::<Vec<_>>()
    };
    let ours = parse("1.89.0");
    for package in metadata["packages"].as_array().unwrap() {
        if let Some(needs) = package["rust_version"].as_str() {
            assert!(parse(needs) <= ours, "{} needs Rust {needs}", package["name"]);
        }
    }
}
