//! The scripts of `ci/`, as a job runs them: with a key, without one, and what a pull request is told.

use crate::trust::json;
use crate::world::{Run, World};
use gabion_testkit::{git, has, program, text};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const RECIPES: &str = "[fetch.a]\nurl = 'https://up.invalid/a.txt'\n[bundle.b]\nbase = ['fetch.a']\n";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ci").join(name)
}

/// A project in a folder of a repository, with two commits: the second one takes `b.txt` too.
struct Shop {
    world: World,
    key: String,
}

fn shop() -> Shop {
    let world = World::new(RECIPES, &[("/a.txt", b"stones"), ("/b.txt", b"other stones")]);
    world.ok("key new ci --no-passphrase");
    let key = fs_err::read_to_string(world.path("ci")).unwrap();
    let at = world.path("repository");
    let project = at.join("platform");
    fs_err::create_dir_all(&project).unwrap();
    let save = || {
        world.ok("lock");
        for name in ["gabion.toml", "gabion.lock"] {
            fs_err::copy(world.path(name), project.join(name)).unwrap();
        }
        text(git(&at).args(["add", "-A"]));
        text(git(&at).args(["commit", "-q", "-m", "change"]));
    };
    text(git(&at).args(["init", "-q"]));
    save();
    let recipes = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    let more = recipes.replace("['fetch.a']", "['fetch.a', 'fetch.b']");
    let more = format!("{more}[fetch.b]\nurl = 'https://up.invalid/b.txt'\n");
    fs_err::write(world.path("gabion.toml"), more).unwrap();
    save();
    Shop { world, key }
}

impl Shop {
    /// A job with a store of its own; one without an upstream has the cache alone.
    fn job(&self, name: &str, upstream: bool) -> Command {
        let project = self.world.path("repository/platform");
        let mirror = if upstream { self.world.upstream.url() } else { "http://127.0.0.1:9".to_owned() };
        let public = fs_err::read_to_string(self.world.path("ci.pub")).unwrap();
        let config = self.world.path(&format!("{name}.toml"));
        let trusted = format!(
            "[mirror]\n\"https://up.invalid\" = \"{mirror}\"\n[cache.trust]\nmain = [\"{}\"]\n",
            public.trim()
        );
        fs_err::write(&config, trusted).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_gabion")).parent().unwrap();
        let mut command = Command::new(script("build"));
        command.env_clear().current_dir(project);
        command
            .env("PATH", format!("{}:{}", program.display(), std::env::var("PATH").unwrap()))
            .env("TMPDIR", self.world.path("tmp"))
            .env("GABION_CONFIG", config)
            .env("GABION_STORE", self.world.path(name))
            .env("GABION_CACHE", format!("dir:{}", self.world.path("cache").display()))
            .env("GABION_NODE", "bundle.b");
        command
    }
}

#[track_caller]
fn ok(command: &mut Command) -> Run {
    let run = Run::from(command.output().unwrap());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run
}

#[test]
fn a_job_with_a_key_fills_what_a_job_without_one_reads() {
    if !has(&["git", "bash", "tar"]) {
        return;
    }
    let shop = shop();
    fs_err::create_dir(shop.world.path("tmp")).unwrap();
    let run = ok(shop.job("first", true).env("GABION_CACHE_KEY_TEXT", shop.key.trim_end()));
    assert!(run.stderr.contains("shared "), "{}", run.stderr);
    assert!(!run.stderr.contains("PRIVATE KEY") && !run.stdout.contains("PRIVATE KEY"));
    assert_eq!(fs_err::read_dir(shop.world.path("tmp")).unwrap().count(), 0, "the key is gone with the job");
    // A fork's: no key, and nothing to fetch from; what it makes stays where it is.
    let before = shop.world.upstream.seen().len();
    let report = shop.world.path("report.md");
    let mut fork = shop.job("fork", false);
    let run = ok(fork.env("GABION_BASE", "HEAD~1").env("GABION_REPORT", &report));
    assert!(!run.stderr.contains("shared "), "{}", run.stderr);
    assert_eq!(shop.world.upstream.seen().len(), before);
    let one = shop.world.path("repository/platform/out/b.gabion");
    assert!(one.exists());
    let told = fs_err::read_to_string(report).unwrap();
    assert!(told.contains("fetch.b") && !told.contains("fetch.a"), "{told}");
    // Against itself nothing changes; before the first lock there was none.
    let report = shop.world.path("same.md");
    ok(shop.job("fork", false).env("GABION_BASE", "HEAD").env("GABION_REPORT", &report));
    assert_eq!(fs_err::read_to_string(report).unwrap(), "");
    // What does not build ends the job, and so does a recipe that the lock does not answer.
    let toml = shop.world.path("repository/platform/gabion.toml");
    let more = fs_err::read_to_string(&toml).unwrap() + "[fetch.c]\nurl = 'https://up.invalid/c.txt'\n";
    fs_err::write(&toml, more.replace("'fetch.b']", "'fetch.b', 'fetch.c']")).unwrap();
    assert_ne!(shop.job("fork", false).output().unwrap().status.code(), Some(0));
}

/// A `gh` that answers with the id of a comment, or with none, and writes down how it was called and what it was to send.
fn comments(folder: &Path, id: &str, report: &str) -> String {
    let gh = folder.join("gh");
    let words = "printf '%s\\n' \"$*\" >>\"$CALLS\"; for it in \"$@\"; do case \"$it\" in body=@*) cat \"${it#body=@}\" >\"$CALLS.body\" ;; esac; done";
    fs_err::write(&gh, format!("#!/bin/sh\n{words}\ncase \"$*\" in *--jq*) echo {id} ;; esac\n")).unwrap();
    fs_err::set_permissions(&gh, PermissionsExt::from_mode(0o755)).unwrap();
    let calls = folder.join("calls");
    let (_old, _older) = (fs_err::remove_file(&calls), fs_err::remove_file(folder.join("calls.body")));
    fs_err::write(folder.join("report"), report).unwrap();
    let mut command = Command::new(script("comment"));
    command.env("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap()));
    command.env("CALLS", &calls).env("GABION_REPORT", folder.join("report"));
    command.env("GABION_PULL", "12").env("GITHUB_REPOSITORY", "a/b");
    ok(&mut command);
    fs_err::read_to_string(calls).unwrap()
}

#[test]
fn a_pull_request_has_one_comment_that_fits() {
    if !has(&["bash", "awk"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let body = || fs_err::read_to_string(at.join("calls.body")).unwrap();
    let calls = comments(at, "", "- `fetch.b`\n");
    assert!(calls.contains("--method POST repos/a/b/issues/12/comments"), "{calls}");
    assert_eq!(body(), "<!-- gabion -->\n- `fetch.b`\n");
    let calls = comments(at, "77", "- `fetch.b`\n");
    assert!(
        calls.contains("--method PATCH repos/a/b/issues/comments/77") && !calls.contains("POST"),
        "{calls}"
    );
    let calls = comments(at, "", "");
    assert!(!calls.contains("--method"), "there is nothing to tell, and nothing was told: {calls}");
    comments(at, "77", "");
    assert_eq!(body(), "<!-- gabion -->\nNothing that is built changes.\n");
    comments(at, "", &format!("```\n{}", "a line\n".repeat(20_000)));
    let body = body();
    assert!(
        body.len() < 65_536 && body.ends_with("a line\n```\n\n…and more: `gabion diff` shows all of it.\n")
    );
}

#[test]
fn the_action_uses_no_other_one_and_writes_nothing_of_others_into_a_script() {
    if !has(&["python3"]) {
        return;
    }
    let file = script("action.yml");
    let written = fs_err::read_to_string(&file).unwrap();
    let load = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let parsed = json(&text(program("python3").args(["-c", load]).arg(&file)));
    let steps = parsed["runs"]["steps"].as_array().unwrap();
    assert!(steps.len() == 2 && steps.iter().all(|it| it.get("uses").is_none()), "{parsed}");
    for step in steps {
        let run = step["run"].as_str().unwrap();
        assert!(!run.contains("${{"), "{run}");
        // What is named there is given by the step, or by the runner.
        for (name, value) in step["env"].as_object().unwrap() {
            assert!(value.as_str().unwrap().starts_with("${{"), "{name}");
        }
    }
    for (name, input) in parsed["inputs"].as_object().unwrap() {
        assert!(input.get("description").is_some() && input.get("default").is_some(), "{name}");
        assert!(written.contains(&format!("inputs.{name}")), "nobody asks for `{name}`");
    }
    let docs = fs_err::read_to_string(script("../docs/ci.md")).unwrap();
    assert!(parsed["inputs"].as_object().unwrap().keys().all(|it| docs.contains(&format!("`{it}`"))));
    for name in ["build", "comment"] {
        assert_ne!(
            script(name).metadata().unwrap().permissions().mode() & 0o111,
            0,
            "`{name}` cannot be run"
        );
    }
}
