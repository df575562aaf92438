//! Which commands are sent how often, and which may not be sent, each with its reason.

use std::collections::HashSet;
use std::io::{Error, Result};
use std::sync::OnceLock;

use perilune_harness::Connection;

/// The commands of the contract that exist so far, with the weight of their choice. Weight zero: sent by
/// [`crate::episodes`] only, in a setting of their own.
pub const ROSTER: &[(&str, u32)] = &[
    ("set", 60),
    ("get", 20),
    ("getset", 12),
    ("getdel", 10),
    ("getex", 20),
    ("setnx", 10),
    ("setex", 12),
    ("psetex", 12),
    ("mset", 12),
    ("msetnx", 10),
    ("mget", 12),
    ("append", 20),
    ("strlen", 10),
    ("setrange", 16),
    ("getrange", 16),
    ("substr", 8),
    ("incr", 14),
    ("decr", 10),
    ("incrby", 16),
    ("decrby", 12),
    ("incrbyfloat", 20),
    ("lcs", 12),
    ("setbit", 14),
    ("getbit", 12),
    ("bitcount", 16),
    ("bitpos", 16),
    ("bitop", 20),
    ("bitfield", 30),
    ("bitfield_ro", 12),
    ("zadd", 60),
    ("zincrby", 14),
    ("zrem", 16),
    ("zscore", 8),
    ("zmscore", 8),
    ("zcard", 6),
    ("zcount", 10),
    ("zlexcount", 10),
    ("zrank", 10),
    ("zrevrank", 10),
    ("zrange", 40),
    ("zrangestore", 24),
    ("zrangebyscore", 20),
    ("zrevrangebyscore", 20),
    ("zrangebylex", 14),
    ("zrevrangebylex", 14),
    ("zrevrange", 12),
    ("zremrangebyrank", 10),
    ("zremrangebyscore", 10),
    ("zremrangebylex", 8),
    ("zunion", 20),
    ("zinter", 20),
    ("zdiff", 12),
    ("zunionstore", 20),
    ("zinterstore", 20),
    ("zdiffstore", 12),
    ("zintercard", 12),
    ("zpopmin", 10),
    ("zpopmax", 10),
    ("zmpop", 16),
    ("zrandmember", 16),
    ("zscan", 12),
    ("sadd", 40),
    ("srem", 20),
    ("smembers", 8),
    ("sismember", 8),
    ("smismember", 8),
    ("scard", 6),
    ("spop", 8),
    ("srandmember", 12),
    ("smove", 16),
    ("sinter", 14),
    ("sunion", 14),
    ("sdiff", 14),
    ("sinterstore", 14),
    ("sunionstore", 14),
    ("sdiffstore", 14),
    ("sintercard", 12),
    ("sscan", 12),
    ("sort", 24),
    ("sort_ro", 14),
    ("dump", 20),
    ("restore", 20),
    ("blpop", 8),
    ("brpop", 8),
    ("blmove", 8),
    ("brpoplpush", 6),
    ("blmpop", 8),
    ("bzpopmin", 6),
    ("bzpopmax", 6),
    ("bzmpop", 8),
    ("lpush", 24),
    ("rpush", 30),
    ("lpushx", 10),
    ("rpushx", 10),
    ("lpop", 24),
    ("rpop", 24),
    ("llen", 8),
    ("lrange", 16),
    ("lindex", 12),
    ("lset", 24),
    ("linsert", 24),
    ("lrem", 20),
    ("ltrim", 10),
    ("lpos", 20),
    ("lmove", 20),
    ("rpoplpush", 12),
    ("lmpop", 16),
    ("hset", 60),
    ("hmset", 12),
    ("hsetnx", 12),
    ("hget", 12),
    ("hmget", 12),
    ("hgetall", 10),
    ("hkeys", 6),
    ("hvals", 6),
    ("hdel", 20),
    ("hexists", 8),
    ("hlen", 8),
    ("hstrlen", 8),
    ("hincrby", 20),
    ("hincrbyfloat", 20),
    ("hrandfield", 16),
    ("hscan", 14),
    ("hexpire", 24),
    ("hpexpire", 20),
    ("hexpireat", 20),
    ("hpexpireat", 20),
    ("httl", 10),
    ("hpttl", 10),
    ("hexpiretime", 10),
    ("hpexpiretime", 10),
    ("hpersist", 16),
    ("hgetdel", 14),
    ("hgetex", 24),
    ("hsetex", 40),
    ("del", 10),
    ("unlink", 8),
    ("exists", 10),
    ("type", 8),
    ("keys", 4),
    ("scan", 8),
    ("randomkey", 4),
    ("dbsize", 6),
    ("rename", 10),
    ("renamenx", 10),
    ("copy", 14),
    ("move", 10),
    ("touch", 8),
    ("object|encoding", 14),
    ("object|freq", 6),
    ("object|idletime", 6),
    ("object|refcount", 8),
    ("object|help", 3),
    ("expire", 16),
    ("pexpire", 16),
    ("expireat", 16),
    ("pexpireat", 16),
    ("ttl", 10),
    ("pttl", 10),
    ("expiretime", 10),
    ("pexpiretime", 10),
    ("persist", 10),
    ("flushdb", 2),
    ("flushall", 2),
    ("swapdb", 6),
    ("memory|usage", 8),
    ("hello", 8),
    ("auth", 6),
    ("ping", 8),
    ("echo", 8),
    ("select", 14),
    ("quit", 0),
    ("reset", 3),
    ("client|id", 4),
    ("client|capa", 3),
    ("client|getredir", 3),
    ("client|import-source", 3),
    ("client|info", 4),
    ("client|list", 6),
    ("client|setname", 8),
    ("client|getname", 6),
    ("client|setinfo", 8),
    ("client|reply", 0),
    ("client|no-evict", 6),
    ("client|no-touch", 6),
    ("client|kill", 3),
    ("client|pause", 0),
    ("client|unpause", 4),
    ("client|help", 3),
    ("command", 1),
    ("command|count", 3),
    ("command|docs", 6),
    ("command|info", 8),
    ("command|list", 6),
    ("command|getkeys", 12),
    ("command|getkeysandflags", 12),
    ("command|help", 3),
    ("config|get", 10),
    ("config|set", 10),
    ("config|resetstat", 2),
    ("config|rewrite", 3),
    ("config|help", 3),
    ("info", 4),
    ("publish", 8),
    ("spublish", 4),
    ("pubsub|channels", 4),
    ("pubsub|numpat", 3),
    ("pubsub|numsub", 4),
    ("pubsub|shardchannels", 3),
    ("pubsub|shardnumsub", 3),
    ("pubsub|help", 3),
    ("subscribe", 0),
    ("unsubscribe", 0),
    ("psubscribe", 0),
    ("punsubscribe", 0),
    ("ssubscribe", 0),
    ("sunsubscribe", 0),
    ("time", 4),
    ("lolwut", 3),
    ("shutdown", 0),
    ("multi", 0),
    ("exec", 4),
    ("discard", 3),
    ("watch", 6),
    ("unwatch", 4),
    ("eval", 0),
    ("evalsha", 0),
    ("eval_ro", 0),
    ("evalsha_ro", 0),
    ("script|load", 4),
    ("script|exists", 6),
    ("script|flush", 4),
    ("script|kill", 4),
    ("script|show", 4),
    ("script|help", 3),
    ("fcall", 40),
    ("fcall_ro", 16),
    ("function|load", 24),
    ("function|list", 6),
    ("function|delete", 6),
    ("function|flush", 3),
    ("function|dump", 4),
    ("function|restore", 8),
    ("function|stats", 4),
    ("function|kill", 2),
    ("function|help", 2),
];

/// Commands of the roster that only Redis 8.0 has: they are sent where that is the reference.
pub const ONLY_REDIS: &[&str] = &[
    "hexpire",
    "hpexpire",
    "hexpireat",
    "hpexpireat",
    "httl",
    "hpttl",
    "hexpiretime",
    "hpexpiretime",
    "hpersist",
    "hgetdel",
    "hgetex",
    "hsetex",
];

const SUBSCRIBES: &str = "changes what may be called afterwards: an episode sends it as bytes";

const WOULD_WAIT: &str = "would wait for that long";

/// Options that are never sent, by the beginning of their path in the grammar.
pub const DENIED_OPTIONS: &[(&str, &str)] = &[
    (
        "shutdown abort-selector save-selector-block",
        "ends the server under test",
    ),
    ("subscribe channel", SUBSCRIBES),
    ("unsubscribe channel", SUBSCRIBES),
    ("psubscribe pattern", SUBSCRIBES),
    ("punsubscribe pattern", SUBSCRIBES),
    ("ssubscribe shardchannel", SUBSCRIBES),
    ("sunsubscribe shardchannel", SUBSCRIBES),
];

/// Calls that are never sent, whether they come from the grammar, a mutation or a script.
pub struct Denied {
    /// The first words in lower case.
    pub words: &'static [&'static str],
    /// Sent all the same where it returns true.
    pub unless: fn(&[Vec<u8>]) -> bool,
    /// Why not.
    pub reason: &'static str,
}

fn never(_: &[Vec<u8>]) -> bool {
    false
}

fn has_no_nul(words: &[Vec<u8>]) -> bool {
    words.get(1).is_none_or(|name| !name.contains(&0))
}

fn has_no_line_breaks(words: &[Vec<u8>]) -> bool {
    !words
        .concat()
        .iter()
        .any(|byte| matches!(byte, b'\r' | b'\n'))
}

fn is_small_pause(words: &[Vec<u8>]) -> bool {
    // What is no number is an error, and as such welcome.
    words.get(2).is_none_or(|n| {
        std::str::from_utf8(n)
            .ok()
            .and_then(|n| n.parse::<f64>().ok())
            .is_none_or(|n| n <= 2.0)
    })
}

fn is_harmless_setting(words: &[Vec<u8>]) -> bool {
    words[2..]
        .chunks(2)
        .all(|pair| crate::domain::is_harmless_setting(&pair[0], pair.get(1).map(Vec::as_slice)))
}

fn is_call_without_name(words: &[Vec<u8>]) -> bool {
    words.len() == 2
}

fn is_abort(words: &[Vec<u8>]) -> bool {
    words.len() == 2 && words[1].eq_ignore_ascii_case(b"abort")
}

fn is_debug_without_effect(words: &[Vec<u8>]) -> bool {
    words
        .get(1)
        .is_some_and(|w| w.eq_ignore_ascii_case(b"nosuch"))
}

/// Whether no age is asked for that a connection of the run may just be reaching.
fn asks_for_no_age_of_ours(words: &[Vec<u8>]) -> bool {
    const LONGEST_RUN: i64 = 24 * 60 * 60;
    let mut ages = words
        .windows(2)
        .filter(|pair| pair[0].eq_ignore_ascii_case(b"maxage"))
        .filter_map(|pair| std::str::from_utf8(&pair[1]).ok()?.parse::<i64>().ok());
    // every connection is older than no time at all
    ages.all(|age| !(1..=LONGEST_RUN).contains(&age))
}

/// The reference writes as many elements as it is asked for, until its memory is full.
fn is_bounded_draw(words: &[Vec<u8>]) -> bool {
    let count = words
        .get(2)
        .and_then(|n| std::str::from_utf8(n).ok())
        .and_then(|n| n.parse::<i64>().ok());
    count.is_none_or(|count| count > -10_000)
}

/// The deny list.
pub const DENIED: &[Denied] = &[
    Denied {
        words: &["shutdown"],
        unless: is_abort,
        reason: "ends the server under test",
    },
    Denied {
        words: &["debug"],
        unless: is_debug_without_effect,
        reason: "crashes and sleeps on purpose",
    },
    Denied {
        words: &["client", "pause"],
        unless: is_small_pause,
        reason: "would stop the run for that long",
    },
    Denied {
        words: &["client", "list"],
        unless: asks_for_no_age_of_ours,
        reason: "the servers accepted their connections in different seconds",
    },
    Denied {
        words: &["fcall"],
        unless: has_no_nul,
        reason: "the reference compares names up to a NUL, where their hashes happen to meet",
    },
    Denied {
        words: &["fcall_ro"],
        unless: has_no_nul,
        reason: "the same",
    },
    Denied {
        words: &["function", "list"],
        unless: has_no_line_breaks,
        reason: "the reference's error holds them, so that its answers go wrong from there on",
    },
    Denied {
        words: &["client", "kill"],
        unless: asks_for_no_age_of_ours,
        reason: "the servers accepted their connections in different seconds",
    },
    Denied {
        words: &["config", "set"],
        unless: is_harmless_setting,
        reason: "cuts off clients, moves files or changes limits that the run relies on",
    },
    Denied {
        words: &["script", "kill"],
        unless: is_call_without_name,
        reason: "with a script's name it is an addition of ours",
    },
    Denied {
        words: &["zrandmember"],
        unless: is_bounded_draw,
        reason: "the reference would answer without end",
    },
    Denied {
        words: &["lset"],
        unless: crate::lists::is_narrow,
        reason: "the reference cuts its index down to 32 bits",
    },
    Denied {
        words: &["hrandfield"],
        unless: is_bounded_draw,
        reason: "the reference would answer without end",
    },
    Denied {
        words: &["spop"],
        unless: crate::sets::is_whole_pop,
        reason: "the servers draw, and would hold other things from then on",
    },
    Denied {
        words: &["srandmember"],
        unless: is_bounded_draw,
        reason: "the reference would answer without end",
    },
    Denied {
        words: &["sort"],
        unless: crate::sorting::is_same_to_store,
        reason: "what has no order would be stored in any",
    },
    Denied {
        words: &[],
        unless: crate::waiting::is_short,
        reason: WOULD_WAIT,
    },
    Denied {
        words: &["monitor"],
        unless: never,
        reason: "pushes without being asked",
    },
    Denied {
        words: &["sync"],
        unless: never,
        reason: "turns the connection into a replica's",
    },
    Denied {
        words: &["subscribe"],
        unless: never,
        reason: SUBSCRIBES,
    },
    Denied {
        words: &["unsubscribe"],
        unless: never,
        reason: "the same",
    },
    Denied {
        words: &["psubscribe"],
        unless: never,
        reason: "the same",
    },
    Denied {
        words: &["punsubscribe"],
        unless: never,
        reason: "the same",
    },
    Denied {
        words: &["ssubscribe"],
        unless: never,
        reason: "the same",
    },
    Denied {
        words: &["sunsubscribe"],
        unless: never,
        reason: "the same",
    },
    Denied {
        words: &["psync"],
        unless: never,
        reason: "turns the connection into a replica's",
    },
];

/// As [`denied`], of a call that a script makes: there nothing waits.
pub fn denied_to_scripts(words: &[Vec<u8>]) -> Option<&'static str> {
    denied(words).filter(|reason| *reason != WOULD_WAIT)
}

/// Why the call may not be sent, if so.
pub fn denied(words: &[Vec<u8>]) -> Option<&'static str> {
    let is = |denied: &Denied| {
        words.len() >= denied.words.len()
            && denied
                .words
                .iter()
                .zip(words)
                .all(|(d, w)| w.eq_ignore_ascii_case(d.as_bytes()))
            && !(denied.unless)(words)
    };
    DENIED.iter().find(|d| is(d)).map(|d| d.reason)
}

/// Commands that one of the servers has and the other has not: that is known, and says nothing.
#[derive(Debug, Default)]
pub struct Strangers(HashSet<Vec<u8>>);

/// Those of the two servers of this run.
static STRANGERS: OnceLock<Strangers> = OnceLock::new();

/// Asks both servers for what only one of them has. What is in the roster must be in both, as far as this run is about it:
/// `only` are the beginnings of the names that it is about, or nothing for all.
pub fn introduce(left: &mut Connection, right: &mut Connection, only: &[String]) -> Result<()> {
    let names = |connection: &mut Connection| -> Result<HashSet<Vec<u8>>> {
        let list = connection.call(&["COMMAND", "LIST"])?;
        let names = list.as_array().unwrap_or_default().iter();
        Ok(names
            .filter_map(|name| Some(name.as_bytes()?.to_ascii_lowercase()))
            .collect())
    };
    let (left, right) = (names(left)?, names(right)?);
    let strangers = Strangers(left.symmetric_difference(&right).cloned().collect());
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|o| name.starts_with(&**o));
    let missing = ROSTER.iter().find(|(name, _)| {
        strangers.0.contains(name.as_bytes()) && !ONLY_REDIS.contains(name) && is_wanted(name)
    });
    if let Some((name, _)) = missing {
        return Err(Error::other(format!("only one of the servers has {name}")));
    }
    let _ = STRANGERS.set(strangers);
    Ok(())
}

/// What only one of the servers has; nothing before [`introduce`].
pub fn strangers() -> &'static Strangers {
    STRANGERS.get_or_init(Strangers::default)
}

impl Strangers {
    /// Whether the call is of one of them, or asks about one. Words can get to the beginning of a call from anywhere: an option
    /// of one command may be the name of another.
    pub fn has(&self, words: &[Vec<u8>]) -> bool {
        let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let is_one = |words: &[Vec<u8>]| self.0.contains(&words.join(&b'|').to_ascii_lowercase());
        match words {
            [command, sub, rest @ ..] if is(command, "command") => {
                let asks_for_keys = is(sub, "getkeys") || is(sub, "getkeysandflags");
                let tells = is(sub, "info") || is(sub, "docs");
                (asks_for_keys && self.has(rest)) || (tells && rest.chunks(1).any(is_one))
            }
            _ => (1..=words.len().min(2)).any(|len| is_one(&words[..len])),
        }
    }

    /// These, by name.
    #[cfg(test)]
    fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| name.as_bytes().to_vec()).collect())
    }
}

/// Whether the roster has the command and both servers: `get`, `client|list`, or a container such as `client`.
pub fn is_in_roster(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_listed = ROSTER
        .iter()
        .any(|(known, _)| *known == name || known.split('|').next() == Some(&name));
    is_listed && !strangers().0.contains(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(call: &str, expected: bool) {
        let words: Vec<Vec<u8>> = call.split(' ').map(|w| w.as_bytes().to_vec()).collect();
        let strangers = Strangers::of(&["sync", "client|tracking"]);
        assert_eq!(strangers.has(&words), expected, "{call}");
    }

    #[test]
    fn connections_are_not_listed_by_ages_that_they_may_just_be_reaching() {
        let is_denied = |call: &str| {
            let words: Vec<Vec<u8>> = call.split(' ').map(|w| w.as_bytes().to_vec()).collect();
            denied(&words).is_some()
        };
        assert!(is_denied("CLIENT LIST MAXAGE 1"));
        assert!(is_denied("client kill type normal maxage 86400 id 5"));
        for sent in ["0", "-1", "x", "1000000000"] {
            assert!(!is_denied(&format!("CLIENT LIST MAXAGE {sent}")), "{sent}");
        }
    }

    #[test]
    fn strangers_are_known_wherever_a_command_may_stand() {
        check("SYNC", true);
        check("sync 1 2", true);
        check("GET sync", false);
        check("CLIENT TRACKING on", true);
        check("CLIENT LIST tracking", false);
        check("COMMAND GETKEYS SYNC", true);
        check("COMMAND GETKEYSANDFLAGS client tracking", true);
        check("COMMAND INFO get sync", true);
        check("COMMAND DOCS client|tracking", true);
        check("COMMAND LIST sync", false);
        check("COMMAND GETKEYS", false);
    }
}
