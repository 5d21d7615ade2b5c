//! What the program answers: the same source in a component, in a container and in a virtual machine.

use crate::{compute, memory, reach};

/// Returns the answer to a GET, or none for a path that is not there.
///
/// - `/` says hello: what a start is measured with.
/// - `/compute?rounds=N` computes for a while: what speed is measured with.
/// - `/memory` tells how many bytes the program has: a component its linear memory, a process its share of the machine's.
/// - `/reach?port=N` tries what a program should not be able to: what isolation is shown with.
pub fn handle(path_with_query: &str) -> Option<String> {
    let (path, query) = path_with_query.split_once('?').unwrap_or((path_with_query, ""));
    match path {
        "/" => Some("hello\n".into()),
        "/compute" => Some(format!("{:016x}\n", compute::run(number(query, "rounds").unwrap_or(1)))),
        "/memory" => memory::bytes().map(|bytes| format!("{bytes}\n")),
        "/reach" => Some(reach::report(number(query, "port").and_then(|port| port.try_into().ok()))),
        _ => None,
    }
}

fn number(query: &str, name: &str) -> Option<u32> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}
