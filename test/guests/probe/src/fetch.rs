use crate::body::{describe, BodyReader, BodyWriter};
use crate::load::NANOS_PER_MS;
use crate::query::Query;
use crate::reply::{start_text, Reply};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingRequest, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions,
    ResponseOutparam, Scheme,
};

/// Gets `url`: `status: N` and the body, or `error: <code>`.
pub fn fetch(query: &Query) -> Reply {
    let result = send(query, Method::Get).and_then(|(body, pending)| {
        OutgoingBody::finish(body, None)?;
        wait(pending)
    });
    report(result)
}

fn report(result: Result<IncomingResponse, ErrorCode>) -> Reply {
    let response = match result {
        Ok(response) => response,
        Err(error) => return Reply::ok(format!("error: {error:?}\n")),
    };
    let status = response.status();
    let reader = BodyReader::new(response.consume().expect("the body is consumed once"));
    match reader.read_all() {
        Ok(body) => Reply::ok(format!("status: {status}\n{}", String::from_utf8_lossy(&body))),
        Err(error) => Reply::ok(format!("status: {status}\nerror: {}\n", describe(&error))),
    }
}

/// Posts the request's body to `url` while it arrives, then reports as `fetch` does.
pub fn fetch_post(request: IncomingRequest, query: &Query, outparam: ResponseOutparam) {
    let result = send(query, Method::Post).and_then(|(body, pending)| {
        let reader = BodyReader::new(request.consume().expect("the body is consumed once"));
        let writer = BodyWriter::new(body);
        match reader.copy_to(&writer) {
            Ok(()) => writer.finish(None),
            Err(error) => eprintln!("upload failed: {}", describe(&error)),
        }
        wait(pending)
    });
    report(result).send(outparam);
}

/// Gets `url` and passes the body through, each chunk as it arrives.
pub fn fetch_stream(query: &Query, outparam: ResponseOutparam) {
    let result = send(query, Method::Get).and_then(|(body, pending)| {
        OutgoingBody::finish(body, None)?;
        wait(pending)
    });
    let response = match result {
        Ok(response) => response,
        Err(error) => return Reply::ok(format!("error: {error:?}\n")).send(outparam),
    };
    let reader = BodyReader::new(response.consume().expect("the body is consumed once"));
    let writer = start_text(outparam);
    match reader.copy_to(&writer) {
        Ok(()) => writer.finish(None),
        Err(error) => eprintln!("fetch-stream failed: {}", describe(&error)),
    }
}

fn send(query: &Query, method: Method) -> Result<(OutgoingBody, FutureIncomingResponse), ErrorCode> {
    let (scheme, rest) = match query.text("url").split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        Some((other, rest)) => (Scheme::Other(other.into()), rest),
        None => return Err(ErrorCode::HttpRequestUriInvalid),
    };
    let path_at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_at);
    let request = OutgoingRequest::new(request_headers(query)?);
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_method(&method).map_err(|()| ErrorCode::HttpRequestMethodInvalid)?;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(invalid)?;
    let body = request.body().expect("a new request has its body");
    Ok((body, outgoing_handler::handle(request, request_options(query))?))
}

/// `header=name:value` adds one header.
fn request_headers(query: &Query) -> Result<Fields, ErrorCode> {
    let fields = Fields::new();
    if let Some((name, value)) = query.get("header").and_then(|header| header.split_once(':')) {
        let refused = |error| ErrorCode::InternalError(Some(format!("header {name}: {error:?}")));
        fields.append(name, value.trim().as_bytes()).map_err(refused)?;
    }
    Ok(fields)
}

/// `connect-ms`, `first-byte-ms` and `between-bytes-ms` set the host's timeouts.
fn request_options(query: &Query) -> Option<RequestOptions> {
    let nanos = |name| query.get(name).and_then(|value| value.parse::<u64>().ok()).map(|ms| ms * NANOS_PER_MS);
    let options = RequestOptions::new();
    let set = [
        options.set_connect_timeout(nanos("connect-ms")),
        options.set_first_byte_timeout(nanos("first-byte-ms")),
        options.set_between_bytes_timeout(nanos("between-bytes-ms")),
    ];
    set.iter().all(Result::is_ok).then_some(options)
}

fn wait(pending: FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    pending.subscribe().block();
    pending.get().expect("the response is ready").expect("the response is taken once")
}
