use crate::query::Query;
use crate::reply::Reply;
use std::hint::black_box;
use std::io::Write;
use wasip2::clocks::monotonic_clock;

pub const NANOS_PER_MS: u64 = 1_000_000;
const MIB: usize = 1024 * 1024;
const PAGE: usize = 4096;
const PRINT_CHUNK: usize = 64 * 1024;

/// Waits `ms` in the host's poll.
pub fn sleep(query: &Query) -> Reply {
    let ms = query.number("ms", 300);
    monotonic_clock::subscribe_duration(ms * NANOS_PER_MS).block();
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

/// Writes `lines` lines (1) of `bytes` bytes (10) to stdout; `lines=0` writes the bytes with no newline at all.
pub fn print(query: &Query) -> Reply {
    let bytes = query.number("bytes", 10);
    let lines = query.number("lines", 1);
    let newline: &[u8] = if lines == 0 { b"" } else { b"\n" };
    let mut out = std::io::stdout().lock();
    let written = (0..lines.max(1)).try_for_each(|_| write_line(&mut out, bytes as usize, newline)).and_then(|()| out.flush());
    Reply::outcome(written.map(|()| format!("{} bytes", lines.max(1) * (bytes + newline.len() as u64))))
}

fn write_line(out: &mut impl Write, bytes: usize, newline: &[u8]) -> std::io::Result<()> {
    let chunk = [b'x'; PRINT_CHUNK];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(PRINT_CHUNK);
        out.write_all(&chunk[..now])?;
        left -= now;
    }
    out.write_all(newline)
}

/// Writes `text` as a line to stderr.
pub fn eprint(query: &Query) -> Reply {
    eprintln!("{}", query.text("text"));
    Reply::ok("ok\n")
}
