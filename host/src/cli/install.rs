//! `host install`: a root that is not running, or a whole disk; from a file, or from the other end of a pipe.

use super::along::Along;
use super::args::InstallArgs;
use super::install_disk::{self, InstallDiskArgs};
use super::receive::{Greeting, end};
use super::run::{Answer, Context, bundle, judging_of};
use super::text;
use crate::accept::{self, Judging};
use crate::apply::Report;
use crate::disk::Event;
use crate::error::HostError;
use crate::live::prepare;
use crate::root::Root;
use crate::trust::TrustState;
use crate::wire::RemoteFile;
use crate::{k3s, spool};
use gabion_bundle::{Opened, Policy, Promoted, Verified};
use gabion_digest::Sha256;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// Where a bundle is that comes over the pipe.
pub(super) const PIPE: &str = "-";

/// What an install into a root did; of a dry run, what it would do.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The bundle.
    pub digest: Sha256,
    /// Its promotion, where one was judged.
    pub promotion: Option<Promoted>,
    /// Version of the trust root that judged.
    pub root_version: u32,
    /// What was written.
    pub report: Report,
}

impl Installed {
    fn new<R>(bundle: &Verified<R>, report: Report) -> Self {
        let (promotion, root_version) = (bundle.promotion.clone(), bundle.root.version);
        Self { digest: bundle.digest, promotion, root_version, report }
    }
}

/// Brings the root at `path`, which is not running, to the bundle in `file`: judged against what the host accepted before, its
/// files laid, itself among the host's packs, and the rest written down for the host's next start.
pub fn lay(path: &Path, file: &Path, judging: &Judging) -> Result<Installed, HostError> {
    let install = Install { judging, along: &Along::default(), streamed: false, dry: false };
    install.lay_folder(path, bundle(file)?)
}

pub(super) fn install(args: &InstallArgs, context: &Context<'_>) -> Result<Answer, HostError> {
    if args.bundle == Path::new(PIPE) {
        return from_pipe(args, context);
    }
    let judging = judging_of(&args.judge, &kept_by(args)?, context)?;
    let along = Along::read(args, io::stdin().lock())?;
    let install = Install { judging: &judging, along: &along, streamed: false, dry: args.dry_run };
    install.run(args, bundle(&args.bundle)?, context)
}

/// The root that may keep a trust root. A disk keeps its own too, but until it is mounted nobody asks it.
fn kept_by(args: &InstallArgs) -> Result<Root, HostError> {
    let path = args.root.as_deref().unwrap_or(Path::new("/"));
    Root::open(path).map_err(|source| HostError::Root { path: path.display().to_string(), source })
}

/// Installs what the other end of the pipe has, and tells it how that ended.
fn from_pipe(args: &InstallArgs, context: &Context<'_>) -> Result<Answer, HostError> {
    let whole = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from).map_err(crate::WireError::Pipe);
    let mut remote = RemoteFile::open(whole(io::stdin().as_fd())?, whole(io::stdout().as_fd())?)?;
    let result = said(args, context, &mut remote);
    end(remote, result, |it| it.into()).map(|it| Answer { text: String::new(), json: ().into(), ..it })
}

fn said<In: Read + Send, Out: Write + Send>(
    args: &InstallArgs,
    context: &Context<'_>,
    remote: &mut RemoteFile<In, Out>,
) -> Result<Answer, HostError> {
    let greeting = Greeting::parse(remote.said())?;
    let judging = greeting.judging(&args.judge, &kept_by(args)?, context.now)?;
    let along = Along::said(&greeting)?;
    let install = Install { judging: &judging, along: &along, streamed: true, dry: args.dry_run };
    install.run(args, remote, context)
}

/// How it is installed.
struct Install<'i> {
    judging: &'i Judging,
    along: &'i Along,
    /// Whether the bundle comes once: what can be read again is verified before anything is written.
    streamed: bool,
    dry: bool,
}

impl Install<'_> {
    fn run<R: Read + Seek + Send>(
        &self,
        args: &InstallArgs,
        from: R,
        context: &Context<'_>,
    ) -> Result<Answer, HostError> {
        if let Some(disk) = &args.disk {
            return self.onto_disk(disk, from, context);
        }
        let path = args.root.as_deref().unwrap_or(Path::new("/"));
        let installed = self.lay_folder(path, from)?;
        (context.tell)(&text::wrote(&installed.report, self.dry));
        Ok(self.accepted(
            installed.digest,
            installed.promotion.as_ref(),
            text::installed(&installed, self.dry),
        ))
    }

    /// The answer, and what whoever runs this remembers.
    fn accepted(&self, digest: Sha256, promotion: Option<&Promoted>, answer: Answer) -> Answer {
        Answer { accepted: promotion.filter(|_| !self.dry).map(|it| (digest, it.clone())), ..answer }
    }

    fn lay_folder<R: Read + Seek>(&self, path: &Path, from: R) -> Result<Installed, HostError> {
        let failed = |source| HostError::Root { path: path.display().to_string(), source };
        let root = Root::open(path).map_err(failed)?;
        let busy = || HostError::Busy { path: path.display().to_string() };
        // From the floor that is read to the floor that is raised, nobody else changes this root.
        let _alone = root.lock().map_err(failed)?.ok_or_else(busy)?;
        let mut before = TrustState::load(&root)?;
        let policy = self.judging.policy(&before)?;
        let mut opened = gabion_bundle::open(from, &policy)?;
        if self.dry || !self.streamed {
            let after = self.judging.accept(&before, &opened)?;
            let mut verified = opened.verify()?;
            // What cannot be installed moves no floor, and takes no room.
            let report = k3s::install(&root, &mut verified, true)?;
            if self.dry {
                return Ok(Installed::new(&verified, report));
            }
            if after != before {
                // The floor first, so that no cut leaves it low.
                after.save(&root)?;
                before = after;
            }
            opened = gabion_bundle::open(verified.into_reader(), &policy)?;
        }
        self.lay_root(&root, opened, &before, &policy, None)
    }

    /// `before` is what the host accepted, and `policy` what follows of it.
    fn lay_root<R: Read + Seek>(
        &self,
        root: &Root,
        opened: Opened<R>,
        before: &TrustState,
        policy: &Policy<'_>,
        slot: Option<&str>,
    ) -> Result<Installed, HostError> {
        let after = self.judging.accept(before, &opened)?;
        let was_there = spool::holds(root, &opened.digest)?;
        let (taken, mut pack) = spool::take_opened(root, opened, policy)?;
        // The same of what could not be looked at before.
        if let Err(error) = k3s::install(root, &mut pack, true) {
            if !was_there {
                spool::forget(root, &taken.digest)?;
            }
            return Err(error);
        }
        if after != *before {
            // The floor first, so that no cut leaves it low.
            after.save(root)?;
        }
        self.along.keep(root, &pack.manifest().name, self.judging.host.as_deref())?;
        accept::keep_root(root, &pack.root)?;
        let report = k3s::install(root, &mut pack, false)?;
        prepare(root, &mut pack, self.judging.remembered()?, slot)?;
        Ok(Installed::new(&pack, report))
    }

    fn onto_disk<R: Read + Seek + Send>(
        &self,
        disk: &InstallDiskArgs,
        from: R,
        context: &Context<'_>,
    ) -> Result<Answer, HostError> {
        // The floor of the host lies on its disk, and is asked when that is mounted; the operator's own counts at once.
        let none = TrustState::default();
        let mut opened = gabion_bundle::open(from, &self.judging.policy(&none)?)?;
        self.judging.accept(&none, &opened)?;
        let mut last = String::new();
        let mut events = |event| {
            // A line for each tenth is enough for whoever watches.
            let line = install_disk::line(&event);
            let mark = match event {
                Event::Wrote { done, total } | Event::Checked { done, total } => {
                    format!("{}{}", line.split(' ').next().unwrap_or_default(), done * 10 / total.max(1))
                }
                _ => line.clone(),
            };
            if mark != last {
                (context.tell)(&line);
                last = mark;
            }
        };
        let options = disk.options(self.along.network.clone(), self.dry);
        let report = install_disk::run(disk, &mut opened, &options, &mut events, |opened, root, slot| {
            let before = TrustState::load(root)?;
            let policy = self.judging.policy(&before)?;
            let again = gabion_bundle::open(opened.reader(), &policy)?;
            self.lay_root(root, again, &before, &policy, Some(&slot.to_string())).map(drop)
        })?;
        Ok(self.accepted(opened.digest, opened.promotion.as_ref(), text::disk(&report, self.dry)))
    }
}
