//! Units of systemd: enabled, disabled and masked by links, as `systemctl --root` does it.

use crate::error::HardenError;
use crate::make::Maker;

/// Where units of packages lie, and what links to them say: Debian's `systemctl` writes the old path.
const PACKAGED: [(&str, &str); 2] =
    [("usr/lib/systemd/system", "/lib/systemd/system"), ("lib/systemd/system", "/lib/systemd/system")];
/// Where units of ours and all links lie.
const OWN: &str = "etc/systemd/system";

/// Whether the base has the unit.
pub(crate) fn is_there(unit: &str, maker: &Maker<'_>) -> bool {
    find(unit, maker).is_some()
}

/// The text of a unit, and where links to it lead.
fn find(unit: &str, maker: &Maker<'_>) -> Option<(String, String)> {
    let own = maker.text(&format!("{OWN}/{unit}")).map(|text| (text, format!("/{OWN}/{unit}")));
    own.or_else(|| {
        PACKAGED.iter().find_map(|(folder, shown)| {
            Some((maker.text(&format!("{folder}/{unit}"))?, format!("{shown}/{unit}")))
        })
    })
}

/// The links that enable `unit`, below `etc/systemd/system`, and the units that go with it
/// (`systemd.unit(5)`, "[Install] Section Options").
fn install(unit: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let (mut links, mut also) = (Vec::new(), Vec::new());
    let section = text.lines().map(str::trim).skip_while(|it| *it != "[Install]").skip(1);
    for line in section.take_while(|it| !it.starts_with('[')).filter(|it| !it.starts_with(['#', ';'])) {
        let Some((key, values)) = line.split_once('=') else { continue };
        for value in values.split_whitespace() {
            match key.trim() {
                "WantedBy" => links.push(format!("{value}.wants/{unit}")),
                "RequiredBy" => links.push(format!("{value}.requires/{unit}")),
                "Alias" => links.push(value.to_owned()),
                "Also" => also.push(value.to_owned()),
                _ => {}
            }
        }
    }
    (links, also)
}

/// Enables `unit` and what goes with it. Links that the package made stay as they are.
pub(crate) fn enable(unit: &str, maker: &mut Maker<'_>) {
    let Some((text, target)) = find(unit, maker) else {
        maker.errors.push(HardenError::Unit { unit: unit.to_owned() });
        return;
    };
    let (links, also) = install(unit, &text);
    if links.is_empty() && also.is_empty() {
        maker.errors.push(HardenError::Unit { unit: unit.to_owned() });
    }
    for link in links {
        let path = format!("{OWN}/{link}");
        if !maker.exists(&path) {
            maker.link(&path, target.clone());
        }
    }
    // What `Also` names may name it back.
    for unit in also {
        if let Some((text, target)) = find(&unit, maker) {
            for link in install(&unit, &text).0 {
                let path = format!("{OWN}/{link}");
                if !maker.exists(&path) {
                    maker.link(&path, target.clone());
                }
            }
        }
    }
}

/// Takes the links away that enable `unit`, where the base has the unit.
pub(crate) fn disable(unit: &str, maker: &mut Maker<'_>) {
    if let Some((text, _)) = find(unit, maker) {
        for link in install(unit, &text).0 {
            maker.remove(&format!("{OWN}/{link}"));
        }
    }
}

/// Makes `unit` impossible to start, where the base has it.
pub(crate) fn mask(unit: &str, maker: &mut Maker<'_>) {
    if is_there(unit, maker) {
        disable(unit, maker);
        maker.link(&format!("{OWN}/{unit}"), "/dev/null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_enabled_by_the_links_of_its_install_section() {
        let text = "[Unit]\nWantedBy=no.target\n[Install]\n# WantedBy=no.target\nWantedBy=a.target b.target\n\
                    Alias=y.service\nRequiredBy=c.target\nAlso=z.socket\n[Service]\nWantedBy=no.target\n";
        let (links, also) = install("x.service", text);
        assert_eq!(
            links,
            [
                "a.target.wants/x.service",
                "b.target.wants/x.service",
                "y.service",
                "c.target.requires/x.service"
            ]
        );
        assert_eq!(also, ["z.socket"]);
        assert_eq!(install("x.service", "[Service]\nExecStart=/bin/true\n"), (vec![], vec![]));
    }
}
