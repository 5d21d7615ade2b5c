use wasip3::http::types::{ErrorCode, Request, Response, Trailers};
use wasip3::wit_bindgen::rt::async_support::{FutureReader, FutureWriter, StreamReader, StreamResult, StreamWriter};
use wasip3::{wit_future, wit_stream};

const READ_BYTES: usize = 64 * 1024;

/// What comes after a body: trailers, or why the body is not complete.
pub type BodyEnd = Result<Option<Trailers>, ErrorCode>;

/// Writes a body. Dropped, it ends the body without trailers.
pub struct BodyWriter {
    stream: StreamWriter<u8>,
    end: FutureWriter<BodyEnd>,
}

impl BodyWriter {
    /// A writer, and what the host reads: the contents and what comes after them.
    pub fn new() -> (Self, StreamReader<u8>, FutureReader<BodyEnd>) {
        let (stream, contents) = wit_stream::new();
        let (end, trailers) = wit_future::new(|| Ok(None));
        (Self { stream, end }, contents, trailers)
    }

    /// Writes all bytes: false when the host wants no more of them.
    pub async fn write(&mut self, bytes: impl Into<Vec<u8>>) -> bool {
        self.stream.write_all(bytes.into()).await.is_empty()
    }

    /// Ends the body.
    pub async fn finish(self, end: BodyEnd) {
        drop(self.stream);
        // A host that reads no further does not want the trailers, either.
        let _ = self.end.write(end).await;
    }
}

/// Reads a body chunk by chunk.
pub struct BodyReader {
    stream: StreamReader<u8>,
    end: FutureReader<BodyEnd>,
    // Dropped, it tells the host that all went well.
    _outcome: FutureWriter<Result<(), ErrorCode>>,
}

impl BodyReader {
    pub fn of_request(request: Request) -> Self {
        let (_outcome, outcome) = wit_future::new(|| Ok(()));
        let (stream, end) = Request::consume_body(request, outcome);
        Self { stream, end, _outcome }
    }

    pub fn of_response(response: Response) -> Self {
        let (_outcome, outcome) = wit_future::new(|| Ok(()));
        let (stream, end) = Response::consume_body(response, outcome);
        Self { stream, end, _outcome }
    }

    /// The next chunk, as soon as there is one; none at the end.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        let (result, chunk) = self.stream.read(Vec::with_capacity(READ_BYTES)).await;
        (result != StreamResult::Dropped || !chunk.is_empty()).then_some(chunk)
    }

    /// Copies what is left to `writer`, each chunk as it comes, until one of the two ends.
    pub async fn copy_to(&mut self, writer: &mut BodyWriter) {
        while let Some(chunk) = self.next().await {
            if !writer.write(chunk).await {
                return;
            }
        }
    }

    /// The whole body and its trailers.
    pub async fn read_all(self) -> (Vec<u8>, BodyEnd) {
        (self.stream.collect().await, self.end.await)
    }

    /// What came after the body.
    pub async fn end(self) -> BodyEnd {
        drop(self.stream);
        self.end.await
    }
}
