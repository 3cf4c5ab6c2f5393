//! Names: eleven characters of capitals that every reader knows, and the long one in entries before it
//! (FAT specification 1.03, "Long Directory Entries").

use std::collections::BTreeSet;

/// A short name, padded with spaces: eight characters and three behind the dot.
pub(super) type Short = [u8; 11];
/// An entry of a directory.
pub(super) type Record = [u8; 32];

/// Characters in one entry of a long name.
const PIECE: usize = 13;
/// Where they stand in it.
const PLACES: [usize; PIECE] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// Whether a long name may be so.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |it: u8| (it == b' ' || it.is_ascii_graphic()) && !b"\"*/:<>?\\|".contains(&it);
    !name.is_empty() && name.len() <= 255 && name.bytes().all(plain) && !name.ends_with(['.', ' '])
}

/// The short name of `name`, which none in `taken` is. A number tells names apart that are too long, as mkfs' and
/// every other writer's does.
pub(super) fn short(name: &str, taken: &BTreeSet<Short>) -> Short {
    let whole = exact(&name.to_ascii_uppercase()).filter(|it| !taken.contains(it));
    let mut numbered = (1_u32..).map(|number| shortened(name, number));
    whole.or_else(|| numbered.find(|it| !taken.contains(it))).unwrap_or([b'_'; 11])
}

/// Characters of a short name.
fn is_short(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"!#$%&'()-@^_`{}~".contains(&byte)
}

/// `name` as it is, where it is short.
fn exact(name: &str) -> Option<Short> {
    let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
    let fits = (1..=8).contains(&stem.len()) && end.len() <= 3 && (end.is_empty() != name.contains('.'));
    (fits && stem.bytes().chain(end.bytes()).all(is_short)).then(|| padded(stem.as_bytes(), end.as_bytes()))
}

/// What is left of `name`, with a number.
fn shortened(name: &str, number: u32) -> Short {
    let upper = name.to_ascii_uppercase();
    let (stem, end) = upper.rsplit_once('.').unwrap_or((&upper, ""));
    let kept = |text: &str| text.bytes().filter(|it| is_short(*it)).collect::<Vec<u8>>();
    let (mut stem, mut end, tail) = (kept(stem), kept(end), format!("~{number}"));
    stem.truncate(8 - tail.len());
    stem.extend_from_slice(tail.as_bytes());
    end.truncate(3);
    padded(&stem, &end)
}

fn padded(stem: &[u8], end: &[u8]) -> Short {
    let mut short = [b' '; 11];
    short[..stem.len()].copy_from_slice(stem);
    short[8..8 + end.len()].copy_from_slice(end);
    short
}

/// The entries of the long name, in the order of the disk: the last piece first. None where the short name says all.
pub(super) fn long(name: &str, short: &Short) -> Vec<Record> {
    if exact(name).as_ref() == Some(short) {
        return Vec::new();
    }
    let pieces: Vec<&[u8]> = name.as_bytes().chunks(PIECE).collect();
    let last = pieces.len();
    let numbered = pieces.into_iter().enumerate().rev();
    numbered.map(|(at, piece)| long_record(piece, at + 1, at + 1 == last, sum(short))).collect()
}

fn long_record(piece: &[u8], number: usize, is_last: bool, sum: u8) -> Record {
    let mut record = [0; 32];
    record[0] = number as u8 | if is_last { 0x40 } else { 0 };
    record[11] = 0x0F;
    record[13] = sum;
    for (at, place) in PLACES.into_iter().enumerate() {
        // Characters, one zero behind the last one, then ones.
        let unit = match piece.get(at) {
            Some(byte) => u16::from(*byte),
            None if at == piece.len() => 0,
            None => 0xFFFF,
        };
        record[place..place + 2].copy_from_slice(&unit.to_le_bytes());
    }
    record
}

/// What ties a long name to its short one (FAT specification 1.03, `ChkSum`).
fn sum(short: &Short) -> u8 {
    short.iter().fold(0, |sum: u8, byte| sum.rotate_right(1).wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, taken: &[&str]) -> String {
        let taken = taken.iter().map(|it| it.as_bytes().try_into().unwrap()).collect();
        String::from_utf8(short(name, &taken).to_vec()).unwrap()
    }

    #[test]
    fn short_names_are_those_of_other_writers() {
        assert_eq!(text("BOOTX64.EFI", &[]), "BOOTX64 EFI");
        assert_eq!(text("grubenv", &[]), "GRUBENV    ");
        assert_eq!(text("grub.cfg", &[]), "GRUB    CFG");
        assert_eq!(text("a long name.text", &[]), "ALONGN~1TEX");
        assert_eq!(text("a long name.text", &["ALONGN~1TEX"]), "ALONGN~2TEX");
        assert_eq!(text(".hidden", &[]), "~1      HID");
        assert_eq!(text("a.b.c", &[]), "AB~1    C  ");
        assert_eq!(text("grubenv", &["GRUBENV    "]), "GRUBEN~1   ");
    }

    #[test]
    fn a_long_name_is_written_where_the_short_one_does_not_say_all() {
        let long_of = |name| long(name, &short(name, &BTreeSet::new())).len();
        assert_eq!((long_of("BOOTX64.EFI"), long_of("bootx64.efi")), (0, 1));
        assert_eq!((long_of("exactly13char"), long_of("exactly14chars")), (1, 2));
    }

    #[test]
    fn names_that_some_reader_refuses_are_none() {
        for name in ["", "a/b", "a:b", "dot.", "space ", "ä", "a\nb"] {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_name("grub.cfg") && !is_name(&"a".repeat(256)));
    }
}
