//! How a cache is treated: how long it is waited for, how often it is asked, and when it is left alone.

use crate::fetch::within;
use crate::{CacheError, Remote};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// How a cache is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manners {
    /// How often a question is asked.
    pub attempts: u32,
    /// The longest pause before the second attempt; each further one may be twice as long.
    pub pause: Duration,
    /// No pause is longer, whatever the cache asks for.
    pub pause_max: Duration,
    /// How long an answer may take to begin, and a small one to end.
    pub answer: Duration,
    /// How long a blob may stand still on its way.
    pub stall: Duration,
    /// How many failures in a row end the run for a cache.
    pub failures: u32,
    /// How many blobs are on their way at once.
    pub parallel: usize,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            attempts: 5,
            pause: Duration::from_millis(200),
            pause_max: Duration::from_secs(10),
            answer: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            failures: 3,
            parallel: 16,
        }
    }
}

impl Manners {
    /// Full jitter: anything between nothing and `pause` · 2ⁿ, after what the cache asks for.
    fn pause(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        use std::hash::{BuildHasher, Hasher};
        let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
        let most = self.pause.saturating_mul(1 << attempt.min(16)).min(self.pause_max);
        let jitter = Duration::from_millis(random % (most.as_millis().max(1) as u64));
        (asked.unwrap_or_default() + jitter).min(self.pause_max)
    }

    /// How long all attempts at a blob may take: one that comes slower than 64 KiB a second is quicker made.
    pub(crate) fn deadline(&self, size: u64) -> Duration {
        self.stall * 2 + Duration::from_secs(size >> 16)
    }
}

/// Whether a cache is still asked in this run. Nothing of it outlives the run.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: AtomicU32,
    off: AtomicBool,
}

impl Breaker {
    pub(crate) fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    fn good(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// Notes a failure; whether it is the one that turns the cache off.
    fn bad(&self, enough: u32) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= enough && !self.off.swap(true, Ordering::Relaxed)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The cache was turned off before.
    Off,
    /// This failure turned it off.
    Now(CacheError),
    /// Only this question failed.
    Only(CacheError),
}

/// Asks until there is an answer, with pauses, as long as that may help.
pub(crate) async fn ask<T>(
    manners: &Manners,
    breaker: &Breaker,
    work: impl AsyncFn() -> Result<T, CacheError>,
) -> Result<T, NoAnswer> {
    let mut attempt = 0;
    loop {
        if breaker.is_off() {
            return Err(NoAnswer::Off);
        }
        let error = match work().await {
            Ok(value) => {
                breaker.good();
                return Ok(value);
            }
            Err(error) => error,
        };
        let enough = if error.is_passing() { manners.failures } else { 1 };
        if error.is_remote() && breaker.bad(enough) {
            return Err(NoAnswer::Now(error));
        }
        attempt += 1;
        if !error.is_passing() || attempt >= manners.attempts {
            return Err(NoAnswer::Only(error));
        }
        let asked = if let CacheError::Unreachable { wait, .. } = &error { *wait } else { None };
        tokio::time::sleep(manners.pause(attempt - 1, asked)).await;
    }
}

/// The same for questions with a small answer, each of which must be there soon.
pub(crate) async fn ask_soon<T>(
    manners: &Manners,
    breaker: &Breaker,
    remote: &dyn Remote,
    work: impl AsyncFn() -> Result<T, CacheError>,
) -> Result<T, NoAnswer> {
    ask(manners, breaker, async || within(manners.answer, remote, work()).await).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> Manners {
        Manners { pause: Duration::from_millis(1), pause_max: Duration::from_millis(2), ..Manners::default() }
    }

    /// Asks once, with an answer after `bad` failures; gives how often it was asked.
    async fn asked(breaker: &Breaker, bad: u32, error: fn() -> CacheError) -> (u32, Result<(), NoAnswer>) {
        let count = AtomicU32::new(0);
        let work = async || if count.fetch_add(1, Ordering::Relaxed) < bad { Err(error()) } else { Ok(()) };
        let answer = ask(&quick(), breaker, work).await;
        (count.into_inner(), answer)
    }

    fn passing() -> CacheError {
        CacheError::unreachable("x", "down")
    }

    #[tokio::test]
    async fn three_failures_in_a_row_turn_a_cache_off_for_the_run() {
        let breaker = Breaker::default();
        assert!(matches!(asked(&breaker, 2, passing).await, (3, Ok(()))));
        assert!(matches!(asked(&breaker, 2, passing).await, (3, Ok(()))), "an answer forgets failures");
        assert!(matches!(asked(&breaker, 9, passing).await, (3, Err(NoAnswer::Now(_)))));
        assert!(
            matches!(asked(&breaker, 0, passing).await, (0, Err(NoAnswer::Off))),
            "it is not asked again"
        );
    }

    #[tokio::test]
    async fn what_will_not_pass_is_asked_once() {
        let breaker = Breaker::default();
        let lie = || CacheError::Lie { remote: "x".into(), blob: "b3:".into() };
        assert!(matches!(asked(&breaker, 9, lie).await, (1, Err(NoAnswer::Only(_)))));
        assert!(!breaker.is_off(), "a lie says nothing of other blobs");
        assert!(matches!(
            asked(&breaker, 9, || CacheError::refused("x", 403)).await,
            (1, Err(NoAnswer::Now(_)))
        ));
    }

    #[test]
    fn pauses_are_bounded() {
        let manners = Manners::default();
        for attempt in 0..70 {
            assert!(manners.pause(attempt, None) <= manners.pause_max);
        }
        let asked = manners.pause(0, Some(Duration::from_secs(3)));
        assert!(asked >= Duration::from_secs(3) && asked <= manners.pause_max);
        assert_eq!(manners.pause(0, Some(Duration::from_secs(3600))), manners.pause_max);
    }
}
