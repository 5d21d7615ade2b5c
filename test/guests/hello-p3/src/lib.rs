//! Says hello over wasi:http 0.3.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

struct Hello;

impl wasip3::exports::http::handler::Guest for Hello {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_else(|| "/".into());
        let headers = Fields::new();
        let _ = headers.append("content-type", b"text/plain; charset=utf-8");
        let (mut body, body_reader) = wit_stream::new();
        let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(body_reader), trailers_reader);
        // Dropped, the writer gives its default: no trailers.
        drop(trailers);
        wit_bindgen::spawn_local(async move {
            // What is left was not wanted: the client has gone.
            let _ = body.write_all(format!("Hello from WASI 0.3\npath: {path}\n").into_bytes()).await;
        });
        Ok(response)
    }
}

wasip3::http::service::export!(Hello);
