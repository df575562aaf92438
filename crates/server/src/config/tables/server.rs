//! Settings of the process: its log, its files, its signals, its timers.

use super::super::cell::{Choice, Count, Switch, Text, Whole};
use super::super::check;
use super::super::choices::{Choose, LogFormat, LogLevel, LogTimestampFormat, kept, on_signal};
use super::super::row::{Kind, choice, flags, number, optional, section, special, switch, text};
use super::{INT_MAX, LONG_MAX};

section! {
    /// The process: log, files, signals, timers.
    server: Server {
        /// How many databases SELECT can choose from.
        databases: Count = number("databases", "16", 1, INT_MAX).immutable();
        /// How often per second the server looks after what is due, 1 to 500.
        hz: Count = number("hz", "10", 0, INT_MAX).clamped(1, 500);
        /// The directory of all files with relative names.
        dir: Text = special("dir", Kind::Directory, "").protected();
        /// A file to write the process id to.
        pidfile: Text = optional("pidfile").immutable();
        /// Run in the background.
        daemonize: Switch = switch("daemonize", "no").immutable().not_yet();
        /// Who supervises the process and wants to be told when it is ready.
        supervised: Whole = choice("supervised", "no", kept::SUPERVISED).immutable().not_yet();
        /// The least important messages to log.
        loglevel: Choice<LogLevel> = choice("loglevel", "notice", LogLevel::VALUES);
        /// The file to log to; none is the standard output.
        logfile: Text = text("logfile", "").immutable();
        /// The shape of a log line.
        log_format: Choice<LogFormat> = choice("log-format", "legacy", LogFormat::VALUES);
        /// How a log line tells the time.
        log_timestamp_format: Choice<LogTimestampFormat> =
            choice("log-timestamp-format", "legacy", LogTimestampFormat::VALUES);
        /// Log to the system's log as well.
        syslog_enabled: Switch = switch("syslog-enabled", "no").immutable().not_yet();
        /// The name of the process in the system's log.
        syslog_ident: Text = text("syslog-ident", "perilune").immutable().not_yet();
        /// The facility of the system's log.
        syslog_facility: Whole = choice("syslog-facility", "local0", kept::SYSLOG_FACILITY).immutable().not_yet();
        /// Show the logo at the start even where the log is not a terminal.
        always_show_logo: Switch = switch("always-show-logo", "no").immutable();
        /// Keep what users store out of the log.
        hide_user_data_from_log: Switch = switch("hide-user-data-from-log", "yes").moot();
        /// What SIGINT does, as arguments of SHUTDOWN.
        shutdown_on_sigint: Count = flags("shutdown-on-sigint", "default", on_signal::VALUES).check(check::shutdown).not_yet();
        /// What SIGTERM does, as arguments of SHUTDOWN.
        shutdown_on_sigterm: Count = flags("shutdown-on-sigterm", "default", on_signal::VALUES).check(check::shutdown).not_yet();
        /// Seconds that a shutdown waits for replicas.
        shutdown_timeout: Count = number("shutdown-timeout", "10", 0, INT_MAX).moot();
        /// Answer `DEBUG ASSERT` by failing.
        enable_debug_assert: Switch = switch("enable-debug-assert", "no").immutable().hidden().moot();
        /// Change the title of the process.
        set_proc_title: Switch = switch("set-proc-title", "yes").immutable().moot();
        /// The title of the process.
        proc_title_template: Text =
            text("proc-title-template", "{title} {listen-addr} {server-mode}").check(check::title).moot();
        /// The locale by which text is compared.
        locale_collate: Text = text("locale-collate", "").not_yet();
        /// Log a report when the process crashes.
        crash_log_enabled: Switch = switch("crash-log-enabled", "yes").moot();
        /// Test the memory when the process crashes.
        crash_memcheck_enabled: Switch = switch("crash-memcheck-enabled", "yes").moot();
        /// Exit instead of aborting on a panic.
        use_exit_on_panic: Switch = switch("use-exit-on-panic", "no").hidden().moot();
        /// Warnings about the system to leave out.
        ignore_warnings: Text = text("ignore-warnings", "").moot();
        /// Free text of the reference's crash report.
        debug_context: Text = text("debug-context", "").hidden().moot();
        /// Milliseconds after which the reference reports a stalled event loop.
        watchdog_period: Count = number("watchdog-period", "0", 0, INT_MAX).hidden().moot();
        /// Switch transparent huge pages off.
        disable_thp: Switch = switch("disable-thp", "yes").immutable().moot();
        /// Offer the process, its replica and its children to the kernel's out-of-memory killer in this order.
        oom_score_adj: Whole = choice("oom-score-adj", "no", kept::OOM_SCORE_ADJ).not_yet();
        /// The scores for it.
        oom_score_adj_values: Text = special("oom-score-adj-values", Kind::OomScores, "0 200 800").not_yet();
        /// The cores for the threads that execute commands.
        server_cpulist: Text = optional("server-cpulist").alias("server_cpulist").immutable().not_yet();
        /// The cores for background work.
        bio_cpulist: Text = optional("bio-cpulist").alias("bio_cpulist").immutable().not_yet();
        /// The cores for the rewriting of the append-only file.
        aof_rewrite_cpulist: Text = optional("aof-rewrite-cpulist").alias("aof_rewrite_cpulist").immutable().not_yet();
        /// The cores for snapshots.
        bgsave_cpulist: Text = optional("bgsave-cpulist").alias("bgsave_cpulist").immutable().not_yet();
        /// Milliseconds above which an event is kept for LATENCY; 0 keeps none.
        latency_monitor_threshold: Count = number("latency-monitor-threshold", "0", 0, LONG_MAX).not_yet();
        /// Keep a histogram of latencies per command.
        latency_tracking: Switch = switch("latency-tracking", "yes").not_yet_unless("no");
        /// The percentiles of it that INFO shows.
        latency_tracking_info_percentiles: Text =
            special("latency-tracking-info-percentiles", Kind::Percentiles, "50 99 99.9").not_yet();
        /// Microseconds above which a command is kept in the slow log; 0 keeps all, -1 none.
        commandlog_execution_slower_than: Whole = number("commandlog-execution-slower-than", "10000", -1, LONG_MAX)
            .alias("slowlog-log-slower-than").not_yet();
        /// How many slow commands are kept.
        commandlog_slow_execution_max_len: Count = number("commandlog-slow-execution-max-len", "128", 0, LONG_MAX)
            .alias("slowlog-max-len").not_yet();
        /// Bytes above which a request is kept in the command log.
        commandlog_request_larger_than: Whole = number("commandlog-request-larger-than", "1048576", -1, LONG_MAX).not_yet();
        /// How many large requests are kept.
        commandlog_large_request_max_len: Count = number("commandlog-large-request-max-len", "128", 0, LONG_MAX).not_yet();
        /// Bytes above which a reply is kept in the command log.
        commandlog_reply_larger_than: Whole = number("commandlog-reply-larger-than", "1048576", -1, LONG_MAX).not_yet();
        /// How many large replies are kept.
        commandlog_large_reply_max_len: Count = number("commandlog-large-reply-max-len", "128", 0, LONG_MAX).not_yet();
        /// Which changes of keys are published: a letter per class.
        notify_keyspace_events: Count = special("notify-keyspace-events", Kind::Events, "");
    }
}
