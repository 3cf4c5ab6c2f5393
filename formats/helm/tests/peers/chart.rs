//! Packed charts of foreign writers: Helm itself, Python's tarfile, GNU tar.

use crate::helm;
use fs_err as fs;
use gabion_helm::{Chart, Limits, read_chart};
use gabion_testkit::{program, run};
use std::path::Path;

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3+b\nappVersion: '7'\ndependencies:\n- {name: common, version: 2.x}\n\
    - {name: db, version: ^1, repository: 'https://a.b', condition: db.enabled}\n- {name: cache, version: ^1, repository: 'oci://a.b/c'}\n";

/// A chart in a folder, with one dependency in a folder, one packed, and one that is not there.
fn folder(at: &Path) {
    let write = |path: &str, text: &str| {
        fs::create_dir_all(at.join(path).parent().unwrap()).unwrap();
        fs::write(at.join(path), text).unwrap();
    };
    write("web/Chart.yaml", CHART);
    write("web/values.yaml", "replicas: 1\n");
    write("web/crds/x.yaml", "kind: CustomResourceDefinition\n");
    write("web/templates/a.yaml", "kind: ConfigMap\n");
    write(&format!("web/files/{}/ä.txt", ["deep"; 30].join("/")), "long names\n");
    write("web/charts/common/Chart.yaml", "apiVersion: v2\nname: common\nversion: 2.1.0\n");
    write("db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.4.0\n");
}

fn check(bytes: &[u8]) -> Chart {
    let chart = read_chart(bytes, &Limits::default()).unwrap();
    assert_eq!(chart.meta.file_name(), "web-1.2.3+b.tgz");
    assert_eq!(chart.values.as_deref(), Some(&b"replicas: 1\n"[..]));
    assert!(chart.crds);
    chart
}

fn missing(chart: &Chart) -> Vec<&str> {
    chart.missing().map(|it| it.name.as_str()).collect()
}

#[test]
fn what_helm_packs_is_read() {
    let folders = tempfile::tempdir().unwrap();
    folder(folders.path());
    let at = |path: &str| folders.path().join(path).display().to_string();
    // Helm refuses to pack a chart without its dependencies.
    fs::write(at("web/Chart.yaml"), CHART.rsplit_once("- {name: cache").unwrap().0).unwrap();
    let Some(db) = helm::ask(&["package", &at("db"), &at("web/charts")], "") else { return };
    assert!(db.contains("db-1.4.0.tgz"), "{db}");
    let packed = helm::ask(&["package", &at("web"), &at(".")], "").unwrap();
    let packed: String = serde_json::from_str(&packed).unwrap();
    assert!(packed.ends_with("web-1.2.3+b.tgz"), "{packed}");
    let chart = check(&fs::read(packed).unwrap());
    assert!(missing(&chart).is_empty(), "{:?}", missing(&chart));
}

#[test]
fn what_python_packs_is_read_in_every_format_that_has_the_names() {
    let folders = tempfile::tempdir().unwrap();
    folder(folders.path());
    let at = |path: &str| folders.path().join(path).display().to_string();
    let script = "import sys, tarfile
with tarfile.open(sys.argv[2], 'w:gz', format=int(sys.argv[3])) as tar:
    tar.add(sys.argv[1], 'web')";
    for (name, number) in [("ustar", "0"), ("gnu", "1"), ("pax", "2")] {
        if helm::script("tarfile", script, &[&at("web"), &at(name), number]).is_none() {
            return;
        }
        assert_eq!(missing(&check(&fs::read(at(name)).unwrap())), ["db", "cache"], "{name}");
    }
}

#[test]
fn what_gnu_tar_packs_is_read() {
    let folders = tempfile::tempdir().unwrap();
    folder(folders.path());
    for format in ["gnu", "ustar", "posix"] {
        let mut tar = program("tar");
        tar.arg(format!("--format={format}")).args(["-czf", "out.tgz", "web"]).current_dir(folders.path());
        run(&mut tar);
        assert_eq!(
            missing(&check(&fs::read(folders.path().join("out.tgz")).unwrap())),
            ["db", "cache"],
            "{format}"
        );
    }
}
