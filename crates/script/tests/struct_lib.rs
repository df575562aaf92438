//! `struct`: results and error texts of lua_struct.c, asked of the reference server.

mod common;

use common::bench;

#[test]
fn values_are_packed() {
    bench().check(&[
("return struct.pack('b',1)", "\"\x01\""),
("return struct.pack('>i4',-2)", "\"\u{ff}\u{ff}\u{ff}\u{fe}\""),
("return struct.pack('<I3',70000)", "\"p\x11\x01\""),
("return struct.pack('i0',5)", "\"\""),
("return struct.pack('i32',-1)", "\"\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\""),
("return struct.pack('>i32',5)", "\"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\""),
("return struct.pack('!1073741824i',1)", "\"\x01\0\0\0\""),
("return struct.pack('!bi',1,2)", "\"\x01\0\0\0\x02\0\0\0\""),
("return struct.pack('!4bd',1,2)", "\"\x01\0\0\0\0\0\0\0\0\0\0@\""),
("return struct.pack('!bd',1,2)", "\"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0@\""),
("return struct.pack('!16bi16',1,2)", "\"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\""),
("return struct.pack('!16bi3',1,2)", "\"\x01\0\0\x02\0\0\""),
("return struct.pack('!16bbi3bi5',1,2,3,4,5)", "\"\x01\x02\x03\0\0\x04\x05\0\0\0\0\""),
("return struct.pack('bi',1,2)", "\"\x01\x02\0\0\0\""),
("return struct.pack('')", "\"\""),
("return struct.pack('',1,2)", "\"\""),
("return struct.pack('b','12')", "\"\x0c\""),
("return struct.pack('s','abc')", "\"abc\0\""),
("return struct.pack('s','a\\0c')", "\"a\0c\0\""),
("return struct.pack('s',12.5)", "\"12.5\0\""),
("return struct.pack('c','abc')", "\"a\""),
("return struct.pack('c2','abc')", "\"ab\""),
("return struct.pack('c0','abc')", "\"abc\""),
("return struct.pack('c0','')", "\"\""),
("return struct.pack('xxx')", "\"\0\0\0\""),
("return struct.pack('!x!4xi',1)", "\"\0\0\0\0\x01\0\0\0\""),
("return struct.pack('f',1.5)", "\"\0\0\u{c0}?\""),
("return struct.pack('>f',1/3)", "\">\u{aa}\u{aa}\u{ab}\""),
("return struct.pack('d',1/3)", "\"UUUUUU\u{d5}?\""),
("return struct.pack('>d',-1/3)", "\"\u{bf}\u{d5}UUUUUU\""),
("return struct.pack('f',1e300)", "\"\0\0\u{80}\x7f\""),
("return struct.pack('fd',0/0,0/0)", "\"\0\0\u{c0}\u{ff}\0\0\0\0\0\0\u{f8}\u{ff}\""),
("return struct.pack('fd',1/0,-1/0)", "\"\0\0\u{80}\x7f\0\0\0\0\0\0\u{f0}\u{ff}\""),
("return struct.pack('l',2^63)", "\"\0\0\0\0\0\0\0\u{80}\""),
("return struct.pack('L',2^63)", "\"\0\0\0\0\0\0\0\u{80}\""),
("return struct.pack('L',2^64)", "\"\0\0\0\0\0\0\0\0\""),
("return struct.pack('L',2^64-2048)", "\"\0\u{f8}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\""),
("return struct.pack('l',-2^63)", "\"\0\0\0\0\0\0\0\u{80}\""),
("return struct.pack('l',-2^64)", "\"\0\0\0\0\0\0\0\u{80}\""),
("return struct.pack('lL',0/0,0/0)", "\"\0\0\0\0\0\0\0\u{80}\0\0\0\0\0\0\0\u{80}\""),
("return struct.pack('lL',1/0,1/0)", "\"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\""),
("return struct.pack('lL',-1/0,-1/0)", "\"\0\0\0\0\0\0\0\u{80}\0\0\0\0\0\0\0\u{80}\""),
("return struct.pack('lL',1e300,-1e300)", "\"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{80}\""),
("return struct.pack('bBhH',300,300,70000,-70000)", "\",,p\x11\u{90}\u{ee}\""),
("return struct.pack('bB',1.9,-1.9)", "\"\x01\u{ff}\""),
("return struct.pack('T',5)", "\"\x05\0\0\0\0\0\0\0\""),
("return struct.pack(' b b ',1,2)", "\"\x01\x02\""),
("return struct.pack('>h<h>h',1,1,1)", "\"\0\x01\x01\0\0\x01\""),
("return struct.pack('b\\0b',1,2)", "\"\x01\""),
("local r={} for n=1,32 do r[n]=struct.pack('i'..n,-3) end return r", "[\"\u{fd}\" \"\u{fd}\u{ff}\" \"\u{fd}\u{ff}\u{ff}\" \"\u{fd}\u{ff}\u{ff}\u{ff}\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\" \"\u{fd}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\"]"),
("local r={} for n=1,32 do r[n]=struct.pack('!>bI'..n,1,3e9) end return r", "[\"\x01\0\" \"\x01\0^\0\" \"\x01\0\0\u{d0}^\0\" \"\x01\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\" \"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{b2}\u{d0}^\0\"]"),
("return ('b'):len() .. struct.pack('b', 0x41)", "\"1A\""),
("return struct.pack('!' , 1)", "\"\""),
("return struct.pack('!8!4!2!1d', 1)", "\"\0\0\0\0\0\0\u{f0}?\""),
    ]);
}

#[test]
fn bytes_are_unpacked() {
    bench().check(&[
("return {struct.unpack('b',struct.pack('b',-1))}", "[:-1 :2]"),
("return {struct.unpack('i0I0','abc')}", "[:0 :0 :1]"),
("return {struct.unpack('b',5)}", "[:53 :2]"),
("return {struct.unpack('','')}", "[:1]"),
("return {struct.unpack('','abc',5)}", "[:5]"),
("return {struct.unpack('','abc',-5)}", "[:-5]"),
("return {struct.unpack('b','abc',3)}", "[:99 :4]"),
("return {struct.unpack(' ','abc',4)}", "[:4]"),
("return {struct.unpack('b','abc',nil)}", "[:97 :2]"),
("return {struct.unpack('b','abc','2')}", "[:98 :3]"),
("return {struct.unpack('b','abc',1.9)}", "[:97 :2]"),
("return {struct.unpack('','abc',1e300)}", "[:-9223372036854775808]"),
("return {struct.unpack('','abc',0/0)}", "[:-9223372036854775808]"),
("return {struct.unpack('','abc',1/0)}", "[:-9223372036854775808]"),
("return {struct.unpack('','abc',2^63)}", "[:-9223372036854775808]"),
("return {struct.unpack('bBhHlLT','\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255\\255')}", "[:-1 :255 :-1 :65535 :-1 :-9223372036854775808 :-9223372036854775808 :31]"),
("return {struct.unpack('>i3>I3<i3<I3','\\128\\1\\2\\128\\1\\2\\1\\2\\128\\1\\2\\128')}", "[:-8388350 :8388866 :-8388095 :8389121 :13]"),
("local v=struct.unpack('I8','\\255\\255\\255\\255\\255\\255\\255\\255') return tostring(v)", "\"1.844674407371e+19\""),
("local v=struct.unpack('i9','\\255\\255\\255\\255\\255\\255\\255\\255\\0') return tostring(v)", "\"-1\""),
("local v=struct.unpack('>i9','\\1\\127\\255\\255\\255\\255\\255\\255\\1') return tostring(v)", "\"-127\""),
("local v=struct.unpack('i9','\\127\\0\\0\\0\\0\\0\\0\\0\\0') return tostring(v)", "\"127\""),
("local v=struct.unpack('i9','\\128\\0\\0\\0\\0\\0\\0\\0\\0') return tostring(v)", "\"-128\""),
("local v=struct.unpack('i16','\\0\\128\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0') return tostring(v)", "\"32768\""),
("local v=struct.unpack('>i10','\\0\\0\\0\\0\\0\\0\\0\\0\\128\\1') return tostring(v)", "\"-32767\""),
("local v=struct.unpack('i32',('\\1'):rep(32)) return tostring(v)", "\"7.2340172838077e+16\""),
("local r={} for n=1,32 do r[n]=tostring((struct.unpack('i'..n,('\\129'):rep(32)))) end return r", "[\"-127\" \"-32383\" \"-8289919\" \"-2122219135\" \"-543288098431\" \"-1.3908175319821e+14\" \"-3.5604928818741e+16\" \"-9.1148617775977e+18\" \"-127\" \"-32383\" \"-8289919\" \"-2122219135\" \"-543288098431\" \"-1.3908175319821e+14\" \"-3.5604928818741e+16\" \"-9.1148617775977e+18\" \"-127\" \"-32383\" \"-8289919\" \"-2122219135\" \"-543288098431\" \"-1.3908175319821e+14\" \"-3.5604928818741e+16\" \"-9.1148617775977e+18\" \"-127\" \"-32383\" \"-8289919\" \"-2122219135\" \"-543288098431\" \"-1.3908175319821e+14\" \"-3.5604928818741e+16\" \"-9.1148617775977e+18\"]"),
("local r={} for n=1,32 do r[n]=tostring((struct.unpack('>I'..n,('\\129'):rep(32)))) end return r", "[\"129\" \"33153\" \"8487297\" \"2172748161\" \"556223529345\" \"1.4239322351245e+14\" \"3.6452665219187e+16\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\" \"9.3318822961119e+18\"]"),
("return {tostring((struct.unpack('f','\\0\\0\\192\\63'))), tostring((struct.unpack('>f','\\63\\192\\0\\0')))}", "[\"1.5\" \"1.5\"]"),
("return {tostring((struct.unpack('d',struct.pack('d',1/3)))), tostring((struct.unpack('>d',struct.pack('>d',-1/3))))}", "[\"0.33333333333333\" \"-0.33333333333333\"]"),
("return tostring((struct.unpack('f','\\0\\0\\128\\127')))", "\"inf\""),
("return {struct.unpack('s','abc\\0def\\0')}", "[\"abc\" :5]"),
("return {struct.unpack('ss','abc\\0def\\0')}", "[\"abc\" \"def\" :9]"),
("return {struct.unpack('c','abc')}", "[\"a\" :2]"),
("return {struct.unpack('c2c','abc')}", "[\"ab\" \"c\" :4]"),
("return {struct.unpack('bc0','\\3abc')}", "[\"abc\" :5]"),
("return {struct.unpack('sc0','2\\0abc')}", "[\"ab\" :5]"),
("return {struct.unpack('sc0','0x2\\0abc')}", "[\"ab\" :7]"),
("return {struct.unpack('sc0','1.9\\0abc')}", "[\"a\" :6]"),
("return {struct.unpack('sc0','1e300\\0abc')}", "[\"\" :7]"),
("return {struct.unpack('dc0',struct.pack('d',2.5)..'abc')}", "[\"ab\" :11]"),
("return {struct.unpack('bc0c0','\\1\\49abc')}", "[\"a\" :4]"),
("return {struct.unpack('bxc0','\\2zabc')}", "[\"ab\" :5]"),
("return {struct.unpack('!4xi','abcd\\1\\2\\3\\4')}", "[:67305985 :9]"),
("return {struct.unpack('!4i','abcd\\1\\2\\3\\4',2)}", "[:67305985 :9]"),
("return #{struct.unpack(('b'):rep(7000),('x'):rep(7000))}", ":7001"),
("return select('#',struct.unpack(('b'):rep(7995),('x'):rep(7995)))", ":7996"),
("return select('#',struct.unpack(('b'):rep(7996),('x'):rep(7996)))", ":7997"),
("return select('#',struct.unpack(('b'):rep(7997),('x'):rep(7997)))", ":7998"),
("return select('#',struct.unpack(('b'):rep(7996),('x'):rep(7996),1))", ":7997"),
("return {struct.unpack('>!4 h i4 B', struct.pack('>!4 h i4 B', 5, -70000, 200))}", "[:5 :-70000 :200 :10]"),
    ]);
}

#[test]
fn formats_have_sizes() {
    bench().check(&[
("local r={} for n=0,32 do r[n+1]=struct.size('!16bi'..n..'b') end return r", "[:2 :3 :5 :7 :9 :11 :13 :15 :17 :19 :21 :23 :25 :27 :29 :31 :33 :34 :35 :36 :37 :38 :39 :40 :41 :42 :43 :44 :45 :46 :47 :48 :49]"),
("return struct.size('bhlTifdx')", ":36"),
("return struct.size('!bhlTifdx')", ":41"),
("return struct.size('c')", ":1"),
("return struct.size('c10')", ":10"),
("return struct.size('z')", ":0"),
("return struct.size('5')", ":0"),
("return struct.size('')", ":0"),
("return struct.size('!')", ":0"),
("return struct.size('c2147483647c2147483647c2147483647')", ":6442450941"),
("return struct.size('b',5,6)", ":1"),
    ]);
}

#[test]
fn what_is_wrong_is_refused() {
    bench().check(&[
        (
            "return struct.pack('i33',5)",
            "-ERR user_script:1: integral size 33 is larger than limit of 32 @1",
        ),
        (
            "return struct.pack('i99999999999',5)",
            "-ERR user_script:1: integral size overflow @1",
        ),
        (
            "return struct.pack('c99999999999','a')",
            "-ERR user_script:1: integral size overflow @1",
        ),
        (
            "return struct.pack('!99999999999')",
            "-ERR user_script:1: integral size overflow @1",
        ),
        (
            "return struct.pack('!3')",
            "-ERR user_script:1: alignment 3 is not a power of 2 @1",
        ),
        (
            "return struct.pack('!0')",
            "-ERR user_script:1: alignment 0 is not a power of 2 @1",
        ),
        (
            "return struct.pack('!2147483647')",
            "-ERR user_script:1: alignment 2147483647 is not a power of 2 @1",
        ),
        (
            "return struct.pack('z',1)",
            "-ERR user_script:1: bad argument #1 to 'pack' (invalid format option 'z') @1",
        ),
        (
            "return struct.pack('\\200',1)",
            "-ERR user_script:1: bad argument #1 to 'pack' (invalid format option '\u{c8}') @1",
        ),
        (
            "return struct.pack('5',1)",
            "-ERR user_script:1: bad argument #1 to 'pack' (invalid format option '5') @1",
        ),
        (
            "return struct.pack('b',nil)",
            "-ERR user_script:1: bad argument #2 to 'pack' (number expected, got nil) @1",
        ),
        (
            "return struct.pack('b')",
            "-ERR user_script:1: bad argument #2 to 'pack' (number expected, got nil) @1",
        ),
        (
            "return struct.pack('bb',1)",
            "-ERR user_script:1: bad argument #3 to 'pack' (number expected, got nil) @1",
        ),
        (
            "return struct.pack('s')",
            "-ERR user_script:1: bad argument #2 to 'pack' (string expected, got nil) @1",
        ),
        (
            "return struct.pack('s',{})",
            "-ERR user_script:1: bad argument #2 to 'pack' (string expected, got table) @1",
        ),
        (
            "return struct.pack()",
            "-ERR user_script:1: bad argument #1 to 'pack' (string expected, got no value) @1",
        ),
        (
            "return struct.pack(nil)",
            "-ERR user_script:1: bad argument #1 to 'pack' (string expected, got nil) @1",
        ),
        (
            "return struct.pack({})",
            "-ERR user_script:1: bad argument #1 to 'pack' (string expected, got table) @1",
        ),
        (
            "return struct.pack('b',{})",
            "-ERR user_script:1: bad argument #2 to 'pack' (number expected, got table) @1",
        ),
        (
            "return struct.pack('b','x')",
            "-ERR user_script:1: bad argument #2 to 'pack' (number expected, got string) @1",
        ),
        (
            "return struct.pack('d','x')",
            "-ERR user_script:1: bad argument #2 to 'pack' (number expected, got string) @1",
        ),
        (
            "return struct.pack('f',{})",
            "-ERR user_script:1: bad argument #2 to 'pack' (number expected, got table) @1",
        ),
        (
            "return struct.pack('c4','abc')",
            "-ERR user_script:1: bad argument #3 to 'pack' (string too short) @1",
        ),
        (
            "return struct.pack('bc4',1,'abc')",
            "-ERR user_script:1: bad argument #4 to 'pack' (string too short) @1",
        ),
        (
            "return struct.pack('c')",
            "-ERR user_script:1: bad argument #2 to 'pack' (string expected, got nil) @1",
        ),
        (
            "return struct.pack('c','')",
            "-ERR user_script:1: bad argument #3 to 'pack' (string too short) @1",
        ),
        (
            "return struct.pack(12)",
            "-ERR user_script:1: bad argument #1 to 'pack' (invalid format option '1') @1",
        ),
        (
            "return {struct.unpack('b')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (string expected, got no value) @1",
        ),
        (
            "return {struct.unpack()}",
            "-ERR user_script:1: bad argument #1 to 'unpack' (string expected, got no value) @1",
        ),
        (
            "return {struct.unpack('b','')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack(' ','abc',-5)}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('','abc',0)}",
            "-ERR user_script:1: bad argument #3 to 'unpack' (offset must be 1 or greater) @1",
        ),
        (
            "return {struct.unpack('b','abc',0)}",
            "-ERR user_script:1: bad argument #3 to 'unpack' (offset must be 1 or greater) @1",
        ),
        (
            "return {struct.unpack('b','abc',-1)}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('b','abc',4)}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack(' ','abc',5)}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('b','abc','x')}",
            "-ERR user_script:1: bad argument #3 to 'unpack' (number expected, got string) @1",
        ),
        (
            "return {struct.unpack('b','abc',{})}",
            "-ERR user_script:1: bad argument #3 to 'unpack' (number expected, got table) @1",
        ),
        (
            "return {struct.unpack('b','abc',0.9)}",
            "-ERR user_script:1: bad argument #3 to 'unpack' (offset must be 1 or greater) @1",
        ),
        (
            "return {struct.unpack('b','abc',1e300)}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('s','abc')}",
            "-ERR user_script:1: unfinished string in data @1",
        ),
        (
            "return {struct.unpack('s','')}",
            "-ERR user_script:1: unfinished string in data @1",
        ),
        (
            "return {struct.unpack('s','',2)}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('c4','abc')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('bc0','\\4abc')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('bc0','\\255abc')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('Bc0','\\255abc')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('c0','\\4abc')}",
            "-ERR user_script:1: format 'c0' needs a previous size @1",
        ),
        (
            "return {struct.unpack('sc0','x\\0abc')}",
            "-ERR user_script:1: format 'c0' needs a previous size @1",
        ),
        (
            "return {struct.unpack('sc0','-1\\0abc')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('dc0',struct.pack('d',0/0)..'abc')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('bsc0','\\1x\\0abc')}",
            "-ERR user_script:1: format 'c0' needs a previous size @1",
        ),
        (
            "return {struct.unpack('x','')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('!4xi','abcd\\1\\2\\3')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('!2147483647','')}",
            "-ERR user_script:1: alignment 2147483647 is not a power of 2 @1",
        ),
        (
            "return {struct.unpack('!2147483648','')}",
            "-ERR user_script:1: integral size overflow @1",
        ),
        (
            "return {struct.unpack('z','')}",
            "-ERR user_script:1: bad argument #1 to 'unpack' (invalid format option 'z') @1",
        ),
        (
            "return {struct.unpack('c2147483647','abc')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return {struct.unpack('c2147483648','abc')}",
            "-ERR user_script:1: integral size overflow @1",
        ),
        (
            "return {struct.unpack('i2147483647','abc')}",
            "-ERR user_script:1: integral size 2147483647 is larger than limit of 32 @1",
        ),
        (
            "return {struct.unpack('i-1','abc')}",
            "-ERR user_script:1: bad argument #2 to 'unpack' (data string too short) @1",
        ),
        (
            "return select('#',struct.unpack(('b'):rep(7998),('x'):rep(7998)))",
            "-ERR user_script:1: stack overflow (too many results) @1",
        ),
        (
            "return select('#',struct.unpack(('b'):rep(8000),('x'):rep(8000)))",
            "-ERR user_script:1: stack overflow (too many results) @1",
        ),
        (
            "return select('#',struct.unpack(('b'):rep(8000),('x'):rep(8000),1))",
            "-ERR user_script:1: stack overflow (too many results) @1",
        ),
        (
            "return select('#',struct.unpack(('b'):rep(7995),('x'):rep(7995),1,2,3,4,5))",
            "-ERR user_script:1: stack overflow (too many results) @1",
        ),
        (
            "return struct.size('s')",
            "-ERR user_script:1: bad argument #1 to 'size' (option 's' has no fixed size) @1",
        ),
        (
            "return struct.size('c0')",
            "-ERR user_script:1: bad argument #1 to 'size' (option 'c0' has no fixed size) @1",
        ),
        (
            "return struct.size('\\200')",
            "-ERR user_script:1: bad argument #1 to 'size' (invalid format option '\u{c8}') @1",
        ),
        (
            "return struct.size('_')",
            "-ERR user_script:1: bad argument #1 to 'size' (invalid format option '_') @1",
        ),
        (
            "return struct.size()",
            "-ERR user_script:1: bad argument #1 to 'size' (string expected, got no value) @1",
        ),
        (
            "return struct.size({})",
            "-ERR user_script:1: bad argument #1 to 'size' (string expected, got table) @1",
        ),
        (
            "return struct.size('i33')",
            "-ERR user_script:1: integral size 33 is larger than limit of 32 @1",
        ),
        (
            "return struct.size('!3')",
            "-ERR user_script:1: alignment 3 is not a power of 2 @1",
        ),
        (
            "return struct.size('c2147483648')",
            "-ERR user_script:1: integral size overflow @1",
        ),
        (
            "return struct.size('c2147483649')",
            "-ERR user_script:1: integral size overflow @1",
        ),
        (
            "return struct.size('c21474836470')",
            "-ERR user_script:1: integral size overflow @1",
        ),
        (
            "return struct.size('s ')",
            "-ERR user_script:1: bad argument #1 to 'size' (option 's' has no fixed size) @1",
        ),
        (
            "return struct.size('!s')",
            "-ERR user_script:1: bad argument #1 to 'size' (option 's' has no fixed size) @1",
        ),
        (
            "local ok,e = pcall(struct.pack,'i33',1) return e",
            "\"integral size 33 is larger than limit of 32\"",
        ),
        (
            "local ok,e = pcall(struct.pack,'z',1) return e",
            "\"bad argument #1 to '?' (invalid format option 'z')\"",
        ),
        (
            "local ok,e = pcall(struct.pack,'b') return e",
            "\"bad argument #2 to '?' (number expected, got nil)\"",
        ),
        (
            "local ok,e = pcall(struct.unpack,'s','abc') return e",
            "\"unfinished string in data\"",
        ),
        (
            "local ok,e = pcall(struct.unpack,'c0','abc') return e",
            "\"format 'c0' needs a previous size\"",
        ),
        (
            "return struct.pack('bbc4',1,2,'abc')",
            "-ERR user_script:1: bad argument #5 to 'pack' (string too short) @1",
        ),
        (
            "return struct.pack('b',true)",
            "-ERR user_script:1: bad argument #2 to 'pack' (number expected, got boolean) @1",
        ),
        (
            "return struct.pack('b',cjson.null)",
            "-ERR user_script:1: bad argument #2 to 'pack' (number expected, got userdata) @1",
        ),
        (
            "return struct:pack()",
            "-ERR user_script:1: calling 'pack' on bad self (string expected, got table) @1",
        ),
        (
            "local p = struct.pack return p('i33', 1)",
            "-ERR user_script:1: integral size 33 is larger than limit of 32 @1",
        ),
        (
            "return struct.pack('i 4', 1)",
            "-ERR user_script:1: bad argument #1 to 'pack' (invalid format option '4') @1",
        ),
        (
            "return struct.pack('c 4', 'abcd')",
            "-ERR user_script:1: bad argument #1 to 'pack' (invalid format option '4') @1",
        ),
    ]);
}

#[test]
fn what_is_packed_is_bounded_by_memory() {
    let mut bench = bench();
    let reply = bench.eval(
        "local s = ('x'):rep(2^20) local t = {} for i = 1, 4000 do t[i] = s end \
         return struct.pack(('s'):rep(4000), unpack(t))",
        &[],
        &[],
    );
    assert!(reply.starts_with("memory -"), "{reply}");
    bench.check(&[("return struct.pack('>H', 258)", "\"\x01\x02\"")]);
}
