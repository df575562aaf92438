//! Libraries of functions: whatever the scripts of the templates do, done by functions.
//!
//! Variables around a function are each thread's own here (DIFFERENCES.md), so no library has any that change.

use fastrand::Rng;

use crate::{payloads, scripts};

/// Names of functions.
const FUNCTIONS: &[&str] = &["f1", "f2", "f3", "f4", "f5", "_", "0"];

/// Names of libraries.
const LIBRARIES: &[&str] = &["l1", "l2", "l3", "L1"];

/// What a library may begin with, if it is not the usual. `%N` is its name.
const FIRST_LINES: &[&str] = &[
    "#!LUA NAME=%N",
    "#!lua 'name=%N'",
    "#!lua",
    "#!lua name=%N name=x",
    "#!lua name=%N foo=1",
    "#!lua name=",
    "#!lua name=a-b",
    "#!js name=%N",
    "#!lua \"name=%N",
    "#! lua name=%N",
    "return 1",
    "",
];

/// What may stand beside functions in a library, and where it may fail.
const LINES: &[&str] = &[
    "local x = 1",
    "redis.log(redis.LOG_DEBUG, 'loaded')",
    "redis.log('x')",
    "return redis.call('PING')",
    "return math.pi",
    "x = 1",
    "redis.x = 1",
    "local register = server.register_function register('f3', function() return 3 end)",
    "redis.register_function()",
    "redis.register_function('f1')",
    "redis.register_function('f 1', function() end)",
    "redis.register_function(1, function() return 1 end)",
    "redis.register_function('f1', 'x')",
    "redis.register_function('f1', redis.log)",
    "redis.register_function{}",
    "redis.register_function{function_name='f1'}",
    "redis.register_function{callback=function() end}",
    "redis.register_function{function_name='f1', callback=1}",
    "redis.register_function{function_name={}, callback=function() end}",
    "redis.register_function{FUNCTION_NAME=4, CALLBACK=function() return 4 end}",
    "redis.register_function{function_name='f1', callback=function() end, foo=1}",
    "redis.register_function{function_name='f1', callback=function() end, flags='no-writes'}",
    "redis.register_function{function_name='f1', callback=function() end, flags={'nosuch'}}",
    "redis.register_function{function_name='f1', callback=function() end, description={}}",
    "this is not Lua",
];

const FLAGS: &[&str] = &[
    "no-writes",
    "allow-oom",
    "allow-stale",
    "no-cluster",
    "ALLOW-CROSS-SLOT-KEYS",
];

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

/// A library: mostly a right one with one to three functions.
pub fn code(rng: &mut Rng) -> Vec<u8> {
    let name = pick(rng, LIBRARIES);
    let first = match rng.u32(..12) {
        0 => pick(rng, FIRST_LINES).replace("%N", name),
        _ => format!("#!lua name={name}"),
    };
    let mut code = first.into_bytes();
    code.push(b'\n');
    for _ in 0..rng.usize(1..4) {
        match rng.u32(..12) {
            0 => code.extend_from_slice(pick(rng, LINES).as_bytes()),
            _ => function(rng, &mut code),
        }
        code.push(b'\n');
    }
    if rng.u32(..4) == 0 {
        in_capitals(&mut code);
    }
    code
}

/// Gives functions names in capitals. All of a library, as two that are the same but for that are refused here
/// (DIFFERENCES.md).
fn in_capitals(code: &mut [u8]) {
    for at in 0..code.len().saturating_sub(3) {
        if let [b'\'', f @ b'f', b'0'..=b'9', b'\''] = &mut code[at..at + 4] {
            *f = b'F';
        }
    }
}

/// Writes down a function whose body is a script: its parameters have the names of what a script gets.
fn function(rng: &mut Rng, code: &mut Vec<u8>) {
    let name = pick(rng, FUNCTIONS);
    let body = scripts::body(rng);
    let body = [b"function(KEYS, ARGV) ", &body[..], b" end"].concat();
    if rng.bool() {
        code.extend_from_slice(format!("redis.register_function('{name}', ").as_bytes());
        code.extend_from_slice(&body);
        code.push(b')');
        return;
    }
    let flags: Vec<String> = FLAGS
        .iter()
        .filter(|_| rng.u32(..4) == 0)
        .map(|flag| format!("'{flag}'"))
        .collect();
    let named = format!(
        "server.register_function{{function_name='{name}', description='of {name}', flags={{{}}}, callback=",
        flags.join(",")
    );
    code.extend_from_slice(named.as_bytes());
    code.extend_from_slice(&body);
    code.push(b'}');
}

/// The name of a function.
pub fn function_name(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..12) {
        0 => b"nosuch".to_vec(),
        1 => Vec::new(),
        2 => pick(rng, FUNCTIONS).to_ascii_uppercase().into(),
        _ => pick(rng, FUNCTIONS).into(),
    }
}

/// The name of a library.
pub fn library_name(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..12) {
        0 => b"nosuch".to_vec(),
        _ => pick(rng, LIBRARIES).into(),
    }
}

/// A payload of libraries that the reference has made, seldom a damaged one or a value's.
pub fn payload(rng: &mut Rng) -> Vec<u8> {
    if rng.u32(..12) == 0 {
        return payloads::payload(rng);
    }
    let mut payload = payloads::from_hex(pick(rng, PAYLOADS)).unwrap_or_default();
    if rng.u32(..8) == 0 {
        let at = rng.usize(..payload.len());
        payload[at] ^= 1 << rng.u32(..8);
    }
    payload
}

/// What FUNCTION DUMP of Valkey 8.1 has answered.
const PAYLOADS: &[&str] = &[
    "0b003444e133f2e04b53",
    "f5c34052405f1f23216c7561206e616d653d6c310a72656469732e72656769737465725f66756e0b6374696f6e28276631272c20e0000e136b6579732c2061726773292072657475726e207b8022e00119057d20656e64290b00dd6b3bb4b589e3f7",
    "f5c3406240b11f23216c7561206e616d653d6c320a72656469732e72656769737465725f66756e0b6374696f6e28276632272c20e0000e136b6579732c2061726773292072657475726e207b8022e00119057d20656e6429e012510033e019514022e005510164290b007b5bdfd26f540d46",
    "f5c34052405f1f23216c7561206e616d653d6c330a72656469732e72656769737465725f66756e0b6374696f6e28274631272c20e0000e136b6579732c2061726773292072657475726e207b8022e00119057d20656e6429f5c34052405f1f23216c7561206e616d653d6c310a72656469732e72656769737465725f66756e0b6374696f6e28276634272c20e0000e136b6579732c2061726773292072657475726e207b8022e00119057d20656e64290b008627faf012e30a69",
    "f5c340c840e81f23216c7561206e616d653d6c340a72656469732e72656769737465725f66756e056374696f6e7bc008005f60280e276635272c2063616c6c6261636b3dc01c12286b6579732c2061726773292072657475726e20064050402a042827474554203640241a5b315d2920656e642c20666c6167733d7b276e6f2d777269746573202100272058126f772d7374616c65277d2c20646573637269704088083d27726561647320614046206a016e64200a08746578742074686174206d03706561742083e0070801277d0b0024e794a009094613",
];
