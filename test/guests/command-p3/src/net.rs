use crate::failure::{Failure, Result};
use crate::output::print;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket, UdpSocket,
};
use wasip3::wit_stream;

/// Connects to `address`, sends `text`, half-closes and reads to the end.
pub async fn exchange(address: &str, text: &str) -> Result<Vec<u8>> {
    let (family, remote) = parse(address)?;
    let socket = TcpSocket::create(family)?;
    socket.connect(remote).await?;
    let (mut writer, reader) = wit_stream::new();
    let sent = socket.send(reader);
    let unsent = writer.write_all(text.into()).await;
    drop(writer);
    sent.await?;
    if !unsent.is_empty() {
        return Err(ErrorCode::ConnectionBroken.into());
    }
    let (answer, received) = socket.receive();
    let bytes = answer.collect().await;
    received.await?;
    Ok(bytes)
}

/// Echoes each connection to 127.0.0.1:`port`, one after the other, for ever. Says when it listens.
pub async fn echo(port: u16) -> Result<()> {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4)?;
    socket.bind(to_wasi(SocketAddr::from((Ipv4Addr::LOCALHOST, port))))?;
    let mut connections = socket.listen()?;
    print(format!("listening on {}\n", from_wasi(socket.get_local_address()?))).await?;
    while let Some(connection) = connections.next().await {
        let (received, _) = connection.receive();
        // The client decides when its connection ends; how it ended is its own matter.
        let _ = connection.send(received).await;
    }
    Ok(())
}

/// Sends `text` to `address` as a datagram and reads one back.
pub async fn exchange_datagram(address: &str, text: &str) -> Result<Vec<u8>> {
    let (family, remote) = parse(address)?;
    let socket = UdpSocket::create(family)?;
    socket.connect(remote)?;
    socket.send(text.into(), None).await?;
    let (answer, _from) = socket.receive().await?;
    Ok(answer)
}

/// The addresses of `name`.
pub async fn resolve(name: &str) -> Result<Vec<String>> {
    let addresses = resolve_addresses(name.into()).await?;
    Ok(addresses.into_iter().map(|address| ip_from_wasi(address).to_string()).collect())
}

fn parse(address: &str) -> Result<(IpAddressFamily, IpSocketAddress)> {
    let invalid = |_| Failure::invalid(format_args!("not an address with a port: {address:?}"));
    let address: SocketAddr = address.parse().map_err(invalid)?;
    let family = if address.is_ipv4() { IpAddressFamily::Ipv4 } else { IpAddressFamily::Ipv6 };
    Ok((family, to_wasi(address)))
}

fn to_wasi(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(v4) => IpSocketAddress::Ipv4(Ipv4SocketAddress { port: v4.port(), address: v4.ip().octets().into() }),
        SocketAddr::V6(v6) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: v6.port(),
            flow_info: v6.flowinfo(),
            address: v6.ip().segments().into(),
            scope_id: v6.scope_id(),
        }),
    }
}

fn from_wasi(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(v4) => (ip_from_wasi(IpAddress::Ipv4(v4.address)), v4.port).into(),
        IpSocketAddress::Ipv6(v6) => (ip_from_wasi(IpAddress::Ipv6(v6.address)), v6.port).into(),
    }
}

fn ip_from_wasi(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4(part) => Ipv4Addr::from(<[u8; 4]>::from(part)).into(),
        IpAddress::Ipv6(part) => Ipv6Addr::from(<[u16; 8]>::from(part)).into(),
    }
}
