//! A WASI command with one behaviour per subcommand, for tests of the host. The same source makes the 0.2 component and
//! the preview 1 module.

mod actions;
#[cfg(target_env = "p2")]
mod client;
#[cfg(target_env = "p2")]
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let name = args.get(1).map_or("hello", String::as_str);
    match actions::run(name, args.get(2..).unwrap_or(&[])) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {:?} ({error})", error.kind());
            ExitCode::FAILURE
        }
    }
}
