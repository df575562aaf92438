-- What a script sees, built once per VM. See sandbox.rs for the idea.
--
-- `lua` is the table of globals that LuaJIT's libraries have filled, `native` holds the functions in Rust; `insecure`
-- asks for the functions that a script can break out with.

local lua, native, insecure = ...

local assert, getmetatable, pcall, rawget, rawset, select, setmetatable, tonumber, type =
    lua.assert, lua.getmetatable, lua.pcall, lua.rawget, lua.rawset, lua.select, lua.setmetatable, lua.tonumber, lua.type
local ceil, concat, floor, insert = lua.math.ceil, lua.table.concat, lua.math.floor, lua.table.insert
local loadstring, guarded = native.loadstring, native.guarded

---------------------------------------------------------------------------------------------------------------
-- Read-only tables. A script gets an empty table, whose metatable finds what is asked for in the real one and
-- refuses to be written to. Functions that look past metatables ask `guarded` first (guard.rs).

local function guard(real)
  local proxy = setmetatable({}, { __index = real, __newindex = native.read_only, __metatable = false })
  guarded[proxy] = real
  return proxy
end

-- What Lua 5.1 makes of a number that is to be an int of C: its whole part, cut down to 32 bits.
local function to_int(number)
  if number ~= number or number >= 2 ^ 63 or number < -2 ^ 63 then return 0 end
  number = number < 0 and ceil(number) or floor(number)
  return (number + 2 ^ 31) % 2 ^ 32 - 2 ^ 31
end

-- Below the first element: all indices from the last one down to there move up by one. LuaJIT's does that without an end to
-- hear of a stop, as long as it may take.
local function insert_below(t, position, value)
  for index = #t, position, -1 do rawset(t, index + 1, rawget(t, index)) end
  rawset(t, position, value)
end

local function sandbox_insert(...)
  local t, position, value = ...
  if guarded[t] then native.read_only_here() end
  local count = select('#', ...)
  if type(t) == 'table' then
    if count == 2 then return insert(...) end
    local number = (type(position) == 'number' or type(position) == 'string') and tonumber(position)
    if count == 3 and number then
      local int = to_int(number)
      if int >= 1 then return insert(t, int, value) end
      return insert_below(t, int, value)
    end
  end
  native.refuse_insert(...)
end

local function foreach(...)
  local t, f = ...
  if type(t) ~= 'table' or type(f) ~= 'function' then native.refuse_foreach(...) end
  for key, value in native.guard.pairs(t) do
    local result = f(key, value)
    if result ~= nil then return result end
  end
end

---------------------------------------------------------------------------------------------------------------
-- Functions that differ from LuaJIT's.

local function load(...)
  local reader, name = ...
  if type(reader) ~= 'function' then native.refuse_load(...) end
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
for name, f in lua.pairs(native.string) do string[name] = f end
string.gfind = string.gmatch

-- What iterators of string.gmatch are, for patterns that are matched a batch at a time (strings.rs): in Lua, so that compiled code
-- runs through them without a call. In `batch` there is at 0 how many have been taken, then the matches, and behind the last of
-- all `false`; else nil, and at 28 what fetches more.
local function match_iterator(batch)
  return function()
    local at = batch[0] + 1
    local match = batch[at]
    if match then
      batch[0] = at
      return match
    end
    if match == nil then return batch[28](batch) end
  end
end
-- LuaJIT takes each closure for a function of its own until it has seen some.
local iterator
for _ = 1, 8 do iterator = match_iterator() end
native.keep_match_iterator(iterator)

local table = pick(lua.table, 'concat foreachi getn maxn remove')
table.insert, table.sort, table.foreach, table.setn = sandbox_insert, native.sort, foreach, native.setn

local math = pick(lua.math, 'abs acos asin atan atan2 ceil cos cosh exp floor fmod frexp huge ldexp log ' ..
  'log10 max min modf pi pow rad sin sinh sqrt tan tanh')
math.deg, math.mod, math.random, math.randomseed = native.deg, math.fmod, native.random, native.randomseed

local bit = pick(lua.bit, 'arshift band bnot bor bswap bxor lshift rol ror rshift tobit')
bit.tohex = native.tohex

local redis = native.redis

local globals = pick(lua, 'assert error gcinfo ipairs rawequal select tonumber tostring type unpack xpcall')
globals._VERSION = lua._VERSION
for name, f in lua.pairs(native.guard) do globals[name] = f end
globals.collectgarbage, globals.load, globals.loadstring, globals.pcall =
  native.collectgarbage, load, loadstring, native.pcall
globals.__redis__err__handler, globals.__server__err__handler = native.describe_error, native.describe_error

globals.string, globals.table, globals.math = guard(string), guard(table), guard(math)
globals.bit, globals.struct = guard(bit), guard(native.struct)
globals.coroutine = guard(pick(lua.coroutine, 'create resume running status wrap yield'))
globals.os = guard({ clock = lua.os.clock })
globals.cjson, globals.cmsgpack = guard(native.cjson), guard(native.cmsgpack)
globals.redis = guard(redis)
globals.server = globals.redis

-- Methods of strings find the real library at once; a script that asks gets the guarded one.
local string_metatable = getmetatable('')
string_metatable.__index = string
string_metatable.__metatable = guard({ __index = globals.string })

-- The environment of all scripts. KEYS and ARGV are set in `globals` before each run.
local environment = guard(globals)
globals._G = environment

-- What `lua-enable-insecure-api` shows. A script that asks for the environment of what runs here gets its own, and
-- cannot change the environment of that or of the whole interpreter: both outlive it.
if insecure then
  local lua_error, lua_getfenv, lua_setfenv = lua.error, lua.getfenv, lua.setfenv
  local function seen_from_here(f)
    if f == nil then return 3 end
    if type(f) == 'number' and f > 0 then return f + 2 end
    return f
  end
  local function environment_of(f)
    local found = lua_getfenv(f)
    if found == lua then return environment end
    return found
  end
  globals.newproxy = lua.newproxy
  function globals.getfenv(f)
    local found = environment_of(seen_from_here(f))
    return found
  end
  function globals.setfenv(f, to)
    if f == 0 or type(f) == 'function' and lua_getfenv(f) == lua then
      lua_error("'setfenv' cannot change environment of given object", 2)
    end
    if type(f) == 'number' then f = f + 1 end
    -- a tail call would be one level less
    local changed = lua_setfenv(f, to)
    return changed
  end
end
setmetatable(globals, { __index = native.no_such_global })

-- The same with the real tables in the place of the proxies, for scripts whose code has been seen not to touch them
-- (survey.rs). What would lead elsewhere is left out.
local direct = {}
for name, value in lua.pairs(globals) do direct[name] = guarded[value] or value end
direct._G, direct.load, direct.loadstring = nil, nil, nil
setmetatable(direct, { __index = native.no_such_global })

-- What `getmetatable` answers for it; for other proxies it says that there is none.
native.metatables[environment] = guard({ __index = native.no_such_global })

-- What libraries of functions see (library.rs): while they are loaded a table of their own and nothing else, later what scripts see without
-- KEYS and ARGV and what belongs to scripts alone. `guarded` is the environment of those that are not trusted with the tables
-- themselves; where it and `direct` lead is set from outside.
local function copy(from, without)
  local to = {}
  for name, value in lua.pairs(from) do to[name] = value end
  for name in without:gmatch('%S+') do to[name] = nil end
  return setmetatable(to, { __index = native.no_such_global })
end

local function_redis = setmetatable(copy(redis, 'breakpoint debug replicate_commands'), nil)
local load_redis = copy({ register_function = native.register_function, log = redis.log }, '')
for name, value in lua.pairs(redis) do
  if type(value) ~= 'function' and name:sub(1, 5) ~= 'REPL_' then load_redis[name] = value end
end

local called = copy(globals, '_G __redis__err__handler __server__err__handler')
called.redis = guard(function_redis)
called.server = called.redis
local called_direct = copy(direct, '__redis__err__handler __server__err__handler')
called_direct.redis, called_direct.server = function_redis, function_redis

local loading = copy({ redis = guard(load_redis) }, '')
loading.server = loading.redis
local loading_direct = copy({ redis = load_redis, server = load_redis }, '')

local guarded_metatable = { __index = called, __newindex = native.read_only, __metatable = false }
local library_environment = setmetatable({}, guarded_metatable)
guarded[library_environment], called._G = called, library_environment
native.metatables[library_environment] = native.metatables[environment]

local libraries = {
  guarded = library_environment, guarded_metatable = guarded_metatable,
  direct = setmetatable({}, { __index = native.no_such_global }),
  called = called, called_direct = called_direct, loading = loading, loading_direct = loading_direct,
}

return environment, globals, direct, libraries
