#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for (name, run) in targets::TARGETS {
        if name == "artifact_question" {
            run(bytes);
        }
    }
});
