//! The disk of a bundle.

use super::{DiskError, Event, Facts, Options, Report, Source, install};
use crate::{HostError, Root};
use gabion_bundle::{Manifest, Object, Opened};
use gabion_disk::Slot;
use std::io::{Read, Seek, Write};

/// The member with the disk of `node`, or with the only one, and the bytes of that disk.
pub fn find_disk(manifest: &Manifest, node: Option<&str>) -> Result<(String, u64), DiskError> {
    let disks = manifest.objects.iter().filter_map(|it| match it {
        Object::Disk { node, member, size } => Some((node, member, *size)),
        _ => None,
    });
    let is_it = |name: &str, wanted: &str| name == wanted || name.strip_prefix("disk.") == Some(wanted);
    let found: Vec<_> = disks.filter(|it| node.is_none_or(|wanted| is_it(it.0, wanted))).collect();
    match found[..] {
        [(_, member, size)] => Ok((member.clone(), size)),
        [] => Err(DiskError::Image("the bundle carries none of that name".to_owned())),
        _ => {
            let names: Vec<&str> = found.iter().map(|it| it.0.as_str()).collect();
            Err(DiskError::Image(format!("the bundle carries {}; say which", names.join(", "))))
        }
    }
}

/// Installs the disk that an opened bundle carries (see [`install`]); `node` says which, where there are several.
pub fn install_bundle<R: Read + Seek + Send>(
    facts: &Facts,
    bundle: &mut Opened<R>,
    node: Option<&str>,
    options: &Options,
    events: &mut dyn FnMut(Event),
    lay: impl FnOnce(&mut Opened<R>, &Root, Slot) -> Result<(), HostError> + Send,
) -> Result<Report, HostError> {
    let (member, size) = find_disk(bundle.manifest(), node)?;
    let architecture = bundle.manifest().platform.strip_prefix("linux/").map(str::to_owned);
    let mut produce = |bundle: &mut Opened<R>, out: &mut dyn Write| bundle.copy_member(&member, out);
    let mut source = Source { from: bundle, produce: &mut produce, size, architecture };
    install(facts, &mut source, options, events, lay)
}
