use std::fs;
use std::hint::black_box;
use std::io::{copy, stdin, stdout, Error, ErrorKind, Result, Write};
use std::time::{Duration, Instant, SystemTime};

const MIB: usize = 1024 * 1024;
const PRINT_CHUNK: usize = 64 * 1024;

/// Runs the subcommand `name`.
pub fn run(name: &str, args: &[String]) -> Result<()> {
    match name {
        "hello" => println!("Hello from command"),
        "args" => std::env::args().for_each(|arg| println!("{arg}")),
        "env" => std::env::vars().for_each(|(name, value)| println!("{name}={value}")),
        "eprint" => eprintln!("{}", text(args, 0)),
        "cat" => drop(copy(&mut stdin(), &mut stdout())?),
        "exit" => exit(number(args, 0)? as i32),
        "trap" => trap(),
        "loop" => spin_forever(),
        "sleep" => std::thread::sleep(Duration::from_millis(number(args, 0)?)),
        "spin" => spin(Duration::from_millis(number(args, 0)?)),
        "now" => println!("{}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(Error::other)?.as_secs()),
        "alloc" => println!("{}", alloc(number(args, 0)? as usize)),
        "print" => print(number(args, 0)? as usize)?,
        "read" => stdout().write_all(&fs::read(text(args, 0))?)?,
        "write" => fs::write(text(args, 0), text(args, 1))?,
        "list" => list(text(args, 0))?,
        "stat" => stat(text(args, 0))?,
        "mkdir" => fs::create_dir(text(args, 0))?,
        "unlink" => fs::remove_file(text(args, 0))?,
        "rename" => fs::rename(text(args, 0), text(args, 1))?,
        #[cfg(target_env = "p2")]
        "tcp" => crate::client::receive(text(args, 0))?,
        #[cfg(target_env = "p2")]
        "tcp-echo-server" => crate::server::echo(number(args, 0)? as u16)?,
        _ => return Err(Error::new(ErrorKind::InvalidInput, format!("no such subcommand: {name}"))),
    }
    stdout().flush()
}

fn text(args: &[String], index: usize) -> &str {
    args.get(index).map_or("", String::as_str)
}

fn number(args: &[String], index: usize) -> Result<u64> {
    let invalid = |_| Error::new(ErrorKind::InvalidInput, format!("not a number: {:?}", text(args, index)));
    text(args, index).parse().map_err(invalid)
}

/// Exits with any code; through the standard library only 0 and 1 would survive in WASI 0.2.
fn exit(code: i32) -> ! {
    #[cfg(target_env = "p2")]
    if code > 1 {
        wasip2::cli::exit::exit_with_code(code as u8);
    }
    std::process::exit(code)
}

fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

fn spin(duration: Duration) {
    let start = Instant::now();
    let mut rounds: u64 = 0;
    while start.elapsed() < duration {
        for _ in 0..10_000 {
            rounds = black_box(rounds + 1);
        }
    }
}

fn spin_forever() -> ! {
    let mut rounds: u64 = 0;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}

fn alloc(mib: usize) -> &'static str {
    let mut bytes: Vec<u8> = Vec::new();
    match mib.checked_mul(MIB).map(|size| (size, bytes.try_reserve_exact(size))) {
        Some((size, Ok(()))) => {
            bytes.resize(size, 1);
            black_box(&bytes);
            "ok"
        }
        _ => "failed",
    }
}

fn print(bytes: usize) -> Result<()> {
    let chunk = [b'x'; PRINT_CHUNK];
    let mut out = stdout().lock();
    let mut left = bytes;
    while left > 0 {
        let now = left.min(PRINT_CHUNK);
        out.write_all(&chunk[..now])?;
        left -= now;
    }
    Ok(())
}

fn list(path: &str) -> Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    names.iter().for_each(|name| println!("{name}"));
    Ok(())
}

fn stat(path: &str) -> Result<()> {
    let meta = fs::symlink_metadata(path)?;
    let kind = if meta.is_dir() {
        "directory"
    } else if meta.is_symlink() {
        "symlink"
    } else if meta.is_file() {
        "file"
    } else {
        "other"
    };
    println!("{kind} {} bytes", meta.len());
    Ok(())
}
