//! Keys that sign: a private key of one's own, or one that an ssh-agent holds.

use crate::KeyError;
use crate::agent::Agent;
use crate::signatures::KeyId;
use ssh_key::{Cipher, HashAlg, Kdf, LineEnding, PrivateKey, PublicKey, SshSig};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Rounds of bcrypt over a passphrase, as OpenSSH takes them (ssh-keygen(1), `-a`).
const ROUNDS: u32 = 24;

/// A key that can sign.
#[derive(Debug)]
pub struct SigningKey(Holder);

#[derive(Debug)]
enum Holder {
    Private(Box<PrivateKey>),
    Agent(Agent, PublicKey),
}

/// What a key file or an agent says of a key, without any secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// `SHA256:…`.
    pub fingerprint: String,
    /// `ssh-ed25519 AAAA… comment`.
    pub public: String,
    /// Where the secret is.
    pub secret: Secret,
}

/// Where the secret of a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// In the file, for everybody who can read it.
    Plain,
    /// In the file, under a passphrase.
    Encrypted,
    /// In the agent.
    Agent,
    /// Neither in the file nor in the agent.
    Elsewhere,
}

fn wrong(path: &Path, why: &(impl ToString + ?Sized)) -> KeyError {
    KeyError::Key { path: path.to_owned(), why: why.to_string() }
}

/// What a name leads to, before anybody asked for a passphrase.
enum Found {
    Private(Box<PrivateKey>),
    Public(PublicKey),
    Agent(Agent, PublicKey),
}

/// Finds a key by its name: `agent:SHA256:…`, a public key file, or a private key file, which nobody
/// else may read. A public key that the agent holds is the agent's.
fn find(name: &Path, agent: Option<&Path>) -> Result<Found, KeyError> {
    if let Some(fingerprint) = name.to_str().and_then(|it| it.strip_prefix("agent:")) {
        let named = |key: &PublicKey| key.fingerprint(HashAlg::Sha256).to_string() == fingerprint;
        let found = held(agent.ok_or_else(|| wrong(name, NO_AGENT))?, &named)?;
        let (agent, key) = found.ok_or_else(|| wrong(name, NOT_HELD))?;
        ed25519(name, &key)?;
        return Ok(Found::Agent(agent, key));
    }
    let file = fs_err::File::open(name).map_err(|error| wrong(name, &error.kind()))?;
    let mode = file.metadata().map_err(|error| wrong(name, &error.kind()))?.permissions().mode();
    let mut text = String::new();
    file.take(1 << 20).read_to_string(&mut text).map_err(|error| wrong(name, &error.kind()))?;
    if !text.contains("PRIVATE KEY-----") {
        let public = PublicKey::from_openssh(&text).map_err(|error| wrong(name, &error))?;
        ed25519(name, &public)?;
        let same = |key: &PublicKey| key.key_data() == public.key_data();
        let found = agent.map(|agent| held(agent, &same)).transpose()?.flatten();
        return Ok(found.map_or(Found::Public(public), |(agent, key)| Found::Agent(agent, key)));
    }
    if mode & 0o077 != 0 {
        return Err(wrong(name, "others can read it"));
    }
    let key = PrivateKey::from_openssh(&text).map_err(|error| wrong(name, &error))?;
    ed25519(name, key.public_key())?;
    Ok(Found::Private(Box::new(key)))
}

const NO_AGENT: &str = "no ssh-agent is running";
const NOT_HELD: &str = "the ssh-agent does not hold it";

/// The agent and its key for which `fits` holds, if it has one.
fn held(socket: &Path, fits: &dyn Fn(&PublicKey) -> bool) -> Result<Option<(Agent, PublicKey)>, KeyError> {
    let agent = Agent::new(socket);
    let key = agent.keys()?.into_iter().find(|key| fits(key));
    Ok(key.map(|key| (agent, key)))
}

fn ed25519(path: &Path, key: &PublicKey) -> Result<(), KeyError> {
    match key.algorithm() {
        ssh_key::Algorithm::Ed25519 => Ok(()),
        other => Err(wrong(path, &format!("it is a key for {other}"))),
    }
}

impl KeyInfo {
    /// Looks at a key; see [`SigningKey::load`] for what `name` may be. Nobody is asked for anything.
    pub fn load(name: &Path, agent: Option<&Path>) -> Result<Self, KeyError> {
        let (key, secret) = match find(name, agent)? {
            Found::Private(key) if key.is_encrypted() => (key.public_key().clone(), Secret::Encrypted),
            Found::Private(key) => (key.public_key().clone(), Secret::Plain),
            Found::Public(key) => (key, Secret::Elsewhere),
            Found::Agent(_, key) => (key, Secret::Agent),
        };
        let public = key.to_openssh().map_err(|error| wrong(name, &error))?;
        Ok(Self { fingerprint: key.fingerprint(HashAlg::Sha256).to_string(), public, secret })
    }
}

impl SigningKey {
    /// Loads the key `name`: a private key file that nobody else can read, a public key file whose secret
    /// the ssh-agent at the socket `agent` holds, or `agent:SHA256:…`. An encrypted file asks
    /// `passphrase` for its passphrase.
    pub fn load(
        name: &Path,
        agent: Option<&Path>,
        passphrase: &mut dyn FnMut() -> Option<String>,
    ) -> Result<Self, KeyError> {
        let mut key = match find(name, agent)? {
            Found::Agent(agent, key) => return Ok(Self(Holder::Agent(agent, key))),
            Found::Public(_) => {
                return Err(wrong(name, if agent.is_some() { NOT_HELD } else { NO_AGENT }));
            }
            Found::Private(key) => key,
        };
        if key.is_encrypted() {
            let given = passphrase().ok_or_else(|| wrong(name, "it needs a passphrase"))?;
            *key = key.decrypt(given).map_err(|_| wrong(name, "the passphrase is wrong"))?;
        }
        Ok(Self(Holder::Private(key)))
    }

    /// The key of 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32], comment: &str) -> Self {
        let pair = ssh_key::private::Ed25519Keypair::from_seed(seed);
        let mut key = PrivateKey::from(pair);
        key.set_comment(comment);
        Self(Holder::Private(Box::new(key)))
    }

    /// The private key as text in OpenSSH's format: under `passphrase` with this salt, or plain. A key
    /// that an agent holds has no such text.
    pub fn to_openssh(&self, passphrase: Option<(&str, [u8; 16])>) -> Result<String, KeyError> {
        let failed = |error: ssh_key::Error| KeyError::Signature(error.to_string());
        let Holder::Private(key) = &self.0 else {
            return Err(KeyError::Agent("it never shows a private key".to_owned()));
        };
        let text = match passphrase {
            None => key.to_openssh(LineEnding::LF),
            Some((passphrase, salt)) => {
                // The check integer only tells a wrong passphrase; it is no secret.
                let check = u32::from_le_bytes([salt[0], salt[1], salt[2], salt[3]]);
                let kdf = Kdf::Bcrypt { salt: salt.to_vec(), rounds: ROUNDS };
                let encrypted = key.encrypt_with(Cipher::Aes256Ctr, kdf, check, passphrase);
                encrypted.map_err(failed)?.to_openssh(LineEnding::LF)
            }
        };
        Ok(text.map_err(failed)?.to_string())
    }

    fn public(&self) -> &PublicKey {
        match &self.0 {
            Holder::Private(key) => key.public_key(),
            Holder::Agent(_, key) => key,
        }
    }

    /// The public key's line, `ssh-ed25519 AAAA… comment`.
    pub fn public_line(&self) -> Result<String, KeyError> {
        self.public().to_openssh().map_err(|error| KeyError::Signature(error.to_string()))
    }

    /// The public key's fingerprint, `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.public().fingerprint(HashAlg::Sha256).to_string()
    }

    /// Which key it is.
    pub fn id(&self) -> Option<KeyId> {
        KeyId::of(self.public().key_data())
    }

    /// Signs `message` in `namespace`.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<SshSig, KeyError> {
        let failed = |error: ssh_key::Error| KeyError::Signature(error.to_string());
        let (agent, key) = match &self.0 {
            Holder::Private(key) => {
                return key.sign(namespace, HashAlg::Sha512, message).map_err(failed);
            }
            Holder::Agent(agent, key) => (agent, key),
        };
        let data = SshSig::signed_data(namespace, HashAlg::Sha512, message).map_err(failed)?;
        let signature = agent.sign(key, &data)?;
        SshSig::new(key.key_data().clone(), namespace, HashAlg::Sha512, signature).map_err(failed)
    }
}

/// Where the public half of the key file `path` lies: beside it, with `.pub`.
pub fn public_path(path: &Path) -> PathBuf {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    PathBuf::from(public)
}
