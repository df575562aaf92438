//! Unions, intersections and differences of sets and sorted sets. A plain set counts as a sorted one whose scores are all
//! 1.
//!
//! The sums of scores are rounded, so the order in which they are added is part of the answer: the inputs are taken in
//! the order of their sizes, as the reference takes them.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;

use perilune_command::{Arguments, CommandError, Outcome, Stop, errors, integer, is_token};
use perilune_keyspace::{Found, ReadTxn, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, Item, Limits, Set, SortedSet, WrongType, parse_f64, parse_i64};

use super::{FULL, reply_elements, store};

/// What is made of the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// What any of them has.
    Union,
    /// What all of them have.
    Inter,
    /// What the first has and no other.
    Diff,
}

/// What happens to the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is answered.
    Answer,
    /// It is stored under the key that is the first argument.
    Store,
    /// Its length is answered.
    Count,
}

/// What becomes of the scores that a member has in several inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match () {
            () if is_token(word, "SUM") => Ok(Aggregate::Sum),
            () if is_token(word, "MIN") => Ok(Aggregate::Min),
            () if is_token(word, "MAX") => Ok(Aggregate::Max),
            () => Err(errors::SYNTAX),
        }
    }

    #[inline]
    fn of(self, score: f64, other: f64) -> f64 {
        match self {
            // infinity and minus infinity make 0, by convention
            Aggregate::Sum => or_zero(score + other),
            Aggregate::Min if other < score => other,
            Aggregate::Max if other > score => other,
            Aggregate::Min | Aggregate::Max => score,
        }
    }
}

fn or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// A member, as text, without an allocation of its own.
#[derive(Clone, Copy)]
pub enum Member<'a> {
    /// It stands somewhere.
    Bytes(&'a [u8]),
    /// An integer's digits.
    Digits([u8; 20], u8),
}

impl<'a> Member<'a> {
    fn of(item: Item<'a>) -> Self {
        match item {
            Item::Bytes(bytes) => Member::Bytes(bytes),
            Item::Int(integer) => {
                let mut digits = [0; 20];
                let mut buffer = itoa::Buffer::new();
                let text = buffer.format(integer).as_bytes();
                digits[..text.len()].copy_from_slice(text);
                Member::Digits(digits, text.len() as u8)
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Member::Bytes(bytes) => bytes,
            Member::Digits(digits, len) => &digits[..usize::from(*len)],
        }
    }
}

impl PartialEq for Member<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Member<'_> {}

impl Hash for Member<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

/// One input.
#[derive(Clone, Copy)]
enum Source<'a> {
    Absent,
    Set(&'a Set),
    Sorted(&'a SortedSet),
}

impl<'a> Source<'a> {
    fn of(found: Option<Found<'a>>) -> Result<Self, WrongType> {
        let Some(found) = found else {
            return Ok(Source::Absent);
        };
        match found.collection() {
            Ok(set) => Ok(Source::Sorted(set)),
            Err(WrongType) => found.collection().map(Source::Set),
        }
    }

    fn len(&self) -> usize {
        match self {
            Source::Absent => 0,
            Source::Set(set) => set.len(),
            Source::Sorted(set) => set.len(),
        }
    }

    /// The score of a member.
    fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Absent => None,
            Source::Set(set) => set.contains(member).then_some(1.0),
            Source::Sorted(set) => set.score(member),
        }
    }

    fn for_each(&self, mut visit: impl FnMut(Member<'a>, f64)) {
        let _ = self.try_for_each(|member, score| {
            visit(member, score);
            ControlFlow::Continue(())
        });
    }

    /// As [`Source::for_each`], until it is enough.
    fn try_for_each(
        &self,
        mut visit: impl FnMut(Member<'a>, f64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            Source::Absent => ControlFlow::Continue(()),
            Source::Set(set) => set
                .iter()
                .try_for_each(|member| visit(Member::of(member), 1.0)),
            Source::Sorted(set) => set
                .iter()
                .try_for_each(|(member, score)| visit(Member::of(member), score)),
        }
    }
}

/// An input with its weight.
#[derive(Clone, Copy)]
struct Weighed<'a> {
    source: Source<'a>,
    weight: f64,
}

/// The options behind the keys.
struct Options {
    weights: Option<Vec<f64>>,
    aggregate: Aggregate,
    with_scores: bool,
    /// No limit where 0.
    limit: usize,
}

impl Options {
    fn parse(
        rest: &[&[u8]],
        numkeys: usize,
        operation: Operation,
        purpose: Use,
    ) -> Result<Self, CommandError> {
        let mut options = Self {
            weights: None,
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        let weighs = operation != Operation::Diff && purpose != Use::Count;
        let mut words = Arguments::from(rest, 0);
        while let Some(word) = words.next() {
            if weighs && words.remaining() >= numkeys && is_token(word, "WEIGHTS") {
                let weights = words.by_ref().take(numkeys).map(weight);
                options.weights = Some(weights.collect::<Result<_, _>>()?);
            } else if weighs && words.remaining() >= 1 && is_token(word, "AGGREGATE") {
                options.aggregate = Aggregate::parse(words.required()?)?;
            } else if purpose == Use::Answer && is_token(word, "WITHSCORES") {
                options.with_scores = true;
            } else if purpose == Use::Count && words.remaining() >= 1 && is_token(word, "LIMIT") {
                options.limit = parse_i64(words.required()?)
                    .and_then(|limit| usize::try_from(limit).ok())
                    .ok_or(CommandError::new("ERR LIMIT can't be negative"))?;
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn weight(argument: &[u8]) -> Result<f64, CommandError> {
    parse_f64(argument).ok_or(CommandError::new("ERR weight value is not a float"))
}

/// Members with their scores, in order.
pub struct Combined<'a>(Vec<(Member<'a>, f64)>);

impl Combined<'_> {
    fn elements(&self) -> impl Iterator<Item = (Item<'_>, f64)> + Clone {
        self.0
            .iter()
            .map(|(member, score)| (Item::Bytes(member.bytes()), *score))
    }

    fn to_sorted_set(&self, limits: &Limits) -> Result<SortedSet, CommandError> {
        let bytes = self.0.iter().map(|(member, _)| member.bytes().len()).sum();
        if !SortedSet::can_hold(self.0.len(), bytes) {
            return Err(FULL);
        }
        Ok(SortedSet::of_ordered(self.elements(), self.0.len(), limits))
    }
}

/// Answers what an operation makes of the inputs. `name` is the command's.
pub fn answer(
    txn: &mut ReadTxn<'_, '_>,
    arguments: &[&[u8]],
    (name, operation): (&str, Operation),
    reply: &mut dyn Reply,
) -> Outcome {
    combine(
        txn,
        arguments,
        (name, operation, Use::Answer),
        |combined, with_scores| {
            reply_elements(combined.elements(), combined.0.len(), with_scores, reply);
        },
    )
}

/// Makes a key hold what an operation makes of the inputs, and answers its length. `name` is the command's, and the
/// event's.
pub fn answer_stored(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    (name, operation): (&'static str, Operation),
    reply: &mut dyn Reply,
) -> Outcome {
    let limits = txn.limits();
    let set = combine(
        txn,
        arguments,
        (name, operation, Use::Store),
        |combined, _| combined.to_sorted_set(&limits),
    )??;
    let len = store(txn, arguments[1], set, name)?;
    reply.integer(len as i64);
    Ok(())
}

/// Answers how many members all inputs have.
pub fn answer_count(
    txn: &mut ReadTxn<'_, '_>,
    arguments: &[&[u8]],
    name: &str,
    reply: &mut dyn Reply,
) -> Outcome {
    combine(
        txn,
        arguments,
        (name, Operation::Inter, Use::Count),
        |combined, _| reply.integer(combined.0.len() as i64),
    )
}

/// Reads the arguments, and hands what the operation makes of the inputs to `then`, and whether scores are asked for.
fn combine<R>(
    txn: &mut ReadTxn<'_, '_>,
    arguments: &[&[u8]],
    (name, operation, purpose): (&str, Operation, Use),
    then: impl FnOnce(Combined<'_>, bool) -> R,
) -> Result<R, Stop> {
    let first = if purpose == Use::Store { 2 } else { 1 };
    let numkeys = integer(arguments[first])?;
    let behind = &arguments[first + 1..];
    let numkeys = match usize::try_from(numkeys) {
        Ok(0) | Err(_) => {
            let text = format!("ERR at least 1 input key is needed for '{name}' command");
            return Err(CommandError::from_text(text).into());
        }
        Ok(numkeys) if numkeys > behind.len() => return Err(errors::SYNTAX.into()),
        Ok(numkeys) => numkeys,
    };
    let (keys, rest) = behind.split_at(numkeys);
    let found = txn.find_all_until(keys, |found| Source::of(Some(found)).is_err())?;
    let sources = found.into_iter().map(Source::of);
    let sources: Vec<Source<'_>> = sources.collect::<Result<_, _>>()?;
    let options = Options::parse(rest, numkeys, operation, purpose)?;

    let weight_of = |index: usize| {
        options
            .weights
            .as_ref()
            .map_or(1.0, |weights| weights[index])
    };
    let weighed = sources.into_iter().enumerate();
    let mut inputs: Vec<Weighed<'_>> = weighed
        .map(|(index, source)| Weighed {
            source,
            weight: weight_of(index),
        })
        .collect();
    if operation != Operation::Diff {
        inputs.sort_by_key(|input| input.source.len());
    }
    let mut elements = match operation {
        Operation::Union => union(&inputs, options.aggregate),
        Operation::Inter => inter(&inputs, options.aggregate, options.limit),
        Operation::Diff => diff(&inputs),
    };
    if purpose != Use::Count {
        elements.sort_unstable_by(|(a, a_score), (b, b_score)| {
            let by_score = a_score.partial_cmp(b_score).unwrap_or(Ordering::Equal);
            by_score.then_with(|| a.bytes().cmp(b.bytes()))
        });
    }
    Ok(then(Combined(elements), options.with_scores))
}

fn union<'a>(inputs: &[Weighed<'a>], aggregate: Aggregate) -> Vec<(Member<'a>, f64)> {
    let len_max = inputs.last().map_or(0, |input| input.source.len());
    let mut scores: HashMap<Member<'a>, f64> = HashMap::with_capacity(len_max);
    for input in inputs {
        input.source.for_each(|member, score| {
            let score = or_zero(input.weight * score);
            match scores.entry(member) {
                Entry::Vacant(entry) => {
                    entry.insert(score);
                }
                Entry::Occupied(mut entry) => {
                    *entry.get_mut() = aggregate.of(*entry.get(), score);
                }
            }
        });
    }
    scores.into_iter().collect()
}

fn inter<'a>(inputs: &[Weighed<'a>], aggregate: Aggregate, limit: usize) -> Vec<(Member<'a>, f64)> {
    let mut common = Vec::new();
    let Some((smallest, others)) = inputs.split_first() else {
        return common;
    };
    let _ = smallest.source.try_for_each(|member, score| {
        let mut score = or_zero(smallest.weight * score);
        for other in others {
            let Some(value) = other.source.score(member.bytes()) else {
                return ControlFlow::Continue(());
            };
            score = aggregate.of(score, value * other.weight);
        }
        common.push((member, score));
        match common.len() == limit {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    common
}

fn diff<'a>(inputs: &[Weighed<'a>]) -> Vec<(Member<'a>, f64)> {
    let Some((first, others)) = inputs.split_first() else {
        return Vec::new();
    };
    let (first_len, others_len) = (
        first.source.len(),
        others.iter().map(|input| input.source.len()).sum::<usize>(),
    );
    if first_len.saturating_mul(inputs.len()) / 2 <= first_len + others_len {
        // look each member of the first one up in the others
        let mut left = Vec::new();
        first.source.for_each(|member, score| {
            let is_elsewhere = |other: &Weighed<'_>| other.source.score(member.bytes()).is_some();
            if !others.iter().any(is_elsewhere) {
                left.push((member, score));
            }
        });
        return left;
    }
    // the first one is the biggest by far: take out what the others have
    let mut left = HashMap::with_capacity(first_len);
    first.source.for_each(|member, score| {
        left.insert(member, score);
    });
    for other in others {
        other.source.for_each(|member, _| {
            left.remove(&member);
        });
    }
    left.into_iter().collect()
}
