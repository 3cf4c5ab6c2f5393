//! The layout that K3s expects on a host (docs.k3s.io: "Air-Gap Install", "Packaged Components").

use crate::apply::{Layout, Report, Wanted, apply};
use crate::error::HostError;
use crate::root::Root;
use crate::unit::k3s_service;
use gabion_bundle::{Manifest, Object, Verified};
use std::io::{Read, Seek, Write};

/// Where the bytes of a file on the host come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A member of the bundle.
    Member(String),
    /// Made by the installer.
    Bytes(Vec<u8>),
}

const IMAGES: &str = "var/lib/rancher/k3s/agent/images";
const MANIFESTS: &str = "var/lib/rancher/k3s/server/manifests";

/// What must be on the host. Everything that K3s compares by name and time carries its content's hash
/// in its name: K3s does not look into a file whose name it knows.
pub fn layout(manifest: &Manifest) -> Result<Layout<Content>, HostError> {
    let mut layout = Layout::default();
    for (path, mode) in [(IMAGES, 0o755), ("var/lib/rancher/k3s/server", 0o700), (MANIFESTS, 0o700)] {
        layout.folders.insert(path.to_owned(), mode);
    }
    let mut order = 0;
    for object in &manifest.objects {
        let mut file = |path: String, mode: u32, member: &str| {
            let found = manifest.member(member);
            let size = found
                .map(|it| it.size)
                .ok_or_else(|| HostError::Unsupported(format!("it has no `{member}`")))?;
            let wanted = Wanted::File { mode, source: Content::Member(member.to_owned()), size };
            match layout.entries.insert(path.clone(), wanted) {
                None => Ok(()),
                Some(_) => Err(HostError::Unsupported(format!("two objects want `/{path}`"))),
            }
        };
        match object {
            Object::K3sBinary { member, .. } => {
                file("usr/local/bin/k3s".to_owned(), 0o755, member)?;
                for link in ["kubectl", "crictl", "ctr"] {
                    layout.entries.insert(format!("usr/local/bin/{link}"), Wanted::Link("k3s".to_owned()));
                }
                let unit = k3s_service().into_bytes();
                let wanted =
                    Wanted::File { mode: 0o644, size: unit.len() as u64, source: Content::Bytes(unit) };
                layout.entries.insert("etc/systemd/system/k3s.service".to_owned(), wanted);
            }
            Object::K3sImages { member } => {
                let hash = manifest.member(member).map(|it| it.blake3.hex()).unwrap_or_default();
                let name = member.rsplit('/').next().unwrap_or_default();
                let ending = name.find(".tar").map_or(".tar", |at| &name[at..]);
                file(format!("{IMAGES}/00-k3s-{}{ending}", &hash[..16.min(hash.len())]), 0o644, member)?;
            }
            Object::K3sConfig { member } => file("etc/rancher/k3s/config.yaml".to_owned(), 0o600, member)?,
            Object::Document { name, member } => {
                file(format!("{MANIFESTS}/gabion-{order:03}-{name}.yaml"), 0o600, member)?;
                order += 1;
            }
            Object::File { node, member } => {
                let name = member.rsplit('/').next().unwrap_or_default();
                file(format!("var/lib/gabion/files/{node}/{name}"), 0o644, member)?;
            }
        }
    }
    Ok(layout)
}

/// Installs a verified bundle into `root`. A second run writes nothing; an interrupted one goes on.
pub fn install<R: Read + Seek>(
    root: &Root,
    bundle: &mut Verified<R>,
    dry: bool,
) -> Result<Report, HostError> {
    let layout = layout(bundle.manifest())?;
    let digest = bundle.digest.to_string();
    let mut produce = |content: &Content, out: &mut dyn Write| match content {
        Content::Member(member) => bundle.copy_member(member, out),
        Content::Bytes(bytes) => out.write_all(bytes),
    };
    let report = apply(root, &layout, &digest, &mut produce, true)?;
    let free = root.free("var/lib").map_err(|source| HostError::read("var/lib", source))?;
    if report.bytes > free {
        return Err(HostError::Space { path: "var/lib".to_owned(), free, needed: report.bytes });
    }
    if dry {
        return Ok(report);
    }
    apply(root, &layout, &digest, &mut produce, false)
}
