use crate::body::BodyWriter;
use wasip3::http::types::{ErrorCode, Fields, Response};
use wasip3::spawn_local;
use wasip3::wit_bindgen::rt::async_support::FutureReader;

const PLAIN_TEXT: &[u8] = b"text/plain; charset=utf-8";

/// Says when the host has sent a response, or why it could not.
pub type Sent = FutureReader<Result<(), ErrorCode>>;

/// A response that is known as a whole.
pub struct Reply {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Reply {
    /// A 200 response with a text body.
    pub fn ok(body: impl Into<String>) -> Self {
        let headers = vec![("content-type".into(), PLAIN_TEXT.to_vec())];
        Self { status: 200, headers, body: body.into().into_bytes() }
    }

    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The response; its body follows in a task of its own.
    pub fn start(self) -> Response {
        let (response, mut writer, _sent) = start(self.status, &self.headers);
        spawn_local(async move {
            // The client may have gone.
            let _ = writer.write(self.body).await;
        });
        response
    }
}

/// A 200 with plain text headers; the body follows through the writer.
pub fn start_text() -> (Response, BodyWriter, Sent) {
    start(200, &[("content-type".into(), PLAIN_TEXT.to_vec())])
}

fn start(status: u16, headers: &[(String, Vec<u8>)]) -> (Response, BodyWriter, Sent) {
    let fields = Fields::from_list(headers).expect("headers of this file are valid");
    let (writer, contents, trailers) = BodyWriter::new();
    let (response, sent) = Response::new(fields, Some(contents), trailers);
    if response.set_status_code(status).is_err() {
        response.set_status_code(400).expect("400 is a valid status");
    }
    (response, writer, sent)
}
