//! Units of systemd, rendered here and never by a script from the network.
//!
//! That of K3s says what the unit of upstream's installer says (k3s-io/k3s, `install.sh`, `create_systemd_service_file`), so
//! that upstream's documentation keeps being true. The image of a system has the same files.

/// `k3s.service` of a server.
pub(crate) const K3S: &str = include_str!("../units/k3s.service");

/// Where the host hands artifacts to Flux, as `gabion-artifacts.socket` says too.
pub const ENDPOINT: &str = "169.254.77.7:5077";

/// Who hands artifacts to Flux: file names and texts. Of each, the first one listens.
pub(crate) const ARTIFACTS: [(&str, &str); 2] = [
    ("gabion-artifacts.socket", include_str!("../units/gabion-artifacts.socket")),
    ("gabion-artifacts@.service", include_str!("../units/gabion-artifacts@.service")),
];

/// What goes on with an interrupted change when the host starts: file names and texts.
pub(crate) const RECOVERY: [(&str, &str); 2] = [
    ("gabion-recover.service", include_str!("../units/gabion-recover.service")),
    ("gabion-settle.service", include_str!("../units/gabion-settle.service")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_where_its_unit_says() {
        let (_, socket) = ARTIFACTS[0];
        assert!(socket.contains(&format!("ListenStream={ENDPOINT}\n")), "{socket}");
        let address = ENDPOINT.split(':').next().unwrap();
        assert!(socket.contains(&format!("address replace {address}/32 dev lo\n")), "{socket}");
    }
}
