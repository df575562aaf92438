//! Servers that are started side by side, as the tools and these tests start them: each gets a port of its own, and who
//! asks it talks to it and not to another.

use std::net::TcpListener;
use std::path::Path;

use perilune_harness::Server;
use perilune_harness::port::Port;

const SERVERS: usize = 24;

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_perilune"))
}

#[test]
fn servers_that_start_at_once_do_not_meet() {
    let arguments = ["--io-threads".into(), "1".into()];
    let servers: Vec<Server> = std::thread::scope(|scope| {
        let start = || Server::start(binary(), &arguments).expect("a server");
        let starting: Vec<_> = (0..SERVERS).map(|_| scope.spawn(start)).collect();
        let started = starting.into_iter().map(|thread| thread.join());
        started.collect::<Result<_, _>>().expect("a thread")
    });
    let mut ports: Vec<u16> = servers.iter().map(|s| s.address().port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), SERVERS);
}

#[test]
fn a_port_of_a_stranger_is_found_out() {
    let stranger = TcpListener::bind("127.0.0.1:0").expect("a port");
    let number = stranger.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        // it takes connections, and has nothing to say
        stranger.incoming().for_each(drop);
    });
    let port = Port::lock(number).expect("a lock").expect("nobody has it");
    let started = Server::start_on(port, binary(), &[]).expect("it says why it ends");
    assert!(started.is_none());
}
