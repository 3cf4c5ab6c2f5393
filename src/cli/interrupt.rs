//! Ctrl-C and SIGTERM: the program ends at once and says that nothing is lost.
//!
//! That is true because every write that matters is complete or has no name yet (the store, the lock, a
//! bundle), or is journalled (a host); downloads go on where they stopped. Folders in which a build worked are taken
//! away by the next one. So there is nothing to tidy up, and no place that would have to notice an interruption.

use super::ui;
use crate::exit::Exit;
use tokio::signal::unix::{SignalKind, signal};

/// Ends the program with code 130 at the first signal. Where signals cannot be watched, the system's own
/// way to end a program stays in force.
pub(super) fn watch() {
    let _watcher = std::thread::Builder::new().name("signals".to_owned()).spawn(|| {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        let signalled = runtime.block_on(async {
            let (mut interrupt, mut terminate) =
                (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            Ok::<_, std::io::Error>(())
        });
        if signalled.is_ok() {
            ui::interrupted();
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
    });
}
