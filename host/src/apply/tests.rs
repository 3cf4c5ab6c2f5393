//! Runs, also cut ones, on real folders.

use super::*;

fn layout(files: &[(&str, &str)]) -> Layout<String> {
    let mut layout = Layout::default();
    for (path, text) in files {
        let wanted = Wanted::File { mode: 0o640, source: (*text).to_owned(), size: text.len() as u64 };
        layout.add(path, wanted).unwrap();
    }
    layout.add("bin/link", Wanted::Link("k3s".to_owned())).unwrap();
    layout
}

fn apply(
    root: &Root,
    layout: &Layout<String>,
    produce: &mut Produce<'_, String>,
) -> Result<Report, HostError> {
    plan(root, layout, "sha256:x", produce)?.execute(root, produce)
}

fn run(root: &Root, files: &[(&str, &str)]) -> Report {
    let mut produce = |text: &String, out: &mut dyn Write| out.write_all(text.as_bytes());
    apply(root, &layout(files), &mut produce).unwrap()
}

/// Inode and change time of every file: any write moves one of them.
fn fingerprint(folder: &std::path::Path) -> Vec<(std::path::PathBuf, u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt;
    let mut out = Vec::new();
    let mut stack = vec![folder.to_owned()];
    while let Some(at) = stack.pop() {
        let meta = at.symlink_metadata().unwrap();
        out.push((at.clone(), meta.ino(), meta.ctime(), meta.ctime_nsec()));
        if meta.is_dir() {
            stack.extend(std::fs::read_dir(at).unwrap().map(|it| it.unwrap().path()));
        }
    }
    out.sort();
    out
}

#[test]
fn a_second_run_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    let first = run(&root, &[("etc/a", "1"), ("var/b", "2")]);
    assert_eq!(first.written, ["bin/link", "etc/a", "var/b"]);
    let before = fingerprint(folder.path());
    let second = run(&root, &[("etc/a", "1"), ("var/b", "2")]);
    assert_eq!((second.written.len(), second.unchanged, second.bytes), (0, 3, 0));
    assert_eq!(fingerprint(folder.path()), before);
}

#[test]
fn what_changed_is_written_and_what_is_gone_goes() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    run(&root, &[("etc/a", "1"), ("var/b", "2")]);
    fs_err::write(folder.path().join("etc/own"), "not ours").unwrap();
    let report = run(&root, &[("etc/a", "3")]);
    assert_eq!(report.written, ["etc/a"]);
    assert_eq!(report.removed, ["var/b"]);
    assert!(!folder.path().join("var/b").exists());
    assert!(folder.path().join("etc/own").exists());
}

#[test]
fn a_change_by_hand_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    run(&root, &[("etc/a", "1")]);
    fs_err::write(folder.path().join("etc/a"), "2").unwrap();
    assert_eq!(run(&root, &[("etc/a", "1")]).written, ["etc/a"]);
}

#[test]
fn what_belongs_to_somebody_else_is_mended() {
    use std::os::unix::fs::{MetadataExt, chown, lchown};
    if !rustix::process::geteuid().is_root() {
        gabion_testkit::skip_also_in_ci("only root can give a file away");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    run(&root, &[("etc/a", "1"), ("etc/b", "2")]);
    let at = |path: &str| folder.path().join(path);
    chown(at("etc/a"), Some(1000), None).unwrap();
    chown(at("etc/b"), None, Some(1000)).unwrap();
    chown(at("var/lib/gabion"), Some(1000), Some(1000)).unwrap();
    // A rest of somebody else, and a folder that gives its group to what is made in it.
    fs_err::write(at("etc/.a.gabion-part"), "").unwrap();
    chown(at("etc/.a.gabion-part"), Some(1000), Some(1000)).unwrap();
    lchown(at("etc"), None, Some(1000)).unwrap();
    fs_err::set_permissions(at("etc"), std::os::unix::fs::PermissionsExt::from_mode(0o2755)).unwrap();
    let report = run(&root, &[("etc/a", "1"), ("etc/b", "2"), ("etc/new/c", "3")]);
    assert_eq!(report.written, ["etc/a", "etc/b", "etc/new/c"]);
    assert_eq!(report.folders, ["var/lib/gabion"]);
    for path in ["etc/a", "etc/b", "etc/new", "etc/new/c", "var/lib/gabion"] {
        let found = at(path).metadata().unwrap();
        assert_eq!((found.uid(), found.gid()), (0, 0), "{path}");
    }
    let again = run(&root, &[("etc/a", "1"), ("etc/b", "2"), ("etc/new/c", "3")]);
    assert_eq!((again.written, again.folders), (vec![], vec![]));
}

#[test]
fn a_folder_in_the_place_of_a_file_is_found_before_anything_is_written() {
    let places = [
        "etc/a",
        "etc/.a.gabion-part",
        "etc/gone",
        "bin/link",
        "var/lib/gabion/installed.json",
        "var/lib/gabion/journal.json",
    ];
    for place in places {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        run(&root, &[("etc/a", "1"), ("etc/gone", "2")]);
        let at = folder.path().join(place);
        if at.symlink_metadata().is_ok() {
            fs_err::remove_file(&at).unwrap();
        }
        fs_err::create_dir(&at).unwrap();
        let before = fingerprint(folder.path());
        let mut produce = |text: &String, out: &mut dyn Write| out.write_all(text.as_bytes());
        let error = apply(&root, &layout(&[("etc/a", "3")]), &mut produce).unwrap_err();
        assert!(matches!(&error, HostError::Folder { path } if path == place), "{place}: {error}");
        assert!(error.help().unwrap().contains(place));
        assert_eq!(fingerprint(folder.path()), before, "{place}");
        fs_err::remove_dir(&at).unwrap();
        run(&root, &[("etc/a", "3")]);
        assert_eq!(root.read("etc/a", 9).unwrap().unwrap(), b"3");
    }
}

#[test]
fn what_was_there_before_is_kept_once_and_never_brought_back() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    let at = |path: &str| folder.path().join(path);
    let text = |path: &str| fs_err::read_to_string(at(path)).unwrap();
    fs_err::create_dir_all(at("etc")).unwrap();
    fs_err::create_dir_all(at("bin")).unwrap();
    fs_err::write(at("etc/a"), "theirs").unwrap();
    fs_err::set_permissions(at("etc/a"), PermissionsExt::from_mode(0o604)).unwrap();
    fs_err::write(at("etc/b"), "1").unwrap();
    fs_err::set_permissions(at("etc/b"), PermissionsExt::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("elsewhere", at("bin/link")).unwrap();
    let inode = at("etc/a").metadata().unwrap().ino();

    let mut produce = |text: &String, out: &mut dyn Write| out.write_all(text.as_bytes());
    let wanted = layout(&[("etc/a", "1"), ("etc/b", "1"), ("etc/c", "1")]);
    let planned = plan(&root, &wanted, "sha256:x", &mut produce).unwrap().report;
    let report = apply(&root, &wanted, &mut produce).unwrap();
    assert_eq!(planned, report);
    assert_eq!(report.written, ["etc/c"]);
    assert_eq!(report.replaced, ["bin/link", "etc/a", "etc/b"]);
    let kept = ["bin/link", "etc/a"].map(|path| (path.to_owned(), format!("{path}.before-gabion")));
    assert_eq!(report.kept, BTreeMap::from(kept));
    let meta = at("etc/a.before-gabion").metadata().unwrap();
    assert_eq!((meta.ino(), meta.mode() & 0o7777, meta.nlink()), (inode, 0o604, 1));
    assert_eq!((text("etc/a.before-gabion"), text("etc/a")), ("theirs".to_owned(), "1".to_owned()));
    assert_eq!(fs_err::read_link(at("bin/link.before-gabion")).unwrap().to_str(), Some("elsewhere"));
    assert!(!at("etc/b.before-gabion").exists());

    // From here on the path is ours: changed by hand or by a bundle, nothing more is kept.
    fs_err::write(at("etc/a"), "by hand").unwrap();
    let report = run(&root, &[("etc/a", "2"), ("etc/b", "1")]);
    assert_eq!((report.written, report.replaced), (vec!["etc/a".to_owned()], vec![]));
    assert_eq!(report.removed, ["etc/c"]);
    assert_eq!(text("etc/a.before-gabion"), "theirs");
    let report = run(&root, &[("etc/b", "1")]);
    assert_eq!(report.removed, ["etc/a"]);
    assert_eq!(report.kept["etc/a"], "etc/a.before-gabion");
    assert!(!at("etc/a").exists());
    assert_eq!(text("etc/a.before-gabion"), "theirs");
}

#[test]
fn an_older_kept_file_is_never_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    let at = |path: &str| folder.path().join(path);
    fs_err::create_dir_all(at("etc")).unwrap();
    fs_err::write(at("etc/a"), "first").unwrap();
    fs_err::write(at("etc/a.before-gabion"), "other").unwrap();
    let before = fingerprint(folder.path());
    let mut produce = |text: &String, out: &mut dyn Write| out.write_all(text.as_bytes());
    let error = apply(&root, &layout(&[("etc/a", "1")]), &mut produce).unwrap_err();
    assert!(matches!(error, HostError::Kept { .. }), "{error}");
    assert_eq!(fingerprint(folder.path()), before);
    // Brought back by hand from what was kept: nothing would be lost.
    fs_err::write(at("etc/a"), "other").unwrap();
    assert_eq!(run(&root, &[("etc/a", "1")]).replaced, ["etc/a"]);
    assert_eq!(fs_err::read_to_string(at("etc/a.before-gabion")).unwrap(), "other");
}

#[test]
fn a_plan_without_room_is_refused_and_one_without_work_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    let mut produce = |text: &String, out: &mut dyn Write| out.write_all(text.as_bytes());
    let mut wanted = layout(&[("etc/a", "1")]);
    plan(&root, &wanted, "sha256:x", &mut produce).unwrap().check_room(&root).unwrap();
    let large = Wanted::File { mode: 0o600, source: String::new(), size: 1 << 60 };
    wanted.add("usr/large", large).unwrap();
    let plan = plan(&root, &wanted, "sha256:x", &mut produce).unwrap();
    let error = plan.check_room(&root).unwrap_err();
    // A block for each small file and for each of the two files of the state.
    let expected = (1 << 60) + 3 * 4096;
    assert!(matches!(error, HostError::Space { needed, .. } if needed == expected), "{error}");
    // On a full disk, a host that is right stays right.
    let proc = Root::open("/proc".as_ref()).unwrap();
    let nothing = Layout::default();
    let idle = super::plan(&proc, &nothing, "", &mut produce).unwrap();
    idle.check_room(&proc).unwrap();
    assert!(super::plan(&proc, &nothing, "sha256:x", &mut produce).unwrap().check_room(&proc).is_err());
}

/// Names and texts of all files but the state.
fn texts(folder: &std::path::Path) -> BTreeMap<String, String> {
    let named = |(at, ..): (std::path::PathBuf, u64, i64, i64)| {
        let kind = at.symlink_metadata().unwrap().file_type();
        let text = if kind.is_symlink() {
            fs_err::read_link(&at).unwrap().to_str().unwrap().to_owned()
        } else {
            fs_err::read_to_string(&at).unwrap()
        };
        (at.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(), text)
    };
    let all = fingerprint(folder).into_iter().filter(|(at, ..)| at.is_symlink() || !at.is_dir());
    all.map(named).filter(|(path, _)| path != "var/lib/gabion/installed.json").collect()
}

/// Cuts a run at its `first` change and a run with another layout at its `second`; gives whether the first
/// came to its end.
fn cut_twice(first: usize, second: usize) -> bool {
    // In memory where that is possible: a hundred runs sync thousands of times.
    let memory = std::path::Path::new("/dev/shm");
    let above = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(above).unwrap();
    let root = Root::open(folder.path()).unwrap();
    let mut produce = |text: &String, out: &mut dyn Write| out.write_all(text.as_bytes());
    run(&root, &[("etc/a", "1"), ("etc/gone", "1"), ("etc/same", "1")]);
    for path in ["etc/theirs", "etc/both"] {
        fs_err::write(folder.path().join(path), "theirs").unwrap();
    }
    let with_link = |files: &[(&str, &str)], target: &str| {
        let mut layout = layout(files);
        layout.add("bin/other", Wanted::Link(target.to_owned())).unwrap();
        layout
    };
    let one = [("etc/a", "2"), ("etc/both", "2"), ("etc/new/b", "2"), ("etc/same", "2"), ("etc/theirs", "2")];
    let one = with_link(&one, "one");
    let two = [("etc/a", "3"), ("etc/both", "3"), ("etc/same", "1"), ("etc/two", "3")];
    let two = with_link(&two, "two");
    crate::power::cut_after(first);
    let finished = apply(&root, &one, &mut produce).is_ok();
    crate::power::cut_after(second);
    let _cut = apply(&root, &two, &mut produce);
    crate::power::cut_after(usize::MAX);

    let before = texts(folder.path());
    let theirs = before.get("etc/theirs").is_some_and(|text| text == "theirs");
    let removed = ["etc/gone", "etc/new/b", "etc/theirs"];
    let removed = removed.into_iter().filter(|path| before.contains_key(*path));
    let removed = removed.filter(|path| !theirs || *path != "etc/theirs").collect::<Vec<_>>();
    let report = apply(&root, &two, &mut produce).unwrap();
    assert_eq!(report.removed, removed, "{first} {second}");
    let mut wanted = BTreeMap::from([
        ("bin/link", "k3s"),
        ("bin/other", "two"),
        ("etc/a", "3"),
        ("etc/both", "3"),
        ("etc/both.before-gabion", "theirs"),
        ("etc/same", "1"),
        ("etc/two", "3"),
    ]);
    // What the first run had not come to is as it was; what it replaced is kept.
    let kept = before.contains_key("etc/theirs.before-gabion");
    wanted.insert(if theirs || !kept { "etc/theirs" } else { "etc/theirs.before-gabion" }, "theirs");
    let wanted = wanted.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(texts(folder.path()), wanted.collect(), "{first} {second}");
    let again = apply(&root, &two, &mut produce).unwrap();
    assert_eq!((again.changed(), again.removed.len(), again.unchanged), (0, 0, 6));
    finished
}

#[test]
fn a_cut_at_any_step_leaves_nothing_behind_for_another_bundle() {
    let steps = (0..1000).find(|first| cut_twice(*first, 0)).unwrap();
    // Six files, two links, the journal and the state: each is made and renamed at least.
    assert!(steps > 20, "{steps}");
    for first in 0..=steps {
        for second in [first / 3, first, first * 7 % steps] {
            cut_twice(first, second);
        }
    }
}

#[test]
fn a_run_that_was_cut_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    let files = [("etc/a", "1"), ("etc/b", "2"), ("etc/c", "3")];
    let mut left = 2;
    let mut cut = |text: &String, out: &mut dyn Write| {
        left -= 1;
        if left < 0 { Err(io::Error::other("power")) } else { out.write_all(text.as_bytes()) }
    };
    assert!(apply(&root, &layout(&files), &mut cut).is_err());
    assert!(State::interrupted(&root).unwrap());
    let report = run(&root, &files);
    assert_eq!(report.written, ["etc/c"]);
    assert!(!State::interrupted(&root).unwrap());
    assert_eq!(std::fs::read_dir(folder.path().join("etc")).unwrap().count(), 3);
}
