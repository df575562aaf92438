//! Settings of replication.

use super::super::cell::{Count, Switch, Text, Whole};
use super::super::choices::kept;
use super::super::row::{Kind, choice, memory, number, optional, section, special, switch};
use super::{INT_MAX, LONG_MAX, PORT_MAX};

section! {
    /// Replication.
    replication: Replication {
        /// The primary that this server follows: host and port.
        replicaof: Text = special("replicaof", Kind::Primary, "").alias("slaveof").immutable().not_yet();
        /// The user to follow it as.
        primaryuser: Text = optional("primaryuser").alias("masteruser").sensitive().not_yet();
        /// The password to follow it with.
        primaryauth: Text = optional("primaryauth").alias("masterauth").sensitive().not_yet();
        /// Answer from what is there while the primary is away.
        replica_serve_stale_data: Switch =
            switch("replica-serve-stale-data", "yes").alias("slave-serve-stale-data").not_yet();
        /// Refuse writes on a replica.
        replica_read_only: Switch = switch("replica-read-only", "yes").alias("slave-read-only").not_yet();
        /// Free the old data in the background when a replica starts anew. (Big values never are freed under a lock here.)
        replica_lazy_flush: Switch = switch("replica-lazy-flush", "yes").alias("slave-lazy-flush").moot();
        /// Leave eviction to the primary.
        replica_ignore_maxmemory: Switch =
            switch("replica-ignore-maxmemory", "yes").alias("slave-ignore-maxmemory").not_yet();
        /// Go on when a replica cannot write to its disk.
        replica_ignore_disk_write_errors: Switch = switch("replica-ignore-disk-write-errors", "no").not_yet();
        /// The preference of Sentinel for this replica.
        replica_priority: Count = number("replica-priority", "100", 0, INT_MAX).alias("slave-priority").not_yet();
        /// Whether Sentinel names this replica.
        replica_announced: Switch = switch("replica-announced", "yes").not_yet();
        /// The address that this replica gives as its own.
        replica_announce_ip: Text = optional("replica-announce-ip").alias("slave-announce-ip").not_yet();
        /// The port that this replica gives as its own.
        replica_announce_port: Count =
            number("replica-announce-port", "0", 0, PORT_MAX).alias("slave-announce-port").not_yet();
        /// What the primary may keep back for a replica that loads a snapshot (Redis 8).
        replica_full_sync_buffer_limit: Count = memory("replica-full-sync-buffer-limit", "0", 0, LONG_MAX).not_yet();
        /// Replicas without which writes are refused.
        min_replicas_to_write: Count =
            number("min-replicas-to-write", "0", 0, INT_MAX).alias("min-slaves-to-write").not_yet();
        /// Seconds after which a replica does not count for it.
        min_replicas_max_lag: Count =
            number("min-replicas-max-lag", "10", 0, INT_MAX).alias("min-slaves-max-lag").not_yet();
        /// Send a snapshot without a file.
        repl_diskless_sync: Switch = switch("repl-diskless-sync", "yes").not_yet();
        /// Seconds to wait for further replicas before it.
        repl_diskless_sync_delay: Count = number("repl-diskless-sync-delay", "5", 0, INT_MAX).not_yet();
        /// Replicas with which it does not wait any longer.
        repl_diskless_sync_max_replicas: Count = number("repl-diskless-sync-max-replicas", "0", 0, INT_MAX).not_yet();
        /// Load a snapshot without a file.
        repl_diskless_load: Whole = choice("repl-diskless-load", "disabled", kept::DISKLESS_LOAD).not_yet();
        /// Send the snapshot through a connection of its own.
        dual_channel_replication_enabled: Switch = switch("dual-channel-replication-enabled", "no").not_yet();
        /// The same, as Redis 8 names it.
        repl_rdb_channel: Switch = switch("repl-rdb-channel", "yes").hidden().not_yet();
        /// Send fewer, larger packets to replicas.
        repl_disable_tcp_nodelay: Switch = switch("repl-disable-tcp-nodelay", "no").not_yet();
        /// Seconds between two PINGs to replicas.
        repl_ping_replica_period: Count =
            number("repl-ping-replica-period", "10", 1, INT_MAX).alias("repl-ping-slave-period").not_yet();
        /// Seconds of silence after which the other end counts as lost.
        repl_timeout: Count = number("repl-timeout", "60", 1, INT_MAX).not_yet();
        /// How much of the past is kept for replicas that come back.
        repl_backlog_size: Count = memory("repl-backlog-size", "10mb", 1, LONG_MAX).clamped(16_384, i64::MAX).not_yet();
        /// Seconds without any replica after which it is given up; 0 is never.
        repl_backlog_ttl: Count = number("repl-backlog-ttl", "3600", 0, LONG_MAX).not_yet();
        /// What happens when a replica cannot execute what it was sent.
        propagation_error_behavior: Whole =
            choice("propagation-error-behavior", "ignore", kept::PROPAGATION_ERROR).moot();
    }
}
