//! The inner process of a worker: a function of this program, as root of its namespaces.

use super::become_root;
use crate::wire::{Control, Failed, Message};
use crate::{COUNT, Step, Work};
use rustix::fs::{Gid, Uid, chown, stat};
use rustix::mount::{MountFlags, mount};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;

/// The built-in function that tries whether a file can be given to every user.
pub(crate) const TRY_IDS: &str = "gabion-sandbox: ids";
/// What it answers where that works.
pub(crate) const IDS_WORK: &[u8] = b"every id works";

/// A new `/proc`, and the ids of root.
pub(super) fn set_up() -> Result<(), Failed> {
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", quiet, None).map_err(Step::Proc.failed())?;
    become_root().map_err(Step::Become.failed())?;
    // A change of ids clears it.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(Step::Become.failed())
}

pub(super) fn main(name: &str, control: &Control, workers: &[(&str, Work)]) -> i32 {
    match work(name, control, workers) {
        Ok(()) => 0,
        Err(text) => {
            control.refuse(&text);
            1
        }
    }
}

fn work(name: &str, control: &Control, workers: &[(&str, Work)]) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let known = workers.iter().find(|(known, _)| *known == name).map(|(_, work)| *work);
    let work = known.or_else(|| (name == TRY_IDS).then_some(try_ids as Work));
    control.send(&Message::Ready).map_err(text)?;
    let input = control.receive_bytes().map_err(text)?.ok_or("no input came")?;
    let work = work.ok_or("there is no such worker in this program")?;
    let output = fs_err::File::from_parts(
        std::fs::File::from(io::stdout().as_fd().try_clone_to_owned().map_err(text)?),
        "the output of a worker",
    );
    let mut output = BufWriter::with_capacity(128 << 10, output);
    let result = panicking_into_words(control, || work(&input, &mut output));
    result.and_then(|()| output.flush().map_err(text))
}

/// Runs a function whose panics reach the parent as words.
fn panicking_into_words<T>(control: &Control, work: impl FnOnce() -> T) -> T {
    if let Ok(stream) = control.stream().try_clone() {
        let control = Control::new(stream);
        std::panic::set_hook(Box::new(move |panic| control.refuse(&panic.to_string())));
    }
    work()
}

/// Gives a file to the last user and the last group, on a file system that nobody else sees.
fn try_ids(_input: &[u8], output: &mut dyn Write) -> Result<(), String> {
    mount("tmpfs", "/tmp", "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, None)
        .map_err(|error| format!("mount a tmpfs: {error}"))?;
    fs_err::write("/tmp/file", "").map_err(|error| error.to_string())?;
    let given = [1, COUNT - 1].iter().all(|&id| {
        let done = chown("/tmp/file", Some(Uid::from_raw(id)), Some(Gid::from_raw(id)));
        let seen = stat("/tmp/file").map(|stat| (stat.st_uid, stat.st_gid));
        done.is_ok() && seen == Ok((id, id))
    });
    if given { output.write_all(IDS_WORK).map_err(|error| error.to_string()) } else { Ok(()) }
}
