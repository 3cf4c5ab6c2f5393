//! What a slot says of where things lie: its `fstab`, and the folders that its first start would make.

use std::collections::BTreeMap;

/// The file.
pub(super) const FSTAB: &str = "etc/fstab";
/// The unit that makes folders, one `install -d` a line.
pub(super) const FOLDERS: &str = "etc/systemd/system/gabion-layout.service";

/// A line of the `fstab` that an installer follows. Paths are relative to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// An ext4 on a partition, by its identifier.
    Partition { id: String, at: String },
    /// A folder that is seen elsewhere.
    Bind { from: String, at: String },
}

/// The lines, in their order. The EFI system partition is no place for files of an installer.
pub(super) fn parse(text: &str) -> Vec<Line> {
    let relative = |it: &str| it.strip_prefix('/').filter(|it| !it.is_empty()).map(str::to_owned);
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [what, at, kind, options, ..] = fields[..] else { return None };
        let at = relative(at)?;
        if let Some(id) = what.strip_prefix("PARTUUID=").filter(|_| kind == "ext4") {
            return Some(Line::Partition { id: id.to_ascii_lowercase(), at });
        }
        let is_bind = options.split(',').any(|it| it == "bind");
        is_bind.then(|| relative(what).map(|from| Line::Bind { from, at })).flatten()
    };
    text.lines().filter(|it| !it.trim_start().starts_with('#')).filter_map(line).collect()
}

/// Modes and groups of the folders that the unit makes, by relative path.
pub(super) fn folders(unit: &str) -> BTreeMap<String, (u32, Option<String>)> {
    let folder = |line: &str| {
        let mut words = line.strip_prefix("ExecStart=/usr/bin/install -d ")?.split_whitespace();
        let (mut mode, mut group) = (0o755, None);
        loop {
            match words.next()? {
                "-m" => mode = u32::from_str_radix(words.next()?, 8).ok()?,
                "-g" => group = Some(words.next()?.to_owned()),
                path => return Some((path.strip_prefix('/')?.to_owned(), (mode, group))),
            }
        }
    };
    unit.lines().filter_map(folder).collect()
}

/// The number of a group (`group(5)`).
pub(super) fn group(file: &str, name: &str) -> Option<u32> {
    let line = file.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(':'))?;
    line.split(':').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_binds_are_followed_and_nothing_else() {
        let text = "# comment\nPARTUUID=AB-1 /boot/efi vfat umask=0077 0 0\nPARTUUID=AB-2 /state ext4 noatime 0 2\n\
            /state/gabion /var/lib/gabion none bind,nofail 0 0\ntmpfs /tmp tmpfs defaults 0 0\nbroken\n";
        let at = |it: &str| it.to_owned();
        let lines = [
            Line::Partition { id: at("ab-2"), at: at("state") },
            Line::Bind { from: at("state/gabion"), at: at("var/lib/gabion") },
        ];
        assert_eq!(parse(text), lines);
    }

    #[test]
    fn a_folder_has_the_mode_and_the_group_that_the_unit_gives_it() {
        let unit = "[Service]\nExecStart=/usr/bin/install -d -m 0701 /data/k3s-storage\n\
            ExecStart=/usr/bin/install -d -m 2755 -g systemd-journal /state/journal\n";
        let found = folders(unit);
        assert_eq!(found["data/k3s-storage"], (0o701, None));
        assert_eq!(found["state/journal"], (0o2755, Some("systemd-journal".to_owned())));
        assert_eq!(group("root:x:0:\nsystemd-journal:x:101:\n", "systemd-journal"), Some(101));
        assert_eq!(group("root:x:0:\n", "roo"), None);
    }
}
