//! A WASI 0.3 command with one behaviour per subcommand, for tests of the host. It answers as the guest `command` does,
//! but imports nothing of WASI 0.2.

mod actions;
mod failure;
mod files;
mod load;
mod net;
mod output;

use output::Output;
use wasip3::cli::environment;

struct Command;

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        let args = environment::get_arguments();
        let name = args.get(1).map_or("hello", String::as_str);
        match actions::run(name, args.get(2..).unwrap_or(&[])).await {
            Ok(()) => Ok(()),
            Err(failure) => {
                // Nothing is left to tell it to when stderr fails, too.
                let _ = Output::stderr().write_last(format!("error: {failure}\n")).await;
                Err(())
            }
        }
    }
}

wasip3::cli::command::export!(Command);
