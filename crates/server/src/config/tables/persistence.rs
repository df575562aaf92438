//! Settings of snapshots and the append-only file.

use super::super::cell::{Choice, Count, Switch, Text, Whole};
use super::super::check;
use super::super::choices::{Choose as _, RdbVersionCheck, kept};
use super::super::row::{Kind, choice, memory, number, section, special, switch, text};
use super::{INT_MAX, INT_MIN, LONG_MAX};

section! {
    /// Snapshots and the append-only file.
    persistence: Persistence {
        /// When to write a snapshot: pairs of seconds and changes.
        save: Text = special("save", Kind::SavePoints, "3600 1 300 100 60 10000").not_yet_unless("");
        /// The file of the snapshot.
        dbfilename: Text = text("dbfilename", "dump.rdb").check(check::dbfilename).protected().not_yet();
        /// Compress strings in snapshots.
        rdbcompression: Switch = switch("rdbcompression", "yes").not_yet();
        /// Write and verify the checksum of snapshots.
        rdbchecksum: Switch = switch("rdbchecksum", "yes").immutable().not_yet();
        /// Whether RESTORE takes what a newer version has dumped.
        rdb_version_check: Choice<RdbVersionCheck> =
            choice("rdb-version-check", "strict", RdbVersionCheck::VALUES);
        /// Flush a snapshot to disk while it is written.
        rdb_save_incremental_fsync: Switch = switch("rdb-save-incremental-fsync", "yes").not_yet();
        /// Delete the snapshots that replication made.
        rdb_del_sync_files: Switch = switch("rdb-del-sync-files", "no").not_yet();
        /// Microseconds of sleep per key saved, for tests.
        rdb_key_save_delay: Whole = number("rdb-key-save-delay", "0", INT_MIN, INT_MAX).hidden().not_yet();
        /// Microseconds of sleep per key loaded, for tests.
        key_load_delay: Whole = number("key-load-delay", "0", INT_MIN, INT_MAX).hidden().not_yet();
        /// How often clients are served while loading, for tests.
        loading_process_events_interval_bytes: Count =
            number("loading-process-events-interval-bytes", "2097152", 1024, INT_MAX).hidden().moot();
        /// Refuse writes after a snapshot failed.
        stop_writes_on_bgsave_error: Switch = switch("stop-writes-on-bgsave-error", "yes").not_yet();
        /// How carefully RESTORE and loading check what they read: always every byte.
        sanitize_dump_payload: Whole = choice("sanitize-dump-payload", "no", kept::SANITIZE_DUMP).moot();
        /// Log every write to a file.
        appendonly: Switch = switch("appendonly", "no").not_yet();
        /// The first part of the names of these files.
        appendfilename: Text = text("appendfilename", "appendonly.aof").check(check::appendfilename).immutable().not_yet();
        /// The directory of these files.
        appenddirname: Text = text("appenddirname", "appendonlydir").check(check::appenddirname).immutable().not_yet();
        /// When the log is flushed to disk.
        appendfsync: Whole = choice("appendfsync", "everysec", kept::APPENDFSYNC).not_yet();
        /// Do not flush while a rewrite runs.
        no_appendfsync_on_rewrite: Switch = switch("no-appendfsync-on-rewrite", "no").not_yet();
        /// Percent of growth at which the log is rewritten.
        auto_aof_rewrite_percentage: Count = number("auto-aof-rewrite-percentage", "100", 0, INT_MAX).not_yet();
        /// Size below which the log is not rewritten.
        auto_aof_rewrite_min_size: Count = memory("auto-aof-rewrite-min-size", "64mb", 0, LONG_MAX).not_yet();
        /// Load a log whose end is missing.
        aof_load_truncated: Switch = switch("aof-load-truncated", "yes").not_yet();
        /// Begin a rewritten log with a snapshot.
        aof_use_rdb_preamble: Switch = switch("aof-use-rdb-preamble", "yes").not_yet();
        /// Note the time in the log.
        aof_timestamp_enabled: Switch = switch("aof-timestamp-enabled", "no").not_yet();
        /// Flush a rewritten log to disk while it is written.
        aof_rewrite_incremental_fsync: Switch = switch("aof-rewrite-incremental-fsync", "yes").not_yet();
        /// Keep the files that a rewrite replaced, for tests.
        aof_disable_auto_gc: Switch = switch("aof-disable-auto-gc", "no").hidden().not_yet();
    }
}
