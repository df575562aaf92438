//! `SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]` sorts the
//! elements of a list, a set or a sorted set, as numbers or as texts, and answers them or makes them a list. `SORT_RO` is the
//! same without STORE.
//!
//! The element takes the place of the `*` in a pattern, and the string at that key (or, behind `->`, that field of the hash there)
//! is what BY sorts by and GET answers; `GET #` answers the element itself. A pattern without `*` sorts by nothing: elements stay in their
//! order (but for those of a set where they are stored, or go to a script: a set has no order of its own).
//!
//! ```text
//! > RPUSH ages 30 4 17
//! (integer) 3
//! > SORT ages LIMIT 0 2
//! 1) "4"
//! 2) "17"
//! > SORT_RO ages DESC
//! 1) "30"
//! 2) "17"
//! 3) "4"
//! > SORT ages STORE sorted
//! (integer) 3
//! ```

use std::cmp::Ordering;
use std::ops::Range;

use perilune_command::{
    Arg, Arguments, BeginSearch, Category, Command, CommandError, DataHandler, FindKeys, Flags,
    Group, KeyFlags, KeyPosition, KeySpec, Outcome, Spec, Stop, errors, integer, is_token,
};
use perilune_keyspace::{EventClass, Expiry, ReadTxn, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, Edit, Hash, Item, List, Set, Side, SortedSet, parse_f64};

/// SORT.
pub const SORT: Command = Command::new(
    Spec {
        name: "sort",
        summary: "Sorts the elements in a list, a set, or a sorted set, optionally storing the result.",
        group: Group::Generic,
        since: "1.0.0",
        complexity: COMPLEXITY,
        arity: -2,
        flags: Flags::DENYOOM,
        categories: CATEGORIES,
        keys: &[
            KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS)),
            PATTERN_KEYS,
            KeySpec {
                flags: KeyFlags::OW.with(KeyFlags::UPDATE),
                begin: BeginSearch::Unknown,
                find: FindKeys::Unknown,
                notes: Some(
                    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
                ),
            },
        ],
        key_finder: Some(sort_keys),
        arguments: &[
            KEY,
            BY,
            LIMIT,
            GET,
            ORDER,
            ALPHA,
            Arg::key("destination", 2).after("STORE").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(sort),
);

/// SORT_RO.
pub const SORT_RO: Command = Command::new(
    Spec {
        name: "sort_ro",
        summary: "Returns the sorted elements of a list, a set, or a sorted set.",
        group: Group::Generic,
        since: "7.0.0",
        complexity: COMPLEXITY,
        arity: -2,
        categories: CATEGORIES,
        keys: &[
            KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS)),
            PATTERN_KEYS,
        ],
        key_finder: Some(sort_ro_keys),
        arguments: &[KEY, BY, LIMIT, GET, ORDER, ALPHA],
        ..Spec::DEFAULT
    },
    DataHandler::Read(sort_ro),
);

const COMPLEXITY: &str = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).";

const CATEGORIES: Category = Category::SET
    .with(Category::SORTEDSET)
    .with(Category::LIST)
    .with(Category::DANGEROUS);

const PATTERN_KEYS: KeySpec = KeySpec {
    flags: KeyFlags::RO.with(KeyFlags::ACCESS),
    begin: BeginSearch::Unknown,
    find: FindKeys::Unknown,
    notes: Some(
        "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
    ),
};

const KEY: Arg = Arg::key("key", 0);
const BY: Arg = Arg::pattern("by-pattern")
    .shown_as("pattern")
    .in_key_spec(1)
    .after("BY")
    .optional();
const LIMIT: Arg = Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
    .after("LIMIT")
    .optional();
const GET: Arg = Arg::pattern("get-pattern")
    .shown_as("pattern")
    .in_key_spec(1)
    .after("GET")
    .optional()
    .multiple_token();
const ORDER: Arg = Arg::one_of(
    "order",
    &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")],
)
.optional();
const ALPHA: Arg = Arg::word("sorting", "ALPHA").optional();

const NOT_A_NUMBER: CommandError =
    CommandError::new("ERR One or more scores can't be converted into double");

/// The key that is sorted, and the last that a STORE names; what patterns name only the elements can tell. As in the reference
/// the word behind a STORE is looked at as well, which may be one itself.
fn sort_keys(arguments: &[&[u8]], visit: &mut dyn FnMut(KeyPosition)) {
    sort_ro_keys(arguments, visit);
    let mut store = None;
    let mut index = 2;
    while index < arguments.len() {
        let word = arguments[index];
        index += match () {
            () if is_token(word, "LIMIT") => 2,
            () if is_token(word, "GET") || is_token(word, "BY") => 1,
            () if is_token(word, "STORE") && index + 1 < arguments.len() => {
                store = Some(index + 1);
                0
            }
            () => 0,
        } + 1;
    }
    if let Some(index) = store {
        visit(KeyPosition {
            index,
            flags: KeyFlags::OW.with(KeyFlags::UPDATE),
        });
    }
}

fn sort_ro_keys(_: &[&[u8]], visit: &mut dyn FnMut(KeyPosition)) {
    visit(KeyPosition {
        index: 1,
        flags: KeyFlags::RO.with(KeyFlags::ACCESS),
    });
}

struct Options<'a> {
    by: Option<Pattern<'a>>,
    get: Vec<Pattern<'a>>,
    offset: i64,
    /// -1 is no limit.
    count: i64,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(mut arguments: Arguments<'a>, may_store: bool) -> Result<Self, CommandError> {
        let mut options = Self {
            by: None,
            get: Vec::new(),
            offset: 0,
            count: -1,
            descending: false,
            alpha: false,
            store: None,
        };
        while let Some(word) = arguments.next() {
            let left = arguments.remaining();
            match () {
                () if is_token(word, "ASC") => options.descending = false,
                () if is_token(word, "DESC") => options.descending = true,
                () if is_token(word, "ALPHA") => options.alpha = true,
                () if is_token(word, "LIMIT") && left >= 2 => {
                    options.offset = integer(arguments.required()?)?;
                    options.count = integer(arguments.required()?)?;
                }
                () if may_store && is_token(word, "STORE") && left >= 1 => {
                    options.store = Some(arguments.required()?);
                }
                () if is_token(word, "BY") && left >= 1 => {
                    let by = Pattern::parse_by(arguments.required()?);
                    // once told not to sort, it stays so
                    if !matches!(options.by, Some(Pattern::Nothing)) {
                        options.by = Some(by);
                    }
                }
                () if is_token(word, "GET") && left >= 1 => {
                    options.get.push(Pattern::parse(arguments.required()?));
                }
                () => return Err(errors::SYNTAX),
            }
        }
        Ok(options)
    }

    /// Which of `len` sorted elements are wanted.
    fn range(&self, len: usize) -> Range<usize> {
        let clamped = |value: i64| usize::try_from(value).unwrap_or(0).min(len);
        let start = clamped(self.offset);
        let end = match self.count {
            ..0 => len,
            count => start.saturating_add(clamped(count)).min(len),
        };
        start..end
    }
}

/// What an element leads to.
#[derive(Clone, Copy)]
enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// No `*`: nothing.
    Nothing,
    /// A string at a key, or a field of a hash.
    Key {
        before: &'a [u8],
        after: &'a [u8],
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    fn parse(pattern: &'a [u8]) -> Self {
        if pattern == b"#" {
            return Pattern::Element;
        }
        let Some(star) = pattern.iter().position(|byte| *byte == b'*') else {
            return Pattern::Nothing;
        };
        let (before, after) = (&pattern[..star], &pattern[star + 1..]);
        // an arrow with nothing behind it is a part of the key
        let arrow = after.windows(2).position(|pair| pair == b"->");
        match arrow.filter(|arrow| arrow + 2 < after.len()) {
            Some(arrow) => Pattern::Key {
                before,
                after: &after[..arrow],
                field: Some(&after[arrow + 2..]),
            },
            None => Pattern::Key {
                before,
                after,
                field: None,
            },
        }
    }

    /// As [`Pattern::parse`], of what is sorted by: there `#` is no more than any other text without a `*`.
    fn parse_by(pattern: &'a [u8]) -> Self {
        match Self::parse(pattern) {
            Pattern::Element => Pattern::Nothing,
            pattern => pattern,
        }
    }

    /// What this element leads to; none if that is not there, or of another type.
    fn look_up(self, txn: &mut ReadTxn<'_, '_>, element: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
        let (before, after, field) = match self {
            Pattern::Element => return Ok(Some(element.to_vec())),
            Pattern::Nothing => return Ok(None),
            Pattern::Key {
                before,
                after,
                field,
            } => (before, after, field),
        };
        let key = [before, element, after].concat();
        let now_ms = field.map(|_| txn.fields_now_ms());
        let Some(found) = txn.find(&key)? else {
            return Ok(None);
        };
        Ok(match (field, now_ms) {
            (Some(field), Some(now_ms)) => found
                .collection::<Hash>()
                .ok()
                .and_then(|hash| hash.at(now_ms).get(field))
                .map(|field| field.value.to_vec()),
            _ => found
                .text()
                .ok()
                .map(|text| text.bytes(&mut itoa::Buffer::new()).to_vec()),
        })
    }
}

fn sort(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let options = Options::parse(Arguments::from(arguments, 2), true)?;
    let sorted = sorted(txn, arguments[1], &options)?;
    let Some(destination) = options.store else {
        answer(&sorted, reply);
        return Ok(());
    };
    let limits = txn.limits();
    let mut slot = txn.slot(destination)?;
    if sorted.is_empty() {
        if slot.delete()? {
            slot.notify(EventClass::GENERIC, "del");
        }
    } else {
        let elements: Vec<&[u8]> = sorted.iter().map(|e| e.as_deref().unwrap_or(b"")).collect();
        let mut list = List::default();
        Edit::new(&mut list, None, &limits).push(Side::Right, &elements);
        slot.set_collection(list, Expiry::Clear)?;
        slot.notify(EventClass::LIST, "sortstore");
        txn.count_changes(sorted.len() as u64 - 1);
    }
    reply.integer(sorted.len() as i64);
    Ok(())
}

fn sort_ro(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let options = Options::parse(Arguments::from(arguments, 2), false)?;
    let sorted = sorted(txn, arguments[1], &options)?;
    answer(&sorted, reply);
    Ok(())
}

fn answer(sorted: &[Option<Vec<u8>>], reply: &mut dyn Reply) {
    reply.array(sorted.len());
    for element in sorted {
        match element {
            Some(element) => reply.bulk(element),
            None => reply.null(),
        }
    }
}

/// The elements that are wanted, in order, or for each of them what the GETs lead to.
fn sorted(
    txn: &mut ReadTxn<'_, '_>,
    key: &[u8],
    options: &Options<'_>,
) -> Outcome<Vec<Option<Vec<u8>>>> {
    let sorts_nothing = matches!(options.by, Some(Pattern::Nothing));
    // a set has no order of its own: what is stored, or what a script goes on with, must not hang on how it is kept
    let sorts_sets = options.store.is_some() || txn.wants_order();
    let elements = match elements(txn, key, sorts_nothing.then_some(options), sorts_sets)? {
        Loaded::Wanted(elements) => return output(txn, elements, options),
        Loaded::All(elements) => elements,
    };
    let (by, alpha) = match options.by {
        // a set
        Some(Pattern::Nothing) => (None, true),
        by => (by, options.alpha),
    };
    let mut keyed = Vec::with_capacity(elements.len());
    let mut all_are_numbers = true;
    for element in elements {
        let weight = match by {
            Some(by) => by.look_up(txn, &element)?,
            None => Some(element.clone()),
        };
        // all are looked up whatever they hold, as misses are counted and announced
        match Weight::of(weight, alpha, options.store.is_none()) {
            Some(weight) => keyed.push((weight, element)),
            None => all_are_numbers = false,
        }
    }
    if !all_are_numbers {
        return Err(NOT_A_NUMBER.into());
    }
    keyed.sort_by(|(a, x), (b, y)| {
        let order = match a.compare(b) {
            // equal numbers are ordered by their elements, equal texts stay as they are
            Ordering::Equal if !alpha => x.cmp(y),
            order => order,
        };
        if options.descending {
            order.reverse()
        } else {
            order
        }
    });
    let range = options.range(keyed.len());
    keyed.truncate(range.end);
    let wanted = keyed.drain(range.start..);
    let elements = wanted.map(|(_, element)| element).collect();
    output(txn, elements, options)
}

/// What an element is sorted by.
enum Weight {
    Number(f64),
    /// None comes first.
    Text(Option<Vec<u8>>),
}

impl Weight {
    /// None where it is no number and should be one. What is answered is sorted as C compares texts (`strcoll`), so they end at
    /// a NUL; what is stored, by all bytes.
    fn of(value: Option<Vec<u8>>, alpha: bool, ends_at_nul: bool) -> Option<Self> {
        if alpha {
            let mut value = value;
            if let Some(text) = &mut value
                && ends_at_nul
                && let Some(end) = text.iter().position(|byte| *byte == 0)
            {
                text.truncate(end);
            }
            return Some(Weight::Text(value));
        }
        // what C's strtod makes of it: it ends at a NUL, nothing is 0, and white space may stand before it
        let text = value.as_deref().unwrap_or_default();
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        if text.is_empty() {
            return Some(Weight::Number(0.0));
        }
        let is_space = |byte: &&u8| byte.is_ascii_whitespace() || **byte == b'\x0b';
        let text = &text[text.iter().take_while(is_space).count()..];
        // what is so small that it loses digits counts as an underflow there; hexadecimal digits are not lost
        let is_exact = |number: &f64| !number.is_subnormal() || text.contains(&b'x');
        parse_f64(text).filter(is_exact).map(Weight::Number)
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Weight::Number(a), Weight::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Weight::Text(a), Weight::Text(b)) => a.cmp(b),
            _ => unreachable!("all weights of a call are of one kind"),
        }
    }
}

/// What is answered for the elements that are wanted.
fn output(
    txn: &mut ReadTxn<'_, '_>,
    wanted: Vec<Vec<u8>>,
    options: &Options<'_>,
) -> Outcome<Vec<Option<Vec<u8>>>> {
    if options.get.is_empty() {
        return Ok(wanted.into_iter().map(Some).collect());
    }
    let mut got = Vec::new();
    for element in wanted {
        for pattern in &options.get {
            got.push(pattern.look_up(txn, &element)?);
        }
    }
    Ok(got)
}

/// What has been read of a value.
enum Loaded {
    /// All elements.
    All(Vec<Vec<u8>>),
    /// Those that are wanted, in their order.
    Wanted(Vec<Vec<u8>>),
}

/// The elements of a list, a set or a sorted set, in their own order. Of what has an order, only those that are wanted, where
/// that order is to stay (`unsorted`); a set's is no such order where `sorts_sets`.
fn elements(
    txn: &mut ReadTxn<'_, '_>,
    key: &[u8],
    unsorted: Option<&Options<'_>>,
    sorts_sets: bool,
) -> Outcome<Loaded> {
    let Some(found) = txn.find(key)? else {
        return Ok(Loaded::All(Vec::new()));
    };
    if let Ok(set) = found.collection::<Set>() {
        return Ok(match unsorted {
            Some(options) if !sorts_sets => {
                let range = options.range(set.len());
                let wanted = set.iter().skip(range.start).take(range.len());
                Loaded::Wanted(wanted.map(Item::to_vec).collect())
            }
            _ => Loaded::All(set.iter().map(Item::to_vec).collect()),
        });
    }
    let ranks = |len: usize| match unsorted {
        None => (0..len, false),
        Some(options) if options.descending => {
            let range = options.range(len);
            (len - range.end..len - range.start, true)
        }
        Some(options) => (options.range(len), false),
    };
    let elements = if let Ok(list) = found.collection::<List>() {
        let (indexes, reversed) = ranks(list.len());
        let mut elements = Vec::with_capacity(indexes.len());
        let (first, towards) = match reversed {
            false => (indexes.start, Side::Right),
            true => (indexes.end.saturating_sub(1), Side::Left),
        };
        list.show(first, indexes.len(), towards, |element| {
            elements.push(element.to_vec())
        });
        elements
    } else {
        let set = found.collection::<SortedSet>()?;
        let (ranks, reversed) = ranks(set.len());
        let elements = set.elements(ranks, reversed);
        elements.map(|(member, _)| member.to_vec()).collect()
    };
    Ok(match unsorted {
        Some(_) => Loaded::Wanted(elements),
        None => Loaded::All(elements),
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn numbers_and_texts_are_sorted() {
        check(
            r#"
            > SORT none => (empty array)
            > RPUSH l 10 9 -1 9.5 => (integer) 4
            > SORT l
            1) "-1"
            2) "9"
            3) "9.5"
            4) "10"
            > SORT l DESC LIMIT 1 2
            1) "9.5"
            2) "9"
            > SORT l ALPHA
            1) "-1"
            2) "10"
            3) "9"
            4) "9.5"
            > SORT l LIMIT 9 9 => (empty array)
            > SORT l LIMIT -5 1 => 1) "-1"
            > SORT_RO l LIMIT 0 0 => (empty array)
            > RPUSH l x => (integer) 5
            > SORT l => (error) ERR One or more scores can't be converted into double
            > SORT l BY nosort DESC LIMIT 0 2
            1) "x"
            2) "9.5"
            > SADD s 3 1 2 => (integer) 3
            > SORT s DESC
            1) "3"
            2) "2"
            3) "1"
            > ZADD z 3 a 1 b 2 c => (integer) 3
            > SORT z ALPHA
            1) "a"
            2) "b"
            3) "c"
            > SORT z BY nosort
            1) "b"
            2) "c"
            3) "a"
            "#,
        );
    }

    #[test]
    fn patterns_lead_to_other_keys() {
        check(
            r#"
            > RPUSH l 1 2 3 => (integer) 3
            > MSET w1 30 w2 20 w3 10 o1 one o3 three => OK
            > HSET h1 f 5 g first => (integer) 2
            > HSET h2 f 7 => (integer) 1
            > SORT l BY w*
            1) "3"
            2) "2"
            3) "1"
            > SORT l BY w* GET # GET o*
            1) "3"
            2) "three"
            3) "2"
            4) (nil)
            5) "1"
            6) "one"
            > SORT l BY h*->f GET h*->g
            1) (nil)
            2) "first"
            3) (nil)
            > SORT l BY none* ALPHA
            1) "1"
            2) "2"
            3) "3"
            > SORT l GET o => 1) (nil)
            2) (nil)
            3) (nil)
            > SORT l GET h*-> => 1) (nil)
            2) (nil)
            3) (nil)
            "#,
        );
    }

    #[test]
    fn what_is_found_out_last_does_not_keep_misses_from_being_announced() {
        check(
            r#"
            > RPUSH l 1 2 3 => (integer) 3
            > SET w2 x => OK
            > SET w1 x => OK
            > SORT l BY w* => (error) ERR One or more scores can't be converted into double
            > :events
            m keymiss w3
            "#,
        );
    }

    #[test]
    fn by_what_has_no_star_nothing_is_sorted_whatever_else_is_said() {
        check(
            r#"
            > RPUSH l 3 x 1 => (integer) 3
            > SORT l BY #
            1) "3"
            2) "x"
            3) "1"
            > MSET w3 3 w1 1 => OK
            > SORT l BY nosort BY w*
            1) "3"
            2) "x"
            3) "1"
            > SORT l BY w*
            1) "x"
            2) "1"
            3) "3"
            "#,
        );
    }

    #[test]
    fn by_nothing_a_set_is_answered_as_it_is_kept_and_stored_in_order() {
        check(
            r#"
            > SADD s b a C d => (integer) 4
            > SORT s BY nosort DESC
            1) "b"
            2) "a"
            3) "C"
            4) "d"
            > SORT_RO s BY nosort LIMIT 1 2
            1) "a"
            2) "C"
            > SORT s BY nosort DESC STORE d => (integer) 4
            > LRANGE d 0 -1
            1) "d"
            2) "b"
            3) "a"
            4) "C"
            "#,
        );
    }

    #[test]
    fn a_number_ends_at_its_first_nul() {
        check(
            r#"
            > RPUSH l 3 "2\x00x" "\x00y" => (integer) 3
            > SORT l
            1) "\x00y"
            2) "2\x00x"
            3) "3"
            > RPUSH m 5e-324 => (integer) 1
            > SORT m => (error) ERR One or more scores can't be converted into double
            > RPUSH n 2 " 1" => (integer) 2
            > SORT n
            1) " 1"
            2) "2"
            > RPUSH n " " => (integer) 3
            > SORT n => (error) ERR One or more scores can't be converted into double
            "#,
        );
    }

    #[test]
    fn texts_that_are_answered_end_at_a_nul() {
        check(
            r#"
            > RPUSH l "b\x00z" "b" "b\x00a" a => (integer) 4
            > SORT l ALPHA LIMIT 0 2
            1) "a"
            2) "b\x00z"
            > SORT l ALPHA STORE d => (integer) 4
            > LINDEX d 1 => "b"
            > LINDEX d 2 => "b\x00a"
            "#,
        );
    }

    #[test]
    fn what_is_sorted_can_be_stored() {
        check(
            r#"
            > RPUSH l 3 1 2 => (integer) 3
            > SORT l STORE d => (integer) 3
            > :changes => 3
            > :events
            n new d
            l sortstore d
            > :sent => SORT l STORE d
            > LRANGE d 0 -1
            1) "1"
            2) "2"
            3) "3"
            > SET o1 one => OK
            > SORT l GET o* STORE l => (integer) 3
            > LRANGE l 0 -1
            1) "one"
            2) ""
            3) ""
            > SORT none STORE d => (integer) 0
            > EXISTS d => (integer) 0
            > SORT_RO l STORE d => (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn it_refuses() {
        check(
            r#"
            > SET s 1 => OK
            > SORT s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SORT s LIMIT 1 => (error) ERR syntax error
            > SORT s LIMIT 1 x => (error) ERR value is not an integer or out of range
            > SORT s BY => (error) ERR syntax error
            > SORT s WHATEVER => (error) ERR syntax error
            "#,
        );
    }
}
