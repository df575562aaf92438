//! INFO: how the server does.
//!
//! A section is a name and a function that writes its lines. The names of the fields are Redis's, because dashboards look for
//! them; what has no meaning here is left out or zero, and what only Perilune has stands beside.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use crate::server::Server;
use crate::{NAME, REDIS_VERSION, VERSION};

/// A section of INFO.
struct Section {
    name: &'static str,
    title: &'static str,
    /// Shown when none is asked for.
    by_default: bool,
    write: fn(&Server, &mut String),
}

const SECTIONS: &[Section] = &[
    Section {
        name: "server",
        title: "Server",
        by_default: true,
        write: server,
    },
    Section {
        name: "clients",
        title: "Clients",
        by_default: true,
        write: clients,
    },
    Section {
        name: "memory",
        title: "Memory",
        by_default: true,
        write: memory,
    },
    Section {
        name: "persistence",
        title: "Persistence",
        by_default: true,
        write: persistence,
    },
    Section {
        name: "stats",
        title: "Stats",
        by_default: true,
        write: stats,
    },
    Section {
        name: "replication",
        title: "Replication",
        by_default: true,
        write: replication,
    },
    Section {
        name: "cpu",
        title: "CPU",
        by_default: true,
        write: cpu,
    },
    Section {
        name: "modules",
        title: "Modules",
        by_default: true,
        write: |_, _| {},
    },
    Section {
        name: "commandstats",
        title: "Commandstats",
        by_default: false,
        write: commandstats,
    },
    Section {
        name: "errorstats",
        title: "Errorstats",
        by_default: true,
        write: errorstats,
    },
    Section {
        name: "cluster",
        title: "Cluster",
        by_default: true,
        write: |_, to| line(to, "cluster_enabled", 0),
    },
    Section {
        name: "keyspace",
        title: "Keyspace",
        by_default: true,
        write: keyspace,
    },
];

/// The sections that are asked for; all usual ones if none is.
pub fn render(server: &Server, asked: &[&[u8]]) -> String {
    let is_asked = |name: &str| {
        asked
            .iter()
            .any(|a| a.eq_ignore_ascii_case(name.as_bytes()))
    };
    let everything = is_asked("all") || is_asked("everything");
    let default = asked.is_empty() || is_asked("default");
    let mut text = String::new();
    for section in SECTIONS {
        if everything || (default && section.by_default) || is_asked(section.name) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            let _ = write!(text, "# {}\r\n", section.title);
            (section.write)(server, &mut text);
        }
    }
    text
}

fn line(to: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = write!(to, "{name}:{value}\r\n");
}

fn server(server: &Server, to: &mut String) {
    let uptime_s = server.started.elapsed().as_secs();
    let network = &server.settings.network;
    line(to, "redis_version", REDIS_VERSION);
    line(to, "server_name", NAME.to_ascii_lowercase());
    line(to, "perilune_version", VERSION);
    line(to, "redis_mode", "standalone");
    line(
        to,
        "os",
        format_args!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    );
    line(to, "arch_bits", usize::BITS);
    line(to, "multiplexing_api", "epoll");
    line(to, "process_id", std::process::id());
    line(to, "run_id", &server.run_id);
    line(to, "tcp_port", network.port.get());
    line(to, "server_time_usec", server.keyspace.clock().unix_us());
    line(to, "uptime_in_seconds", uptime_s);
    line(to, "uptime_in_days", uptime_s / 86_400);
    line(to, "hz", server.settings.server.hz.get());
    line(to, "configured_hz", server.settings.server.hz.get());
    line(to, "lru_clock", server.keyspace.access_clock());
    let executable = std::env::current_exe()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    line(to, "executable", executable);
    line(
        to,
        "config_file",
        server
            .settings
            .file()
            .map(|path| path.display().to_string())
            .unwrap_or_default(),
    );
    line(
        to,
        "io_threads_active",
        u8::from(network.io_threads.get() > 1),
    );
    let zone = network.availability_zone.string();
    if !zone.is_empty() {
        line(to, "availability_zone", zone);
    }
}

fn clients(server: &Server, to: &mut String) {
    let clients = server.clients.all();
    let watching: Vec<u64> = clients.iter().map(|c| c.watching.get()).collect();
    line(to, "connected_clients", clients.len());
    line(to, "maxclients", server.settings.network.maxclients.get());
    let sizes = || {
        clients
            .iter()
            .filter_map(|c| server.net().and_then(|net| net.conn(c.id)))
    };
    line(
        to,
        "client_recent_max_input_buffer",
        sizes().map(|s| s.input_len()).max().unwrap_or(0),
    );
    line(
        to,
        "client_recent_max_output_buffer",
        sizes().map(|s| s.output_len()).max().unwrap_or(0),
    );
    line(to, "blocked_clients", server.pause.waiting_count());
    line(to, "tracking_clients", 0);
    line(to, "pubsub_clients", 0);
    line(
        to,
        "watching_clients",
        watching.iter().filter(|keys| **keys > 0).count(),
    );
    line(to, "clients_in_timeout_table", 0);
    line(to, "total_watched_keys", watching.iter().sum::<u64>());
    line(to, "total_blocking_keys", 0);
    line(to, "total_blocking_keys_on_nokey", 0);
    line(to, "paused_clients", server.pause.waiting_count());
    line(to, "parked_clients", server.parked_count());
}

fn memory(server: &Server, to: &mut String) {
    let used = server.used_memory();
    let rss = resident_bytes();
    let peak = server.note_memory_peak(used);
    let limit = server.settings.memory.maxmemory.get();
    let vm = server.vm_memory();
    let scripts = server.scripts.memory_bytes();
    line(to, "used_memory", used);
    line(to, "used_memory_human", human(used));
    line(to, "used_memory_rss", rss);
    line(to, "used_memory_rss_human", human(rss));
    line(to, "used_memory_peak", peak);
    line(to, "used_memory_peak_human", human(peak));
    line(to, "used_memory_dataset", server.keyspace.memory_bytes());
    line(to, "used_memory_vm_eval", vm);
    line(to, "used_memory_lua", vm);
    line(to, "used_memory_lua_human", human(vm));
    line(to, "used_memory_scripts_eval", scripts);
    line(to, "number_of_cached_scripts", server.scripts.len());
    line(to, "number_of_functions", 0);
    line(to, "number_of_libraries", 0);
    line(to, "used_memory_vm_functions", 0);
    line(to, "used_memory_vm_total", vm);
    line(to, "used_memory_vm_total_human", human(vm));
    line(to, "used_memory_functions", 0);
    line(to, "used_memory_scripts", scripts);
    line(to, "used_memory_scripts_human", human(scripts));
    line(to, "maxmemory", limit);
    line(to, "maxmemory_human", human(limit as usize));
    line(
        to,
        "maxmemory_policy",
        server.setting_text("maxmemory-policy"),
    );
    line(
        to,
        "mem_fragmentation_ratio",
        format_args!("{:.2}", rss as f64 / used.max(1) as f64),
    );
    line(to, "mem_clients_normal", server.client_buffers());
    line(to, "mem_allocator", "mimalloc");
    line(to, "lazyfree_pending_objects", 0);
    line(to, "lazyfreed_objects", 0);
}

fn persistence(server: &Server, to: &mut String) {
    line(to, "loading", 0);
    line(to, "async_loading", 0);
    line(
        to,
        "rdb_changes_since_last_save",
        server.keyspace.counters().changes.load(Ordering::Relaxed),
    );
    line(to, "rdb_bgsave_in_progress", 0);
    line(to, "rdb_last_bgsave_status", "ok");
    line(to, "aof_enabled", 0);
    line(to, "aof_rewrite_in_progress", 0);
    line(to, "aof_last_write_status", "ok");
}

fn stats(server: &Server, to: &mut String) {
    let counters = server.keyspace.counters();
    let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let (bytes_in, bytes_out) = server.network_bytes();
    line(
        to,
        "total_connections_received",
        get(&server.connections_received),
    );
    line(
        to,
        "total_commands_processed",
        server.stats.commands_processed(),
    );
    line(
        to,
        "instantaneous_ops_per_sec",
        server.rates.operations_per_second(),
    );
    line(to, "total_net_input_bytes", bytes_in);
    line(to, "total_net_output_bytes", bytes_out);
    line(
        to,
        "rejected_connections",
        get(&server.connections_rejected),
    );
    line(to, "expired_keys", get(&counters.expired_keys));
    line(
        to,
        "expired_time_cap_reached_count",
        get(&counters.expire_time_cap_reached),
    );
    line(to, "evicted_keys", 0);
    line(to, "evicted_clients", 0);
    line(to, "evicted_scripts", server.scripts.evicted());
    line(to, "keyspace_hits", get(&counters.hits));
    line(to, "keyspace_misses", get(&counters.misses));
    line(to, "pubsub_channels", 0);
    line(to, "pubsub_patterns", 0);
    line(to, "pubsubshard_channels", 0);
    line(to, "latest_fork_usec", 0);
    line(to, "total_forks", 0);
    line(to, "unexpected_error_replies", 0);
    line(to, "total_error_replies", server.stats.errors.total());
    line(to, "acl_access_denied_auth", 0);
    line(to, "transactions_total", get(&counters.transactions));
    line(to, "transactions_rerun", get(&counters.reruns));
}

fn replication(server: &Server, to: &mut String) {
    line(to, "role", "master");
    line(to, "connected_slaves", 0);
    line(to, "master_failover_state", "no-failover");
    line(to, "master_replid", &server.run_id);
    line(
        to,
        "master_replid2",
        "0000000000000000000000000000000000000000",
    );
    line(to, "master_repl_offset", 0);
    line(to, "second_repl_offset", -1);
    line(to, "repl_backlog_active", 0);
    line(
        to,
        "repl_backlog_size",
        server.setting_text("repl-backlog-size"),
    );
    line(to, "repl_backlog_first_byte_offset", 0);
    line(to, "repl_backlog_histlen", 0);
}

fn cpu(_server: &Server, to: &mut String) {
    let (user, system) = processor_seconds();
    line(to, "used_cpu_sys", format_args!("{system:.6}"));
    line(to, "used_cpu_user", format_args!("{user:.6}"));
    line(to, "used_cpu_sys_children", "0.000000");
    line(to, "used_cpu_user_children", "0.000000");
}

fn commandstats(server: &Server, to: &mut String) {
    for entry in server.registry.entries() {
        let totals = server.stats.command(entry.id);
        if totals.calls == 0 && totals.rejected == 0 && totals.failed == 0 {
            continue;
        }
        let microseconds = totals.nanoseconds / 1000;
        let per_call = totals.nanoseconds as f64 / 1000.0 / totals.calls.max(1) as f64;
        let _ = write!(
            to,
            "cmdstat_{}:calls={},usec={microseconds},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}\r\n",
            entry.full_name, totals.calls, totals.rejected, totals.failed
        );
    }
}

fn errorstats(server: &Server, to: &mut String) {
    for (code, count) in server.stats.errors.by_code() {
        let _ = write!(
            to,
            "errorstat_{}:count={count}\r\n",
            String::from_utf8_lossy(&code)
        );
    }
}

fn keyspace(server: &Server, to: &mut String) {
    for database in 0..server.keyspace.database_count() {
        let counts = server.keyspace.database(database);
        if counts.keys() > 0 {
            let _ = write!(
                to,
                "db{database}:keys={},expires={},avg_ttl=0\r\n",
                counts.keys(),
                counts.expiring()
            );
        }
    }
}

/// `1.50M`, as INFO shows sizes.
pub fn human(bytes: usize) -> String {
    let value = bytes as f64;
    for (unit, name) in [
        (1u64 << 40, "T"),
        (1 << 30, "G"),
        (1 << 20, "M"),
        (1 << 10, "K"),
    ] {
        if value >= unit as f64 {
            return format!("{:.2}{name}", value / unit as f64);
        }
    }
    format!("{bytes}B")
}

/// Memory that the process has, by the kernel's account.
pub fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| {
            statm
                .split(' ')
                .nth(1)
                .and_then(|pages| pages.parse::<usize>().ok())
        });
    pages.unwrap_or(0) * 4096
}

/// Processor time of the process, user and system, by the kernel's account.
fn processor_seconds() -> (f64, f64) {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return (0.0, 0.0);
    };
    // fields are counted behind the name, which may have blanks in it
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or(0.0)
            / 100.0
    };
    (ticks(11), ticks(12))
}
