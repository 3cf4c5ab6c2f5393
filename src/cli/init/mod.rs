//! `init`, `new`, `schema`: the first lines of a project, and what editors need to help with the others.
//!
//! The template `seed` is `recipes/` of this repository, the same files that the demo runs.

use super::args::{InitArgs, NewArgs, Template};
use super::bundle::io;
use super::demo::RECIPES;
use super::failure::Failure;
use super::project::Session;
use super::ui::Ui;
use crate::exit::Exit;
use crate::recipe::{self, Address, Kind};
use std::path::Path;

const MINIMAL: &[(&str, &str)] = &[
    ("gabion.toml", include_str!("minimal/gabion.toml")),
    ("k8s/app.yaml", include_str!("minimal/app.yaml")),
];
const VPS: &[(&str, &str)] = &[
    ("gabion.toml", include_str!("vps-k3s/gabion.toml")),
    ("k8s/namespaces.yaml", include_str!("vps-k3s/namespaces.yaml")),
];
/// Where the seed has what a host of K3s is made of.
const NODE: [&str; 3] = ["node.toml", "keys/", "etc/"];
/// What every project has.
const COMMON: &[(&str, &str)] = &[
    (".gitignore", "/out\n/.gabion\n"),
    // A lock is text of blocks: it merges as text, and `gabion lock` settles what does not.
    (".gitattributes", "gabion.lock text merge=text\nlocks/* text -merge\n"),
];
const SCHEMA: &str = ".gabion/schema.json";

/// The file of a template. What is only for the demo is no part of the seed.
fn files(template: Template) -> Vec<(&'static str, &'static str)> {
    let seed = |wanted: &dyn Fn(&str) -> bool| -> Vec<_> {
        RECIPES.iter().copied().filter(|it| wanted(it.0)).collect()
    };
    match template {
        Template::Minimal => MINIMAL.to_vec(),
        Template::VpsK3s => [VPS.to_vec(), seed(&|path| NODE.iter().any(|it| path.starts_with(it)))].concat(),
        Template::Seed => seed(&|path| !path.starts_with("env/") && !path.starts_with("trust/")),
    }
}

pub(super) fn init(ui: &Ui, args: &InitArgs) -> Result<Exit, Failure> {
    let folder = &args.folder;
    let files = [files(args.template), COMMON.to_vec()].concat();
    let there = files
        .iter()
        .find(|(path, _)| *path != ".gitignore" && *path != ".gitattributes" && folder.join(path).exists());
    if let Some((path, _)) = there {
        let what = format!("`{}` exists, and nothing is written over it", folder.join(path).display());
        return Err(Failure::usage(what).help("name another folder, or take the file away"));
    }
    let mut written = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| !folder.join(path).exists()) {
        let text =
            if *path == "gabion.toml" { format!("#:schema {SCHEMA}\n{text}") } else { (*text).to_owned() };
        write(&folder.join(path), &text)?;
        written.push(*path);
    }
    write(&folder.join(SCHEMA), &schema_text())?;
    if ui.json {
        ui.data(serde_json::json!({ "schema": 1, "folder": folder, "files": written }));
    }
    ui.note(format!(
        "wrote {} files to `{}`; next: `gabion check`, then `gabion build`",
        written.len() + 1,
        folder.display()
    ));
    Ok(Exit::Ok)
}

fn schema_text() -> String {
    let mut text = serde_json::to_string_pretty(&recipe::json_schema()).unwrap_or_default();
    text.push('\n');
    text
}

/// The schema of recipes, for editors.
pub(super) fn schema(ui: &Ui) -> Exit {
    ui.data(schema_text().trim_end());
    Exit::Ok
}

/// Appends a node to a file of the project.
pub(super) fn new(session: &Session<'_>, args: &NewArgs) -> Result<Exit, Failure> {
    let project = session.load()?;
    let Ok(kind) = args.kind.parse::<Kind>() else {
        let known: Vec<&str> = Kind::ALL.iter().map(|it| it.name()).collect();
        return Err(Failure::usage(format!("`{}` is no kind of recipe", args.kind))
            .help(format!("kinds are {}", known.join(", "))));
    };
    let Some(address) = Address::new(kind, &args.name) else {
        let help = "names are lowercase letters, digits and `-`, at most 63 of them";
        return Err(Failure::usage(format!("`{}` cannot name a node", args.name)).help(help));
    };
    if project.recipes.contains_key(&address) {
        return Err(Failure::usage(format!("there is a `{address}` already")));
    }
    let path = project.root.join(&args.file);
    let mut text = fs_err::read_to_string(&path).map_err(|source| io("read", &path, source))?;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let line = text.lines().count() + 2;
    text.push('\n');
    text.push_str(&skeleton(&address));
    write(&path, &text)?;
    if session.ui.json {
        session.ui.data(
            serde_json::json!({ "schema": 1, "node": address.to_string(), "file": args.file, "line": line }),
        );
    }
    session.ui.note(format!(
        "wrote `{address}` to {}:{line}; put in what is yours, then `gabion check`",
        args.file
    ));
    Ok(Exit::Ok)
}

/// A node of a kind, with its usual keys.
fn skeleton(address: &Address) -> String {
    let body = match address.kind() {
        Kind::Fetch => "url = \"https://example.org/file\"\n",
        Kind::Apt => "origin = \"ubuntu:jammy\"\ninstall = [\"ca-certificates\"]\n",
        Kind::Rootfs => "packages = [\"apt.os\"]\n",
        Kind::Disk => "rootfs = \"rootfs.vps\"\n",
        Kind::K3s => {
            "channel = \"v1.34\"\n\n[k3s.@.config]\ncluster-init = true\nsecrets-encryption = true\nprotect-kernel-defaults = true\n"
        }
        Kind::Chart => {
            "repo = \"https://example.org/charts\"\nversion = \"~1.0\"\nnamespace = \"@\"\nvalues = []\n"
        }
        Kind::Image => "ref = \"registry.example.org/@\"\ntag = \"v1\"\n",
        Kind::ImageBuild => {
            "ref = \"registry.example.org/@\"\ntag = \"v1\"\nlayers = [{ from = \"rootfs.vps\" }]\nentrypoint = [\"/usr/bin/@\"]\n"
        }
        Kind::Manifests => "files = [\"k8s/@.yaml\"]\n",
        Kind::Run => "root = \"rootfs.vps\"\ninputs = []\nscript = \"\"\"\ntrue\n\"\"\"\n",
        Kind::Secret => {
            "kubernetes = { namespace = \"default\", name = \"@\", key = \"password\" }\ngenerate = { length = 32 }\n"
        }
        Kind::Host => "address = \"192.0.2.10\"\nuser = \"ops\"\nnode-name = \"@\"\n",
        Kind::Bundle => "host = \"host.prod\"\nbase = []\ndeploy = []\n",
    };
    format!("[{address}]\n{}", body.replace('@', address.name()))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder).map_err(|source| io("create", folder, source))?;
    }
    Ok(fs_err::write(path, text).map_err(|source| io("write", path, source))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_is_what_the_demo_runs_without_what_is_the_demo_s_alone() {
        let seed = files(Template::Seed);
        assert!(
            seed.iter().any(|it| it.0 == "platform.toml") && seed.iter().all(|it| !it.0.contains("demo"))
        );
        let vps = files(Template::VpsK3s);
        assert!(vps.iter().any(|it| it.0 == "node.toml") && vps.iter().any(|it| it.0 == "keys/ops.pub"));
    }

    #[test]
    fn every_skeleton_is_toml_of_one_node() {
        for kind in Kind::ALL {
            let address = Address::new(*kind, "web").unwrap();
            let table: toml::Table = skeleton(&address).parse().unwrap();
            assert!(table[kind.name()]["web"].is_table(), "{address}");
        }
    }
}
