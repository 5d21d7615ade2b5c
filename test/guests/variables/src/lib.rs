//! A component of a Spin application that tells what it is given. Each part of the query asks for something:
//! `get=NAME` a variable, `config=NAME` the same from wasi:config, `all` all of them, `env=NAME`, `header=NAME` and
//! `file=PATH`.

use std::fmt::Debug;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wit_bindgen::generate!({ world: "variables", path: "wit", generate_all });

use fermyon::spin::variables;
use wasi::config::store;

struct Variables;

impl Guest for Variables {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let text: String = query.split('&').filter(|part| !part.is_empty()).map(|part| answer(&request, part) + "\n").collect();
        send(outparam, &text);
    }
}

fn answer(request: &IncomingRequest, part: &str) -> String {
    let (what, name) = part.split_once('=').unwrap_or((part, ""));
    let value = match what {
        "get" => told(variables::get(name)),
        "config" => told(store::get(name)),
        "all" => told(store::get_all()),
        "env" => told(std::env::var(name)),
        "header" => told(Ok::<_, ()>(header(request, name))),
        "file" => told(std::fs::read(name).map(text).map_err(|error| error.raw_os_error())),
        _ => "what?".into(),
    };
    format!("{part}: {value}")
}

fn header(request: &IncomingRequest, name: &str) -> Vec<String> {
    request.headers().get(name).into_iter().map(text).collect()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

fn told<T: Debug, E: Debug>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("error {error:?}"),
    }
}

fn send(outparam: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().unwrap();
    ResponseOutparam::set(outparam, Ok(response));
    let stream = body.write().unwrap();
    for chunk in text.as_bytes().chunks(4096) {
        stream.blocking_write_and_flush(chunk).unwrap();
    }
    drop(stream);
    OutgoingBody::finish(body, None).unwrap();
}

wasip2::http::proxy::export!(Variables);
