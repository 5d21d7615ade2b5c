use crate::failure::{Failure, Result};
use crate::output::{print, Output};
use crate::{files, load, net};
use wasip3::cli::{environment, exit, stdin, stdout};
use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::random::random::get_random_bytes;
use wasip3::wit_bindgen::rt::async_support::StreamResult;

const NANOS_PER_MS: u64 = 1_000_000;
const CHUNK_BYTES: usize = 64 * 1024;

/// Runs the subcommand `name`.
pub async fn run(name: &str, args: &[String]) -> Result<()> {
    match name {
        "hello" => print("Hello from command\n").await,
        "args" => print(lines(environment::get_arguments())).await,
        "env" => print(lines(environment::get_environment().iter().map(|(name, value)| format!("{name}={value}")))).await,
        "eprint" => Output::stderr().write_last(format!("{}\n", text(args, 0))).await,
        "cat" => cat().await,
        "copy" => copy().await,
        "exit" => leave(number(args, 0)? as u8),
        "trap" => core::arch::wasm32::unreachable(),
        "loop" => load::spin_forever(),
        "sleep" => Ok(monotonic_clock::wait_for(number(args, 0)? * NANOS_PER_MS).await),
        "spin" => Ok(load::spin(number(args, 0)? * NANOS_PER_MS)),
        "now" => print(format!("{}\n", system_clock::now().seconds)).await,
        "random" => print(hex(&get_random_bytes(number(args, 0)?))).await,
        "alloc" => print(format!("{}\n", load::alloc(number(args, 0)? as usize))).await,
        "print" => print_many(number(args, 0)? as usize).await,
        "read" => print(files::read(text(args, 0)).await?).await,
        "write" => files::write(text(args, 0), text(args, 1)).await,
        "list" => print(lines(files::list(text(args, 0)).await?)).await,
        "stat" => print(files::stat(text(args, 0)).await? + "\n").await,
        "mkdir" => files::mkdir(text(args, 0)).await,
        "unlink" => files::unlink(text(args, 0)).await,
        "rename" => files::rename(text(args, 0), text(args, 1)).await,
        "tcp" => print(net::exchange(text(args, 0), text(args, 1)).await?).await,
        "tcp-echo-server" => net::echo(number(args, 0)? as u16).await,
        "udp" => print(net::exchange_datagram(text(args, 0), text(args, 1)).await?).await,
        "resolve" => print(lines(net::resolve(text(args, 0)).await?)).await,
        _ => Err(Failure::invalid(format_args!("no such subcommand: {name}"))),
    }
}

fn text(args: &[String], index: usize) -> &str {
    args.get(index).map_or("", String::as_str)
}

fn number(args: &[String], index: usize) -> Result<u64> {
    let invalid = |_| Failure::invalid(format_args!("not a number: {:?}", text(args, index)));
    text(args, index).parse().map_err(invalid)
}

fn lines(texts: impl IntoIterator<Item = String>) -> String {
    texts.into_iter().map(|text| text + "\n").collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n"
}

/// Hands stdin to stdout: no byte passes through the guest.
async fn cat() -> Result<()> {
    let (input, read) = stdin::read_via_stream();
    stdout::write_via_stream(input).await?;
    Ok(read.await?)
}

/// Like cat, but each chunk passes through the guest.
async fn copy() -> Result<()> {
    let (mut input, read) = stdin::read_via_stream();
    let mut output = Output::stdout();
    loop {
        let (result, chunk) = input.read(Vec::with_capacity(CHUNK_BYTES)).await;
        output.write(chunk).await?;
        if result == StreamResult::Dropped {
            break;
        }
    }
    read.await?;
    output.finish().await
}

fn leave(code: u8) -> Result<()> {
    match code {
        0 => exit::exit(Ok(())),
        1 => exit::exit(Err(())),
        _ => exit::exit_with_code(code),
    }
    unreachable!("exit does not come back")
}

async fn print_many(bytes: usize) -> Result<()> {
    let mut output = Output::stdout();
    let mut left = bytes;
    while left > 0 {
        let now = left.min(CHUNK_BYTES);
        output.write(vec![b'x'; now]).await?;
        left -= now;
    }
    output.finish().await
}
