//! `HRANDFIELD key [count [WITHVALUES]]` answers a field chosen at random, or `count` different ones; a negative count
//! may choose the same more than once, and answers as many as it says.
//!
//! ```text
//! > HSET coin heads obverse
//! (integer) 1
//! > HRANDFIELD coin
//! "heads"
//! > HRANDFIELD coin -2 WITHVALUES
//! 1) "heads"
//! 2) "obverse"
//! 3) "heads"
//! 4) "obverse"
//! ```

use std::collections::HashSet;

use fastrand::Rng;
use perilune_command::{
    Arg, Command, CommandError, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
    integer_between, is_token,
};
use perilune_keyspace::{Fields, ReadTxn};
use perilune_resp::{Protocol, Reply};
use perilune_value::{Collection, Field, HashAt};

use super::read;
use crate::items::reply_item;
use crate::sampling::repeated;

/// HRANDFIELD.
pub const HRANDFIELD: Command = Command::new(
    Spec {
        name: "hrandfield",
        summary: "Returns one or more random fields from a hash.",
        group: Group::Hash,
        since: "6.2.0",
        complexity: "O(N) where N is the number of fields returned",
        arity: -2,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::block(
                "options",
                &[
                    Arg::integer("count"),
                    Arg::word("withvalues", "WITHVALUES").optional(),
                ],
            )
            .optional(),
        ],
        tips: &["nondeterministic_output"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(hrandfield),
);

/// Where more than this part of a table is wanted, going over all of it is cheaper than drawing until there are enough
/// different ones.
const WHOLE_PART: usize = 3;

fn hrandfield(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut random = Rng::with_seed(txn.random());
    let Some(count) = arguments.get(2) else {
        return read(txn, arguments[1], Fields::All, |hash| {
            match hash.and_then(|hash| Sampler::of(hash, 1).draw(&mut random)) {
                Some(field) => reply_item(field.name, reply),
                None => reply.null(),
            }
        });
    };
    let count = integer_between(count, -i64::MAX, i64::MAX)?;
    let with_values = match arguments.get(3) {
        None => false,
        Some(word) if arguments.len() == 4 && is_token(word, "WITHVALUES") => true,
        Some(_) => return Err(errors::SYNTAX.into()),
    };
    if with_values && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
        return Err(CommandError::new("ERR value is out of range").into());
    }
    let wanted = count.unsigned_abs() as usize;
    let string_len_max = txn.string_len_max();
    let mut answer_with = |hash: Option<HashAt<'_>>| -> Result<(), CommandError> {
        let Some(hash) = hash.filter(|_| wanted > 0) else {
            reply.array(0);
            return Ok(());
        };
        let mut answer = Answer { with_values, reply };
        if count < 0 {
            let wanted = repeated(count, string_len_max)?;
            answer.begin(wanted);
            let sampler = Sampler::of(hash, wanted);
            for _ in 0..wanted {
                if let Some(field) = sampler.draw(&mut random) {
                    answer.add(field);
                }
            }
            return Ok(());
        }
        let len = hash.live_len();
        answer.begin(wanted.min(len));
        if hash.is_packed() || wanted.saturating_mul(WHOLE_PART) > len {
            for field in sample(hash.iter(), len, wanted, &mut random) {
                answer.add(field);
            }
            return Ok(());
        }
        let (sampler, mut seen) = (Sampler::of(hash, wanted), HashSet::new());
        while seen.len() < wanted {
            let Some(field) = sampler.draw(&mut random) else {
                break;
            };
            if seen.insert(field.name.to_vec()) {
                answer.add(field);
            }
        }
        Ok(())
    };
    let mut outcome = Ok(());
    read(txn, arguments[1], Fields::All, |hash| {
        outcome = answer_with(hash);
    })?;
    Ok(outcome?)
}

/// `wanted` of the `len` elements that there are, in their order, each as probable as any other.
fn sample<T>(
    elements: impl Iterator<Item = T>,
    len: usize,
    wanted: usize,
    random: &mut Rng,
) -> impl Iterator<Item = T> {
    let (mut left, mut wanted) = (len, wanted);
    elements.filter(move |_| {
        let takes = left > 0 && random.usize(..left) < wanted;
        left = left.saturating_sub(1);
        wanted -= usize::from(takes);
        takes
    })
}

/// Draws fields of a hash, each about as probable as any other.
enum Sampler<'a> {
    /// One by one, where that is fast.
    Table(HashAt<'a>),
    /// From a list of all of them.
    Listed(Vec<Field<'a>>),
}

impl<'a> Sampler<'a> {
    /// One that is going to draw so many times.
    fn of(hash: HashAt<'a>, times: usize) -> Self {
        if hash.may_have_expired() || (hash.is_packed() && times > 1) {
            Self::Listed(hash.iter().collect())
        } else {
            Self::Table(hash)
        }
    }

    fn draw(&self, random: &mut Rng) -> Option<Field<'a>> {
        match self {
            Self::Table(hash) => hash.random(random.u64(..)),
            Self::Listed(fields) if fields.is_empty() => None,
            Self::Listed(fields) => fields.get(random.usize(..fields.len())).copied(),
        }
    }
}

/// The answer: flat in RESP2, pairs in RESP3.
struct Answer<'r> {
    with_values: bool,
    reply: &'r mut dyn Reply,
}

impl Answer<'_> {
    fn is_flat(&self) -> bool {
        self.reply.protocol() == Protocol::Resp2
    }

    fn begin(&mut self, fields: usize) {
        let len = if self.with_values && self.is_flat() {
            2 * fields
        } else {
            fields
        };
        self.reply.array(len);
    }

    fn add(&mut self, field: Field<'_>) {
        if self.with_values && !self.is_flat() {
            self.reply.array(2);
        }
        reply_item(field.name, self.reply);
        if self.with_values {
            reply_item(field.value, self.reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Stage, check};

    #[test]
    fn hrandfield_answers_as_many_as_asked_for() {
        check(
            r#"
            > HRANDFIELD h => (nil)
            > HRANDFIELD h 2 => (empty array)
            > HRANDFIELD h -2 WITHVALUES => (empty array)
            > HSET h a 1 => (integer) 1
            > HRANDFIELD h => "a"
            > HRANDFIELD h 0 => (empty array)
            > HRANDFIELD h 5 => 1) "a"
            > HRANDFIELD h 5 withvalues
            1) "a"
            2) "1"
            > HRANDFIELD h -2
            1) "a"
            2) "a"
            > :resp 3
            > HRANDFIELD h -2 WITHVALUES
            1) 1) "a"
               2) "1"
            2) 1) "a"
               2) "1"
            > HRANDFIELD h 1 WITHVALUES
            1) 1) "a"
               2) "1"
            "#,
        );
    }

    #[test]
    fn distinct_fields_are_distinct_whatever_the_encoding() {
        for fields in [9, 700] {
            let mut stage = Stage::new();
            for n in 0..fields {
                stage.call(&format!("HSET h f{n} {n}"));
            }
            for count in [1, 3, fields / 2, fields - 1, fields, fields + 5] {
                let answer = stage.call(&format!("HRANDFIELD h {count}"));
                let mut names: Vec<&str> = answer
                    .lines()
                    .filter_map(|line| line.split_once(") "))
                    .map(|(_, name)| name)
                    .collect();
                names.sort();
                names.dedup();
                assert_eq!(names.len(), count.min(fields), "{fields} fields");
            }
        }
    }

    #[test]
    fn a_sample_has_no_favourites() {
        let (mut random, mut taken) = (Rng::with_seed(7), [0; 10]);
        for _ in 0..2000 {
            let sample: Vec<usize> = sample(0..10, 10, 3, &mut random).collect();
            assert!(sample.len() == 3 && sample.is_sorted());
            sample.into_iter().for_each(|element| taken[element] += 1);
        }
        assert!(
            taken.iter().all(|times| (500..700).contains(times)),
            "{taken:?}"
        );
    }

    #[test]
    fn what_has_expired_is_removed_first() {
        check(
            r#"
            > HSETEX h PX 10 FIELDS 2 a 1 b 2 => (integer) 1
            > HSET h c 3 => (integer) 1
            > :wait 10
            > HRANDFIELD h 5 => 1) "c"
            > HLEN h => (integer) 1
            > HSETEX e PX 10 FIELDS 1 a 1 => (integer) 1
            > :wait 10
            > HRANDFIELD e => (nil)
            > EXISTS e => (integer) 0
            "#,
        );
    }

    #[test]
    fn hrandfield_refuses() {
        check(
            r#"
            > SET s v => OK
            > HRANDFIELD s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HRANDFIELD s x => (error) ERR value is not an integer or out of range
            > HRANDFIELD s 1 FOO => (error) ERR syntax error
            > HRANDFIELD s 1 WITHVALUES x => (error) ERR syntax error
            > HRANDFIELD h -9223372036854775808 => (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            > HRANDFIELD h 9223372036854775807 WITHVALUES => (error) ERR value is out of range
            > HRANDFIELD h -9223372036854775807 WITHVALUES => (error) ERR value is out of range
            > HRANDFIELD h -4611686018427387904 => (empty array)
            > HSET h a 1 => (integer) 1
            > HRANDFIELD h -4611686018427387904 => (error) ERR value is out of range
            "#,
        );
    }
}
