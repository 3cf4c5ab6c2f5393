//! What the commands do.

use super::args::{
    ApplyArgs, Command, GenerationsArgs, JudgeArgs, PlanArgs, RecoverArgs, RollbackArgs, RootArgs,
};
use crate::accept::{self, Judging};
use crate::error::HostError;
use crate::live::{Generation, Host, LiveError, Outcome, Patience, Plan, Status, Tell, Wishes, history};
use crate::spool;
use crate::trust::TrustState;
use gabion_bundle::{SignedPromotion, Time, TrustRoot, Verified};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Read};
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
}

impl Answer {
    fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, exit: 0 }
    }
}

/// Runs a command. `now` dates the history and judges keys.
pub fn run(command: &Command, now: Time, tell: &Tell<'_>) -> Result<Answer, LiveError> {
    match command {
        Command::Plan(args) => plan(args, now, tell),
        Command::Apply(args) => apply(args, now, tell),
        Command::Confirm(args) => Ok(outcome(&open(args, now, tell)?.confirm()?)),
        Command::Status(args) => Ok(status(&open(args, now, tell)?.status()?)),
        Command::Rollback(RollbackArgs { to, root }) => Ok(outcome(&open(root, now, tell)?.rollback(*to)?)),
        Command::Generations(args) => generations(args, now, tell),
        Command::Heal(args) => Ok(outcome(&open(args, now, tell)?.heal()?)),
        Command::Recover(args) => recover(args, now, tell),
    }
}

fn open<'t>(args: &RootArgs, now: Time, tell: &'t Tell<'t>) -> Result<Host<'t>, LiveError> {
    let patience = Patience { limit: args.patience, ..Patience::default() };
    Ok(Host::open(&args.root, now.unix(), patience, tell)?)
}

fn text(path: &Path) -> Result<String, HostError> {
    let failed = |source| HostError::Root { path: path.display().to_string(), source };
    let mut text = String::new();
    File::open(path).map_err(failed)?.take(TEXT_LIMIT).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn judging(args: &JudgeArgs, host: &Host<'_>, now: Time) -> Result<Judging, HostError> {
    let root = match &args.trust {
        Some(path) => Some(TrustRoot::parse(&text(path)?)?),
        None => accept::kept_root(&host.root)?,
    };
    let root = root.ok_or_else(|| {
        HostError::Unsupported("nobody said whom to trust: name a root with `--trust`".into())
    })?;
    let promotion = args.promotion.as_deref().map(text).transpose()?;
    Ok(Judging {
        root,
        now: args.at.unwrap_or(now),
        promotion: promotion.as_deref().map(SignedPromotion::parse).transpose()?,
        host: args.host.clone(),
        min_serial: args.min_serial,
        full: false,
    })
}

fn bundle(path: &Path) -> Result<BufReader<File>, HostError> {
    let failed = |source| HostError::Root { path: path.display().to_string(), source };
    Ok(BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?))
}

fn plan(args: &PlanArgs, now: Time, tell: &Tell<'_>) -> Result<Answer, LiveError> {
    let host = open(&args.root, now, tell)?;
    let judging = judging(&args.judge, &host, now)?;
    let before = TrustState::load(&host.root)?;
    let mut verified =
        gabion_bundle::verify(bundle(&args.bundle)?, &judging.policy(&before)?).map_err(HostError::from)?;
    judging.accept(&before, &verified)?;
    let plan = host.plan(&mut verified)?;
    let exit = if args.exit_code && !plan.report.is_empty() { 9 } else { 0 };
    Ok(Answer { exit, ..Answer::new(plan_text(&plan), json!({"schema": 1, "plan": plan})) })
}

fn apply(args: &ApplyArgs, now: Time, tell: &Tell<'_>) -> Result<Answer, LiveError> {
    let host = open(&args.root, now, tell)?;
    let judging = judging(&args.judge, &host, now)?;
    let before = TrustState::load(&host.root)?;
    let policy = judging.policy(&before)?;
    // Signatures first; what is in force and as it was left needs no byte of content.
    let opened = gabion_bundle::open(bundle(&args.bundle)?, &policy).map_err(HostError::from)?;
    if args.plan.is_none()
        && let Some(number) = host.is_at(&opened.digest)?
    {
        return Ok(outcome(&Outcome::Nothing(number)));
    }
    let mut verified: Verified<BufReader<File>> = spool::take(&host.root, bundle(&args.bundle)?, &policy)?;
    let after = judging.accept(&before, &verified)?;
    if let Some(asked) = &args.plan {
        let found = host.plan(&mut verified)?.id;
        if found != *asked {
            return Err(LiveError::Changed { asked: asked.clone(), found });
        }
    }
    if after != before {
        after.save(&host.root)?;
    }
    accept::keep_root(&host.root, &verified.root)?;
    let confirm = Some(args.confirm_within).filter(|it| !it.is_zero());
    Ok(outcome(&host.apply(&mut verified, judging.remembered()?, Wishes { confirm })?))
}

fn recover(args: &RecoverArgs, now: Time, tell: &Tell<'_>) -> Result<Answer, LiveError> {
    let host = open(&args.root, now, tell)?;
    if args.files {
        let going = host.recover_files()?;
        return Ok(Answer::new(
            if going { "a change is under way" } else { "nothing to do" },
            json!({"schema": 1, "going": going}),
        ));
    }
    Ok(match host.recover()? {
        Some(it) => outcome(&it),
        None => Answer::new("nothing to do", json!({"schema": 1, "outcome": "nothing"})),
    })
}

fn outcome(outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::Nothing(number) => Answer::new(
            format!("generation {number} is in force already"),
            json!({"schema": 1, "outcome": "nothing", "generation": number}),
        ),
        Outcome::Settled(number) => Answer::new(
            format!("generation {number} is in force"),
            json!({"schema": 1, "outcome": "settled", "generation": number}),
        ),
        Outcome::Waits { generation, until } => {
            let moment = Time::from_unix(*until).map_or_else(|| until.to_string(), |it| it.to_string());
            Answer::new(
                format!(
                    "generation {generation} is in force until {moment}, unless `gabion host confirm` keeps it"
                ),
                json!({"schema": 1, "outcome": "waits", "generation": generation, "until": moment}),
            )
        }
        Outcome::Restarts(number) => Answer::new(
            format!("the host starts again, into generation {number}"),
            json!({"schema": 1, "outcome": "restarts", "generation": number}),
        ),
    }
}

/// Lines under a heading, where there are any.
fn section(out: &mut String, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "{heading}");
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

fn plan_text(plan: &Plan) -> String {
    let report = &plan.report;
    let mut out = String::new();
    let from = report
        .from
        .as_ref()
        .map_or("nothing".to_owned(), |(number, digest)| format!("generation {number} ({digest})"));
    let _ = writeln!(out, "from   {from}\nto     {} {}", report.name, report.to);
    if let Some((before, after)) = &report.k3s {
        let shown = |it: &Option<String>| it.clone().unwrap_or_else(|| "none".to_owned());
        let _ = writeln!(out, "K3s    {} -> {}", shown(before), shown(after));
    }
    let objects =
        |sign: &str, names: &[String]| names.iter().map(|it| format!("{sign} {it}")).collect::<Vec<_>>();
    section(&mut out, &format!("files ({} bytes)", report.bytes), &report.files);
    section(
        &mut out,
        "images",
        &[objects("+", &report.new_images), objects("-", &report.old_images)].concat(),
    );
    let all = [
        objects("+", &report.new_objects),
        objects("~", &report.changed_objects),
        objects("-", &report.gone_objects),
    ];
    section(&mut out, "objects", &all.concat());
    section(&mut out, "drift, which is put right", &report.drift);
    section(&mut out, "stands still meanwhile", &report.downtime);
    section(&mut out, "ONE WAY: going back does not bring back", &report.one_way);
    if report.is_empty() {
        out.push_str("nothing to do\n");
    }
    let _ = write!(out, "plan   {}", plan.id);
    out
}

fn status(status: &Status) -> Answer {
    let mut out = String::new();
    match &status.generation {
        Some(it) => {
            let serial = it.serial.map(|it| format!(", serial {it}")).unwrap_or_default();
            let _ = writeln!(out, "generation {}: {} {}{serial}", it.number, it.name, it.bundle);
            let _ = writeln!(
                out,
                "K3s {}, {} images, {} objects",
                it.k3s.as_deref().unwrap_or("none"),
                it.images.len(),
                it.objects.len()
            );
        }
        None => out.push_str("no generation is in force\n"),
    }
    if let Some(slot) = &status.slot {
        let _ = writeln!(out, "slot {slot}");
    }
    if let Some(change) = &status.change {
        let back = if change.back.is_some() { " (the way back)" } else { "" };
        let _ = writeln!(out, "on the way to generation {}{back}: {}", change.to, change.step);
    }
    let drift: Vec<String> = status.drift.iter().map(|it| format!("/{it}")).collect();
    section(&mut out, "drift", &drift);
    section(&mut out, "not healthy", &status.wrong);
    let good = status.drift.is_empty() && status.wrong.is_empty() && status.change.is_none();
    let _ = write!(out, "{}", if good { "healthy" } else { "look at what is named above" });
    Answer::new(out, json!({"schema": 1, "status": status, "good": good}))
}

fn generations(args: &GenerationsArgs, now: Time, tell: &Tell<'_>) -> Result<Answer, LiveError> {
    let host = open(&args.root, now, tell)?;
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
