//! Several caches as one, and what happens when they do not behave.

use crate::world::{World, posted, record, request, signer, trust};
use bytes::Bytes;
use futures_util::StreamExt;
use gabion_cache::{
    Answer, Body, CacheError, Capabilities, DirRemote, Key, Manners, Posted, Remote, Shared, Slot, Source,
    Statement, Tiered, Trust,
};
use gabion_digest::{BlobId, Digest, RequestId};
use gabion_store::{Output, Store};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a cache misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Nobody answers.
    Down,
    /// It never answers.
    Silent,
    /// One bit of every blob is another.
    Flip,
    /// Says that it has every blob.
    Boast,
    /// Every blob is cut in its middle, again and again.
    Cut,
    /// Takes nothing.
    Full,
}

/// A folder that misbehaves.
#[derive(Debug)]
struct Double {
    inner: DirRemote,
    fault: Mutex<Fault>,
    asked: AtomicU32,
}

impl Double {
    fn new(folder: &Path) -> Arc<Self> {
        let inner = DirRemote::new(folder);
        Arc::new(Self { inner, fault: Mutex::new(Fault::None), asked: AtomicU32::new(0) })
    }

    fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
        self.asked.store(0, Ordering::Relaxed);
    }

    async fn fault(&self) -> Result<Fault, CacheError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let fault = *self.fault.lock().unwrap();
        match fault {
            Fault::Down => Err(CacheError::unreachable("double", "connection refused")),
            Fault::Silent => std::future::pending().await,
            other => Ok(other),
        }
    }
}

impl Remote for Double {
    fn name(&self) -> &'static str {
        "double"
    }

    fn capabilities(&self) -> Answer<'_, Capabilities> {
        self.inner.capabilities()
    }

    fn has<'a>(&'a self, blobs: &'a [Output]) -> Answer<'a, BTreeSet<BlobId>> {
        Box::pin(async move {
            match self.fault().await? {
                Fault::Boast => Ok(blobs.iter().map(|it| it.blob).collect()),
                _ => self.inner.has(blobs).await,
            }
        })
    }

    fn get<'a>(&'a self, blob: &'a Output, from: u64) -> Answer<'a, Option<Body>> {
        Box::pin(async move {
            let fault = self.fault().await?;
            let Some(body) = self.inner.get(blob, from).await? else { return Ok(None) };
            let pieces = match fault {
                Fault::Flip => body
                    .pieces
                    .map(|piece| {
                        piece.map(|it| {
                            let mut it = it.to_vec();
                            it[0] ^= 1;
                            Bytes::from(it)
                        })
                    })
                    .boxed(),
                Fault::Cut => {
                    let cut = CacheError::unreachable("double", "connection reset");
                    futures_util::stream::iter([Err(cut)]).boxed()
                }
                _ => body.pieces,
            };
            Ok(Some(Body { from, pieces }))
        })
    }

    fn put<'a>(&'a self, source: &'a Source) -> Answer<'a, ()> {
        Box::pin(async move {
            match self.fault().await? {
                Fault::Full => Err(CacheError::refused("double", "HTTP 507")),
                _ => self.inner.put(source).await,
            }
        })
    }

    fn records<'a>(&'a self, slots: &'a [Slot]) -> Answer<'a, Vec<Option<Bytes>>> {
        Box::pin(async move {
            self.fault().await?;
            self.inner.records(slots).await
        })
    }

    fn put_records<'a>(&'a self, records: &'a [Posted]) -> Answer<'a, ()> {
        Box::pin(async move {
            self.fault().await?;
            self.inner.put_records(records).await
        })
    }
}

/// Caches as one, and what was told.
struct Client {
    tiered: Tiered,
    told: Arc<Mutex<Vec<String>>>,
}

fn client(remotes: &[Arc<Double>], trust: Trust) -> Client {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let manners = Manners {
        pause: Duration::from_millis(1),
        pause_max: Duration::from_millis(2),
        answer: Duration::from_millis(200),
        stall: Duration::from_millis(200),
        ..Manners::default()
    };
    let heard = Arc::clone(&told);
    let mut tiered = Tiered::new(trust, manners, move |text| heard.lock().unwrap().push(text));
    for it in remotes {
        tiered.add(Arc::<Double>::clone(it), true);
    }
    Client { tiered, told }
}

impl Client {
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// Which of `keys` end up in `store`.
    async fn restore(&self, store: &Store, keys: &[Key]) -> BTreeSet<Key> {
        let verdict = self.tiered.lookup(keys).await;
        self.tiered.take(store, &verdict).await.unwrap().records.into_keys().collect()
    }
}

/// A cache with the results `a` and `b`, which key 1 signed for `main`.
async fn filled() -> (World, Arc<Double>) {
    let world = World::new();
    let double = Double::new(&world.folder.path().join("cache"));
    let client = client(&[Arc::clone(&double)], trust(&[1], 1));
    let records = [("a", vec![7; 700_000]), ("b", b"b".to_vec())]
        .map(|(name, bytes)| posted(1, "main", world.made(name, &bytes)));
    let shared = client.tiered.share(&world.store, &records).await;
    assert_eq!(shared, Shared { blobs: 2, bytes: 700_001, records: 2, failed: 0 });
    assert_eq!(client.tiered.share(&world.store, &records).await.blobs, 0, "what is there is not put again");
    assert_eq!(client.told(), [""; 0]);
    (world, double)
}

const BOTH: [&str; 2] = ["a", "b"];

fn both() -> BTreeSet<Key> {
    BOTH.map(request).into()
}

#[tokio::test]
async fn what_one_job_shares_another_one_has() {
    let (one, double) = filled().await;
    let other = World::new();
    let client = client(&[double], trust(&[1], 1));
    assert_eq!(client.restore(&other.store, &BOTH.map(request)).await, both());
    for name in BOTH {
        let Key::Request(id) = request(name) else { unreachable!() };
        let record = other.store.record(id).unwrap().unwrap();
        assert!(record.outputs.values().all(|it| other.store.check_output(it).unwrap()));
        let path = |world: &World| world.store.path_of(record.outputs["out"].blob);
        assert_eq!(fs_err::read(path(&one)).unwrap(), fs_err::read(path(&other)).unwrap());
    }
    assert_eq!(client.told(), [""; 0]);
}

#[tokio::test]
async fn a_cold_job_knows_its_plan_in_three_questions() {
    let (world, double) = filled().await;
    let top = Key::Closure(RequestId::new(Digest::of(b"top")));
    let records = [(request("a"), record(&vec![7; 700_000])), (request("b"), record(b"b"))];
    let closure = Statement::of_closure(top, records.into(), []).unwrap();
    let warm = client(&[Arc::clone(&double)], trust(&[1], 1));
    warm.tiered.share(&world.store, &[posted(1, "main", closure)]).await;
    let client = client(&[Arc::clone(&double)], trust(&[1], 1));
    let cold = World::new();
    double.set(Fault::None);
    let verdict = client.tiered.lookup(&[top]).await;
    assert_eq!(double.asked.load(Ordering::Relaxed), 1, "one question for the plan");
    assert_eq!(client.tiered.take(&cold.store, &verdict).await.unwrap().records.len(), 2);
    assert_eq!(double.asked.load(Ordering::Relaxed), 4, "one whether all is there, then a blob each");
}

#[tokio::test]
async fn who_is_not_trusted_is_not_heard() {
    let (world, double) = filled().await;
    let cold = World::new();
    for nobody in [Trust::default(), trust(&[2], 1), trust(&[1, 2], 2)] {
        let client = client(&[Arc::clone(&double)], nobody);
        assert!(client.restore(&cold.store, &BOTH.map(request)).await.is_empty());
        assert_eq!(client.told(), [""; 0], "what nobody said is nothing to tell");
    }
    // A fork has a key of its own, which counts in its namespace alone, whatever it writes where.
    let poison = posted(2, "main", world.made("a", b"poison"));
    let own = posted(2, "pr-1", world.made("c", b"c"));
    double.inner.put_records(&[poison.clone(), own]).await.unwrap();
    let stolen = Posted { slot: Slot { signer: signer(1), ..poison.slot }, ..poison };
    let mut fork = trust(&[1], 1);
    fork.add(signer(2), "pr-1".parse().unwrap());
    let main = client(&[Arc::clone(&double)], fork);
    let verdict = main.tiered.lookup(&["a", "b", "c"].map(request)).await;
    assert_eq!(verdict.accepted[&request("a")].1, [signer(1)].into());
    assert!(verdict.disagree.is_empty() && verdict.accepted.contains_key(&request("c")));
    double.inner.put_records(&[stolen]).await.unwrap();
    assert_eq!(main.restore(&cold.store, &BOTH.map(request)).await, [request("b")].into());
    let told = main.told();
    assert!(told.len() == 1 && told[0].contains("E2007") && told[0].contains("signed it"), "{told:?}");
}

#[tokio::test]
async fn a_lying_cache_costs_time_and_the_next_push_heals_it() {
    let (world, double) = filled().await;
    let cold = World::new();
    double.set(Fault::Flip);
    let client = client(&[Arc::clone(&double)], trust(&[1], 1));
    assert!(client.restore(&cold.store, &BOTH.map(request)).await.is_empty());
    assert!(client.told().iter().all(|it| it.contains("E2003")), "each lie is told");
    assert!(cold.store.list().unwrap().is_empty(), "nobody can read a lie");
    double.set(Fault::None);
    let again = posted(1, "main", world.made("b", b"b"));
    assert_eq!(client.tiered.share(&world.store, &[again]).await.blobs, 1, "what was wrong is put again");
}

#[tokio::test]
async fn a_record_without_its_blobs_is_a_miss_before_any_blob_moves() {
    let (world, double) = filled().await;
    let blob = hash("b");
    fs_err::remove_file(world.folder.path().join(format!("cache/blob/{}/{blob}", &blob[..2]))).unwrap();
    let cold = World::new();
    let client = client(&[Arc::clone(&double)], trust(&[1], 1));
    assert_eq!(client.restore(&cold.store, &BOTH.map(request)).await, [request("a")].into());
    // A cache that says it has what it has not is found out one question later.
    double.set(Fault::Boast);
    let cold = World::new();
    assert_eq!(client.restore(&cold.store, &BOTH.map(request)).await, [request("a")].into());
    assert_eq!(client.told(), [""; 0], "a miss is nothing to tell");
}

fn hash(text: &str) -> String {
    BlobId::new(Digest::of(text.as_bytes())).hex()
}

#[tokio::test]
async fn a_cache_that_is_down_is_left_alone_and_told_once() {
    let (world, double) = filled().await;
    for fault in [Fault::Down, Fault::Silent, Fault::Cut] {
        let cold = World::new();
        double.set(fault);
        let client = client(&[Arc::clone(&double)], trust(&[1], 1));
        assert!(client.restore(&cold.store, &BOTH.map(request)).await.is_empty());
        let asked = double.asked.load(Ordering::Relaxed);
        assert!(asked <= 10, "{fault:?}: asked {asked} times");
        assert!(client.restore(&cold.store, &BOTH.map(request)).await.is_empty());
        assert_eq!(double.asked.load(Ordering::Relaxed), asked, "{fault:?}: it is not asked again");
        let told = client.told();
        assert_eq!(told.iter().filter(|it| it.contains("not asked again")).count(), 1, "{told:?}");
        assert_eq!(told.len(), 1, "{fault:?}: one line: {told:?}");
    }
    double.set(Fault::Down);
    let client = client(&[Arc::clone(&double)], trust(&[1], 1));
    let fresh = posted(1, "main", world.made("c", b"c"));
    let shared = client.tiered.share(&world.store, &[fresh]).await;
    assert!(shared.failed > 0 && shared.records == 0, "a push that fails is no error: {shared:?}");
}

#[tokio::test]
async fn no_record_is_put_whose_blobs_are_not_there() {
    let (world, double) = filled().await;
    double.set(Fault::Full);
    let client = client(&[Arc::clone(&double)], trust(&[1], 1));
    let fresh = posted(1, "main", world.made("c", b"c"));
    let shared = client.tiered.share(&world.store, std::slice::from_ref(&fresh)).await;
    assert_eq!((shared.records, shared.blobs), (0, 0));
    assert_eq!(double.inner.records(&[fresh.slot]).await.unwrap(), [None]);
    double.set(Fault::None);
    assert_eq!(
        client.restore(&World::new().store, &[request("a")]).await,
        [request("a")].into(),
        "reading goes on"
    );
}

#[tokio::test]
async fn a_second_cache_has_what_the_first_one_has_not() {
    let (_one, first) = filled().await;
    let (_two, second) = filled().await;
    first.set(Fault::Down);
    let cold = World::new();
    let client = client(&[first, second], trust(&[1], 1));
    assert_eq!(client.restore(&cold.store, &BOTH.map(request)).await, both());
    assert_eq!(client.told().len(), 1, "the one that is down is told once");
}
