//! The systemd unit of K3s, rendered here and never by a script from the network.
//!
//! It says what the unit of upstream's installer says (k3s-io/k3s, `install.sh`,
//! `create_systemd_service_file`), so that upstream's documentation keeps being true.

/// `/etc/systemd/system/k3s.service` of a server.
pub(crate) fn k3s_service() -> String {
    let lines = [
        "[Unit]",
        "Description=Lightweight Kubernetes",
        "Documentation=https://k3s.io",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
        "[Service]",
        "Type=notify",
        "EnvironmentFile=-/etc/default/%N",
        "EnvironmentFile=-/etc/sysconfig/%N",
        "EnvironmentFile=-/etc/systemd/system/k3s.service.env",
        "KillMode=process",
        "Delegate=yes",
        "User=root",
        "LimitNOFILE=1048576",
        "LimitNPROC=infinity",
        "LimitCORE=infinity",
        "TasksMax=infinity",
        "TimeoutStartSec=0",
        "Restart=always",
        "RestartSec=5s",
        "ExecStartPre=-/sbin/modprobe br_netfilter",
        "ExecStartPre=-/sbin/modprobe overlay",
        "ExecStart=/usr/local/bin/k3s server",
        "",
    ];
    lines.join("\n")
}
