//! Trust roots and promotions of the command line, and the one clock that keys are judged by.

use super::args::{PromotionArgs, TrustArgs};
use super::failure::Failure;
use super::project::Session;
use gabion_bundle::{
    BundleError, Policy, Promoted, Promotion, Role, SignedPromotion, SigningKey, Stage, Time, TrustRoot,
};
use std::io::Read;
use std::path::Path;

/// The present. It judges keys and dates a promotion; nothing that a digest covers depends on it.
#[expect(clippy::disallowed_methods, reason = "whether a key is valid now is a question about now")]
pub(super) fn now() -> Result<Time, Failure> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let time = since.ok().and_then(|since| Time::from_unix(since.as_secs()));
    time.ok_or_else(|| Failure::usage("the clock of this machine is not between 1970 and 9999"))
}

/// No promotion, trust root, signature or passphrase is longer.
const TEXT_LIMIT: u64 = 1 << 20;

/// Reads a small text; one that is far too large for what it should be is refused.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let failed = |source| BundleError::Io { operation: "read", path: path.to_owned(), source };
    let mut text = String::new();
    let file = fs_err::File::open(path).map_err(failed)?;
    file.take(TEXT_LIMIT + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > TEXT_LIMIT {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()).into());
    }
    Ok(text)
}

/// The trust root that is named or configured, if any.
pub(super) fn known_root(session: &Session<'_>, given: Option<&Path>) -> Result<Option<TrustRoot>, Failure> {
    let Some(path) = given.or(session.config.trust.as_deref()) else { return Ok(None) };
    Ok(Some(TrustRoot::parse(&read_text(path)?)?))
}

/// The trust root that is named or configured; a root inside a bundle proves nothing and is never asked.
pub(super) fn root(session: &Session<'_>, given: Option<&Path>) -> Result<TrustRoot, Failure> {
    known_root(session, given)?.ok_or_else(|| {
        let no_root = BundleError::Root("none is given and none is configured".to_owned());
        Failure::from(no_root).help("name one with `--trust`, or set `trust` in the configuration")
    })
}

/// Refuses to sign with a key that the named or configured trust root does not accept for `role` now.
pub(super) fn may_sign(
    session: &Session<'_>,
    given: Option<&Path>,
    role: Role,
    key: &SigningKey,
) -> Result<(), Failure> {
    match known_root(session, given)? {
        Some(root) => Ok(root.may_sign(role, &key.fingerprint(), now()?)?),
        None => Ok(()),
    }
}

/// What `trust` and `stage` ask, before a promotion is looked at.
pub(super) fn policy<'a>(
    root: &'a TrustRoot,
    trust: &TrustArgs,
    stage: Stage,
) -> Result<Policy<'a>, Failure> {
    let now = trust.at.map_or_else(now, Ok)?;
    Ok(Policy::new(root, now, stage))
}

/// The promotion that is named, from its file.
pub(super) fn promotion(args: &PromotionArgs) -> Result<Option<SignedPromotion>, Failure> {
    let Some(path) = &args.promotion else { return Ok(None) };
    Ok(Some(SignedPromotion::parse(&read_text(path)?)?))
}

/// A promotion for programs; `signers` are those that count, or all where nothing was checked.
pub(super) fn promotion_json<'s>(
    promotion: &Promotion,
    signers: impl IntoIterator<Item = &'s String>,
) -> serde_json::Value {
    serde_json::json!({
        "bundle": promotion.bundle.to_string(),
        "name": promotion.name,
        "channel": promotion.channel,
        "serial": promotion.serial,
        "hosts": promotion.hosts.to_string().split(' ').collect::<Vec<_>>(),
        "root_version": promotion.root_version,
        "date": promotion.date.to_string(),
        "signers": signers.into_iter().collect::<Vec<_>>(),
    })
}

/// A promotion for programs, `null` where there is none.
pub(super) fn promoted_json(promoted: Option<&Promoted>) -> serde_json::Value {
    promoted.map(|it| promotion_json(&it.promotion, &it.signers)).into()
}

/// A promotion in one line.
pub(super) fn promotion_line(promotion: &Promotion) -> String {
    let Promotion { serial, channel, hosts, date, .. } = promotion;
    format!("promotion {serial} to {channel} for {hosts}, {date}")
}
