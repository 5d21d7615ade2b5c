//! Calls another app over HTTP. Which addresses it may reach, the manifest's `network.allowedOutboundHosts` says.

mod client;

use wasip2::cli::environment::get_environment;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

/// A port that no manifest of the examples allows.
const FORBIDDEN_URL: &str = "http://127.0.0.1:9/";

struct Caller;

impl Guest for Caller {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_else(|| "/".into());
        let (status, text) = match target.split('?').next() {
            Some("/") => call_target(),
            Some("/forbidden") => call_forbidden(),
            _ => (404, "try / or /forbidden\n".into()),
        };
        send(outparam, status, text.as_bytes());
    }
}

/// Passes on what the app at `TARGET_URL` says.
fn call_target() -> (u16, String) {
    let Some(url) = variable("TARGET_URL") else {
        return (500, "TARGET_URL is not set\n".into());
    };
    match client::get(&url) {
        Ok(body) => (200, format!("upstream said: {body}")),
        Err(error) => (502, format!("upstream failed: {error:?}\n")),
    }
}

/// Shows that an address that is not on the list is refused.
fn call_forbidden() -> (u16, String) {
    let url = variable("FORBIDDEN_URL").unwrap_or_else(|| FORBIDDEN_URL.into());
    match client::get(&url) {
        Ok(_) => (500, format!("{url} answered, but must not be reachable\n")),
        Err(error) => (200, format!("refused: {error:?}\n")),
    }
}

fn variable(name: &str) -> Option<String> {
    get_environment().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn send(outparam: ResponseOutparam, status: u16, text: &[u8]) {
    let headers = Fields::new();
    let _ = headers.append("content-type", b"text/plain; charset=utf-8");
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("the statuses above are valid");
    let body = response.body().expect("a new response has its body");
    ResponseOutparam::set(outparam, Ok(response));
    let stream = body.write().expect("the body is written once");
    for chunk in text.chunks(4096) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            return; // the client has gone
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

wasip2::http::proxy::export!(Caller);
