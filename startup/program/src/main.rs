//! The program as a process: an HTTP server on a port, in a container or, as `vm ADDRESS`, as the init of a machine.

#[cfg(target_os = "linux")]
mod compute;
#[cfg(target_os = "linux")]
mod handler;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod reach;
#[cfg(target_os = "linux")]
mod server;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    if let (Some("vm"), Some(address)) = (args.next().as_deref(), args.next()) {
        machine::set_up(address.parse().expect("an IPv4 address"));
    }
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8080);
    server::serve(port)
}

#[cfg(not(target_os = "linux"))]
fn main() {}
