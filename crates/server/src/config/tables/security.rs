//! Settings of who may do what.

use super::super::cell::{Choice, Count, Text, Whole};
use super::super::choices::{Choose, ProtectedAction, kept};
use super::super::row::{choice, number, optional, section, text};
use super::LONG_MAX;

section! {
    /// Who may do what.
    security: Security {
        /// The password of the default user.
        requirepass: Text = optional("requirepass").sensitive();
        /// Who may change protected settings by CONFIG SET.
        enable_protected_configs: Choice<ProtectedAction> =
            choice("enable-protected-configs", "no", ProtectedAction::VALUES).immutable();
        /// Who may use DEBUG.
        enable_debug_command: Choice<ProtectedAction> =
            choice("enable-debug-command", "no", ProtectedAction::VALUES).immutable();
        /// Who may use MODULE.
        enable_module_command: Choice<ProtectedAction> =
            choice("enable-module-command", "no", ProtectedAction::VALUES).immutable().not_yet();
        /// The file of the users.
        aclfile: Text = text("aclfile", "").immutable().not_yet();
        /// Which channels a new user may use.
        acl_pubsub_default: Whole = choice("acl-pubsub-default", "resetchannels", kept::PUBSUB_DEFAULT).not_yet();
        /// How many refusals ACL LOG keeps.
        acllog_max_len: Count = number("acllog-max-len", "128", 0, LONG_MAX).not_yet();
        /// How many keys client-side caching remembers.
        tracking_table_max_keys: Count = number("tracking-table-max-keys", "1000000", 0, LONG_MAX).not_yet();
    }
}
