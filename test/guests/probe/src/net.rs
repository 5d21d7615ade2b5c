use crate::query::Query;
use crate::reply::Reply;
use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{ErrorCode, IpAddress};

fn reply(result: Result<String>) -> Reply {
    Reply::outcome(result.map_err(|error| format!("{:?} ({error})", error.kind())))
}

/// Connects to `addr`, sends `send`, half-closes and reads to the end.
pub fn tcp(query: &Query) -> Reply {
    reply(exchange(query.text("addr"), query.text("send")))
}

fn exchange(address: &str, text: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Sends `send` to `addr` as a datagram and reads one back.
pub fn udp(query: &Query) -> Reply {
    reply(exchange_datagram(query.text("addr"), query.text("send")))
}

fn exchange_datagram(address: &str, text: &str) -> Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(address)?;
    socket.send(text.as_bytes())?;
    let mut buffer = [0; 1500];
    let length = socket.recv(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

/// The addresses of `name`.
pub fn resolve(query: &Query) -> Reply {
    Reply::outcome(addresses(query.text("name")).map_err(|code| code.name()))
}

fn addresses(name: &str) -> std::result::Result<String, ErrorCode> {
    let stream = resolve_addresses(&instance_network(), name)?;
    let mut found = Vec::new();
    loop {
        match stream.resolve_next_address() {
            Ok(Some(address)) => found.push(format_address(address)),
            Ok(None) => return Ok(found.join(" ")),
            Err(ErrorCode::WouldBlock) => stream.subscribe().block(),
            Err(code) => return Err(code),
        }
    }
}

fn format_address(address: IpAddress) -> String {
    match address {
        IpAddress::Ipv4(part) => std::net::Ipv4Addr::from(<[u8; 4]>::from(part)).to_string(),
        IpAddress::Ipv6(part) => std::net::Ipv6Addr::from(<[u16; 8]>::from(part)).to_string(),
    }
}
