//! `DEBUG EFFECTS START | TAKE | STOP`: what transactions hand to the log, for tests that look for what should not be there.

use perilune_command::{Outcome, errors};
use perilune_keyspace::MemoryLog;
use perilune_resp::Reply;

use crate::call::Call;

/// START keeps the effects of all transactions from now on, STOP no longer. TAKE answers those that were kept since it was asked
/// last: for each transaction an array of its commands, with the database in front of each.
pub fn effects(call: &Call<'_>, action: &[u8], reply: &mut dyn Reply) -> Outcome {
    let server = call.server;
    let mut place = server
        .debug
        .effects
        .lock()
        .unwrap_or_else(|e| e.into_inner());
    match action.to_ascii_lowercase().as_slice() {
        b"start" => {
            let log = place.get_or_insert_default().clone();
            server.keyspace.set_effect_consumer(Some(log));
            reply.ok();
        }
        b"stop" => {
            server.keyspace.set_effect_consumer(None);
            *place = None;
            reply.ok();
        }
        b"take" => {
            let units = place.as_deref().map(MemoryLog::take).unwrap_or_default();
            reply.array(units.len());
            for (_, unit) in &units {
                reply.array(unit.len());
                for (database, words) in unit.commands() {
                    reply.array(words.len() + 1);
                    reply.integer(database as i64);
                    words.iter().for_each(|word| reply.bulk(word));
                }
            }
        }
        _ => return Err(errors::SYNTAX.into()),
    }
    Ok(())
}
