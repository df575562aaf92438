//! The subcommands of COMMAND that look at single calls and names, over the table of the data commands.

use perilune_command::introspection::{
    command_count, command_docs, command_getkeys, command_getkeys_and_flags, command_info,
    command_list,
};
use perilune_command::{CommandError, DataHandler, Registry};
use perilune_families::FAMILIES;
use perilune_resp::{Protocol, RespWriter};

fn registry() -> Registry<DataHandler> {
    let mut registry = Registry::new();
    for family in FAMILIES {
        registry.add(family, &|handler| handler);
    }
    registry
}

/// What goes over the wire in RESP2, with spaces between the lines.
#[track_caller]
fn check(call: &str, expected: &str) {
    let registry = registry();
    let words: Vec<&[u8]> = call.split(' ').map(str::as_bytes).collect();
    let (subcommand, rest) = (words[0], &words[1..]);
    let mut bytes = Vec::new();
    let mut reply = RespWriter::new(&mut bytes, Protocol::Resp2);
    let outcome: Result<(), CommandError> = match subcommand {
        b"COUNT" => {
            command_count(&registry, &mut reply);
            Ok(())
        }
        b"INFO" => {
            command_info(&registry, rest, &mut reply);
            Ok(())
        }
        b"DOCS" => {
            command_docs(&registry, rest, &mut reply);
            Ok(())
        }
        b"LIST" => command_list(&registry, rest, &mut reply),
        b"GETKEYS" => command_getkeys(&registry, rest, &mut reply),
        b"GETKEYSANDFLAGS" => command_getkeys_and_flags(&registry, rest, &mut reply),
        other => panic!("{}", other.escape_ascii()),
    };
    let answer = match outcome {
        Ok(()) => String::from_utf8_lossy(&bytes)
            .trim_end()
            .replace("\r\n", " "),
        Err(error) => {
            assert!(bytes.is_empty(), "{call}: an answer and an error");
            format!("-{}", String::from_utf8_lossy(error.message()))
        }
    };
    assert_eq!(answer, expected, "{call}");
}

#[test]
fn the_keys_of_a_call_are_found() {
    check("GETKEYS get a", "*1 $1 a");
    check("GETKEYS DEL a b", "*2 $1 a $1 b");
    check("GETKEYS mset a 1 b 2", "*2 $1 a $1 b");
    check("GETKEYS object encoding a", "*1 $1 a");
    check("GETKEYS memory usage a", "*1 $1 a");
    check("GETKEYSANDFLAGS get a", "*1 *2 $1 a *2 +RO +access");
    check("GETKEYSANDFLAGS set a 1", "*1 *2 $1 a *2 +OW +update");
    check(
        "GETKEYSANDFLAGS set a 1 ex 100 get",
        "*1 *2 $1 a *3 +RW +access +update",
    );
    check("GETKEYSANDFLAGS bitfield a", "*1 *2 $1 a *2 +RO +access");
    check(
        "GETKEYSANDFLAGS bitfield a get u8 0 overflow sat",
        "*1 *2 $1 a *2 +RO +access",
    );
    check(
        "GETKEYSANDFLAGS bitfield a get u8 0 set u8 0 1",
        "*1 *2 $1 a *3 +RW +access +update",
    );
    check(
        "GETKEYSANDFLAGS bitfield a get u8",
        "*1 *2 $1 a *3 +RW +access +update",
    );
    check(
        "GETKEYSANDFLAGS rename a b",
        "*2 *2 $1 a *3 +RW +access +delete *2 $1 b *2 +OW +update",
    );
}

#[test]
fn a_call_without_keys_is_told_why() {
    check("GETKEYS nope a", "-ERR Invalid command specified");
    check("GETKEYS object foo a", "-ERR Invalid command specified");
    check(
        "GETKEYS object|encoding foo a",
        "-ERR Invalid command specified",
    );
    check("GETKEYS dbsize", "-ERR The command has no key arguments");
    check(
        "GETKEYS object help",
        "-ERR The command has no key arguments",
    );
    check("GETKEYS object", "-ERR The command has no key arguments");
    check(
        "GETKEYS set",
        "-ERR Invalid number of arguments specified for command",
    );
    check(
        "GETKEYSANDFLAGS get a b",
        "-ERR Invalid number of arguments specified for command",
    );
}

#[test]
fn names_are_listed_by_filter() {
    check("LIST FILTERBY PATTERN REN*", "*2 $6 rename $8 renamenx");
    check(
        "LIST filterby pattern object|ref*",
        "*1 $15 object|refcount",
    );
    check("LIST FILTERBY ACLCAT @keyspace", "*0");
    check("LIST FILTERBY ACLCAT nope", "*0");
    check("LIST FILTERBY MODULE m", "*0");
    check("LIST x", "-ERR syntax error");
    check("LIST FILTERBY", "-ERR syntax error");
    check("LIST FILTERBY x y", "-ERR syntax error");
    check("LIST FILTERBY PATTERN a b", "-ERR syntax error");
}

#[test]
fn a_category_is_named_in_any_case_and_without_its_sign() {
    let registry = registry();
    let mut bytes = Vec::new();
    let listed = command_list(
        &registry,
        &[b"FILTERBY", b"ACLCAT", b"KeySpace"],
        &mut RespWriter::new(&mut bytes, Protocol::Resp2),
    );
    assert_eq!(listed, Ok(()));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(
        text.contains("\r\nexpire\r\n") && !text.contains("\r\nget\r\n"),
        "{text}"
    );
}

#[test]
fn unknown_names_are_null_in_info_and_absent_in_docs() {
    check("INFO nope object|foo", "*2 $-1 $-1");
    check("DOCS nope", "*0");
    check(
        "INFO TYPE",
        "*1 *10 $4 type :2 *2 +readonly +fast :1 :1 :1 *3 +@keyspace +@read +@fast *0 \
         *1 *6 $5 flags *1 +RO $12 begin_search *4 $4 type $5 index $4 spec *2 $5 index :1 \
         $9 find_keys *4 $4 type $5 range $4 spec *6 $7 lastkey :0 $7 keystep :1 $5 limit :0 *0",
    );
    check(
        "DOCS object|help",
        "*2 $11 object|help *8 $7 summary $53 Returns helpful text about the different subcommands. \
         $5 since $5 6.2.0 $5 group $7 generic $10 complexity $4 O(1)",
    );
}

#[test]
fn containers_count_once() {
    let containers_and_commands = FAMILIES.iter().map(|family| family.len()).sum::<usize>();
    check("COUNT", &format!(":{containers_and_commands}"));
}
