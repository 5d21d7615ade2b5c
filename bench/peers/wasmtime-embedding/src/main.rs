//! Measures wasmtime in process: one thread, the pooling allocator, `ProxyPre`.
//!
//! Reads one command a line and answers each with one line of JSON, so that its caller decides whose turn it is:
//!
//! ```text
//! pristine 100   100 requests, each to a new instance: instantiate, handle, read the body, drop
//! live 1000      makes instances that have answered one request each, and keeps them
//! new FILE       from bytes never seen to the first answer: compile, instantiate, handle or run
//! ```
//!
//! Start it with the component that `pristine` and `live` use, and how many bytes of a memory the pool clears itself
//! instead of asking the kernel to (`linear_memory_keep_resident`).

mod guest;
mod measure;

use std::io::{BufRead, Write};

use wasmtime::error::Context;
use wasmtime::{Result, bail};

use guest::{Guest, make_engine};

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let file = args.next().context("expected a component as the first argument")?;
    let keep_resident: usize = args.next().map_or(Ok(0), |bytes| bytes.parse())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let engine = make_engine(keep_resident)?;
    let linkers = guest::Linkers::new(&engine)?;
    let guest = Guest::compile(&engine, &linkers, &std::fs::read(file)?)?;
    let mut live = Vec::new();
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (command, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match command {
            "pristine" => runtime.block_on(measure::pristine(&guest, argument.parse()?))?,
            "live" => runtime.block_on(measure::make_live(&guest, argument.parse()?, &mut live))?,
            "new" => runtime.block_on(measure::new_bytes(&engine, &linkers, &std::fs::read(argument)?))?,
            other => bail!("expected pristine, live or new, got {other:?}"),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
