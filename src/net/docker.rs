//! Docker's configuration: who the user is for a registry (docker/cli, `cli/config`; the protocol of credential
//! helpers is docker/docker-credential-helpers).

use crate::config::Credential;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Why Docker's configuration gives no credential. Texts hold no secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum DockerError {
    /// The file cannot be read.
    #[error("could not read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("`{path}` is no configuration of Docker: line {line}, column {column}")]
    Parse { path: PathBuf, line: usize, column: usize },
    /// An entry of the file cannot be read.
    #[error("the entry of `{host}` in `{path}` is not `user:password` in base64")]
    Entry { path: PathBuf, host: String },
    /// The helper fails.
    #[error("the credential helper `{name}` {why}")]
    Helper { name: String, why: String },
    /// Only a token to get tokens with.
    #[error("the credential of `{host}` is an identity token; log in with a password or an access token")]
    IdentityToken { host: String },
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wire {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    identitytoken: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// A helper that asks a person something nobody sees does not hold the work up for ever.
const PATIENCE: Duration = Duration::from_secs(20);
/// What Docker Hub is called in Docker's own files.
const HUB: &str = "https://index.docker.io/v1/";

/// What the configuration `file` has for `host` (`docker.io`, `127.0.0.1:5000`). A missing file has nothing.
pub(super) async fn credential(file: &Path, host: &str) -> Result<Option<Credential>, DockerError> {
    let text = match fs_err::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DockerError::Read { path: file.to_owned(), source }),
    };
    let wire: Wire = serde_json::from_slice(&text).map_err(|error| DockerError::Parse {
        path: file.to_owned(),
        line: error.line(),
        column: error.column(),
    })?;
    let key = if host == "docker.io" { HUB } else { host };
    let helper = [key, host].iter().find_map(|it| wire.cred_helpers.get(*it)).or(wire.creds_store.as_ref());
    if let Some(name) = helper.filter(|name| !name.is_empty()) {
        let program = format!("docker-credential-{name}");
        if let Some(found) = ask(OsStr::new(&program), name, key, PATIENCE).await? {
            return Ok(Some(found));
        }
    }
    match wire.auths.iter().find(|(entry, _)| *entry == key || plain(entry) == host) {
        Some((_, entry)) => entry.credential(file, host),
        None => Ok(None),
    }
}

/// The host of an entry: older versions of Docker wrote locations.
fn plain(entry: &str) -> &str {
    let rest = entry.strip_prefix("https://").or_else(|| entry.strip_prefix("http://")).unwrap_or(entry);
    rest.split('/').next().unwrap_or_default()
}

impl Entry {
    fn credential(&self, file: &Path, host: &str) -> Result<Option<Credential>, DockerError> {
        if !self.identitytoken.is_empty() {
            return Err(DockerError::IdentityToken { host: host.to_owned() });
        }
        if self.auth.is_empty() {
            return Ok(None);
        }
        let wrong = || DockerError::Entry { path: file.to_owned(), host: host.to_owned() };
        let text = BASE64_STANDARD.decode(&self.auth).map_err(|_| wrong())?;
        let text = String::from_utf8(text).map_err(|_| wrong())?;
        let (name, secret) = text.split_once(':').ok_or_else(wrong)?;
        // Docker pads old entries with zeros.
        let secret = secret.trim_end_matches('\0').to_owned();
        Ok(Some(Credential { username: Some(name.to_owned()), secret }))
    }
}

/// Asks a helper: `get`, the registry on stdin, JSON on stdout. `None` where it has nothing.
async fn ask(
    program: &OsStr,
    name: &str,
    key: &str,
    patience: Duration,
) -> Result<Option<Credential>, DockerError> {
    let wrong = |why: String| DockerError::Helper { name: name.to_owned(), why };
    if name.contains(['/', '\0']) {
        return Err(wrong("is a path, not a name".to_owned()));
    }
    let mut child = tokio::process::Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| wrong(format!("does not start: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read still says what it has.
        let _unread = stdin.write_all(key.as_bytes()).await;
    }
    let done = tokio::time::timeout(patience, child.wait_with_output()).await;
    let out = done
        .map_err(|_| wrong(format!("does not answer in {} seconds", patience.as_secs_f32())))?
        .map_err(|error| wrong(format!("fails: {error}")))?;
    if !out.status.success() {
        let nothing = String::from_utf8_lossy(&out.stdout).contains("credentials not found");
        return if nothing { Ok(None) } else { Err(wrong(format!("fails with {}", out.status))) };
    }
    let answer: Answer =
        serde_json::from_slice(&out.stdout).map_err(|_| wrong("does not answer in JSON".to_owned()))?;
    if answer.username == "<token>" {
        return Err(DockerError::IdentityToken { host: key.to_owned() });
    }
    Ok(Some(Credential { username: Some(answer.username), secret: answer.secret }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn user(credential: Option<Credential>) -> Option<(String, String)> {
        credential.map(|it| (it.username.unwrap_or_default(), it.secret))
    }

    fn pair(name: &str, secret: &str) -> (String, String) {
        (name.to_owned(), secret.to_owned())
    }

    #[tokio::test]
    async fn entries_are_found_however_docker_wrote_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        let of = async |host: &str| credential(&file, host).await.map(user);
        assert_eq!(of("ghcr.io").await.unwrap(), None);
        let auth = |text: &str| BASE64_STANDARD.encode(text);
        let json = format!(
            r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{}"}},"ghcr.io":{{"auth":"{}"}},
            "https://old.example/v2/":{{"auth":"{}"}},"127.0.0.1:5000":{{"auth":"{}"}},"empty.example":{{}},
            "bad.example":{{"auth":"{}"}},"id.example":{{"identitytoken":"x"}}}},"HttpHeaders":{{}}}}"#,
            auth("hub:a:b"),
            auth("me:pw"),
            auth("old:pw\0\0"),
            auth("local:pw"),
            auth("nothing")
        );
        fs_err::write(&file, json).unwrap();
        assert_eq!(of("docker.io").await.unwrap(), Some(pair("hub", "a:b")));
        assert_eq!(of("ghcr.io").await.unwrap(), Some(pair("me", "pw")));
        assert_eq!(of("old.example").await.unwrap(), Some(pair("old", "pw")));
        assert_eq!(of("127.0.0.1:5000").await.unwrap(), Some(pair("local", "pw")));
        for nothing in ["127.0.0.1:5001", "127.0.0.1", "evil.ghcr.io", "empty.example"] {
            assert_eq!(of(nothing).await.unwrap(), None, "{nothing}");
        }
        assert!(matches!(of("bad.example").await, Err(DockerError::Entry { .. })));
        assert!(matches!(of("id.example").await, Err(DockerError::IdentityToken { .. })));
        fs_err::write(&file, "{\"auths\": [\"secret\"]}").unwrap();
        let error = of("ghcr.io").await.unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn a_helper_is_asked_and_does_not_hold_the_work_up() {
        let folder = tempfile::tempdir().unwrap();
        let asked = async |script: &str, patience: Duration| {
            let path = folder.path().join("helper");
            fs_err::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            ask(path.as_os_str(), "h", "ghcr.io", patience).await.map(user)
        };
        let good = r#"host=$(cat); [ "$1 $host" = "get ghcr.io" ] && echo '{"ServerURL":"x","Username":"u","Secret":"s"}'"#;
        assert_eq!(asked(good, PATIENCE).await.unwrap(), Some(pair("u", "s")));
        assert_eq!(
            asked("echo credentials not found in native keychain; exit 1", PATIENCE).await.unwrap(),
            None
        );
        assert!(asked("exit 3", PATIENCE).await.unwrap_err().to_string().contains("exit status: 3"));
        let secret = asked("echo my-secret", PATIENCE).await.unwrap_err().to_string();
        assert!(secret.contains("JSON") && !secret.contains("my-secret"));
        assert!(
            asked("exec sleep 60", Duration::from_millis(300))
                .await
                .unwrap_err()
                .to_string()
                .contains("0.3 seconds")
        );
        let token = asked(r#"echo '{"Username":"<token>","Secret":"s"}'"#, PATIENCE).await.unwrap_err();
        assert!(matches!(token, DockerError::IdentityToken { .. }));
        let nowhere = ask(OsStr::new("docker-credential-not-there"), "not-there", "x", PATIENCE).await;
        assert!(nowhere.unwrap_err().to_string().contains("does not start"));
        assert!(ask(OsStr::new("sh"), "../sh", "x", PATIENCE).await.is_err());
    }
}
