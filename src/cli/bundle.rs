//! `bundle verify|inspect|ls|extract|sign`.

use super::args::{BundleCommand, ExtractArgs, VerifyArgs};
use super::failure::Failure;
use super::project::{Session, load_key};
use crate::exit::Exit;
use gabion_bundle::{BundleError, TrustRoot, Verified, read_table, sign_bundle, verify};
use std::io::BufReader;
use std::path::Path;

pub(super) fn run(session: &Session<'_>, command: &BundleCommand) -> Result<Exit, Failure> {
    match command {
        BundleCommand::Verify(args) => check(session, args),
        BundleCommand::Inspect(args) => {
            let (release, slot, manifest) = read_table(&mut open(&args.bundle)?)?;
            session.ui.data(format!(
                "name      {}\nplatform  {}\ndigest    {}",
                release.name,
                release.platform,
                release.digest()
            ));
            session.ui.data(format!(
                "members   {}\nobjects   {}",
                manifest.members.len(),
                manifest.objects.len()
            ));
            for signer in slot.signers() {
                session.ui.data(format!("signed by {signer} (not checked)"));
            }
            Ok(Exit::Ok)
        }
        BundleCommand::Ls(args) => {
            for member in read_table(&mut open(&args.bundle)?)?.2.members {
                session.ui.data(format!("{:>12} {}", member.size, member.path));
            }
            Ok(Exit::Ok)
        }
        BundleCommand::Extract(args) => extract(session, args),
        BundleCommand::Sign(args) => {
            let path = args.key.as_deref().or(session.config.sign_key.as_deref());
            let key =
                load_key(path.ok_or_else(|| Failure::usage("no key given").help("name one with `--key`"))?)?;
            let mut options = fs_err::OpenOptions::new();
            let opened = options.read(true).write(true).open(&args.bundle);
            let mut file = opened.map_err(|source| io("open", &args.bundle, source))?;
            sign_bundle(&mut file, &key)?;
            file.sync_all().map_err(|source| io("sync", &args.bundle, source))?;
            session.ui.note(format!("signed by {}", key.fingerprint()));
            Ok(Exit::Ok)
        }
    }
}

fn io(operation: &'static str, path: &Path, source: std::io::Error) -> BundleError {
    BundleError::Io { operation, path: path.to_owned(), source }
}

fn open(path: &Path) -> Result<BufReader<std::fs::File>, Failure> {
    let file = fs_err::File::open(path).map_err(|source| io("open", path, source))?;
    Ok(BufReader::with_capacity(1 << 20, file.into_file()))
}

/// Verifies `bundle` against the trust root that is named or configured; a root inside the bundle
/// proves nothing and is never used.
pub(super) fn open_verified(
    session: &Session<'_>,
    bundle: &Path,
    trust: Option<&Path>,
    full: bool,
) -> Result<Verified<BufReader<std::fs::File>>, Failure> {
    let path = trust.or(session.config.trust.as_deref()).ok_or_else(|| {
        let no_root = BundleError::Root("none is given and none is configured".to_owned());
        Failure::from(no_root).help("name one with `--trust`, or set `trust` in the configuration")
    })?;
    let text = fs_err::read_to_string(path).map_err(|error| BundleError::Root(error.to_string()))?;
    Ok(verify(open(bundle)?, &TrustRoot::parse(&text)?, full)?)
}

fn check(session: &Session<'_>, args: &VerifyArgs) -> Result<Exit, Failure> {
    let verified = open_verified(session, &args.bundle, args.trust.as_deref(), args.full)?;
    if session.ui.json {
        session.ui.data(serde_json::json!({
            "schema": 1,
            "digest": verified.digest.to_string(),
            "size": verified.size,
            "signers": verified.signers,
        }));
    } else {
        session.ui.data(format!("{} verified, signed by {}", verified.digest, verified.signers.join(", ")));
    }
    Ok(Exit::Ok)
}

fn extract(session: &Session<'_>, args: &ExtractArgs) -> Result<Exit, Failure> {
    let mut verified = open_verified(session, &args.bundle, args.trust.as_deref(), false)?;
    let all: Vec<String> = verified.manifest().members.iter().map(|member| member.path.clone()).collect();
    if let Some(unknown) = args.members.iter().find(|it| !all.contains(it)) {
        return Err(Failure::usage(format!("the bundle has no `{unknown}`"))
            .help("`gabion bundle ls` lists the members"));
    }
    fs_err::create_dir(&args.output).map_err(|source| io("create", &args.output, source))?;
    let chosen = if args.members.is_empty() { &all } else { &args.members };
    for member in chosen {
        let path = args.output.join(member);
        let write = (|| {
            fs_err::create_dir_all(path.parent().unwrap_or(&args.output))?;
            verified.copy_member(member, &mut fs_err::File::create(&path)?)
        })();
        write.map_err(|source| io("write", &path, source))?;
    }
    session.ui.note(format!("extracted {} members", chosen.len()));
    Ok(Exit::Ok)
}
