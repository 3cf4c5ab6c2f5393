//! Whether an object of the cluster is as it is meant to be: one answer for waves, the gate and `status`.
//!
//! The rules are those of `kubectl rollout status` (kubernetes/kubectl, `pkg/polymorphichelpers/rollout_status.go`) for programs, and
//! the condition `Ready` for custom resources.

use serde_json::Value;

/// What an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Health {
    /// As it is meant to be.
    Good,
    /// Not yet.
    Waits(String),
    /// It will not become so by itself.
    Bad(String),
}

/// Says that an object is not waited for: it has no answer without a network, or none at all.
const WAIT: &str = "gabion.dev/wait";

/// Kinds that say `Ready` sooner or later: without the condition they are not there yet.
const SAYS_READY: [(&str, &str); 14] = [
    ("cert-manager.io", "Certificate"),
    ("cert-manager.io", "ClusterIssuer"),
    ("cert-manager.io", "Issuer"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("kafka.strimzi.io", "Kafka"),
    ("kafka.strimzi.io", "KafkaTopic"),
    ("kafka.strimzi.io", "KafkaUser"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "HelmChart"),
    ("source.toolkit.fluxcd.io", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
    ("", "Node"),
];

fn at<'v>(object: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(object, |it, key| &it[*key])
}

fn number(object: &Value, path: &[&str]) -> u64 {
    at(object, path).as_u64().unwrap_or_default()
}

/// The status of a condition, with what it says.
fn condition<'v>(object: &'v Value, kind: &str) -> Option<(&'v str, String)> {
    let conditions = at(object, &["status", "conditions"]).as_array()?;
    let it = conditions.iter().find(|it| it["type"] == kind)?;
    let said = ["reason", "message"].iter().filter_map(|key| it[*key].as_str()).filter(|it| !it.is_empty());
    Some((it["status"].as_str()?, said.collect::<Vec<_>>().join(": ")))
}

fn must(object: &Value, kind: &str) -> Health {
    match condition(object, kind) {
        Some(("True", _)) => Health::Good,
        Some((_, said)) => Health::Waits(format!("not {kind} ({said})")),
        None => Health::Waits(format!("says nothing of {kind}")),
    }
}

/// Whether a controller saw the last change.
fn observed(object: &Value) -> bool {
    let wanted = number(object, &["metadata", "generation"]);
    at(object, &["status", "observedGeneration"]).as_u64().is_none_or(|it| it >= wanted)
}

fn enough(what: &str, found: u64, wanted: u64) -> Option<Health> {
    (found < wanted).then(|| Health::Waits(format!("{found} of {wanted} {what}")))
}

/// The health of an object, as `kubectl get -o json` gives it.
pub(crate) fn health(object: &Value) -> Health {
    if at(object, &["metadata", "annotations", WAIT]) == "false" {
        return Health::Good;
    }
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    let kind = object["kind"].as_str().unwrap_or_default();
    if !observed(object) {
        return Health::Waits("its controller has not seen it".to_owned());
    }
    match (group, kind) {
        ("apps", "Deployment") => {
            if let Some(("False", said)) = condition(object, "Progressing") {
                return Health::Bad(said);
            }
            let wanted = at(object, &["spec", "replicas"]).as_u64().unwrap_or(1);
            enough("are up to date", number(object, &["status", "updatedReplicas"]), wanted)
                .or_else(|| enough("are available", number(object, &["status", "availableReplicas"]), wanted))
                .unwrap_or(Health::Good)
        }
        ("apps", "StatefulSet") => {
            let wanted = at(object, &["spec", "replicas"]).as_u64().unwrap_or(1);
            let rolls = at(object, &["spec", "updateStrategy", "type"]) != "OnDelete";
            let updated = number(object, &["status", "updatedReplicas"]);
            rolls
                .then(|| enough("are up to date", updated, wanted))
                .flatten()
                .or_else(|| enough("are ready", number(object, &["status", "readyReplicas"]), wanted))
                .unwrap_or(Health::Good)
        }
        ("apps", "DaemonSet") => {
            let wanted = number(object, &["status", "desiredNumberScheduled"]);
            if at(object, &["status", "observedGeneration"]).is_null() {
                return Health::Waits("its controller has not seen it".to_owned());
            }
            enough("are up to date", number(object, &["status", "updatedNumberScheduled"]), wanted)
                .or_else(|| enough("are available", number(object, &["status", "numberAvailable"]), wanted))
                .unwrap_or(Health::Good)
        }
        ("batch", "Job") => match condition(object, "Failed") {
            Some(("True", said)) => Health::Bad(said),
            _ => must(object, "Complete"),
        },
        ("", "Pod") => match at(object, &["status", "phase"]).as_str() {
            Some("Succeeded") => Health::Good,
            Some("Failed") => Health::Bad("it failed".to_owned()),
            _ => must(object, "Ready"),
        },
        ("", "Namespace") => phase(object, "Active"),
        ("", "PersistentVolumeClaim") => phase(object, "Bound"),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => must(object, "Established"),
        ("apiregistration.k8s.io", "APIService") => must(object, "Available"),
        ("helm.cattle.io", "HelmChart") => match condition(object, "Failed") {
            Some(("True", said)) => Health::Bad(said),
            _ => Health::Good,
        },
        _ if condition(object, "Ready").is_some() || SAYS_READY.contains(&(group, kind)) => {
            must(object, "Ready")
        }
        _ => Health::Good,
    }
}

fn phase(object: &Value, wanted: &str) -> Health {
    match at(object, &["status", "phase"]).as_str() {
        Some(it) if it == wanted => Health::Good,
        other => Health::Waits(format!("it is {}, not {wanted}", other.unwrap_or("nothing"))),
    }
}

/// `Deployment monitoring/grafana`.
pub(crate) fn called(object: &Value) -> String {
    let text = |key: &str| at(object, &["metadata", key]).as_str().unwrap_or_default().to_owned();
    let namespace =
        Some(text("namespace")).filter(|it| !it.is_empty()).map(|it| it + "/").unwrap_or_default();
    format!("{} {namespace}{}", object["kind"].as_str().unwrap_or("object"), text("name"))
}

/// Why containers of a pod do not start, where they will not by themselves.
pub(crate) fn stuck(pod: &Value) -> Option<String> {
    const REASONS: [&str; 6] = [
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CrashLoopBackOff",
        "CreateContainerConfigError",
    ];
    ["initContainerStatuses", "containerStatuses"].iter().find_map(|list| {
        let list = at(pod, &["status", list]).as_array()?;
        list.iter().find_map(|it| {
            let reason = at(it, &["state", "waiting", "reason"]).as_str()?;
            let image = it["image"].as_str().unwrap_or_default();
            REASONS.contains(&reason).then(|| format!("{reason} of `{image}`"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn programs_are_good_when_what_is_new_of_them_is_available() {
        let deployment = |generation: u64, updated: u64, available: u64| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 2},
                   "status": {"observedGeneration": generation, "updatedReplicas": updated, "availableReplicas": available}})
        };
        assert_eq!(health(&deployment(2, 2, 2)), Health::Good);
        assert_eq!(health(&deployment(1, 2, 2)), Health::Waits("its controller has not seen it".into()));
        assert_eq!(health(&deployment(2, 1, 2)), Health::Waits("1 of 2 are up to date".into()));
        assert_eq!(health(&deployment(2, 2, 1)), Health::Waits("1 of 2 are available".into()));
        let mut late = deployment(2, 2, 1);
        late["status"]["conditions"] =
            json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]);
        assert_eq!(health(&late), Health::Bad("ProgressDeadlineExceeded".into()));
        let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "status": {"readyReplicas": 1, "updatedReplicas": 0}});
        assert_eq!(health(&set), Health::Waits("0 of 1 are up to date".into()));
        let daemons = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "status": {"observedGeneration": 1, "desiredNumberScheduled": 1,
            "updatedNumberScheduled": 1, "numberAvailable": 1}});
        assert_eq!(health(&daemons), Health::Good);
    }

    #[test]
    fn custom_resources_are_good_when_they_say_so() {
        let issuer = |status: Value| json!({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "status": status});
        assert_eq!(health(&issuer(json!({}))), Health::Waits("says nothing of Ready".into()));
        let ready = |it: &str| json!({"conditions": [{"type": "Ready", "status": it, "reason": "Because"}]});
        assert_eq!(health(&issuer(ready("True"))), Health::Good);
        assert_eq!(health(&issuer(ready("False"))), Health::Waits("not Ready (Because)".into()));
        // Nobody knows this kind, and it says nothing.
        assert_eq!(health(&json!({"apiVersion": "a.example/v1", "kind": "Thing"})), Health::Good);
        let told = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": {"annotations": {WAIT: "false"}}});
        assert_eq!(health(&told), Health::Good);
    }

    #[test]
    fn a_job_that_failed_is_not_waited_for() {
        let job = |kind: &str| json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": [{"type": kind, "status": "True", "reason": "R"}]}});
        assert_eq!(health(&job("Complete")), Health::Good);
        assert_eq!(health(&job("Failed")), Health::Bad("R".into()));
        assert_eq!(
            health(&json!({"apiVersion": "batch/v1", "kind": "Job"})),
            Health::Waits("says nothing of Complete".into())
        );
    }

    #[test]
    fn a_pod_that_finds_no_image_is_stuck() {
        let pod = json!({"kind": "Pod", "metadata": {"namespace": "a", "name": "b"},
            "status": {"containerStatuses": [{"image": "x:1", "state": {"waiting": {"reason": "ErrImagePull"}}}]}});
        assert_eq!(stuck(&pod).as_deref(), Some("ErrImagePull of `x:1`"));
        assert_eq!(called(&pod), "Pod a/b");
        assert_eq!(
            stuck(
                &json!({"status": {"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}})
            ),
            None
        );
    }
}
