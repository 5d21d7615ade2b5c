use crate::query::Query;
use crate::reply::Reply;
use std::hint::black_box;
use wasip3::cli::{stderr, stdout};
use wasip3::clocks::monotonic_clock;
use wasip3::{spawn_local, wit_stream};

pub const NANOS_PER_MS: u64 = 1_000_000;
const MIB: usize = 1024 * 1024;
const PAGE: usize = 4096;

/// Waits `ms` for the host's clock.
pub async fn sleep(query: &Query) -> Reply {
    let ms = query.number("ms", 300);
    monotonic_clock::wait_for(ms * NANOS_PER_MS).await;
    Reply::ok(format!("slept {ms} ms\n"))
}

/// Burns CPU for `ms`.
pub fn spin(query: &Query) -> Reply {
    let ms = query.number("ms", 100);
    let end = monotonic_clock::now() + ms * NANOS_PER_MS;
    let mut rounds: u64 = 0;
    while monotonic_clock::now() < end {
        for _ in 0..10_000 {
            rounds = black_box(rounds + 1);
        }
    }
    Reply::ok(format!("spun {ms} ms\n"))
}

/// A loop without a host call, which only the host can end.
pub fn spin_forever() -> Reply {
    let mut rounds: u64 = 0;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}

/// Takes `mb` MiB and touches each page: `ok`, or `failed` when the allocator refuses.
pub fn alloc(query: &Query) -> Reply {
    let Some(size) = (query.number("mb", 1) as usize).checked_mul(MIB) else {
        return Reply::ok("failed\n");
    };
    let mut bytes: Vec<u8> = Vec::new();
    if bytes.try_reserve_exact(size).is_err() {
        return Reply::ok("failed\n");
    }
    bytes.resize(size, 0);
    for page in bytes.chunks_mut(PAGE) {
        page[0] = 1;
    }
    black_box(&bytes);
    Reply::ok("ok\n")
}

/// Writes `lines` lines (1) of `bytes` bytes (10) to stdout, perhaps after the answer.
pub fn print(query: &Query) -> Reply {
    let line = "x".repeat(query.number("bytes", 10) as usize) + "\n";
    let text = line.repeat(query.number("lines", 1) as usize);
    let reply = Reply::ok(format!("ok: {} bytes\n", text.len()));
    let (mut writer, reader) = wit_stream::new();
    let written = stdout::write_via_stream(reader);
    spawn_local(async move {
        // The host decides how much it keeps.
        let _ = writer.write_all(text.into_bytes()).await;
        drop(writer);
        let _ = written.await;
    });
    reply
}

/// Writes `text` as a line to stderr, perhaps after the answer.
pub fn eprint(query: &Query) -> Reply {
    let line = format!("{}\n", query.text("text"));
    let (mut writer, reader) = wit_stream::new();
    let written = stderr::write_via_stream(reader);
    spawn_local(async move {
        let _ = writer.write_all(line.into_bytes()).await;
        drop(writer);
        let _ = written.await;
    });
    Reply::ok("ok\n")
}
