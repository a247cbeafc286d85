// goal: run
// accept: runtime_error
// Abstract UNIX sockets belong to the network namespace: those of the host must not be there.
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
fn main() {
    for name in ["/tmp/.X11-unix/X0", "/tmp/dbus-x", "/run/systemd/private", "/containerd-shim"] {
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        if UnixStream::connect_addr(&address).is_ok() {
            println!("ESCAPED");
        }
    }
    for path in ["/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket"] {
        if UnixStream::connect(path).is_ok() {
            println!("ESCAPED");
        }
    }
    std::process::exit(77);
}
