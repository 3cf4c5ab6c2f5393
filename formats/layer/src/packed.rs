//! How a layer is packed: by encoders whose bytes are pinned (`FORMAT.md`).

use crc32fast::Hasher;
use miniz_oxide::MZFlush;
use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::deflate::stream::deflate;
use std::io::{self, Read, Write};
use zstd::stream::raw::CParameter;

/// The level of both encoders.
const GZIP_LEVEL: i32 = 6;
const ZSTD_LEVEL: i32 = 9;
/// Bytes that one thread of zstd compresses at once. A frame depends on it, so it is fixed.
const ZSTD_JOB: u32 = 8 << 20;
/// How much an encoder gets at once, whatever comes.
const PIECE: usize = 256 << 10;
/// No name, no time, no hint of speed, no system (RFC 1952 §2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// How a layer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip, which every reader of images knows.
    #[default]
    Gzip,
    /// Zstandard, which containerd knows since 1.5.
    Zstd,
}

impl Packing {
    /// The media type of a layer that is packed so (OCI image specification 1.1, `media-types.md`).
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/vnd.oci.image.layer.v1.tar",
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Gzip, Self::Zstd];
}

/// Packs what is written to it. Without [`Packed::finish`] the result is not whole.
pub struct Packed<W: Write> {
    piece: Vec<u8>,
    encoder: Encoder<W>,
}

enum Encoder<W: Write> {
    Plain(W),
    Gzip(Gzip<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> std::fmt::Debug for Packed<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed").field("waiting", &self.piece.len()).finish_non_exhaustive()
    }
}

impl<W: Write> Packed<W> {
    /// Packs into `out`.
    pub fn new(packing: Packing, out: W) -> io::Result<Self> {
        let encoder = match packing {
            Packing::Plain => Encoder::Plain(out),
            Packing::Gzip => Encoder::Gzip(Gzip::new(out)?),
            Packing::Zstd => {
                let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
                // A frame made without workers is another one.
                encoder.set_parameter(CParameter::NbWorkers(1))?;
                encoder.set_parameter(CParameter::JobSize(ZSTD_JOB))?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
        };
        Ok(Self { piece: Vec::with_capacity(PIECE), encoder })
    }

    fn encode(&mut self) -> io::Result<()> {
        match &mut self.encoder {
            Encoder::Plain(out) => out.write_all(&self.piece)?,
            Encoder::Gzip(gzip) => gzip.encode(&self.piece, MZFlush::None)?,
            Encoder::Zstd(zstd) => zstd.write_all(&self.piece)?,
        }
        self.piece.clear();
        Ok(())
    }

    /// Writes the end, and gives back what it was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.encode()?;
        match self.encoder {
            Encoder::Plain(out) => Ok(out),
            Encoder::Gzip(gzip) => gzip.finish(),
            Encoder::Zstd(zstd) => zstd.finish(),
        }
    }
}

impl<W: Write> Write for Packed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..count]);
        if self.piece.len() == PIECE {
            self.encode()?;
        }
        Ok(count)
    }

    /// Does nothing: a flush would leave a trace in the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One member of gzip (RFC 1952).
struct Gzip<W> {
    out: W,
    state: Box<CompressorOxide>,
    buffer: Vec<u8>,
    sum: Hasher,
    size: u32,
}

impl<W: Write> Gzip<W> {
    fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&GZIP_HEADER)?;
        let state = Box::new(CompressorOxide::new(create_comp_flags_from_zip_params(GZIP_LEVEL, 0, 0)));
        Ok(Self { out, state, buffer: vec![0; PIECE], sum: Hasher::new(), size: 0 })
    }

    fn encode(&mut self, mut bytes: &[u8], flush: MZFlush) -> io::Result<()> {
        self.sum.update(bytes);
        self.size = self.size.wrapping_add(bytes.len() as u32);
        loop {
            let result = deflate(&mut self.state, bytes, &mut self.buffer, flush);
            bytes = &bytes[result.bytes_consumed..];
            self.out.write_all(&self.buffer[..result.bytes_written])?;
            let full = result.bytes_written == self.buffer.len();
            match result.status {
                Ok(miniz_oxide::MZStatus::StreamEnd) => return Ok(()),
                // Nothing was left to be done with an empty piece.
                Err(miniz_oxide::MZError::Buf) if bytes.is_empty() => return Ok(()),
                Ok(_) if bytes.is_empty() && !full && flush == MZFlush::None => return Ok(()),
                Ok(_) => {}
                Err(_) => return Err(io::Error::other("the encoder of gzip failed")),
            }
        }
    }

    fn finish(mut self) -> io::Result<W> {
        self.encode(&[], MZFlush::Finish)?;
        self.out.write_all(&self.sum.clone().finalize().to_le_bytes())?;
        self.out.write_all(&self.size.to_le_bytes())?;
        Ok(self.out)
    }
}

/// The tar of a layer, whichever of these encoders packed it: its first bytes say which, as containerd reads them
/// (`pkg/archive/compression`).
pub fn unpacked<'r>(mut layer: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut first = Vec::with_capacity(4);
    layer.by_ref().take(4).read_to_end(&mut first)?;
    let whole = io::Cursor::new(first.clone()).chain(layer);
    Ok(match first.as_slice() {
        [0x1f, 0x8b, 8, ..] => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        // A frame, or one that is to be skipped (RFC 8878 §3.1).
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Box::new(zstd::Decoder::new(whole)?),
        _ => Box::new(whole),
    })
}
