//! What is written here, read by the programs of others.

mod compare;
mod ext4;
mod ext4_input;
mod fat;
mod grub;
mod image;
mod newer;
mod outputs;
mod table;

#[path = "../sample/mod.rs"]
mod sample;

use gabion_disk::{Raw, Sparse, Target};
use std::io;
use std::path::{Path, PathBuf};

/// A folder for images.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A raw image of `size` bytes that `write` fills.
    fn raw(&self, name: &str, size: u64, write: impl FnOnce(&mut dyn Target)) -> PathBuf {
        self.sparse(name, size, write);
        self.path(name)
    }

    /// The same, to be read without its holes.
    fn sparse(&self, name: &str, size: u64, write: impl FnOnce(&mut dyn Target)) -> Sparse<fs_err::File> {
        let path = self.path(name);
        let mut raw = Raw::new(fs_err::File::create(&path).unwrap(), size);
        write(&mut raw);
        let (_, extents) = raw.finish().unwrap();
        assert_eq!(path.metadata().unwrap().len(), size);
        Sparse::new(fs_err::File::open(path).unwrap(), extents, size)
    }
}

/// Mounts `image` read-only for `look`, where this kernel and user can.
fn mounted(kind: &str, image: &Path, look: impl FnOnce(&Path)) {
    use gabion_testkit::{program, run, skip_also_in_ci};
    let point = tempfile::tempdir().unwrap();
    let options = if kind == "ext4" { "loop,ro,noload" } else { "loop,ro" };
    let mut mount = program("mount");
    let done = mount.args(["-t", kind, "-o", options]).arg(image).arg(point.path()).output();
    if !done.is_ok_and(|it| it.status.success()) {
        return skip_also_in_ci("mounting an image needs the superuser and a loop device");
    }
    // The mount must go before a failed check ends the test.
    let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(point.path())));
    run(program("umount").arg(point.path()));
    looked.unwrap_or_else(|error| std::panic::resume_unwind(error));
}

/// A target that only counts.
#[derive(Default)]
struct Count {
    bytes: u64,
}

impl Target for Count {
    fn put(&mut self, _offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}
