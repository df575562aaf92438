//! `string.find`, `match`, `gmatch`, `gsub`: the results of Lua 5.1, asked of the reference server.

mod common;

use common::bench;

#[test]
fn patterns_match_as_in_lua_5_1() {
    bench().check(&[
        ("return {string.find('hello world', 'wor')}", "[:7 :9]"),
        ("return {string.find('hello world', 'o', 6)}", "[:8 :8]"),
        ("return {string.find('hello world', 'o', -2)}", "[]"),
        ("return {string.find('abc', '', 10)}", "[:4 :3]"),
        ("return {string.find('abc', 'b', -100)}", "[:2 :2]"),
        ("return {string.find('a.b', '.', 1, true)}", "[:2 :2]"),
        ("return {string.find('a+b', 'a+b', 1, true)}", "[:1 :3]"),
        ("return {string.find('hello', 'l(l)(o)')}", "[:3 :5 \"l\" \"o\"]"),
        ("return {string.find('hello', '()ll()')}", "[:3 :4 :3 :5]"),
        ("return {string.match('key = value', '^(%w+)%s*=%s*(%w+)$')}", "[\"key\" \"value\"]"),
        ("return {string.match('2024-01-31', '(%d+)-(%d+)-(%d+)')}", "[\"2024\" \"01\" \"31\"]"),
        ("return {string.match('abc', 'b')}", "[\"b\"]"),
        ("return {string.match('  x  ', '^%s*(.-)%s*$')}", "[\"x\"]"),
        ("return {string.match('f(a(b)c)d', '%b()')}", "[\"(a(b)c)\"]"),
        ("return {string.match('THE (quick) fox', '%f[%a]%a+', 5)}", "[\"quick\"]"),
        ("return {string.match('xyxy', '(x)(y)%1%2')}", "[\"x\" \"y\"]"),
        ("return {string.match('a]b', '[]]')}", "[\"]\"]"),
        ("return {string.match('a-b', '[a%-]+')}", "[\"a-\"]"),
        ("return {string.match('a^b', '[b^]+')}", "[\"^b\"]"),
        ("return {string.match('abc123', '[^%d]+')}", "[\"abc\"]"),
        ("return {string.match('abc', '[a-c]+')}", "[\"abc\"]"),
        ("return {string.match('a.b', 'a%.b')}", "[\"a.b\"]"),
        ("return {string.match('aaa', 'a-b')}", "[]"),
        ("return {string.match('aaab', 'a-b')}", "[\"aaab\"]"),
        ("return {string.match('aaa', '^(a?)(a?)(a?)(a?)$')}", "[\"a\" \"a\" \"a\" \"\"]"),
        ("return {string.match('x\\0y', 'x%zy')}", "[\"x\0y\"]"),
        ("return {string.match('$10', '%$(%d+)')}", "[\"10\"]"),
        ("return {string.match('a$', 'a$')}", "[]"),
        ("return {string.match('a$b', 'a$b')}", "[\"a$b\"]"),
        ("return {string.gsub('hello world', 'o', '0')}", "[\"hell0 w0rld\" :2]"),
        ("return {string.gsub('hello', '', '-')}", "[\"-h-e-l-l-o-\" :6]"),
        ("return {string.gsub('hello', 'l', {l='L'})}", "[\"heLLo\" :2]"),
        ("return {string.gsub('hello', '(l)(l)', '%2%1%0%%')}", "[\"hellll%o\" :1]"),
        ("return {string.gsub('abc', '%w', '%0%0', 2)}", "[\"aabbc\" :2]"),
        ("return {string.gsub('abc', '^a', 'x')}", "[\"xbc\" :1]"),
        ("return {string.gsub('abc', '()', '%1')}", "[\"1a2b3c4\" :4]"),
        ("return {string.gsub('abc', '.', function(c) if c == 'b' then return false end return c:upper() end)}", "[\"AbC\" :3]"),
        ("return {string.gsub('abc', '.', {a=1, b=true and 2})}", "[\"12c\" :3]"),
        ("return {string.gsub('$name is $age', '%$(%w+)', {name='x', age=7})}", "[\"x is 7\" :2]"),
        ("return {string.gsub('abc', 'b', '%')}", "[\"a\0c\" :1]"),
        ("return {string.gsub('abc', 'x*', '-')}", "[\"-a-b-c-\" :4]"),
        ("local r = {} for k, v in string.gmatch('a=1, b=2', '(%w+)=(%w+)') do r[#r+1] = k .. v end return r", "[\"a1\" \"b2\"]"),
        ("local r = {} for w in ('one two'):gmatch('%a+') do r[#r+1] = w end return r", "[\"one\" \"two\"]"),
        ("local r = {} for p in ('abc'):gmatch('()') do r[#r+1] = p end return r", "[:1 :2 :3 :4]"),
        ("local r = {} for w in ('^a^a'):gmatch('^a') do r[#r+1] = w end return r", "[\"^a\" \"^a\"]"),
        ("local r = ('a b c'):gsub('%w', function(c) return (c .. c):gsub('.', '<%0>') end) return r", "[\"<a><a> <b><b> <c><c>\"]".trim_matches(['[', ']'])),
        ("local r = ('abc'):gsub('.', function(c) pcall(string.gsub, 'xyz', '.', function(d) error(d) end) return c .. c end) return r", "\"aabbcc\""),
        ("return (('x'):rep(10000):gsub('x', 'yy'):len())", ":20000"),
        ("return string.find(('a'):rep(100000) .. 'b', ('a'):rep(50000) .. 'b', 1, true)", ":50001"),
    ]);
}

#[test]
fn wrong_patterns_say_what_is_wrong() {
    bench().check(&[
        (
            "return string.find('a', '%')",
            "-ERR user_script:1: malformed pattern (ends with '%') @1",
        ),
        (
            "return string.find('a', '[a')",
            "-ERR user_script:1: malformed pattern (missing ']') @1",
        ),
        (
            "return string.find('a', '[]')",
            "-ERR user_script:1: malformed pattern (missing ']') @1",
        ),
        (
            "return string.find('a', '(a')",
            "-ERR user_script:1: unfinished capture @1",
        ),
        (
            "return string.find('a', '.)')",
            "-ERR user_script:1: invalid pattern capture @1",
        ),
        (
            "return string.find('a', '%1')",
            "-ERR user_script:1: invalid capture index @1",
        ),
        (
            "return string.find('a', '%f')",
            "-ERR user_script:1: missing '[' after '%f' in pattern @1",
        ),
        (
            "return string.find('a', '%b')",
            "-ERR user_script:1: unbalanced pattern @1",
        ),
        (
            "return string.find('a', ('()'):rep(33))",
            "-ERR user_script:1: too many captures @1",
        ),
        (
            "return string.gsub('a', 'a', '%2')",
            "-ERR user_script:1: invalid capture index @1",
        ),
        (
            "return string.gsub('a', 'a', true)",
            "-ERR user_script:1: bad argument #3 to 'gsub' (string/function/table expected) @1",
        ),
        (
            "return string.gsub('a', 'a', function() return {} end)",
            "-ERR user_script:1: invalid replacement value (a table) @1",
        ),
        (
            "return string.find()",
            "-ERR user_script:1: bad argument #1 to 'find' (string expected, got no value) @1",
        ),
        (
            "return ('x'):find({})",
            "-ERR user_script:1: bad argument #1 to 'find' (string expected, got table) @1",
        ),
        (
            "return string.find('a', ('.-'):rep(2000))",
            "-ERR user_script:1: pattern too complex @1",
        ),
    ]);
}

/// Runs of one kind of characters are matched a batch at a time: that is not to be seen, wherever a batch ends.
#[test]
fn matches_come_one_by_one() {
    const COLLECT: &str = "local function all(text, pattern)
           local found = {}
           for match in string.gmatch(text, pattern) do found[#found + 1] = match end
           return found
         end ";
    let cases = [
        (
            "for count = 0, 120 do
               local made = {}
               for i = 1, count do made[i] = 'w' .. i end
               for _, pattern in ipairs({'%w+', '(%w+)', '[^, ]+', '[%w]+'}) do
                 local found = all(' ' .. table.concat(made, ', ') .. ' ', pattern)
                 if table.concat(found, ' ') ~= table.concat(made, ' ') or #found ~= count then return {count, pattern} end
               end
             end return 'the same'",
            "\"the same\"",
        ),
        (
            "for _, len in ipairs({1, 63, 64, 65, 4095, 4096, 4097, 70000}) do
               local word = ('x'):rep(len)
               local found = all((word .. ' '):rep(30), '%a+')
               for _, match in ipairs(found) do if match ~= word then return len end end
               if #found ~= 30 then return {len, #found} end
             end return 'the same'",
            "\"the same\"",
        ),
        ("return all('', '%a+')", "[]"),
        ("return all('  ', '%a+')", "[]"),
        ("return all(123.5, '%d+')", "[\"123\" \"5\"]"),
        ("return all('a\\0b\\0\\0c', '%a+')", "[\"a\" \"b\" \"c\"]"),
        ("return all('a\\0b', '%Z+')", "[\"a\" \"b\"]"),
        ("return all('ab', '%a+\\0garbage(')", "[\"ab\"]"),
        ("return all('aa', '%a-')", "[\"\" \"\" \"\"]"),
        ("return all('THE (quick) fox', '%f[%a]%a+')", "[\"THE\" \"quick\" \"fox\"]"),
        ("return all('f(a(b)c) (d)', '%b()')", "[\"(a(b)c)\" \"(d)\"]"),
        // at the end, and from then on, it returns nothing at all
        (
            "local next_match = ('a b'):gmatch('%a+')
             return {next_match(), next_match(), select('#', next_match()), select('#', next_match())}",
            "[\"a\" \"b\" :0 :0]",
        ),
        (
            "local next_match = (' '):gmatch('%a+') return {select('#', next_match()), type(next_match)}",
            "[:0 \"function\"]",
        ),
        // each has its own place
        (
            "local text = ('ab '):rep(60)
             local a, b, pairs_seen = text:gmatch('%a+'), text:gmatch('%a+'), 0
             for one in a do if one ~= b() then return 'apart' end pairs_seen = pairs_seen + 1 end
             for outer in text:gmatch('%a+') do
               for inner in text:gmatch('(%a+)') do pairs_seen = pairs_seen + 1 end
             end
             return {pairs_seen, b() == nil and 'over'}",
            "[:3660 \"over\"]",
        ),
        (
            "local text = ('ab '):rep(60)
             local co = coroutine.wrap(function() for word in text:gmatch('%a+') do coroutine.yield(word) end end)
             local count = 0
             while co() do count = count + 1 end
             return count",
            ":60",
        ),
        // what is held by a batch alone is not collected
        (
            "local words = {}
             for i = 1, 3000 do words[i] = 'word' .. i end
             local text, sum, garbage = table.concat(words, ' '), 0, {}
             words = nil
             for word in text:gmatch('%a+%d*') do sum = sum + 1 end
             for word in text:gmatch('%w+') do
               for i = 1, 50 do garbage[i % 7] = {word .. i} end
               if sum % 20 == 0 then collectgarbage() end
               if word ~= 'word' .. (sum - 2999) then return word end
               sum = sum + 1
             end
             return sum",
            ":6000",
        ),
        (
            "return select(2, pcall(string.gmatch))",
            "\"bad argument #1 to '?' (string expected, got no value)\"",
        ),
    ];
    for (source, expected) in cases {
        bench().check(&[(&format!("{COLLECT}{source}"), expected)]);
    }
}

/// Every loop has an iterator of its own. What is compiled for one must do for all: once, each had a trace of its own, a
/// hundred deep, and this took 30 times as long as with `find`.
#[test]
fn loops_over_matches_are_not_compiled_anew_for_each() {
    bench().check(&[(
        "local text = 'the quick brown fox jumps over the lazy dog and then it runs through the wide green forest'
         local by_find, by_gmatch = math.huge, math.huge
         for _ = 1, 5 do
           local found, began = 0, os.clock()
           for _ = 1, 200 do
             local first, last = string.find(text, '%a+')
             while first do
               found = found + #text:sub(first, last):upper()
               first, last = string.find(text, '%a+', last + 1)
             end
           end
           by_find = math.min(by_find, os.clock() - began)
         end
         for _ = 1, 5 do
           local found, began = 0, os.clock()
           for _ = 1, 200 do
             for word in string.gmatch(text, '%a+') do found = found + #word:upper() end
           end
           by_gmatch = math.min(by_gmatch, os.clock() - began)
         end
         return by_gmatch < 5 * by_find and 'fast' or by_gmatch / by_find .. ' times as long'",
        "\"fast\"",
    )]);
}
