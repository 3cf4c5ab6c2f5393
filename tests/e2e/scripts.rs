//! Scripts of recipes, run by the programs of a system from a signed archive: a static busybox and nothing else.

use crate::archive::{Deb, actions, archive_with, is_possible};
use crate::world::{Run, World, gabion};
use fs_err as fs;
use gabion_store::{Entry, Store, Tree, TreePath};
use gabion_testkit::{has, program, skip_also_in_ci};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

/// What the one program of the root is called by.
const APPLETS: [&str; 22] = [
    "cat", "chmod", "echo", "env", "find", "head", "hostname", "id", "kill", "ln", "ls", "mkdir", "mkfifo",
    "nc", "setsid", "sh", "sleep", "sort", "stat", "tar", "touch", "wc",
];

/// The machine's own static busybox as the packages of a system.
pub(crate) fn tools() -> Vec<(String, Vec<u8>)> {
    let busybox = fs::read("/usr/bin/busybox").or_else(|_| fs::read("/bin/busybox")).unwrap();
    let deb = Deb::new("busybox", "")
        .file("usr/bin/busybox", busybox, 0o755)
        .file("etc/secret", "only root reads it", 0o600)
        .file("usr/share/story", "once\n", 0o644);
    let deb = APPLETS.iter().fold(deb, |deb, name| deb.link(&format!("usr/bin/{name}"), "busybox"));
    vec![deb.packed()]
}

/// A system of the archive's packages, and two files that scripts may read.
const BASE: &str = "[apt.tools]\norigin = 'ubuntu:jammy'\narchive = 'https://up.invalid/deb'\nsuites = ['jammy']\n\
    keyring = 'keys.asc'\nessential = false\ninstall = ['busybox']\n[rootfs.tools]\npackages = ['apt.tools']\n\
    [fetch.words]\nurl = 'https://up.invalid/words'\n[fetch.other]\nurl = 'https://up.invalid/other'\n\
    [bundle.b]\nbase = ['run.it']\n";

const FILES: [(&str, &[u8]); 4] = [
    ("/words", b"stone\nmortar\n"),
    ("/words2", b"stone\nmortar\n"),
    ("/other", b"not declared\n"),
    ("/answer", b"42"),
];

/// A project whose `run.it` has this script and these other keys; nothing where this machine cannot run it.
#[track_caller]
pub(crate) fn world(script: &str, keys: &str) -> Option<World> {
    if !is_possible() || !has(&["busybox"]) {
        return None;
    }
    let node = format!("[run.it]\nroot = 'rootfs.tools'\nscript = '''\n{script}'''\n{keys}\n");
    Some(archive_with(&format!("{BASE}{node}"), &tools(), &FILES))
}

/// The tree that the only script left.
fn left(world: &World) -> Tree {
    let actions = actions(world, "out");
    assert_eq!(actions.len(), 1, "there is one result");
    let id = actions[0].1.lines().find_map(|it| it.strip_prefix("tree out ")).unwrap();
    Store::open(&world.path(".store")).unwrap().tree(id.parse().unwrap()).unwrap().unwrap()
}

/// Every file of a tree with its text.
fn texts(world: &World, tree: &Tree) -> BTreeMap<String, String> {
    let store = Store::open(&world.path(".store")).unwrap();
    let files = tree.entries().filter(|(_, entry)| matches!(entry, Entry::File { .. }));
    let read = |path: &TreePath| {
        let mut text = String::new();
        store.open_tree_file(tree, path).unwrap().unwrap().read_to_string(&mut text).unwrap();
        (path.to_string(), text)
    };
    files.map(|(path, _)| read(path)).collect()
}

/// What the script of `run.it` wrote into `$out`.
#[track_caller]
fn gives(world: &World) -> BTreeMap<String, String> {
    world.ok("build run.it");
    texts(world, &left(world))
}

pub(crate) fn replace(world: &World, from: &str, to: &str) {
    let recipe = fs::read_to_string(world.path("gabion.toml")).unwrap();
    assert!(recipe.contains(from), "{recipe}");
    fs::write(world.path("gabion.toml"), recipe.replace(from, to)).unwrap();
}

#[track_caller]
fn says(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, code, "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "no `{word}`: {}", run.stderr);
    }
}

#[test]
fn the_network_and_the_builder_are_not_seen() {
    let script = "env | sort > $out/env\nid > $out/id\npwd > $out/pwd\nhostname > $out/host\nls / > $out/top\n\
        ls -A /build /tmp /run > $out/empty\nif nc -w 1 127.0.0.1 PORT < /dev/null; then exit 7; fi\n\
        if ls FOLDER; then exit 8; fi\ncat /proc/net/dev | wc -l > $out/devices\numask > $out/umask\n";
    let Some(world) = world(script, "env = { LANG = 'C.UTF-8', HOST = 'mine' }") else { return };
    let port = world.upstream.url().rsplit(':').next().unwrap().to_owned();
    replace(&world, "PORT", port.trim_end_matches('/'));
    replace(&world, "FOLDER", world.folder.path().to_str().unwrap());
    let told = gives(&world);
    // 1700000000 is the time of the packages.
    assert_eq!(
        told["env"],
        "HOME=/build\nHOST=mine\nLANG=C.UTF-8\nLC_ALL=C.UTF-8\nPATH=/usr/bin:/bin\nPWD=/build\nSHLVL=1\n\
         SOURCE_DATE_EPOCH=1700000000\nTMPDIR=/tmp\nTZ=UTC\ninputs=/inputs\nout=/out\n"
    );
    assert_eq!(told["id"], "uid=1000 gid=100\n");
    assert_eq!(
        (&told["pwd"][..], &told["host"][..], &told["umask"][..]),
        ("/build\n", "localhost\n", "0022\n")
    );
    assert_eq!(
        told["top"].split_whitespace().collect::<Vec<_>>().join(" "),
        "bin build dev etc lib lib32 lib64 libx32 out proc run sbin sys tmp usr var"
    );
    assert_eq!(told["empty"], "/build:\n\n/run:\n\n/tmp:\n");
    // Two lines of heading, and the loopback interface.
    assert_eq!(told["devices"], "3\n");
}

#[test]
fn inputs_are_read_only_and_only_what_is_declared_is_there() {
    let script = "cd /\nfind inputs -type f -o -type l | sort > $out/inputs\ncat $inputs/fetch.words/file > $out/words\n\
        for path in /inputs/fetch.words/file /inputs/new /usr/share/story /usr/bin/new /etc/new /new; do\n\
        if (echo more >> $path) 2> /dev/null; then echo $path >> $out/written; fi\ndone\n\
        if chmod u+w /inputs/fetch.words/file 2> /dev/null; then echo chmod >> $out/written; fi\n\
        stat -c '%n %a %u:%g %Y' /inputs/fetch.words/file /usr/share/story /usr/bin/busybox /etc/secret /usr/share > $out/stat\n";
    let Some(world) = world(script, "inputs = ['fetch.words', 'run.tree']") else { return };
    let recipe = fs::read_to_string(world.path("gabion.toml")).unwrap();
    let tree = "[run.tree]\nroot = 'rootfs.tools'\nscript = 'mkdir $out/a; echo 1 > $out/a/file; ln -s a/file $out/link'\n";
    fs::write(world.path("gabion.toml"), recipe + tree).unwrap();
    world.ok("build run.it");
    let trees = actions(&world, "out");
    let store = Store::open(&world.path(".store")).unwrap();
    let ids = trees.iter().map(|it| it.1.lines().find_map(|it| it.strip_prefix("tree out ")).unwrap());
    let told = ids
        .map(|id| texts(&world, &store.tree(id.parse().unwrap()).unwrap().unwrap()))
        .find(|it| it.contains_key("stat"))
        .unwrap();
    assert_eq!(
        told["inputs"],
        "inputs/fetch.words/file\ninputs/run.tree/out/a/file\ninputs/run.tree/out/link\n"
    );
    assert_eq!(told["words"], "stone\nmortar\n");
    assert_eq!(told.get("written"), None);
    assert_eq!(
        told["stat"],
        "/inputs/fetch.words/file 444 1000:100 315532800\n/usr/share/story 444 1000:100 315532800\n\
         /usr/bin/busybox 555 1000:100 315532800\n/etc/secret 444 1000:100 315532800\n/usr/share 755 1000:100 315532800\n"
    );
}

#[test]
fn what_is_left_has_names_bytes_and_one_bit() {
    let script = "cd $out\nmkdir -m 700 private closed\necho x > private/file\nchmod 600 private/file\n\
        echo '#!' > tool\nchmod 751 tool\nln -s nowhere link\ntouch -d @1 tool\necho y > closed/z\nchmod 0 closed/z closed .\n";
    let Some(world) = world(script, "") else { return };
    world.ok("build run.it");
    let told: Vec<String> = left(&world)
        .to_text()
        .lines()
        .skip(2)
        .map(|line| line.replace(|it: char| it.is_ascii_uppercase(), ""))
        .collect();
    let plain: Vec<String> = told.iter().map(|line| line.split(" b3:").next().unwrap().to_owned()).collect();
    assert_eq!(
        plain,
        [
            "dir 0755 0 0 closed",
            "file 0644 0 0",
            "symlink 0 0 link nowhere",
            "dir 0755 0 0 private",
            "file 0644 0 0",
            "file 0755 0 0"
        ]
    );
}

#[test]
fn a_script_that_fails_says_how() {
    let Some(world) = world("echo first\nprintf '\\033[2Jodd\\n'\necho last >&2\nexit 3\n", "") else {
        return;
    };
    let run = world.run("build run.it");
    let said = "first\n\\u{1b}[2Jodd\nlast";
    says(
        &run,
        8,
        &["E1107", "`run.it`: its script ended with status 3", "`gabion build run.it` runs it again"],
    );
    let lines = run.stderr.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    assert!(lines.contains(said), "{}", run.stderr);
    let next = |from: &str, to: &str, words: &[&str]| {
        replace(&world, from, to);
        says(&world.run("build run.it"), 8, words);
    };
    // A command that fails ends the script, and so does a variable that nobody set.
    next("exit 3\n", "ls /nowhere\necho not reached\n", &["ended with status 1", "/nowhere: No such file"]);
    next("ls /nowhere\n", "echo $nobody\n", &["ended with status 2", "nobody: "]);
    next("echo $nobody\n", "kill -9 $$\n", &["was killed by signal 9"]);
    let run = world.run("build run.it");
    assert!(!run.stderr.contains("not reached"), "{}", run.stderr);
    replace(&world, "root = 'rootfs.tools'", "root = 'rootfs.tools'\ntime-out = '1s'");
    next("kill -9 $$\n", "sleep 60\n", &["took longer than it may", "`time-out`"]);
    assert!(actions(&world, "out").is_empty(), "what failed is not remembered");
}

#[test]
fn what_is_no_output_is_refused_by_name() {
    let Some(world) = world("mkdir $out/a\nmkfifo $out/a/pipe\n", "") else { return };
    says(&world.run("build run.it"), 8, &["E1102", "left `a/pipe`, which is a pipe"]);
    // The walls let nobody set these bits; without them, it is seen at the end.
    replace(&world, "mkfifo $out/a/pipe", "touch $out/a/tool; chmod 4755 $out/a/tool");
    says(&world.run("build run.it"), 8, &["E1107", "Operation not permitted"]);
    says(&world.run("build run.it --sandbox=off"), 8, &["E1102", "left `a/tool`, which is set-user-ID"]);
    replace(&world, "root = 'rootfs.tools'", "root = 'rootfs.tools'\noutput = 'tool'");
    replace(&world, "chmod 4755 $out/a/tool", "touch $out/tool");
    says(&world.run("build run.it"), 8, &["must leave the one file `tool` in `$out`, and left `a`, `tool`"]);
    replace(&world, "mkdir $out/a\ntouch $out/a/tool; touch $out/tool", "ln -s nowhere $out/tool");
    says(&world.run("build run.it"), 8, &["must leave the one file `tool` in `$out`, and left `tool`"]);
    replace(&world, "ln -s nowhere $out/tool", "true");
    says(&world.run("build run.it"), 8, &["and left nothing"]);
}

#[test]
fn a_root_without_a_shell_is_told() {
    let Some(world) = world("true", "") else { return };
    let bare = Deb::new("busybox", "").link("usr/bin/sh", "gone").packed();
    let recipe = fs::read_to_string(world.path("gabion.toml")).unwrap();
    let recipe = recipe.split("default = 'bundle.b'\n").nth(1).unwrap();
    let world = archive_with(recipe, &[bare], &FILES);
    says(&world.run("build run.it"), 8, &["E1102", "its root has no `/bin/sh`"]);
}

/// Whether a process runs with these arguments.
fn runs(arguments: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|it| Some(it.ok()?.path().join("cmdline")));
    let mut lines = processes.filter_map(|path| fs::read_to_string(path).ok());
    lines.any(|line| line.trim_end_matches('\0').ends_with(&arguments.replace(' ', "\0")))
}

#[test]
fn a_daemon_left_behind_dies() {
    let script = "(setsid sh -c 'echo begun > $out/begun; sleep 4711; echo late > $out/late' < /dev/null > /dev/null 2>&1 &)\n\
        while ! test -s $out/begun; do sleep 0.1; done\n";
    let Some(world) = world(script, "") else { return };
    assert_eq!(gives(&world), BTreeMap::from([("begun".to_owned(), "begun\n".to_owned())]));
    assert!(!runs("sleep 4711"));
}

const RANDOM: &str = "cat /proc/sys/kernel/random/uuid > $out/uuid\necho same > $out/same\n";

#[test]
fn a_step_that_differs_is_found_by_check_rebuild() {
    let Some(world) = world(RANDOM, "") else { return };
    world.ok("build run.it");
    let run = world.run("check --rebuild run.it");
    assert_eq!(run.code, 7, "{}{}", run.stdout, run.stderr);
    let told: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(told[0], "run.it#out is not what it was");
    assert!(told.len() == 2 && told[1].starts_with("  `/uuid`: bytes "), "{told:?}");
    replace(&world, "cat /proc/sys/kernel/random/uuid", "echo always");
    world.ok("build run.it");
    world.ok("check --rebuild run.it");
}

#[test]
fn another_input_with_the_same_bytes_runs_nothing() {
    let Some(world) = world(RANDOM, "inputs = ['fetch.words']\ntime-out = '1h'") else { return };
    let first = gives(&world);
    replace(&world, "up.invalid/words'", "up.invalid/words2'");
    assert_eq!(gives(&world), first);
    // How long it may take is nothing that its result depends on.
    replace(&world, "time-out = '1h'", "time-out = '2h'");
    assert!(world.run("plan run.it --exit-code").code == 0);
    replace(&world, "up.invalid/words2'", "up.invalid/other'");
    world.ok("build run.it");
    assert_eq!(actions(&world, "out").len(), 2);
}

#[test]
fn one_file_is_taken_by_systems_and_bundles() {
    let Some(world) = world(
        "wc -l < $inputs/fetch.words/file > $out/count.txt\n",
        "output = 'count.txt'\ninputs = ['fetch.words']",
    ) else {
        return;
    };
    world.ok("build");
    if has(&["tar"]) {
        let listed = program("tar").arg("tf").arg(world.path("out/b.gabion")).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.lines().any(|it| it == "content/run.it/count.txt"), "{listed}");
    }
    // A tree is no file of a system, and a file that the script does not leave is none either.
    let debs: Vec<_> = crate::rootfs::system().into_iter().chain(tools()).collect();
    let recipe = |from: &str| {
        let recipe = fs::read_to_string(world.path("gabion.toml")).unwrap();
        let recipe = recipe.split("default = 'bundle.b'\n").nth(1).unwrap();
        let os = "[apt.os]\norigin = 'ubuntu:jammy'\narchive = 'https://up.invalid/deb'\nsuites = ['jammy']\n\
            keyring = 'keys.asc'\ninstall = ['host']\n";
        format!(
            "{recipe}{os}[rootfs.vps]\npackages = ['apt.os']\nfiles = [{{ path = '/etc/motd', from = '{from}' }}]\n"
        )
    };
    let host = archive_with(&recipe("run.it#count.txt"), &debs, &FILES);
    replace(&host, "'rootfs.tools'\nscript", "'rootfs.vps'\nscript");
    says(&host.run("build rootfs.vps"), 1, &["E0114", "need each other"]);
    let host = archive_with(&recipe("run.it#count.txt"), &debs, &FILES);
    host.ok("build rootfs.vps");
    let host = archive_with(&recipe("run.it#nothing"), &debs, &FILES);
    says(&host.run("build rootfs.vps"), 8, &["`run.it#nothing` is not one file"]);
    let host = archive_with(&recipe("run.it"), &debs, &FILES);
    replace(&host, "output = 'count.txt'\n", "");
    says(&host.run("build rootfs.vps"), 8, &["`run.it` is not one file"]);
}

#[test]
fn what_ran_without_walls_is_not_remembered() {
    let script = "cat $inputs/fetch.words/file > $out/words\necho $TMPDIR > $TMPDIR/x\necho y > z\n";
    let Some(world) = world(script, "inputs = ['fetch.words']") else { return };
    for _ in 0..2 {
        let run = world.run("build --sandbox=off --progress plain");
        says(
            &run,
            0,
            &["walls missing around a script: `run.it`, `bundle.b`;", "built without walls run.it"],
        );
        assert!(actions(&world, "out").is_empty());
    }
    assert!(world.run("plan").stdout.contains("build    run.it"));
    // What was made behind walls is there for everybody.
    world.ok("build");
    let run = world.run("build --sandbox=off");
    assert!(run.code == 0 && !run.stderr.contains("walls"), "{}", run.stderr);
    assert_eq!(texts(&world, &left(&world))["words"], "stone\nmortar\n");
}

#[test]
fn where_the_machine_denies_walls_nothing_runs_unless_somebody_says_so() {
    let Some(world) = world("cat $inputs/fetch.words/file > $out/words\n", "inputs = ['fetch.words']") else {
        return;
    };
    if !has(&["unshare"]) {
        return;
    }
    world.ok("build rootfs.tools");
    let denied = |arguments: &str| -> Run {
        let script = format!("echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" {arguments}");
        let mut command = program("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
        let gabion = gabion(world.folder.path());
        command.arg(gabion.get_program()).current_dir(world.folder.path());
        command.envs(gabion.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.output().unwrap().into()
    };
    says(&denied("build run.it"), 8, &["E1410", "max_user_namespaces"]);
    says(&denied("build run.it --sandbox=best-effort"), 0, &["walls missing around a script: `run.it`;"]);
    assert!(actions(&world, "out").is_empty());
}

#[test]
fn the_same_bytes_as_root_and_as_another_user() {
    let script = "id > $out/id\nstat -c '%u:%g %a' / /usr /etc/secret /inputs/fetch.words/file /build . > $out/stat\n\
        cat /etc/secret > $out/secret\nls -ln /usr/bin > $out/bin\ntar cf $out/inputs.tar -C /inputs/fetch.words file\n";
    let Some(world) = world(script, "inputs = ['fetch.words']") else { return };
    if fs::metadata(world.folder.path()).unwrap().uid() != 0 {
        skip_also_in_ci("only root may become another user");
        return;
    }
    if !has(&["setpriv", "cp", "chown"]) {
        return;
    }
    for node in ["rootfs.tools", "fetch.words"] {
        world.ok(&format!("build {node}"));
    }
    // Another user has a copy of everything up to here, under another path.
    let other = tempfile::tempdir().unwrap();
    let theirs = other.path().join("theirs");
    let program_copy = other.path().join("gabion");
    fs::copy(env!("CARGO_BIN_EXE_gabion"), &program_copy).unwrap();
    for path in [other.path(), &program_copy] {
        fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    run(program("cp").arg("-a").arg(world.folder.path()).arg(&theirs));
    run(program("chown").args(["-R", "65534:65534"]).arg(&theirs));
    let mut command = program("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"]);
    command.arg(&program_copy).args(["build", "run.it"]).current_dir(&theirs);
    command.env("GABION_STORE", theirs.join(".store")).env("GABION_CONFIG", theirs.join("config.toml"));
    says(&command.output().unwrap().into(), 0, &[]);
    world.ok("build run.it");
    let ours = actions(&world, "out");
    let [(path, text)] = &ours[..] else { panic!("there is one result") };
    let theirs = theirs.join(path.strip_prefix(world.folder.path()).unwrap());
    assert_eq!(&fs::read_to_string(theirs).unwrap(), text);
}

fn run(command: &mut Command) {
    gabion_testkit::run(command);
}

/// What `toml` is told about itself.
fn mistakes(toml: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("[project]\nname = 'p'\nedition = '2026'\n{toml}");
    fs::write(Path::join(folder.path(), "gabion.toml"), text).unwrap();
    let project = gabion::recipe::load(folder.path(), None);
    project.err().map_or_else(|| "fine".to_owned(), |it| it.to_string())
}

#[test]
fn a_recipe_that_cannot_run_is_told_with_its_place() {
    let fine = "[apt.a]\norigin = 'debian:bookworm'\n[rootfs.a]\npackages = ['apt.a']\n[fetch.a]\nurl = 'https://x'\n\
        [run.a]\nroot = 'rootfs.a'\nscript = 'make'\ninputs = ['fetch.a', 'run.b#f', 'rootfs.a']\nenv = { _A1 = '' }\noutput = 'a.tar'\ntime-out = '10m'\n\
        [run.b]\nroot = 'rootfs.a'\nscript = 'make'\n[bundle.a]\nbase = ['run.a', 'run.b']\n";
    assert_eq!(mistakes(fine), "fine");
    insta::assert_snapshot!(mistakes("[apt.a]\norigin = 'debian:bookworm'\n[rootfs.a]\npackages = ['apt.a']\n\
        [run.a]\nroot = 'apt.a'\ninputs = ['bundle.b', 'fetch.x', 'rootfs.a', 'rootfs.a', 'a']\nscript = ' '\n\
        env = { 'A-B' = '1', out = '2', C = 3 }\noutput = 'a/b'\ntime-out = '10'\nnetwork = true\n\
        [run.b]\nroot = 'rootfs.a#system'\noutput = 'out'\ntime-out = 5\n[run.c]\nscript = 3\n[bundle.b]\nbase = ['run.d']\n"), @r"
    gabion.toml:9:8: error[E0113]: `root` takes rootfs, not `apt.a`
    gabion.toml:10:11: error[E0113]: `inputs` takes fetch or apt or rootfs or disk or k3s or chart or image or image-build or manifests or run, not `bundle.b`
    gabion.toml:10:23: error[E0112]: there is no `fetch.x`
    gabion.toml:10:46: error[E0107]: `rootfs.a` is listed twice
    gabion.toml:10:58: error[E0106]: `inputs` names nodes as `kind.name`, not `a`
    gabion.toml:11:10: error[E0106]: `script` is empty: there is nothing to run
    gabion.toml:12:9: error[E0106]: `env` takes names of letters, digits and `_`, not `A-B`
    gabion.toml:12:22: error[E0106]: `env` cannot have `out`, which is set for every script
    gabion.toml:12:37: error[E0106]: `env` takes strings, not an integer
    gabion.toml:13:10: error[E0106]: `output` takes the plain name of a file, not `a/b`
    gabion.toml:14:12: error[E0106]: `time-out` takes whole seconds, minutes or hours, `10m`, not `10`
    gabion.toml:15:1: error[E0102]: `run.a` has no key `network`
      help: known here: enabled, root, inputs, script, env, output, time-out
    gabion.toml:16:6: error[E0105]: `run.b` needs `script`
    gabion.toml:17:8: error[E0106]: `root` takes a whole node, not `rootfs.a#system`
    gabion.toml:18:10: error[E0106]: `output` cannot be `out`: `run.b#out` is the tree of a script that names no file
    gabion.toml:19:12: error[E0104]: `time-out` takes a string, not an integer
    gabion.toml:20:6: error[E0105]: `run.c` needs `root`
    gabion.toml:21:10: error[E0104]: `script` takes a string, not an integer
    gabion.toml:23:9: error[E0112]: there is no `run.d`
      help: did you mean `run.a`?
    ");
}
