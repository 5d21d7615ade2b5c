//! What memory the program has, as it can see that itself.

#[cfg(target_arch = "wasm32")]
pub fn bytes() -> Option<u64> {
    Some(core::arch::wasm32::memory_size(0) as u64 * 65_536)
}

/// Its proportional set size: pages that several processes have count in parts.
#[cfg(not(target_arch = "wasm32"))]
pub fn bytes() -> Option<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let kibibytes = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB"))?;
    Some(kibibytes.trim().parse::<u64>().ok()? * 1024)
}
