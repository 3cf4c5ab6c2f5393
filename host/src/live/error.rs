//! Why a running host did not come to a generation.

use super::packages::PackageChange;
use crate::error::HostError;
use std::io;

/// Why a running host did not come to a generation.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// Files, trust or the bundle.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A program cannot be started.
    #[error("could not run `{program}`")]
    Start {
        /// With its arguments.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed ({end}): {said}")]
    Program {
        /// With its arguments.
        program: String,
        /// How it ended.
        end: String,
        /// What it said.
        said: String,
    },
    /// Something did not come in time.
    #[error("{what} did not end within {seconds} s{last}")]
    Deadline {
        /// What.
        what: String,
        /// How long it had.
        seconds: u64,
        /// What was seen last, from `: ` on.
        last: String,
    },
    /// A program said something that it never says.
    #[error("`{program}` said what is not understood: {message}")]
    Answer {
        /// With its arguments.
        program: String,
        /// What is wrong.
        message: String,
    },
    /// The health gate is not green.
    #[error("the host is not healthy: {}", .0.join("; "))]
    Unhealthy(Vec<String>),
    /// The new generation was given up, and the older one is in force again.
    #[error("generation {failed} was given up and {current} is in force again")]
    Returned {
        /// What was given up.
        failed: u64,
        /// What is in force.
        current: String,
        /// Why.
        #[source]
        source: Box<LiveError>,
    },
    /// The new generation was given up, and the older one did not come back.
    #[error("generation {failed} was given up ({why}), and generation {back} did not come back")]
    Stuck {
        /// What was given up.
        failed: u64,
        /// Why.
        why: String,
        /// What did not come back.
        back: u64,
        /// Why.
        #[source]
        source: Box<LiveError>,
    },
    /// The host is not what the plan was made for.
    #[error("the host changed since plan {asked} was made: it is {found} now")]
    Changed {
        /// The plan that was named.
        asked: String,
        /// The plan that would be made now.
        found: String,
    },
    /// The bundle's system has older packages than the host.
    #[error("the bundle's system has older packages than this host: {}", older(.0))]
    Downgrade(Vec<PackageChange>),
    /// A change is under way.
    #[error("generation {to} is not settled yet ({step})")]
    Pending {
        /// Where it goes.
        to: u64,
        /// How far it is.
        step: String,
    },
    /// There is nothing to confirm.
    #[error("nothing waits to be confirmed")]
    NothingPending,
    /// No such generation.
    #[error("{0}")]
    NoGeneration(String),
}

impl LiveError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Host(error) => error.code(),
            Self::Start { .. } => "E0620",
            Self::Program { .. } => "E0621",
            Self::Deadline { .. } => "E0622",
            Self::Answer { .. } => "E0623",
            Self::Unhealthy(_) => "E0624",
            Self::Returned { .. } => "E0625",
            Self::Stuck { .. } => "E0626",
            Self::Changed { .. } => "E0627",
            Self::Pending { .. } => "E0629",
            Self::Downgrade(_) => "E0633",
            Self::NothingPending => "E0630",
            Self::NoGeneration(_) => "E0631",
        }
    }

    /// How a program ends with it: 10 where the host went back, 11 where it could not.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Host(error) => error.exit(),
            Self::Returned { .. } => 10,
            Self::Stuck { .. } => 11,
            Self::NothingPending | Self::NoGeneration(_) => 2,
            _ => 1,
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Host(error) => error.help(),
            Self::Start { .. } => Some("is this the host that the bundle is for? `gabion host facts` shows what it has".into()),
            Self::Program { .. } | Self::Deadline { .. } => {
                Some("`gabion host status` shows where the host stands; the same command goes on from there".into())
            }
            Self::Answer { .. } => None,
            Self::Unhealthy(_) => Some("look at what is named; `gabion host status` asks again".into()),
            Self::Returned { .. } => Some("the host is as it was before; mend the cause and apply again".into()),
            Self::Stuck { .. } => Some(
                "look at the cause with `journalctl -u k3s`; then `gabion host recover` goes on, and `gabion host rollback --to N` \
                 chooses another generation"
                    .into(),
            ),
            Self::Downgrade(_) => Some(
                "pin the newer packages with `gabion update` and build the bundle again; `--allow-downgrade` takes the \
                 older ones".into(),
            ),
            Self::Changed { .. } => Some("look at the new plan: `gabion host plan`".into()),
            Self::Pending { .. } => {
                Some("`gabion host confirm` keeps it, `gabion host rollback` gives it up, `gabion host recover` goes on".into())
            }
            Self::NothingPending => Some("`gabion host status` shows what is in force".into()),
            Self::NoGeneration(_) => Some("`gabion host generations` lists what is kept".into()),
        }
    }
}

/// Packages and their versions in a sentence; of many, the first few.
fn older(packages: &[PackageChange]) -> String {
    const SHOWN: usize = 5;
    let shown = |it: &PackageChange| {
        let version = |it: &Option<String>| it.clone().unwrap_or_default();
        format!("`{}` {} (here {})", it.package, version(&it.after), version(&it.before))
    };
    let mut words: Vec<String> = packages.iter().take(SHOWN).map(shown).collect();
    if packages.len() > SHOWN {
        words.push(format!("and {} more", packages.len() - SHOWN));
    }
    words.join(", ")
}

/// An error with everything that caused it, `a: b: c`.
pub fn told(error: &LiveError) -> String {
    crate::error::chain(error)
}
