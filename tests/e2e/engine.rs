//! What the engine does again, what it does not, and what a failure or a signal leaves behind.

use crate::world::{World, gabion};
use gabion_upstream::Fault;

const DOCUMENT: &[u8] = b"apiVersion: v1\nkind: Namespace\n";

#[test]
fn an_input_that_changed_without_changing_its_bytes_ends_the_rebuilding_there() {
    let recipes = |url: &str| {
        format!(
            "[fetch.a]\nurl = 'https://up.invalid/{url}'\n[manifests.m]\nfrom = ['fetch.a']\n\
             [bundle.b]\ndeploy = ['manifests.m']\n"
        )
    };
    let files: [(&str, &[u8]); 2] = [("/a.yaml", DOCUMENT), ("/moved.yaml", DOCUMENT)];
    let world = World::new(&recipes("a.yaml"), &files);
    assert!(world.run("build").stderr.contains("built manifests.m"));
    let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    fs_err::write(world.path("gabion.toml"), toml.replace("/a.yaml", "/moved.yaml")).unwrap();
    let run = world.run("build");
    assert!(run.stderr.contains("unchanged manifests.m"), "{}", run.stderr);
}

#[test]
fn going_on_after_a_failure_builds_what_does_not_need_it_and_tells_all_of_it() {
    let recipes = "[fetch.good]\nurl = 'https://up.invalid/good'\n[fetch.bad]\nurl = 'https://up.invalid/bad'\n\
                   [fetch.worse]\nurl = 'https://up.invalid/worse'\n\
                   [manifests.m]\nfrom = ['fetch.bad']\n[bundle.b]\nbase = ['fetch.good', 'fetch.worse']\n\
                   deploy = ['manifests.m']\n";
    let world = World::new(recipes, &[("/good", b"1"), ("/bad", DOCUMENT), ("/worse", b"3")]);
    world.ok("lock");
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    world.upstream.fail("/bad", [Fault::Body(b"x")]);
    world.upstream.fail("/worse", [Fault::Status(404, "")]);
    let run = world.run("build -k");
    assert_eq!(run.code, 5, "{}", run.stderr);
    for told in [
        "2 nodes failed, 2 were not built",
        "`fetch.bad`",
        "`fetch.worse`",
        "not built: manifests.m",
        "not built: bundle.b",
    ] {
        assert!(run.stderr.contains(told), "no `{told}`: {}", run.stderr);
    }
    assert_eq!(world.run("plan").stdout.lines().filter(|it| it.contains("fetch.good")).count(), 0);
    assert!(!world.path("out/b.gabion").exists());
    world.ok("build");
}

#[test]
fn a_signal_ends_a_download_with_its_own_code_and_the_next_run_goes_on_from_there() {
    let body: Vec<u8> = (0..3_000_000_u32).map(|it| (it % 251) as u8).collect();
    let recipes = "[fetch.a]\nurl = 'https://up.invalid/a'\n[bundle.b]\nbase = ['fetch.a']\n";
    let world = World::new(recipes, &[("/a", &body)]);
    world.ok("lock");
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    world.upstream.fail("/a", [Fault::Stall(2_000_000)]);
    let run = gabion(world.folder.path()).arg("build").spawn().unwrap();
    let part = || fs_err::read_dir(world.path(".store/fetch")).ok()?.next()?.ok()?.metadata().ok();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while part().is_none_or(|it| it.len() < 1_500_000) {
        assert!(std::time::Instant::now() < deadline, "the download does not begin");
        std::thread::yield_now();
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&run), rustix::process::Signal::INT)
        .unwrap();
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(130));
    world.ok("build");
    let resumed = world.upstream.seen().pop().unwrap();
    assert_eq!(resumed.status, 206, "{resumed:?}");
    world.ok("store verify");
}
