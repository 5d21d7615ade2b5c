//! Says hello over wasi:http.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Hello;

impl Guest for Hello {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_else(|| "/".into());
        let headers = Fields::new();
        let _ = headers.append("content-type", b"text/plain; charset=utf-8");
        let response = OutgoingResponse::new(headers);
        let body = response.body().expect("a new response has its body");
        ResponseOutparam::set(outparam, Ok(response));
        send(body, format!("Hello from Rust\npath: {path}\n").as_bytes());
    }
}

/// Writes the body, 4096 bytes at a time: what one blocking write may carry.
fn send(body: OutgoingBody, text: &[u8]) {
    let stream = body.write().expect("the body is written once");
    for chunk in text.chunks(4096) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            return; // the client has gone
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

wasip2::http::proxy::export!(Hello);
