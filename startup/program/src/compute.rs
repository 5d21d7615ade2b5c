//! Work that keeps a processor busy: floating point, branches and memory in turn.

const SIDE: u32 = 96;
const DEPTH: u32 = 200;
const NUMBERS: usize = 16 * 1024;

/// Returns a checksum of `rounds` rounds of work, a few milliseconds each.
pub fn run(rounds: u32) -> u64 {
    (0..rounds).fold(0xcbf2_9ce4_8422_2325, |sum, round| mix(mix(sum, escape_times(round)), sorted_sum(sum)))
}

/// How long points of the Mandelbrot set's surroundings take to leave it.
fn escape_times(round: u32) -> u64 {
    let shift = f64::from(round % 7) * 1e-3;
    let mut total = 0;
    for row in 0..SIDE {
        for column in 0..SIDE {
            let (x0, y0) = (f64::from(column) / f64::from(SIDE) * 3.0 - 2.0 + shift, f64::from(row) / f64::from(SIDE) * 2.0 - 1.0);
            let (mut x, mut y, mut steps) = (0.0, 0.0, 0);
            while x * x + y * y <= 4.0 && steps < DEPTH {
                (x, y) = (x * x - y * y + x0, 2.0 * x * y + y0);
                steps += 1;
            }
            total += u64::from(steps);
        }
    }
    total
}

/// Sorts numbers that look like chance, and adds up every hundredth.
fn sorted_sum(seed: u64) -> u64 {
    let mut state = seed | 1;
    let mut numbers: Vec<u64> = (0..NUMBERS)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        })
        .collect();
    numbers.sort_unstable();
    numbers.iter().step_by(100).fold(0, |sum, number| mix(sum, *number))
}

fn mix(sum: u64, value: u64) -> u64 {
    (sum ^ value).wrapping_mul(0x0000_0100_0000_01b3)
}
