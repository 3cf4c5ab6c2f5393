//! The SSH server: keys alone, no root, one host key of a kind that is made in no time.

use crate::make::{Maker, lines};
use crate::settings::Settings;
use crate::units::enable;
use std::num::NonZeroU16;

/// How the SSH server listens and whom it lets in.
#[derive(Debug, Clone)]
pub struct Ssh {
    /// The port.
    pub port: NonZeroU16,
    /// Whether passwords are asked for.
    pub password_auth: bool,
    /// Whether root may log in, with a key.
    pub root_login: bool,
    /// Whether the two above are meant.
    pub insecure: bool,
}

impl Default for Ssh {
    fn default() -> Self {
        let port = const { NonZeroU16::new(22).unwrap() };
        Self { port, password_auth: false, root_login: false, insecure: false }
    }
}

/// Host keys that the package made: they must be no part of an image, or all of its hosts share them.
const HOST_KEYS: [&str; 4] =
    ["ssh_host_dsa_key", "ssh_host_rsa_key", "ssh_host_ecdsa_key", "ssh_host_ed25519_key"];

pub(crate) fn make(settings: &Settings, maker: &mut Maker<'_>) {
    for key in HOST_KEYS {
        maker.remove(&format!("etc/ssh/{key}"));
        maker.remove(&format!("etc/ssh/{key}.pub"));
    }
    let Some(ssh) = &settings.ssh else { return };
    if maker.need("ssh", "openssh-server", "usr/sbin/sshd") {
        maker.file("etc/ssh/sshd_config.d/10-gabion.conf", config(ssh));
        enable("ssh.service", maker);
    }
}

/// Debian's `sshd_config` reads the folder first, and the first value of a keyword counts (`sshd_config(5)`).
fn config(ssh: &Ssh) -> String {
    let yes = |it: bool| if it { "yes" } else { "no" };
    let root = if ssh.root_login { "prohibit-password" } else { "no" };
    let methods = if ssh.password_auth { "any" } else { "publickey" };
    let words = [
        format!("Port {}", ssh.port),
        "HostKey /etc/ssh/ssh_host_ed25519_key".to_owned(),
        format!("PermitRootLogin {root}"),
        format!("PasswordAuthentication {}", yes(ssh.password_auth)),
        "KbdInteractiveAuthentication no".to_owned(),
        "PubkeyAuthentication yes".to_owned(),
        format!("AuthenticationMethods {methods}"),
        "PermitEmptyPasswords no".to_owned(),
        "X11Forwarding no".to_owned(),
        "AllowAgentForwarding no".to_owned(),
        "MaxAuthTries 3".to_owned(),
        "LoginGraceTime 30".to_owned(),
    ];
    lines(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_takes_keys_alone_unless_told_otherwise() {
        let text = config(&Ssh::default());
        assert!(text.starts_with("Port 22\n"));
        for line in ["PermitRootLogin no", "PasswordAuthentication no", "AuthenticationMethods publickey"] {
            assert!(text.contains(&format!("\n{line}\n")), "{line}");
        }
        let open = Ssh { password_auth: true, root_login: true, insecure: true, ..Ssh::default() };
        let text = config(&open);
        for line in ["PermitRootLogin prohibit-password", "PasswordAuthentication yes"] {
            assert!(text.contains(&format!("\n{line}\n")), "{line}");
        }
    }
}
