//! The functions of `redis.*` and the settings of cjson, with right and wrong arguments, asked of the reference server.

mod common;

use common::bench;

#[test]
fn arguments_are_checked_as_the_reference_does() {
    bench().check(&[
        (
            "return {redis.VALKEY_VERSION, redis.VALKEY_VERSION_NUM}",
            "[\"8.1.1\" :524545]",
        ),
        ("return redis == server", ":1"),
        ("return rawequal(redis, server)", ":1"),
        (
            "return {type(redis.REDIS_VERSION_NUM), redis.REDIS_VERSION_NUM, redis.REDIS_VERSION}",
            "[\"number\" :459268 \"7.2.4\"]",
        ),
        (
            "return redis.set_repl()",
            "-ERR server.set_repl() requires one argument. @1",
        ),
        (
            "return redis.set_repl(1,2)",
            "-ERR server.set_repl() requires one argument. @1",
        ),
        (
            "return redis.set_repl(99)",
            "-ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE. @1",
        ),
        (
            "return redis.set_repl(-1)",
            "-ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE. @1",
        ),
        (
            "return redis.set_repl(4)",
            "-ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE. @1",
        ),
        ("return redis.set_repl('x')", "nil"),
        ("return redis.set_repl({})", "nil"),
        ("return redis.set_repl(nil)", "nil"),
        ("return redis.set_repl('3')", "nil"),
        ("return redis.set_repl(1.9)", "nil"),
        (
            "return redis.set_repl(2^32)",
            "-ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE. @1",
        ),
        (
            "return redis.set_repl(2^32+4)",
            "-ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE. @1",
        ),
        (
            "return redis.set_repl(2^64)",
            "-ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE. @1",
        ),
        (
            "return redis.set_repl(0/0)",
            "-ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE. @1",
        ),
        ("return redis.set_repl(redis.REPL_NONE)", "nil"),
        ("return redis.set_repl(redis.REPL_AOF)", "nil"),
        ("return redis.set_repl(redis.REPL_ALL)", "nil"),
        ("return redis.set_repl(redis.REPL_SLAVE)", "nil"),
        ("return redis.replicate_commands()", ":1"),
        ("return redis.replicate_commands(1)", ":1"),
        ("return redis.breakpoint()", "nil"),
        ("return redis.breakpoint(1,2)", "nil"),
        ("return redis.debug()", "nil"),
        ("return redis.debug('x',{})", "nil"),
        ("return {redis.debug('x')}", "[]"),
        (
            "return redis.setresp()",
            "-ERR server.setresp() requires one argument. @1",
        ),
        (
            "return redis.setresp(1)",
            "-ERR RESP version must be 2 or 3. @1",
        ),
        ("return redis.setresp(2)", "nil"),
        ("return redis.setresp(3)", "nil"),
        ("return redis.setresp('3')", "nil"),
        (
            "return redis.setresp('x')",
            "-ERR RESP version must be 2 or 3. @1",
        ),
        ("return redis.setresp(3.5)", "nil"),
        (
            "return redis.setresp({})",
            "-ERR RESP version must be 2 or 3. @1",
        ),
        (
            "return redis.setresp(nil)",
            "-ERR RESP version must be 2 or 3. @1",
        ),
        (
            "return redis.setresp(2,3)",
            "-ERR server.setresp() requires one argument. @1",
        ),
        (
            "return redis.setresp(2^32+3)",
            "-ERR RESP version must be 2 or 3. @1",
        ),
        (
            "return redis.setresp(0/0)",
            "-ERR RESP version must be 2 or 3. @1",
        ),
        (
            "return redis.log()",
            "-ERR server.log() requires two arguments or more. @1",
        ),
        (
            "return redis.log(1)",
            "-ERR server.log() requires two arguments or more. @1",
        ),
        (
            "return redis.log('x','y')",
            "-ERR First argument must be a number (log level). @1",
        ),
        (
            "return redis.log({},'y')",
            "-ERR First argument must be a number (log level). @1",
        ),
        ("return redis.log(4,'y')", "-ERR Invalid log level. @1"),
        ("return redis.log(-1,'y')", "-ERR Invalid log level. @1"),
        ("return redis.log('1','y')", "nil"),
        ("return redis.log(1.9,'y')", "nil"),
        ("return redis.log(3.9,'y')", "nil"),
        ("return redis.log(2^32,'y')", "-ERR Invalid log level. @1"),
        ("return redis.log(2^32+5,'y')", "-ERR Invalid log level. @1"),
        ("return redis.log(0/0,'y')", "-ERR Invalid log level. @1"),
        ("return redis.log(1/0,'y')", "-ERR Invalid log level. @1"),
        ("return redis.log(redis.LOG_DEBUG,{},nil,true,'x')", "nil"),
        ("return redis.log(1,nil)", "nil"),
        (
            "return redis.sha1hex()",
            "-ERR wrong number of arguments @1",
        ),
        (
            "return redis.sha1hex('')",
            "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"",
        ),
        (
            "return redis.sha1hex('a','b')",
            "-ERR wrong number of arguments @1",
        ),
        (
            "return redis.sha1hex(1)",
            "\"356a192b7913b04c54574d18c28d46e6395428ab\"",
        ),
        (
            "return redis.sha1hex({})",
            "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"",
        ),
        (
            "return redis.sha1hex(nil)",
            "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"",
        ),
        (
            "return redis.error_reply()",
            "-ERR wrong number or type of arguments",
        ),
        ("return redis.error_reply('x')", "-ERR x"),
        (
            "return redis.error_reply('x','y')",
            "-ERR wrong number or type of arguments",
        ),
        (
            "return redis.error_reply({})",
            "-ERR wrong number or type of arguments",
        ),
        (
            "return redis.error_reply(5)",
            "-ERR wrong number or type of arguments",
        ),
        ("return redis.error_reply('')", "-ERR "),
        ("return redis.error_reply('-x')", "-ERR x"),
        ("return redis.error_reply('-')", "-ERR "),
        ("return redis.error_reply('-x y')", "-x y"),
        ("return redis.error_reply(' x')", "- x"),
        ("return redis.error_reply('x ')", "-x "),
        ("return redis.error_reply('a\\r\\nb c')", "-a  b c"),
        (
            "return redis.status_reply()",
            "-ERR wrong number or type of arguments",
        ),
        ("return redis.status_reply('x')", "+x"),
        (
            "return redis.status_reply(1)",
            "-ERR wrong number or type of arguments",
        ),
        (
            "return redis.status_reply({})",
            "-ERR wrong number or type of arguments",
        ),
        ("return redis.status_reply('a\\r\\nb')", "+a  b"),
        (
            "return redis.register_function('x', function() end)",
            "-ERR user_script:1: attempt to call field 'register_function' (a nil value) @1",
        ),
        ("return redis.nosuch", "nil"),
        ("return tostring(redis.call == redis.pcall)", "\"false\""),
        (
            "return server.set_repl()",
            "-ERR server.set_repl() requires one argument. @1",
        ),
        (
            "return server.setresp()",
            "-ERR server.setresp() requires one argument. @1",
        ),
        (
            "return server.log()",
            "-ERR server.log() requires two arguments or more. @1",
        ),
    ]);
}

#[test]
fn settings_of_cjson_are_read_and_changed() {
    bench().check(&[
("return {cjson.encode_sparse_array()}", "[nil :2 :10]"),
("return {cjson.encode_sparse_array(true)}", "[:1 :2 :10]"),
("return {cjson.encode_sparse_array('on',5,6)}", "[:1 :5 :6]"),
("return {cjson.encode_sparse_array(true,5,6,7)}", "-ERR user_script:1: bad argument #4 to 'encode_sparse_array' (found too many arguments) @1"),
("return {cjson.encode_sparse_array(nil,-1)}", "-ERR user_script:1: bad argument #1 to 'encode_sparse_array' (expected integer between 0 and 2147483647) @1"),
("return {cjson.encode_sparse_array(nil,2^31)}", "-ERR user_script:1: bad argument #1 to 'encode_sparse_array' (expected integer between 0 and 2147483647) @1"),
("return {cjson.encode_sparse_array({})}", "-ERR user_script:1: bad argument #1 to 'encode_sparse_array' (string expected, got table) @1"),
("return {cjson.encode_sparse_array('x')}", "-ERR user_script:1: bad argument #1 to 'encode_sparse_array' (invalid option 'x') @1"),
("return {cjson.encode_sparse_array(1)}", "-ERR user_script:1: bad argument #1 to 'encode_sparse_array' (invalid option '1') @1"),
("return {cjson.encode_max_depth()}", "[:1000]"),
("return {cjson.encode_max_depth(5)}", "[:5]"),
("return {cjson.encode_max_depth(0)}", "-ERR user_script:1: bad argument #1 to 'encode_max_depth' (expected integer between 1 and 2147483647) @1"),
("return {cjson.encode_max_depth('7')}", "[:7]"),
("return {cjson.encode_max_depth('x')}", "-ERR user_script:1: bad argument #1 to 'encode_max_depth' (number expected, got string) @1"),
("return {cjson.encode_max_depth(1,2)}", "-ERR user_script:1: bad argument #2 to 'encode_max_depth' (found too many arguments) @1"),
("return {cjson.encode_max_depth(2^31)}", "-ERR user_script:1: bad argument #1 to 'encode_max_depth' (expected integer between 1 and 2147483647) @1"),
("return {cjson.encode_max_depth(1.5)}", "[:1]"),
("return {cjson.decode_max_depth()}", "[:1000]"),
("return {cjson.decode_max_depth(3), pcall(cjson.decode,'[[[[1]]]]')}", "[:3 nil \"Found too many nested data structures (4) at character 4\"]"),
("return {cjson.decode_max_depth(-1)}", "-ERR user_script:1: bad argument #1 to 'decode_max_depth' (expected integer between 1 and 2147483647) @1"),
("return {cjson.encode_number_precision()}", "[:14]"),
("return {cjson.encode_number_precision(3), cjson.encode(1/3)}", "[:3 \"0.333\"]"),
("return {cjson.encode_number_precision(15)}", "-ERR user_script:1: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14) @1"),
("return {cjson.encode_number_precision(0)}", "-ERR user_script:1: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14) @1"),
("return {cjson.encode_number_precision(14)}", "[:14]"),
("return {cjson.encode_number_precision(16)}", "-ERR user_script:1: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14) @1"),
("return {cjson.encode_number_precision(17)}", "-ERR user_script:1: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14) @1"),
("return {cjson.encode_keep_buffer()}", "[:1]"),
("return {cjson.encode_keep_buffer(false)}", "[nil]"),
("return {cjson.encode_keep_buffer('off'), cjson.encode_keep_buffer()}", "[nil nil]"),
("return {cjson.encode_keep_buffer(true,1)}", "-ERR user_script:1: bad argument #2 to 'encode_keep_buffer' (found too many arguments) @1"),
("return {cjson.encode_keep_buffer(1)}", "-ERR user_script:1: bad argument #1 to 'encode_keep_buffer' (invalid option '1') @1"),
("return {cjson.encode_invalid_numbers()}", "[nil]"),
("return {cjson.encode_invalid_numbers(true), cjson.encode({1/0,-1/0})}", "[:1 \"[inf,-inf]\"]"),
("return {cjson.encode_invalid_numbers('null'), cjson.encode({1/0,-1/0,0/0})}", "[\"null\" \"[null,null,null]\"]"),
("return {cjson.encode_invalid_numbers('on')}", "[:1]"),
("return {cjson.encode_invalid_numbers('off')}", "[nil]"),
("return {cjson.encode_invalid_numbers('x')}", "-ERR user_script:1: bad argument #1 to 'encode_invalid_numbers' (invalid option 'x') @1"),
("return {cjson.encode_invalid_numbers({})}", "-ERR user_script:1: bad argument #1 to 'encode_invalid_numbers' (string expected, got table) @1"),
("return {cjson.encode_invalid_numbers(1)}", "-ERR user_script:1: bad argument #1 to 'encode_invalid_numbers' (invalid option '1') @1"),
("return {cjson.decode_invalid_numbers()}", "[:1]"),
("return {cjson.decode_invalid_numbers(false), pcall(cjson.decode,'[0x10]')}", "[nil nil \"Expected value but found invalid number at character 2\"]"),
("return {cjson.decode_invalid_numbers('null')}", "-ERR user_script:1: bad argument #1 to 'decode_invalid_numbers' (invalid option 'null') @1"),
("return {cjson.decode_invalid_numbers('x')}", "-ERR user_script:1: bad argument #1 to 'decode_invalid_numbers' (invalid option 'x') @1"),
("local c=cjson.new() c.encode_number_precision(3) return {c.encode(1/3), cjson.encode(1/3)}", "[\"0.333\" \"0.33333333333333\"]"),
("local c=cjson.new() local t={} for k,v in pairs(c) do t[#t+1]=k..type(v) end table.sort(t) return t", "[\"_NAMEstring\" \"_VERSIONstring\" \"decode_invalid_numbersfunction\" \"decode_max_depthfunction\" \"decodefunction\" \"encode_invalid_numbersfunction\" \"encode_keep_bufferfunction\" \"encode_max_depthfunction\" \"encode_number_precisionfunction\" \"encode_sparse_arrayfunction\" \"encodefunction\" \"newfunction\" \"nulluserdata\"]"),
("local c=cjson.new() c.x=1 return c.x", ":1"),
("local t={} for k in pairs(cjson) do t[#t+1]=k end table.sort(t) return t", "[\"_NAME\" \"_VERSION\" \"decode\" \"decode_invalid_numbers\" \"decode_max_depth\" \"encode\" \"encode_invalid_numbers\" \"encode_keep_buffer\" \"encode_max_depth\" \"encode_number_precision\" \"encode_sparse_array\" \"new\" \"null\"]"),
("return {cjson.new(1,2) ~= nil}", "[:1]"),
("return tostring(cjson.decode_array_with_array_mt)", "\"nil\""),
("return tostring(cjson.safe)", "\"nil\""),
("return {type(cjson.new().null), cjson.new().null == cjson.null}", "[\"userdata\" :1]"),
    ]);
}
#[test]
fn options_are_named_as_a_whole() {
    bench().check(&[
("return cjson.encode_keep_buffer(('x'):rep(120))", "-ERR user_script:1: bad argument #1 to 'encode_keep_buffer' (invalid option 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') @1"),
("return cjson.encode_sparse_array(('ab'):rep(300))", "-ERR user_script:1: bad argument #1 to 'encode_sparse_array' (invalid option 'abababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababab') @1"),
("return cjson.encode_invalid_numbers('a\\0b')", "-ERR user_script:1: bad argument #1 to 'encode_invalid_numbers' (invalid option 'a') @1"),
("return cjson.encode_keep_buffer('')", "-ERR user_script:1: bad argument #1 to 'encode_keep_buffer' (invalid option '') @1"),
    ]);
}
