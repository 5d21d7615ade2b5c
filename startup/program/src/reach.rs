//! What the program can reach by default, tried out: one line each, `name=yes` or `name=no`, and a number where one counts.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use std::{env, fs};

const TIMEOUT: Duration = Duration::from_millis(500);

/// Returns the report. `port` is one of the host's loopback addresses on which somebody listens.
pub fn report(port: Option<u16>) -> String {
    let mut lines = vec![
        line("reads /etc/passwd", fs::read("/etc/passwd").is_ok()),
        line("lists /", fs::read_dir("/").is_ok_and(|mut entries| entries.next().is_some())),
        line("writes a file", writes_file()),
        line("sees processes", fs::read_dir("/proc").is_ok_and(|mut entries| entries.any(|entry| is_process(&entry)))),
        line("knows the kernel's version", fs::read("/proc/version").is_ok()),
        line("starts a process", starts_process()),
        format!("environment variables={}\n", env::vars_os().count()),
    ];
    if let Some(port) = port {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        lines.push(line("connects to the host's loopback", TcpStream::connect_timeout(&address, TIMEOUT).is_ok()));
    }
    lines.concat()
}

fn line(what: &str, is_so: bool) -> String {
    format!("{what}={}\n", if is_so { "yes" } else { "no" })
}

fn writes_file() -> bool {
    let path = "/reach-probe";
    let is_written = fs::write(path, "x").is_ok();
    let _ = fs::remove_file(path);
    is_written
}

fn is_process(entry: &std::io::Result<fs::DirEntry>) -> bool {
    entry.as_ref().is_ok_and(|found| found.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(target_os = "linux")]
fn starts_process() -> bool {
    // SAFETY: the child does nothing but end.
    unsafe {
        match libc::fork() {
            0 => libc::_exit(0),
            child if child > 0 => libc::waitpid(child, std::ptr::null_mut(), 0) == child,
            _ => false,
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn starts_process() -> bool {
    std::process::Command::new("/bin/true").status().is_ok()
}
