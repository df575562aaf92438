//! `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]` answers the longest common subsequence of two
//! strings, its length (`LEN`), or the ranges of which it consists in both (`IDX`).
//!
//! ```text
//! > MSET a ohmytext b mynewtext
//! OK
//! > LCS a b
//! "mytext"
//! > LCS a b LEN
//! (integer) 6
//! > LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN
//! 1) "matches"
//! 2) 1) 1) 1) (integer) 4
//!          2) (integer) 7
//!       2) 1) (integer) 5
//!          2) (integer) 8
//!       3) (integer) 4
//! 3) "len"
//! 4) (integer) 6
//! ```

use perilune_command::{
    Arg, Arguments, Command, CommandError, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec,
    errors, is_token,
};
use perilune_keyspace::{Found, ReadTxn};
use perilune_resp::Reply;
use perilune_value::{Lcs, Text, WrongType, lcs_table_bytes};

/// LCS.
pub const LCS: Command = Command::new(
    Spec {
        name: "lcs",
        summary: "Finds the longest common substring.",
        group: Group::String,
        since: "7.0.0",
        complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
        arity: -3,
        keys: &[KeySpec::range(1, 1, 1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key1", 0),
            Arg::key("key2", 0),
            Arg::word("len", "LEN").optional(),
            Arg::word("idx", "IDX").optional(),
            Arg::integer("min-match-len")
                .after("MINMATCHLEN")
                .optional(),
            Arg::word("withmatchlen", "WITHMATCHLEN").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(lcs),
);

/// Strings that are as long are refused, whatever memory there is.
const LEN_LIMIT: usize = u32::MAX as usize - 1;

#[derive(Debug, Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    match_len_min: usize,
}

impl Options {
    fn parse(arguments: &[&[u8]]) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut words = Arguments::from(arguments, 3);
        while let Some(word) = words.next() {
            if is_token(word, "IDX") {
                options.idx = true;
            } else if is_token(word, "LEN") {
                options.len = true;
            } else if is_token(word, "WITHMATCHLEN") {
                options.with_match_len = true;
            } else if is_token(word, "MINMATCHLEN") {
                options.match_len_min = words.integer()?.max(0) as usize;
            } else {
                return Err(errors::SYNTAX);
            }
        }
        if options.len && options.idx {
            return Err(CommandError::new(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}

fn lcs(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let table_bytes_max = txn.string_len_max();
    let found = txn.find_all(&arguments[1..3])?;
    let (Ok(a), Ok(b)) = (text(found[0]), text(found[1])) else {
        return Err(CommandError::new("ERR The specified keys must contain string values").into());
    };
    let options = Options::parse(arguments)?;

    let (mut a_digits, mut b_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
    let (a, b) = (a.bytes(&mut a_digits), b.bytes(&mut b_digits));
    if a.len().max(b.len()) >= LEN_LIMIT {
        return Err(CommandError::new("ERR String too long for LCS").into());
    }
    if lcs_table_bytes(a.len(), b.len()) > table_bytes_max as u128 {
        let text = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
        return Err(CommandError::new(text).into());
    }
    let lcs = Lcs::of(a, b).map_err(|_| {
        CommandError::new("ERR Insufficient memory, failed allocating transient memory for LCS")
    })?;

    if options.idx {
        answer_matches(&lcs, &options, reply);
    } else if options.len {
        reply.integer(lcs.bytes.len() as i64);
    } else {
        reply.bulk(&lcs.bytes);
    }
    Ok(())
}

/// The string of a key: the empty one if there is no key.
fn text(found: Option<Found<'_>>) -> Result<Text<'_>, WrongType> {
    found.map_or(Ok(Text::Bytes(b"")), |found| found.text())
}

fn answer_matches(lcs: &Lcs, options: &Options, reply: &mut dyn Reply) {
    let matches = || {
        lcs.matches
            .iter()
            .filter(|m| m.len >= options.match_len_min)
    };
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(matches().count());
    for piece in matches() {
        reply.array(2 + usize::from(options.with_match_len));
        for start in [piece.a_start, piece.b_start] {
            reply.array(2);
            reply.integer(start as i64);
            reply.integer((start + piece.len - 1) as i64);
        }
        if options.with_match_len {
            reply.integer(piece.len as i64);
        }
    }
    reply.bulk(b"len");
    reply.integer(lcs.bytes.len() as i64);
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn lcs_of_what_there_is() {
        check(
            r#"
            > LCS a b => ""
            > LCS a b LEN => (integer) 0
            > LCS a b IDX
            1) "matches"
            2) (empty array)
            3) "len"
            4) (integer) 0
            > MSET a 12345 b 1x45 => OK
            > LCS a b => "145"
            > LCS a a LEN => (integer) 5
            > LCS a b IDX MINMATCHLEN 2
            1) "matches"
            2) 1) 1) 1) (integer) 3
                     2) (integer) 4
                  2) 1) (integer) 2
                     2) (integer) 3
            3) "len"
            4) (integer) 3
            > :resp 3
            > LCS a b IDX MINMATCHLEN -1
            1# "matches" => 1) 1) 1) (integer) 3
                     2) (integer) 4
                  2) 1) (integer) 2
                     2) (integer) 3
               2) 1) 1) (integer) 0
                     2) (integer) 0
                  2) 1) (integer) 0
                     2) (integer) 0
            2# "len" => (integer) 3
            "#,
        );
    }

    #[test]
    fn lcs_refuses() {
        check(
            r#"
            > LCS a b LEN IDX => (error) ERR If you want both the length and indexes, please just use IDX.
            > LCS a b FOO => (error) ERR syntax error
            > LCS a b MINMATCHLEN => (error) ERR syntax error
            > LCS a b MINMATCHLEN x => (error) ERR value is not an integer or out of range
            > MSET a 12345 b 12345 => OK
            > :string-max 143
            > LCS a b => (error) ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len
            > :string-max 144
            > LCS a b => "12345"
            "#,
        );
    }
}
