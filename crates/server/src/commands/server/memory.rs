//! `MEMORY DOCTOR | STATS | PURGE | MALLOC-STATS`: the process's memory. MEMORY USAGE is about a key and stands with the data commands.
//!
//! The allocator (mimalloc) gives memory back by itself, and keeps no statistics that would be worth a text.

use perilune_command::{Command, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::memory::MemoryReport;
use crate::table::{Handler, ServerCommand};

/// The subcommands of MEMORY that are about the process.
pub const SUBCOMMANDS: &[ServerCommand] = &[DOCTOR, MALLOC_STATS, PURGE, STATS];

/// MEMORY DOCTOR.
pub const DOCTOR: ServerCommand = Command::new(
    Spec {
        name: "doctor",
        summary: "Outputs a memory problems report.",
        group: Group::Server,
        since: "4.0.0",
        complexity: "O(1)",
        arity: 2,
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        ..Spec::DEFAULT
    },
    Handler::Server(doctor),
);

/// MEMORY MALLOC-STATS.
pub const MALLOC_STATS: ServerCommand = Command::new(
    Spec {
        name: "malloc-stats",
        summary: "Returns the allocator statistics.",
        group: Group::Server,
        since: "4.0.0",
        complexity: "Depends on how much memory is allocated, could be slow",
        arity: 2,
        flags: Flags::LOADING,
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        ..Spec::DEFAULT
    },
    Handler::Server(malloc_stats),
);

/// MEMORY PURGE.
pub const PURGE: ServerCommand = Command::new(
    Spec {
        name: "purge",
        summary: "Asks the allocator to release memory.",
        group: Group::Server,
        since: "4.0.0",
        complexity: "Depends on how much memory is allocated, could be slow",
        arity: 2,
        flags: Flags::LOADING,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..Spec::DEFAULT
    },
    Handler::Server(purge),
);

/// MEMORY STATS.
pub const STATS: ServerCommand = Command::new(
    Spec {
        name: "stats",
        summary: "Returns details about memory usage.",
        group: Group::Server,
        since: "4.0.0",
        complexity: "O(1)",
        arity: 2,
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        ..Spec::DEFAULT
    },
    Handler::Server(stats),
);

/// Below this there is nothing to be said about memory.
const NEARLY_EMPTY_BYTES: usize = 5 * 1024 * 1024;
/// Overhead below this is none.
const FRAGMENTATION_BYTES: i64 = 10 * 1024 * 1024;
/// So much is usual for a client's buffers.
const CLIENT_BYTES: usize = 200 * 1024;
/// So many scripts are usual.
const SCRIPTS: usize = 1000;

fn doctor(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let server = call.server;
    let report = MemoryReport::of(server);
    if report.used < NEARLY_EMPTY_BYTES {
        reply.verbatim(b"txt", b"Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n");
        return Ok(());
    }
    let clients = server.clients.all().len().max(1);
    let findings = [
        (
            report.peak as f64 / report.used as f64 > 1.5,
            " * Peak memory: In the past this instance used more than 150% of the memory that it is using now. What was freed since is given back to the system little by little; if the resident memory is bigger than expected, it will be used when there is more data.\n\n",
        ),
        (
            report.fragmentation() > 1.4 && report.fragmentation_bytes() > FRAGMENTATION_BYTES,
            " * High total RSS: This instance has more than 1.4 times the memory that its data takes. This is usually due to a large peak (see above, if there is an entry), to scripts that hold much, or to clients that leave replies unread (see CLIENT LIST).\n\n",
        ),
        (
            report.clients / clients > CLIENT_BYTES,
            " * Big client buffers: The buffers of the clients take more than 200K per client on average. Clients may be too slow for what they are sent, or send very large pipelines. CLIENT LIST tells which ones.\n\n",
        ),
        (
            server.scripts.len() > SCRIPTS,
            " * Many scripts: There are more than 1000 cached scripts. They may be generated and EVALed instead of being parameterized with KEYS and ARGV and called by EVALSHA.\n\n",
        ),
    ];
    let found: String = findings
        .iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, text)| *text)
        .collect();
    let text = if found.is_empty() {
        "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n".to_owned()
    } else {
        format!(
            "Sam, I detected a few issues in this instance's memory implants:\n\n{found}I'm here to keep you safe, Sam. I want to help you.\n"
        )
    };
    reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

fn malloc_stats(_call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    reply.bulk(b"Stats not supported for the current allocator");
    Ok(())
}

fn purge(_call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    reply.ok();
    Ok(())
}

fn stats(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    enum Figure {
        Whole(i64),
        Part(f64),
    }
    use Figure::{Part, Whole};
    let report = MemoryReport::of(call.server);
    let bytes = |bytes: usize| Whole(bytes as i64);
    let figures = [
        ("peak.allocated", bytes(report.peak)),
        ("total.allocated", bytes(report.used)),
        ("startup.allocated", bytes(report.startup)),
        ("replication.backlog", Whole(0)),
        ("clients.slaves", Whole(0)),
        ("clients.normal", bytes(report.clients)),
        ("cluster.links", Whole(0)),
        ("aof.buffer", Whole(0)),
        ("lua.caches", bytes(report.scripts)),
        ("functions.caches", bytes(report.functions)),
        ("overhead.total", bytes(report.overhead())),
        ("keys.count", Whole(report.keys as i64)),
        (
            "keys.bytes-per-key",
            bytes(report.dataset / (report.keys as usize).max(1)),
        ),
        ("dataset.bytes", bytes(report.dataset)),
        ("dataset.percentage", Part(report.dataset_percentage())),
        ("peak.percentage", Part(report.peak_percentage())),
        ("fragmentation", Part(report.fragmentation())),
        ("fragmentation.bytes", Whole(report.fragmentation_bytes())),
    ];
    reply.map(figures.len());
    for (name, figure) in figures {
        reply.bulk(name.as_bytes());
        match figure {
            Whole(value) => reply.integer(value),
            Part(value) => reply.double(value),
        }
    }
    Ok(())
}
