//! The table of partitions.

use crate::Folder;
use crate::sample::{layout, uuid};
use gabion_disk::gpt::{GptError, Partition, Table};
use gabion_disk::{Layout, LayoutError, MIB, Role, Sizes};
use gabion_testkit::{has, program, text};

fn part(label: &str, first: u64, sectors: u64) -> Partition {
    Partition { label: label.to_owned(), kind: uuid("kind"), id: uuid(label), first, sectors }
}

fn refused(sectors: u64, partitions: Vec<Partition>) -> GptError {
    Table::new(uuid("disk"), sectors, partitions).unwrap_err()
}

#[test]
fn sgdisk_and_sfdisk_find_the_partitions_that_were_meant() {
    if !has(&["sgdisk", "sfdisk"]) {
        return;
    }
    let (folder, layout) = (Folder::new(), layout());
    let write = |target: &mut dyn gabion_disk::Target| layout.table().write(&[0; 440], target).unwrap();
    let image = folder.raw("disk", layout.size(), write);
    let verdict = text(program("sgdisk").arg("--verify").arg(&image));
    assert!(verdict.contains("No problems found"), "{verdict}");
    let verdict = text(program("sfdisk").arg("--verify").arg(&image));
    assert!(verdict.contains("No errors detected"), "{verdict}");
    let dump = text(program("sfdisk").arg("--dump").arg(&image));
    assert!(
        dump.contains(&format!("label-id: {}", layout.table().id().to_string().to_uppercase())),
        "{dump}"
    );
    assert!(dump.contains("label: gpt") && dump.contains("unit: sectors"), "{dump}");
    for (role, kind) in Role::ALL.into_iter().zip([
        "21686148-6449-6E6F-744E-656564454649",
        "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
        "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
        "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
        "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
        "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    ]) {
        let (part, number) = (layout.partition(role), role.number());
        let line = dump.lines().find(|it| it.contains(&format!("disk{number} :"))).unwrap();
        let words: Vec<&str> = line.split([':', ',']).map(str::trim).collect();
        let id = part.id.to_string().to_uppercase();
        assert_eq!(words[1].split_whitespace().last(), Some(&*part.first.to_string()), "{line}");
        assert_eq!(words[2].split_whitespace().last(), Some(&*part.sectors.to_string()), "{line}");
        assert_eq!(
            words[3..],
            [format!("type={kind}"), format!("uuid={id}"), format!("name=\"{}\"", role.label())]
        );
    }
}

#[test]
fn gdisk_repairs_the_first_table_from_the_second() {
    if !has(&["gdisk"]) {
        return;
    }
    let folder = Folder::new();
    let table = Table::new(uuid("disk"), 8 * MIB / 512, vec![part("a", 2048, 4096)]).unwrap();
    let image = folder.raw("disk", table.size(), |target| table.write(&[7; 440], target).unwrap());
    let whole = fs_err::read(&image).unwrap();
    let mut file = fs_err::OpenOptions::new().write(true).open(&image).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(512)).unwrap();
    std::io::Write::write_all(&mut file, &vec![0; 33 * 512]).unwrap();
    gabion_testkit::run(
        program("sh").args(["-c", "printf 'r\\nb\\nc\\ny\\nw\\ny\\n' | gdisk \"$0\""]).arg(&image),
    );
    assert!(fs_err::read(&image).unwrap() == whole);
}

#[test]
fn identifiers_are_a_function_of_names() {
    let named = |name| Layout::new(uuid("disk"), name, Sizes::default()).unwrap();
    let (one, again, other) = (named("vps"), named("vps"), named("vps2"));
    assert_eq!(one, again);
    for role in Role::ALL {
        assert_ne!(one.partition(role).id, other.partition(role).id);
        assert_ne!(one.partition(role).id, one.file_system(role));
    }
    // Kernel command lines on hosts hold these: they never move.
    assert_eq!(one.partition(Role::RootA).id.to_string(), "ea3113c8-a63b-5954-aa39-f1ee03d49fd0");
}

#[test]
fn the_default_disk_is_the_one_of_the_design() {
    let layout = Layout::new(uuid("disk"), "vps", Sizes::default()).unwrap();
    let mib = |role| {
        let part = layout.partition(role);
        (part.offset() / MIB, part.size() / MIB)
    };
    let all = Role::ALL.map(mib);
    assert_eq!(all, [(1, 1), (2, 106), (108, 3072), (3180, 3072), (6252, 4096), (10348, 512)]);
    assert_eq!(layout.size(), 10_861 * MIB);
}

#[test]
fn partitions_that_no_disk_can_have_are_refused() {
    let disk = 8 * MIB / 512;
    assert!(matches!(refused(disk, vec![part("a", 34, 100), part("b", 133, 1)]), GptError::Overlap { .. }));
    assert!(matches!(refused(disk, vec![part("a", 34, 100), part("a", 134, 1)]), GptError::Twice { .. }));
    assert!(matches!(refused(disk, vec![part("a", 33, 1)]), GptError::Outside { .. }));
    assert!(matches!(refused(disk, vec![part("a", 34, disk)]), GptError::Outside { .. }));
    assert!(matches!(refused(disk, vec![part("a", u64::MAX, u64::MAX)]), GptError::Outside { .. }));
    assert!(matches!(refused(disk, vec![part("a", 34, 0)]), GptError::Empty { .. }));
    assert!(matches!(refused(67, vec![]), GptError::Small { .. }));
    for label in ["", "ä", "tab\t", &"x".repeat(37)] {
        assert!(matches!(refused(disk, vec![part(label, 34, 1)]), GptError::Label { .. }), "{label}");
    }
    let many = (0..129).map(|at| part(&format!("p{at}"), 34 + at, 1)).collect();
    assert!(matches!(refused(disk, many), GptError::Many { count: 129 }));
    // Back to back up to the last usable sector is fine.
    assert!(
        Table::new(uuid("disk"), disk, vec![part("a", 34, 100), part("b", 134, disk - 134 - 33)]).is_ok()
    );
}

#[test]
fn sizes_and_names_that_would_not_work_are_refused() {
    let sized = |sizes| Layout::new(uuid("disk"), "vps", sizes).unwrap_err();
    let error = sized(Sizes { root: 255 * MIB, ..Sizes::default() });
    assert_eq!(error.to_string(), "`root-a` has 267386880 bytes, and it needs 268435456");
    assert!(matches!(sized(Sizes { esp: 33 * MIB, ..Sizes::default() }), LayoutError::Small { .. }));
    assert!(matches!(sized(Sizes { data: 300 * MIB + 512, ..Sizes::default() }), LayoutError::Uneven { .. }));
    assert!(matches!(sized(Sizes { data: u64::MAX, ..Sizes::default() }), LayoutError::Large { .. }));
    for name in ["", "Vps", "a/b", "ü", &"x".repeat(65)] {
        let error = Layout::new(uuid("disk"), name, Sizes::default()).unwrap_err();
        assert!(matches!(error, LayoutError::Name { .. }), "{name}");
        assert!(error.help().is_some() && error.code() == "E1303");
    }
}
