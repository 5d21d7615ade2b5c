use std::io::{copy, Result};
use std::net::{Ipv4Addr, TcpListener};

/// Echoes each connection to 127.0.0.1:`port`, one after the other, for ever. Says when it listens.
pub fn echo(port: u16) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        // The client decides when its connection ends; how it ended is its own matter.
        let _ = copy(&mut &stream, &mut &stream);
    }
}
