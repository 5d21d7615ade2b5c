const MAX_SIDE: u32 = 2048;
const MAX_ITERATIONS: u32 = 10_000;

/// What to draw.
pub struct Options {
    pub width: u32,
    pub height: u32,
    pub iterations: u32,
}

impl Options {
    /// Reads `width=..&height=..&iterations=..`; what is missing has a default, what is out of bounds is an error.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut options = Self { width: 640, height: 480, iterations: 200 };
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("width", value)) => options.width = bounded("width", value, MAX_SIDE)?,
                Some(("height", value)) => options.height = bounded("height", value, MAX_SIDE)?,
                Some(("iterations", value)) => options.iterations = bounded("iterations", value, MAX_ITERATIONS)?,
                _ => return Err(format!("unknown option {part:?}; known are width, height and iterations\n")),
            }
        }
        Ok(options)
    }
}

fn bounded(name: &str, value: &str, max: u32) -> Result<u32, String> {
    match value.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(format!("{name} must be a whole number from 1 to {max}, not {value:?}\n")),
    }
}
