//! What is read of a chart, and what is refused by its name.

use crate::chart::{HEAD, inputs, rendered, tree};
use flate2::Compression;
use flate2::write::GzEncoder;
use gabion_helm::{ChartTree, Limits, LoadError, charts_in_use, load_chart};
use std::io::Write;

fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn every_file_has_its_place() {
    let db = packed(&[
        ("db/Chart.yaml", b"apiVersion: v1\nname: db\nversion: 2.0.0\n"),
        ("db/requirements.yaml", b"{}"),
    ]);
    let bytes = packed(&[
        ("web/Chart.yaml", HEAD.as_bytes()),
        ("web/values.yaml", b"\xef\xbb\xbfa: 1\n---\nb: 2\n"),
        ("web/values.schema.json", b"{}"),
        ("web/Chart.lock", b"dependencies: []\n"),
        ("web/templates/a/b.yaml", b"x"),
        ("web/crds/c.yaml", b"kind: A\n"),
        ("web/README.md", b"\xef\xbb\xbftext"),
        ("web/charts/db-2.0.0.tgz", &db),
        ("web/charts/db-2.0.0.tgz.prov", b"signature"),
        ("web/charts/in/Chart.yaml", b"apiVersion: v2\nname: in\nversion: 1.0.0\n"),
        ("web/charts/_no/Chart.yaml", b"broken: ["),
        ("web/charts/.no", b""),
    ]);
    let chart = load_chart(&bytes[..], &Limits::default()).unwrap();
    let keys = |map: &std::collections::BTreeMap<String, Vec<u8>>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&chart.templates), ["templates/a/b.yaml"]);
    assert_eq!(keys(&chart.files), ["README.md", "charts/db-2.0.0.tgz.prov", "crds/c.yaml"]);
    assert_eq!(chart.files["README.md"], b"text");
    let values = chart.values.unwrap();
    assert_eq!(values.get("b").map(|it| it.at.line), Some(3));
    let names: Vec<_> = chart.charts.iter().map(|it| it.metadata.name.as_str()).collect();
    assert_eq!(names, ["db", "in"]);
    assert_eq!(keys(&chart.charts[0].files), ["requirements.yaml"]);
    assert_eq!(chart.schema.as_deref(), Some(&b"{}"[..]));
}

#[test]
fn a_condition_is_asked_of_the_values_of_its_own_chart() {
    let chart = tree(&[
        (
            "Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\nannotations: {a: b}\ndependencies:\n\
             - {name: db, version: 1.0.0, alias: store}\n- {name: extra, version: 1.0.0, condition: extra.enabled}\n",
        ),
        (
            "values.yaml",
            "live: true\ntext: 'true'\nm: {x: {w: true}}\nextra: {enabled: false}\nstore: {live: false}\n",
        ),
        ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
        ("charts/db/values.yaml", "live: true\nmine: true\n"),
        ("charts/extra/Chart.yaml", "apiVersion: v2\nname: extra\nversion: 1.0.0\n"),
    ]);
    let found = charts_in_use(&chart, &inputs("m: {z: true}\n")).unwrap();
    let paths: Vec<&str> = found.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["web", "web/charts/store"]);
    assert_eq!(found[0].annotations["a"], "b");
    for (condition, holds) in [
        ("live", true),
        ("text", false),
        ("m", false),
        ("m.x.w", true),
        ("m.z", true),
        ("no,  live", true),
        ("gone", false),
    ] {
        assert_eq!(found[0].holds(condition), holds, "{condition}");
    }
    assert!(!found[1].holds("live") && found[1].holds("mine"));
}

fn folder(files: &[(&str, &str)]) -> Result<ChartTree, LoadError> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    ChartTree::from_folder(files, &Limits::default())
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for path in ["../a", "/a", "a/../b", "a//b", "", ".", "c:/a", "a\\b", "a\nb"] {
        let error = folder(&[("Chart.yaml", HEAD), (path, "x")]).unwrap_err();
        assert_eq!(error.code(), "E0812", "{path:?}: {error}");
    }
    let error = folder(&[("Chart.yaml", HEAD), ("a", "1"), ("a", "2")]).unwrap_err();
    assert!(error.to_string().contains("is there twice"), "{error}");
    assert_eq!(folder(&[("values.yaml", "")]).unwrap_err().code(), "E0814");
}

#[test]
fn sizes_are_those_of_all_charts_together() {
    let inner = packed(&[
        ("in/Chart.yaml", b"apiVersion: v2\nname: in\nversion: 1.0.0\n"),
        ("in/big", &[b'x'; 4000]),
    ]);
    let bytes = packed(&[
        ("web/Chart.yaml", HEAD.as_bytes()),
        ("web/charts/in.tgz", &inner),
        ("web/big", &[b'x'; 4000]),
    ]);
    let small = |unpacked| Limits { unpacked, file: 1 << 20, members: 100 };
    load_chart(&bytes[..], &small(30_000)).unwrap();
    let error = load_chart(&bytes[..], &small(9000)).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "E0813", "{error}");
}

#[test]
fn charts_in_charts_end_somewhere() {
    let mut inner = packed(&[("a/Chart.yaml", b"apiVersion: v2\nname: a\nversion: 1.0.0\n")]);
    for _ in 0..20 {
        inner = packed(&[
            ("a/Chart.yaml", b"apiVersion: v2\nname: a\nversion: 1.0.0\n"),
            ("a/charts/a.tgz", &inner),
        ]);
    }
    let mut error: &dyn std::error::Error = &load_chart(&inner[..], &Limits::default()).unwrap_err();
    while let Some(cause) = error.source() {
        error = cause;
    }
    assert_eq!(error.to_string(), "it has more than 16 charts in charts");
}

#[test]
fn what_is_wrong_below_is_told_with_its_place() {
    let error = folder(&[("Chart.yaml", HEAD), ("charts/readme.md", "x")]).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("E0814", "the subchart in `charts/readme.md` cannot be read")
    );
    let error = folder(&[("Chart.yaml", HEAD), ("values.yaml", "a: 1\n---\n- b\n")]).unwrap_err();
    assert_eq!(error.to_string(), "`values.yaml` cannot be read: line 3: it is no mapping");
}

#[test]
fn a_description_is_read_as_go_reads_it() {
    let head = "apiVersion: v2\nNAME: web\nversion: 1.0.0\nappVersion: 1.10\ndescription: \"a\\nb\\u200bc\"\n\
        annotations: {a: 5, b: true, c: text}\nkeywords: [x, 7]\nmaintainers: [{name: A}]\n";
    let chart = tree(&[("Chart.yaml", head)]);
    let meta = &chart.metadata;
    assert_eq!(
        (meta.name.as_str(), meta.app_version.as_str(), meta.description.as_str()),
        ("web", "1.1", "a bc")
    );
    assert_eq!(meta.annotations.values().collect::<Vec<_>>(), ["5", "true", "text"]);
    assert_eq!(meta.keywords, ["x", "7"]);
    for (text, field) in [
        ("apiVersion: v3\nname: a\nversion: 1.0.0\n", "apiVersion"),
        ("apiVersion: v2\nname: a/b\nversion: 1.0.0\n", "name"),
        ("apiVersion: v2\nname: a\nversion: latest\n", "version"),
        ("apiVersion: v2\nname: a\nversion: 1.0.0\ntype: x\n", "type"),
        (
            "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: b}, {name: c, alias: b}]\n",
            "dependencies",
        ),
        (
            "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: b, alias: 'b/c'}]\n",
            "dependencies",
        ),
    ] {
        let error = folder(&[("Chart.yaml", text)]).unwrap_err();
        assert!(error.to_string().starts_with(&format!("the field `{field}`")), "{error}");
    }
}

#[test]
fn what_helmignore_names_is_no_part_of_a_folder() {
    let found = rendered(
        &[
            (".helmignore", "*.bak\nsecret/\n"),
            ("templates/a.yaml", "a: {{ range $k, $v := .Files }}{{ $k }},{{ end }}"),
            ("templates/a.yaml.bak", "{{ fail \"no\" }}"),
            ("secret/key", "x"),
            ("kept", "x"),
        ],
        "",
    );
    assert_eq!(found.documents[0].text.to_str(), "a: .helmignore,kept,");
}
