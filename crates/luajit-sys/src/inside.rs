//! LuaJIT's own data, for the few places where a call of its API costs more than the work.
//!
//! A `redis.call` reads two or three strings and pushes one value: through the API that is a dozen calls, each of which finds
//! out anew what an index means. Here the same are loads and stores. How the structures lie in memory is LuaJIT's
//! business, and its version is pinned; `layout.c` asserts at compile time everything that this file assumes.
//!
//! ```text
//!   lua_State --base--> [slot 1][slot 2] ... <--top      a slot is 64 bits: a double, or a NaN with a type in its
//!                                                        upper 17 bits and a pointer in the others
//! ```

use std::ffi::{c_char, c_int, c_void};
use std::ops::Range;

use crate::lua_State;

const GLOBAL_STATE_AT: usize = 16;
const BASE_AT: usize = 32;
const TOP_AT: usize = 40;
const STACK_END_AT: usize = 48;
/// Slots that a C function may have.
const C_STACK_MAX: isize = 8000;
const ALLOCATOR_DATA_AT: usize = 8;

const COLLECTOR_TOTAL_AT: usize = 16;
const COLLECTOR_THRESHOLD_AT: usize = 24;

const STRING_LEN_AT: usize = 20;
const STRING_BYTES_AT: usize = 24;

const TABLE_MARKED_AT: usize = 8;
const TABLE_ARRAY_AT: usize = 16;
const TABLE_ARRAY_SIZE_AT: usize = 48;
const TABLE_NODES_AT: usize = 40;
const TABLE_NODES_MASK_AT: usize = 52;
const MARKED_BLACK: u8 = 4;

const FRAME_TYPE: u64 = 3;
const FRAME_LUA: u64 = 0;
const FRAME_TYPE_FULL: u64 = 7;
const FRAME_CONTINUATION: u64 = 2;

const OBJECT_TYPE_AT: usize = 9;
const FUNCTION_PC_AT: usize = 32;
const FUNCTION_ENVIRONMENT_AT: usize = 16;
const FUNCTION_VARIABLES_AT: usize = 40;
const VARIABLE_VALUE_AT: usize = 16;
const FUNCTION_NUMBER_AT: usize = 10;
const FUNCTION_UPVALUES_AT: usize = 48;
/// The number of the iterators that LuaJIT's own `string.gmatch` makes.
const GMATCH_ITERATOR: u8 = 86;
const PROTO_BYTES: usize = 104;
const PROTO_PARAMETERS_AT: usize = 10;
const PROTO_CODE_LEN_AT: usize = 12;
const PROTO_CONSTANTS_AT: usize = 32;
const PROTO_OBJECTS_AT: usize = 48;

/// Added to the number of a [mark](Value::mark): no address of anything is below the sum of both, and `NULL` is no mark.
const MARK: u64 = 1 << 32;

/// Where the type of a slot begins, and the types.
const TYPE_SHIFT: u32 = 47;
const POINTER: u64 = (1 << TYPE_SHIFT) - 1;
const TYPE_LIGHT: u64 = !3 & 0x1FFFF;
const TYPE_STRING: u64 = !4 & 0x1FFFF;
const TYPE_FUNCTION: u64 = !8 & 0x1FFFF;
const TYPE_TABLE: u64 = !11 & 0x1FFFF;
/// What is below is a double; on some machines this itself is a 32-bit integer.
const TYPE_NUMBER: u64 = !13 & 0x1FFFF;
const OBJECT_STRING: u8 = 4;
const OBJECT_PROTO: u8 = 7;

/// A Lua string.
#[repr(C)]
pub struct GCstr {
    _private: [u8; 0],
}

/// A Lua table.
#[repr(C)]
pub struct GCtab {
    _private: [u8; 0],
}

unsafe extern "C-unwind" {
    /// The string with these bytes. Raises for want of memory; does not collect.
    pub fn lj_str_new(l: *mut lua_State, bytes: *const c_char, len: usize) -> *mut GCstr;
    /// A table with so many slots in its array, index 0 included, and room for 2^`hash_bits` pairs; none for 0. Raises for want
    /// of memory; does not collect.
    pub fn lj_tab_new(l: *mut lua_State, array_size: u32, hash_bits: u32) -> *mut GCtab;
    /// A table with the same keys, in the same places. Raises for want of memory; does not collect.
    pub fn lj_tab_dup(l: *mut lua_State, table: *const GCtab) -> *mut GCtab;
    /// The slot for a key, which is made if there is none. Raises for want of memory; does not collect. What is
    /// stored there needs [`table_is_black`] as in the array.
    pub fn lj_tab_setstr(l: *mut lua_State, table: *mut GCtab, key: *const GCstr) -> *mut Value;
    /// The slot for a key, which is neither nil nor NaN. As `lj_tab_setstr`.
    pub fn lj_tab_set(l: *mut lua_State, table: *mut GCtab, key: *const Value) -> *mut Value;
    /// The slot for an index outside of the array. As `lj_tab_setstr`.
    pub fn lj_tab_setinth(l: *mut lua_State, table: *mut GCtab, key: i32) -> *mut Value;
    /// A closure of the Lua function with this compiled form, whose variables are all nil and its own. Raises for want of memory;
    /// does not collect.
    fn lj_func_newL_empty(l: *mut lua_State, proto: *const u8, environment: *mut GCtab) -> *mut u8;
    /// Goes on with compiled code behind a call that it cannot make itself. Never called from here.
    fn lj_cont_stitch();
    fn lj_gc_step(l: *mut lua_State) -> c_int;
}

/// Lets the collector do some of its work if it is time, as every function of the API does that makes something.
///
/// # Safety
/// `l` is a live interpreter, and what is not to be collected can be reached from it. May raise.
#[inline]
pub unsafe fn collect_if_due(l: *mut lua_State) {
    // SAFETY: the caller's promise; `layout.c`.
    unsafe {
        let global = *l.byte_add(GLOBAL_STATE_AT).cast::<*mut c_void>();
        let total = *global.byte_add(COLLECTOR_TOTAL_AT).cast::<usize>();
        let threshold = *global.byte_add(COLLECTOR_THRESHOLD_AT).cast::<usize>();
        if total >= threshold {
            lj_gc_step(l);
        }
    }
}

/// The pointer that the allocator was given.
///
/// # Safety
/// `l` is a live interpreter.
#[inline]
pub unsafe fn allocator_data(l: *mut lua_State) -> *mut c_void {
    // SAFETY: the caller's promise; `layout.c`.
    unsafe {
        let global = *l.byte_add(GLOBAL_STATE_AT).cast::<*mut c_void>();
        *global.byte_add(ALLOCATOR_DATA_AT).cast()
    }
}

#[inline]
unsafe fn base(l: *mut lua_State) -> *mut Value {
    // SAFETY: the caller's promise; `layout.c`.
    unsafe { *l.byte_add(BASE_AT).cast() }
}

#[inline]
unsafe fn top(l: *mut lua_State) -> *mut *mut Value {
    // SAFETY: as `base`.
    unsafe { l.byte_add(TOP_AT).cast() }
}

/// As `lua_gettop`.
///
/// # Safety
/// `l` is a live interpreter.
#[inline]
pub unsafe fn stack_len(l: *mut lua_State) -> c_int {
    // SAFETY: both point into the same stack.
    unsafe { (*top(l)).offset_from(base(l)) as c_int }
}

/// The slot at a positive index.
///
/// # Safety
/// `index` is from 1 to [`stack_len`].
#[inline]
pub unsafe fn value_at(l: *mut lua_State, index: c_int) -> Value {
    // SAFETY: the caller's promise.
    unsafe { *base(l).add(index as usize - 1) }
}

/// All slots of the running function, the first of them with index 1.
///
/// # Safety
/// `l` is a live interpreter, and nothing is pushed or taken off while this is used.
#[inline]
pub unsafe fn values<'a>(l: *mut lua_State) -> &'a [Value] {
    // SAFETY: both point into the same stack; the caller's promise.
    unsafe { std::slice::from_raw_parts(base(l), stack_len(l) as usize) }
}

/// The slot on top of the stack.
///
/// # Safety
/// The stack is not empty.
#[inline]
pub unsafe fn top_value(l: *mut lua_State) -> Value {
    // SAFETY: the caller's promise.
    unsafe { *(*top(l)).sub(1) }
}

/// Pushes a value.
///
/// # Safety
/// There is room on the stack, and the object that the value refers to is alive.
#[inline]
pub unsafe fn push(l: *mut lua_State, value: Value) {
    // SAFETY: the caller's promise.
    unsafe {
        let top = top(l);
        **top = value;
        *top = (*top).add(1);
    }
}

/// Takes the value on top off the stack.
///
/// # Safety
/// The stack is not empty.
#[inline]
pub unsafe fn pop(l: *mut lua_State) {
    // SAFETY: the caller's promise.
    unsafe {
        let top = top(l);
        *top = (*top).sub(1);
    }
}

/// Whether there are so many free slots on the stack. Where not, `lua_checkstack` may still make them.
///
/// # Safety
/// `l` is a live interpreter.
#[inline]
pub unsafe fn has_room(l: *mut lua_State, slots: u16) -> bool {
    // SAFETY: all three point into the same stack; `layout.c`.
    unsafe {
        let (base, top) = (base(l), *top(l));
        let end = *l.byte_add(STACK_END_AT).cast::<*mut Value>();
        let slots = slots as isize;
        end.offset_from(top) >= slots && top.offset_from(base) + slots <= C_STACK_MAX
    }
}

/// The first `N` upvalues of the C function that runs. Storing a number in one is always right.
///
/// # Safety
/// A closure of a C function with so many is running, and nobody else uses them meanwhile.
#[inline]
pub unsafe fn upvalues<'a, const N: usize>(l: *mut lua_State) -> &'a mut [Value; N] {
    // SAFETY: the caller's promise; the function stands two slots below the first of its frame.
    unsafe {
        let function = ((*base(l).sub(2)).0 & POINTER) as *mut u8;
        &mut *function.add(FUNCTION_UPVALUES_AT).cast()
    }
}

/// Has the compiler take the C closure on top of the stack for an iterator of `string.gmatch`: any of them will do where it
/// has met one, as each loop makes its own. Without, it compiles a trace for each that it meets, a hundred times, and from then on
/// each turn of the loop runs through all of these: 30 times the time of the interpreter.
///
/// # Safety
/// There is a closure of a C function on top of the stack, and it keeps what it knows in its upvalues.
#[inline]
pub unsafe fn mark_gmatch_iterator(l: *mut lua_State) {
    // SAFETY: the caller's promise; `layout.c`.
    unsafe {
        let function = (top_value(l).0 & POINTER) as *mut u8;
        *function.add(FUNCTION_NUMBER_AT) = GMATCH_ITERATOR;
    }
}

/// Another closure of a Lua function, with the same environment, whose first variable from outside is one of its own and has this value.
/// Raises for want of memory; does not collect.
///
/// # Safety
/// The value is a Lua function with such a variable, and both it and `variable` are alive.
pub unsafe fn close_over(l: *mut lua_State, function: Value, variable: Value) -> Value {
    // SAFETY: the caller's promise; `layout.c`. What has just been made is white, so the collector need not be told of what is
    // stored.
    unsafe {
        debug_assert_eq!(function.0 >> TYPE_SHIFT, TYPE_FUNCTION);
        let function = (function.0 & POINTER) as *const u8;
        let code = *function.add(FUNCTION_PC_AT).cast::<*const u8>();
        let environment = *function.add(FUNCTION_ENVIRONMENT_AT).cast::<*mut GCtab>();
        let closure = lj_func_newL_empty(l, code.sub(PROTO_BYTES), environment);
        let first = *closure.add(FUNCTION_VARIABLES_AT).cast::<*mut u8>();
        *first.add(VARIABLE_VALUE_AT).cast::<Value>() = variable;
        Value(TYPE_FUNCTION << TYPE_SHIFT | closure as u64)
    }
}

/// Whether the running C function was called by a statement of Lua code, which drops what it returns. Compiled code makes such
/// a call through a frame of its own, which goes on behind it.
///
/// # Safety
/// A function that Lua has called is running.
#[inline]
pub unsafe fn caller_drops_results(l: *mut lua_State) -> bool {
    // SAFETY: below the first slot of every frame is where it returns to. What is no address of an instruction has
    // bits set that such an address has not.
    unsafe {
        let base = base(l);
        let link = (*base.sub(1)).0;
        let next = if link & FRAME_TYPE == FRAME_LUA {
            link
        } else if link & FRAME_TYPE_FULL == FRAME_CONTINUATION
            && (*base.sub(4)).0 == lj_cont_stitch as *const () as u64
        {
            (*base.sub(3)).0
        } else {
            return false;
        };
        let call = *(next as *const Instruction).sub(1);
        matches!(
            call.operation(),
            Instruction::CALL | Instruction::CALL_WITH_ALL
        ) && call.b() == 1
    }
}

/// A slot of a stack or a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Value(u64);

impl Value {
    /// `nil`.
    pub const NIL: Value = Value(u64::MAX);
    /// `false`.
    pub const FALSE: Value = Value(!(1 << TYPE_SHIFT));
    /// `true`.
    pub const TRUE: Value = Value(!(2 << TYPE_SHIFT));
    /// The one NaN that is not a type.
    const NAN: Value = Value(0xFFF8_0000_0000_0000);

    /// A number.
    #[inline]
    pub fn number(number: f64) -> Value {
        if number.is_nan() {
            Value::NAN
        } else {
            Value(number.to_bits())
        }
    }

    /// A light userdata that stands for something that only functions of ours know by this number.
    #[inline]
    pub fn mark(number: u32) -> Value {
        Value(TYPE_LIGHT << TYPE_SHIFT | MARK | u64::from(number))
    }

    /// The number of the mark that this is.
    #[inline]
    pub fn as_mark(self) -> Option<u32> {
        const MARKED: u64 = (TYPE_LIGHT << TYPE_SHIFT | MARK) >> 32;
        (self.0 >> 32 == MARKED).then_some(self.0 as u32)
    }

    /// Whether this is `nil`.
    #[inline]
    pub fn is_nil(self) -> bool {
        self.0 >> TYPE_SHIFT == Value::NIL.0 >> TYPE_SHIFT
    }

    /// A string.
    #[inline]
    pub fn string(string: *mut GCstr) -> Value {
        Value(TYPE_STRING << TYPE_SHIFT | string as u64)
    }

    /// A table.
    #[inline]
    pub fn table(table: *mut GCtab) -> Value {
        Value(TYPE_TABLE << TYPE_SHIFT | table as u64)
    }

    /// The string that this is.
    #[inline]
    pub fn as_string(self) -> Option<*mut GCstr> {
        (self.0 >> TYPE_SHIFT == TYPE_STRING).then_some((self.0 & POINTER) as *mut GCstr)
    }

    /// The table that this is.
    #[inline]
    pub fn as_table(self) -> Option<*mut GCtab> {
        (self.0 >> TYPE_SHIFT == TYPE_TABLE).then_some((self.0 & POINTER) as *mut GCtab)
    }

    /// The boolean that this is.
    #[inline]
    pub fn as_boolean(self) -> Option<bool> {
        match self {
            Value::FALSE => Some(false),
            Value::TRUE => Some(true),
            _ => None,
        }
    }

    /// The number that this is.
    #[inline]
    pub fn as_number(self) -> Option<f64> {
        match self.0 >> TYPE_SHIFT {
            TYPE_NUMBER => Some(f64::from(self.0 as u32 as i32)),
            kind if kind < TYPE_NUMBER => Some(f64::from_bits(self.0)),
            _ => None,
        }
    }
}

/// The bytes of a string.
///
/// # Safety
/// The string is alive, and stays so for `'a`.
#[inline]
pub unsafe fn string_bytes<'a>(string: *mut GCstr) -> &'a [u8] {
    // SAFETY: the caller's promise; `layout.c`.
    unsafe {
        let len = *string.byte_add(STRING_LEN_AT).cast::<u32>();
        std::slice::from_raw_parts(string.byte_add(STRING_BYTES_AT).cast(), len as usize)
    }
}

/// The bytes of a string of at most 16, with zeros behind them. `None` of a longer one.
///
/// # Safety
/// The string is alive.
#[inline]
pub unsafe fn short_string(string: *mut GCstr) -> Option<[u8; 16]> {
    // SAFETY: the caller's promise; `layout.c`. Before its bytes a string has a head of more than 16, so that what precedes its
    // end may be read.
    unsafe {
        let len = *string.byte_add(STRING_LEN_AT).cast::<u32>();
        if len > 16 {
            return None;
        }
        let end = string.byte_add(STRING_BYTES_AT + len as usize);
        let bytes = u128::from_le_bytes(end.byte_sub(16).cast::<[u8; 16]>().read());
        let above = bytes.checked_shr(u128::BITS - 8 * len);
        Some(above.unwrap_or(0).to_le_bytes())
    }
}

/// The slots of a table's array, from index 0 on. Storing an object in one is right only while the table is not
/// [black](table_is_black).
///
/// # Safety
/// The table is alive, and is not changed by others while this is used.
#[inline]
pub unsafe fn table_array<'a>(table: *mut GCtab) -> &'a mut [Value] {
    // SAFETY: the caller's promise; `layout.c`. An empty array is null, which a slice must not be.
    unsafe {
        let slots = *table.byte_add(TABLE_ARRAY_AT).cast::<*mut Value>();
        let len = *table.byte_add(TABLE_ARRAY_SIZE_AT).cast::<u32>();
        match len {
            0 => &mut [],
            len => std::slice::from_raw_parts_mut(slots, len as usize),
        }
    }
}

/// A pair in a table's hash; free where the value is nil.
#[repr(C)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// The key.
    pub key: Value,
    next: *mut Node,
}

/// The pairs of a table's hash, in the order in which `next` visits them, behind the array. Storing is right as in
/// [`table_array`].
///
/// # Safety
/// The table is alive, and is not changed by others while this is used; where there are no pairs there is one free
/// node that all tables share, and is not to be written to.
#[inline]
pub unsafe fn table_nodes<'a>(table: *mut GCtab) -> &'a mut [Node] {
    // SAFETY: the caller's promise; `layout.c`. There is always one.
    unsafe {
        let nodes = *table.byte_add(TABLE_NODES_AT).cast::<*mut Node>();
        let mask = *table.byte_add(TABLE_NODES_MASK_AT).cast::<u32>();
        std::slice::from_raw_parts_mut(nodes, mask as usize + 1)
    }
}

/// Whether a table has nothing but its array: no pair in its hash.
///
/// # Safety
/// The table is alive.
#[inline]
pub unsafe fn table_is_plain(table: *mut GCtab) -> bool {
    // SAFETY: the caller's promise; `layout.c`. There is always one node.
    unsafe {
        let mask = *table.byte_add(TABLE_NODES_MASK_AT).cast::<u32>();
        let nodes = *table.byte_add(TABLE_NODES_AT).cast::<*const Node>();
        mask == 0 && (*nodes).value.is_nil()
    }
}

/// Whether the collector has been through with this table in the cycle in progress, so that it must be told of
/// what is stored there.
///
/// # Safety
/// The table is alive.
#[inline]
pub unsafe fn table_is_black(table: *mut GCtab) -> bool {
    // SAFETY: the caller's promise; `layout.c`.
    unsafe { *table.byte_add(TABLE_MARKED_AT).cast::<u8>() & MARKED_BLACK != 0 }
}

/// The compiled form of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Proto(*const u8);

/// An instruction. Which of its operands it has depends on the operation: A, B and C, or A and D.
#[derive(Debug, Clone, Copy)]
pub struct Instruction(u32);

impl Instruction {
    /// `LEN`: A is the length of D.
    pub const LEN: u8 = 21;
    /// `GGET`: A is the global that string D names.
    pub const GLOBAL: u8 = 54;
    /// `GSET`: a global is set.
    pub const SET_GLOBAL: u8 = 55;
    /// `TGETV`: A is the field of table B that slot C names.
    pub const FIELD_BY_SLOT: u8 = 56;
    /// `TGETS`: A is the field of table B that string C names.
    pub const FIELD_BY_NAME: u8 = 57;
    /// `TGETB`: A is the field of table B with number C.
    pub const FIELD_BY_NUMBER: u8 = 58;

    /// `CALL`: calls A with C - 1 arguments for B - 1 results; 0 stands for as many as there are. The arguments begin two slots
    /// behind A.
    pub const CALL: u8 = 66;
    /// `CALLM`: the same with C arguments, and behind them all that the call before has returned.
    const CALL_WITH_ALL: u8 = 65;

    /// `VARG`: the slots from A on become what `...` stands for.
    const VARARGS: u8 = 71;

    /// `FUNCF`: begins a function that has not run yet and takes no `...`.
    pub const FUNCTION: u8 = 96;

    /// Whether it reads this slot, or may, for anything else than to take a field or the length of the table in it. An
    /// instruction that makes a function may make the slot its variable.
    ///
    /// Never too little, for instructions that the compiler has not replaced. What begins at a slot and goes on for so many is taken to go on for
    /// ever: variables lie below it.
    pub fn exposes(self, slot: u8) -> bool {
        let [a, b, c] = [self.a() == slot, self.b() == slot, self.c() == slot];
        let d = self.d() == u16::from(slot);
        let from_a = self.a() <= slot;
        match self.operation() {
            // comparisons of two slots, of a slot and a constant
            0..=5 => a || d,
            6..=11 => a,
            // tests and copies; types of a slot; unary operations
            12..=15 | 18..=20 => d,
            16 | 17 => a,
            Self::LEN | Self::FIELD_BY_NAME | Self::FIELD_BY_NUMBER => false,
            // arithmetic with a constant, of two slots
            22..=31 => b,
            32..=37 => b || c,
            // concatenation of all from B to C
            38 => self.b() <= slot && slot <= self.c(),
            // constants, variables of outer functions
            39..=45 | 47..=50 => false,
            46 => d,
            // functions
            51 => true,
            // new tables, globals
            52..=54 => false,
            Self::SET_GLOBAL => a,
            Self::FIELD_BY_SLOT => c,
            // fields that are set
            59..=62 | 64 => a || b || c,
            63 => self.a() <= slot.saturating_add(1),
            // calls and returns
            75 => false,
            65..=76 => from_a,
            // loops and jumps
            77..=84 => from_a,
            85..=88 => false,
            // operations on bits
            89..=95 => a || b || c || d,
            // heads of functions
            _ => false,
        }
    }

    /// Whether it is a step on the way to the arguments of a call, as an expression is computed, that leaves alone what lies in
    /// `slot` and below: it neither jumps nor is followed by a jump, sets slots above only, and takes nothing from `slot`.
    ///
    /// Never for what is none. What also is such a step, but hardly ever met, is left out.
    pub fn is_step_above(self, slot: u8) -> bool {
        let steps = matches!(
            self.operation(),
            // copies, arithmetic and concatenation; constants and variables of outer functions; new tables and fields
            18..=39 | 41..=45 | 52..=54 | 56..=59 | Self::CALL_WITH_ALL | Self::CALL | Self::VARARGS
        );
        let from_above = match self.operation() {
            // concatenation works in the slots that it reads
            38 => self.b() > slot,
            Self::LEN => self.d() != u16::from(slot),
            56..=59 => self.b() != slot,
            _ => true,
        };
        steps && self.a() > slot && from_above && !self.exposes(slot)
    }

    /// The slots of the arguments, if it is a call that something follows (LuaJIT is built without any other); of those that it may have
    /// besides, as many as there are, none.
    pub fn arguments(self) -> Option<Range<u16>> {
        let count = match self.operation() {
            Self::CALL => u16::from(self.c()).checked_sub(1)?,
            Self::CALL_WITH_ALL => u16::from(self.c()),
            _ => return None,
        };
        let first = u16::from(self.a()) + 2;
        Some(first..first.saturating_add(count))
    }

    /// Where it goes on, if it is where number `at` is and may jump.
    pub fn jumps_to(self, at: usize) -> Option<usize> {
        const BIAS: isize = 0x8000;
        match self.operation() {
            // `UCLO`, `ISNEXT`, loops and `JMP`
            50 | 72 | 77..=88 => (at + 1).checked_add_signed(self.d() as isize - BIAS),
            _ => None,
        }
    }

    /// What it does.
    pub fn operation(self) -> u8 {
        self.0 as u8
    }

    /// The slot that it sets.
    pub fn a(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The third operand.
    pub fn c(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// The second operand.
    pub fn b(self) -> u8 {
        (self.0 >> 24) as u8
    }

    /// The second operand of those that have two.
    pub fn d(self) -> u16 {
        (self.0 >> 16) as u16
    }
}

/// A constant that is an object.
#[derive(Debug, Clone, Copy)]
pub enum Constant<'a> {
    /// A string.
    String(&'a [u8]),
    /// A function that is made inside this one.
    Proto(Proto),
    /// A table.
    Other,
}

impl Proto {
    /// The compiled form of the Lua function on top of the stack. Of a C function it is something that may be compared with others, and nothing
    /// else.
    ///
    /// # Safety
    /// There is a function, and it outlives this.
    pub unsafe fn of_top(l: *mut lua_State) -> Proto {
        // SAFETY: the caller's promise; `layout.c`.
        unsafe {
            let function = (top_value(l).0 & POINTER) as *const u8;
            let code = *function.add(FUNCTION_PC_AT).cast::<*const u8>();
            Proto(code.wrapping_sub(PROTO_BYTES))
        }
    }

    /// How many parameters it has, `...` not counted.
    ///
    /// # Safety
    /// As [`Proto::code`].
    pub unsafe fn parameter_count(self) -> u8 {
        // SAFETY: the caller's promise; `layout.c`.
        unsafe { *self.0.add(PROTO_PARAMETERS_AT) }
    }

    /// The instructions.
    ///
    /// # Safety
    /// As [`Proto::of_top`]: the function is alive. It has not run yet: the compiler replaces instructions.
    pub unsafe fn code<'a>(self) -> &'a [Instruction] {
        // SAFETY: the caller's promise; `layout.c`.
        unsafe {
            let len = *self.0.add(PROTO_CODE_LEN_AT).cast::<u32>();
            std::slice::from_raw_parts(self.0.add(PROTO_BYTES).cast(), len as usize)
        }
    }

    /// How many constants are objects.
    ///
    /// # Safety
    /// As [`Proto::code`].
    pub unsafe fn object_count(self) -> u32 {
        // SAFETY: the caller's promise; `layout.c`.
        unsafe { *self.0.add(PROTO_OBJECTS_AT).cast() }
    }

    /// An object among the constants. They are numbered backwards from where the numbers begin.
    ///
    /// # Safety
    /// As [`Proto::code`]; `index` is below [`Proto::object_count`].
    pub unsafe fn object<'a>(self, index: u32) -> Constant<'a> {
        // SAFETY: the caller's promise; `layout.c`.
        unsafe {
            let constants = *self.0.add(PROTO_CONSTANTS_AT).cast::<*const *const u8>();
            let object = *constants.sub(index as usize + 1);
            match *object.add(OBJECT_TYPE_AT) {
                OBJECT_STRING => Constant::String(string_bytes(object as *mut GCstr)),
                OBJECT_PROTO => Constant::Proto(Proto(object)),
                _ => Constant::Other,
            }
        }
    }
}
