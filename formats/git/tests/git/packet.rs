//! Packet lines, whatever is in them.

use gabion_git::{Packet, PacketReader, write_packet};
use proptest::collection::vec;
use proptest::prelude::*;

/// A packet with bytes of its own; data may be too long for one.
#[derive(Debug, Clone)]
enum Owned {
    Data(Vec<u8>),
    Flush,
    Delimiter,
    End,
}

fn packet() -> impl Strategy<Value = Owned> {
    prop_oneof![
        vec(any::<u8>(), 1..300).prop_map(Owned::Data),
        (65_000_usize..140_000, any::<u8>()).prop_map(|(count, byte)| Owned::Data(vec![byte; count])),
        Just(Owned::Flush),
        Just(Owned::Delimiter),
        Just(Owned::End),
    ]
}

fn borrowed(packet: &Owned) -> Vec<Packet<'_>> {
    match packet {
        Owned::Data(bytes) => bytes.chunks(65516).map(Packet::Data).collect(),
        Owned::Flush => vec![Packet::Flush],
        Owned::Delimiter => vec![Packet::Delimiter],
        Owned::End => vec![Packet::End],
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(packets in vec(packet(), 0..10)) {
        let mut bytes = Vec::new();
        for packet in &packets {
            let whole = match packet {
                Owned::Data(data) => Packet::Data(data),
                other => borrowed(other)[0],
            };
            write_packet(&mut bytes, whole);
        }
        let mut reader = PacketReader::new(&bytes[..]);
        for expected in packets.iter().flat_map(borrowed) {
            prop_assert_eq!(reader.read().unwrap(), Some(expected));
        }
        prop_assert_eq!(reader.read().unwrap(), None);
    }

    #[test]
    fn any_bytes_give_packets_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let mut reader = PacketReader::new(&bytes[..]);
        let mut read = 0;
        while let Ok(Some(packet)) = reader.read() {
            read += 4 + if let Packet::Data(data) = packet { data.len() } else { 0 };
        }
        prop_assert!(read <= bytes.len());
    }

    #[test]
    fn a_length_is_four_hex_digits(digits in "[0-9a-fA-F]{4}") {
        let length = usize::from_str_radix(&digits, 16).unwrap();
        let bytes = [digits.as_bytes(), &vec![b'x'; 65536][..]].concat();
        let mut reader = PacketReader::new(&bytes[..]);
        let read = reader.read().map(|it| it.map(|it| if let Packet::Data(data) = it { data.len() + 4 } else { 0 }));
        match length {
            0..=2 => prop_assert_eq!(read.unwrap(), Some(0)),
            4..=65520 => prop_assert_eq!(read.unwrap(), Some(length)),
            _ => prop_assert!(read.is_err()),
        }
    }
}

#[test]
fn lengths_that_are_no_numbers_are_errors() {
    for bytes in ["0003", "00-5x", "+005x", "zzzz", "000", "0", "0005", "fff1", " 005x", "éa"] {
        assert!(PacketReader::new(bytes.as_bytes()).read().is_err(), "{bytes}");
    }
}
