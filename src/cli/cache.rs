//! `cache push|pull|check|serve`.

use super::args::{CacheCommand, TargetArgs};
use super::failure::Failure;
use super::locking::bind;
use super::project::Session;
use super::{key, serve};
use crate::error::chain;
use crate::exit::Exit;
use crate::lock::LockedGraph;
use crate::net::remote;
use gabion_cache::{CacheError, Checked, Key, Manners, check};
use gabion_lockfile::human_size;
use gabion_store::Need;
use serde_json::json;

pub(super) fn run(session: &Session<'_>, command: &CacheCommand) -> Result<Exit, Failure> {
    match command {
        CacheCommand::Push(args) => push(session, args),
        CacheCommand::Pull(args) => pull(session, args),
        CacheCommand::Check(args) => look(session, args),
        CacheCommand::Serve(args) => serve::run(session.ui, args),
    }
}

/// The graph below the target, under the lock that `build` would use.
fn locked(session: &Session<'_>, args: &TargetArgs) -> Result<LockedGraph<'static>, Failure> {
    if session.config.cache.urls.is_empty() {
        return Err(CacheError::Nowhere.into());
    }
    bind(session, session.load()?, args.target.as_deref())
}

fn push(session: &Session<'_>, args: &TargetArgs) -> Result<Exit, Failure> {
    let locked = locked(session, args)?;
    let store = session.store()?;
    let put = session.with_client(async |client, events| {
        let Some(share) = session.share_to_push(client, events)? else {
            return Err(CacheError::Nowhere.into());
        };
        Ok(share.push_all(&locked, &store).await?)
    })?;
    if session.ui.json {
        session.ui.data(json!({
            "schema": 1, "records": put.records, "blobs": put.blobs, "bytes": put.bytes, "failed": put.failed,
        }));
    } else if put.records == 0 && put.failed == 0 {
        session.ui.note(format!("nothing to share: nothing below `{}` is built", locked.graph.target));
    }
    Ok(if put.failed > 0 { Exit::Failure } else { Exit::Ok })
}

fn pull(session: &Session<'_>, args: &TargetArgs) -> Result<Exit, Failure> {
    let locked = locked(session, args)?;
    let store = session.store()?;
    let lease = store.lease()?;
    for id in locked.graph.order.iter().filter_map(|it| locked.id(&it.address)) {
        lease.need(Need::Request(id))?;
    }
    let taken = session.with_client(async |client, events| {
        let Some(share) = session.share(client, events)? else { return Err(CacheError::Nowhere.into()) };
        Ok(share.restore(&locked, &store).await?)
    })?;
    if session.ui.json {
        session.ui.data(json!({
            "schema": 1, "records": taken.records.len(), "blobs": taken.blobs, "bytes": taken.bytes,
        }));
    } else if taken.records.is_empty() {
        session.ui.note("the caches have nothing that is missing here");
    }
    Ok(Exit::Ok)
}

fn look(session: &Session<'_>, args: &TargetArgs) -> Result<Exit, Failure> {
    let locked = locked(session, args)?;
    let mut config = session.config.cache.clone();
    if let Some(path) = &config.key {
        config.trust_own(&key::info(path)?.public)?;
    }
    let ids = locked.graph.order.iter().filter_map(|it| locked.id(&it.address)).map(Key::Request);
    let closure = locked.id(&locked.graph.target).map(Key::Closure);
    let keys: Vec<Key> = ids.chain(closure).collect();
    let found = session.with_client(async |client, _| {
        let mut found = Vec::new();
        for address in &config.urls {
            let remote = remote(client, address)?;
            let checked = check(&*remote, &config.trust, &keys, &Manners::default()).await;
            found.push((remote.name().to_owned(), checked));
        }
        Ok(found)
    })?;
    if session.ui.json {
        let shown: Vec<_> = found.iter().map(|(name, it)| shown(name, it)).collect();
        session.ui.data(json!({ "schema": 1, "caches": shown }));
    } else {
        for (name, it) in &found {
            tell(session, name, it);
        }
    }
    let is = |fits: fn(&Result<Checked, CacheError>) -> bool| found.iter().any(|(_, it)| fits(it));
    Ok(match () {
        () if is(|it| it.as_ref().is_ok_and(|it| !it.wrong.is_empty())) => Exit::Integrity,
        () if is(|it| it.as_ref().is_ok_and(|it| !it.refused.is_empty())) => Exit::Trust,
        () if is(Result::is_err) => Exit::Failure,
        () => Exit::Ok,
    })
}

fn shown(name: &str, checked: &Result<Checked, CacheError>) -> serde_json::Value {
    match checked {
        Ok(it) => json!({
            "cache": name, "records": it.records, "good": it.good, "bytes": it.bytes,
            "refused": it.refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "missing": it.missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "wrong": it.wrong.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Err(error) => json!({ "cache": name, "error": { "code": error.code(), "message": chain(error) } }),
    }
}

fn tell(session: &Session<'_>, name: &str, checked: &Result<Checked, CacheError>) {
    let it = match checked {
        Ok(it) => it,
        Err(error) => return session.ui.data(format!("{name}: [{}] {}", error.code(), chain(error))),
    };
    let size = human_size(it.bytes);
    session.ui.data(format!("{name}: {} records count, {} blobs are good ({size})", it.records, it.good));
    for error in &it.refused {
        session.ui.data(format!("refused [{}] {error}", error.code()));
    }
    for (word, blobs) in [("missing", &it.missing), ("wrong", &it.wrong)] {
        for blob in blobs {
            session.ui.data(format!("{word} {blob}"));
        }
    }
}
