//! What the packed charts of the miniature upstream hold: small, and written as the real ones are. Images stand where
//! the real charts have them: in pods, arguments, environments, custom resources and hooks.

/// A file of a chart: its path below the chart, and its text.
pub(crate) type File = (&'static str, &'static str);

pub(crate) const CERT_MANAGER: &[File] = &[
    ("templates/_helpers.tpl", include_str!("../charts/cert-manager/templates/_helpers.tpl")),
    ("templates/controller.yaml", include_str!("../charts/cert-manager/templates/controller.yaml")),
    ("templates/crds.yaml", include_str!("../charts/cert-manager/templates/crds.yaml")),
    ("templates/monitor.yaml", include_str!("../charts/cert-manager/templates/monitor.yaml")),
    ("templates/others.yaml", include_str!("../charts/cert-manager/templates/others.yaml")),
    ("templates/startupapicheck.yaml", include_str!("../charts/cert-manager/templates/startupapicheck.yaml")),
    ("values.yaml", include_str!("../charts/cert-manager/values.yaml")),
];

pub(crate) const KUBE_PROMETHEUS_STACK: &[File] = &[
    ("charts/grafana/Chart.yaml", include_str!("../charts/kube-prometheus-stack/charts/grafana/Chart.yaml")),
    (
        "charts/grafana/templates/grafana.yaml",
        include_str!("../charts/kube-prometheus-stack/charts/grafana/templates/grafana.yaml"),
    ),
    (
        "charts/grafana/templates/test.yaml",
        include_str!("../charts/kube-prometheus-stack/charts/grafana/templates/test.yaml"),
    ),
    (
        "charts/grafana/values.yaml",
        include_str!("../charts/kube-prometheus-stack/charts/grafana/values.yaml"),
    ),
    ("crds/alertmanagers.yaml", include_str!("../charts/kube-prometheus-stack/crds/alertmanagers.yaml")),
    ("crds/podmonitors.yaml", include_str!("../charts/kube-prometheus-stack/crds/podmonitors.yaml")),
    ("crds/prometheuses.yaml", include_str!("../charts/kube-prometheus-stack/crds/prometheuses.yaml")),
    ("crds/prometheusrules.yaml", include_str!("../charts/kube-prometheus-stack/crds/prometheusrules.yaml")),
    ("crds/servicemonitors.yaml", include_str!("../charts/kube-prometheus-stack/crds/servicemonitors.yaml")),
    ("templates/_helpers.tpl", include_str!("../charts/kube-prometheus-stack/templates/_helpers.tpl")),
    ("templates/exporters.yaml", include_str!("../charts/kube-prometheus-stack/templates/exporters.yaml")),
    ("templates/instances.yaml", include_str!("../charts/kube-prometheus-stack/templates/instances.yaml")),
    ("templates/operator.yaml", include_str!("../charts/kube-prometheus-stack/templates/operator.yaml")),
    ("templates/rules.yaml", include_str!("../charts/kube-prometheus-stack/templates/rules.yaml")),
    (
        "templates/webhook-certs.yaml",
        include_str!("../charts/kube-prometheus-stack/templates/webhook-certs.yaml"),
    ),
    ("values.yaml", include_str!("../charts/kube-prometheus-stack/values.yaml")),
];

pub(crate) const STRIMZI_KAFKA_OPERATOR: &[File] = &[
    ("crds/040-kafka.yaml", include_str!("../charts/strimzi-kafka-operator/crds/040-kafka.yaml")),
    ("crds/043-kafkatopic.yaml", include_str!("../charts/strimzi-kafka-operator/crds/043-kafkatopic.yaml")),
    ("crds/044-kafkauser.yaml", include_str!("../charts/strimzi-kafka-operator/crds/044-kafkauser.yaml")),
    (
        "crds/045-kafkanodepool.yaml",
        include_str!("../charts/strimzi-kafka-operator/crds/045-kafkanodepool.yaml"),
    ),
    ("templates/operator.yaml", include_str!("../charts/strimzi-kafka-operator/templates/operator.yaml")),
    ("values.yaml", include_str!("../charts/strimzi-kafka-operator/values.yaml")),
];
