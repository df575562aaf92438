//! `bit`: results and error texts of BitOp 1.0.2, asked of the reference server.

mod common;

use common::bench;

#[test]
fn results_are_of_32_bits() {
    bench().check(&[
("return {bit.tobit(1), bit.tobit(-1), bit.tobit(2^31), bit.tobit(2^32+5), bit.tobit(2^53+2), bit.tobit(1e300), bit.tobit(-1e300)}", "[:1 :-1 :-2147483648 :5 :1 :-2013235812 :-2013235812]"),
("return {bit.tobit(1.5), bit.tobit(2.5), bit.tobit(0.5), bit.tobit(-0.5), bit.tobit(-1.5), bit.tobit(0.7), bit.tobit(-0.7)}", "[:2 :2 :0 :0 :-2 :1 :-1]"),
("return {bit.tobit(1/0), bit.tobit(-1/0), bit.tobit(0/0), bit.tobit('12'), bit.tobit('0x10'), bit.tobit(' 7 ')}", "[:0 :0 :0 :12 :16 :7]"),
("return {bit.band(0xffffffff, -1), bit.band(7), bit.bor(1, 2, '4'), bit.bxor(5, 1, 2^33 + 8), bit.bnot(2^40 + 3)}", "[:-1 :7 :7 :12 :-4]"),
("return {bit.lshift(1,32), bit.lshift(1,33), bit.lshift(1,-1), bit.lshift(1,31), bit.lshift(1,2^40+1), bit.lshift(1,0/0)}", "[:1 :2 :-2147483648 :-2147483648 :2 :1]"),
("return {bit.rshift(-1,1), bit.arshift(-8,1), bit.rol(0x80000001,4), bit.ror(0x80000001,4), bit.rol(1,0), bit.ror(1,32)}", "[:2147483647 :-4 :24 :402653184 :1 :1]"),
("return {bit.bswap(0x12345678), bit.bswap(-1), bit.bswap(255)}", "[:2018915346 :-1 :-16777216]"),
("return tostring(1/bit.tobit(-0.0))", "\"inf\""),
    ]);
}

#[test]
fn compiled_code_has_the_same_results() {
    bench().check(&[
("local r for i=1,1000 do r = bit.bxor(i, '0x0f', 1.5, 2^33+7) end return r", ":994"),
("local r for i=1,1000 do r = bit.bxor(i, i*1e10) end return r", ":1316135912"),
("local r,n=0,0/0 for i=1,1000 do r = bit.bxor(r, n, i, 1/0) end return r", ":1000"),
("local r=0 for i=1,1000 do r = bit.rol(r+i, i) + bit.ror(i, r) + bit.arshift(r, i) + bit.bswap(i) + bit.bnot(r) end return tostring(r)", "\"2110297101\""),
("local r for i=1,1000 do r = bit.band(i, i < 990 and 1 or 'x') end return r", "-ERR user_script:1: bad argument #2 to 'band' (number expected, got string) @1"),
    ]);
}

#[test]
fn tohex_has_up_to_eight_digits() {
    bench().check(&[
("return {bit.tohex(255), bit.tohex(255,-4), bit.tohex(-1,0), bit.tohex(1,100), bit.tohex(1,-100), bit.tohex('255','2')}", "[\"000000ff\" \"00FF\" \"\" \"00000001\" \"00000001\" \"ff\"]"),
("return {bit.tohex(0xdeadbeef, 2^31), bit.tohex(0xdeadbeef, -2^31), bit.tohex(1e300,1e300), bit.tohex(0/0)}", "[\"DEADBEEF\" \"DEADBEEF\" \"8800759C\" \"00000000\"]"),
("return bit.tohex()", "-ERR user_script:1: bad argument #1 to 'tohex' (number expected, got no value) @1"),
("return bit.tohex(1,nil)", "-ERR user_script:1: bad argument #2 to 'tohex' (number expected, got nil) @1"),
("return bit.tohex(1,'x')", "-ERR user_script:1: bad argument #2 to 'tohex' (number expected, got string) @1"),
("return bit.tohex({}, {})", "-ERR user_script:1: bad argument #1 to 'tohex' (number expected, got table) @1"),
("local ok, e = pcall(bit.tohex,1,'x') return e", "\"bad argument #2 to '?' (number expected, got string)\""),
    ]);
}

#[test]
fn wrong_arguments_are_named() {
    bench().check(&[
        (
            "return bit.tobit('x')",
            "-ERR user_script:1: bad argument #1 to 'tobit' (number expected, got string) @1",
        ),
        (
            "return bit.tobit()",
            "-ERR user_script:1: bad argument #1 to 'tobit' (number expected, got no value) @1",
        ),
        (
            "return bit.tobit(cjson.null)",
            "-ERR user_script:1: bad argument #1 to 'tobit' (number expected, got userdata) @1",
        ),
        (
            "return bit.band()",
            "-ERR user_script:1: bad argument #1 to 'band' (number expected, got no value) @1",
        ),
        (
            "return bit.band(1,nil)",
            "-ERR user_script:1: bad argument #2 to 'band' (number expected, got nil) @1",
        ),
        (
            "return bit.band('x',{})",
            "-ERR user_script:1: bad argument #1 to 'band' (number expected, got string) @1",
        ),
        (
            "return bit.band(1,2,'x')",
            "-ERR user_script:1: bad argument #3 to 'band' (number expected, got string) @1",
        ),
        (
            "return bit.bnot('')",
            "-ERR user_script:1: bad argument #1 to 'bnot' (number expected, got string) @1",
        ),
        (
            "return bit.lshift(1)",
            "-ERR user_script:1: bad argument #2 to 'lshift' (number expected, got no value) @1",
        ),
        (
            "return bit.lshift(1,'x')",
            "-ERR user_script:1: bad argument #2 to 'lshift' (number expected, got string) @1",
        ),
        (
            "return bit.lshift('x','y')",
            "-ERR user_script:1: bad argument #1 to 'lshift' (number expected, got string) @1",
        ),
        (
            "return bit.bswap(true)",
            "-ERR user_script:1: bad argument #1 to 'bswap' (number expected, got boolean) @1",
        ),
        (
            "local band = bit.band return band('x')",
            "-ERR user_script:1: bad argument #1 to 'band' (number expected, got string) @1",
        ),
        (
            "local ok, e = pcall(bit.band,1,'x') return e",
            "\"bad argument #2 to '?' (number expected, got string)\"",
        ),
    ]);
}
