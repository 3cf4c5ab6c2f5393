//! Units and mounts, before systemd's own programs.

use crate::{DATA, Installed, is_installed, layer, settings, text, write};
use gabion_harden::{Base, K3s, Layer, LayerPath, Node, Settings};
use gabion_testkit::{program, run};
use std::collections::BTreeMap;
use std::path::Path;

/// The links of the layer that enable a unit.
fn links(layer: &Layer) -> BTreeMap<String, String> {
    let all = layer.nodes.iter().filter_map(|(path, node)| match node {
        Node::Symlink { target } => Some((path.as_str().to_owned(), target.clone())),
        _ => None,
    });
    all.filter(|(path, _)| path.starts_with("etc/systemd/system/")).collect()
}

fn links_below(folder: &Path, top: &Path, out: &mut BTreeMap<String, String>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
        if path.is_symlink() {
            out.insert(name, path.read_link().unwrap().to_str().unwrap().to_owned());
        } else if path.is_dir() {
            links_below(&path, top, out);
        }
    }
}

#[test]
fn units_are_enabled_by_the_links_that_systemctl_makes() {
    if !is_installed() {
        return;
    }
    let with_k3s = Settings { k3s: Some(K3s { enabled: true }), ..settings() };
    let k3s = gabion_harden::ExtraFile {
        path: "/usr/local/bin/k3s".parse().unwrap(),
        content: gabion_harden::Content::Bytes(Vec::new()),
        mode: "0755".parse().unwrap(),
        owner: gabion_harden::Owner::default(),
    };
    let layer = layer(&Settings { files: vec![k3s], ..with_k3s });
    let folder = tempfile::tempdir().unwrap();
    fs_err::create_dir_all(folder.path().join("usr/lib/systemd")).unwrap();
    fs_err::os::unix::fs::symlink("usr/lib", folder.path().join("lib")).unwrap();
    run(program("cp").arg("-r").arg("/usr/lib/systemd/system").arg(folder.path().join("usr/lib/systemd")));
    for (path, node) in
        layer.nodes.iter().filter(|(path, _)| path.as_str().starts_with("etc/systemd/system/"))
    {
        if let Node::File { .. } = node {
            let to = folder.path().join(path.as_str());
            fs_err::create_dir_all(to.parent().unwrap()).unwrap();
            fs_err::write(to, text(&layer, &path.to_string())).unwrap();
        }
    }
    let mut command = program("systemctl");
    command.arg(format!("--root={}", folder.path().display())).arg("enable");
    command.args(["ssh", "ufw", "fail2ban", "unattended-upgrades", "chrony", "systemd-networkd", "k3s"]);
    command.args([
        "apt-daily.timer",
        "apt-daily-upgrade.timer",
        "gabion-grow",
        "gabion-identity",
        "gabion-recover",
        "gabion-settle",
    ]);
    run(&mut command);
    let mut theirs = BTreeMap::new();
    links_below(&folder.path().join("etc/systemd/system"), folder.path(), &mut theirs);
    assert_eq!(links(&layer), theirs);
}

/// The base with the links that enable a unit.
struct Enabled(BTreeMap<String, String>);

impl Base for Enabled {
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        Installed.file(path)
    }

    fn exists(&self, path: &str) -> bool {
        self.0.contains_key(path) || Installed.exists(path)
    }
}

#[test]
fn what_is_enabled_stays_and_what_is_off_is_not_enabled() {
    if !is_installed() {
        return;
    }
    let enabled = Enabled(links(&layer(&settings())));
    let again = gabion_harden::layer(&settings(), &enabled).unwrap();
    assert_eq!(links(&again), BTreeMap::new());
    let off = Settings { updates: gabion_harden::Updates::Off, ..settings() };
    let layer = gabion_harden::layer(&off, &enabled).unwrap();
    let gone: Vec<&str> =
        layer.remove.iter().map(LayerPath::as_str).filter(|it| it.contains("apt-daily")).collect();
    assert_eq!(
        gone,
        [
            "etc/systemd/system/timers.target.wants/apt-daily-upgrade.timer",
            "etc/systemd/system/timers.target.wants/apt-daily.timer"
        ]
    );
}

/// The mounts that systemd makes of the table of the layer, by the names of their units.
fn mounts(layer: &Layer, folder: &Path) -> BTreeMap<String, String> {
    let table = folder.join("fstab");
    fs_err::write(&table, text(layer, "/etc/fstab")).unwrap();
    let outs = ["normal", "early", "late"].map(|it| folder.join(it));
    for out in &outs {
        fs_err::create_dir_all(out).unwrap();
    }
    let mut command = program("/lib/systemd/system-generators/systemd-fstab-generator");
    run(command.args(&outs).env("SYSTEMD_FSTAB", &table));
    let mut units = BTreeMap::new();
    for entry in fs_err::read_dir(&outs[0]).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "mount") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            units.insert(name, fs_err::read_to_string(&path).unwrap());
        }
    }
    units
}

#[test]
fn k3s_waits_for_every_mount_that_it_writes_to() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let layer = layer(&settings());
    let mounts = mounts(&layer, folder.path());
    assert_eq!(mounts.len(), 3 + 11, "{:?}", mounts.keys());
    let device = format!("/dev/disk/by-partuuid/{DATA}");
    let device = gabion_testkit::text(program("systemd-escape").args(["--path", "--suffix=device", &device]));
    assert!(text(&layer, "/etc/systemd/system/gabion-grow.service").contains(&format!("After={device}")));
    assert!(mounts["data.mount"].contains(&format!("What=/dev/disk/by-partuuid/{DATA}")));
    let required = text(&layer, "/etc/systemd/system/k3s.service.d/10-gabion.conf");
    for path in ["/etc/rancher", "/var/lib/rancher/k3s/server", "/var/lib/kubelet"] {
        assert!(required.contains(path), "{path}");
        let unit = gabion_testkit::text(program("systemd-escape").args(["--path", "--suffix=mount", path]));
        let mount = &mounts[unit.trim()];
        assert!(mount.contains("Requires=gabion-layout.service"), "{mount}");
        // A host that cannot mount it still comes up.
        assert!(!folder.path().join("normal/local-fs.target.requires").join(unit.trim()).exists());
    }
}

#[test]
fn a_start_has_no_circle() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let layer = layer(&settings());
    write(&layer, folder.path());
    mounts(&layer, folder.path());
    let units = folder.path().join("etc/systemd/system");
    let path =
        format!("{}:{}:/usr/lib/systemd/system", units.display(), folder.path().join("normal").display());
    let said = || {
        let mut command = program("systemd-analyze");
        command
            .args(["verify", "--man=no", "k3s.service", "multi-user.target"])
            .env("SYSTEMD_UNIT_PATH", &path);
        String::from_utf8_lossy(&command.output().unwrap().stderr).into_owned()
    };
    let told = said();
    assert!(!told.contains("cycle") && !told.contains("fstab"), "{told}");
    // A mount that waits for what waits for it.
    fs_err::create_dir_all(units.join("state.mount.d")).unwrap();
    fs_err::write(units.join("state.mount.d/wrong.conf"), "[Unit]\nAfter=k3s.service\n").unwrap();
    let told = said();
    assert!(told.contains("cycle"), "{told}");
}

#[test]
fn units_are_those_that_systemd_reads() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let layer = layer(&settings());
    write(&layer, folder.path());
    let units = folder.path().join("etc/systemd/system");
    // What they run is on the host and not here.
    let runs = |it: &str| {
        it.replace("/usr/lib/gabion/", "/bin/true # ").replace("/usr/local/bin/k3s server", "/bin/true")
    };
    for name in ["gabion-grow.service", "gabion-layout.service", "gabion-identity.service", "k3s.service"] {
        let file = units.join(name);
        let good = runs(&fs_err::read_to_string(&file).unwrap());
        fs_err::write(&file, &good).unwrap();
        let verify = || {
            let mut command = program("systemd-analyze");
            command.args(["verify", "--man=no", "--recursive-errors=no"]).arg(&file);
            let out = command.output().unwrap();
            (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
        };
        let (ok, said) = verify();
        assert!(ok && !said.contains(name), "{name}: {said}");
        fs_err::write(&file, good.replace("[Service]\n", "[Service]\nTyp=x\n")).unwrap();
        let (_, said) = verify();
        assert!(said.contains("Typ"), "{name}: {said}");
    }
}

#[test]
fn sysctl_reads_every_line() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("99-recipe.conf");
    let good = text(&layer(&settings()), "/etc/sysctl.d/99-recipe.conf");
    fs_err::write(&file, &good).unwrap();
    let mut command = program("sysctl");
    command.args(["--dry-run", "--load"]).arg(&file);
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    // Keys of modules that are not loaded here are told as unknown.
    let unknown = String::from_utf8_lossy(&out.stderr).into_owned();
    for line in good.lines() {
        let key = line.split(' ').next().unwrap();
        assert!(said.contains(line) || unknown.contains(&key.replace('.', "/")), "{line}: {said} {unknown}");
    }
    assert!(said.contains("kernel.panic = 10"), "{said}");
}
