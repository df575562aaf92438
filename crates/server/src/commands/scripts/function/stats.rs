//! `FUNCTION STATS` tells of the function that has run for the longest time, of those that have run for long, and counts libraries.

use perilune_command::{Command, Flags, Outcome, Spec};
use perilune_resp::Reply;
use perilune_script::ENGINE;

use crate::call::Call;
use crate::server::BUSY_SCRIPT;
use crate::table::{Handler, ServerCommand};

/// FUNCTION STATS.
pub const STATS: ServerCommand = Command::new(
    Spec {
        name: "stats",
        summary: "Returns information about a function during execution.",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::NOSCRIPT.with(Flags::ALLOW_BUSY),
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        ..super::COMMON
    },
    Handler::Server(stats),
);

fn stats(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let server = call.server;
    let running = server.running.longest_function(server.killable_after());
    if running.is_none() && server.busy_for_all() {
        return Err(BUSY_SCRIPT.into());
    }
    reply.map(2);
    reply.bulk(b"running_script");
    match running {
        None => reply.null(),
        Some(running) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(running.function.name());
            reply.bulk(b"command");
            let call = running.call.unwrap_or_default();
            reply.array(call.len());
            for argument in &call {
                reply.bulk(argument);
            }
            reply.bulk(b"duration_ms");
            reply.integer(running.age.as_millis() as i64);
        }
    }
    let table = server.functions.table_for(call.session);
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(ENGINE.as_bytes());
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.integer(table.libraries().len() as i64);
    reply.bulk(b"functions_count");
    reply.integer(table.function_count() as i64);
    Ok(())
}
