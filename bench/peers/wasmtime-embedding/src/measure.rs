//! What is measured, as JSON.

use std::time::Instant;

use wasmtime::{Engine, Result, Store, bail};
use wasmtime_wasi_http::p2::bindings::Proxy;

use crate::guest::{Guest, Host, Linkers};

/// Requests one after the other, each to a pristine instance.
pub async fn pristine(guest: &Guest, requests: usize) -> Result<String> {
    let mut latencies = Vec::with_capacity(requests);
    let cpu = cpu_nanos();
    for _ in 0..requests {
        let begin = Instant::now();
        let bytes = guest.answer_once().await?;
        latencies.push(begin.elapsed().as_nanos());
        if bytes == 0 {
            bail!("the answer is empty");
        }
    }
    Ok(to_json(&latencies, cpu_nanos() - cpu))
}

/// Makes instances until `count` of them live.
pub async fn make_live(guest: &Guest, count: usize, live: &mut Vec<(Store<Host>, Proxy)>) -> Result<String> {
    live.truncate(count);
    while live.len() < count {
        live.push(guest.make_live().await?);
    }
    Ok(format!("{{\"live\":{}}}", live.len()))
}

/// From bytes to the first answer.
pub async fn new_bytes(engine: &Engine, linkers: &Linkers, bytes: &[u8]) -> Result<String> {
    let (begin, cpu) = (Instant::now(), cpu_nanos());
    let guest = Guest::compile(engine, linkers, bytes)?;
    let answered = guest.answer_once().await?;
    let (elapsed, used) = (begin.elapsed().as_nanos(), cpu_nanos() - cpu);
    if answered == 0 {
        bail!("the answer is empty");
    }
    Ok(to_json(&[elapsed], used))
}

fn to_json(latencies: &[u128], cpu_nanos: u128) -> String {
    format!("{{\"latenciesNanos\":{latencies:?},\"cpuNanos\":{cpu_nanos}}}")
}

/// CPU time of the whole process, its compiler threads included.
fn cpu_nanos() -> u128 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of this frame.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as u128 * 1_000_000_000 + time.tv_nsec as u128
}
