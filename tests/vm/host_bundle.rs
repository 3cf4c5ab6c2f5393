//! A signed bundle for `benches/host.py`: `host_bundle BUNDLE INSTALLER DISK.zst BYTES PROGRAM…` writes it, and beside it
//! `root.json`.

use std::path::{Path, PathBuf};

#[path = "bundles.rs"]
mod bundles;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [bundle, installer, disk, size, programs @ ..] = &words[..] else {
        panic!("takes BUNDLE INSTALLER DISK BYTES PROGRAM…");
    };
    let programs: Vec<&'static str> = programs.iter().map(|it| &*it.clone().leak()).collect();
    let contents = bundles::Contents {
        installer: installer.into(),
        disk: (PathBuf::from(disk), size.parse().expect("a number of bytes")),
        k3s: "v1.34.9+k3s1",
        config: "cluster-init: true\n",
        programs: programs.leak(),
    };
    contents.write(Path::new(bundle));
    let root = Path::new(bundle).with_file_name("root.json");
    fs_err::write(root, bundles::trust().to_text()).expect("the folder of the bundle");
}
