//! The network of the new system.

use crate::disk::facts::Network;
use crate::disk::facts::netlink::tests::{with_address, with_route};
use crate::disk::facts::tests::Fake;
use crate::disk::network::{Choice, read};

fn text(facts: &Network, choice: &Choice) -> String {
    choice.text(facts).unwrap()
}

#[test]
fn what_dhcp_gave_is_asked_for_again_and_what_the_panel_says_is_added() {
    let facts = Fake::ovh().facts().network;
    let head = "# The network of this host as it was when it was installed.\n[Match]\n\
        MACAddress=fa:16:3e:01:02:03\nType=ether\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\n";
    let tail = "\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\n";
    assert_eq!(text(&facts, &Choice::default()), format!("{head}{tail}"));
    let choice = Choice {
        addresses: vec![("2001:db8::7".parse().unwrap(), 128)],
        gateways: vec!["2001:db8::1".parse().unwrap()],
        ..Choice::default()
    };
    let route = "\n[Route]\nGateway=2001:db8::1\nGatewayOnLink=yes\n";
    assert_eq!(text(&facts, &choice), format!("{head}Address=2001:db8::7/128\n{route}{tail}"));
}

#[test]
fn what_has_no_lease_is_written_down() {
    let mut it = Fake::new();
    it.card("eth0", 2, "02:00:00:00:00:01");
    it.card("eth1", 3, "02:00:00:00:00:02");
    with_address(&mut it.dumps, 2, "10.0.0.2", 24, u32::MAX);
    with_address(&mut it.dumps, 3, "192.0.2.7", 32, u32::MAX);
    with_address(&mut it.dumps, 3, "2001:db8::7", 128, u32::MAX);
    with_address(&mut it.dumps, 3, "fe80::7", 64, u32::MAX);
    with_route(&mut it.dumps, 3, "192.0.2.1", 3);
    with_route(&mut it.dumps, 3, "fe80::1", 3);
    it.file("etc/resolv.conf", "search example\nnameserver 192.0.2.53\n");
    assert_eq!(
        text(&it.facts().network, &Choice::default()),
        "# The network of this host as it was when it was installed.\n[Match]\nMACAddress=02:00:00:00:00:02\n\
         Type=ether\n\n[Network]\nDHCP=no\nIPv6AcceptRA=no\nAddress=192.0.2.7/32\nAddress=2001:db8::7/128\n\
         DNS=192.0.2.53\n\n[Route]\nGateway=192.0.2.1\nGatewayOnLink=yes\n\n[Route]\nGateway=fe80::1\n\
         GatewayOnLink=yes\n"
    );
}

#[test]
fn an_address_that_the_early_boot_asked_for_is_a_lease() {
    let mut it = Fake::new();
    it.card("eth0", 2, "02:00:00:00:00:01");
    with_address(&mut it.dumps, 2, "192.0.2.7", 24, u32::MAX);
    with_route(&mut it.dumps, 2, "192.0.2.1", 3);
    it.file("run/net-eth0.conf", "DEVICE='eth0'\nPROTO='dhcp'\n");
    assert!(text(&it.facts().network, &Choice::default()).contains("DHCP=ipv4\n"));
}

#[test]
fn a_machine_without_a_way_out_needs_a_file() {
    let it = Fake::new();
    it.card("eth0", 2, "02:00:00:00:00:01");
    let facts = it.facts().network;
    assert_eq!(Choice::default().text(&facts).unwrap_err().code(), "E0668");
    let path = it.root().join("file");
    assert_eq!(read(&path).unwrap_err().code(), "E0669");
    fs_err::write(&path, "[Network]\n").unwrap();
    assert_eq!(read(&path).unwrap_err().code(), "E0669");
    fs_err::write(&path, "[Match]\nName=eth0\n\n[Network]\nDHCP=yes\n").unwrap();
    let choice = Choice { file: Some(read(&path).unwrap()), ..Choice::default() };
    assert!(text(&facts, &choice).starts_with("[Match]\nName=eth0\n"));
}
