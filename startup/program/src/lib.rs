//! The program as a component: wasi:http's incoming handler.
#![cfg(target_os = "wasi")]

mod compute;
mod handler;
mod memory;
mod reach;

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Component;

impl Guest for Component {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_else(|| "/".into());
        let answer = handler::handle(&path);
        let response = OutgoingResponse::new(Fields::new());
        if answer.is_none() {
            let _ = response.set_status_code(404);
        }
        let body = response.body().expect("a new response has its body");
        ResponseOutparam::set(outparam, Ok(response));
        let stream = body.write().expect("the body is written once");
        if stream.blocking_write_and_flush(answer.unwrap_or_default().as_bytes()).is_ok() {
            drop(stream);
            let _ = OutgoingBody::finish(body, None);
        }
    }
}

wasip2::http::proxy::export!(Component);
