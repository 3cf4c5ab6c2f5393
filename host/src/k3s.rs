//! The layout that K3s expects on a host (docs.k3s.io: "Air-Gap Install", "Packaged Components").

use crate::apply::{Report, plan};
use crate::error::HostError;
use crate::layout::{Layout, Wanted};
use crate::root::Root;
use crate::unit;
use gabion_bundle::{Member, Mode, Object, Verified};
use gabion_digest::Sha256;
use gabion_oci::{Archive, DOCUMENT_LIMIT, Document, Image, Reference};
use std::fmt::Write as _;
use std::io::{self, Read, Seek, Write};

/// Where the bytes of a file on the host come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A member of the bundle.
    Member(String),
    /// Made by the installer.
    Bytes(Vec<u8>),
    /// An archive of images, made from members.
    Images(Box<Archive>),
}

const IMAGES: &str = "var/lib/rancher/k3s/agent/images";
const SERVER: &str = "var/lib/rancher/k3s/server";
const CHARTS: &str = "var/lib/rancher/k3s/server/static/charts";

/// Registries that containerd may ask.
const REGISTRIES: &str = "etc/rancher/k3s/registries.yaml";
/// Without it a registry that is not in the list would be asked all the same.
const NO_DEFAULT: (&str, &str) =
    ("etc/rancher/k3s/config.yaml.d/20-registries.yaml", "disable-default-registry-endpoint: true\n");

/// The text of `registries.yaml`: `*` without an endpoint is every registry that is not listed, and leads nowhere.
fn registries_file(mode: Mode, registries: &[String]) -> String {
    let mut text = format!("# Written by Gabion: this host is {}.\nmirrors:\n  \"*\": {{}}\n", mode.name());
    for it in registries {
        let endpoint = match it.as_str() {
            // Where the images of `docker.io` are (distribution, "registry-1").
            "docker.io" => "https://registry-1.docker.io".to_owned(),
            it if Mode::Sealed.check(it).is_ok() => format!("http://{it}"),
            it => format!("https://{it}"),
        };
        let _ = writeln!(text, "  \"{it}\":\n    endpoint:\n      - \"{endpoint}\"");
    }
    text
}

/// What must be on the host. Everything that K3s compares by name and time carries its content's hash
/// in its name: K3s does not look into a file whose name it knows.
pub fn layout<R: Read + Seek>(bundle: &mut Verified<R>) -> Result<Layout<Content>, HostError> {
    let objects = bundle.manifest().objects.clone();
    let mut plan = Arrange { bundle, layout: Layout::default() };
    for (path, mode) in [(IMAGES, 0o755), (SERVER, 0o700)] {
        plan.layout.add_folder(path, mode)?;
    }
    for object in &objects {
        plan.object(object)?;
    }
    Ok(plan.layout)
}

struct Arrange<'b, R: Read + Seek> {
    bundle: &'b mut Verified<R>,
    layout: Layout<Content>,
}

impl<R: Read + Seek> Arrange<'_, R> {
    fn object(&mut self, object: &Object) -> Result<(), HostError> {
        match object {
            Object::K3sBinary { member, .. } => self.k3s(member),
            Object::K3sImages { member } => {
                let hash = self.member(member)?.blake3.hex();
                let name = member.rsplit('/').next().unwrap_or_default();
                let ending = name.find(".tar").map_or(".tar", |at| &name[at..]);
                self.copy(&format!("{IMAGES}/00-k3s-{}{ending}", &hash[..16]), 0o644, member)
            }
            Object::K3sConfig { member } => self.copy("etc/rancher/k3s/config.yaml", 0o600, member),
            // Read after `config.yaml` (docs.k3s.io, "Configuration Options").
            Object::NodeConfig { member } => {
                self.copy("etc/rancher/k3s/config.yaml.d/10-node.yaml", 0o600, member)
            }
            Object::Registries { mode, registries } => self.registries(*mode, registries),
            Object::Image { name, reference, documents } => self.image(name, reference, documents),
            Object::Artifact { manifest, .. } => self.artifact(manifest),
            Object::Chart { file, member } => self.copy(&format!("{CHARTS}/{}", plain(file)?), 0o600, member),
            Object::Installer { member } => self.installer(member),
            // Objects are applied in waves once K3s runs, from the bundle among the host's packs (`live`); a slot is written
            // whole (`disk`), and is no file.
            Object::Document { .. } | Object::Disk { .. } => Ok(()),
            Object::File { node, member } => {
                let name = member.rsplit('/').next().unwrap_or_default();
                self.copy(&format!("var/lib/gabion/files/{}/{name}", plain(node)?), 0o644, member)
            }
        }
    }

    fn member(&self, path: &str) -> Result<&Member, HostError> {
        let found = self.bundle.manifest().member(path);
        found.ok_or_else(|| HostError::Unsupported(format!("it has no `{path}`")))
    }

    fn copy(&mut self, path: &str, mode: u32, member: &str) -> Result<(), HostError> {
        let size = self.member(member)?.size;
        self.layout.add(path, Wanted::File { mode, source: Content::Member(member.to_owned()), size })
    }

    /// What containerd may pull. K3s reads both files when it starts (docs.k3s.io, "Private Registry Configuration").
    fn registries(&mut self, mode: Mode, registries: &[String]) -> Result<(), HostError> {
        for it in registries {
            mode.check(it).map_err(HostError::Unsupported)?;
        }
        let files =
            [(REGISTRIES, registries_file(mode, registries)), (NO_DEFAULT.0, NO_DEFAULT.1.to_owned())];
        for (path, text) in files {
            let bytes = text.into_bytes();
            let wanted =
                Wanted::File { mode: 0o600, size: bytes.len() as u64, source: Content::Bytes(bytes) };
            self.layout.add(path, wanted)?;
        }
        Ok(())
    }

    /// The binary, its other names, and its unit.
    fn k3s(&mut self, member: &str) -> Result<(), HostError> {
        self.copy("usr/local/bin/k3s", 0o755, member)?;
        for link in ["kubectl", "crictl", "ctr"] {
            self.layout.add(&format!("usr/local/bin/{link}"), Wanted::Link("k3s".to_owned()))?;
        }
        self.unit("k3s.service", unit::K3S)
    }

    fn unit(&mut self, name: &str, text: &str) -> Result<(), HostError> {
        let bytes = text.as_bytes().to_vec();
        let wanted = Wanted::File { mode: 0o644, size: bytes.len() as u64, source: Content::Bytes(bytes) };
        self.layout.add(&format!("etc/systemd/system/{name}"), wanted)
    }

    /// The installer itself, which goes on with an interrupted change when the host starts.
    fn installer(&mut self, member: &str) -> Result<(), HostError> {
        self.copy("var/lib/gabion/bin/gabion-host", 0o755, member)?;
        for (name, text) in unit::RECOVERY {
            self.unit(name, text)?;
            let link = format!("etc/systemd/system/multi-user.target.wants/{name}");
            self.layout.add(&link, Wanted::Link(format!("/etc/systemd/system/{name}")))?;
        }
        Ok(())
    }

    /// What hands artifacts to Flux. They stay in the pack (`artifacts`): only who asks for one reads it.
    fn artifact(&mut self, manifest: &Sha256) -> Result<(), HostError> {
        self.member(&Object::blob_member(manifest))?;
        let (socket, _) = unit::ARTIFACTS[0];
        let link = format!("etc/systemd/system/sockets.target.wants/{socket}");
        if self.layout.entries().contains_key(&link) {
            return Ok(());
        }
        for (name, text) in unit::ARTIFACTS {
            self.unit(name, text)?;
        }
        self.layout.add(&link, Wanted::Link(format!("/etc/systemd/system/{socket}")))
    }

    /// An archive for each image, so that a changed one is the only one that is imported again.
    fn image(&mut self, name: &str, reference: &str, documents: &[Sha256]) -> Result<(), HostError> {
        let wrong = |why: String| HostError::Unsupported(format!("its image `{reference}`: {why}"));
        let mut index = None;
        let mut manifest = None;
        for sha256 in documents {
            let mut bytes = Vec::new();
            let member = Object::blob_member(sha256);
            if self.member(&member)?.size > DOCUMENT_LIMIT {
                return Err(wrong(format!("`{member}` is larger than any manifest")));
            }
            self.bundle
                .copy_member(&member, &mut bytes)
                .map_err(|error| HostError::content(&member, error))?;
            match Document::reopen(bytes).map_err(|error| wrong(error.to_string()))? {
                Document::Index(it) => index = Some(it),
                Document::Manifest(it) => manifest = Some(it),
            }
        }
        let manifest = manifest.ok_or_else(|| wrong("it has no manifest".to_owned()))?;
        let parsed = reference.parse::<Reference>().map_err(|error| wrong(error.to_string()))?;
        let image = Image::new(parsed, index, manifest).map_err(|error| wrong(error.to_string()))?;
        let archive = Archive::new([&image]).map_err(|error| wrong(error.to_string()))?;
        for (sha256, _) in archive.blobs() {
            self.member(&Object::blob_member(&sha256))?;
        }
        let path = format!("{IMAGES}/50-{}-{}.tar", plain(name)?, &archive.id().hex()[..16]);
        let size = archive.size();
        self.layout.add(&path, Wanted::File { mode: 0o644, source: Content::Images(Box::new(archive)), size })
    }
}

/// Refuses a name that is not one part of a path.
fn plain(name: &str) -> Result<&str, HostError> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(good) {
        return Err(HostError::Unsupported(format!("`{name}` cannot name a file")));
    }
    Ok(name)
}

/// Installs a verified bundle into `root`. A second run writes nothing; an interrupted one goes on.
pub fn install<R: Read + Seek>(
    root: &Root,
    bundle: &mut Verified<R>,
    dry: bool,
) -> Result<Report, HostError> {
    let layout = layout(bundle)?;
    let digest = bundle.digest.to_string();
    let mut produce = |content: &Content, out: &mut dyn Write| self::produce(bundle, content, out);
    let plan = plan(root, &layout, &digest, &mut produce)?;
    plan.check_room(root)?;
    if dry { Ok(plan.report) } else { plan.execute(root, &mut produce) }
}

/// Hands the bytes of a source to `out`.
pub(crate) fn produce<R: Read + Seek>(
    bundle: &mut Verified<R>,
    content: &Content,
    out: &mut dyn Write,
) -> io::Result<()> {
    match content {
        Content::Member(member) => bundle.copy_member(member, out),
        Content::Bytes(bytes) => out.write_all(bytes),
        Content::Images(archive) => {
            archive.write(out, &mut |sha256, out| bundle.copy_member(&Object::blob_member(sha256), out))
        }
    }
}
