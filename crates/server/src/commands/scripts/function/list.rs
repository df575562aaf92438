//! `FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]` tells of the libraries, those whose names match in any case, with their functions.

use perilune_command::{Arg, Command, CommandError, Flags, Outcome, Spec, is_token};
use perilune_resp::Reply;
use perilune_script::ENGINE;
use perilune_value::{Case, glob_match};

use crate::call::Call;
use crate::functions::Known;
use crate::table::{Handler, ServerCommand};

/// FUNCTION LIST.
pub const LIST: ServerCommand = Command::new(
    Spec {
        name: "list",
        summary: "Returns information about all libraries.",
        complexity: "O(N) where N is the number of functions",
        arity: -2,
        flags: Flags::NOSCRIPT,
        arguments: &[
            Arg::string("library-name-pattern")
                .after("LIBRARYNAME")
                .optional(),
            Arg::word("withcode", "WITHCODE").optional(),
        ],
        tips: &["nondeterministic_output_order"],
        ..super::COMMON
    },
    Handler::Server(list),
);

fn list(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (mut pattern, mut with_code) = (None, false);
    let mut rest = arguments[2..].iter();
    while let Some(argument) = rest.next() {
        if !with_code && is_token(argument, "WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && is_token(argument, "LIBRARYNAME") {
            let given = rest
                .next()
                .ok_or(CommandError::new("ERR library name argument was not given"))?;
            pattern = Some(*given);
        } else {
            return Err(CommandError::quoting(&[b"ERR Unknown argument ", argument]).into());
        }
    }
    let table = call.server.functions.table_for(call.session);
    let is_meant = |known: &&Known| {
        pattern.is_none_or(|pattern| glob_match(pattern, known.library.name(), Case::Ignored))
    };
    let libraries: Vec<&Known> = table.libraries().filter(is_meant).collect();
    reply.array(libraries.len());
    for known in libraries {
        tell(known, with_code, reply);
    }
    Ok(())
}

fn tell(known: &Known, with_code: bool, reply: &mut dyn Reply) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk(b"library_name");
    reply.bulk(known.library.name());
    reply.bulk(b"engine");
    reply.bulk(ENGINE.as_bytes());
    reply.bulk(b"functions");
    reply.array(known.functions.len());
    for function in &known.functions {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(function.name());
        reply.bulk(b"description");
        match function.description() {
            Some(description) => reply.bulk(description),
            None => reply.null(),
        }
        reply.bulk(b"flags");
        reply.set(function.flags().names().count());
        for name in function.flags().names() {
            reply.status(&name);
        }
    }
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(known.library.source());
    }
}
