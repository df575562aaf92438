//! `PUBSUB CHANNELS [pattern] | NUMSUB [channel ...] | NUMPAT | SHARDCHANNELS [pattern] | SHARDNUMSUB [channel ...] | HELP`: who listens to what.
//!
//! ```text
//! > PUBSUB CHANNELS
//! 1) "news"
//! > PUBSUB NUMSUB news weather
//! 1) "news"
//! 2) (integer) 2
//! 3) "weather"
//! 4) (integer) 0
//! ```

use perilune_command::{Arg, Command, CommandError, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::pubsub::Scope;
use crate::table::{Handler, ServerCommand};

/// PUBSUB.
pub const PUBSUB: ServerCommand = Command::container(
    Spec {
        name: "pubsub",
        summary: "A container for Pub/Sub commands.",
        group: Group::PubSub,
        since: "2.8.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        ..Spec::DEFAULT
    },
    &[CHANNELS, HELP, NUMPAT, NUMSUB, SHARDCHANNELS, SHARDNUMSUB],
);

const FLAGS: Flags = Flags::PUBSUB.with(Flags::LOADING).with(Flags::STALE);

const CHANNELS: ServerCommand = Command::new(
    Spec {
        name: "channels",
        summary: "Returns the active channels.",
        group: Group::PubSub,
        since: "2.8.0",
        complexity: "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
        arity: -2,
        flags: FLAGS,
        arguments: &[Arg::pattern("pattern").optional()],
        ..Spec::DEFAULT
    },
    Handler::Server(|call, arguments, reply| list(call, Scope::Global, arguments, reply)),
);

const HELP: ServerCommand = Command::new(
    Spec {
        name: "help",
        summary: "Returns helpful text about the different subcommands.",
        group: Group::PubSub,
        since: "6.2.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::LOADING.with(Flags::STALE),
        ..Spec::DEFAULT
    },
    Handler::Server(help),
);

const NUMPAT: ServerCommand = Command::new(
    Spec {
        name: "numpat",
        summary: "Returns a count of unique pattern subscriptions.",
        group: Group::PubSub,
        since: "2.8.0",
        complexity: "O(1)",
        arity: 2,
        flags: FLAGS,
        ..Spec::DEFAULT
    },
    Handler::Server(numpat),
);

const NUMSUB: ServerCommand = Command::new(
    Spec {
        name: "numsub",
        summary: "Returns a count of subscribers to channels.",
        group: Group::PubSub,
        since: "2.8.0",
        complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
        arity: -2,
        flags: FLAGS,
        arguments: &[Arg::string("channel").optional().multiple()],
        ..Spec::DEFAULT
    },
    Handler::Server(|call, arguments, reply| numsub(call, Scope::Global, arguments, reply)),
);

const SHARDCHANNELS: ServerCommand = Command::new(
    Spec {
        name: "shardchannels",
        summary: "Returns the active shard channels.",
        group: Group::PubSub,
        since: "7.0.0",
        complexity: "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).",
        arity: -2,
        flags: FLAGS,
        arguments: &[Arg::pattern("pattern").optional()],
        ..Spec::DEFAULT
    },
    Handler::Server(|call, arguments, reply| list(call, Scope::Shard, arguments, reply)),
);

const SHARDNUMSUB: ServerCommand = Command::new(
    Spec {
        name: "shardnumsub",
        summary: "Returns the count of subscribers of shard channels.",
        group: Group::PubSub,
        since: "7.0.0",
        complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
        arity: -2,
        flags: FLAGS,
        arguments: &[Arg::string("shardchannel").optional().multiple()],
        ..Spec::DEFAULT
    },
    Handler::Server(|call, arguments, reply| numsub(call, Scope::Shard, arguments, reply)),
);

fn list(call: &mut Call<'_>, scope: Scope, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    if arguments.len() > 3 {
        return Err(CommandError::quoting(&[
            b"ERR unknown subcommand or wrong number of arguments for '",
            arguments[1],
            b"'. Try PUBSUB HELP.",
        ])
        .into());
    }
    let channels = call
        .server
        .pubsub
        .channels_for(call.session, scope, arguments.get(2).copied());
    reply.array(channels.len());
    for channel in channels {
        reply.bulk(&channel);
    }
    Ok(())
}

fn numpat(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    reply.integer(call.server.pubsub.pattern_count_for(call.session) as i64);
    Ok(())
}

fn numsub(
    call: &mut Call<'_>,
    scope: Scope,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let channels = &arguments[2..];
    reply.array(2 * channels.len());
    for channel in channels {
        reply.bulk(channel);
        let subscribers = call
            .server
            .pubsub
            .subscribers_for(call.session, scope, channel);
        reply.integer(subscribers as i64);
    }
    Ok(())
}

fn help(_call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    perilune_command::help("pubsub|help", LINES, reply);
    Ok(())
}

const LINES: &[&str] = &[
    "CHANNELS [<pattern>]",
    "    Return the currently active channels matching a <pattern> (default: '*').",
    "NUMPAT",
    "    Return number of subscriptions to patterns.",
    "NUMSUB [<channel> ...]",
    "    Return the number of subscribers for the specified channels, excluding",
    "    pattern subscriptions(default: no channels).",
    "SHARDCHANNELS [<pattern>]",
    "    Return the currently active shard level channels matching a <pattern> (default: '*').",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Return the number of subscribers for the specified shard level channel(s)",
];
