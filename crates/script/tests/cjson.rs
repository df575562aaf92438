//! cjson: results, settings and error texts of lua-cjson 2.1.0, asked of the reference server.

mod common;

use common::bench;

#[test]
fn values_become_json() {
    bench().check(&[
        ("return cjson.encode({})", "\"{}\""),
        ("return cjson.encode({1,2,3})", "\"[1,2,3]\""),
        ("return cjson.encode({[1]=1,[3]=3})", "\"[1,null,3]\""),
        ("return cjson.encode({[1]=1,a=2})", "\"{\"a\":2,\"1\":1}\""),
        ("return cjson.encode({[0]=1})", "\"{\"0\":1}\""),
        ("return cjson.encode({[1.5]=1})", "\"{\"1.5\":1}\""),
        ("return cjson.encode({[-1]=1})", "\"{\"-1\":1}\""),
        ("return cjson.encode(nil)", "\"null\""),
        ("return cjson.encode(cjson.null)", "\"null\""),
        (
            "return cjson.encode({true,false,cjson.null})",
            "\"[true,false,null]\"",
        ),
        ("return cjson.encode(2^53)", "\"9.007199254741e+15\""),
        (
            "return cjson.encode(123456789012345)",
            "\"1.2345678901234e+14\"",
        ),
        ("return cjson.encode(1e14)", "\"1e+14\""),
        (
            "return cjson.encode(-99999999999999)",
            "\"-99999999999999\"",
        ),
        (
            "return cjson.encode({0.1, 1/3, -0.0, 0, 1e300, 100, 2.50})",
            "\"[0.1,0.33333333333333,-0,0,1e+300,100,2.5]\"",
        ),
        (
            "return cjson.encode('a/b\"c\\\\d\\n\\t\\r\\b\\f\\1\\127\\200')",
            "\"\"a\\/b\\\"c\\\\d\\n\\t\\r\\b\\f\\u0001\\u007f\u{c8}\"\"",
        ),
        ("return cjson.encode('')", "\"\"\"\""),
        ("return cjson.encode({{{}}})", "\"[[{}]]\""),
        (
            "return cjson.encode(0/0)",
            "-ERR user_script:1: Cannot serialise number: must not be NaN or Inf @1",
        ),
        (
            "return cjson.encode({[true]=1})",
            "-ERR user_script:1: Cannot serialise boolean: table key must be a number or string @1",
        ),
        (
            "return cjson.encode(function() end)",
            "-ERR user_script:1: Cannot serialise function: type not supported @1",
        ),
        (
            "return cjson.encode({[1]=1,[11]=2})",
            "-ERR user_script:1: Cannot serialise table: excessively sparse array @1",
        ),
        (
            "return cjson.encode()",
            "-ERR user_script:1: bad argument #1 to 'encode' (expected 1 argument) @1",
        ),
        (
            "return cjson.encode(1,2)",
            "-ERR user_script:1: bad argument #1 to 'encode' (expected 1 argument) @1",
        ),
        (
            "local t = {} for i = 1, 1000 do t = {t} end return cjson.encode(t)",
            "-ERR user_script:1: Cannot serialise, excessive nesting (1001) @1",
        ),
        (
            "local t = {} for i = 1, 999 do t = {t} end return #cjson.encode(t)",
            ":2000",
        ),
        (
            "local t = {} t[1] = t return cjson.encode(t)",
            "-ERR user_script:1: Cannot serialise, excessive nesting (1001) @1",
        ),
        (
            "return cjson.encode(setmetatable({}, {__index = {1}}))",
            "\"{}\"",
        ),
    ]);
}

#[test]
fn json_becomes_values() {
    bench().check(&[
        ("return cjson.decode('[0.0, -5e3, -1, 0.3e-3, 1023.2, 0e10]')[2]", ":-5000"),
        ("return table.concat(cjson.decode('[0.0, -5e3, -1, 0.3e-3, 1023.2, 0e10]'), ' ')", "\"0 -5000 -1 0.0003 1023.2 0\""),
        ("local d = cjson.decode('{\"a\": \"x\", \"b\": [1, {\"c\": null}]}') return {d.a, d.b[1], tostring(d.b[2].c), d.b[2].c == cjson.null}", "[\"x\" :1 \"userdata: (nil)\" :1]"),
        ("return {cjson.decode('true'), cjson.decode('false'), cjson.decode('\"s\"'), cjson.decode('7')}", "[:1 nil \"s\" :7]"),
        ("return {cjson.decode(' [ ] ')}", "[[]]"),
        ("return cjson.encode(cjson.decode('[]'))", "\"{}\""),
        ("return cjson.decode('\"\\\\u0041\\\\n\\\\/\\\\\\\\\\\\\"\\\\u00e9\\\\ud83d\\\\ude00\"')", "\"A\n/\\\"\u{c3}\u{a9}\u{f0}\u{9f}\u{98}\u{80}\""),
        ("return tostring(cjson.decode('NaN')) == tostring(0/0) or tostring(cjson.decode('NaN'))", ":1"),
        ("return {tostring(cjson.decode('Infinity')), tostring(cjson.decode('-inf')), cjson.decode('0x1F'), tostring(cjson.decode('-0')), cjson.decode('01'), cjson.decode('+5')}", "[\"inf\" \"-inf\" :31 \"-0\" :1 :5]"),
        ("return {cjson.decode('12345678901234567890'), tostring(cjson.decode('1e-400'))}", "[:-9223372036854775808 \"0\"]"),
        ("return tostring(cjson.decode('0x1.8p1')) .. tostring(cjson.decode('1.')) .. tostring(cjson.decode('1e'))", "-ERR user_script:1: Expected the end but found invalid token at character 2 @1"),
        ("return cjson.decode('[1,2')", "-ERR user_script:1: Expected comma or array end but found T_END at character 5 @1"),
        ("return cjson.decode('{a:1}')", "-ERR user_script:1: Expected object key string but found invalid token at character 2 @1"),
        ("return cjson.decode('')", "-ERR user_script:1: Expected value but found T_END at character 1 @1"),
        ("return cjson.decode('[}')", "-ERR user_script:1: Expected value but found T_OBJ_END at character 2 @1"),
        ("return cjson.decode('{\"a\" 1}')", "-ERR user_script:1: Expected colon but found T_NUMBER at character 6 @1"),
        ("return cjson.decode('{\"a\":1 \"b\"}')", "-ERR user_script:1: Expected comma or object end but found T_STRING at character 8 @1"),
        ("return cjson.decode('{\"a\":1,}')", "-ERR user_script:1: Expected object key string but found T_OBJ_END at character 8 @1"),
        ("return cjson.decode('[1,]')", "-ERR user_script:1: Expected value but found T_ARR_END at character 4 @1"),
        ("return cjson.decode('1 2')", "-ERR user_script:1: Expected the end but found T_NUMBER at character 3 @1"),
        ("return cjson.decode('\"abc')", "-ERR user_script:1: Expected value but found unexpected end of string at character 5 @1"),
        ("return cjson.decode('\"\\\\x\"')", "-ERR user_script:1: Expected value but found invalid escape code at character 2 @1"),
        ("return cjson.decode('\"\\\\u12\"')", "-ERR user_script:1: Expected value but found invalid unicode escape code at character 2 @1"),
        ("return cjson.decode('\"\\\\ud800x\"')", "-ERR user_script:1: Expected value but found invalid unicode escape code at character 2 @1"),
        ("return cjson.decode('truf')", "-ERR user_script:1: Expected value but found invalid token at character 1 @1"),
        ("return cjson.decode('-')", "-ERR user_script:1: Expected value but found invalid number at character 1 @1"),
        ("return cjson.decode(('['):rep(1001))", "-ERR user_script:1: Found too many nested data structures (1001) at character 1001 @1"),
        ("return cjson.decode('a\\0b')", "-ERR user_script:1: JSON parser does not support UTF-16 or UTF-32 @1"),
        ("return cjson.decode('12\\0b')", ":12"),
        ("return cjson.decode()", "-ERR user_script:1: bad argument #1 to 'decode' (expected 1 argument) @1"),
        ("return cjson.decode({})", "-ERR user_script:1: bad argument #1 to 'decode' (string expected, got table) @1"),
        ("local t = {} for i = 1, 100 do t['k' .. i] = i end local d = cjson.decode(cjson.encode(t)) for k, v in pairs(t) do if d[k] ~= v then return k end end return 'same'", "\"same\""),
    ]);
}

/// Objects that follow each other share keys, some, all or none, in any order: each has its own, and no other.
#[test]
fn objects_have_their_own_keys() {
    bench().check(&[
        (
            r#"local d = cjson.decode('[{"a":1,"b":2},{"a":3},{"b":4,"a":5},{},{"a":6,"b":7,"c":8},{"a":9,"b":10}]')
               local out = {}
               for i, o in ipairs(d) do
                 local n = 0 for _ in pairs(o) do n = n + 1 end
                 out[i] = table.concat({n, tostring(o.a), tostring(o.b), tostring(o.c)}, ' ')
               end
               return out"#,
            "[\"2 1 2 nil\" \"1 3 nil nil\" \"2 5 4 nil\" \"0 nil nil nil\" \"3 6 7 8\" \"2 9 10 nil\"]",
        ),
        (
            r#"local d = cjson.decode('[{"a":1,"a":2},{"a":3,"a":4},{"a":5}]') return {d[1].a, d[2].a, d[3].a}"#,
            "[:2 :4 :5]",
        ),
        (
            r#"local d = cjson.decode('[{"a":{"x":1}},{"a":{"y":2}},{"a":{"x":3,"y":4}},{"a":[5]}]')
               return {d[1].a.x, d[2].a.x == nil and d[2].a.y, d[3].a.x + d[3].a.y, d[4].a[1]}"#,
            "[:1 :2 :7 :5]",
        ),
        (
            r#"local d = cjson.decode('[{"a\\n":1},{"a\\n":2},{"a\\u0041":3}]') return {d[1]['a\n'], d[2]['a\n'], d[3].aA}"#,
            "[:1 :2 :3]",
        ),
        (
            r#"local function same(a, b)
                 if type(a) ~= 'table' then return a == b end
                 for k, v in pairs(a) do if not same(v, b[k]) then return false end end
                 for k in pairs(b) do if a[k] == nil then return false end end
                 return true
               end
               local function value(depth)
                 local kind = math.random(depth > 4 and 3 or 6)
                 if kind == 1 then return math.random(1000) - 500 end
                 if kind == 2 then return ('x/"\\\n'):rep(math.random(0, 3)) .. math.random(9) end
                 if kind == 3 then return math.random(2) == 1 end
                 local t = {}
                 for i = 1, math.random(5) do
                   if kind == 4 then t[i] = value(depth + 1) else t['k' .. math.random(kind == 5 and 4 or 30)] = value(depth + 1) end
                 end
                 return t
               end
               for round = 1, 2000 do
                 local v = {value(1), value(1), value(1)}
                 local text = cjson.encode(v)
                 if not same(v, cjson.decode(text)) then return text end
               end
               return 'all the same'"#,
            "\"all the same\"",
        ),
    ]);
}

/// However it is written, a text says the same.
#[test]
fn white_space_says_nothing() {
    bench().check(&[(
        r#"local function show(value)
             if type(value) ~= 'table' then return tostring(value) end
             local keys, shown = {}, {}
             for key in pairs(value) do keys[#keys + 1] = key end
             table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
             for i, key in ipairs(keys) do shown[i] = tostring(key) .. '=' .. show(value[key]) end
             return '{' .. table.concat(shown, ' ') .. '}'
           end
           local texts = {
             '[{"id":"a","n":1},{"id":"b","n":2},{"id":"c","n":-3}]',
             '[{"id":"a","n":1},{"id":"b"},{"n":2},{"n":3,"id":"c"},{},{"id":"d","n":4,"x":5}]',
             '[{"id":1,"l":[1,2]},{"id":[3],"l":4},{"id":{"id":5},"l":{"l":[]}},{"id":null,"l":true}]',
             '[{"":1,"thirteen byte":2},{"":3,"thirteen byte":4}]',
             '[{"a":1,"fourteen bytes":2},{"a":3,"fourteen bytes":4}]',
             '[{"a key of more than sixteen bytes":1,"b":2},{"a key of more than sixteen bytes":3,"b":4}]',
             '[{"k\\u0041":1,"k":2},{"k\\u0041":3,"k":4},{"kA":5}]',
             '[{"a":"\\n","b":1},{"a":"\\n","b":"\\u0041"},{"a":1.5,"b":123456789012345678}]',
             '[{"a":12345678,"b":123456789},{"a":-12345678,"b":1234567},{"a":0,"b":99999999}]',
             '{"a":[{"b":1},{"b":2}],"c":[{"b":3},{"d":4}],"e":[[{"b":5}],[{"b":6}]]}',
             '{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":[{"a":1},{"a":2}]}}}}}}}}}',
           }
           local different = {}
           for _, text in ipairs(texts) do
             local expected = show(cjson.decode(text))
             for _, blanks in ipairs({' ', '  ', '\n\t'}) do
               for _, marks in ipairs({',', ':', ',:', ',:{}%[%]'}) do
                 for _, to in ipairs({'%0' .. blanks, blanks .. '%0', blanks .. '%0' .. blanks}) do
                   local spread = text:gsub('[' .. marks .. ']', to)
                   if show(cjson.decode(spread)) ~= expected then different[#different + 1] = spread end
                 end
               end
             end
           end
           return {show(cjson.decode(texts[2])), different}"#,
        "[\"{1={id=a n=1} 2={id=b} 3={n=2} 4={id=c n=3} 5={} 6={id=d n=4 x=5}}\" []]",
    )]);
}

#[test]
fn settings_are_read_and_changed() {
    bench().check(&[
        ("return {cjson.encode_max_depth(), cjson.decode_max_depth(), cjson.encode_number_precision()}", "[:1000 :1000 :14]"),
        ("return {cjson.encode_sparse_array()}", "[nil :2 :10]"),
        ("return {cjson.encode_sparse_array(true, 0, 5)}", "[:1 :0 :5]"),
        ("cjson.encode_sparse_array(true) return cjson.encode({[1]=1,[11]=2})", "\"{\"11\":2,\"1\":1}\""),
        ("cjson.encode_number_precision(3) return cjson.encode(1.23456)", "\"1.23\""),
        ("return cjson.encode_number_precision(15)", "-ERR user_script:1: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14) @1"),
        ("cjson.encode_max_depth(1) return cjson.encode({{}})", "-ERR user_script:1: Cannot serialise, excessive nesting (2) @1"),
        ("cjson.decode_max_depth(1) return cjson.decode('[[1]]')", "-ERR user_script:1: Found too many nested data structures (2) at character 2 @1"),
        ("cjson.encode_invalid_numbers(true) return cjson.encode({1/0, -1/0, 0/0})", "\"[inf,-inf,nan]\""),
        ("cjson.encode_invalid_numbers('null') return cjson.encode({1/0})", "\"[null]\""),
        ("return {cjson.encode_invalid_numbers('null')}", "[\"null\"]"),
        ("return {cjson.encode_invalid_numbers('on'), cjson.encode_keep_buffer('off'), cjson.decode_invalid_numbers()}", "[:1 nil :1]"),
        ("return cjson.encode_invalid_numbers('x')", "-ERR user_script:1: bad argument #1 to 'encode_invalid_numbers' (invalid option 'x') @1"),
        ("cjson.decode_invalid_numbers(false) return cjson.decode('0x1F')", "-ERR user_script:1: Expected value but found invalid number at character 1 @1"),
        ("cjson.decode_invalid_numbers(false) return cjson.decode('nan')", "-ERR user_script:1: Expected value but found invalid token at character 1 @1"),
        ("return cjson.encode_max_depth(1, 2)", "-ERR user_script:1: bad argument #2 to 'encode_max_depth' (found too many arguments) @1"),
        ("local c = cjson.new() c.encode_max_depth(1) return {pcall(c.encode, {{}}) and 1 or 0, cjson.encode({{}}), c.null == cjson.null}", "[:0 \"[{}]\" :1]"),
        ("local c = cjson.new() c.x = 1 return c.x", ":1"),
        ("cjson.encode_max_depth(100000) local t = {} for i = 1, 50000 do t = {t} end return (select(2, pcall(cjson.encode, t)):gsub('%d+', 'N'))", "\"Cannot serialise, excessive nesting (N)\""),
        ("cjson.decode_max_depth(100000) return (select(2, pcall(cjson.decode, ('['):rep(50000))):gsub('%d+', 'N'))", "\"Found too many nested data structures (N) at character N\""),
    ]);
}
