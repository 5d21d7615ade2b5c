use crate::body::BodyReader;
use crate::load::NANOS_PER_MS;
use crate::query::Query;
use crate::reply::{start_text, Reply};
use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{Fields, Request, Response};
use wasip3::{spawn_local, wit_future};

const CHUNK_BYTES: u64 = 16 * 1024;

/// Sends the request's body back, each chunk as it arrives.
pub fn echo(request: Request) -> Response {
    let mut reader = BodyReader::of_request(request);
    let (response, mut writer, _sent) = start_text();
    spawn_local(async move {
        reader.copy_to(&mut writer).await;
        let end = reader.end().await;
        writer.finish(end.map(|_trailers| None)).await;
    });
    response
}

/// Like echo, and the request's trailers become the response's.
pub fn echo_trailers(request: Request) -> Response {
    let mut reader = BodyReader::of_request(request);
    let (response, mut writer, _sent) = start_text();
    spawn_local(async move {
        reader.copy_to(&mut writer).await;
        writer.finish(reader.end().await).await;
    });
    response
}

/// Hands the request's body and trailers back: no byte passes through the guest.
pub fn pass(request: Request) -> Response {
    // The writer drops at once: whatever the response comes to, it is well.
    let (_, outcome) = wit_future::new(|| Ok(()));
    let (contents, trailers) = Request::consume_body(request, outcome);
    let (response, _sent) = Response::new(Fields::new(), Some(contents), trailers);
    response
}

/// Sends `chunks` lines (5), waiting `ms` (50) after each but the last.
pub fn stream(query: &Query) -> Response {
    let chunks = query.number("chunks", 5);
    let ms = query.number("ms", 50);
    let (response, mut writer, _sent) = start_text();
    spawn_local(async move {
        for index in 0..chunks {
            if index > 0 {
                monotonic_clock::wait_for(ms * NANOS_PER_MS).await;
            }
            if !writer.write(format!("chunk {index}\n")).await {
                return;
            }
        }
    });
    response
}

/// Sends `n` bytes as fast as the host takes them.
pub fn bytes(query: &Query) -> Response {
    let mut left = query.number("n", 1024);
    let (response, mut writer, _sent) = start_text();
    spawn_local(async move {
        while left > 0 {
            let now = left.min(CHUNK_BYTES);
            if !writer.write(vec![b'x'; now as usize]).await {
                return;
            }
            left -= now;
        }
    });
    response
}

/// Reads the request's body to its end and says how long it was.
pub async fn drain(request: Request) -> Reply {
    let mut reader = BodyReader::of_request(request);
    let mut total = 0;
    while let Some(chunk) = reader.next().await {
        total += chunk.len();
    }
    match reader.end().await {
        Ok(_) => Reply::ok(format!("ok: {total} bytes\n")),
        Err(error) => Reply::ok(format!("error: {error:?}\n")),
    }
}
