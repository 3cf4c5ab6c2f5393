//! Pods that reach the node itself. Asked of everybody: it is the node of whoever reads this.

use super::cursor::{Cursor, containers, name, pod_spec};
use super::{Cluster, Lint, LintKind};
use crate::pods::texts;

/// Capabilities with which a container becomes root of the node, or reads and writes what is not its own.
const ROOT: [&str; 10] = [
    "ALL",
    "BPF",
    "DAC_READ_SEARCH",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "MAC_ADMIN",
    "PERFMON",
];

pub(super) fn look(cluster: &Cluster<'_>, out: &mut Vec<Lint>) {
    for spec in cluster.documents().filter_map(pod_spec) {
        for container in containers(&spec) {
            out.extend(privileged(&container));
        }
        let shared: Vec<&str> =
            ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|it| spec.is_true(it)).collect();
        if let Some(first) = shared.first() {
            let at = spec.key(first).unwrap_or_else(|| spec.clone());
            let why = format!("it runs with `{}`, beside the node's own programs", shared.join("`, `"));
            out.push(at.lint(LintKind::HostNamespace, why).help("take it out, or allow it with the reason"));
        }
        let paths: Vec<Cursor<'_>> =
            spec.each("volumes").iter().filter_map(|it| it.keys(&["hostPath", "path"])).collect();
        if let Some(first) = paths.first() {
            let all: Vec<&str> = paths.iter().filter_map(Cursor::text).collect();
            let why = format!("it mounts `{}` of the node", all.join("`, `"));
            out.push(first.lint(LintKind::HostPath, why).help("use a claim, or allow it with the reason"));
        }
    }
}

fn privileged(container: &Cursor<'_>) -> Option<Lint> {
    let context = container.key("securityContext")?;
    if context.is_true("privileged") {
        let why = format!("`{}` is root of the node (`privileged: true`)", name(container));
        let at = context.key("privileged").unwrap_or(context);
        return Some(
            at.lint(LintKind::Privileged, why)
                .help("name the capabilities that it needs, or allow it with the reason"),
        );
    }
    let added = context.keys(&["capabilities", "add"])?;
    let strong: Vec<&str> =
        texts(Some(added.node)).filter(|it| ROOT.contains(&it.trim_start_matches("CAP_"))).collect();
    strong.first()?;
    let why = format!("`{}` can make itself root of the node (`{}`)", name(container), strong.join("`, `"));
    Some(added.lint(LintKind::Privileged, why).help("take the capability away, or allow it with the reason"))
}
