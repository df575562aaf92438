//! What becomes of values on their way from Lua to a reply, from a command's reply to Lua, and of arguments.

mod common;

use common::bench;
use perilune_resp::Protocol;

#[test]
fn lua_values_become_replies() {
    bench().check(&[
        ("return 3.99", ":3"),
        ("return -3.99", ":-3"),
        ("return 2^53", ":9007199254740992"),
        ("return 1e20", ":-9223372036854775808"),
        ("return 0/0", ":-9223372036854775808"),
        ("return 'hello'", "\"hello\""),
        ("return true", ":1"),
        ("return false", "nil"),
        ("return nil", "nil"),
        ("return", "nil"),
        ("", "nil"),
        ("return cjson.null", "nil"),
        ("return function() end", "nil"),
        ("return coroutine.create(function() end)", "nil"),
        ("return {}", "[]"),
        ("return {1,nil,3}", "[:1]"),
        ("return {nil,1}", "[]"),
        ("return {1,false,3}", "[:1 nil :3]"),
        ("return {a=1}", "[]"),
        ("return {1,2,a=3}", "[:1 :2]"),
        (
            "return setmetatable({},{__index=function() error('x') end})",
            "[]",
        ),
        // found by random values: bytes that are no UTF-8, and C's end of a text
        ("return {ok='\\200x'}", "+\u{c8}x"),
        ("return {ok='a\\r\\0b'}", "+a "),
        ("return {err='\\200\\0x'}", "-\u{c8}"),
        ("return {err='a\\r\\nb\\r\\n'}", "-a  b"),
        ("return {err='\\r\\na'}", "-  a"),
        ("return {big_number='\\2001\\0002'}", "\"\u{c8}1\u{0}2\""),
        ("return redis.error_reply('MY code\\0x')", "-MY code"),
        ("return redis.error_reply('one\\0 word')", "-ERR one"),
        ("return redis.error_reply('\\r\\none\\n')", "-ERR one"),
        ("return redis.error_reply('A \\r\\nb\\n')", "-A b"),
        ("return redis.error_reply('- \\r\\n')", "- "),
        ("return #redis.error_reply('A \\r\\n \\r\\n').err", ":3"),
        ("return {1,{2,{3,{}}},'x'}", "[:1 [:2 [:3 []]] \"x\"]"),
        ("return {ok='FINE'}", "+FINE"),
        ("return {ok=5}", "[]"),
        ("return {ok='a\\r\\nb'}", "+a  b"),
        ("return {err='boo'}", "-boo"),
        ("return {err='-X y'}", "--X y"),
        ("return {err=5}", "[]"),
        ("return {err={},ok='x'}", "+x"),
        ("return {{err='inner'},1}", "[-inner :1]"),
        ("return {double=3.5}", "\"3.5\""),
        ("return {double='3.5'}", "[]"),
        ("return {map={a=1}}", "[\"a\" :1]"),
        ("return {map={a={b=false}}}", "[\"a\" []]"),
        ("return {map={[1]={1,2}}}", "[:1 [:1 :2]]"),
        ("return {set={a=true}}", "[\"a\"]"),
        ("return {set={}}", "[]"),
        ("return {map={}}", "[]"),
        ("return {big_number='1\\r2'}", "\"1 2\""),
        (
            "return {verbatim_string={format='txt',string='hi'}}",
            "\"hi\"",
        ),
        ("return {verbatim_string={format=1,string='hi'}}", "[]"),
        (
            "return {verbatim_string={string='hi'},map={a=1}}",
            "[\"a\" :1]",
        ),
        (
            "return {1,{map={x={set={y=true}}}},2}",
            "[:1 [\"x\" [\"y\"]] :2]",
        ),
        ("return _G", "[]"),
        ("return 'a\\0b'", "\"a\0b\""),
    ]);
}

#[test]
fn a_resp3_client_gets_rich_shapes() {
    let mut bench = bench();
    bench.protocol = Protocol::Resp3;
    bench.check(&[
        ("return {double=3.5}", ",3.5"),
        ("return {map={a=1}}", "{\"a\" :1}"),
        ("return {set={a=true}}", "~[\"a\"]"),
        ("return {big_number='123'}", "(123"),
        (
            "return {verbatim_string={format='txt',string='hi'}}",
            "=txt:hi",
        ),
        (
            "return {verbatim_string={format='t\\0t',string='a\\0b'}}",
            "=t:a\0b",
        ),
        ("return {true,false}", "[:1 nil]"),
        ("redis.setresp(3) return {true,false}", "[#t #f]"),
    ]);
}

#[test]
fn setresp_changes_what_booleans_become() {
    bench().check(&[
        ("redis.setresp(3) return {true,false}", "[:1 :0]"),
        ("return {true,false}", "[:1 nil]"),
    ]);
}

#[test]
fn a_recursive_table_ends_at_luas_stack() {
    let text = bench().eval("local a = {} a[1] = a return a", &[], &[]);
    assert!(
        text.contains("-ERR reached lua stack limit"),
        "{}",
        &text[text.len() - 100..]
    );
    let depth = text.bytes().filter(|&byte| byte == b'[').count();
    assert!((7900..8000).contains(&depth), "{depth}");
}

#[test]
fn replies_of_commands_become_lua_values() {
    let describe = "local function d(v) \
        if type(v) ~= 'table' then return type(v) .. ':' .. tostring(v) end \
        local t = {} for k, x in pairs(v) do t[#t+1] = tostring(k) .. '=' .. d(x) end \
        table.sort(t) return '{' .. table.concat(t, ',') .. '}' end ";
    let mut bench = bench();
    let cases: &[(&str, &str, &str)] = &[
        ("status", "{ok=string:FINE}", "{ok=string:FINE}"),
        ("integer", "number:-7", "number:-7"),
        ("null", "boolean:false", "nil:nil"),
        ("null_array", "boolean:false", "nil:nil"),
        ("double", "string:1.5", "{double=number:1.5}"),
        ("inf", "string:inf", "{double=number:inf}"),
        ("true", "number:1", "boolean:true"),
        ("false", "number:0", "boolean:false"),
        (
            "big_number",
            "string:123456789012345678901234567890",
            "{big_number=string:123456789012345678901234567890}",
        ),
        (
            "verbatim",
            "string:hello",
            "{verbatim_string={format=string:txt,string=string:hello}}",
        ),
        (
            "map",
            "{1=string:a,2=number:1,3=string:b,4={1=number:2,2=boolean:false}}",
            "{map={a=number:1,b={1=number:2}}}",
        ),
        (
            "set",
            "{1=string:m,2=string:n}",
            "{set={m=boolean:true,n=boolean:true}}",
        ),
        ("push", "{1=string:p}", "{1=string:p}"),
        ("holes", "{1=boolean:false,2=number:2}", "{2=number:2}"),
        ("null_key", "{1=boolean:false,2=number:1}", "{map={}}"),
        (
            "nested",
            "{1={},2={1=string:k,2={1=string:2.5}},3={err=string:MY inner,ignore_error_stats_update=boolean:true},\
             4={1={1={ok=string:deep}}}}",
            "",
        ),
        (
            "error",
            "{err=string:MY error,ignore_error_stats_update=boolean:true}",
            "{err=string:MY error,ignore_error_stats_update=boolean:true}",
        ),
    ];
    for (shape, resp2, resp3) in cases {
        let call = format!("return d(redis.pcall('shape', '{shape}'))");
        assert_eq!(
            bench.eval(&format!("{describe} {call}"), &[], &[]),
            format!("\"{resp2}\"")
        );
        if !resp3.is_empty() {
            let source = format!("{describe} redis.setresp(3) {call}");
            assert_eq!(bench.eval(&source, &[], &[]), format!("\"{resp3}\""));
        }
    }
}

#[test]
fn arguments_are_written_as_the_reference_writes_them() {
    bench().check(&[
        (
            "return redis.call('args', 'a', 1, 'b', 2.5, -3)",
            "[\"a\" \"1\" \"b\" \"2.5\" \"-3\"]",
        ),
        (
            "return redis.call('args', 1e15, 2^53, 2^62, 2^63)",
            concat!(
                "[\"1000000000000000\" \"9007199254740992\" ",
                "\"4611686018427387904\" \"9223372036854775808\"]"
            )
            .replace("9223372036854775808", "9223372036854776000")
            .leak(),
        ),
        (
            "return redis.call('args', 1/3, 1e100, 3e-7, -0.0)",
            "[\"0.3333333333333333\" \"1e+100\" \"3e-7\" \"0\"]",
        ),
        (
            "return redis.call('args', 1/0, -1/0, 0/0)",
            "[\"inf\" \"-inf\" \"-nan\"]",
        ),
        (
            "return redis.call('args', 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16)[16]",
            "\"16\"",
        ),
        ("return redis.call('args', 'a\\0b')", "[\"a\0b\"]"),
        (
            "return redis.call('get', {})",
            "-ERR Command arguments must be strings or integers @1",
        ),
        (
            "return redis.call('get', nil)",
            "-ERR Command arguments must be strings or integers @1",
        ),
        (
            "return redis.call('get', true)",
            "-ERR Command arguments must be strings or integers @1",
        ),
        (
            "return redis.pcall('get', true)",
            "-ERR Command arguments must be strings or integers",
        ),
        (
            "return redis.call()",
            "-ERR Please specify at least one argument for this call @1",
        ),
        (
            "local a = {} for i=1,7999 do a[i] = 1 end return #redis.call('args', unpack(a))",
            ":7999",
        ),
    ]);
}

#[test]
fn keys_and_argv_are_what_was_given() {
    let mut bench = bench();
    let reply = bench.eval(
        "return {KEYS[1],KEYS[2],ARGV[1],#KEYS,#ARGV}",
        &["a", "b"],
        &["c"],
    );
    assert_eq!(reply, "[\"a\" \"b\" \"c\" :2 :1]");
    assert_eq!(bench.eval("return {#KEYS,#ARGV}", &[], &[]), "[:0 :0]");
    assert_eq!(
        bench.eval(
            "KEYS[1]='z' ARGV[1]='y' return {KEYS[1], ARGV[1]}",
            &["a"],
            &[]
        ),
        "[\"z\" \"y\"]"
    );
}

#[test]
fn a_reply_nested_deeper_than_luas_stack_is_an_error() {
    bench().check(&[
        ("local t = redis.call('nested', 1000) local n = 0 while type(t) == 'table' do t = t[1] n = n + 1 end return n", ":1000"),
        ("return redis.call('nested', 100000)", "-ERR The reply is more than Lua can hold @1"),
    ]);
}
