//! A wasi:http component with one behaviour per path, for tests of the host. `src/routes.rs` lists the paths.

mod body;
mod faults;
mod fetch;
mod files;
mod identity;
mod load;
mod net;
mod query;
mod raw_files;
mod reply;
mod routes;
mod streams;

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

struct Probe;

impl Guest for Probe {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        routes::dispatch(request, outparam);
    }
}

wasip2::http::proxy::export!(Probe);
