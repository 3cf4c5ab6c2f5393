//! What the packages' own programs do: the scripts before unpacking that a fresh system needs, then dpkg.
//!
//! Everything was unpacked already, so `preinst` finds more than it expects, never less. The order is fixed: by
//! name here, and inside `dpkg --configure` it is a function of dpkg and of the sorted database.

use crate::root::{Meta, Root};
use crate::unpack::Unpacked;
use crate::{Grub, RootfsError};
use std::collections::BTreeMap;

/// Variables of a program.
pub(crate) type Env = BTreeMap<String, String>;

/// Runs a program inside the root; an error has its log.
pub(crate) type Run<'r> = &'r dyn Fn(&[&str], &Env) -> Result<(), RootfsError>;

/// Services are not started while an image is made (`invoke-rc.d(8)`, "policy-rc.d").
const POLICY: &str = "usr/sbin/policy-rc.d";
/// Several packages call it; it runs once, when everything is there.
const INITRAMFS: &str = "usr/sbin/update-initramfs";
const ASIDE: &str = "usr/sbin/update-initramfs.gabion";

/// Keys of the host that its server makes where there are none (`openssh-server.postinst`). `clean` takes them away, and to
/// make them takes a second.
const HOST_KEYS: [&str; 3] =
    ["etc/ssh/ssh_host_ecdsa_key", "etc/ssh/ssh_host_ed25519_key", "etc/ssh/ssh_host_rsa_key"];

/// The environment of every program: nothing of the caller's.
pub(crate) fn environment(epoch: u64) -> Env {
    let fixed = [
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("TERM", "dumb"),
        ("LC_ALL", "C.UTF-8"),
        ("TZ", "UTC"),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
        ("PYTHONHASHSEED", "0"),
        ("SYSTEMD_OFFLINE", "1"),
    ];
    let mut env: Env = fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    env.insert("SOURCE_DATE_EPOCH".to_owned(), epoch.to_string());
    env
}

/// The links and the cache of libraries, which every program needs.
pub(crate) fn libraries(root: &Root, run: Run<'_>, env: &Env) -> Result<(), RootfsError> {
    let path = "usr/sbin/ldconfig";
    let there = root.kind(path.as_bytes()).map_err(|error| RootfsError::io("read", path, error))?;
    if there.is_some() { run(&["/usr/sbin/ldconfig"], env) } else { Ok(()) }
}

/// Configures what is unpacked.
pub(crate) fn configure(root: &Root, new: &[Unpacked], run: Run<'_>, env: &Env) -> Result<(), RootfsError> {
    stand_ins(root)?;
    let done = scripts(new, run, env).and_then(|()| {
        run(&["/usr/bin/dpkg", "--force-unsafe-io", "--force-confold", "--configure", "-a"], env)?;
        let audit = "test -z \"$(dpkg --audit)\" || { dpkg --audit; exit 1; }";
        run(&["/usr/bin/sh", "-c", audit], env)
    });
    take_away(root)?;
    done
}

fn stand_ins(root: &Root) -> Result<(), RootfsError> {
    let script = |path: &str, text: &str| {
        root.file(path.as_bytes(), Meta { mode: 0o755, uid: 0, gid: 0 }, &mut text.as_bytes())
    };
    let made = || {
        script(POLICY, "#!/bin/sh\nexit 101\n")?;
        if root.kind(INITRAMFS.as_bytes())?.is_some() {
            root.rename(INITRAMFS, ASIDE)?;
            script(INITRAMFS, "#!/bin/sh\nexit 0\n")?;
        }
        if root.kind(b"usr/sbin/sshd")?.is_some() {
            for path in HOST_KEYS.iter().filter(|it| matches!(root.kind(it.as_bytes()), Ok(None))) {
                root.file(path.as_bytes(), Meta { mode: 0o600, uid: 0, gid: 0 }, &mut std::io::empty())?;
            }
        }
        Ok(())
    };
    made().map_err(|error: std::io::Error| RootfsError::io("write", POLICY, error))
}

fn take_away(root: &Root) -> Result<(), RootfsError> {
    let done = || {
        root.remove(POLICY.as_bytes())?;
        if root.kind(ASIDE.as_bytes())?.is_some() {
            root.rename(ASIDE, INITRAMFS)?;
        }
        Ok(())
    };
    done().map_err(|error: std::io::Error| RootfsError::io("remove", POLICY, error))
}

/// The accounts; `awk`; then every other `preinst`.
fn scripts(new: &[Unpacked], run: Run<'_>, env: &Env) -> Result<(), RootfsError> {
    let dpkg = new.iter().find(|it| it.name == "dpkg").map_or("", |it| &it.version);
    let script = |package: &Unpacked, name: &str, argument: &str| {
        if !package.control.files.contains_key(name) {
            return Ok(());
        }
        let mut env = env.clone();
        let mut set = |name: &str, value: &str| env.insert(name.to_owned(), value.to_owned());
        set("DPKG_MAINTSCRIPT_PACKAGE", &package.name);
        set("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1");
        set("DPKG_MAINTSCRIPT_ARCH", &package.arch);
        set("DPKG_MAINTSCRIPT_NAME", name);
        set("DPKG_RUNNING_VERSION", dpkg);
        set("DPKG_ADMINDIR", "/var/lib/dpkg");
        set("DPKG_ROOT", "");
        run(&[&format!("/var/lib/dpkg/info/{}.{name}", package.key()), argument], &env)
    };
    let named = |name: &str| new.iter().find(|it| it.name == name);
    if let Some(it) = named("base-passwd") {
        script(it, "preinst", "install")?;
    }
    if let Some(it) = named("mawk") {
        script(it, "postinst", "configure")?;
    }
    let others = new.iter().filter(|it| it.name != "base-passwd");
    others.into_iter().try_for_each(|it| script(it, "preinst", "install"))
}

/// One initramfs for every kernel.
pub(crate) fn initramfs(root: &Root, run: Run<'_>, env: &Env) -> Result<(), RootfsError> {
    let names = root.names(b"boot").map_err(|error| RootfsError::io("read", "boot", error))?;
    let path = INITRAMFS;
    if root.kind(path.as_bytes()).map_err(|error| RootfsError::io("read", path, error))?.is_none() {
        return Ok(());
    }
    for name in names {
        if let Some(version) = name.strip_prefix(b"vmlinuz-").and_then(|it| std::str::from_utf8(it).ok()) {
            run(&["/usr/sbin/update-initramfs", "-c", "-k", version], env)?;
        }
    }
    let linked = || ["", "boot/"].iter().try_for_each(|folder| link_initramfs(root, folder));
    linked().map_err(|error| RootfsError::io("link", "initrd.img", error))
}

/// The link beside the kernel's, which `linux-update-symlinks(1)` makes only where the initramfs is there before it.
fn link_initramfs(root: &Root, folder: &str) -> std::io::Result<()> {
    let link = format!("{folder}initrd.img");
    let Some(kernel) = root.link(format!("{folder}vmlinuz").as_bytes())? else { return Ok(()) };
    let kernel = String::from_utf8_lossy(&kernel).into_owned();
    if root.kind(link.as_bytes())?.is_some() || !kernel.contains("vmlinuz-") {
        return Ok(());
    }
    let target = kernel.replace("vmlinuz-", "initrd.img-");
    root.symlink(link.as_bytes(), target.as_bytes(), Meta { mode: 0o777, uid: 0, gid: 0 })
}

/// Boot loaders made by the packages' own `grub-mkimage`.
pub(crate) fn grub(root: &Root, grub: &[Grub], run: Run<'_>, env: &Env) -> Result<(), RootfsError> {
    for it in grub {
        let there =
            |path: &str| root.kind(path.as_bytes()).map_err(|error| RootfsError::io("read", path, error));
        if there(&it.folder)?.is_none() {
            continue;
        }
        let folder = it.output.rsplit_once('/').map_or("", |(folder, _)| folder);
        root.make_directory(folder.as_bytes()).map_err(|error| RootfsError::io("make", folder, error))?;
        let mut command = vec!["/usr/bin/grub-mkimage"];
        command.extend(it.arguments.iter().map(String::as_str));
        for module in &it.optional {
            if there(&format!("{}/{module}.mod", it.folder))?.is_some() {
                command.push(module);
            }
        }
        run(&command, env)?;
        for (from, to) in &it.copies {
            let bytes = root.read(from.as_bytes()).map_err(|error| RootfsError::io("read", from, error))?;
            root.replace(to, &bytes.unwrap_or_default())?;
        }
    }
    Ok(())
}

/// apt's note of what came only because something needed it, so that `autoremove` acts (`apt-mark(8)`).
pub(crate) fn extended_states(root: &Root, wanted: &[String], all: &[Unpacked]) -> Result<(), RootfsError> {
    use std::fmt::Write as _;
    let path = "var/lib/apt/extended_states";
    let old = root.read(path.as_bytes()).map_err(|error| RootfsError::io("read", path, error))?;
    let mut text = String::from_utf8_lossy(&old.unwrap_or_default()).into_owned();
    for package in all.iter().filter(|it| !wanted.contains(&it.name)) {
        // apt knows packages of every architecture by the native one.
        let arch = if package.arch == "all" { "amd64" } else { &package.arch };
        let _ = write!(text, "Package: {}\nArchitecture: {arch}\nAuto-Installed: 1\n\n", package.name);
    }
    root.replace(path, text.as_bytes())
}
