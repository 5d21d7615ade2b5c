//! Says hello over wasi:cli 0.3. The arguments follow, one a line; an argument `fail` ends it with an error.

use wasip3::cli::{environment, stdout};
use wasip3::wit_stream;

struct Command;

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        let arguments = environment::get_arguments();
        let lines = arguments.iter().skip(1).map(|argument| format!("{argument}\n")).collect::<String>();
        let (mut out, reader) = wit_stream::new();
        let written = stdout::write_via_stream(reader);
        let unwritten = out.write_all(format!("Hello from WASI 0.3\n{lines}").into_bytes()).await;
        drop(out);
        let failed = written.await.is_err() || !unwritten.is_empty();
        if failed || arguments.iter().any(|argument| argument == "fail") {
            return Err(());
        }
        Ok(())
    }
}

wasip3::cli::command::export!(Command);
