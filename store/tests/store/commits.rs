//! Results of several pieces of work that are kept together.

use crate::world::{World, every, record_of, tmp_is_empty};
use gabion_digest::{ActionId, Digest, RequestId};
use gabion_store::{Pending, Record, StoreError};

fn request(number: usize) -> RequestId {
    RequestId::new(Digest::of(&number.to_le_bytes()))
}

/// A result that has a blob of its own.
fn result(store: &World, number: usize) -> Result<(Pending, Record), StoreError> {
    let mut batch = store.batch();
    let record = record_of(batch.put(format!("bytes {number}").as_bytes())?);
    let action = ActionId::new(Digest::of(&number.to_le_bytes()));
    Ok((batch.end().action(action, &record)?.request(request(number), &record)?, record))
}

#[test]
fn nothing_of_a_result_is_there_before_it_is_committed_and_all_of_it_then() {
    every(|store| {
        let (pending, record) = result(store, 1).unwrap();
        assert!(store.list().unwrap().is_empty());
        assert_eq!(store.record(request(1)).unwrap(), None);
        store.commit(pending).unwrap();
        assert_eq!(store.record(request(1)).unwrap(), Some(record));
        drop(result(store, 2).unwrap());
        assert!(tmp_is_empty(store), "what is not committed leaves nothing behind");
        assert!(store.verify().unwrap().is_clean());
    });
}

#[test]
fn what_many_threads_commit_at_once_is_all_there() {
    every(|store| {
        std::thread::scope(|scope| {
            for thread in 0..8 {
                scope.spawn(move || {
                    for number in 0..20 {
                        let (pending, record) = result(store, thread * 20 + number).unwrap();
                        store.commit(pending).unwrap();
                        let there = store.record(request(thread * 20 + number)).unwrap();
                        assert_eq!(there, Some(record), "it is there when `commit` returns");
                    }
                });
            }
        });
        assert_eq!(store.list().unwrap().len(), 160);
        assert!(tmp_is_empty(store));
        assert!(store.verify().unwrap().is_clean());
    });
}

#[test]
fn a_commit_that_fails_takes_no_other_with_it() {
    every(|store| {
        let hex = request(0).hex();
        fs_err::create_dir_all(store.root().join("request").join(&hex[..2]).join(hex)).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                scope.spawn(move || {
                    for round in 0..20 {
                        let number = if thread == 0 { 0 } else { thread * 20 + round };
                        let (pending, record) = result(store, number).unwrap();
                        let done = store.commit(pending);
                        assert_eq!(done.is_ok(), number != 0, "{done:?}");
                        if number != 0 {
                            assert_eq!(store.record(request(number)).unwrap(), Some(record));
                        }
                    }
                });
            }
        });
    });
}
