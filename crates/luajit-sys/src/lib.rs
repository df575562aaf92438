//! Raw bindings to LuaJIT, built from source with the flags that the sandbox depends on.
