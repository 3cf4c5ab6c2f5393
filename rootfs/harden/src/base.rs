//! What the layer is laid over.

/// A configured base system, as far as the modules look into it.
///
/// Paths are relative (`etc/passwd`), without `.` and `..`; the system is merged, so that units are asked for
/// below `usr/lib`.
pub trait Base {
    /// The bytes of the regular file at `path`; symbolic links are not followed.
    fn file(&self, path: &str) -> Option<Vec<u8>>;

    /// Whether anything stands at `path`: a file, a directory, or a link that leads anywhere or nowhere.
    fn exists(&self, path: &str) -> bool;
}

/// Whose packages a base system is made of, as `os-release(5)` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// `ID=debian`.
    Debian,
    /// `ID=ubuntu`.
    Ubuntu,
}

impl Distribution {
    /// Reads the `ID` of an `os-release` file; nothing for a distribution that is not known here.
    pub fn of(os_release: &str) -> Option<Self> {
        let id = os_release.lines().find_map(|line| line.strip_prefix("ID="))?;
        match id.trim_matches(['"', '\'']) {
            "debian" => Some(Self::Debian),
            "ubuntu" => Some(Self::Ubuntu),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_known_by_its_id_alone() {
        assert_eq!(Distribution::of("NAME=x\nID=debian\nID_LIKE=ubuntu\n"), Some(Distribution::Debian));
        assert_eq!(Distribution::of("VERSION_ID=\"22.04\"\nID=\"ubuntu\"\n"), Some(Distribution::Ubuntu));
        assert_eq!(Distribution::of("ID_LIKE=debian\nID=raspbian\n"), None);
        assert_eq!(Distribution::of(""), None);
    }
}
