//! An image of two slots as a recipe gives it, small.

use gabion_disk::ext4::{self, Entry, Kind};
use gabion_disk::grub::{ENVIRONMENT_PATH, Environment};
use gabion_disk::{Bios, Disk, Layout, MIB, Raw, Role, Sizes, Slot, Tree, Uuid, compress};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The time of everything.
const TIME: u32 = 1_700_000_000;
/// Bytes of a file that cannot be compressed.
const LARGE: u64 = 40 << 20;

pub(super) fn layout() -> Layout {
    let sizes =
        Sizes { esp: 34 * MIB, root: 256 * MIB, state: 256 * MIB, data: 256 * MIB, ..Sizes::default() };
    Layout::new(Uuid::from_u128(0x0A7F_CB2C_55B4_4C31_9A5C_36E2_2F3A_9B10), "vps", sizes).unwrap()
}

/// What the image has in its slot.
fn files(layout: &Layout) -> BTreeMap<&'static str, String> {
    let id = |role| layout.partition(role).id.to_string();
    let fstab = format!(
        "PARTUUID={} /boot/efi vfat umask=0077,nofail 0 0\nPARTUUID={} /state ext4 noatime,nofail 0 2\n\
         PARTUUID={} /data ext4 noatime,nofail 0 2\n/state/gabion /var/lib/gabion none bind,nofail 0 0\n\
         /state/journal /var/log/journal none bind,nofail 0 0\n/data/packs /var/lib/gabion/packs none bind,nofail 0 0\n",
        id(Role::Esp),
        id(Role::State),
        id(Role::Data)
    );
    let unit = "[Service]\nType=oneshot\nExecStart=/usr/bin/install -d -m 0750 /state/gabion\n\
        ExecStart=/usr/bin/install -d -m 2755 -g systemd-journal /state/journal\n\
        ExecStart=/usr/bin/install -d -m 0755 /data/packs\n";
    BTreeMap::from([
        ("etc/fstab", fstab),
        ("etc/group", "root:x:0:\nsystemd-journal:x:101:\n".to_owned()),
        ("etc/systemd/system/gabion-layout.service", unit.to_owned()),
    ])
}

/// Bytes that are others at every place, and do not repeat.
struct Noise {
    state: u64,
    left: u64,
}

impl Read for Noise {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = (bytes.len() as u64).min(self.left) as usize;
        for byte in &mut bytes[..count] {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            *byte = self.state.to_le_bytes()[0];
        }
        self.left -= count as u64;
        Ok(count)
    }
}

fn make(path: &Path) {
    let layout = layout();
    let files = files(&layout);
    let entry = |path: &str, mode, kind| Entry {
        path: path.into(),
        mode,
        uid: 0,
        gid: 0,
        xattrs: BTreeMap::new(),
        kind,
    };
    let folders = [
        "",
        "boot",
        "boot/efi",
        "data",
        "etc",
        "etc/systemd",
        "etc/systemd/system",
        "state",
        "var",
        "var/lib",
        "var/lib/gabion",
        "var/log",
        "var/log/journal",
        "usr",
    ];
    let mut entries: Vec<Entry> = folders.iter().map(|it| entry(it, 0o755, Kind::Directory)).collect();
    entries
        .extend(files.iter().map(|(path, text)| entry(path, 0o644, Kind::File { size: text.len() as u64 })));
    entries.push(entry("usr/large", 0o644, Kind::File { size: LARGE }));
    let slot = ext4::Options::new(layout.partition(Role::RootA).size(), Uuid::from_u128(9), "slot", TIME);
    let slot = ext4::Image::plan(&slot, entries).unwrap();
    let (mut boot, mut core) = ([0xEB; 512], [0x52; 1024]);
    boot[510..].copy_from_slice(&[0x55, 0xAA]);
    core[500..512].copy_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x20, 0x08]);
    let bios = Bios::new(&boot, &core, layout.partition(Role::BiosBoot)).unwrap();
    let environment = Environment::new(Slot::A).to_bytes().unwrap();
    let esp = BTreeMap::from([(ENVIRONMENT_PATH.to_owned(), environment)]);
    let content = |path: &[u8]| -> io::Result<Box<dyn Read>> {
        let text = files.get(std::str::from_utf8(path).unwrap());
        Ok(match text {
            Some(text) => Box::new(io::Cursor::new(text.clone().into_bytes())),
            None => Box::new(Noise { state: 88_172_645_463_325_252, left: LARGE }),
        })
    };
    let mut raw = Raw::new(fs_err::File::create(path).unwrap(), layout.size());
    Disk { layout: &layout, bios: &bios, esp, time: TIME }
        .write(Tree { image: &slot, content }, &mut raw)
        .unwrap();
    raw.finish().unwrap();
}

/// The image as it is and as it travels, made once.
pub(super) struct Sample {
    _folder: tempfile::TempDir,
    pub(super) raw: PathBuf,
    pub(super) zst: Vec<u8>,
    pub(super) size: u64,
}

pub(super) fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let raw = folder.path().join("raw");
        make(&raw);
        let mut zst = Vec::new();
        compress(fs_err::File::open(&raw).unwrap(), layout().size(), &mut zst, 1).unwrap();
        Sample { _folder: folder, raw, zst, size: layout().size() }
    })
}

/// Hands out compressed bytes as a bundle does: in pieces, up to the one that is damaged.
pub(super) fn produce(zst: &[u8], good: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut at = 0;
    for piece in zst.chunks(4 << 20) {
        at += piece.len();
        if at > good {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a piece is another one"));
        }
        out.write_all(piece)?;
    }
    Ok(())
}
