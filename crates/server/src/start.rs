//! From the command line to a running server, and back.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use perilune_net::{Config, Endpoint, Listener, Runtime};

use crate::config::args::{Invocation, Sources, parse};
use crate::config::file::LoadError;
use crate::config::{Settings, Surroundings};
use crate::server::Server;
use crate::{NAME, REDIS_VERSION, VERSION, log};

/// How long connections have to come to an end when the server does.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(3);

/// Runs the program with these arguments, its own name not among them.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    match parse(&arguments) {
        Invocation::Print(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Invocation::Fail(text) => {
            eprint!("{text}");
            ExitCode::FAILURE
        }
        Invocation::Serve(sources) => serve(&sources),
    }
}

fn serve(sources: &Sources) -> ExitCode {
    let settings = Arc::new(Settings::new(&Surroundings::of_this_process()));
    let directives = match settings.load(sources, io::stdin()) {
        Ok(directives) => directives,
        Err(error @ LoadError::Open { .. }) => {
            log::warning(format_args!("{error}"));
            return ExitCode::FAILURE;
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if !settings.server.logfile.is_empty() {
        log::to_file(settings.path(&settings.server.logfile));
    }
    apply_log_settings(&settings);
    show_logo(&settings);
    let mut vain: Vec<String> = settings
        .not_there_yet()
        .into_iter()
        .map(str::to_owned)
        .collect();
    vain.extend(
        directives
            .iter()
            .map(|directive| String::from_utf8_lossy(&directive.words[0]).into_owned()),
    );
    if !vain.is_empty() {
        log::warning(format_args!(
            "These settings are accepted but have no effect in this version: {}",
            vain.join(", ")
        ));
    }
    if cfg!(feature = "measure-without-undo") {
        log::warning(format_args!(
            "This build is for measurements: it takes nothing back. A script that is stopped stays half done"
        ));
    }
    match start(settings) {
        Ok(running) => running.serve_until_told(),
        Err(code) => code,
    }
}

/// Hands the settings of the log to it.
pub fn apply_log_settings(settings: &Settings) {
    log::set_level(settings.server.loglevel.get());
    log::set_format(
        settings.server.log_format.get(),
        settings.server.log_timestamp_format.get(),
    );
}

fn show_logo(settings: &Settings) {
    let pid = std::process::id();
    log::notice(format_args!(
        "{NAME} version={VERSION}, Redis {REDIS_VERSION} compatible, bits=64, pid={pid}, just started"
    ));
    if settings.server.always_show_logo.get() {
        let port = settings.network.port.get();
        log::raw(
            log::Level::Notice,
            &format!(
                "\n      .  *  .\n   .     )      {NAME} {VERSION}\n  *     )  .    Port: {port}\n   .  *         PID: {pid}\n\n"
            ),
        );
    }
}

/// A server that runs.
struct Running {
    runtime: Runtime<Server>,
    settings: Arc<Settings>,
}

fn start(settings: Arc<Settings>) -> Result<Running, ExitCode> {
    let listeners = match bind_all(&settings) {
        Ok(listeners) => listeners,
        Err(message) => {
            log::warning(format_args!("{message}"));
            log::warning(format_args!(
                "Failed listening on port {} (tcp), aborting.",
                settings.network.port.get()
            ));
            return Err(ExitCode::FAILURE);
        }
    };
    let places: Vec<String> = listeners
        .iter()
        .map(|l| l.local_address().to_string())
        .collect();
    let server = Server::new(settings.clone());
    if !settings.server.pidfile.is_empty() {
        write_pid_file(&settings);
    }
    let config = Config {
        loops: settings.network.io_threads.size(),
        // they listen once the server knows its network
        listeners: Vec::new(),
        thread_name: "perilune".into(),
        ..Config::default()
    };
    let runtime = match Runtime::start(server, config) {
        Ok(runtime) => runtime,
        Err(error) => {
            log::warning(format_args!("Can't start the event loops: {error}"));
            return Err(ExitCode::FAILURE);
        }
    };
    let net = runtime.net();
    net.service().set_net(net.clone());
    net.service().apply_settings();
    // before anybody is told that the server is there, and may want to end it
    if let Err(error) = handle_signals(net) {
        log::warning(format_args!("Can't handle signals: {error}"));
    }
    net.listen(listeners);
    log::notice(format_args!("Server initialized"));
    for place in places {
        log::notice(format_args!("Listening on {place}"));
    }
    log::notice(format_args!("Ready to accept connections tcp"));
    Ok(Running { runtime, settings })
}

impl Running {
    fn serve_until_told(self) -> ExitCode {
        let net = self.runtime.net().clone();
        let watch_net = net.clone();
        let watchdog = std::thread::Builder::new()
            .name("perilune-watch".into())
            .spawn(move || watch_net.service().watch_running());
        if let Err(error) = &watchdog {
            log::warning(format_args!(
                "Can't start the watchdog: scripts can't be stopped. {error}"
            ));
        }
        net.service().wait_for_shutdown();
        net.listen(Vec::new());
        if !self.runtime.shutdown(SHUTDOWN_PATIENCE) {
            log::warning(format_args!(
                "Some commands did not end in time; they are cut off."
            ));
        }
        if !self.settings.server.pidfile.is_empty() {
            let _ = std::fs::remove_file(self.settings.path(&self.settings.server.pidfile));
        }
        log::warning(format_args!("{NAME} is now ready to exit, bye bye..."));
        let _ = io::stdout().flush();
        ExitCode::SUCCESS
    }
}

/// SIGTERM and SIGINT end the server; a second one ends it at once.
fn handle_signals(net: &perilune_net::Net<Server>) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGINT,
    ])?;
    let net = net.clone();
    let told = AtomicBool::new(false);
    std::thread::Builder::new()
        .name("perilune-signal".into())
        .spawn(move || {
            for signal in signals.forever() {
                if told.swap(true, Ordering::Relaxed) {
                    std::process::exit(1);
                }
                let name = if signal == signal_hook::consts::SIGINT {
                    "SIGINT"
                } else {
                    "SIGTERM"
                };
                log::warning(format_args!("Received {name} scheduling shutdown..."));
                net.service().request_shutdown();
            }
        })?;
    Ok(())
}

fn write_pid_file(settings: &Settings) {
    let path = settings.path(&settings.server.pidfile);
    if let Err(error) = std::fs::write(&path, format!("{}\n", std::process::id())) {
        log::warning(format_args!(
            "Failed to write PID file {}: {error}",
            path.display()
        ));
    }
}

/// Opens all sockets that the settings name.
pub fn bind_all(settings: &Settings) -> Result<Vec<Listener>, String> {
    let backlog = settings.network.tcp_backlog.get() as i32;
    let mut listeners = Vec::new();
    let port = settings.network.port.get() as u16;
    if port != 0 {
        for word in settings.network.bind.words() {
            // a leading `-`: the address may be missing on this machine
            let (optional, host) = match word.strip_prefix('-') {
                Some(host) => (true, host),
                None => (false, word.as_str()),
            };
            for address in resolve(host, port)? {
                match Listener::bind(&Endpoint::Tcp(address), backlog) {
                    Ok(listener) => listeners.push(listener),
                    Err(error) if optional && is_unavailable(&error) => {}
                    Err(error) => {
                        return Err(format!(
                            "Warning: Could not create server TCP listening socket {address}: {}",
                            text_of(&error)
                        ));
                    }
                }
            }
        }
        if listeners.is_empty() {
            return Err("Configured to not listen anywhere, exiting.".into());
        }
    }
    let path = &settings.network.unixsocket;
    if !path.is_empty() {
        let path: PathBuf = settings.path(path);
        let mode = match settings.network.unixsocketperm.get() as u32 {
            0 => None,
            mode => Some(mode),
        };
        let listener = Listener::bind(
            &Endpoint::Unix {
                path: path.clone(),
                mode,
            },
            backlog,
        )
        .map_err(|error| {
            format!(
                "Failed opening Unix socket: bind: {}: {error}",
                path.display()
            )
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    match host {
        "*" => return Ok(vec![SocketAddr::from(([0, 0, 0, 0], port))]),
        "::*" => {
            return Ok(vec![SocketAddr::new(
                IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
                port,
            )]);
        }
        _ => {}
    }
    (host, port)
        .to_socket_addrs()
        .map(|addresses| addresses.take(1).collect())
        .map_err(|error| format!("Could not resolve {host}: {error}"))
}

/// Whether an address is one that this machine does not have.
fn is_unavailable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
    ) || matches!(error.raw_os_error(), Some(97 | 92 | 93 | 94))
}

fn text_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "bind: Address already in use".into(),
        _ => format!("bind: {error}"),
    }
}
