//! What the commands do.

use super::args::{
    ApplyArgs, Command, GenerationsArgs, JudgeArgs, PlanArgs, RecoverArgs, RollbackArgs, RootArgs,
};
use super::install::{PIPE, install};
use super::keep;
use super::receive::receive;
use super::text;
use crate::accept::{self, Judging};
use crate::artifacts;
use crate::error::HostError;
use crate::live::{Generation, Host, LiveError, Outcome, Patience, Tell, Wishes, history};
use crate::root::Root;
use crate::spool;
use crate::trust::TrustState;
use gabion_bundle::{Floor, Promoted, SignedPromotion, Time, TrustRoot};
use gabion_digest::Sha256;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// No promotion and no trust root is longer.
const TEXT_LIMIT: u64 = 1 << 20;

/// What a command gives: the same for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// For people, without the last line end.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// How the program ends.
    pub exit: u8,
    /// The bundle that was installed, and its promotion: for whoever remembers it too.
    pub accepted: Option<(Sha256, Promoted)>,
}

impl Answer {
    pub(super) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, exit: 0, accepted: None }
    }
}

/// What every command needs to know.
#[expect(missing_debug_implementations, reason = "a function has nothing to show")]
pub struct Context<'c> {
    /// The present: it dates the history and judges keys.
    pub now: Time,
    /// The trust root that is configured where the command runs; the host's own counts before it.
    pub trust: Option<TrustRoot>,
    /// What whoever runs the command saw before, beside what the host accepted.
    pub floor: Floor,
    /// Who is told how far it is.
    pub tell: &'c Tell<'c>,
}

/// Runs a command.
pub fn run(command: &Command, context: &Context<'_>) -> Result<Answer, LiveError> {
    match command {
        Command::Facts(_) => facts(),
        Command::Install(args) if args.bundle == Path::new(PIPE) => told(install(args, context)),
        Command::Install(args) => Ok(install(args, context)?),
        Command::Receive(args) => {
            let (input, output) = (io::stdin().lock(), io::stdout().lock());
            let taken = receive(&args.root, &args.judge, context.now, input, output);
            told(taken.map(|_| Answer::new("", json!(null))))
        }
        Command::Serve(args) => {
            let failed = |source| HostError::Root { path: args.root.display().to_string(), source };
            let root = Root::open(&args.root).map_err(failed)?;
            artifacts::serve(&root, io::stdin().lock(), io::stdout().lock())?;
            Ok(Answer::new("", Value::Null))
        }
        Command::Plan(args) => plan(args, context),
        Command::Apply(args) => apply(args, context),
        Command::Confirm(args) => Ok(text::outcome(&open(args, context)?.confirm()?)),
        Command::Status(args) => Ok(text::status(&look(args, context)?.status()?)),
        Command::Rollback(RollbackArgs { to, root }) => {
            Ok(text::outcome(&open(root, context)?.rollback(*to)?))
        }
        Command::Generations(args) => generations(args, context),
        Command::Heal(args) => Ok(text::outcome(&open(args, context)?.heal()?)),
        Command::Secrets(command) => keep::secrets(command, context),
        Command::Backup(args) => keep::save(args, context),
        Command::Restore(args) => keep::put_back(args, context),
        Command::Recover(args) => recover(args, context),
    }
}

/// What was told at the other end of the pipe is not said here again.
fn told(result: Result<Answer, HostError>) -> Result<Answer, LiveError> {
    match result {
        Err(error) if !matches!(error, HostError::Wire(_)) => {
            Ok(Answer { exit: LiveError::from(error).exit(), ..Answer::new("", json!(null)) })
        }
        result => Ok(result?),
    }
}

fn facts() -> Result<Answer, LiveError> {
    let text = super::install_disk::facts().map_err(HostError::from)?;
    let json = serde_json::from_str(&text).unwrap_or_default();
    Ok(Answer::new(text, json))
}

pub(super) fn open<'t>(args: &RootArgs, context: &Context<'t>) -> Result<Host<'t>, LiveError> {
    let patience = Patience { limit: args.patience, ..Patience::default() };
    Ok(Host::open(&args.root, context.now.unix(), patience, context.tell)?)
}

/// The host, to look at it alone.
fn look<'t>(args: &RootArgs, context: &Context<'t>) -> Result<Host<'t>, LiveError> {
    let patience = Patience { limit: args.patience, ..Patience::default() };
    Ok(Host::look(&args.root, context.now.unix(), patience, context.tell)?)
}

fn read(path: &Path) -> Result<String, HostError> {
    let failed = |source| HostError::Root { path: path.display().to_string(), source };
    let mut text = String::new();
    fs_err::File::open(path).map_err(failed)?.take(TEXT_LIMIT).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// What the command line says of a bundle, on a host that may keep a trust root.
pub(super) fn judging_of(args: &JudgeArgs, root: &Root, context: &Context<'_>) -> Result<Judging, HostError> {
    let judging = judging(args, root, context.now, context.trust.clone())?;
    Ok(Judging { floor: context.floor.clone(), ..judging })
}

/// The trust root is the one that is named, or the one that the host keeps, or `given`.
pub(super) fn judging(
    args: &JudgeArgs,
    host: &Root,
    now: Time,
    given: Option<TrustRoot>,
) -> Result<Judging, HostError> {
    let root = match &args.trust {
        Some(path) => Some(TrustRoot::parse(&read(path)?)?),
        None => accept::kept_root(host)?.or(given),
    };
    let none = || gabion_bundle::BundleError::Root("none is given and none is configured".to_owned());
    let promotion = args.promotion.as_deref().map(read).transpose()?;
    Ok(Judging {
        root: root.ok_or_else(none)?,
        now: args.at.unwrap_or(now),
        promotion: promotion.as_deref().map(SignedPromotion::parse).transpose()?,
        host: args.host.clone(),
        min_serial: args.min_serial,
        floor: Floor::default(),
        full: false,
    })
}

pub(super) fn bundle(path: &Path) -> Result<BufReader<File>, HostError> {
    Ok(BufReader::with_capacity(1 << 20, gabion_bundle::open_file(path)?))
}

fn plan(args: &PlanArgs, context: &Context<'_>) -> Result<Answer, LiveError> {
    let host = look(&args.root, context)?;
    let judging = judging_of(&args.judge, &host.root, context)?;
    let before = TrustState::load(&host.root)?;
    let mut verified =
        gabion_bundle::verify(bundle(&args.bundle)?, &judging.policy(&before)?).map_err(HostError::from)?;
    judging.accept(&before, &verified)?;
    let plan = host.plan(&mut verified)?;
    if !args.allow_downgrade
        && let Err(error) = plan.report.system.refuse_downgrade()
    {
        // The rest of it is worth reading too.
        (context.tell)(&text::plan(&plan));
        return Err(error);
    }
    let exit = if args.exit_code && !plan.report.is_empty() { 9 } else { 0 };
    Ok(Answer { exit, ..Answer::new(text::plan(&plan), json!({"schema": 1, "plan": plan})) })
}

fn apply(args: &ApplyArgs, context: &Context<'_>) -> Result<Answer, LiveError> {
    let host = open(&args.root, context)?;
    let judging = judging_of(&args.judge, &host.root, context)?;
    let before = TrustState::load(&host.root)?;
    let policy = judging.policy(&before)?;
    // Signatures first; what is in force and as it was left needs no byte of content.
    let opened = gabion_bundle::open(bundle(&args.bundle)?, &policy).map_err(HostError::from)?;
    if args.plan.is_none()
        && let Some(number) = host.is_at(&opened.digest)?
    {
        return Ok(text::outcome(&Outcome::Nothing(number)));
    }
    judging.accept(&before, &opened)?;
    let (_, mut verified) = spool::take_opened(&host.root, opened, &policy)?;
    let after = judging.accept(&before, &verified)?;
    if let Some(asked) = &args.plan {
        let found = host.plan(&mut verified)?.id;
        if found != *asked {
            return Err(LiveError::Changed { asked: asked.clone(), found });
        }
    }
    let confirm = Some(args.confirm_within).filter(|it| !it.is_zero());
    let wishes = Wishes { confirm, downgrade: args.allow_downgrade };
    host.admits(&mut verified, wishes)?;
    if after != before {
        after.save(&host.root)?;
    }
    accept::keep_root(&host.root, &verified.root)?;
    Ok(text::outcome(&host.apply(&mut verified, judging.remembered()?, wishes)?))
}

fn recover(args: &RecoverArgs, context: &Context<'_>) -> Result<Answer, LiveError> {
    let host = open(&args.root, context)?;
    if args.files {
        let going = host.recover_files()?;
        return Ok(Answer::new(
            if going { "a change is under way" } else { "nothing to do" },
            json!({"schema": 1, "going": going}),
        ));
    }
    Ok(match host.recover()? {
        Some(it) => text::outcome(&it),
        None => Answer::new("nothing to do", json!({"schema": 1, "outcome": "nothing"})),
    })
}

fn generations(args: &GenerationsArgs, context: &Context<'_>) -> Result<Answer, LiveError> {
    let host = look(&args.root, context)?;
    let current = Generation::current(&host.root)?.map(|it| it.number);
    let events = history(&host.root)?;
    if args.history {
        let line = |it: &crate::live::Event| {
            let at = Time::from_unix(it.at).map_or_else(|| it.at.to_string(), |it| it.to_string());
            let why = if it.why.is_empty() { String::new() } else { format!(": {}", it.why) };
            format!("{at} {} generation {}{why}", it.event, it.generation)
        };
        let lines: Vec<String> = events.iter().map(line).collect();
        return Ok(Answer::new(lines.join("\n"), json!({"schema": 1, "history": events})));
    }
    let all = Generation::all(&host.root)?;
    let line = |it: &Generation| {
        let mark = if Some(it.number) == current { "*" } else { " " };
        let k3s = it.k3s.as_deref().unwrap_or("no K3s");
        format!("{mark} {} {} {} {k3s}, {} objects", it.number, it.name, it.bundle, it.objects.len())
    };
    let lines: Vec<String> = all.iter().map(line).collect();
    Ok(Answer::new(lines.join("\n"), json!({"schema": 1, "current": current, "generations": all})))
}
