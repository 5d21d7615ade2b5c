//! As much of an HTTP/1.1 server as the probe needs: GETs without a body, over connections that stay open.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::handler;

/// Answers requests on all addresses; says on standard output that it listens.
pub fn serve(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("listening");
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || answer_all(stream));
    }
    Ok(())
}

fn answer_all(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(path) = read_path(&mut reader)? {
        let (status, body) = match handler::handle(&path) {
            Some(body) => ("200 OK", body),
            None => ("404 Not Found", String::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        writer.write_all((head + &body).as_bytes())?;
    }
    Ok(())
}

/// Reads a request's head and returns its path; none where the client has gone.
fn read_path(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut path = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line == "\r\n" {
            return Ok(Some(path.unwrap_or_else(|| "/".into())));
        }
        path = path.or_else(|| line.split(' ').nth(1).map(str::to_owned));
    }
}
