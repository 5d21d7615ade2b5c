use crate::body::{describe, BodyReader};
use crate::load::NANOS_PER_MS;
use crate::query::Query;
use crate::reply::{start_text, Reply};
use wasip2::clocks::monotonic_clock;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

const CHUNK: [u8; 16 * 1024] = [b'x'; 16 * 1024];

/// Sends the request's body back, each chunk as it arrives.
pub fn echo(request: IncomingRequest, outparam: ResponseOutparam) {
    let reader = BodyReader::new(request.consume().expect("the body is consumed once"));
    let writer = start_text(outparam);
    match reader.copy_to(&writer) {
        Ok(()) => writer.finish(None),
        Err(error) => eprintln!("echo failed: {}", describe(&error)),
    }
}

/// Like echo, and the request's trailers become the response's.
pub fn echo_trailers(request: IncomingRequest, outparam: ResponseOutparam) {
    let reader = BodyReader::new(request.consume().expect("the body is consumed once"));
    let writer = start_text(outparam);
    match reader.copy_to(&writer) {
        Ok(()) => writer.finish(reader.trailers()),
        Err(error) => eprintln!("echo failed: {}", describe(&error)),
    }
}

/// Sends `chunks` lines (5), waiting `ms` (50) after each but the last.
pub fn stream(query: &Query, outparam: ResponseOutparam) {
    let chunks = query.number("chunks", 5);
    let ms = query.number("ms", 50);
    let writer = start_text(outparam);
    for index in 0..chunks {
        if index > 0 {
            monotonic_clock::subscribe_duration(ms * NANOS_PER_MS).block();
        }
        if writer.write(format!("chunk {index}\n").as_bytes()).is_err() {
            return;
        }
    }
    writer.finish(None);
}

/// Sends `n` bytes as fast as the host takes them.
pub fn bytes(query: &Query, outparam: ResponseOutparam) {
    let mut left = query.number("n", 1024);
    let writer = start_text(outparam);
    while left > 0 {
        let now = left.min(CHUNK.len() as u64);
        if writer.write(&CHUNK[..now as usize]).is_err() {
            return;
        }
        left -= now;
    }
    writer.finish(None);
}

/// Reads the request's body to its end and says how long it was.
pub fn drain(request: &IncomingRequest) -> Reply {
    let reader = BodyReader::new(request.consume().expect("the body is consumed once"));
    let mut total = 0;
    loop {
        match reader.next() {
            Ok(Some(chunk)) => total += chunk.len(),
            Ok(None) => return Reply::ok(format!("ok: {total} bytes\n")),
            Err(error) => return Reply::ok(format!("error: {}\n", describe(&error))),
        }
    }
}
