//! `INFO [section ...]` tells how the server does. What it tells is in `crate::info`.

use perilune_command::{Arg, Category, Command, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// INFO.
pub const INFO: ServerCommand = Command::new(
    Spec {
        name: "info",
        summary: "Returns information and statistics about the server.",
        group: Group::Server,
        since: "1.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: Flags::LOADING.with(Flags::STALE),
        categories: Category::DANGEROUS,
        arguments: &[Arg::string("section").optional().multiple()],
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        history: &[(
            "7.0.0",
            "Added support for taking multiple section arguments.",
        )],
        ..Spec::DEFAULT
    },
    Handler::Server(info),
);

fn info(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    if let Some((vm, _)) = &mut call.machine {
        call.thread.slot.show_vm_memory(vm.tidy());
    }
    let text = crate::info::render(call.server, &arguments[1..]);
    reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}
