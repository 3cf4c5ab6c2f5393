//! Units of systemd, rendered here and never by a script from the network.
//!
//! That of K3s says what the unit of upstream's installer says (k3s-io/k3s, `install.sh`, `create_systemd_service_file`), so
//! that upstream's documentation keeps being true. The image of a system has the same files.

/// `k3s.service` of a server.
pub(crate) const K3S: &str = include_str!("../units/k3s.service");

/// What goes on with an interrupted change when the host starts: file names and texts.
pub(crate) const RECOVERY: [(&str, &str); 2] = [
    ("gabion-recover.service", include_str!("../units/gabion-recover.service")),
    ("gabion-settle.service", include_str!("../units/gabion-settle.service")),
];
