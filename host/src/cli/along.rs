//! What comes to a host along with a bundle, and is in none: values of secrets, its identity, its network.

use super::args::InstallArgs;
use super::receive::Greeting;
use crate::disk::network;
use crate::error::HostError;
use crate::root::Root;
use crate::seal::Identity;
use crate::secrets::{Expect, SecretsError, Sidecar, give_identity, take};
use std::io::Read;
use std::path::Path;
use zeroize::Zeroizing;

/// No identity is longer.
const LIMIT: u64 = 1 << 16;

/// All of it, read before anything is written: what cannot be read is told while everything is as it was.
#[derive(Debug, Default)]
pub(super) struct Along {
    secrets: Option<Sidecar>,
    identity: Option<Identity>,
    /// The text of a file of systemd-networkd.
    pub(super) network: Option<String>,
}

fn identity(text: &str) -> Result<Option<Identity>, HostError> {
    Ok(Identity::parse_all(text).map_err(SecretsError::from)?.into_iter().next())
}

impl Along {
    /// What the command line names; `-` for secrets is `input`.
    pub(super) fn read(args: &InstallArgs, input: impl Read) -> Result<Self, HostError> {
        let failed = |path: &Path| {
            let path = path.display().to_string();
            move |source| HostError::Root { path, source }
        };
        let secrets = match &args.secrets {
            None => None,
            Some(path) if path == Path::new("-") => Some(Sidecar::read(input)?),
            Some(path) => Some(Sidecar::read(fs_err::File::open(path).map_err(failed(path))?)?),
        };
        let mut own = None;
        if let Some(path) = &args.host_identity {
            let mut text = Zeroizing::new(String::with_capacity(4096));
            let file = fs_err::File::open(path).map_err(failed(path))?;
            file.take(LIMIT).read_to_string(&mut text).map_err(failed(path))?;
            own = identity(&text)?;
        }
        let network = args.disk.as_ref().and_then(|it| it.network.as_deref());
        Ok(Self { secrets, identity: own, network: network.map(network::read).transpose()? })
    }

    /// What came over the pipe.
    pub(super) fn said(greeting: &Greeting) -> Result<Self, HostError> {
        let secrets = greeting.secrets.as_ref().map(|it| Sidecar::parse(it.text().as_bytes())).transpose()?;
        let identity = greeting.identity.as_ref().map(|it| identity(it.text())).transpose()?.flatten();
        Ok(Self { secrets, identity, network: greeting.network.clone() })
    }

    /// Keeps secrets and identity in `root`, for the bundle `name` on the host `host`.
    pub(super) fn keep(&self, root: &Root, name: &str, host: Option<&str>) -> Result<(), HostError> {
        if let Some(identity) = &self.identity {
            give_identity(root, identity)?;
        }
        if let Some(secrets) = &self.secrets {
            take(root, secrets, Expect { bundle: name, host })?;
        }
        Ok(())
    }
}
