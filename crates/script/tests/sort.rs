//! `table.sort`: results, steps and error texts, asked of the reference server.

mod common;

use common::bench;

#[test]
fn elements_come_in_order() {
    bench().check(&[
("local t={3,1,2} return {table.sort(t), t[1]}", "[]"),
("return table.sort({},nil)", "nil"),
("return table.sort({2,1},nil,3)", "nil"),
("local t={} for i=1,30 do t[i]=i%7 end local n=0 table.sort(t,function(a,b) n=n+1 return a<b end) return {n,unpack(t)}", "[:130 :0 :0 :0 :0 :1 :1 :1 :1 :1 :2 :2 :2 :2 :2 :3 :3 :3 :3 :4 :4 :4 :4 :5 :5 :5 :5 :6 :6 :6 :6]"),
("local t={} for i=1,100 do t[i]=(i*7919)%101 end local n=0 table.sort(t,function(a,b) n=n+1 return a>b end) return {n,unpack(t)}", "[:615 :100 :99 :98 :97 :96 :95 :94 :93 :92 :91 :90 :89 :88 :87 :86 :85 :84 :83 :82 :81 :80 :79 :78 :77 :76 :75 :74 :73 :72 :71 :70 :69 :68 :67 :66 :65 :64 :63 :62 :61 :60 :59 :58 :57 :56 :55 :54 :53 :52 :51 :50 :49 :48 :47 :46 :45 :44 :43 :42 :41 :40 :39 :38 :37 :36 :35 :34 :33 :32 :31 :30 :29 :28 :27 :26 :25 :24 :23 :22 :21 :20 :19 :18 :17 :16 :15 :14 :13 :12 :11 :10 :9 :8 :7 :6 :5 :4 :3 :2 :1]"),
("local t={'b','a','','\\0','a\\0b','a\\0a','\\255','Z','z'} table.sort(t) return t", "[\"\" \"\0\" \"Z\" \"a\" \"a\0a\" \"a\0b\" \"b\" \"z\" \"\u{ff}\"]"),
("local t={'10','9','1'} table.sort(t) return t", "[\"1\" \"10\" \"9\"]"),
("local t={0,-0.0,1,-1} table.sort(t) return t", "[:-1 :0 :0 :1]"),
("local mt={__lt=function(a,b) return a.v<b.v end} local t={} for i=1,10 do t[i]=setmetatable({v=(i*7)%11},mt) end table.sort(t) local r={} for i=1,10 do r[i]=t[i].v end return r", "[:1 :2 :3 :4 :5 :6 :7 :8 :9 :10]"),
("local mt={__index=function() return 1 end,__newindex=function() error('x') end} local t=setmetatable({3,1,2},mt) table.sort(t) return t", "[:1 :2 :3]"),
("local t={3,1,2,n=5} table.sort(t) return t", "[:1 :2 :3]"),
("local t={[1]=3,[2]=1,[3]=2} table.sort(t) return t", "[:1 :2 :3]"),
("local t={} for i=10,1,-1 do t[i]=11-i end table.sort(t) return t", "[:1 :2 :3 :4 :5 :6 :7 :8 :9 :10]"),
("local t={5,4,3} local r={} table.sort(t,function(...) r[#r+1]=select('#',...) return (...)<select(2,...) end) return r", "[:2 :2 :2]"),
("local t={5,4,3} table.sort(t, string.len)", "nil"),
("local t={'5','4','3'} table.sort(t, math.max) return t", "[\"4\" \"3\" \"5\"]"),
("return table.sort(_G)", "nil"),
("return table.sort(string)", "nil"),
("local t,x={},42 for i=1,1000 do x=(x*16807)%2147483647 t[i]=x-2^30 end table.sort(t) for i=2,1000 do if t[i]<t[i-1] then return i end end return {t[1],t[500],t[1000]}", "[:-1073035930 :-70917623 :1070333963]"),
("local t,x={},42 for i=1,1000 do x=(x*16807)%2147483647 t[i]='k'..x end table.sort(t) for i=2,1000 do if t[i]<t[i-1] then return i end end return {t[1],t[500],t[1000]}", "[\"k1000031117\" \"k2002209128\" \"k999169749\"]"),
("local t={} for i=1,120000 do t[i]=(i*7919)%120011 end table.sort(t) for i=2,#t do if t[i]<t[i-1] then return i end end return {t[1],t[60000],t[120000]}", "[:1 :60003 :120010]"),
("local t={1/0,-1/0,1e300,-1e-300,0.5,-0.5,0} table.sort(t) local r={} for i=1,7 do r[i]=tostring(t[i]) end return r", "[\"-inf\" \"-0.5\" \"-1e-300\" \"0\" \"0.5\" \"1e+300\" \"inf\"]"),
("local z=-1/(1/0) local t={0,z,0,z,z,0,1} table.sort(t) local r={} for i=1,7 do r[i]=tostring(1/t[i]) end return r", "[\"inf\" \"-inf\" \"inf\" \"-inf\" \"-inf\" \"inf\" \"1\"]"),
    ]);
}

#[test]
fn what_is_no_order_leads_where_the_references_steps_lead() {
    bench().check(&[
("local t={1,1,1,1,1} local ok,e=pcall(table.sort,t,function(a,b) return a<=b end) return {ok,e,unpack(t)}", "[nil \"user_script:1: attempt to compare nil with number\" :1 :1 :1 :1 :1]"),
("local t={1,1,1,1,1} table.sort(t,function(a,b) return a<=b end) return t", "-ERR user_script:1: attempt to compare nil with number @1"),
("local t={5,3,1,4,2} local ok,e=pcall(table.sort,t,function(a,b) return true end) return {ok,e,unpack(t)}", "[nil \"invalid order function for sorting\" :1 :3 :4 :2 :5]"),
("local t={5,3,1,4,2} table.sort(t,function(a,b) return true end) return t", "-ERR user_script:1: invalid order function for sorting @1"),
("local t={5,3,1,4,2} local ok,e=pcall(table.sort,t,function(a,b) return false end) return {ok,e,unpack(t)}", "[:1]"),
("local t={} for i=1,30 do t[i]=i%7 end local n=0 local ok,e=pcall(table.sort,t,function(a,b) n=n+1 return n%3==0 end) return {ok,e,n,unpack(t)}", "[:1]"),
("local t={} for i=1,30 do t[i]=i%7 end local n=0 local ok,e=pcall(table.sort,t,function(a,b) n=n+1 return n%2==0 end) return {ok,e,n,unpack(t)}", "[:1]"),
("return table.sort({1,2,3}, setmetatable({},{__call=function() return true end}))", "-ERR user_script:1: bad argument #2 to 'sort' (function expected, got table) @1"),
    ]);
}

#[test]
fn what_cannot_be_sorted_is_refused() {
    bench().check(&[
("return table.sort({1,'x'})", "-ERR attempt to compare string with number @1"),
("return {pcall(table.sort,{1,'x'})}", "[nil \"attempt to compare string with number\"]"),
("return {pcall(table.sort,{1,2,3,{},5})}", "[nil \"attempt to compare table with number\"]"),
("return {pcall(table.sort,{true,false})}", "[nil \"attempt to compare two boolean values\"]"),
("return {pcall(table.sort,{nil,1,2})}", "[nil \"attempt to compare number with nil\"]"),
("return table.sort()", "-ERR user_script:1: bad argument #1 to 'sort' (table expected, got no value) @1"),
("return table.sort(nil)", "-ERR user_script:1: bad argument #1 to 'sort' (table expected, got nil) @1"),
("return table.sort({},1)", "-ERR user_script:1: bad argument #2 to 'sort' (function expected, got number) @1"),
("return table.sort('x')", "-ERR user_script:1: bad argument #1 to 'sort' (table expected, got string) @1"),
("local t={} for i=1,10 do t[i]=0/0 end t[3]=1 t[7]=2 local ok,e=pcall(table.sort,t) for i=1,10 do if t[i]~=t[i] then t[i]='nan' end end return {ok,e,unpack(t)}", "[:1]"),
("local t={3,0/0,1,0/0,2,5,4,0/0,9,8,7} local ok,e=pcall(table.sort,t) for i=1,#t do if t[i]~=t[i] then t[i]='nan' end end return {ok,e,unpack(t)}", "[:1]"),
("local t={} for i=1,200 do t[i]=(i%3==0) and 0/0 or (i*7919)%101 end local ok,e=pcall(table.sort,t) for i=1,#t do if t[i]~=t[i] then t[i]='nan' end end return {ok,e,unpack(t)}", "[:1]"),
("local t={5,4,3} local ok,e=pcall(table.sort,t,function(a,b) error('boo') end) return {ok,e,unpack(t)}", "[nil \"user_script:1: boo\" :5 :4 :3]"),
("local t={5,4,3} table.sort(t,function(a,b) error('boo') end)", "-ERR user_script:1: boo @1"),
("local t={5,4,3} local ok,e=pcall(table.sort,t,function(a,b) error({err='boo'}) end) return {ok,e,unpack(t)}", "[nil \"boo\" :5 :4 :3]"),
("local t={5,4,3} table.sort(t,function(a,b) return a.x<b.x end)", "-ERR user_script:1: attempt to index local 'a' (a number value) @1"),
("local t={5,4,3,1,7} table.sort(t,function(a,b) t[2]=nil return a<b end) return t", "-ERR user_script:1: attempt to compare nil with number @1"),
("return coroutine.wrap(function() local t={3,2,1} table.sort(t,function(a,b) coroutine.yield(1) return a<b end) end)()", "-ERR user_script:1: attempt to yield across metamethod/C-call boundary @1"),
("local t={{1},{2}} table.sort(t)", "-ERR attempt to compare two table values @1"),
("local t={1,2,{}} table.sort(t)", "-ERR attempt to compare table with number @1"),
("local t={function() end,1} table.sort(t)", "-ERR attempt to compare number with function @1"),
("return table.sort({1,2,3}, {})", "-ERR user_script:1: bad argument #2 to 'sort' (function expected, got table) @1"),
("local t={1,2,3} for i=1,50 do t[i]=tostring(i) end t[50]=5 table.sort(t)", "-ERR attempt to compare number with string @1"),
("local t={} for i=1,50 do t[i]=i end t[50]='5' table.sort(t)", "-ERR attempt to compare string with number @1"),
("local t={} for i=1,50 do t[i]=i end t[1]='5' table.sort(t)", "-ERR attempt to compare number with string @1"),
("local s={} for i=1,50 do s[i]=(i*37)%50 end s[25]='x' local ok,e=pcall(table.sort,s) return {ok,e,unpack(s)}", "[nil \"attempt to compare string with number\" :0 :24 :11 :48 :35 :22 :9 :46 :33 :20 :7 :44 :31 :18 :5 :42 :29 :16 :3 :40 :27 :14 :1 :38 \"x\" :12 :49 :36 :23 :10 :47 :34 :21 :8 :45 :32 :19 :6 :43 :30 :17 :4 :41 :28 :15 :2 :39 :26 :13 :37]"),
    ]);
}
