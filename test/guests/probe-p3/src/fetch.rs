use crate::body::{BodyReader, BodyWriter};
use crate::load::NANOS_PER_MS;
use crate::query::Query;
use crate::reply::{start_text, Reply};
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::spawn_local;

/// Gets `url`: `status: N` and the body, or `error: <code>`.
pub async fn fetch(query: &Query) -> Reply {
    report(get(query).await).await
}

/// Posts the request's body to `url` while it arrives, then reports as `fetch` does.
pub async fn fetch_post(request: Request, query: &Query) -> Reply {
    let (outgoing, mut writer) = match build(query, Method::Post) {
        Ok(built) => built,
        Err(error) => return report(Err(error)).await,
    };
    let mut reader = BodyReader::of_request(request);
    spawn_local(async move {
        reader.copy_to(&mut writer).await;
        writer.finish(reader.end().await).await;
    });
    report(client::send(outgoing).await).await
}

/// Gets `url` and passes the body through, each chunk as it arrives; an error of the fetch is the handler's own.
pub async fn fetch_stream(query: &Query) -> Result<Response, ErrorCode> {
    let mut reader = BodyReader::of_response(get(query).await?);
    let (response, mut writer, _sent) = start_text();
    spawn_local(async move {
        reader.copy_to(&mut writer).await;
        writer.finish(reader.end().await).await;
    });
    Ok(response)
}

async fn report(result: Result<Response, ErrorCode>) -> Reply {
    let response = match result {
        Ok(response) => response,
        Err(error) => return Reply::ok(format!("error: {error:?}\n")),
    };
    let status = response.get_status_code();
    match BodyReader::of_response(response).read_all().await {
        (body, Ok(_)) => Reply::ok(format!("status: {status}\n{}", String::from_utf8_lossy(&body))),
        (_, Err(error)) => Reply::ok(format!("status: {status}\nerror: {error:?}\n")),
    }
}

async fn get(query: &Query) -> Result<Response, ErrorCode> {
    // The writer drops at once: the request has no body.
    let (request, _) = build(query, Method::Get)?;
    client::send(request).await
}

fn build(query: &Query, method: Method) -> Result<(Request, BodyWriter), ErrorCode> {
    let (scheme, rest) = match query.text("url").split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        Some((other, rest)) => (Scheme::Other(other.into()), rest),
        None => return Err(ErrorCode::HttpRequestUriInvalid),
    };
    let path_at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_at);
    let (writer, contents, trailers) = BodyWriter::new();
    let contents = matches!(method, Method::Post).then_some(contents);
    let (request, _sent) = Request::new(headers(query)?, contents, trailers, options(query));
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_method(&method).map_err(|()| ErrorCode::HttpRequestMethodInvalid)?;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(invalid)?;
    Ok((request, writer))
}

/// `header=name:value` adds one header.
fn headers(query: &Query) -> Result<Fields, ErrorCode> {
    let fields = Fields::new();
    if let Some((name, value)) = query.get("header").and_then(|header| header.split_once(':')) {
        let refused = |error| ErrorCode::InternalError(Some(format!("header {name}: {error:?}")));
        fields.append(name, value.trim().as_bytes()).map_err(refused)?;
    }
    Ok(fields)
}

/// `connect-ms`, `first-byte-ms` and `between-bytes-ms` set the host's timeouts.
fn options(query: &Query) -> Option<RequestOptions> {
    let nanos = |name| query.get(name).and_then(|value| value.parse::<u64>().ok()).map(|ms| ms * NANOS_PER_MS);
    let options = RequestOptions::new();
    let set = [
        options.set_connect_timeout(nanos("connect-ms")),
        options.set_first_byte_timeout(nanos("first-byte-ms")),
        options.set_between_bytes_timeout(nanos("between-bytes-ms")),
    ];
    set.iter().all(Result::is_ok).then_some(options)
}
