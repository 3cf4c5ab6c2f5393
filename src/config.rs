//! What belongs to the user or the CI job, never to a recipe: store, mirrors, credentials, jobs, keys.
//!
//! Read from `$GABION_CONFIG`, otherwise `gabion/config.toml` in `$XDG_CONFIG_HOME` or `~/.config`.
//! None of it may change an output.

mod aws;
mod cache;
mod host_apt;

pub use aws::{Aws, AwsError, AwsKey};
pub use cache::Cache;

use cache::CacheWire;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file named by `$GABION_CONFIG` or the default file cannot be read.
    #[error("could not read the configuration `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what this version understands.
    #[error("the configuration `{path}` is wrong: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What and where.
        message: String,
    },
    /// A credential names an environment variable or a file that is not there.
    #[error("the credential for `{host}` cannot be read from {from}")]
    Credential {
        /// The host it is for.
        host: String,
        /// The variable or file.
        from: String,
    },
    /// A mirror that no location can begin with, or that nobody can ask.
    #[error("the mirror of `{origin}` cannot be used: `{wrong}` does not begin with `https://` or `http://`")]
    Mirror {
        /// Its key below `[mirror]`.
        origin: String,
        /// The key or the value that is wrong.
        wrong: String,
    },
    /// This machine's apt knows no mirror of an archive.
    #[error("apt is not configured here for {what}")]
    HostApt {
        /// The archive.
        what: String,
    },
    /// There is no place for what must be remembered.
    #[error("no folder is known to remember in what a host accepted")]
    NoState,
    /// What is said of caches cannot be.
    #[error(transparent)]
    Cache(Box<gabion_cache::CacheError>),
    /// There is no place for the store.
    #[error("no home directory is known to keep the store in")]
    NoHome,
}

impl From<gabion_cache::CacheError> for ConfigError {
    fn from(error: gabion_cache::CacheError) -> Self {
        Self::Cache(Box::new(error))
    }
}

impl ConfigError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "E1201",
            Self::Parse { .. } => "E1202",
            Self::Credential { .. } => "E1203",
            Self::NoHome => "E1204",
            Self::NoState => "E1208",
            Self::Mirror { .. } => "E1205",
            Self::HostApt { .. } => "E1206",
            Self::Cache(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Credential { .. } => {
                Some("set the variable or write the file; it is read whenever the network may be used".into())
            }
            Self::NoHome => Some("set `HOME`, or name a store with `--store` or `GABION_STORE`".into()),
            Self::NoState => {
                Some("set `HOME` or `GABION_STATE`, or `state` in the configuration: without it an older bundle would pass".into())
            }
            Self::Mirror { .. } => {
                Some("write `[mirror]`, and below it `\"https://origin\" = \"https://mirror/path\"`".into())
            }
            Self::HostApt { .. } => Some(
                "`host-apt` takes mirrors from `/etc/apt`: name the mirror itself below `[mirror]`".into(),
            ),
            Self::Cache(error) => error.help(),
            Self::Read { .. } | Self::Parse { .. } => None,
        }
    }
}

/// One or several replacements of an origin, tried in order.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ConfigWire {
    store: Option<PathBuf>,
    jobs: Option<usize>,
    sign_key: Option<PathBuf>,
    trust: Option<PathBuf>,
    secrets_identity: Option<PathBuf>,
    state: Option<PathBuf>,
    #[serde(default)]
    cache: CacheWire,
    #[serde(default)]
    mirror: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    credentials: BTreeMap<String, CredentialSource>,
}

/// Where a credential is to be read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CredentialSource {
    username: Option<String>,
    /// Variable with the password or token.
    env: Option<String>,
    /// File with the password or token.
    file: Option<PathBuf>,
}

/// A user name and password, or a token alone, for one host.
#[derive(Clone)]
pub struct Credential {
    /// Present for basic authentication.
    pub username: Option<String>,
    /// Password or bearer token.
    pub secret: String,
}

impl std::fmt::Debug for Credential {
    /// Never shows the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The word for the mirrors that this machine's own apt has.
const HOST_APT: &str = "host-apt";

/// No machine has use for more actions at once, and each may hold files open.
const JOBS: usize = 256;

/// The configuration in force.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where the store lies; empty where no place is known.
    pub store: PathBuf,
    /// How many actions run at once, from 1 to 256.
    pub jobs: usize,
    /// The key that bundles are signed with.
    pub sign_key: Option<PathBuf>,
    /// The trust root that bundles are verified against.
    pub trust: Option<PathBuf>,
    /// What opens sidecars of secrets and backups: an identity file of age.
    pub secrets_identity: Option<PathBuf>,
    /// What must be remembered from one run to the next; nothing where no place is known.
    pub state: Option<PathBuf>,
    /// Replacements by prefix of the location; none ends with a slash.
    pub mirrors: Vec<(String, Vec<String>)>,
    /// Credentials by host, or by host and port.
    pub credentials: BTreeMap<String, Credential>,
    /// Credentials that were not read yet; see [`Config::with_secrets`].
    pub unread: BTreeMap<String, CredentialSource>,
    /// Caches that are shared with others.
    pub cache: Cache,
    /// What the environment says of S3, for caches there.
    pub aws: Aws,
    /// Docker's configuration, asked for registries that `credentials` does not have.
    pub docker: Option<PathBuf>,
}

impl Config {
    /// Reads the user's configuration; a missing default file is an empty one.
    pub fn load() -> Result<Self, ConfigError> {
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = variable("HOME");
        let named = variable("GABION_CONFIG");
        let path = named.clone().or_else(|| {
            let folder = variable("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")))?;
            Some(folder.join("gabion/config.toml")).filter(|path| named.is_some() || path.exists())
        });
        let wire = path.as_deref().map_or_else(|| Ok(ConfigWire::default()), read)?;
        let docker = variable("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
        let docker = docker.map(|folder| folder.join("config.json"));
        let shared = Cache::of(wire.cache, variable)?;
        let cache = variable("XDG_CACHE_HOME").or_else(|| Some(home.as_ref()?.join(".cache")));
        let state = variable("XDG_STATE_HOME").or_else(|| Some(home?.join(".local/state")));
        let store = variable("GABION_STORE")
            .or(wire.store)
            .or_else(|| Some(cache?.join("gabion/store")))
            .unwrap_or_default();
        let parallel = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            store,
            jobs: Self::jobs(wire.jobs.unwrap_or(parallel)),
            sign_key: variable("GABION_SIGN_KEY").or(wire.sign_key),
            trust: variable("GABION_TRUST").or(wire.trust),
            secrets_identity: variable("GABION_SECRETS_IDENTITY").or(wire.secrets_identity),
            state: variable("GABION_STATE").or(wire.state).or_else(|| Some(state?.join("gabion"))),
            mirrors: mirrors(wire.mirror)?,
            credentials: BTreeMap::new(),
            unread: wire.credentials,
            cache: shared,
            aws: Aws::of(variable),
            docker,
        })
    }

    /// Takes the mirrors of this machine's own apt for every archive that no mirror is named for.
    pub fn with_host_apt(&mut self) -> Result<(), ConfigError> {
        let found = host_apt::mirrors(Path::new("/etc/apt"));
        if found.is_empty() {
            return Err(ConfigError::HostApt { what: "any archive that recipes name".to_owned() });
        }
        for (origin, mirrors) in found {
            if !self.mirrors.iter().any(|(named, _)| *named == origin) {
                self.mirrors.push((origin, mirrors));
            }
        }
        Ok(())
    }

    /// How many actions run at once where so many are wanted.
    pub fn jobs(wanted: usize) -> usize {
        wanted.clamp(1, JOBS)
    }

    /// The same with every credential read: only who asks the network needs one.
    pub fn with_secrets(&self) -> Result<Self, ConfigError> {
        let mut all = self.clone();
        for (host, source) in std::mem::take(&mut all.unread) {
            let credential = source.read(&host)?;
            all.credentials.insert(host, credential);
        }
        Ok(all)
    }
}

fn read(path: &Path) -> Result<ConfigWire, ConfigError> {
    let text =
        fs_err::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| ConfigError::Parse {
        path: path.to_owned(),
        message: error.to_string().trim().replace('\n', "\n  "),
    })
}

fn mirrors(wire: BTreeMap<String, OneOrMany>) -> Result<Vec<(String, Vec<String>)>, ConfigError> {
    let all = wire.into_iter().map(|(origin, to)| {
        let to = match to {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        };
        let place = location(&origin, &origin)?;
        if to == [HOST_APT] {
            let mut found = host_apt::mirrors(Path::new("/etc/apt")).into_iter();
            let none = || ConfigError::HostApt { what: format!("`{place}`") };
            let (_, mirrors) = found.find(|(of, _)| *of == place).ok_or_else(none)?;
            return Ok((place, mirrors));
        }
        let to: Result<_, _> = to.iter().map(|to| location(&origin, to)).collect();
        Ok((place, to?))
    });
    all.collect()
}

/// One side of the mirror of `origin`: with a scheme, without a slash at its end.
fn location(origin: &str, text: &str) -> Result<String, ConfigError> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some("") | None => Err(ConfigError::Mirror { origin: origin.to_owned(), wrong: text.to_owned() }),
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
    }
}

impl CredentialSource {
    fn read(&self, host: &str) -> Result<Credential, ConfigError> {
        let missing = |from: String| ConfigError::Credential { host: host.to_owned(), from };
        let secret = match (&self.env, &self.file) {
            (Some(name), None) => std::env::var(name).map_err(|_| missing(format!("`${name}`")))?,
            (None, Some(path)) => {
                fs_err::read_to_string(path).map_err(|_| missing(format!("`{}`", path.display())))?
            }
            _ => return Err(missing("one of `env` and `file`".to_owned())),
        };
        let secret = secret.trim_end_matches(['\r', '\n']).to_owned();
        Ok(Credential { username: self.username.clone(), secret })
    }
}
