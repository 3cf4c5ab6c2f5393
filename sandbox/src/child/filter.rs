//! The filter of system calls (seccomp(2)): what no build step needs, and what has broken out of sandboxes before.

use crate::spec::Identity;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::BTreeMap;
use std::io;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refused to everybody.
const REFUSED: [i64; 36] = [
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// They change nothing that a program can see. What opens with `O_SYNC` is left as it is.
const SYNCS: [i64; 5] =
    [libc::SYS_fdatasync, libc::SYS_fsync, libc::SYS_sync, libc::SYS_sync_file_range, libc::SYS_syncfs];

/// Calls that set a file's mode, and which argument it is.
#[cfg(target_arch = "x86_64")]
const MODE: [(i64, u8); 7] = [
    (libc::SYS_chmod, 1),
    (libc::SYS_creat, 1),
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (libc::SYS_fchmodat2, 2),
    (libc::SYS_mknod, 1),
    (libc::SYS_mknodat, 2),
];
#[cfg(not(target_arch = "x86_64"))]
const MODE: [(i64, u8); 4] =
    [(libc::SYS_fchmod, 1), (libc::SYS_fchmodat, 2), (libc::SYS_fchmodat2, 2), (libc::SYS_mknodat, 2)];

/// Calls that set a file's mode where their flags make one, and which arguments flags and mode are.
#[cfg(target_arch = "x86_64")]
const OPEN: [(i64, u8, u8); 2] = [(libc::SYS_open, 1, 2), (libc::SYS_openat, 2, 3)];
#[cfg(not(target_arch = "x86_64"))]
const OPEN: [(i64, u8, u8); 1] = [(libc::SYS_openat, 2, 3)];

/// The flags of open(2) that make a file: `O_CREAT`, and what `O_TMPFILE` has beside `O_DIRECTORY`.
const MAKES: [i32; 2] = [libc::O_CREAT, libc::O_TMPFILE & !libc::O_DIRECTORY];
/// The bits of set-user-ID and set-group-ID.
const SET_ID: [i32; 2] = [0o4000, 0o2000];
/// The flags of clone(2) that make namespaces.
const NEW: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];
/// Families of sockets that reach beyond this machine, or its settings.
const NETWORKS: [i32; 5] = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_PACKET, libc::AF_VSOCK];
/// Marks a call of the x32 ABI, which shares its architecture with x86-64 (asm/unistd.h).
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

/// Filters this process and all that come from it. A call of another architecture kills.
/// Where there is no network namespace, `no_network` refuses the sockets that reach one.
pub(super) fn install(identity: Identity, no_network: bool) -> io::Result<()> {
    let mut refused = rules(identity).map_err(io::Error::other)?;
    if no_network {
        let sockets = NETWORKS.iter().map(|family| SeccompRule::new(vec![is(0, *family)?]));
        refused.insert(libc::SYS_socket, sockets.collect::<Result<_, _>>().map_err(io::Error::other)?);
    }
    apply(refused, libc::EPERM)?;
    apply(unseen(identity), libc::ENOSYS)
}

/// Makes calls that only wait for a disk succeed without it.
pub(super) fn skip_syncs() -> io::Result<()> {
    let mut skipped: Rules = SYNCS.iter().map(|&call| (call, Vec::new())).collect();
    let synchronous = has(2, libc::MS_SYNC).and_then(|it| SeccompRule::new(vec![it]));
    skipped.insert(libc::SYS_msync, vec![synchronous.map_err(io::Error::other)?]);
    apply(skipped, 0)
}

/// Calls whose flags lie in memory, where no filter sees them: whoever meets none takes the older call.
fn unseen(identity: Identity) -> Rules {
    let open = (identity == Identity::Single).then_some(libc::SYS_openat2);
    open.into_iter().chain([libc::SYS_clone3]).map(|call| (call, Vec::new())).collect()
}

fn apply(rules: Rules, errno: i32) -> io::Result<()> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let action = SeccompAction::Errno(errno.cast_unsigned());
    let filter =
        SeccompFilter::new(both_abis(rules), SeccompAction::Allow, action, arch).map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}

/// Each rule, for the numbers of x32 too.
fn both_abis(rules: Rules) -> Rules {
    #[cfg(target_arch = "x86_64")]
    let twins: Rules = rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
    #[cfg(not(target_arch = "x86_64"))]
    let twins = Rules::new();
    rules.into_iter().chain(twins).collect()
}

fn rules(identity: Identity) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = REFUSED.iter().map(|&call| (call, Vec::new())).collect();
    let new = NEW.iter().map(|flag| SeccompRule::new(vec![has(0, *flag)?]));
    rules.insert(libc::SYS_clone, new.collect::<Result<_, _>>()?);
    if identity == Identity::Single {
        rules.append(&mut no_set_id()?);
    }
    Ok(rules)
}

/// No file may be run as its owner: what a step writes belongs to whoever builds.
fn no_set_id() -> Result<Rules, seccompiler::BackendError> {
    let mut rules = Rules::new();
    for bit in SET_ID {
        for (call, mode) in MODE {
            rules.entry(call).or_default().push(SeccompRule::new(vec![has(mode, bit)?])?);
        }
        for ((call, flags, mode), makes) in OPEN.iter().flat_map(|call| MAKES.map(|flag| (*call, flag))) {
            let both = vec![has(flags, makes)?, has(mode, bit)?];
            rules.entry(call).or_default().push(SeccompRule::new(both)?);
        }
    }
    Ok(rules)
}

/// Where an argument is a value.
fn is(argument: u8, value: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    let value = u64::from(value.cast_unsigned());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// Where an argument has a bit.
fn has(argument: u8, bit: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    let bit = u64::from(bit.cast_unsigned());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bit), bit)
}
