//! One file per kind of recipe: its fields, and how they are read.

mod apt;
mod chart;
mod decisions;
mod disk;
mod fetch;
mod image;
mod image_build;
mod k3s;
mod platform;
mod rootfs;
mod run;
mod secret;

pub use apt::Apt;
pub use chart::{Chart, ChartSource, Deploy};
pub use decisions::Decisions;
pub use disk::{Disk, Size};
pub use fetch::Fetch;
pub use image::{Image, ImageTag};
pub use image_build::{FileSource, ImageBuild, Layer, LayerFile};
pub use k3s::{K3s, K3sVersion};
pub use platform::{Bundle, Host, Manifests, PublicSecret};
pub use rootfs::{Facts, Rootfs};
pub use run::{OUT, Run};
pub(super) use secret::conflicts;
pub use secret::{Secret, targets};

use super::address::{Address, Kind, Reference};
use super::diagnostic::Diagnostics;
use super::local::LocalFile;
use super::reader::{Reader, Spanned};
use std::sync::Arc;

/// The typed fields of one node.
#[derive(Debug, Clone)]
pub enum Body {
    /// A file.
    Fetch(Fetch),
    /// Debian packages.
    Apt(Apt),
    /// A hardened system.
    Rootfs(Box<Rootfs>),
    /// A disk image.
    Disk(Disk),
    /// K3s.
    K3s(K3s),
    /// A Helm chart.
    Chart(Chart),
    /// A container image.
    Image(Image),
    /// A container image that is made here.
    ImageBuild(Box<ImageBuild>),
    /// Kubernetes objects.
    Manifests(Manifests),
    /// What a script gives.
    Run(Box<Run>),
    /// Where a value goes.
    Secret(Box<Secret>),
    /// A machine.
    Host(Host),
    /// Everything for one machine.
    Bundle(Bundle),
}

impl Body {
    /// Reads the fields of a node of `address`.
    pub(super) fn read(address: &Address, reader: &mut Reader<'_>) -> Self {
        match address.kind() {
            Kind::Fetch => Self::Fetch(Fetch::read(reader)),
            Kind::Apt => Self::Apt(Apt::read(reader)),
            Kind::Rootfs => Self::Rootfs(Box::new(Rootfs::read(address, reader))),
            Kind::Disk => Self::Disk(Disk::read(reader)),
            Kind::K3s => Self::K3s(K3s::read(reader)),
            Kind::Chart => Self::Chart(Chart::read(address, reader)),
            Kind::Image => Self::Image(Image::read(reader)),
            Kind::ImageBuild => Self::ImageBuild(Box::new(ImageBuild::read(reader))),
            Kind::Manifests => Self::Manifests(Manifests::read(reader)),
            Kind::Run => Self::Run(Box::new(Run::read(address, reader))),
            Kind::Secret => Self::Secret(Box::new(Secret::read(address, reader))),
            Kind::Host => Self::Host(Host::read(address, reader)),
            Kind::Bundle => Self::Bundle(Bundle::read(reader)),
        }
    }

    /// Every node that this one names, in the order of its fields.
    pub fn references(&self) -> impl Iterator<Item = &Spanned<Reference>> {
        let lists: [&[_]; 5] = match self {
            Self::Fetch(_)
            | Self::Apt(_)
            | Self::K3s(_)
            | Self::Image(_)
            | Self::Secret(_)
            | Self::Host(_) => [&[]; 5],
            Self::Rootfs(it) => [&it.packages, &it.from, &[], &[], &[]],
            Self::Disk(it) => [it.rootfs.as_slice(), &[], &[], &[], &[]],
            Self::ImageBuild(it) => [it.base.as_slice(), &it.from, &[], &[], &[]],
            Self::Run(it) => [it.root.as_slice(), &it.inputs, &[], &[], &[]],
            Self::Chart(it) => [&it.after, &[], &[], &[], &[]],
            Self::Manifests(it) => [&it.from, it.artifact.as_slice(), &it.after, &[], &[]],
            Self::Bundle(it) => {
                [it.installer.as_slice(), it.host.as_slice(), &it.base, &it.deploy, &it.secrets]
            }
        };
        lists.into_iter().flatten()
    }

    /// Local files that the node reads: `(path in the project, where it is named)`.
    pub fn local_files(&self) -> impl Iterator<Item = &Spanned<String>> {
        let lists: [&[_]; 2] = match self {
            Self::Manifests(it) => [&it.files, &[]],
            Self::Bundle(it) => [it.trust.as_slice(), &it.trust_chain],
            Self::Apt(it) => [it.keyring.as_slice(), &[]],
            Self::Rootfs(it) => [&it.key_files, &it.local],
            Self::Chart(it) => [&it.values, it.keyring.as_slice()],
            Self::ImageBuild(it) => [&it.local, &[]],
            Self::Image(it) => [it.cosign_key.as_slice(), &[]],
            _ => [&[], &[]],
        };
        lists.into_iter().flatten()
    }

    /// Mistakes that show only when the node's files are read; `sound` is whether none was found before.
    pub(super) fn check(&self, files: &[Arc<LocalFile>], sound: bool, diagnostics: &mut Diagnostics) {
        match self {
            Self::Rootfs(it) => it.check(files, sound, diagnostics),
            Self::Image(it) => it.check(files, diagnostics),
            _ => {}
        }
    }
}
