-- What a script sees, built once per VM. See sandbox.rs for the idea.
--
-- `lua` is the table of globals that LuaJIT's libraries have filled, `native` holds the functions in Rust.

local lua, native = ...

local assert, error, getmetatable, next, pairs, pcall, rawget, rawset, select, setmetatable, type =
    lua.assert, lua.error, lua.getmetatable, lua.next, lua.pairs, lua.pcall, lua.rawget, lua.rawset, lua.select,
    lua.setmetatable, lua.type
local concat, insert, sort = lua.table.concat, lua.table.insert, lua.table.sort
local string_format = lua.string.format
local loadstring, read_only, read_only_here, refuse_format =
    native.loadstring, native.read_only, native.read_only_here, native.refuse_format

---------------------------------------------------------------------------------------------------------------
-- Read-only tables. A script gets an empty table, whose metatable finds what is asked for in the real one and
-- refuses to be written to. Functions that look past metatables ask here first.

local guarded = {}

local function guard(real)
  local proxy = setmetatable({}, { __index = real, __newindex = read_only, __metatable = false })
  guarded[proxy] = real
  return proxy
end

local metatable_of = {}

local function sandbox_getmetatable(value)
  if guarded[value] then return metatable_of[value] end
  return getmetatable(value)
end

local function sandbox_setmetatable(...)
  if guarded[...] then read_only_here() end
  return setmetatable(...)
end

local function sandbox_rawset(...)
  if guarded[...] then read_only_here() end
  return rawset(...)
end

local function sandbox_rawget(t, ...)
  return rawget(guarded[t] or t, ...)
end

local function sandbox_next(t, ...)
  local real = guarded[t]
  if real then return next(real, ...) end
  return next(t, ...)
end

local function sandbox_pairs(...)
  if guarded[...] then return sandbox_next, (...), nil end
  return pairs(...)
end

local function sandbox_insert(...)
  if guarded[...] then read_only_here() end
  return insert(...)
end

local function foreach(t, f)
  for key, value in sandbox_pairs(t) do
    local result = f(key, value)
    if result ~= nil then return result end
  end
end

---------------------------------------------------------------------------------------------------------------
-- Functions that differ from LuaJIT's.

-- An error table gives its text: what scripts written before Redis 7 expect.
local function protected(ok, ...)
  if ok then return ok, ... end
  local e = ...
  if type(e) == 'table' then
    local text = e.err
    if type(text) == 'string' or type(text) == 'number' then return false, text end
  end
  return false, ...
end

local function sandbox_pcall(...)
  return protected(pcall(...))
end

-- `%s` of Lua 5.1 takes strings and numbers only.
local function format(...)
  for i = 2, select('#', ...) do
    local kind = type((select(i, ...)))
    if kind ~= 'string' and kind ~= 'number' then refuse_format(...) end
  end
  return string_format(...)
end

-- A sort without a function of its own runs in C from end to end, where nothing can stop it.
local SORT_MAX = 100000
local function less(a, b) return a < b end

local function sandbox_sort(t, ...)
  if select('#', ...) == 0 and type(t) == 'table' and #t > SORT_MAX then return sort(t, less) end
  return sort(t, ...)
end

local function load(reader, name)
  if type(reader) ~= 'function' then native.refuse_reader(reader) end
  local pieces = {}
  while true do
    local ok, piece = pcall(reader)
    if not ok then return nil, piece end
    if piece == nil or piece == '' then break end
    if type(piece) ~= 'string' then return nil, 'reader function must return a string' end
    pieces[#pieces + 1] = piece
  end
  return loadstring(concat(pieces), name or '=(load)')
end

---------------------------------------------------------------------------------------------------------------
-- The libraries, as Lua 5.1 has them.

local function pick(from, names)
  local to = {}
  for name in names:gmatch('%S+') do to[name] = assert(from[name], name) end
  return to
end

local string = pick(lua.string, 'byte char dump len lower rep reverse sub upper')
string.format = format
for name, f in pairs(native.string) do string[name] = f end

local table = pick(lua.table, 'concat foreachi getn maxn remove')
table.insert, table.sort, table.foreach, table.setn = sandbox_insert, sandbox_sort, foreach, native.setn

local math = pick(lua.math, 'abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log ' ..
  'log10 max min modf pi pow rad sin sinh sqrt tan tanh')
math.mod, math.random, math.randomseed = math.fmod, native.random, native.randomseed

local redis = native.redis

local globals = pick(lua, 'assert error gcinfo ipairs rawequal select tonumber tostring type unpack xpcall')
globals._VERSION = lua._VERSION
globals.collectgarbage, globals.getmetatable, globals.load, globals.loadstring, globals.next, globals.pairs =
  native.collectgarbage, sandbox_getmetatable, load, loadstring, sandbox_next, sandbox_pairs
globals.pcall, globals.rawget, globals.rawset, globals.setmetatable =
  sandbox_pcall, sandbox_rawget, sandbox_rawset, sandbox_setmetatable
globals.__redis__err__handler, globals.__server__err__handler = native.describe_error, native.describe_error

globals.string, globals.table, globals.math = guard(string), guard(table), guard(math)
globals.coroutine = guard(pick(lua.coroutine, 'create resume running status wrap yield'))
globals.os = guard({ clock = lua.os.clock })
globals.cjson = guard(native.cjson)
globals.redis = guard(redis)
globals.server = globals.redis

-- Methods of strings find the real library at once; a script that asks gets the guarded one.
local string_metatable = getmetatable('')
string_metatable.__index = string
string_metatable.__metatable = guard({ __index = globals.string })

-- The environment of all scripts. KEYS and ARGV are set in `globals` before each run.
local environment = guard(globals)
globals._G = environment
setmetatable(globals, { __index = native.no_such_global })
metatable_of[environment] = guard({ __index = native.no_such_global })

return environment, globals
