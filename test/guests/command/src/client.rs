use std::io::{copy, stdout, Result};
use std::net::TcpStream;

/// Connects to `address` and prints what comes until the peer ends the connection.
pub fn receive(address: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    copy(&mut stream, &mut stdout())?;
    Ok(())
}
