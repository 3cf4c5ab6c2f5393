//! Foreign readers of our text, and git as the foreign writer of conflict markers.

mod common;

use common::{file, sample};
use fs_err as fs;
use gabion_lockfile::{AptLock, EntryId, GITATTRIBUTES, Lock};
use gabion_testkit::{git, has, program, run};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::sync::LazyLock;

/// What Python reads, as one JSON line per entry in the order of the file.
const PYTHON: &str = r#"
import json, sys, tomllib
with open(sys.argv[1], "rb") as file:
    lock = tomllib.load(file)
assert lock["version"] == 1 and set(lock) == {"version", "artifact"}, lock.keys()
print(json.dumps(lock["artifact"], ensure_ascii=False))
"#;

#[test]
fn pythons_tomllib_and_the_toml_crate_read_what_we_read() {
    let text = sample().to_text();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let foreign = serde_json::to_value(&table["artifact"]).unwrap();
    for (entry, seen) in sample().entries().zip(foreign.as_array().unwrap()) {
        assert_eq!(seen["id"], entry.id.as_str());
        assert_eq!(seen["request"], entry.request.as_str());
        assert_eq!(seen["size"], entry.pin.size().get());
        assert_eq!(seen["trust"], entry.trust.to_string());
        assert_eq!(seen.get("version").and_then(|it| it.as_str()), entry.version.as_ref().map(AsRef::as_ref));
        let only: Vec<String> = entry.only.iter().map(ToString::to_string).collect();
        let seen_only = seen.get("only").cloned().unwrap_or_else(|| serde_json::json!([]));
        assert_eq!(seen_only, serde_json::json!(only));
    }
    if !has(&["python3"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("gabion.lock"), &text).unwrap();
    let read = run(program("python3").args(["-c", PYTHON, "gabion.lock"]).current_dir(&dir));
    let python: serde_json::Value = serde_json::from_slice(&read).unwrap();
    assert_eq!(python, foreign);
}

const ENTRIES: usize = 90;
const TRIALS: usize = 60;

fn id(number: usize, suffix: &str) -> String {
    format!("fetch.entry-{:02}{suffix}", number % ENTRIES)
}

fn base() -> Lock {
    static BASE: LazyLock<Lock> =
        LazyLock::new(|| (0..ENTRIES).map(|number| file(&id(number, ""), "1.0.0")).collect());
    BASE.clone()
}

fn bumped(number: usize) -> Lock {
    let mut lock = base();
    lock.insert(file(&id(number, ""), &format!("1.0.{}", number + 1)));
    lock
}

fn with(number: usize, suffix: &str) -> Lock {
    let mut lock = base();
    lock.insert(file(&id(number, suffix), "2.0.0"));
    lock
}

/// `git merge-file -p`: the merged text and whether it has conflicts.
fn merge(dir: &Path, style: &str, ours: &Lock, theirs: &Lock) -> (String, bool) {
    for (name, lock) in [("ours", ours), ("base", &base()), ("theirs", theirs)] {
        fs::write(dir.join(name), lock.to_text()).unwrap();
    }
    let mut git = git(dir);
    git.arg("merge-file").args((style != "merge").then(|| format!("--{style}")));
    git.args(["-p", "ours", "base", "theirs"]);
    let run = git.output().unwrap();
    let code = run.status.code().unwrap();
    assert!((0..=127).contains(&code), "{}", String::from_utf8_lossy(&run.stderr));
    (String::from_utf8(run.stdout).unwrap(), code > 0)
}

fn union(ours: &Lock, theirs: &Lock) -> Lock {
    let base = base();
    let changed = theirs.entries().filter(|entry| base.get(entry.id.as_str()) != Some(entry));
    let mut lock = ours.clone();
    changed.cloned().for_each(|entry| drop(lock.insert(entry)));
    lock
}

/// Merges `TRIALS` pairs; gives how many conflict. A merge without conflict must be the union, and one with
/// conflicts must lose nothing but the contested entries.
fn trial(sides: impl Fn(usize) -> (Lock, Lock), style: &str) -> (usize, usize) {
    let dir = tempfile::tempdir().unwrap();
    let (mut conflicts, mut contested) = (0, 0);
    for number in 0..TRIALS {
        let (ours, theirs) = sides(number);
        let (text, conflict) = merge(dir.path(), style, &ours, &theirs);
        let parsed = Lock::parse_merging(&text).unwrap();
        assert_eq!(Lock::parse(&text).is_err_and(|error| error.is_conflict()), conflict);
        let mut want = union(&ours, &theirs);
        parsed.contested.iter().for_each(|id| drop(want.remove(id.as_str())));
        assert_eq!(parsed.lock, want, "trial {number}");
        conflicts += usize::from(conflict);
        contested += parsed.contested.len();
    }
    (conflicts, contested)
}

#[test]
fn only_additions_side_by_side_conflict() {
    if !has(&["git"]) {
        return;
    }
    let all = TRIALS;
    assert_eq!(trial(|n| (bumped(n), bumped(n + 40)), "merge"), (0, 0), "two far bumps");
    assert_eq!(trial(|n| (bumped(n), bumped(n + 1)), "merge"), (0, 0), "bumps of neighbours");
    assert_eq!(trial(|n| (with(n, "x"), with(n + 40, "y")), "merge"), (0, 0), "two far additions");
    // git moves the lines that both additions share out of the conflict, so that neither block is whole.
    assert_eq!(trial(|n| (with(n, "x"), with(n, "y")), "merge"), (all, 2 * all), "additions side by side");
    // The styles with a base leave them inside: both additions are read and nothing is resolved again.
    assert_eq!(trial(|n| (with(n, "x"), with(n, "y")), "diff3"), (all, 0), "the same in the style diff3");
}

#[test]
fn an_entry_that_both_sides_change_is_contested_and_no_other() {
    if !has(&["git"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (mut ours, mut theirs) = (bumped(7), bumped(70));
    ours.insert(file(&id(30, ""), "3.0.0"));
    theirs.insert(file(&id(30, ""), "4.0.0"));
    ours.remove(&id(50, ""));
    theirs.insert(file(&id(50, ""), "5.0.0"));
    for style in ["merge", "diff3", "zdiff3"] {
        let (text, conflict) = merge(dir.path(), style, &ours, &theirs);
        assert!(conflict);
        let parsed = Lock::parse_merging(&text).unwrap();
        assert!(parsed.contested.contains(id(30, "").as_str()), "{style}");
        let known: BTreeSet<_> = parsed.contested.iter().map(EntryId::as_str).collect();
        let allowed: BTreeSet<String> = [id(30, ""), id(49, ""), id(50, ""), id(51, "")].into();
        assert!(known.iter().all(|&id| allowed.contains(id)), "{style}: {known:?}");
        assert_eq!(parsed.lock.get(&id(7, "")), ours.get(&id(7, "")));
        assert_eq!(parsed.lock.get(&id(70, "")), theirs.get(&id(70, "")));
    }
}

struct Repository(tempfile::TempDir);

impl Repository {
    fn git(&self, line: &str) -> Output {
        git(self.0.path()).args(line.split(' ')).output().unwrap()
    }

    fn commit(&self, files: &[(&str, String)]) {
        for (name, text) in files {
            let path = self.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert!(self.git("add -A").status.success() && self.git("commit -qm x").status.success());
    }
}

#[test]
fn a_merge_in_a_repository_keeps_closures_whole() {
    if !has(&["git"]) {
        return;
    }
    let repository = Repository(tempfile::tempdir().unwrap());
    assert!(repository.git("init -q --initial-branch=main").status.success());
    let apt = "locks/apt.os.lock";
    let closure = include_str!("apt.os.lock").to_owned();
    let without = |package: &str| {
        closure.split_inclusive('\n').filter(|line| !line.starts_with(package)).collect::<String>()
    };
    let attributes = (".gitattributes", GITATTRIBUTES.to_owned());
    repository.commit(&[attributes, ("gabion.lock", base().to_text()), (apt, closure.clone())]);
    repository.git("checkout -qb topic");
    repository.commit(&[("gabion.lock", with(5, "y").to_text()), (apt, without("ufw"))]);
    repository.git("checkout -q main");
    repository.commit(&[("gabion.lock", with(5, "x").to_text()), (apt, without("openssh-server"))]);
    assert!(!repository.git("merge topic").status.success());

    let read = |name: &str| fs::read_to_string(repository.0.path().join(name)).unwrap();
    let parsed = Lock::parse_merging(&read("gabion.lock")).unwrap();
    let new = [id(5, "x"), id(5, "y")];
    assert!(new.iter().all(|id| parsed.lock.get(id).is_some() || parsed.contested.contains(id.as_str())));
    assert_eq!(parsed.lock.len() + parsed.contested.len(), ENTRIES + 2);
    // Two changes of a closure are a conflict, and git leaves our side of it without markers.
    assert!(
        String::from_utf8_lossy(&repository.git("status --porcelain").stdout)
            .contains("UU locks/apt.os.lock")
    );
    let ours = AptLock::parse(&read(apt)).unwrap();
    assert_eq!(ours.to_text(), without("openssh-server"));
}
