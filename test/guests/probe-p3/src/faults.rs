use crate::body::BodyEnd;
use crate::query::Query;
use crate::reply::start_text;
use wasip3::http::types::{ErrorCode, Response};
use wasip3::{spawn_local, wit_future};

/// Traps: nothing was answered yet.
pub fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

/// Sends headers and a chunk, then traps.
pub fn trap_during() -> Response {
    let (response, mut writer, _sent) = start_text();
    spawn_local(async move {
        writer.write("before the trap\n").await;
        trap()
    });
    response
}

/// Traps once the host has sent the whole response.
pub fn trap_after() -> Response {
    let (response, mut writer, sent) = start_text();
    spawn_local(async move {
        writer.write("complete\n").await;
        drop(writer);
        let _ = sent.await;
        trap()
    });
    response
}

/// Waits for what nobody sends.
pub async fn never() -> ! {
    let (_writer, reader) = wit_future::new::<BodyEnd>(|| Ok(None));
    let _ = reader.await;
    unreachable!("the writer outlives the wait")
}

/// An error instead of a response; `kind` picks which.
pub fn error(query: &Query) -> ErrorCode {
    match query.text("kind") {
        "connection-refused" => ErrorCode::ConnectionRefused,
        "connection-timeout" => ErrorCode::ConnectionTimeout,
        "http-request-denied" => ErrorCode::HttpRequestDenied,
        _ => ErrorCode::InternalError(Some("on purpose".into())),
    }
}
