//! The side that has the file.

use super::{END, FAILED, LONGEST, MAGIC, READ, VERSION, WireError, framed, number, text, u32_of, u64_of};
use std::io::{Read, Seek, SeekFrom, Write};

/// What was served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Bytes of the file that were sent; a byte that was sent twice counts twice.
    pub bytes: u64,
    /// The result, as the other side says it.
    pub result: String,
}

/// Answers questions about `file` until the other side ends with its result. `said` goes with the greeting.
pub fn serve(
    mut file: impl Read + Seek,
    said: &str,
    mut input: impl Read,
    mut output: impl Write,
) -> Result<Served, WireError> {
    let size = file.seek(SeekFrom::End(0)).map_err(WireError::File)?;
    let said = framed(None, said).map_err(WireError::Pipe)?;
    let greeting = [MAGIC.as_slice(), &VERSION.to_le_bytes(), &size.to_le_bytes(), &said].concat();
    let mut send = |bytes: &[u8]| output.write_all(bytes).and_then(|()| output.flush());
    send(&greeting).map_err(WireError::from_write)?;
    let (mut bytes, mut answer) = (0, Vec::new());
    loop {
        match number::<1>(&mut input)? {
            [READ] => {}
            [END] => return Ok(Served { bytes, result: text(&mut input)? }),
            _ => return Err(WireError::Hostile("a question of no known kind")),
        }
        let (at, length) = (u64_of(&mut input)?, u32_of(&mut input)?);
        if length > LONGEST || at.checked_add(u64::from(length)).is_none_or(|end| end > size) {
            return Err(WireError::Hostile("it asks for what the file has not"));
        }
        answer.clear();
        answer.push(READ);
        answer.extend_from_slice(&at.to_le_bytes());
        answer.extend_from_slice(&length.to_le_bytes());
        let read = file.seek(SeekFrom::Start(at));
        let read = read.and_then(|_| file.by_ref().take(u64::from(length)).read_to_end(&mut answer));
        let whole = read.and_then(|count| {
            if count == length as usize { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
        });
        if let Err(error) = whole {
            if let Ok(said) = framed(Some(FAILED), &error.to_string()) {
                // It may be gone already; why the file fails is told here in any case.
                let _told = send(&said);
            }
            return Err(WireError::File(error));
        }
        send(&answer).map_err(WireError::from_write)?;
        bytes += u64::from(length);
    }
}
