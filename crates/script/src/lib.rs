//! LuaJIT behind one port: sandbox, conversions, cjson, limits.
