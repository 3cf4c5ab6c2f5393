//! Several processes that store, look up, collect garbage and die.

use crate::work::{age, command, record_of, request, try_age};
use gabion_store::{Need, Policy, Root, Store, StoreError};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// Numbers that only look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

const STORM: Duration = Duration::from_secs(6);

/// Until it is killed or the time is over.
pub(crate) fn work(path: &Path, seed: u64) -> Result<(), StoreError> {
    let store = Store::open(path)?;
    let mut dice = Dice(seed);
    let began = Instant::now();
    while began.elapsed() < STORM {
        let name = format!("thing {}", dice.below(12));
        match dice.below(10) {
            0..=3 => {
                let hashed = store.put(name.as_bytes())?;
                store.put_record(request(&name), &record_of(hashed))?;
                if dice.below(3) > 0 {
                    // So old that both may go beside a lease too; they may be gone already.
                    let hex = request(&name).hex();
                    let record = path.join("request").join(&hex[..2]).join(hex);
                    let _aged = try_age(&record).and_then(|()| try_age(&store.path_of(hashed.blob)));
                }
            }
            4..=6 => use_under_lease(&store, &name)?,
            7 => drop(store.gc(&gc(dice.below(2) == 0))?),
            8 => drop((store.list()?, store.usage()?)),
            _ => {
                for folder in ["index", "journal"] {
                    let _there = fs_err::remove_dir_all(path.join(folder));
                }
            }
        }
    }
    Ok(())
}

fn gc(everything: bool) -> Policy {
    let keep = Duration::from_secs(if everything { 0 } else { 3600 });
    Policy { keep, wait: Duration::from_millis(5), ..Policy::default() }
}

/// What is found under a lease stays, or comes back at once where it was just being moved aside.
fn use_under_lease(store: &Store, name: &str) -> Result<(), StoreError> {
    let lease = store.lease()?;
    lease.need(Need::Request(request(name)))?;
    let Some(record) = store.record(request(name))? else { return Ok(()) };
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(1));
        for output in record.outputs.values() {
            let began = Instant::now();
            while !store.has(output.blob) {
                assert!(began.elapsed() < Duration::from_secs(5), "`{name}` went under a lease");
                // A run that was killed has it: the next one gives it back.
                store.gc(&gc(false))?;
            }
        }
    }
    Ok(())
}

fn start(path: &Path, seed: u64) -> Child {
    command(&[], &format!("storm {seed}"), path).spawn().unwrap()
}

/// What is left is whole, and everything works.
fn finish(path: &Path) {
    let store = Store::open(path).unwrap();
    let health = store.verify().unwrap();
    assert!(health.is_clean(), "{health:?}");
    assert!(store.record(request("kept")).unwrap().is_some());
    let report = store.gc(&Policy { keep: Duration::ZERO, ..Policy::default() }).unwrap();
    assert_eq!((report.alone, report.kept.files), (true, 1), "{report:?}");
    for folder in ["tmp", "lease", "journal"] {
        let left = fs_err::read_dir(path.join(folder)).map_or(0, Iterator::count);
        assert_eq!(left, 0, "`{folder}` is swept");
    }
}

fn prepare(path: &Path) {
    let store = Store::open(path).unwrap();
    let hashed = store.put(b"kept").unwrap();
    store.put_record(request("kept"), &record_of(hashed)).unwrap();
    age(&store.path_of(hashed.blob));
    let needs = [Need::Request(request("kept"))].into();
    store.set_root("kept", &Root { reason: String::new(), needs }).unwrap();
}

pub(crate) fn run() {
    let folder = crate::folder();
    let path = folder.path().join("store");
    prepare(&path);
    let (began, mut dice, mut killed) = (Instant::now(), Dice(7), 0);
    let mut children: Vec<Child> = (0..4).map(|seed| start(&path, seed)).collect();
    while began.elapsed() < STORM {
        std::thread::sleep(Duration::from_millis(20 + dice.below(60)));
        let victim = &mut children[dice.below(4) as usize];
        victim.kill().unwrap();
        let status = victim.wait().unwrap();
        assert!(status.signal() == Some(9) || status.success(), "{status:?}");
        killed += usize::from(status.signal() == Some(9));
        *victim = start(&path, 100 + killed as u64);
    }
    for mut child in children {
        let status = child.wait().unwrap();
        assert!(status.success(), "{status:?}");
    }
    assert!(killed > 20, "only {killed} were killed");
    finish(&path);
}

/// The same without a kill: here nothing that a lease needs may be away for longer than a moment.
pub(crate) fn leases() {
    let folder = crate::folder();
    let path = folder.path().join("store");
    prepare(&path);
    let children: Vec<Child> = (50..54).map(|seed| start(&path, seed)).collect();
    for mut child in children {
        let status = child.wait().unwrap();
        assert!(status.success(), "{status:?}");
    }
    finish(&path);
}
