//! `demo`: the whole platform, end to end, from a miniature upstream inside this program.

use super::args::DemoArgs;
use super::bundle::io;
use super::failure::Failure;
use super::locking::bind;
use super::project::{Session, build_target};
use super::trust as clock;
use crate::exit::Exit;
use crate::recipe::Project;
use crate::{lock, recipe};
use gabion_bundle::{Floor, SigningKey, TrustRoot};
use gabion_host::Judging;
use gabion_host::cli::lay;
use gabion_upstream::{Content, Upstream};
use std::path::Path;

/// Secret of the demo's signing key. It is public: what it signs proves nothing beyond the demo.
const DEMO_SEED: &[u8; 32] = b"gabion demo key, publicly known.";

macro_rules! recipes {
    ($($path:literal,)*) => { [$(($path, include_str!(concat!("../../recipes/", $path))),)*] };
}

/// The platform of this repository: the files of `recipes/`.
pub(super) const RECIPES: &[(&str, &str)] = &recipes![
    "gabion.toml",
    "node.toml",
    "keys/ops.pub",
    "platform.toml",
    "env/demo.toml",
    "env/demo.lock",
    "env/locks/apt.os.lock",
    "trust/demo-archive.asc",
    "trust/demo.json",
    "etc/admission.yaml",
    "etc/audit-final.rules",
    "etc/audit-policy.yaml",
    "etc/audit.rules",
    "etc/integrity",
    "etc/measure",
    "etc/platform-integrity.service",
    "etc/platform-integrity.timer",
    "etc/platform-measure.service",
    "etc/platform-measure.timer",
    "etc/registries.yaml",
    "etc/timers.conf",
    "k8s/app/accounts.yaml",
    "k8s/app/enrichment.yaml",
    "k8s/app/gateway.yaml",
    "k8s/app/generation.yaml",
    "k8s/app/ingress.yaml",
    "k8s/app/probe.yaml",
    "k8s/app/kafka-users.yaml",
    "k8s/app/network.yaml",
    "k8s/app/quota.yaml",
    "k8s/app/trust.yaml",
    "k8s/cert-manager/acme.yaml",
    "k8s/cert-manager/issuers.yaml",
    "k8s/cert-manager/network.yaml",
    "k8s/flux/rights.yaml",
    "k8s/flux/sealed.yaml",
    "k8s/kafka/cluster.yaml",
    "k8s/kafka/network.yaml",
    "k8s/kafka/topics.yaml",
    "k8s/local-path.yaml",
    "k8s/logs/fluent-bit.yaml",
    "k8s/logs/loki.yaml",
    "k8s/logs/rules.yaml",
    "k8s/monitoring/dashboards/api.yaml",
    "k8s/monitoring/dashboards/k3s.yaml",
    "k8s/monitoring/dashboards/kafka.yaml",
    "k8s/monitoring/dashboards/logs.yaml",
    "k8s/monitoring/dashboards/node.yaml",
    "k8s/monitoring/dashboards/traefik.yaml",
    "k8s/monitoring/monitors.yaml",
    "k8s/monitoring/network.yaml",
    "k8s/monitoring/rules/api.yaml",
    "k8s/monitoring/rules/cert-manager.yaml",
    "k8s/monitoring/rules/flux.yaml",
    "k8s/monitoring/rules/host.yaml",
    "k8s/monitoring/rules/k3s.yaml",
    "k8s/monitoring/rules/kafka.yaml",
    "k8s/monitoring/rules/logs.yaml",
    "k8s/monitoring/rules/traefik.yaml",
    "k8s/namespaces.yaml",
    "k8s/traefik/config.yaml",
    "k8s/traefik/dashboard.yaml",
    "k8s/traefik/tls.yaml",
    "values/alerts-sealed.yaml",
    "values/cert-manager.yaml",
    "values/monitoring.yaml",
    "values/strimzi.yaml",
];

pub(super) fn run(mut session: Session<'_>, args: &DemoArgs) -> Result<Exit, Failure> {
    let folder = &args.folder;
    if folder.exists() {
        return Err(Failure::usage(format!("`{}` exists", folder.display()))
            .help("name another folder, or remove it"));
    }
    for (path, text) in RECIPES.iter().filter(|(path, _)| !(args.relock && is_lock(path))) {
        write(&folder.join(path), text)?;
    }
    // From here on the folder is a project like any other, with the overlay in force.
    let toml = RECIPES[0].1.replace("edition = ", "env = \"demo\"\nedition = ");
    write(&folder.join("gabion.toml"), &toml)?;
    let key = SigningKey::from_seed(DEMO_SEED, "gabion demo key");
    let trust = folder.join("trust/root.json");
    let root = TrustRoot::single(&key.public_line()?)?;
    write(&trust, &root.to_text())?;

    let failed = |source| io("serve", Path::new("127.0.0.1"), source);
    let upstream = Upstream::start(Content::platform()).map_err(failed)?;
    session.config.mirrors = upstream.mirrors().into_iter().map(|(from, to)| (from, vec![to])).collect();
    let project: &Project = Box::leak(Box::new(recipe::load(folder, None)?));
    let before = lock::load(project)?;
    let locked = bind(&session, project, None)?;
    if locked.locks != before && !args.relock {
        return Err(Failure::usage("the demo's lock does not fit its upstream; this is a bug of gabion"));
    }
    session.ui.note(format!("locked    {} files in {}", locked.locks.len(), project.settings.lock));
    let outcome = build_target(&session, project, None, None, Some(&key))?
        .ok_or_else(|| Failure::usage("the demo's target is no bundle; this is a bug of gabion"))?;
    session.ui.note(format!("built     {}", outcome.path.display()));
    session.ui.note(format!("signed by {} (the demo key)", key.fingerprint()));
    let host = folder.join("host");
    fs_err::create_dir(&host).map_err(|source| io("create", &host, source))?;
    let judging = Judging {
        root: root.clone(),
        now: clock::now()?,
        promotion: None,
        host: None,
        min_serial: 0,
        floor: Floor::default(),
        full: true,
    };
    let report = lay(&host, &outcome.path, &judging)?.report;
    session.ui.note(format!("verified  every byte against {}", trust.display()));
    session.ui.note(format!("installed {} files into {}", report.changed(), host.display()));
    session.ui.data(&outcome.digest);
    Ok(Exit::Ok)
}

fn is_lock(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|it| it == "lock")
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder).map_err(|source| io("create", folder, source))?;
    }
    Ok(fs_err::write(path, text).map_err(|source| io("write", path, source))?)
}
