//! Differences, as people and machines see them.

mod common;

use common::{digest, file, sample};
use gabion_lockfile::{AptLock, Lock, LockDiff, Pin, Size};

/// `sample` after a week: one bump, one moved tag, one new image, one entry gone.
fn later() -> Lock {
    let mut lock = sample();
    let mut monitoring = lock.remove("chart.monitoring").unwrap();
    monitoring.version = "88.5.3".parse().ok();
    if let Pin::Chart { size, sha256, images, .. } = &mut monitoring.pin {
        (*size, *sha256) = (Size::from(543_846), digest("88.5.3"));
        images.insert("quay.io/new/image:v1".parse().unwrap());
    }
    let mut image = lock.remove("image.api").unwrap();
    if let Pin::Image { manifest, index, .. } = &mut image.pin {
        (*manifest, *index) = (digest("moved"), None);
    }
    lock.remove("fetch.site");
    lock.insert(monitoring);
    lock.insert(image);
    lock.insert(file("fetch.new", "v2"));
    lock
}

#[test]
fn a_difference_is_one_line_per_artifact() {
    let diff = LockDiff::between(&sample(), &later());
    let lines: Vec<_> = diff.lines().collect();
    let want = [
        "~ chart.monitoring  88.4.1 → 88.5.3  +19.1 KiB",
        "+ fetch.new  v2  +1002 B",
        "- fetch.site  0af10af10af1  -10.0 KiB",
        "~ image.api  v1 (index, manifest)",
    ];
    assert_eq!(lines, want);
    assert_eq!(diff.summary_line(), "1 added, 2 changed, 1 removed, +10.1 KiB");
    assert!(LockDiff::between(&later(), &later()).is_empty());
}

#[test]
fn every_changed_field_is_told() {
    let diff = LockDiff::between(&sample(), &later());
    let fields: Vec<_> =
        diff.rows[0].fields.iter().map(|it| (it.field, it.old.is_some(), it.new.is_some())).collect();
    let want =
        [("version", true, true), ("size", true, true), ("sha256", true, true), ("images", false, true)];
    assert_eq!(fields, want);
    let json = serde_json::to_value(&diff).unwrap();
    assert_eq!(json["rows"][0]["sign"], "changed");
    assert_eq!(json["rows"][0]["size_change"], 19_558);
    assert_eq!(json["rows"][0]["fields"][3]["new"], "quay.io/new/image:v1");
    assert_eq!(json["rows"][3]["fields"][0]["new"], serde_json::Value::Null);
}

#[test]
fn no_value_leaves_its_cell_of_the_table() {
    let mut new = later();
    let mut hostile = file("fetch.new", "v2");
    hostile.version = "v2 | `x` <b>".parse().ok();
    new.insert(hostile);
    let table = LockDiff::between(&sample(), &new).markdown();
    let want = "\
| | Artifact | Old | New | Size |
|---|---|---|---|---:|
| `~` | `chart.monitoring` | `88.4.1` | `88.5.3` | +19.1 KiB |
| `+` | `fetch.new` |  | `v2 \\| 'x' <b>` | +1002 B |
| `-` | `fetch.site` | `0af10af10af1` |  | -10.0 KiB |
| `~` | `image.api` | `v1` | `v1 (index, manifest)` |  |
";
    assert_eq!(table, want);
}

#[test]
fn a_closure_is_compared_deb_by_deb() {
    let text = include_str!("apt.os.lock");
    let old = AptLock::parse(text).unwrap();
    let bumped = text
        .replace("ubuntu0.13", "ubuntu0.14")
        .replace(" 435912 ", " 436000 ")
        .replace("11-17T06", "11-18T06");
    let new: String = bumped.split_inclusive('\n').filter(|line| !line.starts_with("ufw")).collect();
    let new = AptLock::parse(&new).unwrap();
    let diff = LockDiff::between_apt(Some(&old), Some(&new));
    let want = [
        "~ apt.os/openssh-server:amd64  1:8.9p1-3ubuntu0.13 → 1:8.9p1-3ubuntu0.14  +88 B",
        "- apt.os/ufw:all  0.36.1-4ubuntu0.1  -158.5 KiB",
        "~ apt.os@archive.example/ubuntu jammy-updates  2026-11-17T06:30:00Z → 2026-11-18T06:30:00Z",
    ];
    assert_eq!(diff.lines().collect::<Vec<_>>(), want);
    assert_eq!(LockDiff::between_apt(None, Some(&old)).summary().added, 6);
    assert_eq!(LockDiff::between_apt(Some(&old), None).summary().removed, 6);
}
