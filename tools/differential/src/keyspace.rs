//! Compares everything that two servers hold, and what they counted on the way.

use std::collections::BTreeMap;
use std::io::Result;
use std::time::{Duration, Instant};

use crate::Words;
use crate::compare::{self, show};
use crate::pair::Mismatch;
use crate::peer::Peer;
use crate::roster::is_in_roster;

const DATABASES: u32 = 16;
/// Their calls are not counted the same: how often the tool itself sends them depends on cursors and closed
/// connections.
const UNCOUNTED: &[&str] = &["scan", "info", "select", "client|id", "hello", "ping"];

/// The first difference, if any. The servers have run no call more than `delay` apart before.
pub fn compare(left: &mut Peer, right: &mut Peer, delay: Duration) -> Result<Option<Mismatch>> {
    for database in 0..DATABASES {
        if let Some(mismatch) = compare_database(left, right, database, delay)? {
            return Ok(Some(mismatch));
        }
    }
    compare_statistics(left, right)
}

fn mismatch(what: String, group: &str, left: String, right: String) -> Mismatch {
    Mismatch {
        step: 0,
        what,
        group: format!("state: {group}"),
        left,
        right,
    }
}

fn compare_database(
    left: &mut Peer,
    right: &mut Peer,
    database: u32,
    delay: Duration,
) -> Result<Option<Mismatch>> {
    let number = database.to_string();
    let keys = |peer: &mut Peer| -> Result<Vec<Vec<u8>>> {
        peer.control(&[b"SELECT", number.as_bytes()])?;
        let reply = peer.control(&[b"KEYS", b"*"])?;
        let names = reply.as_array().unwrap_or_default();
        let mut names: Vec<Vec<u8>> = names
            .iter()
            .filter_map(|k| Some(k.as_bytes()?.to_vec()))
            .collect();
        names.sort_unstable();
        Ok(names)
    };
    let (keys, others) = (keys(left)?, keys(right)?);
    let shown = |keys: &[Vec<u8>], others: &[Vec<u8>]| {
        let only = keys
            .iter()
            .filter(|k| !others.contains(k))
            .map(|k| k.escape_ascii().to_string());
        format!(
            "{} keys, of its own: {:?}",
            keys.len(),
            only.collect::<Vec<_>>()
        )
    };
    if keys != others {
        let what = format!("the keys of database {database}");
        return Ok(Some(mismatch(
            what,
            "keys",
            shown(&keys, &others),
            shown(&others, &keys),
        )));
    }
    let asks: [&[&str]; 8] = [
        &["TYPE", "@KEY@"],
        &["GET", "@KEY@"],
        &["PTTL", "@KEY@"],
        &["OBJECT", "ENCODING", "@KEY@"],
        &["ZRANGE", "@KEY@", "0", "-1", "WITHSCORES"],
        &["LRANGE", "@KEY@", "0", "-1"],
        &["HGETALL", "@KEY@"],
        &["SMEMBERS", "@KEY@"],
    ];
    let call = |key: &Vec<u8>, ask: &[&str]| -> Words {
        let word = |word: &&str| match *word {
            "@KEY@" => key.clone(),
            word => word.as_bytes().to_vec(),
        };
        ask.iter().map(word).collect()
    };
    let calls: Vec<Words> = keys
        .iter()
        .flat_map(|key| asks.iter().map(move |ask| call(key, ask)))
        .collect();
    let began = Instant::now();
    let (answers, others) = (left.control_batch(&calls)?, right.control_batch(&calls)?);
    // lifetimes count from the moment at which each server ran the call
    let delay = delay + began.elapsed();
    for (words, (answer, other)) in calls.iter().zip(answers.iter().zip(&others)) {
        let near = compare::same_lifetime(answer, other, delay);
        let same_encoding =
            words[0].as_slice() == b"OBJECT" && compare::same_encoding(answer, other);
        let same_fields = words[0].as_slice() == b"HGETALL" && compare::same_pairs(answer, other);
        let same_members =
            words[0].as_slice() == b"SMEMBERS" && compare::same_elements(answer, other);
        if answer != other && !near && !same_encoding && !same_fields && !same_members {
            let what = format!("{} in database {database}", crate::show_words(words));
            let group = String::from_utf8_lossy(&words[0]).into_owned();
            return Ok(Some(mismatch(what, &group, show(answer), show(other))));
        }
    }
    Ok(None)
}

/// Calls, refusals and failures by command, and errors by code.
fn compare_statistics(left: &mut Peer, right: &mut Peer) -> Result<Option<Mismatch>> {
    for section in ["commandstats", "errorstats"] {
        let (mut one, mut other) = (statistics(left, section)?, statistics(right, section)?);
        let names: Vec<String> = one.keys().chain(other.keys()).cloned().collect();
        for name in names {
            let (left, right) = (
                one.remove(&name).unwrap_or_default(),
                other.remove(&name).unwrap_or_default(),
            );
            if left != right {
                let group = format!("INFO {section}");
                return Ok(Some(mismatch(
                    format!("{group}, {name}"),
                    &format!("{group} {name}"),
                    left,
                    right,
                )));
            }
        }
    }
    Ok(None)
}

/// The counters that do not measure time.
fn statistics(peer: &mut Peer, section: &str) -> Result<BTreeMap<String, String>> {
    let reply = peer.control(&[b"INFO", section.as_bytes()])?;
    let text = String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned();
    let line = |line: &str| {
        let (name, fields) = line.trim().split_once(':')?;
        let command = name.strip_prefix("cmdstat_");
        if command.is_some_and(|c| UNCOUNTED.contains(&c) || !is_in_roster(c)) {
            return None;
        }
        let counters = fields.split(',').filter(|f| !f.starts_with("usec"));
        Some((name.to_owned(), counters.collect::<Vec<_>>().join(",")))
    };
    Ok(text.lines().filter_map(line).collect())
}
