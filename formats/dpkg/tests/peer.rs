//! Against dpkg itself, on the machine that runs this.

use gabion_dpkg::{Version, installed};
use gabion_testkit::{has, program, text};
use std::cmp::Ordering;

const STATUS: &str = "/var/lib/dpkg/status";

#[test]
fn a_running_system_has_what_dpkg_says_that_it_has() {
    if !has(&["dpkg-query", "dpkg"]) {
        return;
    }
    let status = fs_err::read_to_string(STATUS).unwrap();
    let mut ours: Vec<String> = installed(&status)
        .unwrap()
        .iter()
        .map(|it| format!("{} {} {}", it.name, it.arch, it.version.as_str()))
        .collect();
    let said = text(program("dpkg-query").args([
        "-W",
        "-f",
        "${db:Status-Status} ${Package} ${Architecture} ${Version}\n",
    ]));
    let there = said.lines().filter_map(|it| it.split_once(' '));
    let mut theirs: Vec<String> = there
        .filter(|(state, _)| !["not-installed", "config-files"].contains(state))
        .map(|(_, package)| package.to_owned())
        .collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    assert!(ours.len() > 50, "{} packages", ours.len());
    assert_eq!(ours, theirs);
}

#[test]
fn versions_of_a_running_system_are_ordered_as_dpkg_orders_them() {
    if !has(&["dpkg"]) {
        return;
    }
    let status = fs_err::read_to_string(STATUS).unwrap();
    let all = installed(&status).unwrap();
    // Neighbours in the order of the text, with an epoch, a `~` and a `+` of each, and the version itself.
    let near = |it: &str| {
        [it.to_owned(), format!("{it}~1"), format!("{it}+b1"), format!("1:{}", it.replace(':', "."))]
    };
    let versions: Vec<&str> = all.iter().map(|it| it.version.as_str()).take(40).collect();
    let mut pairs = Vec::new();
    for pair in versions.windows(2) {
        pairs.push((pair[0].to_owned(), pair[1].to_owned()));
        pairs.extend(near(pair[0]).into_iter().map(|it| (it, pair[0].to_owned())));
    }
    for (left, right) in &pairs {
        let (Some(a), Some(b)) = (Version::parse(left), Version::parse(right)) else {
            panic!("{left} {right}")
        };
        let operator = match a.cmp(&b) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        let said = program("dpkg").args(["--compare-versions", left, operator, right]).status().unwrap();
        assert!(said.success(), "dpkg does not say `{left} {operator} {right}`");
    }
}
