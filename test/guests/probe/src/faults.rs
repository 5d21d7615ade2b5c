use crate::query::Query;
use crate::reply::{start_text, Reply};
use wasip2::http::types::{ErrorCode, ResponseOutparam};

/// Traps: nothing was answered yet.
pub fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

/// Sends headers and a chunk, then traps.
pub fn trap_during(outparam: ResponseOutparam) {
    let _ = start_text(outparam).write(b"before the trap\n");
    trap()
}

/// Completes the response, then traps before the handler returns.
pub fn trap_after(outparam: ResponseOutparam) {
    Reply::ok("complete\n").send(outparam);
    trap()
}

/// Returns and drops the outparam unset.
pub fn never(outparam: ResponseOutparam) {
    drop(outparam);
}

/// Answers with an error instead of a response; `kind` picks which.
pub fn set_error(query: &Query, outparam: ResponseOutparam) {
    let error = match query.text("kind") {
        "connection-refused" => ErrorCode::ConnectionRefused,
        "connection-timeout" => ErrorCode::ConnectionTimeout,
        "http-request-denied" => ErrorCode::HttpRequestDenied,
        _ => ErrorCode::InternalError(Some("on purpose".into())),
    };
    ResponseOutparam::set(outparam, Err(error));
}

/// Leaves through wasi:cli/exit; a `code` above 1 needs exit-with-code.
pub fn exit(query: &Query) -> Reply {
    match query.number("code", 1) {
        0 => wasip2::cli::exit::exit(Ok(())),
        1 => wasip2::cli::exit::exit(Err(())),
        code => wasip2::cli::exit::exit_with_code(code as u8),
    }
    Reply::ok("exit came back\n")
}
