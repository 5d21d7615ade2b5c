use wasip2::http::types::{Fields, FutureTrailers, IncomingBody, OutgoingBody, Trailers};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

const READ_BYTES: u64 = 64 * 1024;

/// Writes an outgoing body, waiting while the host has no room.
pub struct BodyWriter {
    // Dropped before the body: a stream is a child of its body.
    stream: OutputStream,
    body: OutgoingBody,
}

impl BodyWriter {
    pub fn new(body: OutgoingBody) -> Self {
        Self { stream: body.write().expect("the body is written once"), body }
    }

    /// Writes all bytes and flushes them; an error names why on stderr and comes back.
    pub fn write(&self, bytes: &[u8]) -> Result<(), StreamError> {
        self.write_unflushed(bytes)
            .and_then(|()| self.stream.blocking_flush())
            .inspect_err(|error| eprintln!("write failed: {}", describe(error)))
    }

    fn write_unflushed(&self, mut bytes: &[u8]) -> Result<(), StreamError> {
        while !bytes.is_empty() {
            let room = self.stream.check_write()? as usize;
            if room == 0 {
                self.stream.subscribe().block();
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.stream.write(now)?;
            bytes = later;
        }
        Ok(())
    }

    /// Ends the body.
    pub fn finish(self, trailers: Option<Trailers>) {
        drop(self.stream);
        if let Err(error) = OutgoingBody::finish(self.body, trailers) {
            eprintln!("finish failed: {error:?}");
        }
    }
}

/// Reads an incoming body chunk by chunk.
pub struct BodyReader {
    stream: InputStream,
    body: IncomingBody,
}

impl BodyReader {
    pub fn new(body: IncomingBody) -> Self {
        Self { stream: body.stream().expect("the body is read once"), body }
    }

    /// The next chunk, as soon as there is one; none at the end.
    pub fn next(&self) -> Result<Option<Vec<u8>>, StreamError> {
        match self.stream.blocking_read(READ_BYTES) {
            Ok(chunk) => Ok(Some(chunk)),
            Err(StreamError::Closed) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The whole body.
    pub fn read_all(&self) -> Result<Vec<u8>, StreamError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.next()? {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    /// Copies what is left to `writer`, each chunk flushed as it comes.
    pub fn copy_to(&self, writer: &BodyWriter) -> Result<(), StreamError> {
        while let Some(chunk) = self.next()? {
            writer.write(&chunk)?;
        }
        Ok(())
    }

    /// The trailers after the body's end, copied so that they can be sent on.
    pub fn trailers(self) -> Option<Trailers> {
        drop(self.stream);
        let future: FutureTrailers = IncomingBody::finish(self.body);
        future.subscribe().block();
        let trailers = future.get()?.ok()?.ok()??;
        Fields::from_list(&trailers.entries()).ok()
    }
}

/// A stream error as one line of text.
pub fn describe(error: &StreamError) -> String {
    match error {
        StreamError::Closed => "closed".into(),
        StreamError::LastOperationFailed(error) => error.to_debug_string(),
    }
}
