use std::hint::black_box;
use wasip3::clocks::monotonic_clock;

const MIB: usize = 1024 * 1024;

/// Burns CPU for `nanos`.
pub fn spin(nanos: u64) {
    let end = monotonic_clock::now() + nanos;
    let mut rounds: u64 = 0;
    while monotonic_clock::now() < end {
        for _ in 0..10_000 {
            rounds = black_box(rounds + 1);
        }
    }
}

/// A loop without a host call, which only the host can end.
pub fn spin_forever() -> ! {
    let mut rounds: u64 = 0;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}

/// Takes and fills `mib` MiB: `ok`, or `failed` when the allocator refuses.
pub fn alloc(mib: usize) -> &'static str {
    let mut bytes: Vec<u8> = Vec::new();
    match mib.checked_mul(MIB).map(|size| (size, bytes.try_reserve_exact(size))) {
        Some((size, Ok(()))) => {
            bytes.resize(size, 1);
            black_box(&bytes);
            "ok"
        }
        _ => "failed",
    }
}
