//! The server: everything that its threads share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use perilune_command::{CommandError, Registry};
use perilune_keyspace::{
    ExpireCycle, Frequency, Keyspace, KeyspaceOptions, MemoryLog, StripeIndex, SystemClock,
};
use perilune_net::{ConnRef, Net};
use perilune_value::Limits;
use perilune_value::rdb::VersionCheck;

use crate::batch::Parsers;
use crate::blocking::{BlockedTotals, Debts};
use crate::call::{Local, Thread};
use crate::clients::Clients;
use crate::config::{ProtectedAction, RdbVersionCheck, ScriptBusyScope, Settings};
use crate::functions::Functions;
use crate::pause::Pause;
use crate::pubsub::PubSub;
use crate::running::{KILLABLE_AFTER, Running};
use crate::scripting::{LazyVm, ScriptMemory, Scripts};
use crate::session::Session;
use crate::stats::{ConnectionTotals, Rates, Stats, Volume};
use crate::table::Handler;

/// No memory left under `maxmemory`.
pub const OUT_OF_MEMORY: CommandError =
    CommandError::new("OOM command not allowed when used memory > 'maxmemory'.");

/// The error for those who wait behind a busy script.
pub const BUSY_SCRIPT: CommandError = CommandError::new(
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);

/// The error for those who wait behind a busy function.
pub const BUSY_FUNCTION: CommandError = CommandError::new(
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
);

/// What the process itself needs beyond data, scripts and buffers: code, tables, thread stacks. Part of `used_memory`, so that a
/// `maxmemory` below it leaves room for nothing, as in Redis.
pub const BASE_MEMORY_BYTES: usize = 1 << 20;

/// For so long the watchdog frees what emptied databases have left, before it looks again at what runs.
const SWEEP_BUDGET: Duration = Duration::from_millis(2);

/// Switches that DEBUG sets for tests.
#[derive(Debug, Default)]
pub struct DebugSwitches {
    /// No active expiry.
    pub no_active_expire: AtomicBool,
    /// Scripts may call what they otherwise may not.
    pub scripts_may_call_all: AtomicBool,
    /// No periodic work.
    pub cron_paused: AtomicBool,
    /// [`Limits::list_packed_threshold`].
    pub list_packed_threshold: AtomicU32,
    /// Effects that are kept, while they are.
    pub effects: Mutex<Option<Arc<MemoryLog>>>,
}

/// The server. One for the process, shared by all threads.
pub struct Server {
    /// All data.
    pub keyspace: Keyspace,
    /// All commands.
    pub registry: &'static Registry<Handler>,
    /// All settings.
    pub settings: Arc<Settings>,
    /// All counters.
    pub stats: Stats,
    /// All scripts.
    pub scripts: Scripts,
    /// All libraries of functions.
    pub functions: Functions,
    /// All clients.
    pub clients: Clients,
    /// What runs for long.
    pub running: Running,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// Channels and who listens to them.
    pub pubsub: Arc<PubSub>,
    /// Who waits for keys.
    pub blocked: BlockedTotals,
    /// Switches for tests.
    pub debug: DebugSwitches,
    /// When it started.
    pub started: Instant,
    /// 40 hexadecimal digits that no other run of the server has.
    pub run_id: String,
    /// What is counted of connections.
    pub connections: ConnectionTotals,
    net: OnceLock<Net<Server>>,
    /// Connections whose command waits for a stripe: who, which stripe, which ticket.
    parked: Mutex<HashMap<u64, (ConnRef, StripeIndex, u64)>>,
    expire_cycle: Mutex<ExpireCycle>,
    /// Time that the active expiry took, in microseconds.
    pub expire_cycle_us: AtomicU64,
    shutdown: ShutdownSignal,
    /// How much comes in and goes out.
    pub rates: Rates,
    memory_peak: AtomicU64,
}

/// Tells the main thread that the server is to end.
#[derive(Debug, Default)]
pub struct ShutdownSignal {
    requested: AtomicBool,
    main: OnceLock<std::thread::Thread>,
}

impl Server {
    /// A server with these settings and no data.
    pub fn new(settings: Arc<Settings>) -> Self {
        let keyspace = Keyspace::new(KeyspaceOptions {
            databases: settings.server.databases.size(),
            transaction_undo_limit_bytes: settings.script.transaction_undo_limit.size(),
            clock: Box::new(SystemClock::default()),
            ..KeyspaceOptions::default()
        });
        let run_id = (0..5)
            .map(|_| format!("{:08x}", keyspace.fresh_seed() as u32))
            .collect();
        let pubsub = Arc::new(PubSub::new(settings.network.io_threads.size()));
        keyspace.set_announcer(pubsub.clone());
        let server = Self {
            keyspace,
            registry: Box::leak(Box::new(crate::table::registry())),
            settings,
            stats: Stats::default(),
            scripts: Scripts::default(),
            functions: Functions::default(),
            clients: Clients::default(),
            running: Running::default(),
            pause: Pause::default(),
            pubsub,
            blocked: BlockedTotals::default(),
            debug: DebugSwitches::default(),
            started: Instant::now(),
            run_id,
            connections: ConnectionTotals::default(),
            net: OnceLock::new(),
            parked: Mutex::default(),
            expire_cycle: Mutex::default(),
            expire_cycle_us: AtomicU64::new(0),
            shutdown: ShutdownSignal::default(),
            rates: Rates::default(),
            memory_peak: AtomicU64::new(0),
        };
        server.apply_settings();
        server
    }

    /// The network that serves it, once it has started.
    pub fn net(&self) -> Option<&Net<Server>> {
        self.net.get()
    }

    /// Says which network serves it.
    pub fn set_net(&self, net: Net<Server>) {
        self.keyspace.set_service(Arc::new(Debts::of(&net)));
        let _ = self.net.set(net);
    }

    /// Hands the settings that live elsewhere to where they live.
    pub fn apply_settings(&self) {
        let settings = &self.settings;
        self.decide_on_expiry();
        let scope = settings.script.script_busy_scope.get();
        self.running.look_always(scope == ScriptBusyScope::Server);
        let events = settings.server.notify_keyspace_events.get();
        self.keyspace
            .set_event_classes(self.pubsub.set_events(events));
        self.keyspace
            .set_string_len_max(settings.network.proto_max_bulk_len.size());
        self.keyspace
            .set_version_check(match settings.persistence.rdb_version_check.get() {
                RdbVersionCheck::Strict => VersionCheck::Strict,
                RdbVersionCheck::Relaxed => VersionCheck::Relaxed,
            });
        self.keyspace
            .set_undo_limit_bytes(settings.script.transaction_undo_limit.size());
        let memory = &settings.memory;
        let counts_uses = memory.maxmemory_policy.get().is_of_frequency();
        let frequency = Frequency {
            log_factor: memory.lfu_log_factor.get() as u32,
            decay_minutes: memory.lfu_decay_time.get() as u32,
        };
        self.keyspace.set_frequency(counts_uses, frequency);
        let data = &settings.data;
        self.keyspace.set_limits(Limits {
            hash_max_listpack_entries: data.hash_max_listpack_entries.size(),
            hash_max_listpack_value: data.hash_max_listpack_value.size(),
            // the row's range is that of an i32
            list_max_listpack_size: data.list_max_listpack_size.get() as i32,
            list_packed_threshold: self.debug.list_packed_threshold.load(Ordering::Relaxed),
            set_max_intset_entries: data.set_max_intset_entries.size(),
            set_max_listpack_entries: data.set_max_listpack_entries.size(),
            set_max_listpack_value: data.set_max_listpack_value.size(),
            zset_max_listpack_entries: data.zset_max_listpack_entries.size(),
            zset_max_listpack_value: data.zset_max_listpack_value.size(),
        });
        if let Some(net) = self.net() {
            let to = net.settings();
            to.input_limit_bytes.store(
                settings.network.client_query_buffer_limit.size(),
                Ordering::Relaxed,
            );
            to.idle_timeout_seconds
                .store(settings.network.timeout.get(), Ordering::Relaxed);
            to.tcp_keepalive_seconds
                .store(settings.network.tcp_keepalive.get(), Ordering::Relaxed);
            to.tick_ms
                .store(1000 / settings.server.hz.get(), Ordering::Relaxed);
        }
    }

    /// What a thread needs for itself.
    pub fn new_local(&self) -> Local {
        let slot = self.running.register();
        let shard = self.stats.shard_for_thread(self.registry.entries().len());
        Local {
            vm: LazyVm::default(),
            scripts: ScriptMemory::default(),
            thread: Thread::new(slot, shard),
            parsers: Parsers::default(),
            batch: Vec::new(),
            batch_began: None,
            script_ended: None,
        }
    }

    /// What a script may take on top of what its machine holds.
    pub fn script_memory_limit(&self) -> usize {
        match self.settings.script.script_memory_limit.size() {
            0 => usize::MAX,
            bytes => bytes,
        }
    }

    /// Memory that data, scripts and buffers use, with what waits to be freed.
    pub fn used_memory(&self) -> usize {
        self.needed_memory() + self.keyspace.reclaiming().pending_bytes as usize
    }

    /// Memory that data, scripts and buffers use, without what waits to be freed.
    fn needed_memory(&self) -> usize {
        BASE_MEMORY_BYTES + self.keyspace.memory_bytes()
    }

    /// Notes how much memory is used; the most that was ever seen.
    pub fn note_memory_peak(&self, used: usize) -> usize {
        (self.memory_peak.fetch_max(used as u64, Ordering::Relaxed) as usize).max(used)
    }

    /// Bytes that clients have sent and been sent, those that have gone included.
    pub fn network_bytes(&self) -> (u64, u64) {
        let live = self.net().map(Net::conns).unwrap_or_default();
        let gone = self.connections.gone_bytes();
        live.iter().fold(gone, |(bytes_in, bytes_out), conn| {
            (
                bytes_in.wrapping_add(conn.bytes_in()),
                bytes_out.wrapping_add(conn.bytes_out()),
            )
        })
    }

    /// Bytes in the buffers of all clients.
    pub fn client_buffers(&self) -> usize {
        let live = self.net().map(Net::conns).unwrap_or_default();
        live.iter()
            .map(|conn| conn.input_len() + conn.output_len())
            .sum()
    }

    /// A setting as CONFIG GET shows it.
    pub fn setting_text(&self, name: &str) -> String {
        self.settings
            .value(name)
            .map(|value| String::from_utf8_lossy(&value).into_owned())
            .unwrap_or_default()
    }

    /// CONFIG SET: all pairs or none.
    pub fn set_settings(&self, pairs: &[(&[u8], &[u8])]) -> Result<(), CommandError> {
        self.settings
            .set(
                pairs,
                self.settings.security.enable_protected_configs.get() == ProtectedAction::Yes,
                |row| self.apply_setting(row.name),
            )
            .map_err(|error| CommandError::from_text(format!("ERR {error}")))
    }

    /// Hands a changed setting to where it lives.
    fn apply_setting(&self, name: &str) -> Result<(), String> {
        match name {
            "bind" | "port" => {
                let listeners = crate::start::bind_all(&self.settings)
                    .map_err(|_| "Unable to listen on this port or address".to_owned())?;
                if let Some(net) = self.net() {
                    net.listen(listeners);
                }
            }
            "loglevel" | "log-format" | "log-timestamp-format" => {
                crate::start::apply_log_settings(&self.settings)
            }
            _ => self.apply_settings(),
        }
        Ok(())
    }

    /// CONFIG REWRITE.
    pub fn rewrite_settings(&self) -> Result<(), CommandError> {
        self.settings
            .rewrite()
            .map_err(|error| CommandError::from_text(format!("ERR {error}")))
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&self) {
        self.stats.reset();
        let counters = self.keyspace.counters();
        for counter in [
            &counters.expired_keys,
            &counters.expired_fields,
            &counters.expire_time_cap_reached,
            &self.expire_cycle_us,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        self.keyspace.reset_reclaimed();
        self.connections.reset(self.network_bytes());
        self.memory_peak.store(0, Ordering::Relaxed);
        self.scripts.reset_evicted();
    }

    /// Whether commands that need memory are to be refused.
    #[inline]
    pub fn out_of_memory(&self) -> bool {
        let limit = self.settings.memory.maxmemory.get();
        // what has been deleted makes room at once, wherever its freeing stands
        limit != 0 && self.needed_memory() as u64 > limit
    }

    /// DEBUG set-disable-deny-scripts.
    pub fn scripts_may_call_all(&self) -> bool {
        self.debug.scripts_may_call_all.load(Ordering::Relaxed)
    }

    /// The error for those who have to do without a busy script's keys.
    pub fn busy_error(&self) -> CommandError {
        match self.running.busy_is_function() {
            true => BUSY_FUNCTION,
            false => BUSY_SCRIPT,
        }
    }

    /// Scripts and functions that have run for longer than this are killed, and spoken of.
    pub fn killable_after(&self) -> Duration {
        match self.settings.script.busy_reply_threshold.get() {
            0 => KILLABLE_AFTER,
            ms => KILLABLE_AFTER.min(Duration::from_millis(ms)),
        }
    }

    /// CLIENT PAUSE. Until it ends no key expires: that would be a change too.
    pub fn start_pause(&self, until_ms: i64, writes_only: bool) {
        self.pause.start(until_ms, writes_only);
        self.decide_on_expiry();
    }

    /// Ends the pause if its time is up.
    pub fn check_pause(&self) {
        if self.pause.is_over(self.keyspace.clock().unix_ms()) {
            self.end_pause();
        }
    }

    /// Ends the pause.
    pub fn end_pause(&self) {
        if let Some(net) = self.net() {
            self.pause.end(net);
        }
        self.decide_on_expiry();
    }

    /// Lets keys expire or not.
    fn decide_on_expiry(&self) {
        let paused = self.settings.memory.import_mode.get() || self.pause.is_paused(true);
        self.keyspace.pause_expiry(paused);
    }

    /// CLIENT KILL: the connection is gone for everybody at once, and closed as soon as its loop comes to it.
    pub fn kill_client(&self, id: u64) {
        let client = self.clients.remove(id);
        if let Some(net) = self.net() {
            // before its script is told to stop: nobody is to hear what that answers
            net.kill(id);
        }
        if let Some(client) = client {
            client.stop_waiting();
            self.running.kill_client(id);
            self.pubsub.unsubscribe_all(&client);
        }
    }

    /// DEBUG pause-cron: no periodic work, on connections neither.
    pub fn pause_cron(&self, paused: bool) {
        self.debug.cron_paused.store(paused, Ordering::Relaxed);
        if let Some(net) = self.net() {
            net.settings()
                .housekeeping_paused
                .store(paused, Ordering::Relaxed);
        }
    }

    /// Whether a busy script makes everybody wait, as in Redis.
    pub fn busy_for_all(&self) -> bool {
        self.settings.script.script_busy_scope.get() == ScriptBusyScope::Server
            && self
                .running
                .find_busy(self.busy_threshold(), &|| self.wake_parked())
    }

    /// What runs for longer is busy. None where nothing ever is.
    fn busy_threshold(&self) -> Option<Duration> {
        match self.settings.script.busy_reply_threshold.get() {
            0 => None,
            ms => Some(Duration::from_millis(ms)),
        }
    }

    /// Notes that a connection waits for a stripe.
    pub fn note_parked(&self, session: &Session, stripe: StripeIndex, ticket: u64) {
        let at = ConnRef {
            id: session.id,
            loop_index: session.client.info.loop_index,
        };
        self.parked().insert(session.id, (at, stripe, ticket));
    }

    /// Notes that it waits no more.
    pub fn note_resumed(&self, session: &Session) {
        self.parked().remove(&session.id);
    }

    fn parked(&self) -> std::sync::MutexGuard<'_, HashMap<u64, (ConnRef, StripeIndex, u64)>> {
        self.parked.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// How many connections wait for a stripe.
    pub fn parked_count(&self) -> usize {
        self.parked().len()
    }

    /// A script has become busy: those who wait for its keys are started again, to be told so.
    pub fn wake_parked(&self) {
        let Some(net) = self.net() else { return };
        let waiting: Vec<_> = self.parked().values().copied().collect();
        for (at, _, ticket) in waiting {
            net.wake(at, ticket);
        }
    }

    /// The watchdog of long runs, which also frees what emptied databases have left; returns when the server ends.
    pub fn watch_running(&self) {
        self.running.watch(
            &|| self.busy_threshold(),
            &|| self.wake_parked(),
            &|| self.keyspace.sweep(SWEEP_BUDGET),
            &self.shutdown.requested,
        );
    }

    /// Work that comes up `hz` times a second, on one loop.
    pub fn cron(&self) {
        if self.debug.cron_paused.load(Ordering::Relaxed) {
            return;
        }
        self.rates.note(|| {
            let (bytes_in, bytes_out) = self.network_bytes();
            Volume {
                commands: self.stats.commands_processed(),
                bytes_in,
                bytes_out,
            }
        });
        self.note_memory_peak(self.used_memory());
        self.keyspace.clock().follow();
        let unix_s = self.keyspace.clock().unix_ms() / 1000;
        self.keyspace.set_access_clock(unix_s as u32);
        self.decide_on_expiry();
        if !self.debug.no_active_expire.load(Ordering::Relaxed) && !self.pause.is_paused(true) {
            let effort = self.settings.memory.active_expire_effort.get();
            // a slice of at most 1 to 10 ms in 100
            let budget = Duration::from_millis(10 * effort) / self.settings.server.hz.get() as u32;
            if let Ok(mut cycle) = self.expire_cycle.try_lock() {
                let began = Instant::now();
                cycle.run(&self.keyspace, budget);
                self.expire_cycle_us
                    .fetch_add(began.elapsed().as_micros() as u64, Ordering::Relaxed);
            }
        }
    }

    /// Asks the main thread to end the server.
    pub fn request_shutdown(&self) {
        self.shutdown.requested.store(true, Ordering::SeqCst);
        self.running.kill_all();
        if let Some(main) = self.shutdown.main.get() {
            main.unpark();
        }
    }

    /// Whether the server is to end.
    pub fn is_shutting_down(&self) -> bool {
        self.shutdown.requested.load(Ordering::Relaxed)
    }

    /// Waits until the server is to end. The main thread's occupation.
    pub fn wait_for_shutdown(&self) {
        let _ = self.shutdown.main.set(std::thread::current());
        while !self.is_shutting_down() {
            std::thread::park();
        }
    }
}
