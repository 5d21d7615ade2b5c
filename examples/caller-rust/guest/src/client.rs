use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, IncomingBody, IncomingResponse, OutgoingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

const CHUNK_BYTES: u64 = 16 * 1024;

/// The body of `url`, as text.
pub fn get(url: &str) -> Result<String, ErrorCode> {
    let request = build_request(url)?;
    let body = request.body().expect("a new request has its body");
    let pending = outgoing_handler::handle(request, None)?;
    OutgoingBody::finish(body, None)?;
    pending.subscribe().block();
    let response = pending.get().expect("the response is ready").expect("the response is taken once")?;
    read_body(&response)
}

fn build_request(url: &str) -> Result<OutgoingRequest, ErrorCode> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        _ => return Err(ErrorCode::HttpRequestUriInvalid),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(Fields::new());
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(invalid)?;
    Ok(request)
}

fn read_body(response: &IncomingResponse) -> Result<String, ErrorCode> {
    let body: IncomingBody = response.consume().expect("the body is consumed once");
    let stream = body.stream().expect("the body is read once");
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(CHUNK_BYTES) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(StreamError::LastOperationFailed(error)) => return Err(ErrorCode::InternalError(Some(error.to_debug_string()))),
        }
    }
}
