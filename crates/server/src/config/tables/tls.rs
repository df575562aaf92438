//! Settings of TLS.

use super::super::cell::{Count, Switch, Text, Whole};
use super::super::choices::kept;
use super::super::row::{choice, number, optional, section, switch};
use super::{INT_MAX, PORT_MAX};

section! {
    /// TLS.
    tls: Tls {
        /// The TCP port for TLS; 0 is none.
        tls_port: Count = number("tls-port", "0", 0, PORT_MAX).not_yet();
        /// The certificate.
        tls_cert_file: Text = optional("tls-cert-file").not_yet();
        /// Its private key.
        tls_key_file: Text = optional("tls-key-file").not_yet();
        /// The password of the key.
        tls_key_file_pass: Text = optional("tls-key-file-pass").sensitive().not_yet();
        /// The certificate of outgoing connections.
        tls_client_cert_file: Text = optional("tls-client-cert-file").not_yet();
        /// Its private key.
        tls_client_key_file: Text = optional("tls-client-key-file").not_yet();
        /// The password of that key.
        tls_client_key_file_pass: Text = optional("tls-client-key-file-pass").sensitive().not_yet();
        /// The parameters of Diffie-Hellman.
        tls_dh_params_file: Text = optional("tls-dh-params-file").not_yet();
        /// The certificates of authorities, in a file.
        tls_ca_cert_file: Text = optional("tls-ca-cert-file").not_yet();
        /// The certificates of authorities, in a directory.
        tls_ca_cert_dir: Text = optional("tls-ca-cert-dir").not_yet();
        /// Whether clients must have a certificate.
        tls_auth_clients: Whole = choice("tls-auth-clients", "yes", kept::TLS_AUTH_CLIENTS).not_yet();
        /// Use TLS for replication.
        tls_replication: Switch = switch("tls-replication", "no").not_yet();
        /// Use TLS for the cluster bus.
        tls_cluster: Switch = switch("tls-cluster", "no").not_yet();
        /// The versions of the protocol.
        tls_protocols: Text = optional("tls-protocols").not_yet();
        /// The ciphers up to TLS 1.2.
        tls_ciphers: Text = optional("tls-ciphers").not_yet();
        /// The ciphers of TLS 1.3.
        tls_ciphersuites: Text = optional("tls-ciphersuites").not_yet();
        /// Choose the cipher by the server's preference.
        tls_prefer_server_ciphers: Switch = switch("tls-prefer-server-ciphers", "no").not_yet();
        /// Let clients resume sessions.
        tls_session_caching: Switch = switch("tls-session-caching", "yes").not_yet();
        /// How many sessions are kept.
        tls_session_cache_size: Count = number("tls-session-cache-size", "20480", 0, INT_MAX).not_yet();
        /// Seconds for which a session is kept.
        tls_session_cache_timeout: Count = number("tls-session-cache-timeout", "300", 0, INT_MAX).not_yet();
    }
}
