//! What a host must not lose: its secrets, and a backup of what nobody can make again.

use super::args::{BackArgs, SaveArgs, SecretsCommand, TakeInArgs};
use super::backup::{self, Outcome};
use super::run::{Answer, Context, open};
use super::secrets;
use crate::backup::{BackupError, Summary, unseal};
use crate::error::HostError;
use crate::live::{Generation, LiveError};
use crate::seal::Identity;
use serde_json::json;
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// No identity is longer.
const LIMIT: u64 = 1 << 16;

fn failed(path: &Path) -> impl FnOnce(io::Error) -> HostError {
    let path = path.display().to_string();
    move |source| HostError::Root { path, source }
}

pub(super) fn secrets(command: &SecretsCommand, context: &Context<'_>) -> Result<Answer, LiveError> {
    match command {
        SecretsCommand::Recipient(args) => {
            let recipient = secrets::recipient(&open(args, context)?.root)?;
            Ok(Answer::new(recipient.clone(), json!({"schema": 1, "recipient": recipient})))
        }
        SecretsCommand::Inject(TakeInArgs { values, root }) => {
            let host = open(root, context)?;
            let taken = secrets::take_in(&host.root, values, io::stdin().lock())?;
            let text = format!("{} values are kept", taken.names.len());
            Ok(Answer::new(text, json!({"schema": 1, "names": taken.names, "changed": taken.changed})))
        }
    }
}

/// Saves the host as it is: whoever wants volumes saved stops first what writes to them.
pub(super) fn save(args: &SaveArgs, context: &Context<'_>) -> Result<Answer, LiveError> {
    let host = open(&args.root, context)?;
    let current = Generation::current(&host.root)?;
    let bundle = current.as_ref().map(|it| it.bundle.to_string());
    let images = current.iter().flat_map(|it| it.images.iter().cloned()).collect();
    let summary = match &args.output {
        Some(path) => {
            let part = path.with_extension("part");
            let file = fs_err::File::create(&part).map_err(failed(&part))?;
            let summary = backup::save(&host.root, &args.what, bundle, images, &file)?;
            file.sync_all().and_then(|()| fs_err::rename(&part, path)).map_err(failed(path))?;
            summary
        }
        None => backup::save(&host.root, &args.what, bundle, images, io::stdout().lock())?,
    };
    (context.tell)(&format!("saved {}", told(&summary)));
    Ok(Answer::new("", json!(null)))
}

/// Opens the backup that is named, or the one on standard input.
pub fn opened_backup(args: &BackArgs) -> Result<Box<dyn Read>, HostError> {
    let sealed: Box<dyn Read> = match &args.backup {
        Some(path) => Box::new(fs_err::File::open(path).map_err(failed(path))?),
        None => Box::new(io::stdin()),
    };
    if args.unsealed {
        return Ok(sealed);
    }
    let mut identities = Vec::new();
    for path in &args.identities {
        let mut text = Zeroizing::new(String::new());
        fs_err::File::open(path)
            .map_err(failed(path))?
            .take(LIMIT)
            .read_to_string(&mut text)
            .map_err(failed(path))?;
        identities.extend(Identity::parse_all(&text).map_err(BackupError::from).map_err(HostError::from)?);
    }
    Ok(Box::new(unseal(sealed, &identities)?))
}

pub(super) fn put_back(args: &BackArgs, context: &Context<'_>) -> Result<Answer, LiveError> {
    let host = open(&args.root, context)?;
    Ok(match backup::put_back(&host.root, &args.what, opened_backup(args)?)? {
        Outcome::Whole(it) => Answer::new(format!("whole: {}", told(&it)), json!({"schema": 1, "whole": it})),
        Outcome::Back(it) => Answer::new(
            format!("put back {} paths of {}", it.written.len(), told(&it.summary)),
            json!({"schema": 1, "backup": it.summary, "written": it.written}),
        ),
    })
}

/// A backup in a line.
fn told(summary: &Summary) -> String {
    let (files, bytes): (u64, u64) = (summary.files.values().sum(), summary.bytes.values().sum());
    format!("{} ({files} files, {bytes} bytes)", summary.id)
}
