use crate::query::Query;
use crate::reply::Reply;
use crate::{faults, fetch, identity, load, streams};
use wasip3::http::types::{ErrorCode, Request, Response};

/// Finds the behaviour of the request's path and runs it.
pub async fn dispatch(request: Request) -> Result<Response, ErrorCode> {
    let target = request.get_path_with_query().unwrap_or_else(|| "/".into());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = Query::parse(query);
    match path {
        "/echo" => Ok(streams::echo(request)),
        "/echo-trailers" => Ok(streams::echo_trailers(request)),
        "/pass" => Ok(streams::pass(request)),
        "/stream" => Ok(streams::stream(&query)),
        "/bytes" => Ok(streams::bytes(&query)),
        "/drain" => Ok(streams::drain(request).await.start()),
        "/fetch" => Ok(fetch::fetch(&query).await.start()),
        "/fetch-post" => Ok(fetch::fetch_post(request, &query).await.start()),
        "/fetch-stream" => fetch::fetch_stream(&query).await,
        "/sleep" => Ok(load::sleep(&query).await.start()),
        "/trap-before" => faults::trap(),
        "/trap-during" => Ok(faults::trap_during()),
        "/trap-after" => Ok(faults::trap_after()),
        "/never" => faults::never().await,
        "/error" | "/set-error" => Err(faults::error(&query)),
        _ => Ok(answer(path, &request, &query).start()),
    }
}

/// The behaviours that answer at once.
fn answer(path: &str, request: &Request, query: &Query) -> Reply {
    match path {
        "/" | "/hello" => Reply::ok("Hello from probe\n"),
        "/env" => identity::env(),
        "/args" => identity::args(),
        "/preopens" => identity::preopens(),
        "/method" => identity::method(request),
        "/headers" => identity::headers(request),
        "/set-headers" => identity::set_headers(),
        "/forbidden-header" => identity::forbidden_header(request),
        "/status" => Reply::ok("").with_status(query.number("code", 200) as u16),
        "/count" => identity::count(),
        "/random" => identity::random(query),
        "/now" => identity::now(),
        "/spin" => load::spin(query),
        "/loop" => load::spin_forever(),
        "/alloc" => load::alloc(query),
        "/print" => load::print(query),
        "/eprint" => load::eprint(query),
        _ => Reply::ok(format!("no such behaviour: {path}\n")).with_status(404),
    }
}
