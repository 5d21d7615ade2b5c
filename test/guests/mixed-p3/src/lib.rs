//! A WASI 0.3 command that also uses the standard library, which Rust's `wasm32-wasip2` builds on WASI 0.2: what 0.3
//! programs import until there is a target of their own.

use std::time::Duration;
use wasip3::cli::{environment, stdout};
use wasip3::wit_stream;

struct Command;

impl wasip3::exports::cli::run::Guest for Command {
    /// Prints a line through each of the two. The argument `sleep` first waits 50 ms in 0.2; `fail` ends with an error.
    async fn run() -> Result<(), ()> {
        let arguments = environment::get_arguments();
        if arguments.iter().any(|argument| argument == "sleep") {
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("Hello from WASI 0.2");
        let (mut out, reader) = wit_stream::new();
        let written = stdout::write_via_stream(reader);
        out.write_all(b"Hello from WASI 0.3\n".to_vec()).await;
        drop(out);
        written.await.map_err(|error| eprintln!("stdout: {error:?}"))?;
        match arguments.iter().any(|argument| argument == "fail") {
            true => Err(()),
            false => Ok(()),
        }
    }
}

wasip3::cli::command::export!(Command);
