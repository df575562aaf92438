//! Ports that are taken while others start processes, as all tests of a process do at once.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use perilune_harness::port::Port;

/// How long the race goes on: enough for hundreds of processes on a quiet machine.
const RACE: Duration = Duration::from_secs(3);

/// A process that is started holds all sockets of the one that starts it until it executes its program. A socket that
/// listened to find out whether its port is free would go on listening there, and take the server's first client.
#[test]
fn nobody_listens_on_a_port_that_is_taken() {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let mut process = Command::new("true");
                    let status = process.stdin(Stdio::null()).status();
                    assert!(status.is_ok_and(|status| status.success()));
                }
            });
        }
        let (started, mut taken) = (Instant::now(), 0);
        let mut listening = 0;
        while started.elapsed() < RACE {
            let port = Port::take().expect("a port");
            let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, port.number()));
            listening += usize::from(connected.is_ok());
            taken += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(listening, 0, "of {taken}");
    });
}
