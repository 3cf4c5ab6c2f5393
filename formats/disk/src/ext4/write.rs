//! Writing a planned file system: first all that the plan decides, then the contents.

use super::image::Filled;
use super::{Ext4Error, Image};
use crate::target::Target;
use mkext4::RegionSink;
use mkext4::build::ImageWriter;
use std::io::{self, Read};

/// A target as `mkext4` sees one; zeros are what is not put.
struct Sink<'t> {
    target: &'t mut dyn Target,
    /// Why the target took no more.
    failed: Option<io::Error>,
}

impl RegionSink for Sink<'_> {
    fn data(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.target.put(offset, bytes).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }

    fn zeros(&mut self, _offset: u64, _length: u64) -> io::Result<()> {
        Ok(())
    }
}

/// The content of a file, which remembers how it ended.
struct Content<R> {
    reader: R,
    left: u64,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(bytes) {
            Ok(count) => {
                self.left = self.left.saturating_sub(count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }
}

impl Image {
    /// Writes the file system. `content` opens the file at a path: once each, in the order of the entries, and files
    /// without a byte not at all.
    pub fn write<R: Read>(
        &self,
        target: &mut dyn Target,
        mut content: impl FnMut(&[u8]) -> io::Result<R>,
    ) -> Result<(), Ext4Error> {
        let mut sink = Sink { target, failed: None };
        let done = self.write_to(&mut sink, &mut content);
        // The writer words a failed target as its own error; the first cause is what helps.
        match sink.failed {
            Some(error) => Err(Ext4Error::Write(error)),
            None => done,
        }
    }

    fn write_to<R: Read>(
        &self,
        sink: &mut Sink<'_>,
        content: &mut impl FnMut(&[u8]) -> io::Result<R>,
    ) -> Result<(), Ext4Error> {
        let mut writer = self.layout.writer(sink).map_err(Ext4Error::Refused)?;
        for file in &self.files {
            let reader = content(&file.path).map_err(|source| file.unreadable(source))?;
            fill(&mut writer, file, reader)?;
        }
        writer.finish().map(|_| ()).map_err(Ext4Error::Refused)
    }
}

fn fill(
    writer: &mut ImageWriter<'_, &mut Sink<'_>>,
    file: &Filled,
    reader: impl Read,
) -> Result<(), Ext4Error> {
    let mut content = Content { reader, left: file.size, failed: None };
    let filled = writer.fill(file.handle, &mut content);
    let more = filled.is_ok().then(|| content.read(&mut [0]));
    match (content.failed, more) {
        (Some(error), _) => Err(file.unreadable(error)),
        (None, Some(Ok(0))) => Ok(()),
        (None, None) if content.left == 0 => filled.map_err(Ext4Error::Refused),
        _ => Err(Ext4Error::Size { path: file.name(), size: file.size }),
    }
}

impl Filled {
    fn name(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    fn unreadable(&self, source: io::Error) -> Ext4Error {
        Ext4Error::Content { path: self.name(), source }
    }
}
