//! The power is cut before any single write, link, removal and call of a program: the host always comes to the old or the
//! new generation, and says which.

use super::super::*;
use super::world::{World, apply_at, contents, deployment};
use crate::power;

/// Everything that a change can break: K3s itself, its configuration, an image, objects of which one goes.
fn second() -> super::world::Contents {
    let mut second = contents();
    second.k3s = "v1.34.10+k3s1";
    second.config = "cluster-init: true\nsecrets-encryption: true\n";
    second.image = "two";
    second.waves[3].1 = vec![deployment("api", 2), deployment("web", 1)];
    second
}

/// What is there after everything came to rest.
fn whole(world: &World, number: u64) {
    let status = world.host().status().unwrap();
    assert!(status.change.is_none() && status.drift.is_empty() && status.wrong.is_empty(), "{status:?}");
    let current = status.generation.unwrap();
    assert_eq!(current.number, number);
    let config = fs_err::read_to_string(world.path("etc/rancher/k3s/config.yaml")).unwrap();
    assert_eq!(config.contains("secrets-encryption"), number == 2);
    assert_eq!(world.objects().iter().any(|it| it.ends_with("web")), number == 2);
    assert_eq!(world.objects().iter().any(|it| it.ends_with("first")), number == 1);
    let archives: Vec<_> =
        fs_err::read_dir(world.path("var/lib/rancher/k3s/agent/images")).unwrap().collect();
    assert_eq!(archives.len(), 1, "{archives:?}");
}

/// Runs `what` with so many more steps; gives whether it came to its end.
fn cut<T>(steps: usize, what: impl FnOnce() -> T) -> (T, bool) {
    power::cut_after(steps);
    let out = what();
    let whole = power::left() > 0;
    power::cut_after(usize::MAX);
    (out, whole)
}

#[test]
fn a_cut_at_any_step_of_a_change_ends_in_the_new_generation() {
    let mut steps = 0;
    loop {
        let world = World::new();
        world.apply(&contents(), Wishes::default()).unwrap();
        let host = world.host();
        let (_, came_to_its_end) = cut(steps, || apply_at(&host, &second(), Wishes::default()));
        drop(host);
        // The host says where it is, before anybody mends anything.
        let status = world.host().status().unwrap();
        let current = status.generation.unwrap().number;
        assert!(current == 1 || current == 2);
        if status.change.is_some() {
            world.host().recover().unwrap();
        }
        let current = world.current().unwrap().number;
        // Before the journal stands, nothing was begun; from then on it goes forward.
        whole(&world, current);
        if came_to_its_end {
            assert_eq!(current, 2);
            break;
        }
        steps += 1;
    }
    assert!(steps > 40, "{steps} steps: the sweep cut nothing");
}

#[test]
fn a_cut_at_any_step_of_the_way_back_ends_in_the_old_generation() {
    let mut steps = 0;
    loop {
        let world = World::new();
        world.apply(&contents(), Wishes::default()).unwrap();
        world.apply(&second(), Wishes::default()).unwrap();
        let host = world.host();
        let (_, came_to_its_end) = cut(steps, || host.rollback(None));
        drop(host);
        let begun = world.host().status().unwrap().change.is_some();
        if begun {
            world.host().recover().unwrap();
        }
        let current = world.current().unwrap().number;
        whole(&world, current);
        if came_to_its_end {
            assert_eq!(current, 1);
            break;
        }
        steps += 1;
    }
    assert!(steps > 20, "{steps} steps: the sweep cut nothing");
}

/// What the sweeps look for is there to be found: whoever writes without a journal is caught by them.
#[test]
fn a_host_without_a_journal_is_caught_by_the_sweep() {
    let mut torn = 0;
    for steps in 0..40 {
        let world = World::new();
        world.apply(&contents(), Wishes::default()).unwrap();
        let host = world.host();
        let files = [("etc/rancher/k3s/config.yaml", second().config), ("usr/local/bin/k3s", "other")];
        let (_, came_to_its_end) = cut(steps, || {
            files.iter().try_for_each(|(path, text)| {
                host.root.write(path, 0o600, &mut |out| std::io::Write::write_all(out, text.as_bytes()))
            })
        });
        drop(host);
        let is_torn = |number| std::panic::catch_unwind(|| whole(&world, number)).is_err();
        if is_torn(1) && is_torn(2) {
            torn += 1;
        }
        if came_to_its_end {
            break;
        }
    }
    assert!(torn > 1, "{torn} states between the two generations");
}

#[test]
fn a_full_disk_at_any_write_leaves_the_old_generation_or_the_new_one() {
    // Every second one, to spare time: which of two neighbours fails makes no difference to what is undone.
    let (mut steps, mut back) = (0, 0);
    loop {
        let world = World::new();
        world.apply(&contents(), Wishes::default()).unwrap();
        let host = world.host();
        power::full_after(steps);
        let done = apply_at(&host, &second(), Wishes::default());
        let came = power::was_full();
        drop(host);
        let status = world.host().status().unwrap();
        match done {
            Err(LiveError::Returned { .. }) => back += 1,
            Err(_) | Ok(_) if status.change.is_some() => {
                world.host().recover().unwrap();
            }
            Err(_) | Ok(_) => {}
        }
        let current = world.current().unwrap().number;
        whole(&world, current);
        if !came {
            assert_eq!(current, 2);
            break;
        }
        steps += 2;
    }
    assert!(back > 10, "{back} of {steps} went back");
}
