//! What is fetched when a program starts: nobody pinned it, and without a network it is not there.

use super::cursor::{Cursor, containers, name, pod_spec};
use super::{Cluster, Lint, LintKind};
use crate::document::Document;
use crate::pods::texts;
use gabion_yaml::Data;
use regex::Regex;
use std::path::Path;
use std::sync::LazyLock;

/// Programs that fetch from places which they know by themselves.
static INSTALLS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?:^|[\s;&|(])(apt-get\s+(?:-\S+\s+)*install|apk\s+(?:-\S+\s+)*add|(?:dnf|yum)\s+(?:-\S+\s+)*install|pip3?\s+install|npm\s+(?:install|i|ci)\b|gem\s+install|go\s+install|helm\s+plugin\s+install|grafana[ -]cli\s+(?:-\S+\s+)*plugins\s+install)",
    )
    .ok()
});
/// Programs that fetch what they are told.
static FETCHES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[\s;&|(/])(curl|wget|git\s+clone|git\s+pull)\b").ok());
static PLACE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:https?|git|ssh)://([^/\s"':?#]+)"#).ok());

/// Variables by which Grafana installs plugins when it starts (grafana.com, "Install Grafana plugins").
const PLUGINS: [&str; 3] = ["GF_INSTALL_PLUGINS", "GF_PLUGINS_PREINSTALL", "GF_PLUGINS_PREINSTALL_SYNC"];
const HELP: &str = "put it into an image or a `ConfigMap`, so that it is pinned and travels in the bundle";

pub(super) fn look(cluster: &Cluster<'_>, out: &mut Vec<Lint>) {
    for document in cluster.documents() {
        if let Some(spec) = pod_spec(document) {
            for it in &containers(&spec) {
                container(it, out);
            }
        }
        if document.id.is("", "ConfigMap") {
            scripts(document, out);
        }
        if document.id.group == "grafana.integreatly.org" {
            grafana(document, out);
        }
    }
}

fn container(container: &Cursor<'_>, out: &mut Vec<Lint>) {
    let words = ["command", "args"].iter().flat_map(|it| texts(container.node.get(it)));
    if let Some(what) = fetched(&words.collect::<Vec<_>>().join(" ")) {
        let at =
            container.key("args").or_else(|| container.key("command")).unwrap_or_else(|| container.clone());
        let why = format!("`{}` fetches when it starts: {what}", name(container));
        out.push(at.lint(LintKind::Fetched, why).help(HELP));
    }
    for variable in container.each("env") {
        let given = variable.text_of("value").is_some_and(|it| !it.trim().is_empty())
            || variable.key("valueFrom").is_some();
        if given && variable.text_of("name").is_some_and(|it| PLUGINS.contains(&it)) {
            let why = format!("`{}` installs plugins when it starts", name(container));
            out.push(
                variable
                    .lint(LintKind::Fetched, why)
                    .help("build an image with the plugins in it (`[image-build]`)"),
            );
        }
    }
}

/// Scripts in a `ConfigMap`, as the chart of Grafana has one for its dashboards.
fn scripts(document: &Document, out: &mut Vec<Lint>) {
    let Some(data) = Cursor::of(document).key("data") else { return };
    let Data::Map(map) = &data.node.data else { return };
    for key in map.keys() {
        let Some(script) = data.key(key) else { continue };
        let text = script.text().unwrap_or_default();
        if (Path::new(key).extension().is_some_and(|it| it.eq_ignore_ascii_case("sh"))
            || text.starts_with("#!"))
            && let Some(what) = text.lines().find_map(fetched)
        {
            let why = format!("the script `{key}` fetches when it runs: {what}");
            out.push(script.lint(LintKind::Fetched, why).help(HELP));
        }
    }
}

/// The objects of Grafana's operator.
fn grafana(document: &Document, out: &mut Vec<Lint>) {
    let Some(spec) = Cursor::of(document).key("spec") else { return };
    for (key, what) in
        [("grafanaCom", "a dashboard by its number"), ("url", "a dashboard"), ("plugins", "plugins")]
    {
        if let Some(at) = spec.key(key) {
            let why = format!("Grafana fetches {what} for it");
            out.push(
                at.lint(LintKind::Fetched, why)
                    .help("write the dashboard here (`json`), and build plugins into the image"),
            );
        }
    }
}

/// What a command fetches from outside of the cluster.
fn fetched(text: &str) -> Option<String> {
    if let Some(found) = INSTALLS.as_ref().and_then(|it| it.captures(text)) {
        return Some(format!("`{}`", found[1].split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    FETCHES.as_ref()?.captures(text)?;
    let outside = PLACE.as_ref()?.captures_iter(text).find(|it| is_outside(&it[1]))?;
    Some(format!("`{}`", &outside[0]))
}

/// Whether a name is one of the network beyond the cluster.
fn is_outside(host: &str) -> bool {
    let host = host.rsplit('@').next().unwrap_or(host);
    let inside = [".svc", ".local", ".internal", ".localhost"].iter().any(|it| host.ends_with(it));
    let address = host.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    host.contains('.') && !host.contains('$') && !inside && !address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_from_outside_is_told_from_what_is_asked_nearby() {
        for told in [
            "sh -c curl -skf https://grafana.com/api/dashboards/1860/revisions/37/download > x",
            "wget -O /a https://example.org/a.tgz",
            "git clone https://github.com/a/b",
            "apt-get -y install jq",
            "apk add --no-cache curl",
            "pip install requests",
            "grafana-cli plugins install x",
        ] {
            assert!(fetched(told).is_some(), "{told}");
        }
        for fine in [
            "curl http://localhost:9090/-/ready",
            "wget -q http://10.0.0.1/x",
            "curl https://api.apps.svc/health",
            "curl https://x.monitoring.svc.cluster.local:9090",
            "curl \"$URL\"",
            "/bin/program --docs=https://example.org/",
            "echo pip",
        ] {
            assert_eq!(fetched(fine), None, "{fine}");
        }
    }
}
