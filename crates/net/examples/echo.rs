//! The floor: a server that parses requests and answers PONG, to measure what the network itself costs.
//!
//! ```text
//! cargo run --release -p perilune-net --example echo -- 127.0.0.1:7421 1
//! valkey-benchmark -p 7421 -t ping_mbulk -P 32 -c 50 -n 3000000
//! ```
//!
//! `ASIDE` answers as PING does, but puts the loop down and takes it back: the difference is the price of that.

use std::time::Duration;

use perilune_net::{
    After, Config, Conn, ConnInfo, Endpoint, Flow, Input, Listener, Refusal, Runtime, Service, Turn,
};
use perilune_resp::{Parsed, Protocol, Reply, RequestLimits, RequestParser, RespWriter};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Echo;

impl Service for Echo {
    type Session = RequestParser;
    type Local = ();
    type Message = ();

    fn local(&self) {}

    fn accept(&self, _: &ConnInfo) -> Result<RequestParser, Refusal> {
        Ok(RequestParser::new())
    }

    fn on_input(
        &self,
        turn: &mut Turn<'_, Self>,
        conn: &mut Conn<RequestParser>,
        input: &mut Input<'_>,
    ) -> Flow {
        let limits = RequestLimits::default();
        loop {
            let mut reply = RespWriter::new(&mut conn.out, Protocol::Resp2);
            match conn.session.parse(input.bytes(), &limits) {
                Ok(Parsed::Request(request)) => {
                    input.consume(request.consumed);
                    match &request.args[0] {
                        b"ASIDE" => turn.aside(|()| reply.status("PONG")),
                        b"QUIT" => return Flow::CloseAfterReply,
                        _ => reply.status("PONG"),
                    }
                }
                Ok(Parsed::Incomplete { consumed }) => {
                    input.consume(consumed);
                    let wanted = conn.session.bytes_wanted();
                    conn.expect_input(wanted);
                    return Flow::Continue;
                }
                Err(error) => {
                    error.write(&mut reply);
                    return Flow::CloseAfterReply;
                }
            }
        }
    }

    fn on_message(&self, _: &mut Turn<'_, Self>, _: &mut Conn<RequestParser>, (): ()) -> After {
        After::Stay
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:7421".into());
    let loops = args.next().map_or(Ok(1), |loops| loops.parse())?;
    let listener = Listener::bind(&Endpoint::Tcp(address.parse()?), 511)?;
    let config = Config {
        loops,
        listeners: vec![listener],
        ..Config::default()
    };
    let runtime = Runtime::start(Echo, config)?;
    println!(
        "{address}: {loops} loops, {:?} threads and spares",
        runtime.thread_counts()
    );
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}
