use crate::body::BodyWriter;
use wasip2::http::types::{Fields, OutgoingResponse, ResponseOutparam};

/// A response that is known as a whole.
pub struct Reply {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Reply {
    /// A 200 response with a text body.
    pub fn ok(body: impl Into<String>) -> Self {
        let headers = vec![("content-type".into(), b"text/plain; charset=utf-8".to_vec())];
        Self { status: 200, headers, body: body.into().into_bytes() }
    }

    /// `ok: <value>` or `error: <error>`, always with status 200: the test reads the body.
    pub fn outcome<T: std::fmt::Display, E: std::fmt::Display>(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::ok(format!("ok: {value}\n")),
            Err(error) => Self::ok(format!("error: {error}\n")),
        }
    }

    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends headers and body, and finishes the body.
    pub fn send(self, outparam: ResponseOutparam) {
        let writer = start(outparam, self.status, &self.headers);
        if writer.write(&self.body).is_ok() {
            writer.finish(None);
        }
    }
}

/// Sends status and headers; the body follows through the writer.
pub fn start(outparam: ResponseOutparam, status: u16, headers: &[(String, Vec<u8>)]) -> BodyWriter {
    let fields = Fields::from_list(headers).expect("headers of this file are valid");
    let response = OutgoingResponse::new(fields);
    if response.set_status_code(status).is_err() {
        response.set_status_code(400).expect("400 is a valid status");
    }
    let body = response.body().expect("a new response has its body");
    ResponseOutparam::set(outparam, Ok(response));
    BodyWriter::new(body)
}

/// Sends a 200 with plain text headers; the body follows through the writer.
pub fn start_text(outparam: ResponseOutparam) -> BodyWriter {
    start(outparam, 200, &[("content-type".into(), b"text/plain; charset=utf-8".to_vec())])
}
