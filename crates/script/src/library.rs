//! Libraries of functions: a text, its name, and what it has registered.
//!
//! A library opens with `#!lua name=<name>`. It is run once in each interpreter that is to run one of its functions, in
//! an environment that knows little more than `redis.register_function` (`sandbox.lua`), and what it registers stays in
//! that interpreter, with the variables that its functions share. [`Library`] is the text, [`Function`] what the server
//! knows of one of its functions, [`Loaded`] what an interpreter holds.

use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use perilune_luajit_sys::*;

use crate::api::raise_table;
use crate::script::{ScriptFlags, error, split_words};
use crate::state::{self, Compiled, bytes_at};
use crate::survey::{Elements, Parameter, Survey};

/// The name of the one engine that there is, as FUNCTION LIST shows it.
pub const ENGINE: &str = "LUA";

/// A library's text. Made once, shared by all VMs.
#[derive(Debug)]
pub struct Library {
    /// No other library of this process has it, not even one with the same name and text: a VM that meets it loads it anew.
    id: u64,
    name: Box<[u8]>,
    source: Box<[u8]>,
    shebang_bytes: usize,
}

impl Library {
    /// Reads the first line of a library. Nothing is run.
    ///
    /// # Errors
    /// The error reply, with its code, if the first line is wrong.
    pub fn new(source: &[u8]) -> Result<Self, Vec<u8>> {
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        if !source.starts_with(b"#!") {
            return Err(b"ERR Missing library metadata".to_vec());
        }
        const INVALID: &[u8] = b"ERR Invalid library metadata";
        let shebang_bytes = memchr::memchr2(b'\n', 0, source)
            .filter(|&end| source[end] == b'\n')
            .ok_or(INVALID)?;
        let words = split_words(&source[..shebang_bytes]).ok_or(INVALID)?;
        let (first, options) = words.split_first().ok_or(INVALID)?;
        let mut name = None;
        for option in options {
            match option.split_at_checked(b"name=".len()) {
                Some((key, value)) if key.eq_ignore_ascii_case(b"name=") => {
                    if name.replace(value).is_some() {
                        return Err(
                            b"ERR Invalid metadata value, name argument was given multiple times"
                                .to_vec(),
                        );
                    }
                }
                _ => return Err(error("Invalid metadata value given: ", option, "")),
            }
        }
        let name = name.ok_or(&b"ERR Library name was not given"[..])?;
        if !is_name(name) {
            return Err(b"ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long".to_vec());
        }
        let engine = first.strip_prefix(b"#!").unwrap_or(first);
        if !engine.eq_ignore_ascii_case(ENGINE.as_bytes()) {
            return Err(error("Engine '", engine, "' not found"));
        }
        Ok(Self {
            id: LAST_ID.fetch_add(1, Ordering::Relaxed) + 1,
            name: name.into(),
            source: source.into(),
            shebang_bytes,
        })
    }

    /// Tells it from all other libraries of this process.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its name: letters, digits and underscores.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The whole text.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// What is compiled. Behind a NUL the reference sees nothing.
    pub(crate) fn code(&self) -> &[u8] {
        let code = &self.source[self.shebang_bytes..];
        memchr::memchr(0, code).map_or(code, |end| &code[..end])
    }
}

/// Whether this can be the name of a library or a function.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// What a library has said of one of its functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Any bytes: they have not been looked at yet.
    pub name: Box<[u8]>,
    /// What it is for.
    pub description: Option<Box<[u8]>>,
    /// What it declares about itself.
    pub flags: ScriptFlags,
}

/// A function of a library, to be run by [`Vm::call`](crate::Vm::call).
#[derive(Debug)]
pub struct Function {
    library: Arc<Library>,
    index: usize,
    declaration: Declaration,
}

impl Function {
    /// The functions of a library, from what it has declared, in that order.
    ///
    /// # Errors
    /// The error reply, with its code, if a name is none, if two are the same in any case, or if there are no functions.
    pub fn all(
        library: &Arc<Library>,
        declarations: Vec<Declaration>,
    ) -> Result<Vec<Arc<Function>>, Vec<u8>> {
        let mut seen = std::collections::HashSet::new();
        for Declaration { name, .. } in &declarations {
            if !is_name(name) {
                return Err(b"ERR Function names can only contain letters, numbers, or underscores(_) and must be at least one character long".to_vec());
            }
            if !seen.insert(name.to_ascii_lowercase()) {
                return Err(b"ERR Function already exists in the library".to_vec());
            }
        }
        if declarations.is_empty() {
            return Err(b"ERR No functions registered".to_vec());
        }
        let function = |(index, declaration)| {
            Arc::new(Function {
                library: library.clone(),
                index,
                declaration,
            })
        };
        Ok(declarations.into_iter().enumerate().map(function).collect())
    }

    /// Where it comes from.
    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Its name as the library has written it. It is called by this name in any case.
    pub fn name(&self) -> &[u8] {
        &self.declaration.name
    }

    /// What it is for.
    pub fn description(&self) -> Option<&[u8]> {
        self.declaration.description.as_deref()
    }

    /// What it declares about itself.
    pub fn flags(&self) -> ScriptFlags {
        self.declaration.flags
    }
}

/// What `redis.register_function` was given, while the library is loaded and after.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) declaration: Declaration,
    pub(crate) compiled: Compiled,
}

/// A library in an interpreter.
pub(crate) type Loaded = Vec<Registered>;

/// A library that is being loaded.
#[derive(Debug, Default)]
pub(crate) struct Loading {
    pub(crate) registered: Loaded,
    /// What the functions in it do with their parameters.
    parameters: HashMap<inside::Proto, [Parameter; 2]>,
    /// The library sees the tables themselves.
    is_direct: bool,
    /// About what that costs outside of the interpreter.
    bytes: usize,
}

/// The function that the run is about; none if this interpreter does not have it.
///
/// # Safety
/// Between runs.
pub(crate) unsafe fn find(lua: *mut lua_State, function: &Function) -> Option<Compiled> {
    // SAFETY: the caller's.
    let state = unsafe { state::of(lua) };
    let key = (function.library.id, function.index);
    if let Some((last, compiled)) = &state.last_function
        && *last == key
    {
        return Some(*compiled);
    }
    let loaded = state.libraries.get(&function.library.id)?;
    let is_meant =
        |registered: &&Registered| registered.declaration.name == function.declaration.name;
    // It is in its place, unless the library registers other things each time that it is run.
    let in_place = loaded.get(function.index).filter(is_meant);
    let compiled = in_place.or_else(|| loaded.iter().find(is_meant))?.compiled;
    state.last_function = Some((key, compiled));
    Some(compiled)
}

/// Gives up what a library has registered.
///
/// # Safety
/// Between runs.
pub(crate) unsafe fn forget(lua: *mut lua_State, loaded: Loaded) {
    for registered in loaded {
        // SAFETY: a place in the registry that we took; nothing raises.
        unsafe { luaL_unref(lua, LUA_REGISTRYINDEX, registered.compiled.place) };
    }
}

/// Compiles a library and pushes it, with the environment that fits it: the tables themselves where its code has been seen
/// to only read fields of them, and the guarded one otherwise.
///
/// # Errors
/// The status of the compiler, with the error on top of the stack.
///
/// # Safety
/// Between runs. Memory is disarmed afterwards.
pub(crate) unsafe fn compile(lua: *mut lua_State, library: &Library) -> Result<(), c_int> {
    // SAFETY: the caller's; loading is protected by itself.
    unsafe {
        let status = crate::sandbox::load(lua, library.code(), c"@user_function");
        let state = state::of(lua);
        state.memory.disarm();
        if status != LUA_OK {
            return Err(status);
        }
        let is_direct = !state.is_insecure && Survey::of(inside::Proto::of_top(lua)).direct;
        // before the library has run: then the compiler replaces instructions
        if let Some(loading) = &mut state.loading {
            loading.parameters = Survey::parameters(inside::Proto::of_top(lua));
            loading.is_direct = is_direct;
        }
        let environments = state.environments;
        let place = match is_direct {
            true => environments.direct,
            false => environments.guarded,
        };
        lua_rawgeti(lua, LUA_REGISTRYINDEX, place);
        lua_setfenv(lua, -2);
        Ok(())
    }
}

/// Where the arguments of `register_function` are put, whatever they come as.
const NAME: c_int = 2;
const DESCRIPTION: c_int = 3;
const CALLBACK: c_int = 4;

/// What one function costs beside its texts.
const REGISTERED_BYTES: usize = 256;

/// `redis.register_function`: with the name and the function, or with a table of named arguments.
pub(crate) unsafe extern "C-unwind" fn register_function(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; what is owned here is owned when nothing raises any more.
    unsafe {
        if state::of(lua).loading.is_none() {
            raise_table(
                lua,
                b"ERR server.register_function can only be called on FUNCTION LOAD command",
            );
        }
        let arguments = match lua_gettop(lua) {
            1 => named_arguments(lua),
            2 => positional_arguments(lua),
            _ => Err(&b"ERR wrong number of arguments to server.register_function"[..]),
        };
        let flags = match arguments {
            Ok(flags) => flags,
            Err(message) => raise_table(lua, message),
        };
        lua_settop(lua, CALLBACK);
        let name = bytes_at(lua, NAME);
        let description =
            (lua_type(lua, DESCRIPTION) == LUA_TSTRING).then(|| bytes_at(lua, DESCRIPTION));
        let bytes = REGISTERED_BYTES + name.len() + description.map_or(0, <[u8]>::len);
        let state = state::of(lua);
        if let Some(loading) = &mut state.loading {
            loading.bytes += bytes;
            if loading.bytes > state.memory.left_bytes() {
                state.stop_for_memory();
                state::raise_stop(lua);
            }
        }
        let function = inside::top_value(lua);
        let proto = inside::Proto::of_top(lua);
        let place = luaL_ref(lua, LUA_REGISTRYINDEX);
        let Some(loading) = &mut state::of(lua).loading else {
            return 0;
        };
        let parameters = loading.parameters.get(&proto);
        let survey = parameters.map_or(Survey::NONE, |parameters| Survey {
            direct: false,
            reuses: parameters.map(|it| it.is_hidden),
            marks: match loading.is_direct {
                true => parameters.map(|it| it.marks),
                false => [Elements::NONE; 2],
            },
        });
        loading.registered.push(Registered {
            declaration: Declaration {
                name: name.into(),
                description: description.map(Into::into),
                flags,
            },
            compiled: Compiled {
                place,
                function,
                survey,
                used_at: 0,
            },
        });
        0
    }
}

/// Puts a name and a function in their places.
unsafe fn positional_arguments(lua: *mut lua_State) -> Result<ScriptFlags, &'static [u8]> {
    // SAFETY: called by `register_function`.
    unsafe {
        if lua_tolstring(lua, 1, std::ptr::null_mut()).is_null() {
            return Err(b"ERR first argument to server.register_function must be a string");
        }
        if lua_type(lua, 2) != LUA_TFUNCTION {
            return Err(b"ERR second argument to server.register_function must be a function");
        }
        lua_pushnil(lua);
        lua_pushvalue(lua, 2);
        lua_pushvalue(lua, 1);
        lua_replace(lua, NAME);
        Ok(ScriptFlags::default())
    }
}

/// Puts what a table holds in its places.
unsafe fn named_arguments(lua: *mut lua_State) -> Result<ScriptFlags, &'static [u8]> {
    // SAFETY: called by `register_function`.
    unsafe {
        if lua_type(lua, 1) != LUA_TTABLE {
            return Err(b"ERR calling server.register_function with a single argument is only applicable to Lua table (representing named arguments).");
        }
        let mut flags = ScriptFlags::default();
        for _ in NAME..=CALLBACK {
            lua_pushnil(lua);
        }
        lua_pushnil(lua);
        while lua_next(lua, 1) != 0 {
            let key: &[u8] =
                match lua_type(lua, -2) {
                    LUA_TSTRING => bytes_at(lua, -2),
                    LUA_TNUMBER => b"",
                    _ => return Err(
                        b"ERR named argument key given to server.register_function is not a string",
                    ),
                };
            let is = |name: &[u8]| key.eq_ignore_ascii_case(name);
            if is(b"function_name") || is(b"description") {
                let is_name = is(b"function_name");
                if lua_tolstring(lua, -1, std::ptr::null_mut()).is_null() {
                    return Err(match is_name {
                        true => b"ERR function_name argument given to server.register_function must be a string",
                        false => b"ERR description argument given to server.register_function must be a string",
                    });
                }
                lua_replace(lua, if is_name { NAME } else { DESCRIPTION });
            } else if is(b"callback") {
                if lua_type(lua, -1) != LUA_TFUNCTION {
                    return Err(b"ERR callback argument given to server.register_function must be a function");
                }
                lua_replace(lua, CALLBACK);
            } else if is(b"flags") {
                if lua_type(lua, -1) != LUA_TTABLE {
                    return Err(b"ERR flags argument to server.register_function must be a table representing function flags");
                }
                flags = read_flags(lua).ok_or(&b"ERR unknown flag given"[..])?;
                lua_settop(lua, -2);
            } else {
                return Err(b"ERR unknown argument given to server.register_function");
            }
        }
        if lua_type(lua, NAME) == LUA_TNIL {
            return Err(b"ERR server.register_function must get a function name argument");
        }
        if lua_type(lua, CALLBACK) == LUA_TNIL {
            return Err(b"ERR server.register_function must get a callback argument");
        }
        Ok(flags)
    }
}

/// The flags in the list on top of the stack, in any case; none if one is unknown.
unsafe fn read_flags(lua: *mut lua_State) -> Option<ScriptFlags> {
    // SAFETY: called by `named_arguments`.
    unsafe {
        let mut flags = ScriptFlags::default();
        for index in 1.. {
            lua_rawgeti(lua, -1, index);
            match lua_type(lua, -1) {
                LUA_TNIL => break,
                LUA_TSTRING => {
                    let name = bytes_at(lua, -1);
                    if !flags.set(name, |a, b| a.eq_ignore_ascii_case(b)) {
                        return None;
                    }
                }
                _ => return None,
            }
            lua_settop(lua, -2);
        }
        lua_settop(lua, -2);
        Some(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_a_library_or_is_refused() {
        let names = "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";
        let cases: &[(&str, &str)] = &[
            ("#!lua name=a\nreturn 1", "a"),
            ("#!LUA NAME=a_1\n", "a_1"),
            ("#!lua \"name=a\"\n", "a"),
            ("return 1", "ERR Missing library metadata"),
            ("", "ERR Missing library metadata"),
            ("#!lua name=a", "ERR Invalid library metadata"),
            ("#!lua \0name=a\n", "ERR Invalid library metadata"),
            ("#!lua \"name=a\n", "ERR Invalid library metadata"),
            ("#!lua\n", "ERR Library name was not given"),
            (
                "#!lua name=a name=b\n",
                "ERR Invalid metadata value, name argument was given multiple times",
            ),
            ("#!lua foo=a\n", "ERR Invalid metadata value given: foo=a"),
            (
                "#!lua \"foo\\r\\n+X\"\n",
                "ERR Invalid metadata value given: foo  +X",
            ),
            ("#!lua nam\n", "ERR Invalid metadata value given: nam"),
            ("#!lua name=\n", names),
            ("#!lua name=a-b\n", names),
            ("#!js name=a\n", "ERR Engine 'js' not found"),
            ("#! name=a\n", "ERR Engine '' not found"),
        ];
        for &(source, expected) in cases {
            let seen = match Library::new(source.as_bytes()) {
                Ok(library) => library.name().to_vec(),
                Err(message) => message,
            };
            assert_eq!(String::from_utf8_lossy(&seen), expected, "{source:?}");
        }
    }

    #[test]
    fn names_of_functions_are_looked_at() {
        let library = Arc::new(Library::new(b"#!lua name=a\n").expect("a library"));
        let check = |names: &[&str], expected: &str| {
            let declaration = |name: &&str| Declaration {
                name: name.as_bytes().into(),
                description: None,
                flags: ScriptFlags::default(),
            };
            let seen = match Function::all(&library, names.iter().map(declaration).collect()) {
                Ok(functions) => functions
                    .iter()
                    .map(|f| f.name())
                    .collect::<Vec<_>>()
                    .join(&b' '),
                Err(message) => message,
            };
            assert_eq!(String::from_utf8_lossy(&seen), expected, "{names:?}");
        };
        let letters = "ERR Function names can only contain letters, numbers, or underscores(_) and must be at least one character long";
        check(&["f", "g_2"], "f g_2");
        check(&[], "ERR No functions registered");
        check(&["f", "f"], "ERR Function already exists in the library");
        check(&["f", "F"], "ERR Function already exists in the library");
        check(&["f-g"], letters);
        check(&[""], letters);
    }
}
