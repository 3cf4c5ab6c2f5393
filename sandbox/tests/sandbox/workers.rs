//! Functions that run in workers.

use gabion_sandbox::{Identity, Root, Work, run};
use std::io::Write;
use std::path::Path;

pub(crate) const ALL: [(&str, Work); 8] = [
    ("echo", echo),
    ("refuse", refuse),
    ("panic", panic),
    ("sleep", sleep),
    ("much", much),
    ("configure", configure),
    ("try", attempt),
    ("capabilities", capabilities),
];

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn echo(input: &[u8], output: &mut dyn Write) -> Result<(), String> {
    output.write_all(input).map_err(words)
}

fn refuse(_: &[u8], _: &mut dyn Write) -> Result<(), String> {
    Err("it is Sunday".into())
}

fn panic(_: &[u8], _: &mut dyn Write) -> Result<(), String> {
    panic!("the roof is on fire")
}

/// Leaves a process behind that would write a file, and waits for ever.
fn sleep(input: &[u8], output: &mut dyn Write) -> Result<(), String> {
    let path = std::str::from_utf8(input).map_err(words)?;
    let script = format!("sleep 1; echo late > {path}");
    std::process::Command::new("/usr/bin/busybox").args(["sh", "-c", &script]).spawn().map_err(words)?;
    output.write_all(b"begun").and_then(|()| output.flush()).map_err(words)?;
    loop {
        std::thread::park();
    }
}

/// More than any pipe holds.
fn much(_: &[u8], output: &mut dyn Write) -> Result<(), String> {
    let block = vec![7; 64 << 10];
    (0..1024).try_for_each(|_| output.write_all(&block)).map_err(words)
}

/// Makes a tree, configures it as its root with every kind of owner and mode, and tells what is there.
fn configure(input: &[u8], output: &mut dyn Write) -> Result<(), String> {
    let path = Path::new(std::str::from_utf8(input).map_err(words)?);
    crate::fixture::tree(path);
    let script = "touch /etc/a /etc/b && chown 33:42 /etc/a && chown 65534:65534 /etc/b && chmod 6755 /etc/a \
                  && touch /tmp/gone /run/gone /dev/gone && id -u && stat -c '%u:%g %a %n' /etc/a /etc/b";
    let root = Root::Tree { path: path.to_owned() };
    let outcome = run(&crate::fixture::shell(root, Identity::Inherit, script)).map_err(words)?;
    output.write_all(&outcome.log).map_err(words)?;
    let mut left = Vec::new();
    for folder in ["proc", "dev", "run", "tmp"] {
        for entry in fs_err::read_dir(path.join(folder)).map_err(words)? {
            left.push(entry.map_err(words)?.path());
        }
    }
    writeln!(output, "{} left, {}", left.len(), outcome.end).map_err(words)
}

/// Tries what would reach the machine, as root in a tree; tells what went through.
fn attempt(input: &[u8], output: &mut dyn Write) -> Result<(), String> {
    let path = Path::new(std::str::from_utf8(input).map_err(words)?);
    crate::fixture::tree(path);
    let attempts = [
        "mknod /etc/node b 8 0",
        "mount -t tmpfs tmpfs /etc",
        "umount /proc/sys",
        "unshare -n true",
        "hostname other",
        "sysctl -w kernel.panic=7",
        "echo 1 > /proc/sys/vm/drop_caches",
        "test -f /proc/sysrq-trigger",
        "dmesg",
        "ip link set lo down",
        "modprobe loop",
    ];
    let tries = attempts.map(|it| format!("({it}) >/dev/null 2>&1 && echo '{it}'\n")).concat();
    let script = format!("id -u\n{tries}mkfifo /etc/fifo && chmod 2755 /etc && test -p /etc/fifo");
    let root = Root::Tree { path: path.to_owned() };
    let outcome = run(&crate::fixture::shell(root, Identity::Inherit, &script)).map_err(words)?;
    output.write_all(&outcome.log).map_err(words)?;
    writeln!(output, "{}", outcome.end).map_err(words)
}

/// Gives a file of a tree a capability, and tells what the tree holds then.
fn capabilities(input: &[u8], output: &mut dyn Write) -> Result<(), String> {
    let path = Path::new(std::str::from_utf8(input).map_err(words)?);
    crate::fixture::tree(path);
    crate::fixture::install(path, Path::new("/usr/sbin/setcap"));
    let root = Root::Tree { path: path.to_owned() };
    let script = "touch /etc/a && chown 1:1 /etc/a && /usr/sbin/setcap cap_net_raw+ep /etc/a";
    let outcome = run(&crate::fixture::shell(root, Identity::Inherit, script)).map_err(words)?;
    let mut value = Vec::with_capacity(64);
    rustix::fs::getxattr(
        path.join("etc/a"),
        "security.capability",
        rustix::buffer::spare_capacity(&mut value),
    )
    .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&outcome.log)))?;
    write!(output, "{value:?}").map_err(words)
}
