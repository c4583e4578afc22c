use std::path::Path;

use expect_test::{Expect, expect};

use super::*;
use crate::config::{FileKind, Settings, Source};

/// Of the password "secret", at the lowest cost.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuKnqbNyIR9oVzwsa/3Pvb1.tzbqbCRbm";

fn source(text: &str) -> Source<'_> {
    Source { file: Path::new("web.yml"), text }
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]
fn check(text: &str, want: Expect) {
    let findings = Web::parse(source(text)).unwrap_err();
    want.assert_eq(&findings.iter().fold(String::new(), |text, finding| format!("{text}{finding}\n")));
}

#[test]
fn a_web_configuration_of_prometheus_is_read_as_it_is() {
    let text = format!(
        "tls_server_config:\n  cert_file: tls.crt\n  key_file: /k/tls.key\n  client_auth_type: \
         RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: [prometheus.monitoring.svc, \
         10.0.0.1, 'spiffe://cluster/ns/monitoring']\n  min_version: TLS13\n  max_version: TLS13\n  \
         prefer_server_cipher_suites: true\nhttp_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: \
         deny\nbasic_auth_users:\n  ann: {HASH}\n  bob: '{HASH}'\n"
    );
    assert_eq!(FileKind::of(source(&text)), FileKind::Web);
    let mut web = Web::parse(source(&text)).unwrap();
    web.files_below(Path::new("/etc"));
    let tls = web.tls.clone().unwrap();
    assert_eq!(
        tls,
        TlsServer {
            cert_file: "/etc/tls.crt".into(),
            key_file: "/k/tls.key".into(),
            client_auth: ClientAuth::RequireAndVerify,
            client_ca_file: Some("/etc/ca.crt".into()),
            client_allowed_sans: vec![
                AllowedSan::Dns("prometheus.monitoring.svc".to_owned()),
                AllowedSan::Ip("10.0.0.1".parse().unwrap()),
                AllowedSan::Uri("spiffe://cluster/ns/monitoring".to_owned()),
            ],
            min_version: TlsVersion::Tls13,
            max_version: TlsVersion::Tls13,
        }
    );
    assert!(!web.http.http2 && web.http.headers[0].1 == "deny");
    assert_eq!(web.basic_auth_users["bob"].expose(), HASH);
    assert_eq!(web.basic_auth_users["ann"].cost(), 4);
    assert!(!format!("{web:?}").contains("$2b"), "no hash is shown");
    // Prometheus takes an empty section for none.
    assert_eq!(Web::parse(source("tls_server_config: {}\n")).unwrap(), Web::default());
}

#[test]
fn the_settings_have_the_same_fields_and_ours() {
    let text = "web:\n  config_file: web-config.yml\n  bearer_token_files: [t1, /t2]\n  connections_per_peer_max: 60\n";
    let mut web = Settings::parse(source(text)).unwrap().web;
    web.files_below(Path::new("/etc"));
    web.adopt(Web::parse(source(&format!("basic_auth_users: {{ann: {HASH}}}"))).unwrap());
    assert_eq!(web.config_file.as_deref(), Some(Path::new("/etc/web-config.yml")));
    assert_eq!(web.bearer_token_files, [Path::new("/etc/t1"), Path::new("/t2")]);
    assert_eq!((web.connections_per_peer_max, web.basic_auth_users.len()), (Some(60), 1));
}

#[test]
fn what_cant_be_served_is_said_with_its_place_and_a_way_out() {
    check(
        "tls_server_config:\n  cert_file: a\n  client_auth_type: RequireAnyClientCert\n  min_version: TLS10\n  \
         max_version: TLS14\n  cipher_suites: [TLS_RSA]\n  curve_preferences: []\n  key: |\n    -----BEGIN KEY-----\n    \
         abc\nrate_limit: {burst: 1}\nhttp_server_config: {http3: true, headers: {Server: x}}\nconfig_file: x\n",
        expect![[r#"
            web.yml:2:3: tls_server_config needs the field "key_file"
                2 |   cert_file: a
                  |   ^^^^^^^^^
            web.yml:3:21: RequireAnyClientCert verifies nothing, so it proves nothing; use RequireAndVerifyClientCert
                3 |   client_auth_type: RequireAnyClientCert
                  |                     ^^^^^^^^^^^^^^^^^^^^
            web.yml:4:16: TLS10 is not spoken, for it is broken; use TLS12 or TLS13
                4 |   min_version: TLS10
                  |                ^^^^^
            web.yml:5:16: unknown version of TLS "TLS14"; did you mean "TLS12"?
                5 |   max_version: TLS14
                  |                ^^^^^
            web.yml:6:3: cipher_suites is not for choice here: all that are offered are safe; remove it
                6 |   cipher_suites: [TLS_RSA]
                  |   ^^^^^^^^^^^^^
            web.yml:7:3: curve_preferences is not for choice here: all that are offered are safe; remove it
                7 |   curve_preferences: []
                  |   ^^^^^^^^^^^^^^^^^
            web.yml:8:3: certificates and keys are not written here; name a file with key_file
                8 |   key: |
                  |   ^^^
            web.yml:11:1: requests are not limited here by their rate; remove it
               11 | **********************
                  | ^^^^^^^^^^
            web.yml:12:22: unknown field "http3" in http_server_config; did you mean "http2"?
               12 | http_server_config: {http3: true, headers: {Server: x}}
                  |                      ^^^^^
            web.yml:12:45: unknown field "Server" in headers; known: Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security
               12 | http_server_config: {http3: true, headers: {Server: x}}
                  |                                             ^^^^^^
            web.yml:13:1: config_file belongs under web: in the settings
               13 | config_file: x
                  | ^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn certificates_of_clients_need_an_authority_and_a_purpose() {
    let tls = |rest: &str| format!("tls_server_config:\n  cert_file: a\n  key_file: b\n{rest}");
    check(
        &tls("  client_auth_type: VerifyClientCertIfGiven\n"),
        expect![[r#"
        web.yml:4:21: clients' certificates need client_ca_file, the authority that signs them
            4 |   client_auth_type: VerifyClientCertIfGiven
              |                     ^^^^^^^^^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        &tls("  client_ca_file: c\n"),
        expect![[r#"
        web.yml:4:19: without client_auth_type no client is asked for a certificate; say RequireAndVerifyClientCert
            4 |   client_ca_file: c
              |                   ^
    "#]],
    );
    check(
        &tls("  client_allowed_sans: [a]\n"),
        expect![[r#"
        web.yml:4:24: no client is asked for a certificate; say so with client_auth_type
            4 |   client_allowed_sans: [a]
              |                        ^
    "#]],
    );
    check(
        &tls("  min_version: TLS13\n  max_version: TLS12\n"),
        expect![[r#"
        web.yml:4:16: min_version is above max_version, so no version is left
            4 |   min_version: TLS13
              |                ^^^^^
    "#]],
    );
    check(
        &tls("  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: c\n  client_allowed_sans: []\n"),
        expect![[r#"
            web.yml:6:24: an empty list lets nobody in; remove it, or name those who may come in
                6 |   client_allowed_sans: []
                  |                        ^
        "#]],
    );
    check(
        &tls("  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: c\n  client_allowed_sans: [a@b]\n"),
        expect![[r#"
            web.yml:6:25: expected a DNS name, an IP address or a URI
                6 |   client_allowed_sans: [a@b]
                  |                         ^^^
        "#]],
    );
}

#[test]
fn no_finding_shows_a_password_or_its_hash() {
    check(
        "basic_auth_users:\n  ann: secret\n",
        expect![[r#"
        web.yml:2:3: expected a bcrypt hash of the password, as `htpasswd -nBC 10 USER` makes it
            2 |   ann: ******
              |   ^^^
    "#]],
    );
    check(
        &format!("basic_auth_users: {{ann: secret, 'a:b': {HASH}}}\n"),
        expect![[r#"
        web.yml:1:20: expected a bcrypt hash of the password, as `htpasswd -nBC 10 USER` makes it
            1 | basic_auth_users: {ann: ****************************************************************************
              |                    ^^^
        web.yml:1:33: a user with a colon can't log in, for it ends the name; choose another name
            1 | basic_auth_users: {ann: ****************************************************************************
              |                                 ^^^^^
    "#]],
    );
    check(
        &format!("basic_auth_users:\n  ann: {}\n  bob: [secret]\n", HASH.replace("04", "17")),
        expect![[r#"
        web.yml:2:3: a hash of cost 17 can't be used; make one of 4 to 16, best 10 to 12
            2 |   ann: ************************************************************
              |   ^^^
        web.yml:3:3: expected a bcrypt hash of the password, as `htpasswd -nBC 10 USER` makes it
            3 |   bob: [*******
              |   ^^^
    "#]],
    );
    check(
        "basic_auth_users: ann:secret\n",
        expect![[r#"
        web.yml:1:19: expected users with their passwords' hashes (a mapping)
            1 | basic_auth_users: **********
              |                   ^^^^^^^^^^
    "#]],
    );
    // In the wrong place.
    check(
        &format!("basic_auth_users:\nann: {HASH}\n"),
        expect![[r#"
        web.yml:2:1: unknown field "ann" in the web configuration; known: tls_server_config, http_server_config, basic_auth_users, bearer_token_files
            2 | ann: ************************************************************
              | ^^^
    "#]],
    );
    check(
        &format!("basic_auth_users:\n  ann: {HASH}\n  ann: {HASH}\n"),
        expect![[r#"
        web.yml:3:3: field "ann" is given twice, first in line 2; remove one
            3 |   ann: ************************************************************
              |   ^^^
    "#]],
    );
    // Not even YAML.
    check(
        "basic_auth_users:\n  ann: 'secret\n  bob: [\n",
        expect![[r#"
        web.yml:2:8: not valid YAML: unclosed quote
            2 |   ann:********
              |        ^
    "#]],
    );
    check(
        "basic_auth_users: {ann: \"secret}\n",
        expect![[r#"
        web.yml:1:25: not valid YAML: unclosed quote
            1 | basic_auth_users:***************
              |                         ^
    "#]],
    );
    let both = format!("web:\n  config_file: x\n  basic_auth_users: {{ann: {HASH}}}\n");
    let findings = Settings::parse(source(&both)).unwrap_err();
    expect![[r#"
        web.yml:2:16: that file has basic_auth_users, which stands here too; remove one
            2 |   config_file: x
              |                ^"#]]
    .assert_eq(&findings[0].to_string());
}
