//! `challenge`: where several builders did not make the same, down to files and bytes.

use super::args::TargetArgs;
use super::failure::Failure;
use super::locking::bind;
use super::project::Session;
use crate::build::{self, Difference};
use crate::exit::Exit;
use crate::share::Share;
use gabion_cache::{CacheError, Key, Opinions};
use gabion_digest::BlobId;
use gabion_store::{Record, Store};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A result, and who made it.
type Made = (Record, Vec<String>);

/// Two results of one key that are not the same.
struct Contest {
    from: Vec<String>,
    to: Vec<String>,
    difference: Difference,
}

/// What was compared.
#[derive(Default)]
struct Compared {
    /// Keys of which several builders say the same, or do not.
    several: u64,
    contests: Vec<Contest>,
}

pub(super) fn run(session: &Session<'_>, args: &TargetArgs) -> Result<Exit, Failure> {
    if session.config.cache.urls.is_empty() {
        return Err(CacheError::Nowhere.into());
    }
    let locked = bind(session, session.load()?, args.target.as_deref())?;
    let store = session.store()?;
    // Nothing that is brought here is removed before it was compared.
    let _lease = store.lease()?;
    let nodes = locked.graph.order.iter();
    let names = nodes.filter_map(|it| Some((Key::Request(locked.id(&it.address)?), it.address.to_string())));
    let names: BTreeMap<Key, String> = names.collect();
    let compared = session.with_client(async |client, events| {
        let Some(share) = session.share(client, events)? else { return Err(CacheError::Nowhere.into()) };
        let opinions = share.opinions(&locked).await;
        compare(&share, &store, &opinions, &names).await
    })?;
    show(session, &compared);
    Ok(if compared.contests.is_empty() { Exit::Ok } else { Exit::NotReproducible })
}

async fn compare(
    share: &Share,
    store: &Store,
    opinions: &Opinions,
    names: &BTreeMap<Key, String>,
) -> Result<Compared, Failure> {
    let mut compared = Compared::default();
    // A node's result is that of its last step: it is told once.
    let mut told: BTreeSet<BTreeSet<BlobId>> = BTreeSet::new();
    for (key, said) in opinions.all() {
        let mut made: Vec<Made> =
            said.iter().map(|(it, by)| (it.clone(), by.iter().map(ToString::to_string).collect())).collect();
        for own in here(store, key)? {
            match made.iter_mut().find(|(it, _)| *it == own) {
                Some((_, by)) => by.push("here".to_owned()),
                None => made.push((own, vec!["here".to_owned()])),
            }
        }
        compared.several += u64::from(made.iter().map(|(_, by)| by.len()).sum::<usize>() > 1);
        let Some(((first, from), others)) = made.split_first().filter(|(_, others)| !others.is_empty())
        else {
            continue;
        };
        let name = names.get(key).cloned().unwrap_or_else(|| key.to_string());
        for (other, to) in others {
            let pair = first.blobs().chain(other.blobs()).collect();
            if !told.insert(pair) {
                continue;
            }
            let wanted: Vec<_> =
                [first, other].iter().filter_map(|it| opinions.blobs_of(it)).flatten().collect();
            share.bring(store, &wanted).await?;
            for difference in build::compare(&name, store, first, other)? {
                compared.contests.push(Contest { from: from.clone(), to: to.clone(), difference });
            }
        }
    }
    Ok(compared)
}

/// What the store has of a key.
fn here(store: &Store, key: &Key) -> Result<Vec<Record>, Failure> {
    Ok(match key {
        Key::Request(id) => store.record(*id)?.into_iter().collect(),
        Key::Action(id) => store.actions(*id)?,
        Key::Closure(_) => Vec::new(),
    })
}

fn show(session: &Session<'_>, compared: &Compared) {
    let Compared { several, contests } = compared;
    if session.ui.json {
        let shown = contests.iter().map(|it| {
            let Difference { node, output, places } = &it.difference;
            json!({ "node": node, "output": output, "from": it.from, "to": it.to, "places": places })
        });
        let shown: Vec<_> = shown.collect();
        return session.ui.data(json!({ "schema": 1, "compared": several, "differences": shown }));
    }
    for Contest { from, to, difference } in contests {
        let (from, to) = (from.join(", "), to.join(", "));
        session.ui.data(format!("{}#{}: from {from} to {to}", difference.node, difference.output));
        difference.places.iter().for_each(|place| session.ui.data(format!("  {place}")));
    }
    if contests.is_empty() {
        session.ui.note(match several {
            0 => "nothing is made by more than one builder".to_owned(),
            several => format!("{several} results are the same from each builder that has them"),
        });
    }
}
