use crate::query::Query;
use crate::reply::Reply;
use crate::{faults, fetch, files, identity, load, net, raw_files, streams};
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

/// Finds the behaviour of the request's path and runs it.
pub fn dispatch(request: IncomingRequest, outparam: ResponseOutparam) {
    let target = request.path_with_query().unwrap_or_else(|| "/".into());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = Query::parse(query);
    match path {
        // These decide themselves when the response starts, or whether it does.
        "/echo" => streams::echo(request, outparam),
        "/echo-trailers" => streams::echo_trailers(request, outparam),
        "/stream" => streams::stream(&query, outparam),
        "/bytes" => streams::bytes(&query, outparam),
        "/trap-before" => faults::trap(),
        "/trap-during" => faults::trap_during(outparam),
        "/trap-after" => faults::trap_after(outparam),
        "/never" => faults::never(outparam),
        "/set-error" => faults::set_error(&query, outparam),
        "/fetch-post" => fetch::fetch_post(request, &query, outparam),
        "/fetch-stream" => fetch::fetch_stream(&query, outparam),
        _ => answer(path, &request, &query).send(outparam),
    }
}

/// The behaviours that answer in one piece.
fn answer(path: &str, request: &IncomingRequest, query: &Query) -> Reply {
    match path {
        "/" | "/hello" => Reply::ok("Hello from probe\n"),
        "/env" => identity::env(),
        "/args" => identity::args(),
        "/method" => identity::method(request),
        "/headers" => identity::headers(request),
        "/set-headers" => identity::set_headers(),
        "/forbidden-header" => identity::forbidden_header(request),
        "/status" => Reply::ok("").with_status(query.number("code", 200) as u16),
        "/count" => identity::count(),
        "/random" => identity::random(query),
        "/now" => identity::now(),
        "/sleep" => load::sleep(query),
        "/spin" => load::spin(query),
        "/loop" => load::spin_forever(),
        "/alloc" => load::alloc(query),
        "/print" => load::print(query),
        "/eprint" => load::eprint(query),
        "/exit" => faults::exit(query),
        "/drain" => streams::drain(request),
        "/fetch" => fetch::fetch(query),
        "/read" => files::read(query),
        "/write" => files::write(query),
        "/list" => files::list(query),
        "/stat" => files::stat(query),
        "/symlink" => files::symlink_file(query),
        "/mkdir" => files::mkdir(query),
        "/unlink" => files::unlink(query),
        "/rmdir" => files::rmdir(query),
        "/rename" => files::rename(query),
        "/preopens" => raw_files::preopens(),
        "/raw" => raw_files::call(query),
        "/tcp" => net::tcp(query),
        "/udp" => net::udp(query),
        "/resolve" => net::resolve(query),
        _ => Reply::ok(format!("no such behaviour: {path}\n")).with_status(404),
    }
}
