//! Bounds that hold whatever the size of a file.

use crate::world::{Run, World, gabion};
use gabion_testkit::{has, program};

/// Size of the file, and the most memory that a step may hold for it.
const BLOB: usize = 256 << 20;
const PEAK_KIB: u64 = 128 << 10;

/// Runs its arguments and prints their peak memory in KiB behind what they say (getrusage(2)).
const MEASURE: &str = "import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)";

/// Bytes that no compressor shortens (xorshift64*, <https://doi.org/10.18637/jss.v008.i14>).
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

fn peak_kib(world: &World, arguments: &str) -> u64 {
    let gabion = gabion(world.folder.path());
    let run: Run = program("python3")
        .args(["-c", MEASURE])
        .arg(gabion.get_program())
        .args(arguments.split_whitespace())
        .current_dir(world.folder.path())
        .envs(gabion.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output()
        .unwrap()
        .into();
    assert_eq!(run.code, 0, "gabion {arguments}: {}", run.stderr);
    run.stdout.trim().parse().unwrap()
}

#[test]
fn more_jobs_than_any_machine_has_are_as_many_as_are_of_use() {
    let recipes = "[fetch.a]\nurl = 'https://up.invalid/a'\n[bundle.b]\nbase = ['fetch.a']\n";
    let world = World::new(recipes, &[("/a", b"stones")]);
    world.ok("build -j 9999999999999999999");
    let config = fs_err::read_to_string(world.path("config.toml")).unwrap();
    for jobs in ["9000000000000000000", "0"] {
        fs_err::remove_dir_all(world.path(".store")).unwrap();
        fs_err::write(world.path("config.toml"), format!("jobs = {jobs}\n{config}")).unwrap();
        world.ok("build");
    }
}

#[test]
fn no_step_holds_a_large_file_in_memory() {
    if !has(&["python3"]) {
        return;
    }
    let recipes = "[fetch.a]\nurl = 'https://up.invalid/a.bin'\n[bundle.b]\nbase = ['fetch.a']\n";
    let mut content = gabion_upstream::Content::default();
    content.files.insert("/a.bin".to_owned(), noise(BLOB));
    let world = World::serving(recipes, content);
    let check = |arguments: &str| {
        let peak = peak_kib(&world, arguments);
        assert!(peak < PEAK_KIB, "gabion {arguments} held {} MiB", peak >> 10);
    };
    // No digest is known, so locking downloads.
    check("lock");
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    check("build fetch.a --locked");
    check("build --frozen");
    world.ok("key new release --trust root.json --no-passphrase");
    check("bundle sign out/b.gabion --key release");
    check("bundle verify out/b.gabion --trust root.json");
    check("bundle verify out/b.gabion --trust root.json --full");
    fs_err::create_dir(world.path("host")).unwrap();
    check("host install out/b.gabion --root host --trust root.json");
    assert_eq!(
        fs_err::metadata(world.path("host/var/lib/gabion/files/fetch.a/a.bin")).unwrap().len(),
        BLOB as u64
    );
    check("store verify");
}
