//! The sections of INFO, field by field.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Lines;
use super::process;
use crate::memory::MemoryReport;
use crate::pubsub::Scope;
use crate::server::Server;
use crate::stats::ProgramTotals;
use crate::{NAME, REDIS_VERSION, VERSION};

pub(super) fn server(server: &Server, to: &mut Lines<'_>) {
    let uptime_s = server.started.elapsed().as_secs();
    let network = &server.settings.network;
    let hz = server.settings.server.hz.get();
    to.add("redis_version", REDIS_VERSION);
    to.add("server_name", NAME.to_ascii_lowercase());
    to.add("perilune_version", VERSION);
    to.add("redis_git_sha1", "00000000");
    to.add("redis_git_dirty", 0);
    to.add("redis_build_id", 0);
    to.add("redis_mode", "standalone");
    to.add("os", process::system_name());
    to.add("arch_bits", usize::BITS);
    to.add("monotonic_clock", "POSIX clock_gettime");
    to.add("multiplexing_api", "epoll");
    to.add("process_id", std::process::id());
    to.add("process_supervised", "no");
    to.add("run_id", &server.run_id);
    to.add("tcp_port", network.port.get());
    to.add("server_time_usec", server.keyspace.clock().unix_us());
    to.add("uptime_in_seconds", uptime_s);
    to.add("uptime_in_days", uptime_s / 86_400);
    to.add("hz", hz);
    to.add("configured_hz", hz);
    to.add("clients_hz", hz);
    to.add("lru_clock", server.keyspace.access_clock());
    let path = |path: Option<&std::path::Path>| {
        path.map(|path| path.display().to_string())
            .unwrap_or_default()
    };
    to.add("executable", path(std::env::current_exe().ok().as_deref()));
    to.add("config_file", path(server.settings.file()));
    to.add("io_threads_active", u8::from(network.io_threads.get() > 1));
    to.add("availability_zone", network.availability_zone.string());
    let mut listeners = Vec::new();
    if network.port.get() != 0 {
        let binds: String = network
            .bind
            .words()
            .iter()
            .map(|host| format!(",bind={host}"))
            .collect();
        listeners.push(format!("name=tcp{binds},port={}", network.port.get()));
    }
    if !network.unixsocket.is_empty() {
        listeners.push(format!(
            "name=unix,bind={}",
            server.settings.path(&network.unixsocket).display()
        ));
    }
    for (index, listener) in listeners.iter().enumerate() {
        to.add(format_args!("listener{index}"), listener);
    }
}

pub(super) fn clients(server: &Server, to: &mut Lines<'_>) {
    let clients = server.clients.all();
    let conns = server.net().map(|net| net.conns()).unwrap_or_default();
    let now_ms = server.keyspace.clock().unix_ms();
    let paused = server.pause.end_ms();
    to.add("connected_clients", clients.len());
    to.add("cluster_connections", 0);
    to.add("maxclients", server.settings.network.maxclients.get());
    let most = |sizes: &mut dyn Iterator<Item = usize>| sizes.max().unwrap_or(0);
    to.add(
        "client_recent_max_input_buffer",
        most(&mut conns.iter().map(|conn| conn.input_room())),
    );
    to.add(
        "client_recent_max_output_buffer",
        most(&mut conns.iter().map(|conn| conn.output_room())),
    );
    to.add(
        "blocked_clients",
        server.pause.waiting_count() + server.blocked.count() as usize,
    );
    to.add("tracking_clients", 0);
    to.add("pubsub_clients", server.pubsub.client_count());
    to.add(
        "watching_clients",
        clients
            .iter()
            .filter(|client| client.watching.get() > 0)
            .count(),
    );
    to.add("clients_in_timeout_table", 0);
    to.add(
        "total_watched_keys",
        clients
            .iter()
            .map(|client| client.watching.get())
            .sum::<u64>(),
    );
    to.add("total_blocking_keys", server.keyspace.awaited_keys());
    to.add_zeros(&["total_blocking_keys_on_nokey"]);
    to.add(
        "paused_reason",
        if paused.is_some() {
            "client_pause"
        } else {
            "none"
        },
    );
    let kind = if server.pause.is_paused(false) {
        "all"
    } else {
        "write"
    };
    to.add(
        "paused_actions",
        if paused.is_some() { kind } else { "none" },
    );
    to.add(
        "paused_timeout_milliseconds",
        paused.map_or(0, |end_ms| (end_ms - now_ms).max(0)),
    );
    to.add("parked_clients", server.parked_count());
}

pub(super) fn memory(server: &Server, to: &mut Lines<'_>) {
    let report = MemoryReport::of(server);
    let MemoryReport {
        used,
        resident,
        peak,
        vms,
        largest_vm,
        scripts,
        ..
    } = report;
    to.add_bytes("used_memory", used);
    to.add_bytes("used_memory_rss", resident);
    to.add_bytes("used_memory_peak", peak);
    to.add(
        "used_memory_peak_perc",
        format_args!("{:.2}%", report.peak_percentage()),
    );
    to.add("used_memory_overhead", report.overhead());
    to.add("used_memory_startup", report.startup);
    to.add("used_memory_dataset", report.dataset);
    to.add(
        "used_memory_dataset_perc",
        format_args!("{:.2}%", report.dataset_percentage()),
    );
    to.add_bytes("total_system_memory", process::total_memory_bytes());
    to.add("used_memory_lua", largest_vm);
    to.add("used_memory_vm_eval", vms);
    to.add("used_memory_lua_human", super::human(largest_vm));
    to.add("used_memory_scripts_eval", scripts);
    to.add("number_of_cached_scripts", server.scripts.len());
    let functions = server.functions.table();
    to.add("number_of_functions", functions.function_count());
    to.add("number_of_libraries", functions.libraries().len());
    // functions run where scripts run
    to.add_zeros(&["used_memory_vm_functions"]);
    to.add_bytes("used_memory_vm_total", vms);
    to.add("used_memory_functions", report.functions);
    to.add_bytes("used_memory_scripts", scripts + report.functions);
    to.add_bytes("maxmemory", server.settings.memory.maxmemory.get() as usize);
    to.add("maxmemory_policy", server.setting_text("maxmemory-policy"));
    to.add(
        "mem_fragmentation_ratio",
        format_args!("{:.2}", report.fragmentation()),
    );
    to.add("mem_fragmentation_bytes", report.fragmentation_bytes());
    to.add_zeros(&[
        "mem_not_counted_for_evict",
        "mem_replication_backlog",
        "mem_total_replication_buffers",
        "mem_clients_slaves",
    ]);
    to.add("mem_clients_normal", report.clients);
    to.add_zeros(&["mem_cluster_links", "mem_aof_buffer"]);
    to.add("mem_allocator", "mimalloc");
    to.add_zeros(&[
        "mem_overhead_db_hashtable_rehashing",
        "active_defrag_running",
    ]);
    let reclaiming = server.keyspace.reclaiming();
    to.add("lazyfree_pending_objects", reclaiming.pending_objects);
    to.add("lazyfreed_objects", reclaiming.freed_objects);
}

pub(super) fn persistence(server: &Server, to: &mut Lines<'_>) {
    let started_s =
        server.keyspace.clock().unix_ms() / 1000 - server.started.elapsed().as_secs() as i64;
    to.add_zeros(&[
        "loading",
        "async_loading",
        "current_cow_peak",
        "current_cow_size",
        "current_cow_size_age",
    ]);
    to.add("current_fork_perc", "0.00");
    to.add_zeros(&["current_save_keys_processed", "current_save_keys_total"]);
    to.add(
        "rdb_changes_since_last_save",
        server.stats.keyspace().changes,
    );
    to.add("rdb_bgsave_in_progress", 0);
    to.add("rdb_last_save_time", started_s);
    to.add("rdb_last_bgsave_status", "ok");
    to.add("rdb_last_bgsave_time_sec", -1);
    to.add("rdb_current_bgsave_time_sec", -1);
    to.add_zeros(&[
        "rdb_saves",
        "rdb_last_cow_size",
        "rdb_last_load_keys_expired",
        "rdb_last_load_keys_loaded",
    ]);
    to.add_zeros(&[
        "aof_enabled",
        "aof_rewrite_in_progress",
        "aof_rewrite_scheduled",
    ]);
    to.add("aof_last_rewrite_time_sec", -1);
    to.add("aof_current_rewrite_time_sec", -1);
    to.add("aof_last_bgrewrite_status", "ok");
    to.add_zeros(&["aof_rewrites", "aof_rewrites_consecutive_failures"]);
    to.add("aof_last_write_status", "ok");
    to.add_zeros(&[
        "aof_last_cow_size",
        "module_fork_in_progress",
        "module_fork_last_cow_size",
    ]);
}

pub(super) fn stats(server: &Server, to: &mut Lines<'_>) {
    let counters = server.keyspace.counters();
    let totals = server.stats.keyspace();
    let connections = &server.connections;
    let (bytes_in, bytes_out) = server.network_bytes();
    let rates = server.rates.per_second();
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    to.add("total_connections_received", get(&connections.received));
    to.add(
        "total_commands_processed",
        server.stats.commands_processed(),
    );
    to.add("instantaneous_ops_per_sec", rates.commands);
    to.add("total_net_input_bytes", bytes_in);
    to.add("total_net_output_bytes", bytes_out);
    to.add_zeros(&["total_net_repl_input_bytes", "total_net_repl_output_bytes"]);
    to.add("instantaneous_input_kbps", kilobytes(rates.bytes_in));
    to.add("instantaneous_output_kbps", kilobytes(rates.bytes_out));
    to.add("instantaneous_input_repl_kbps", "0.00");
    to.add("instantaneous_output_repl_kbps", "0.00");
    to.add("rejected_connections", get(&connections.rejected));
    to.add_zeros(&["sync_full", "sync_partial_ok", "sync_partial_err"]);
    to.add("expired_subkeys", get(&counters.expired_fields));
    to.add("expired_keys", get(&counters.expired_keys));
    to.add(
        "expired_time_cap_reached_count",
        get(&counters.expire_time_cap_reached),
    );
    to.add(
        "expire_cycle_cpu_milliseconds",
        get(&server.expire_cycle_us) / 1000,
    );
    to.add_zeros(&["evicted_keys", "evicted_clients"]);
    to.add("evicted_scripts", server.scripts.evicted());
    to.add_zeros(&[
        "total_eviction_exceeded_time",
        "current_eviction_exceeded_time",
    ]);
    to.add("keyspace_hits", totals.hits);
    to.add("keyspace_misses", totals.misses);
    let channels = |scope| server.pubsub.channel_count(scope);
    to.add("pubsub_channels", channels(Scope::Global));
    to.add("pubsub_patterns", server.pubsub.pattern_count());
    to.add("pubsubshard_channels", channels(Scope::Shard));
    to.add_zeros(&[
        "latest_fork_usec",
        "total_forks",
        "migrate_cached_sockets",
        "slave_expires_tracked_keys",
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
        "tracking_total_keys",
        "tracking_total_items",
        "tracking_total_prefixes",
        "unexpected_error_replies",
    ]);
    to.add("total_error_replies", server.stats.errors.total());
    to.add("dump_payload_sanitizations", 0);
    to.add(
        "client_query_buffer_limit_disconnections",
        get(&connections.over_input_limit),
    );
    to.add(
        "client_output_buffer_limit_disconnections",
        get(&connections.over_output_limit),
    );
    to.add("acl_access_denied_auth", get(&connections.denied));
    to.add_zeros(&[
        "acl_access_denied_cmd",
        "acl_access_denied_key",
        "acl_access_denied_channel",
    ]);
    to.add("transactions_total", totals.transactions);
    to.add("transactions_rerun", get(&counters.reruns));
    to.add("transactions_grown", totals.grown);
    to.add("transactions_run_alone", totals.alone);
    to.add("transactions_rolled_back", server.stats.rollbacks());
}

pub(super) fn replication(server: &Server, to: &mut Lines<'_>) {
    to.add("role", "master");
    to.add_zeros(&["connected_slaves", "replicas_waiting_psync"]);
    to.add("master_failover_state", "no-failover");
    to.add("master_replid", &server.run_id);
    to.add("master_replid2", "0".repeat(40));
    to.add("master_repl_offset", 0);
    to.add("second_repl_offset", -1);
    to.add("repl_backlog_active", 0);
    to.add(
        "repl_backlog_size",
        server.setting_text("repl-backlog-size"),
    );
    to.add_zeros(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}

pub(super) fn cpu(_server: &Server, to: &mut Lines<'_>) {
    let (user, system) = process::processor_seconds();
    to.add("used_cpu_sys", format_args!("{system:.6}"));
    to.add("used_cpu_user", format_args!("{user:.6}"));
    to.add("used_cpu_sys_children", "0.000000");
    to.add("used_cpu_user_children", "0.000000");
}

pub(super) fn commandstats(server: &Server, to: &mut Lines<'_>) {
    for entry in server.registry.entries() {
        let totals = server.stats.command(entry.id);
        if totals.calls == 0 && totals.rejected == 0 && totals.failed == 0 {
            continue;
        }
        let per_call = totals.nanoseconds as f64 / 1000.0 / totals.calls.max(1) as f64;
        to.add(
            format_args!("cmdstat_{}", entry.full_name),
            format_args!(
                "calls={},usec={},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}",
                totals.calls,
                totals.nanoseconds / 1000,
                totals.rejected,
                totals.failed
            ),
        );
    }
}

pub(super) fn errorstats(server: &Server, to: &mut Lines<'_>) {
    for (code, count) in server.stats.errors.by_code() {
        to.add(
            format_args!("errorstat_{}", field_name(&code)),
            format_args!("count={count}"),
        );
    }
}

/// A name that a client has made up, as part of the name of a field: what means something in INFO becomes `_`.
fn field_name(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace(['#', ':', '\r', '\n'], "_")
}

pub(super) fn keyspace(server: &Server, to: &mut Lines<'_>) {
    for database in 0..server.keyspace.database_count() {
        let counts = server.keyspace.database(database);
        if counts.keys() > 0 {
            to.add(
                format_args!("db{database}"),
                format_args!(
                    "keys={},expires={},avg_ttl=0,subexpiry={}",
                    counts.keys(),
                    counts.expiring(),
                    counts.field_expiring()
                ),
            );
        }
    }
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Scripts and functions to which something has happened that their authors can do something about.
pub(super) fn scriptstats(server: &Server, to: &mut Lines<'_>) {
    for (name, totals) in server.stats.programs() {
        let ProgramTotals {
            grown,
            rerun,
            alone,
            rolled_back,
        } = totals;
        to.add(
            String::from_utf8_lossy(&name),
            format_args!("grown={grown},rerun={rerun},run_alone={alone},rolled_back={rolled_back}"),
        );
    }
}
