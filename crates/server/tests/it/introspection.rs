//! COMMAND, MEMORY and INFO: what the server says of itself.

use crate::harness::{Server, play};

#[test]
fn the_table_of_commands_is_told() {
    play(
        r#"
        > COMMAND INFO get nothing client|list => [["get" :2 [+readonly +fast] :1 :1 :1 [+@read +@string +@fast] [] [["flags" *]] []] $-1 ["client|list" :-2 *]]
        > COMMAND INFO => [[*]]
        > COMMAND LIST FILTERBY PATTERN getr* => ["getrange"]
        > COMMAND LIST FILTERBY ACLCAT nonsense => []
        > COMMAND GETKEYS MSET a 1 b 2 => ["a" "b"]
        > COMMAND GETKEYS PING => -ERR The command has no key arguments
        > COMMAND GETKEYSANDFLAGS SET k v => [["k" [+OW +update]]]
        > COMMAND NONSENSE => -ERR unknown subcommand 'NONSENSE'. Try COMMAND HELP.
        > HELLO 3 => *
        > COMMAND DOCS get => {"get": {"summary": "Returns the string value of a key.", *}}
        > COMMAND INFO nothing => [_]
        "#,
    );
}
