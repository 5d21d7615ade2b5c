use crate::query::Query;
use crate::reply::Reply;
use std::sync::atomic::{AtomicU64, Ordering};
use wasip3::cli::environment;
use wasip3::filesystem::preopens::get_directories;
use wasip3::http::types::{Fields, HeaderError, Method, Request, Scheme};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// The environment, one `NAME=value` a line.
pub fn env() -> Reply {
    let line = |(name, value): (String, String)| format!("{name}={value}\n");
    Reply::ok(environment::get_environment().into_iter().map(line).collect::<String>())
}

/// The arguments, one a line.
pub fn args() -> Reply {
    Reply::ok(environment::get_arguments().into_iter().map(|arg| arg + "\n").collect::<String>())
}

/// The preopens, one `index path` a line.
pub fn preopens() -> Reply {
    let line = |(index, (_, path))| format!("{index} {path}\n");
    Reply::ok(get_directories().into_iter().enumerate().map(line).collect::<String>())
}

/// What the request line said.
pub fn method(request: &Request) -> Reply {
    let authority = request.get_authority().unwrap_or_else(|| "none".into());
    let target = request.get_path_with_query().unwrap_or_else(|| "none".into());
    let scheme = match request.get_scheme() {
        Some(Scheme::Http) => "http".into(),
        Some(Scheme::Https) => "https".into(),
        Some(Scheme::Other(name)) => name,
        None => "none".into(),
    };
    Reply::ok(format!("method: {}\nauthority: {authority}\nscheme: {scheme}\npath: {target}\n", method_name(&request.get_method())))
}

fn method_name(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    }
}

/// The request's headers, one `name: value` a line, in the order they came.
pub fn headers(request: &Request) -> Reply {
    let line = |(name, value): (String, Vec<u8>)| format!("{name}: {}\n", String::from_utf8_lossy(&value));
    Reply::ok(request.get_headers().copy_all().into_iter().map(line).collect::<String>())
}

/// Two headers of one name, which must stay two.
pub fn set_headers() -> Reply {
    Reply::ok("ok\n").with_header("set-cookie", "a=1; Path=/").with_header("set-cookie", "b=2; Path=/").with_header("x-probe", "yes")
}

/// How the host judges headers that a guest must not set: one `name: verdict` a line.
pub fn forbidden_header(request: &Request) -> Reply {
    const TRIED: [(&str, &[u8]); 8] = [
        ("connection", b"close"),
        ("transfer-encoding", b"chunked"),
        ("host", b"example.com"),
        ("keep-alive", b"timeout=5"),
        ("upgrade", b"h2c"),
        ("bad name", b"x"),
        ("x-split", b"a\r\nx-injected: b"),
        ("x-fine", b"yes"),
    ];
    let fields = Fields::new();
    let mut text = String::new();
    for (name, value) in TRIED {
        text += &format!("{name}: {}\n", verdict(fields.append(name, value)));
    }
    text += &format!("request headers: {}\n", verdict(request.get_headers().append("x-fine", b"yes")));
    Reply::ok(text)
}

fn verdict(result: Result<(), HeaderError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(HeaderError::InvalidSyntax) => "invalid-syntax",
        Err(HeaderError::Forbidden) => "forbidden",
        Err(HeaderError::Immutable) => "immutable",
        Err(HeaderError::SizeExceeded) => "size-exceeded",
        Err(HeaderError::Other(_)) => "other",
    }
}

/// The number of requests this instance saw: 1 in a pristine one.
pub fn count() -> Reply {
    Reply::ok(format!("{}\n", COUNT.fetch_add(1, Ordering::Relaxed) + 1))
}

/// Random bytes as hex.
pub fn random(query: &Query) -> Reply {
    let bytes = wasip3::random::random::get_random_bytes(query.number("bytes", 16));
    Reply::ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n")
}

/// The wall clock, in seconds since 1970.
pub fn now() -> Reply {
    Reply::ok(format!("{}\n", wasip3::clocks::system_clock::now().seconds))
}
