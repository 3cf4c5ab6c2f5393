//! `host install --disk`, and `host facts`: words to values, and values to lines.

use crate::disk::{DiskError, Event, Facts, Must, Options, Report, Selector, install_bundle, network};
use crate::{HostError, Root};
use gabion_bundle::Opened;
use gabion_disk::{MIB, Slot};
use std::io::{Read, Seek};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Which disk an empty machine gets its system on, from a rescue system
#[derive(Debug, Clone, clap::Args)]
pub struct InstallDiskArgs {
    /// The disk: `/dev/disk/by-id/…`, `serial:…`, `model:…` or `size:largest-not-root`; a device as `/dev/sdb` needs `--must` too
    #[arg(long, value_name = "DISK")]
    pub disk: Selector,
    /// What the disk must be: `serial:…`, `model:…`, `id:…`, `table:…` or `size:BYTES`
    #[arg(long, value_name = "FACT")]
    pub must: Vec<Must>,
    /// Lets everything on the disk go that has this serial number or name below `/dev/disk/by-id`
    #[arg(long, value_name = "SERIAL-OR-ID")]
    pub erase: Option<String>,
    /// Which disk of the bundle, where it carries several
    #[arg(long, value_name = "NODE")]
    pub node: Option<String>,
    /// A file of systemd-networkd, instead of the network that this machine has now
    #[arg(long, value_name = "FILE", conflicts_with_all = ["address", "gateway", "dns"])]
    pub network: Option<PathBuf>,
    /// An address besides those that this machine has now, with the length of its network
    #[arg(long, value_name = "ADDRESS/LENGTH", value_parser = address)]
    pub address: Vec<(IpAddr, u8)>,
    /// A gateway besides those that this machine has now
    #[arg(long, value_name = "ADDRESS")]
    pub gateway: Vec<IpAddr>,
    /// A server of names, instead of those that this machine asks now
    #[arg(long, value_name = "ADDRESS")]
    pub dns: Vec<IpAddr>,
}

fn address(text: &str) -> Result<(IpAddr, u8), String> {
    let wrong = || format!("`{text}` is no address with the length of its network, as `2001:db8::7/128`");
    let (address, length) = text.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let length: u8 = length.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv6() { 128 } else { 32 };
    if length > most { Err(wrong()) } else { Ok((address, length)) }
}

impl InstallDiskArgs {
    /// The same as words of a command line, but for the file of the network.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec!["--disk".to_owned(), self.disk.to_string()];
        let mut say = |option: &str, value: String| words.extend([option.to_owned(), value]);
        self.must.iter().for_each(|it| say("--must", it.to_string()));
        self.erase.iter().for_each(|it| say("--erase", it.clone()));
        self.node.iter().for_each(|it| say("--node", it.clone()));
        self.address.iter().for_each(|(it, length)| say("--address", format!("{it}/{length}")));
        self.gateway.iter().for_each(|it| say("--gateway", it.to_string()));
        self.dns.iter().for_each(|it| say("--dns", it.to_string()));
        words
    }

    /// The same as values; `network` is the text of the file that is named.
    pub fn options(&self, network: Option<String>, dry_run: bool) -> Options {
        Options {
            disk: self.disk.clone(),
            must: self.must.clone(),
            erase: self.erase.clone(),
            network: network::Choice {
                file: network,
                addresses: self.address.clone(),
                gateways: self.gateway.clone(),
                dns: self.dns.clone(),
            },
            dry_run,
        }
    }
}

/// What this machine is, as JSON.
pub fn facts() -> Result<String, DiskError> {
    let facts = Facts::gather(Path::new("/"))?;
    serde_json::to_string_pretty(&facts)
        .map_err(|error| DiskError::Facts { path: "facts".to_owned(), source: error.into() })
}

/// Installs the disk of `bundle` onto the one that `args` name; `lay` puts files into the new system.
pub fn run<R: Read + Seek + Send>(
    args: &InstallDiskArgs,
    bundle: &mut Opened<R>,
    options: &Options,
    events: &mut dyn FnMut(Event),
    lay: impl FnOnce(&mut Opened<R>, &Root, Slot) -> Result<(), HostError> + Send,
) -> Result<Report, HostError> {
    let facts = Facts::gather(Path::new("/"))?;
    install_bundle(&facts, bundle, args.node.as_deref(), options, events, lay)
}

/// What happens, in a line for a person.
pub fn line(event: &Event) -> String {
    let of = |what: &str, done: u64, total: u64| format!("{what} {} of {} MiB", done / MIB, total / MIB);
    match event {
        Event::Chosen { disk, content } => format!("the disk is {disk}; it has {content}"),
        Event::Step { text } => text.clone(),
        Event::Wrote { done, total } => of("wrote", *done, *total),
        Event::Checked { done, total } => of("read back", *done, *total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: InstallDiskArgs,
    }

    fn parse(words: &[&str]) -> Result<InstallDiskArgs, clap::Error> {
        Cli::try_parse_from([&["install"], words].concat()).map(|it| it.args)
    }

    #[test]
    fn words_become_values_and_wrong_ones_are_refused() {
        let words = [
            "--disk",
            "serial:1",
            "--must",
            "size:10",
            "--address",
            "2001:db8::7/128",
            "--gateway",
            "2001:db8::1",
        ];
        let options = parse(&words).unwrap().options(None, true);
        assert_eq!(options.disk, Selector::Serial("1".to_owned()));
        assert_eq!(options.network.addresses, [("2001:db8::7".parse().unwrap(), 128)]);
        assert_eq!(parse(&words).unwrap().words(), words);
        for wrong in [
            &["--disk", "a", "--must", "b"][..],
            &["--disk", "a", "--address", "192.0.2.7/33"],
            &["--disk", "a", "--network", "f", "--dns", "192.0.2.1"],
            &[],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
