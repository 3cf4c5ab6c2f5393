//! Builds that share: two stores are two jobs, and the second one has no upstream.

use super::double::{Double, Fault};
use super::peers::{Bucket, Nginx, Served};
use crate::registry::real::Real;
use crate::world::{Run, World, gabion};
use gabion_testkit::has;
use std::path::{Path, PathBuf};

/// Something that is fetched, something that is made of it, and a bundle of both.
const RECIPES: &str = "[fetch.a]\nurl = 'https://up.invalid/a.txt'\n[fetch.doc]\nurl = 'https://up.invalid/doc.yaml'\n\
    [manifests.m]\nfrom = ['fetch.doc']\n[bundle.b]\nbase = ['fetch.a']\ndeploy = ['manifests.m']\n";
const DOC: &[u8] = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: d}\ndata: {k: v}\n";

fn body() -> Vec<u8> {
    (0..300_000_u32).map(|it| (it % 253) as u8).collect()
}

/// A locked project, an upstream, and a key for CI.
pub(super) struct Shop {
    pub(super) world: World,
    /// The public line of `ci`.
    public: String,
}

/// A machine of CI that has the project and nothing else.
pub(super) struct Job {
    folder: tempfile::TempDir,
}

pub(super) fn shop() -> Shop {
    let world = World::new(RECIPES, &[("/a.txt", &body()), ("/doc.yaml", DOC)]);
    world.ok("lock");
    for key in ["ci", "fork"] {
        world.ok(&format!("key new {key} --no-passphrase"));
    }
    let public = fs_err::read_to_string(world.path("ci.pub")).unwrap().trim().to_owned();
    Shop { world, public }
}

impl Shop {
    /// A job with the upstream, or without one. It trusts the key of CI for `main`.
    pub(super) fn job(&self, upstream: bool, more: &str) -> Job {
        let folder = tempfile::tempdir().unwrap();
        for name in ["gabion.toml", "gabion.lock"] {
            fs_err::copy(self.world.path(name), folder.path().join(name)).unwrap();
        }
        let mirror = if upstream { self.world.upstream.url() } else { "http://127.0.0.1:9".to_owned() };
        let config = format!(
            "[mirror]\n\"https://up.invalid\" = \"{mirror}\"\n[cache.trust]\nmain = [\"{}\"]\n{more}",
            self.public
        );
        fs_err::write(folder.path().join("config.toml"), config).unwrap();
        Job { folder }
    }

    /// Builds with `cache` in a job of its own that puts what it makes; gives the job.
    pub(super) fn fill(&self, cache: &str, more: &str) -> Job {
        let job = self.job(true, more);
        let run = job.run(&format!("build --cache {cache} --cache-push"), &self.key("ci"));
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stderr.contains("shared 5 results"), "3 nodes, a step, a closure: {}", run.stderr);
        job
    }

    pub(super) fn key(&self, name: &str) -> PathBuf {
        self.world.path(name)
    }

    /// How often the upstream was asked.
    fn asked(&self) -> usize {
        self.world.upstream.seen().len()
    }
}

impl Job {
    pub(super) fn run(&self, arguments: &str, key: &Path) -> Run {
        let mut command = gabion(self.folder.path());
        command.env("GABION_CACHE_KEY", key).args(arguments.split_whitespace());
        command.output().unwrap().into()
    }

    /// A run with no key of its own.
    pub(super) fn plain(&self, arguments: &str) -> Run {
        gabion(self.folder.path()).args(arguments.split_whitespace()).output().unwrap().into()
    }

    fn bundle(&self) -> Vec<u8> {
        fs_err::read(self.folder.path().join("out/b.gabion")).unwrap()
    }
}

/// Fills `cache` with one job; the second one has no upstream and ends with the same bytes. `more` is what the first one and
/// the second one have in their configuration.
fn two_jobs(shop: &Shop, cache: &str, more: [&str; 2]) {
    let one = shop.fill(cache, more[0]);
    second_job(shop, cache, more[1], &one);
}

fn second_job(shop: &Shop, cache: &str, more: &str, one: &Job) {
    let before = shop.asked();
    let other = shop.job(false, more);
    let run = other.plain(&format!("build --cache {cache}"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("3 of 3 missing results came from a cache"), "{}", run.stderr);
    for word in ["built ", "fetched ", "unchanged "] {
        assert!(!run.stderr.contains(word), "the second job does nothing: {}", run.stderr);
    }
    assert_eq!(shop.asked(), before, "the upstream is not asked");
    assert!(one.bundle() == other.bundle(), "two jobs, one file");
}

#[test]
fn a_second_job_takes_everything_from_a_folder() {
    let shop = shop();
    two_jobs(&shop, &format!("dir:{}", shop.world.path("cache").display()), [""; 2]);
}

#[test]
fn a_second_job_takes_everything_from_nginx() {
    if !has(&["nginx"]) {
        return;
    }
    let (shop, nginx) = (shop(), Nginx::start());
    two_jobs(&shop, &nginx.url, [""; 2]);
    let folder = format!("dir:{}", nginx.folder.display());
    let run = shop.job(false, "").plain(&format!("build --offline --cache {folder}"));
    assert_eq!(run.code, 0, "a folder that nginx serves is a folder: {}", run.stderr);
}

#[test]
fn a_second_job_takes_everything_from_our_own_server() {
    let shop = shop();
    fs_err::write(shop.world.path("token"), "t0ken").unwrap();
    let served = Served::start(&shop.world.path("cache"), Some(&shop.world.path("token")));
    let host = served.url.trim_start_matches("http://");
    let file = shop.world.path("token").display().to_string();
    two_jobs(&shop, &served.url, [&format!("[credentials.\"{host}\"]\nfile = \"{file}\"\n"), ""]);
}

/// `[credentials]` for a user whose secret is in a file of the shop.
fn login(shop: &Shop, host: &str, user: &str, secret: &str) -> String {
    let file = shop.world.path("secret");
    fs_err::write(&file, secret).unwrap();
    format!("[credentials.\"{host}\"]\nusername = \"{user}\"\nfile = \"{}\"\n", file.display())
}

#[test]
fn a_second_job_takes_everything_from_a_bucket() {
    for bucket in Bucket::all() {
        let shop = shop();
        let login = login(&shop, bucket.host(), &bucket.key, &bucket.secret);
        two_jobs(&shop, &format!("{}/a/prefix", bucket.address), [&login; 2]);
    }
}

#[test]
fn a_bucket_is_found_and_opened_by_the_environment_of_its_other_clients() {
    let Some(bucket) = Bucket::gofakes3() else { return };
    let shop = shop();
    let run = |job: &Job, arguments: &str, secret: &str| -> Run {
        let mut command = gabion(job.folder.path());
        command.env("AWS_ENDPOINT_URL_S3", format!("http://{}", bucket.host()));
        command.env("AWS_ACCESS_KEY_ID", &bucket.key).env("AWS_SECRET_ACCESS_KEY", secret);
        command.env("GABION_CACHE_KEY", shop.key("ci")).env("GABION_CACHE", "s3://cache/env");
        command.args(arguments.split_whitespace()).output().unwrap().into()
    };
    let job = shop.job(true, "");
    let wrong = run(&job, "cache check", "wr0ng");
    assert_eq!(wrong.code, 1, "{}", wrong.stderr);
    assert!(wrong.stdout.contains("[E2002]") && wrong.stdout.contains("s3://cache/env"), "{}", wrong.stdout);
    let filled = run(&job, "build --cache-push", &bucket.secret);
    assert!(filled.code == 0 && filled.stderr.contains("shared 5 results"), "{}", filled.stderr);
    let check = run(&shop.job(false, ""), "cache check", &bucket.secret);
    assert!(
        check.code == 0 && check.stdout.contains("2 blobs are good"),
        "{} {}",
        check.stdout,
        check.stderr
    );
    for it in [wrong, filled, check] {
        let said = it.stdout + &it.stderr;
        assert!(!said.contains(&bucket.secret) && !said.contains("wr0ng"), "{said}");
    }
}

#[test]
fn a_second_job_takes_everything_from_a_registry_also_after_it_removed_what_nothing_names() {
    if !has(&["docker-registry", "htpasswd"]) {
        return;
    }
    let (shop, registry) = (shop(), Real::start());
    let login = login(&shop, &registry.host, "me", "secret");
    let cache = format!("oci+http://{}/team/cache", registry.host);
    let one = shop.fill(&cache, &login);
    registry.collect_garbage();
    second_job(&shop, &cache, &login, &one);
}

#[test]
fn a_lying_cache_costs_time_and_nothing_else() {
    let (shop, double) = (shop(), Double::start());
    let honest = shop.fill(&double.url(), "");
    double.fail(u32::MAX, Fault::Flip);
    let job = shop.job(true, "");
    let run = job.plain(&format!("build --cache {}", double.url()));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning: [E2007]"), "a flipped record is told: {}", run.stderr);
    assert!(job.bundle() == honest.bundle());
}

#[test]
fn damaged_blobs_cost_time_and_the_next_push_puts_them_right() {
    let shop = shop();
    let folder = shop.world.path("cache");
    let cache = format!("dir:{}", folder.display());
    let honest = shop.fill(&cache, "");
    flip_all(&folder.join("blob"));
    let check = shop.job(false, "").plain(&format!("cache check --cache {cache} --json"));
    let found: serde_json::Value = serde_json::from_str(&check.stdout).unwrap();
    assert_eq!(check.code, 5, "{}", check.stderr);
    assert_eq!(found["caches"][0]["wrong"].as_array().unwrap().len(), 2, "{found}");
    let job = shop.job(true, "");
    let run = job.run(&format!("build --cache {cache} --cache-push"), &shop.key("ci"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning: [E2003]"), "each lie is told: {}", run.stderr);
    assert!(job.bundle() == honest.bundle());
    let check = shop.job(false, "").plain(&format!("cache check --cache {cache}"));
    assert!(check.code == 0 && check.stdout.contains("blobs are good"), "{} {}", check.stdout, check.stderr);
}

fn flip_all(folder: &Path) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            flip_all(&path);
        } else {
            let mut bytes = fs_err::read(&path).unwrap();
            bytes[0] ^= 1;
            fs_err::write(&path, bytes).unwrap();
        }
    }
}

#[test]
fn what_others_signed_does_not_count() {
    let shop = shop();
    let cache = format!("dir:{}", shop.world.path("cache").display());
    // A fork with a key of its own puts everything it likes where it likes.
    let fork = shop.job(true, "");
    let run = fork.run(&format!("build --cache {cache} --cache-push"), &shop.key("fork"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let before = shop.asked();
    let job = shop.job(true, "");
    let run = job.plain(&format!("build --cache {cache}"));
    assert!(run.code == 0 && !run.stderr.contains("came from a cache"), "{}", run.stderr);
    assert!(shop.asked() > before, "it was fetched from where it is from");
    assert!(job.bundle() == fork.bundle());
    // Its records under the name of a key that counts are told, and are a miss.
    let hex = |name: &str| {
        let line = fs_err::read_to_string(shop.world.path(name)).unwrap();
        let key = gabion_keys::KeyId::of_line(line.trim()).unwrap();
        gabion_digest::Sha256::from_bytes(*key.as_bytes()).hex()
    };
    rename_all(&shop.world.path("cache/record"), &hex("fork.pub"), &hex("ci.pub"));
    let job = shop.job(true, "");
    let run = job.plain(&format!("build --cache {cache}"));
    assert!(
        run.code == 0 && run.stderr.contains("[E2007]") && run.stderr.contains("signed it"),
        "{}",
        run.stderr
    );
    assert!(job.bundle() == fork.bundle());
    let check = shop.job(false, "").plain(&format!("cache check --cache {cache}"));
    assert_eq!(check.code, 6, "{} {}", check.stdout, check.stderr);
}

fn rename_all(folder: &Path, from: &str, to: &str) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rename_all(&path, from, to);
        } else if path.file_name().unwrap() == from {
            fs_err::rename(&path, path.with_file_name(to)).unwrap();
        }
    }
}

#[test]
fn a_cache_that_is_down_costs_time_and_one_line() {
    let shop = shop();
    let job = shop.job(true, "");
    let run = job.run("build --cache http://127.0.0.1:9 --cache-push", &shop.key("ci"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let told = run.stderr.matches("warning: [E2001] the cache `http://127.0.0.1:9` does not answer").count();
    assert!((1..=2).contains(&told), "once for reading, once for writing: {}", run.stderr);
    let check = job.plain("cache check --cache http://127.0.0.1:9");
    assert!(check.code == 1 && check.stdout.contains("E2001"), "{} {}", check.stdout, check.stderr);
}

#[test]
fn push_and_pull_move_what_is_there_and_make_nothing() {
    let shop = shop();
    let cache = format!("dir:{}", shop.world.path("cache").display());
    let one = shop.job(true, "");
    assert_eq!(one.plain("build").code, 0);
    let before = shop.asked();
    let push = one.run(&format!("cache push --cache {cache} --json"), &shop.key("ci"));
    let put: serde_json::Value = serde_json::from_str(&push.stdout).unwrap();
    assert!(push.code == 0 && put["records"] == 5 && put["failed"] == 0, "{put} {}", push.stderr);
    let other = shop.job(false, "");
    let pull = other.plain(&format!("cache pull --cache {cache} --json"));
    let taken: serde_json::Value = serde_json::from_str(&pull.stdout).unwrap();
    assert!(pull.code == 0 && taken["records"] == 4 && taken["blobs"] == 2, "{taken} {}", pull.stderr);
    assert_eq!(shop.asked(), before);
    let plan = other.plain("plan");
    assert!(!plan.stdout.contains("download") && !plan.stdout.contains("manifests.m"), "{}", plan.stdout);
}

#[test]
fn what_cannot_be_asked_for_is_a_mistake_of_the_command_line() {
    let shop = shop();
    let job = shop.job(true, "");
    assert!(job.plain("explain E2003").stdout.contains("cache check"));
    for (arguments, code) in [
        ("cache pull", "E2010"),
        ("build --cache here", "E2000"),
        ("build --cache dir:/nowhere --cache-push", "E2009"),
    ] {
        let run = job.plain(arguments);
        assert!(
            run.code == 2 && run.stderr.contains(&format!("error[{code}]")),
            "{arguments}: {}",
            run.stderr
        );
    }
    let recipe = format!(
        "{}\n[cache]\nurl = 'dir:/nowhere'\n",
        fs_err::read_to_string(shop.world.path("gabion.toml")).unwrap()
    );
    fs_err::write(job.folder.path().join("gabion.toml"), recipe).unwrap();
    let run = job.plain("check");
    assert!(run.code != 0 && run.stderr.contains("cache"), "no recipe names a cache: {}", run.stderr);
}
