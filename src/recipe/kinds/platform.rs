//! `[manifests.NAME]`, `[host.NAME]` and `[bundle.NAME]`.

use super::{Decisions, Size};
use crate::recipe::address::{Address, Kind, Reference};
use crate::recipe::diagnostic::{Code, Diagnostic};
use crate::recipe::reader::{Reader, Spanned};
use gabion_bundle::Mode;
use std::collections::BTreeSet;

/// Kubernetes objects: files of the project and files of other nodes, in order.
#[derive(Debug, Clone)]
pub struct Manifests {
    /// YAML files of the project.
    pub files: Vec<Spanned<String>>,
    /// Nodes whose files are taken as they are, before `files`.
    pub from: Vec<Spanned<Reference>>,
    /// Whether `${name}` is replaced in `files`.
    pub subst: bool,
    /// The repository whose files Flux takes from the host. `${artifact}` in `files` is the digest that it names.
    pub artifact: Option<Spanned<Reference>>,
    /// What is said of images that they name.
    pub images: Decisions,
    /// Nodes that come first.
    pub after: Vec<Spanned<Reference>>,
}

impl Manifests {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let it = Self {
            files: reader.strings("files"),
            from: reader.references("from", &[Kind::Fetch]),
            subst: reader.flag("subst", false),
            artifact: reader.reference("artifact", &[Kind::Fetch]),
            images: Decisions::read(reader),
            after: reader.references("after", &[Kind::Manifests, Kind::Chart]),
        };
        if let Some(part) = it.artifact.as_ref().filter(|it| it.value.output.is_some()) {
            reader.bad_value("artifact", &part.span, format!("takes a whole node, not `{}`", part.value));
        }
        if let Some(part) = it.artifact.as_ref().filter(|_| !it.subst) {
            let why = "needs `subst = true`: an object must name what Flux is to take, by `${artifact}`";
            reader.bad_value("artifact", &part.span, why);
        }
        for part in it.from.iter().filter(|part| part.value.output.is_some()) {
            let why = format!("takes whole nodes, not `{}`", part.value);
            reader.bad_value("from", &part.span, why);
        }
        if it.files.is_empty() && it.from.is_empty() {
            let span = reader.span();
            reader.bad_value("files", &span, "and `from` are both empty: there is nothing to apply");
        }
        it
    }
}

/// A machine.
#[derive(Debug, Clone)]
pub struct Host {
    /// How the operator reaches it; never part of a bundle.
    pub address: Option<String>,
    /// Who the operator is there; never part of a bundle.
    pub user: Option<String>,
    /// The Kubernetes node name; the node's name unless given. It must not change over reinstalls.
    pub node_name: String,
    /// What kind of host it is; without it nothing is said of registries.
    pub mode: Option<Mode>,
    /// The registries that it may pull from.
    pub registries: Vec<Spanned<String>>,
    /// How many processors it has, as far as the recipe says.
    pub cpus: Option<u64>,
    /// Its memory.
    pub memory: Option<Size>,
    /// What the claims of volumes may take together.
    pub volumes: Option<Size>,
}

fn mode(text: &str) -> Result<Mode, String> {
    let word = [Mode::Sealed, Mode::Connected].into_iter().find(|it| it.name() == text);
    word.ok_or_else(|| format!("is `sealed` or `connected`, not `{text}`"))
}

impl Host {
    pub(super) fn read(address: &Address, reader: &mut Reader<'_>) -> Self {
        let it = Self {
            address: reader.string("address").map(|it| it.value),
            user: reader.string("user").map(|it| it.value),
            node_name: reader.string("node-name").map_or(address.name().to_owned(), |it| it.value),
            mode: reader.parsed("mode", mode),
            registries: reader.strings("registries"),
            cpus: cpus(reader),
            memory: reader.parsed("memory", Size::parse),
            volumes: reader.parsed("volumes", Size::parse),
        };
        it.check(reader);
        it
    }

    /// What the host may pull, for its bundle: sorted, so that the order of the recipe changes nothing.
    pub fn registries(&self) -> Option<(Mode, Vec<String>)> {
        let all: BTreeSet<String> = self.registries.iter().map(|it| it.value.clone()).collect();
        Some((self.mode?, all.into_iter().collect()))
    }

    fn check(&self, reader: &mut Reader<'_>) {
        let Some(mode) = self.mode else {
            if !self.registries.is_empty() && reader.is_empty("mode") {
                let span = reader.span_of("registries");
                reader.bad_value("registries", &span, "needs `mode = \"connected\"` or `mode = \"sealed\"`");
            }
            return;
        };
        if mode == Mode::Connected && self.registries.is_empty() {
            let span = reader.span_of("mode");
            reader.bad_value("mode", &span, "is `connected`, and `registries` lists none");
        }
        let mut seen = BTreeSet::new();
        for it in &self.registries {
            if let Err(why) = mode.check(&it.value) {
                reader.bad_value("registries", &it.span, format!("cannot list it: {why}"));
            } else if !seen.insert(&it.value) {
                let message = format!("`{}` is listed twice", it.value);
                reader.report(Diagnostic::new(Code::Duplicate, &it.span, message));
            }
        }
    }
}

fn cpus(reader: &mut Reader<'_>) -> Option<u64> {
    let number = reader.integer("cpus")?;
    let found = u64::try_from(number.value).ok().filter(|it| (1..=4096).contains(it));
    if found.is_none() {
        reader.bad_value("cpus", &number.span, format!("is a number of processors, not `{}`", number.value));
    }
    found
}

/// What lies below Kubernetes.
const BASE: [Kind; 7] =
    [Kind::Apt, Kind::Disk, Kind::K3s, Kind::Image, Kind::ImageBuild, Kind::Fetch, Kind::Run];

/// What looks like a secret, may be known to all, and is let into a bundle.
#[derive(Debug, Clone)]
pub struct PublicSecret {
    /// The node that brings it.
    pub node: Spanned<Reference>,
    /// The object, `Secret NAMESPACE/NAME`, or the file in the bundle.
    pub object: String,
    /// Why everybody may know it.
    pub reason: String,
}

impl PublicSecret {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.must_have("node");
        let node = reader.reference("node", &BRINGS);
        let (object, reason) = (reader.required("object"), reader.required("reason"));
        if reason.value.trim().is_empty() && reader.is_string("reason") {
            reader.bad_value("reason", &reason.span, "is empty: say why everybody may know it");
        }
        Some(Self { node: node?, object: object.value, reason: reason.value })
    }
}

/// What can bring a secret into a bundle.
const BRINGS: [Kind; 9] = [
    Kind::Apt,
    Kind::Disk,
    Kind::K3s,
    Kind::Image,
    Kind::ImageBuild,
    Kind::Fetch,
    Kind::Run,
    Kind::Manifests,
    Kind::Chart,
];

/// Everything for one machine.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The machine.
    pub host: Option<Spanned<Reference>>,
    /// The installer that travels with the bundle: a static `gabion-host`.
    pub installer: Option<Spanned<Reference>>,
    /// What lies below Kubernetes.
    pub base: Vec<Spanned<Reference>>,
    /// What is applied, in this order.
    pub deploy: Vec<Spanned<Reference>>,
    /// Values that the host must have and the bundle does not hold.
    pub secrets: Vec<Spanned<Reference>>,
    /// What looks like a secret and may be known to all.
    pub public_secrets: Vec<PublicSecret>,
    /// The trust root that travels with the bundle, for reading.
    pub trust: Option<Spanned<String>>,
    /// Newer trust roots for those who have an older one: `root.N.json` and `root.N.json.sig`.
    pub trust_chain: Vec<Spanned<String>>,
}

impl Bundle {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let it = Self {
            host: reader.reference("host", &[Kind::Host]),
            installer: reader.reference("installer", &[Kind::Fetch]),
            base: reader.references("base", &BASE),
            deploy: reader.references("deploy", &[Kind::Manifests, Kind::Chart]),
            secrets: reader.references("secrets", &[Kind::Secret]),
            public_secrets: reader.items("public-secrets", PublicSecret::read),
            trust: reader.string("trust"),
            trust_chain: reader.strings("trust-chain"),
        };
        let mut seen = BTreeSet::new();
        for again in it
            .installer
            .iter()
            .chain(&it.base)
            .chain(&it.deploy)
            .chain(&it.secrets)
            .filter(|part| !seen.insert(&part.value.address))
        {
            let message = format!("`{}` is listed twice", again.value);
            reader.report(Diagnostic::new(Code::Duplicate, &again.span, message));
        }
        for file in it.trust_chain.iter().filter(|file| !is_chain_file(&file.value)) {
            reader.bad_value(
                "trust-chain",
                &file.span,
                "names files called `root.N.json` or `root.N.json.sig`",
            );
        }
        it
    }
}

/// Whether the file of this path is a root of a chain or the signatures over one.
fn is_chain_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let version =
        name.strip_prefix("root.").and_then(|it| it.strip_suffix(".sig").unwrap_or(it).strip_suffix(".json"));
    version.is_some_and(|it| it.parse().is_ok_and(|number: u32| number.to_string() == it))
}
