#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for (name, run) in targets::TARGETS {
        if name == "cache_record" {
            run(bytes);
        }
    }
});
