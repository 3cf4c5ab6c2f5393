//! `bundle verify|inspect|ls|extract|extract-installer|sign|promote`.

use super::args::{
    BundleArgs, BundleCommand, ExtractArgs, ExtractInstallerArgs, PromoteArgs, SignArgs, SignerArgs,
    VerifyArgs,
};
use super::failure::Failure;
use super::project::Session;
use super::trust::{self, promoted_json, promotion_json, promotion_line};
use super::{key, ui};
use crate::exit::Exit;
use gabion_bundle::{
    BundleError, Floor, Hosts, Object, Policy, Promotion, Role, SignedPromotion, SigningKey, Stage, Time,
    TrustRoot, Verified, mend_slot, open_file, open_slot, promote_bundle, read_table, sign_bundle, verify,
};
use std::io::BufReader;
use std::path::Path;

pub(super) fn run(session: &Session<'_>, command: &BundleCommand) -> Result<Exit, Failure> {
    match command {
        BundleCommand::Verify(args) => check(session, args),
        BundleCommand::Inspect(args) => inspect(session.ui, args),
        BundleCommand::Ls(args) => list(session.ui, args),
        BundleCommand::Extract(args) => extract(session, args),
        BundleCommand::ExtractInstaller(args) => extract_installer(session, args),
        BundleCommand::Sign(args) => sign(session, args),
        BundleCommand::Promote(args) => promote(session, args),
    }
}

pub(super) fn io(operation: &'static str, path: &Path, source: std::io::Error) -> BundleError {
    BundleError::Io { operation, path: path.to_owned(), source }
}

fn open(path: &Path) -> Result<BufReader<std::fs::File>, Failure> {
    Ok(buffered(open_file(path)?))
}

fn buffered(file: std::fs::File) -> BufReader<std::fs::File> {
    BufReader::with_capacity(1 << 20, file)
}

/// Verifies the file `bundle` as `policy` asks.
pub(super) fn open_verified(
    bundle: &Path,
    policy: &Policy<'_>,
) -> Result<Verified<BufReader<std::fs::File>>, Failure> {
    Ok(verify(open(bundle)?, policy)?)
}

fn check(session: &Session<'_>, args: &VerifyArgs) -> Result<Exit, Failure> {
    let root = trust::root(session, args.trust.trust.as_deref())?;
    let promotion = trust::promotion(&args.promotion)?;
    // Whoever names a host asks whether it would take the bundle.
    let stage = if args.promotion.host.is_some() { Stage::Install } else { Stage::Look };
    let policy = Policy {
        promotion: promotion.as_ref(),
        floor: Floor { min_serial: args.promotion.min_serial, ..Floor::default() },
        full: args.full,
        ..trust::policy(&root, &args.trust, stage)?
    };
    let verified = open_verified(&args.bundle, &policy)?;
    if let (Some(host), Some(promoted)) = (&args.promotion.host, &verified.promotion) {
        gabion_host::admit(promoted, Some(host))?;
    }
    if session.ui.json {
        session.ui.data(serde_json::json!({
            "schema": 1,
            "name": verified.manifest().name,
            "digest": verified.digest.to_string(),
            "size": verified.size,
            "signers": verified.signers,
            "promotion": promoted_json(verified.promotion.as_ref()),
            "root_version": verified.root.version,
        }));
        return Ok(Exit::Ok);
    }
    session.ui.data(format!("{} verified, signed by {}", verified.digest, verified.signers.join(", ")));
    if let Some(promoted) = &verified.promotion {
        let line = promotion_line(&promoted.promotion);
        session.ui.data(format!("{line}, signed by {}", promoted.signers.join(", ")));
    }
    session.ui.data(format!("trust root {}", verified.root.version));
    Ok(Exit::Ok)
}

fn inspect(ui: &ui::Ui, args: &BundleArgs) -> Result<Exit, Failure> {
    let (release, slot, manifest) = read_table(&mut open(&args.bundle)?)?;
    let promotion = slot.promotion.as_ref();
    if ui.json {
        ui.data(serde_json::json!({
            "schema": 1,
            "checked": false,
            "name": release.name,
            "platform": release.platform,
            "digest": release.digest().to_string(),
            "members": manifest.members.len(),
            "objects": manifest.objects,
            "signers": slot.release.signers(),
            "promotion": promotion.map(|it| promotion_json(it.promotion(), &it.signatures().signers())),
        }));
        return Ok(Exit::Ok);
    }
    ui.data(format!("name      {}\nplatform  {}", release.name, release.platform));
    ui.data(format!("digest    {}", release.digest()));
    ui.data(format!("members   {}\nobjects   {}", manifest.members.len(), manifest.objects.len()));
    for signer in slot.release.signers() {
        ui.data(format!("signed by {signer} (not checked)"));
    }
    if let Some(promotion) = promotion {
        ui.data(format!("{} (not checked)", promotion_line(promotion.promotion())));
        for signer in promotion.signatures().signers() {
            ui.data(format!("promoted by {signer} (not checked)"));
        }
    }
    Ok(Exit::Ok)
}

fn list(ui: &ui::Ui, args: &BundleArgs) -> Result<Exit, Failure> {
    let members = read_table(&mut open(&args.bundle)?)?.2.members;
    if ui.json {
        ui.data(serde_json::json!({ "schema": 1, "members": members }));
        return Ok(Exit::Ok);
    }
    for member in members.iter() {
        ui.data(format!("{:>12} {}", member.size, member.path));
    }
    Ok(Exit::Ok)
}

fn extract(session: &Session<'_>, args: &ExtractArgs) -> Result<Exit, Failure> {
    let root = trust::root(session, args.trust.trust.as_deref())?;
    let policy = Policy { full: args.full, ..trust::policy(&root, &args.trust, Stage::Look)? };
    let mut verified = open_verified(&args.bundle, &policy)?;
    let manifest = verified.manifest();
    if let Some(unknown) = args.members.iter().find(|it| manifest.member(it).is_none()) {
        return Err(Failure::usage(format!("the bundle has no `{unknown}`"))
            .help("`gabion bundle ls` lists the members"));
    }
    let all = || manifest.members.iter().map(|member| member.path.clone()).collect();
    let mut chosen: Vec<String> = if args.members.is_empty() { all() } else { args.members.clone() };
    chosen.sort();
    chosen.dedup();
    gabion_bundle::extract(&mut verified, &chosen, &args.output)?;
    if session.ui.json {
        session.ui.data(serde_json::json!({
            "schema": 1,
            "digest": verified.digest.to_string(),
            "output": args.output,
            "members": chosen,
        }));
    } else {
        session.ui.note(format!("extracted {} members", chosen.len()));
    }
    Ok(Exit::Ok)
}

/// Writes the installer of a bundle to a file that can be run: whole and synced, or not at all.
fn extract_installer(session: &Session<'_>, args: &ExtractInstallerArgs) -> Result<Exit, Failure> {
    let root = trust::root(session, args.trust.trust.as_deref())?;
    let policy = trust::policy(&root, &args.trust, Stage::Look)?;
    let mut verified = open_verified(&args.bundle, &policy)?;
    let installer = verified.manifest().objects.iter().find_map(|it| match it {
        Object::Installer { member } => Some(member.clone()),
        _ => None,
    });
    let member = installer.ok_or_else(|| {
        let name = &verified.manifest().name;
        Failure::usage(format!("the bundle `{name}` carries no installer"))
            .help(format!("name one in its recipe: `[bundle.{name}]`, `installer = \"fetch.NAME\"`"))
    })?;
    let output = &args.output;
    let folder = output.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = tempfile::Builder::new().prefix(".gabion-").tempfile_in(folder);
    let mut part = part.map_err(|source| io("create", folder, source))?;
    verified.copy_member(&member, &mut part).map_err(|source| match source.kind() {
        // Only the bundle's own check says this: what was verified is no longer what is read.
        std::io::ErrorKind::InvalidData => BundleError::Damaged { at: 0, what: source.to_string() },
        _ => io("write", output, source),
    })?;
    let mode = rustix::fs::Mode::from_raw_mode(0o755);
    let saved = rustix::fs::fchmod(part.as_file(), mode).map_err(std::io::Error::from);
    saved.and_then(|()| part.as_file().sync_all()).map_err(|source| io("write", output, source))?;
    part.persist(output).map_err(|error| io("name", output, error.error))?;
    let synced = fs_err::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| io("sync", folder, source))?;
    if session.ui.json {
        session.ui.data(serde_json::json!({
            "schema": 1,
            "digest": verified.digest.to_string(),
            "member": member,
            "output": output,
        }));
    } else {
        session.ui.note(format!("extracted `{member}`"));
    }
    Ok(Exit::Ok)
}

/// The key that is named or configured.
fn signer(session: &Session<'_>, args: &SignerArgs) -> Result<SigningKey, Failure> {
    let name = args.key.as_deref().or(session.config.sign_key.as_deref());
    key::load(name.ok_or_else(|| Failure::usage("no key given").help("name one with `--key`"))?)
}

fn sign(session: &Session<'_>, args: &SignArgs) -> Result<Exit, Failure> {
    let key = signer(session, &args.signer)?;
    trust::may_sign(session, args.signer.trust.as_deref(), Role::Release, &key)?;
    let mut file = open_slot(&args.bundle)?;
    if args.replace_slot {
        mend_slot(&mut file)?;
    }
    sign_bundle(&mut file, &key)?;
    file.sync_all().map_err(|source| io("sync", &args.bundle, source))?;
    // Still alone with it: the next one to sign is not seen in the middle of a write.
    let (release, slot, _) = read_table(&mut file)?;
    if session.ui.json {
        session.ui.data(serde_json::json!({
            "schema": 1,
            "digest": release.digest().to_string(),
            "signer": key.fingerprint(),
            "signers": slot.release.signers(),
        }));
    } else {
        session.ui.note(format!("{} signed by {}", release.digest(), key.fingerprint()));
    }
    Ok(Exit::Ok)
}

fn promote(session: &Session<'_>, args: &PromoteArgs) -> Result<Exit, Failure> {
    let hosts = Hosts::parse(args.hosts.iter().map(String::as_str)).ok_or_else(|| {
        Failure::usage(format!("`{}` are no names of hosts", args.hosts.join(" ")))
            .help("`*` alone is every host")
    })?;
    let (root, now) = (trust::root(session, args.signer.trust.as_deref())?, trust::now()?);
    let (root, statement) = statement(args, hosts, &root, now)?;
    let key = signer(session, &args.signer)?;
    root.may_sign(Role::Promotion, &key.fingerprint(), now)?;
    let promotion = match &args.output {
        Some(path) => promote_apart(path, statement, &key, &root)?,
        None => promote_in_place(&args.bundle, statement, &key, &root)?,
    };
    if session.ui.json {
        let promotion = promotion_json(promotion.promotion(), &promotion.signatures().signers());
        session.ui.data(serde_json::json!({ "schema": 1, "promotion": promotion }));
    } else {
        session.ui.note(format!(
            "{}, signed by {}",
            promotion_line(promotion.promotion()),
            key.fingerprint()
        ));
    }
    Ok(Exit::Ok)
}

/// What is promoted, and the newest root that `root` vouches for. Nobody promotes what is damaged or not
/// released.
fn statement(
    args: &PromoteArgs,
    hosts: Hosts,
    root: &TrustRoot,
    now: Time,
) -> Result<(TrustRoot, Promotion), Failure> {
    // Whoever is in the middle of a write of the slot is waited for; a stick that is only read cannot be locked.
    let file = match args.output {
        Some(_) => open(&args.bundle)?,
        None => buffered(open_slot(&args.bundle)?),
    };
    let verified = verify(file, &Policy::new(root, now, Stage::Release))?;
    let statement = Promotion {
        bundle: verified.digest,
        name: verified.manifest().name.clone(),
        channel: args.channel.clone(),
        serial: args.serial,
        hosts,
        root_version: verified.root.version,
        date: now,
    };
    Ok((verified.root, statement))
}

/// Writes the promotion to a file of its own, beside the signatures that it has there.
fn promote_apart(
    path: &Path,
    statement: Promotion,
    key: &SigningKey,
    root: &TrustRoot,
) -> Result<SignedPromotion, Failure> {
    let standing = if path.exists() { Some(SignedPromotion::parse(&trust::read_text(path)?)?) } else { None };
    let promotion = signed_after(standing, statement, key, root)?;
    key::replace(path, promotion.to_text()?.as_bytes())?;
    Ok(promotion)
}

/// Writes the promotion into the bundle; from reading the old one to here nobody else changes it.
fn promote_in_place(
    bundle: &Path,
    statement: Promotion,
    key: &SigningKey,
    root: &TrustRoot,
) -> Result<SignedPromotion, Failure> {
    let mut file = open_slot(bundle)?;
    let promotion = signed_after(read_table(&mut file)?.1.promotion, statement, key, root)?;
    promote_bundle(&mut file, &promotion)?;
    file.sync_all().map_err(|source| io("sync", bundle, source))?;
    Ok(promotion)
}

/// The statement with the signature of `key`, in the place of the one that stands there, unless that is of
/// nobody whom the root knows: then it binds nobody.
fn signed_after(
    standing: Option<SignedPromotion>,
    statement: Promotion,
    key: &SigningKey,
    root: &TrustRoot,
) -> Result<SignedPromotion, Failure> {
    let promoters = root.roles.get(&Role::Promotion);
    let known = |name: &String| promoters.is_some_and(|it| it.keys.contains(name));
    let standing = standing.filter(|it| it.signatures().signers().iter().any(known));
    let mut promotion = SignedPromotion::after(standing, statement)?;
    promotion.sign(key)?;
    Ok(promotion)
}
