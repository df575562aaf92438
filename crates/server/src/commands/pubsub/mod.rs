//! Publish and subscribe: the commands. What they work on is `crate::pubsub`.

mod psubscribe;
mod publish;
#[expect(clippy::module_inception, reason = "the command PUBSUB")]
mod pubsub;
mod ssubscribe;
mod subscribe;

use perilune_command::{CommandError, Outcome};
use perilune_keyspace::Txn;
use perilune_resp::Reply;

use crate::call::{Call, Origin};
use crate::pubsub::Kind;
use crate::table::ServerCommand;

/// The commands of this family.
pub const COMMANDS: &[ServerCommand] = &[
    psubscribe::PSUBSCRIBE,
    publish::PUBLISH,
    pubsub::PUBSUB,
    psubscribe::PUNSUBSCRIBE,
    publish::SPUBLISH,
    ssubscribe::SSUBSCRIBE,
    subscribe::SUBSCRIBE,
    ssubscribe::SUNSUBSCRIBE,
    subscribe::UNSUBSCRIBE,
];

/// Subscribes to all that the arguments name, each with a notice of its own.
fn enter(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    kind: Kind,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    // a script cannot have more than one answer to a call; nor could EXEC, but SUBSCRIBE was there before anybody saw that
    let is_refused = match call.origin {
        Origin::Client => false,
        Origin::Exec => kind == Kind::ShardChannel,
        Origin::Script { .. } => true,
    };
    if is_refused {
        return Err(CommandError::from_text(format!(
            "ERR {} isn't allowed for a DENY BLOCKING client",
            call.entry.spec.name.to_ascii_uppercase()
        ))
        .into());
    }
    call.session.reply_is_settled = true;
    let pubsub = &call.server.pubsub;
    for name in &arguments[1..] {
        let count = if call.origin == Origin::Client {
            pubsub.subscribe(&call.session.client, kind, name)
        } else {
            pubsub.subscribe_at_commit(call.session, txn, kind, name)
        };
        notice(call.entry.spec.name, Some(name), count, reply);
    }
    Ok(())
}

/// Ends the subscriptions that the arguments name, or all of this kind; each has a notice of its own, and ahead of it
/// the messages that have been published for it by then. (In the midst of EXEC's answer these would be taken for answers.)
fn leave(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    kind: Kind,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let pubsub = &call.server.pubsub;
    call.session.reply_is_settled = true;
    let all = match arguments.len() {
        1 => pubsub.names(&call.session.client, kind),
        _ => Vec::new(),
    };
    let named = arguments[1..].iter().copied();
    let names: Vec<&[u8]> = all.iter().map(|name| &**name).chain(named).collect();
    if names.is_empty() {
        notice(
            call.entry.spec.name,
            None,
            pubsub.count(&call.session.client, kind),
            reply,
        );
    }
    for name in names {
        let count = if call.origin == Origin::Client {
            let (count, left) = pubsub.unsubscribe(&call.session.client, kind, name);
            if let Some(left) = left {
                pubsub.take_rest(&left, |letterhead| letterhead.write_to(reply));
            }
            count
        } else {
            pubsub.unsubscribe_at_commit(call.session, txn, kind, name)
        };
        notice(call.entry.spec.name, Some(name), count, reply);
    }
    Ok(())
}

fn notice(command: &str, name: Option<&[u8]>, count: usize, reply: &mut dyn Reply) {
    reply.push(3);
    reply.bulk(command.as_bytes());
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.integer(count as i64);
}
