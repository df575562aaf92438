//! What the differential test has found: each was another answer than the reference's.

use crate::harness::{Server, play};

#[test]
fn errors_quote_up_to_the_first_nul() {
    play(
        r#"
        > "no\x00such" "a\x00b" c => -ERR unknown command 'no', with args beginning with: 'a' 'c' 
        > OBJECT "1\x00" k => -ERR unknown subcommand '1'. Try OBJECT HELP.
        > EXPIRE k 1 "x\x00y" => -ERR Unsupported option x
        > EXPIRE k 1 "x\ny\n" => -ERR Unsupported option x y
        > CLIENT SETINFO "x\x00y" z => -ERR Unrecognized option 'x'
        > CLIENT SETNAME "x\x00 y" => +OK
        > CLIENT GETNAME => "x\x00 y"
        > CLIENT INFO => "id=* name=x age=*"
        "#,
    );
}

#[test]
fn the_first_error_is_the_references() {
    play(
        r#"
        > SELECT x => -ERR value is not an integer or out of range
        > SELECT 4294967296 => -ERR value is out of range, value must between -2147483648 and 2147483647
        > SELECT 99 => -ERR DB index is out of range
        > CONFIG SET maxmemory 1 port => -ERR syntax error
        > EVALSHA short notanumber => -NOSCRIPT No matching script.
        > EVALSHA ffffffffffffffffffffffffffffffffffffffff notanumber => -ERR value is not an integer or out of range
        > SCRIPT FLUSH SYNC ASYNC => -ERR SCRIPT FLUSH only support SYNC|ASYNC option
        > SCAN "0\x00x" => ["0" []]
        > LOLWUT VERSION 6 x => -ERR value is not an integer or out of range
        > COMMAND GETKEYSANDFLAGS EVAL s 1x k a => [["k" []]]
        > COMMAND GETKEYS EVAL s x k => []
        > COMMAND GETKEYS ZINTERSTORE d -9223372036854775807 a b => ["a" "d"]
        > COMMAND GETKEYSANDFLAGS ZINTERSTORE d -9223372036854775807 a b => [["a" []] ["d" []]]
        "#,
    );
}

#[test]
fn a_lookup_that_finds_another_type_has_found_something() {
    play(
        r#"
        > SET s v => +OK
        > CONFIG RESETSTAT => +OK
        > HTTL s FIELDS 1 a => -WRONGTYPE *
        > INFO stats => "*keyspace_hits:1*keyspace_misses:0*"
        "#,
    );
}

#[test]
fn a_refused_exec_says_so() {
    play(
        r#"
        > EXEC EXEC => -EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command
        > MULTI => +OK
        > SET k v => +QUEUED
        > EXEC x => -EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command
        > EXEC => -ERR EXEC without MULTI
        > INFO commandstats => "*cmdstat_exec:calls=1,usec=*,usec_per_call=*,rejected_calls=2,failed_calls=1*"
        "#,
    );
}

#[test]
fn exec_without_multi_goes_on_watching() {
    play(
        r#"
        > WATCH k => +OK
        > EXEC => -ERR EXEC without MULTI
        > SET k v => +OK
        > MULTI => +OK
        > EXEC => *-1
        "#,
    );
}

#[test]
fn lists_show_transactions_as_the_reference_does() {
    play(
        r#"
        > CLIENT INFO => "* multi=-1 watch=0 *"
        > WATCH k => +OK
        > CLIENT INFO => "* multi=0 watch=1 *"
        > MULTI => +OK
        > CLIENT INFO => +QUEUED
        > EXEC => ["* multi=1 watch=0 *"]
        > CLIENT INFO => "* multi=0 watch=0 *"
        "#,
    );
}

#[test]
fn who_kills_itself_in_exec_hears_no_more() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for call in ["MULTI", "CLIENT KILL SKIPME no", "SET k v"] {
        client.ask(call);
    }
    client.send("EXEC");
    assert_eq!(client.receive(), None);
    assert_eq!(server.connect().ask("GET k"), "\"v\"");
}

#[test]
fn scripts_know_commands_as_clients_do() {
    play(
        r#"
        > EVAL "return redis.pcall('command','nosuch').err" 0 => "ERR Unknown command called from script*"
        > EVAL "return redis.pcall('client|id').err" 0 => "ERR Unknown command called from script*"
        > EVAL "return redis.pcall('get').err" 0 => "ERR Wrong number of args calling command from script*"
        > INFO commandstats => "*cmdstat_get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0*"
        "#,
    );
}

#[test]
fn each_error_in_an_answer_is_counted() {
    play(
        r#"
        > EVAL "return {redis.pcall('get'),redis.pcall('get'),{err='inner'},{err='1.5'},{err='MY code'}}" 0 => *
        > INFO commandstats => "*cmdstat_eval:calls=1,usec=*,usec_per_call=*,rejected_calls=0,failed_calls=3*"
        > INFO errorstats => "*errorstat_ERR:count=4*errorstat_MY:count=1*"
        "#,
    );
}

#[test]
fn codes_of_errors_cannot_write_lines_of_info() {
    play(
        r#"
        > EVAL "return {err='# x:y'}" 0 => -# x:y
        > EVAL "return {err='a:b#c text'}" 0 => -a:b#c text
        > INFO errorstats => "*errorstat__:count=1*errorstat_a_b_c:count=1*"
        "#,
    );
}

#[test]
fn a_push_is_for_resp3_alone() {
    play(
        r#"
        > DEBUG PROTOCOL push => -ERR RESP2 is not supported by this command
        > DEBUG SET-DISABLE-DENY-SCRIPTS 1 => +OK
        > EVAL "return redis.call('debug', 'protocol', 'push')" 0 => -ERR RESP2 is not supported by this command *
        > EVAL "redis.setresp(3) return redis.call('debug', 'protocol', 'push')[1]" 0 => "server-cpu-usage"
        > HELLO 3 => *
        > DEBUG PROTOCOL push => *
        > DEBUG PROTOCOL nosuch => -ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false
        "#,
    );
}

#[test]
fn a_bitfield_that_overflows_leaves_a_longer_string() {
    play(
        r#"
        > BITFIELD k OVERFLOW FAIL INCRBY u31 #0 -15 => [$-1]
        > STRLEN k => :4
        > BITFIELD s OVERFLOW SAT SET i32 0 -9223372036854775807 GET i32 0 => [:0 :2147483647]
        > BITFIELD s OVERFLOW SAT SET i32 0 -2147483649 GET i32 0 => [:2147483647 :-2147483648]
        "#,
    );
}

#[test]
fn a_bitfield_that_only_lengthens_tells_no_watcher() {
    play(
        r#"
        > WATCH k => +OK
        > BITFIELD k OVERFLOW FAIL SET i32 830 9223372036854775807 => [$-1]
        > STRLEN k => :108
        > INFO persistence => "*rdb_changes_since_last_save:0*"
        > DBSIZE => :1
        > MULTI => +OK
        > BITFIELD k OVERFLOW FAIL SET i32 1630 9223372036854775807 => +QUEUED
        > EXEC => [[$-1]]
        > STRLEN k => :208
        > WATCH k => +OK
        > BITFIELD k OVERFLOW FAIL SET i32 830 9223372036854775807 SET u8 0 1 => [$-1 :0]
        > MULTI => +OK
        > EXEC => *-1
        > INFO persistence => "*rdb_changes_since_last_save:1*"
        > MULTI ATOMIC => +OK
        > BITFIELD n OVERFLOW FAIL SET u8 830 300 => +QUEUED
        > BITFIELD k OVERFLOW FAIL SET u8 8000 300 => +QUEUED
        > INCR k => +QUEUED
        > EXEC => -*
        > STRLEN k => :208
        > EXISTS n => :0
        "#,
    );
}

#[test]
fn a_line_of_http_closes_the_connection() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send_bytes(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(client.receive(), None);
}

#[test]
fn format_is_that_of_lua_5_1() {
    play(
        r#"
        > EVAL "return string.format('%5.2f|%.1f',5e-324,-1e-190)" 0 => " 0.00|-0.0"
        > EVAL "return string.format('%5q|%s|%q|%%q','a\\127',1,2)" 0 => ""a\x7f"|1|"2"|%q"
        > EVAL "return #string.format('%q','a\\0b\\r')" 0 => :10
        > EVAL "return tostring(cjson.null)" 0 => "userdata: (nil)"
        > EVAL "return (tostring(string.rep):gsub('%d+', 'N'))" 0 => "function: builtin#N"
        > EVAL "return getmetatable(cjson.null)" 0 => $-1
        "#,
    );
}

#[test]
fn the_insecure_api_comes_and_goes() {
    let server = Server::start(&["--enable-protected-configs", "yes"]);
    server.play(
        r#"
        > EVAL "return getfenv()" 0 => -*Script attempted to access nonexistent global variable 'getfenv'*
        > CONFIG SET lua-enable-insecure-api yes => +OK
        > EVAL "return getfenv()" 0 => []
        > EVAL "return getfenv() == _G and 1" 0 => :1
        > EVAL "return getfenv(redis.call) == _G and getfenv(table.foreach) == _G and getfenv(0) == _G and 1" 0 => :1
        > EVAL "return {pcall(setfenv, 0, {})}" 0 => [$-1 *]
        > EVAL "return {pcall(setfenv, redis.call, {})}" 0 => [$-1 *]
        > EVAL "local f = setfenv(function() return x end, {x = 5}) return f()" 0 => :5
        > EVAL "local pcall, unpack = pcall, unpack setfenv(1, {x = 7}) return x" 0 => :7
        > EVAL "return type(newproxy(true))" 0 => "userdata"
        > CONFIG SET lua-enable-deprecated-api no => +OK
        > EVAL "return newproxy()" 0 => -*Script attempted to access nonexistent global variable 'newproxy'*
        "#,
    );
}

#[test]
fn what_a_transaction_has_counted_is_reset_too() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for call in ["MULTI", "GET k", "CONFIG RESETSTAT", "STRLEN k", "EXEC"] {
        client.ask(call);
    }
    let info = client.text("INFO commandstats");
    assert!(!info.contains("cmdstat_get:"), "{info}");
    assert!(info.contains("cmdstat_strlen:calls=1,"), "{info}");
}

#[test]
fn of_a_name_and_its_alias_the_last_holds() {
    play(
        r#"
        > CONFIG SET lua-time-limit 5001 busy-reply-threshold 5000 => +OK
        > CONFIG GET lua-time-limit => ["lua-time-limit" "5000"]
        "#,
    );
}
