//! What an init has to do before the program can be reached: modules, file systems, the network.

use std::ffi::CString;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::{fs, mem, ptr};

/// Modules of the kernel, in the order in which they are loaded.
const MODULES: &str = "/modules";

/// Sets the machine up: its first network card gets `address`, in a network of 256 whose first host is the gateway's.
pub fn set_up(address: Ipv4Addr) {
    println!("booted");
    mount("proc");
    load_modules();
    // SAFETY: the structures are plain C ones, filled in before the kernel reads them.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        bring_up(socket, "lo", Ipv4Addr::LOCALHOST);
        bring_up(socket, "eth0", address);
        libc::close(socket);
    }
}

fn mount(kind: &str) {
    let (name, target) = (CString::new(kind).unwrap(), CString::new(format!("/{kind}")).unwrap());
    let _ = fs::create_dir(format!("/{kind}"));
    // SAFETY: all texts end with a zero and outlive the call.
    unsafe { libc::mount(name.as_ptr(), target.as_ptr(), name.as_ptr(), 0, ptr::null()) };
}

fn load_modules() {
    let mut paths: Vec<_> = fs::read_dir(MODULES).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let file = fs::File::open(&path).expect("a file that was listed");
        // SAFETY: the descriptor is open and the text ends with a zero.
        let result = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
        if result != 0 {
            println!("{}: {}", path.display(), std::io::Error::last_os_error());
        }
    }
}

unsafe fn bring_up(socket: i32, name: &str, address: Ipv4Addr) {
    let mut request: libc::ifreq = mem::zeroed();
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    set_address(&mut request, address);
    check(name, libc::ioctl(socket, libc::SIOCSIFADDR as _, &request));
    set_address(&mut request, Ipv4Addr::new(255, 255, 255, 0));
    check(name, libc::ioctl(socket, libc::SIOCSIFNETMASK as _, &request));
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    check(name, libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &request));
}

unsafe fn set_address(request: &mut libc::ifreq, address: Ipv4Addr) {
    let mut to: libc::sockaddr_in = mem::zeroed();
    to.sin_family = libc::AF_INET as _;
    to.sin_addr.s_addr = u32::from(address).to_be();
    request.ifr_ifru.ifru_addr = mem::transmute::<libc::sockaddr_in, libc::sockaddr>(to);
}

fn check(name: &str, result: i32) {
    if result != 0 {
        println!("{name}: {}", std::io::Error::last_os_error());
    }
}
