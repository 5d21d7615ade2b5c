use crate::failure::Result;
use wasip3::cli::types::ErrorCode;
use wasip3::cli::{stderr, stdout};
use wasip3::wit_bindgen::rt::async_support::{FutureReader, StreamWriter};
use wasip3::wit_stream;

/// Writes to stdout or stderr through a stream of its own.
pub struct Output {
    writer: StreamWriter<u8>,
    written: FutureReader<std::result::Result<(), ErrorCode>>,
}

impl Output {
    pub fn stdout() -> Self {
        let (writer, reader) = wit_stream::new();
        Self { writer, written: stdout::write_via_stream(reader) }
    }

    pub fn stderr() -> Self {
        let (writer, reader) = wit_stream::new();
        Self { writer, written: stderr::write_via_stream(reader) }
    }

    /// Writes all bytes, or fails when the host reads no further.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        match self.writer.write_all(bytes).await.is_empty() {
            true => Ok(()),
            false => Err(ErrorCode::Pipe.into()),
        }
    }

    /// Ends the stream and waits until the host has written it.
    pub async fn finish(self) -> Result<()> {
        drop(self.writer);
        Ok(self.written.await?)
    }

    /// Writes all bytes and ends the stream.
    pub async fn write_last(mut self, bytes: impl Into<Vec<u8>>) -> Result<()> {
        let wrote = self.write(bytes.into()).await;
        // The host's own reason says more than that it stopped reading.
        self.finish().await.and(wrote)
    }
}

/// Prints to stdout.
pub async fn print(bytes: impl Into<Vec<u8>>) -> Result<()> {
    Output::stdout().write_last(bytes).await
}
