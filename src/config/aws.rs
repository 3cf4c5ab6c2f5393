//! What the environment and AWS' own files say of S3, as every other client of it reads them (AWS SDKs and Tools Reference
//! Guide, "Configuration and credentials files settings"). Nothing is asked over the network for it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The variables that are read.
const NAMES: [&str; 8] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
];

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// A file cannot be read.
    #[error("`{path}` cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Nobody wrote the profile that `AWS_PROFILE` names.
    #[error("no profile `{0}` has an access key")]
    Profile(String),
}

/// An access key: who asks, and what requests are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsKey {
    /// Its name, which travels with each request.
    pub id: String,
    /// The secret, which never does.
    pub secret: String,
    /// What goes along with a key that is only lent.
    pub token: Option<String>,
}

impl fmt::Debug for AwsKey {
    /// Never shows a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The environment of AWS, and where its files are. The files are read when somebody asks for what is in them.
#[derive(Clone, Default)]
pub struct Aws {
    variables: BTreeMap<&'static str, String>,
    credentials: Option<PathBuf>,
    config: Option<PathBuf>,
}

impl fmt::Debug for Aws {
    /// Never shows a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("variables", &self.variables.keys()).finish_non_exhaustive()
    }
}

impl Aws {
    /// What the environment says.
    pub(super) fn of(variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let text = |name: &'static str| Some((name, variable(name)?.into_os_string().into_string().ok()?));
        let file = |name: &str, usual: &str| {
            variable(name).or_else(|| Some(variable("HOME")?.join(".aws").join(usual)))
        };
        Self {
            variables: NAMES.into_iter().filter_map(text).collect(),
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config: file("AWS_CONFIG_FILE", "config"),
        }
    }

    /// The access key, from the environment or else from the profile; `None` where there is none.
    pub fn key(&self) -> Result<Option<AwsKey>, AwsError> {
        let given = |name: &str| self.variables.get(name).cloned();
        if let (Some(id), Some(secret)) = (given("AWS_ACCESS_KEY_ID"), given("AWS_SECRET_ACCESS_KEY")) {
            return Ok(Some(AwsKey { id, secret, token: given("AWS_SESSION_TOKEN") }));
        }
        for mut profile in [section(self.credentials.as_deref(), self.profile())?, self.in_config()?] {
            let parts = (profile.remove("aws_access_key_id"), profile.remove("aws_secret_access_key"));
            if let (Some(id), Some(secret)) = parts {
                return Ok(Some(AwsKey { id, secret, token: profile.remove("aws_session_token") }));
            }
        }
        given("AWS_PROFILE").map_or(Ok(None), |name| Err(AwsError::Profile(name)))
    }

    /// The region, where one is named.
    pub fn region(&self) -> Result<Option<String>, AwsError> {
        self.setting(&["AWS_REGION", "AWS_DEFAULT_REGION"], "region")
    }

    /// The location of a server in the place of AWS' own, where one is named.
    pub fn endpoint(&self) -> Result<Option<String>, AwsError> {
        self.setting(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], "endpoint_url")
    }

    fn setting(&self, names: &[&str], key: &str) -> Result<Option<String>, AwsError> {
        match names.iter().find_map(|name| self.variables.get(*name)) {
            Some(given) => Ok(Some(given.clone())),
            None => Ok(self.in_config()?.remove(key)),
        }
    }

    fn profile(&self) -> &str {
        self.variables.get("AWS_PROFILE").map_or("default", String::as_str)
    }

    fn in_config(&self) -> Result<BTreeMap<String, String>, AwsError> {
        let named = format!("profile {}", self.profile());
        let section = |name: &str| section(self.config.as_deref(), name);
        let found = section(&named)?;
        if found.is_empty() && self.profile() == "default" { section("default") } else { Ok(found) }
    }
}

/// A section of a file; empty where the file or the section is missing. What is indented belongs to the setting above it,
/// and is of no use here.
fn section(path: Option<&Path>, wanted: &str) -> Result<BTreeMap<String, String>, AwsError> {
    let Some(path) = path else { return Ok(BTreeMap::new()) };
    let text = match fs_err::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(AwsError::Read { path: path.to_owned(), source }),
    };
    let (mut found, mut inside) = (BTreeMap::new(), false);
    for line in text.lines().filter(|line| !line.starts_with(['#', ';', ' ', '\t'])) {
        if let Some(name) = line.trim_end().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name.split_whitespace().eq(wanted.split_whitespace());
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside) {
            found.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `variables` and these two files say.
    fn aws(variables: &[(&str, &str)], credentials: &str, config: &str) -> (tempfile::TempDir, Aws) {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join(".aws")).unwrap();
        fs_err::write(folder.path().join(".aws/credentials"), credentials).unwrap();
        fs_err::write(folder.path().join(".aws/config"), config).unwrap();
        let all: BTreeMap<String, PathBuf> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), PathBuf::from(value)))
            .chain([("HOME".to_owned(), folder.path().to_owned())])
            .collect();
        let aws = Aws::of(|name| all.get(name).cloned());
        (folder, aws)
    }

    fn key(id: &str, secret: &str, token: Option<&str>) -> AwsKey {
        AwsKey { id: id.to_owned(), secret: secret.to_owned(), token: token.map(str::to_owned) }
    }

    const CREDENTIALS: &str = "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=a=/+\n\n[ci]\nAWS_ACCESS_KEY_ID=C\n\
        aws_secret_access_key = c\naws_session_token = t\n";
    const CONFIG: &str = "[default]\nregion = eu-west-3\n[profile ci]\ns3 =\n  region = no\nregion=gra\nendpoint_url = https://s3.example\n";

    #[test]
    fn the_environment_comes_before_the_profile() {
        let (_folder, of) = aws(&[], CREDENTIALS, CONFIG);
        assert_eq!(of.key().unwrap(), Some(key("A", "a=/+", None)));
        assert_eq!((of.region().unwrap().as_deref(), of.endpoint().unwrap()), (Some("eu-west-3"), None));
        let (_folder, of) = aws(&[("AWS_PROFILE", "ci")], CREDENTIALS, CONFIG);
        assert_eq!(of.key().unwrap(), Some(key("C", "c", Some("t"))));
        assert_eq!(of.region().unwrap().as_deref(), Some("gra"));
        assert_eq!(of.endpoint().unwrap().as_deref(), Some("https://s3.example"));
        let given = [("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "e"), ("AWS_REGION", "x")];
        let (_folder, of) = aws(&given, CREDENTIALS, CONFIG);
        assert_eq!(
            (of.key().unwrap(), of.region().unwrap().as_deref()),
            (Some(key("E", "e", None)), Some("x"))
        );
        assert!(!format!("{of:?} {:?}", of.key()).contains("\"e\""));
    }

    #[test]
    fn nothing_is_nobody_and_a_profile_that_is_named_must_be_there() {
        assert_eq!(Aws::default().key().unwrap(), None);
        let (_folder, of) = aws(&[], "", "");
        assert_eq!((of.key().unwrap(), of.region().unwrap()), (None, None));
        let (_folder, of) = aws(&[("AWS_PROFILE", "nobody")], CREDENTIALS, CONFIG);
        assert!(of.key().unwrap_err().to_string().contains("`nobody`"));
    }
}
