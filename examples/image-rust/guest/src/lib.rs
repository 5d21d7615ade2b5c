//! Renders the Mandelbrot set: `GET /?width=640&height=480&iterations=200` answers a PNG. Heavy on CPU, on purpose.

mod mandelbrot;
mod options;
mod png;

use options::Options;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Image;

impl Guest for Image {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let query = target.split_once('?').map_or("", |(_, query)| query);
        match Options::parse(query) {
            Ok(options) => send(outparam, 200, "image/png", &render(&options)),
            Err(problem) => send(outparam, 400, "text/plain; charset=utf-8", problem.as_bytes()),
        }
    }
}

fn render(options: &Options) -> Vec<u8> {
    png::encode(options.width, options.height, &mandelbrot::render(options))
}

fn send(outparam: ResponseOutparam, status: u16, content_type: &str, bytes: &[u8]) {
    let headers = Fields::new();
    let _ = headers.append("content-type", content_type.as_bytes());
    let _ = headers.append("content-length", bytes.len().to_string().as_bytes());
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("the statuses above are valid");
    let body = response.body().expect("a new response has its body");
    ResponseOutparam::set(outparam, Ok(response));
    let stream = body.write().expect("the body is written once");
    for chunk in bytes.chunks(4096) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            return; // the client has gone
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

wasip2::http::proxy::export!(Image);
