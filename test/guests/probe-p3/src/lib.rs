//! A wasi:http 0.3 service with one behaviour per path, for tests of the host. It answers as the guest `probe` does, but
//! imports nothing of WASI 0.2. `src/routes.rs` lists the paths.

mod body;
mod faults;
mod fetch;
mod identity;
mod load;
mod query;
mod reply;
mod routes;
mod streams;

use wasip3::http::types::{ErrorCode, Request, Response};

struct Probe;

impl wasip3::exports::http::handler::Guest for Probe {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        routes::dispatch(request).await
    }
}

wasip3::http::service::export!(Probe);
