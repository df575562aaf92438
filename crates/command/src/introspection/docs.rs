//! An entry of COMMAND DOCS: a map that holds only what there is to say.

use perilune_resp::Reply;

use super::info::names;
use crate::handler::HasAccess;
use crate::registry::{Entry, Registry};
use crate::spec::{Arg, ArgKind, Spec};

pub fn entry<H: HasAccess + Copy>(registry: &Registry<H>, entry: &Entry<H>, reply: &mut dyn Reply) {
    let Spec {
        summary,
        since,
        group,
        complexity,
        history,
        deprecated,
        is_internal,
        arguments,
        ..
    } = *entry.spec;
    let doc_flags = deprecated
        .map(|_| "deprecated")
        .into_iter()
        .chain(is_internal.then_some("syscmd"));
    let texts = [
        ("summary", Some(summary)),
        ("since", Some(since)),
        ("group", Some(group.name())),
        (
            "complexity",
            Some(complexity).filter(|text| !text.is_empty()),
        ),
    ];
    let deprecation = [
        ("deprecated_since", deprecated.map(|(since, _)| since)),
        (
            "replaced_by",
            deprecated.map(|(_, replacement)| replacement),
        ),
    ];
    let has_doc_flags = doc_flags.clone().next().is_some();
    let fields = texts
        .iter()
        .chain(&deprecation)
        .filter(|(_, text)| text.is_some())
        .count()
        + [
            has_doc_flags,
            !history.is_empty(),
            !arguments.is_empty(),
            !entry.subcommands.is_empty(),
        ]
        .iter()
        .filter(|is_there| **is_there)
        .count();

    reply.map(fields);
    bulk_fields(&texts, reply);
    if has_doc_flags {
        reply.bulk(b"doc_flags");
        names(doc_flags, reply);
    }
    bulk_fields(&deprecation, reply);
    if !history.is_empty() {
        reply.bulk(b"history");
        reply.set(history.len());
        for (version, change) in history {
            reply.array(2);
            reply.bulk(version.as_bytes());
            reply.bulk(change.as_bytes());
        }
    }
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        argument_list(arguments, reply);
    }
    if !entry.subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(entry.subcommands.len());
        for &id in &entry.subcommands {
            let subcommand = &registry.entries()[id];
            reply.bulk(subcommand.full_name.as_bytes());
            self::entry(registry, subcommand, reply);
        }
    }
}

/// Those fields that are there.
fn bulk_fields(fields: &[(&str, Option<&str>)], reply: &mut dyn Reply) {
    for (name, text) in fields {
        if let Some(text) = text {
            reply.bulk(name.as_bytes());
            reply.bulk(text.as_bytes());
        }
    }
}

fn argument_list(arguments: &[Arg], reply: &mut dyn Reply) {
    reply.array(arguments.len());
    for argument in arguments {
        self::argument(argument, reply);
    }
}

fn argument(argument: &Arg, reply: &mut dyn Reply) {
    let Arg {
        name,
        kind,
        display,
        token,
        summary,
        since,
        deprecated_since,
        flags,
        key_spec,
        arguments,
    } = *argument;
    let is_composed = matches!(kind, ArgKind::OneOf | ArgKind::Block);
    let heading = [
        ("name", Some(name)),
        ("type", Some(kind.name())),
        (
            "display_text",
            Some(display.unwrap_or(name)).filter(|_| !is_composed),
        ),
    ];
    let rest = [
        ("token", token),
        ("summary", summary),
        ("since", since),
        ("deprecated_since", deprecated_since),
    ];
    let fields = heading
        .iter()
        .chain(&rest)
        .filter(|(_, text)| text.is_some())
        .count()
        + [key_spec.is_some(), !flags.is_empty(), is_composed]
            .iter()
            .filter(|is_there| **is_there)
            .count();

    reply.map(fields);
    bulk_fields(&heading, reply);
    if let Some(key_spec) = key_spec {
        reply.bulk(b"key_spec_index");
        reply.integer(key_spec as i64);
    }
    bulk_fields(&rest, reply);
    if !flags.is_empty() {
        reply.bulk(b"flags");
        names(flags.names(), reply);
    }
    if is_composed {
        reply.bulk(b"arguments");
        argument_list(arguments, reply);
    }
}
