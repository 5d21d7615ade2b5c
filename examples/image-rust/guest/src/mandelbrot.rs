use crate::options::Options;

const CENTER: (f64, f64) = (-0.65, 0.0);
const SPAN: f64 = 2.6;
const ESCAPE: f64 = 16.0;

/// The picture's RGB bytes, row by row.
pub fn render(options: &Options) -> Vec<u8> {
    let (width, height) = (options.width, options.height);
    let step = SPAN / f64::from(width.min(height));
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    for row in 0..height {
        let y = CENTER.1 + (f64::from(row) - f64::from(height) / 2.0) * step;
        for column in 0..width {
            let x = CENTER.0 + (f64::from(column) - f64::from(width) / 2.0) * step;
            pixels.extend_from_slice(&color(escape_time(x, y, options.iterations), options.iterations));
        }
    }
    pixels
}

/// The number of rounds until the point leaves, at most `limit`.
fn escape_time(x: f64, y: f64, limit: u32) -> u32 {
    let (mut a, mut b) = (0.0, 0.0);
    for round in 0..limit {
        let (a2, b2) = (a * a, b * b);
        if a2 + b2 > ESCAPE {
            return round;
        }
        b = 2.0 * a * b + y;
        a = a2 - b2 + x;
    }
    limit
}

fn color(rounds: u32, limit: u32) -> [u8; 3] {
    if rounds == limit {
        return [0, 0, 0];
    }
    // Bernstein polynomials give a smooth palette; the root spreads the few rounds that most points take.
    let t = (f64::from(rounds) / f64::from(limit)).sqrt();
    let u = 1.0 - t;
    let channel = |value: f64| (value * 255.0) as u8;
    [channel(9.0 * u * t * t * t), channel(15.0 * u * u * t * t), channel(8.5 * u * u * u * t)]
}
