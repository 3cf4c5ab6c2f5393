//! `store verify|ls`.

use super::args::StoreCommand;
use super::failure::Failure;
use super::project::Session;
use super::ui::size;
use crate::exit::Exit;

pub(super) fn run(session: &Session<'_>, command: &StoreCommand) -> Result<Exit, Failure> {
    let store = session.store()?;
    match command {
        StoreCommand::Verify => {
            let health = store.verify()?;
            for id in &health.damaged {
                session.ui.data(format!("damaged {id}"));
            }
            session.ui.note(format!("{} blobs are good ({})", health.good, size(health.bytes)));
            Ok(if health.damaged.is_empty() { Exit::Ok } else { Exit::Integrity })
        }
        StoreCommand::Ls => {
            for blob in store.list()? {
                session.ui.data(format!("{:>12} {}", blob.size, blob.id));
            }
            Ok(Exit::Ok)
        }
    }
}
