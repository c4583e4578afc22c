//! `headroom check` on a web configuration, and the commands that ask a server which wants proof.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::Result;
use headroom::config::{Settings, Source};

use super::client::Client;
use super::pki::Authority;
use super::{Service, TLS, folder, hash, prepared};
use crate::peers::process::Folder;

fn headroom(folder: &Folder, args: &[&str]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    Ok(command.args(args).current_dir(folder.path()).env("NO_COLOR", "1").output()?)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn check_reads_the_web_configuration_and_its_files() -> Result<()> {
    let (folder, ..) = prepared()?;
    folder.write("web-config.yml", &format!("{TLS}basic_auth_users: {{ann: {}}}\n", hash("a")))?;
    folder.write("headroom.yaml", "web: {config_file: web-config.yml}\n")?;
    for file in ["web-config.yml", "headroom.yaml"] {
        let output = headroom(&folder, &["check", file])?;
        assert!(output.status.success() && !text(&output.stdout).contains("note"), "{output:?}");
    }
    // Findings name the file that they are about.
    folder.write("web-config.yml", "tls_server_config: {cert_file: a, key_file: b, cipher_suites: []}\n")?;
    let output = headroom(&folder, &["check", "headroom.yaml"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("web-config.yml:1:48: cipher_suites is not for choice"), "{output:?}");
    // A Secret that isn't here is no mistake; one that can't be used is.
    folder.write("web-config.yml", "tls_server_config: {cert_file: away.crt, key_file: tls.key}\n")?;
    let output = headroom(&folder, &["check", "headroom.yaml"])?;
    assert!(output.status.success() && text(&output.stdout).contains("note: can't read away.crt"), "{output:?}");
    let other = Authority::create(&folder, "other")?.server(&folder, "other-tls")?;
    assert!(other.key.ends_with("other-tls.key"));
    folder.write("web-config.yml", "tls_server_config: {cert_file: tls.crt, key_file: other-tls.key}\n")?;
    let output = headroom(&folder, &["check", "headroom.yaml"])?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("tls.crt and other-tls.key can't be used together"), "{output:?}");
    folder.write("web-config.yml", &format!("basic_auth_users: {{ann: {}}}\n", hash("a")))?;
    let output = headroom(&folder, &["check", "web-config.yml"])?;
    assert!(text(&output.stdout).contains("note: without tls_server_config, passwords"), "{output:?}");
    Ok(())
}

#[test]
fn what_the_pages_show_of_it_is_right() {
    for page in ["rules/README.md", "deploy/README.md"] {
        let text = std::fs::read_to_string(page).unwrap();
        let (_, block) = text.split_once("```yaml\nweb:\n").expect("the page shows the section");
        let section = format!("web:\n{}", block.split("```").next().unwrap());
        let settings = Settings::parse(Source { file: Path::new(page), text: &section });
        let web = settings.unwrap_or_else(|findings| panic!("{}", findings[0])).web;
        assert!(web.tls.is_some() && !web.bearer_token_files.is_empty(), "{page}: {web:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_files_that_cant_be_used_says_why() -> Result<()> {
    let folder = folder()?;
    folder.write("web-config.yml", TLS)?;
    let output = headroom(&folder, &["serve", "--listen", "127.0.0.1:0", "--web.config.file", "web-config.yml"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("web: can't read tls.crt: No such file"), "{output:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_prove_themselves_by_password_token_and_certificate() -> Result<()> {
    let (folder, authority, _) = prepared()?;
    let identity = authority.client(&folder, "me", &["me.example"])?;
    let client = Client::showing(&authority.file, &identity)?;
    folder.write("token", "t0ken\n")?;
    folder.write("password", "pass word\n")?;
    folder.write("wrong", "wrong\n")?;
    let asking = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
    let users = format!("basic_auth_users: {{ann: {}}}\nbearer_token_files: [token]\n", hash("pass word"));
    let service = Service::start(folder, &format!("{TLS}{asking}{users}"), &client).await?;
    let url = format!("https://localhost:{}", service.address.port());
    let ask = |flags: &[&str]| {
        let args = [&["decisions", "--url", &url], flags].concat();
        tokio::task::block_in_place(|| headroom(&service.folder, &args))
    };
    let shown = ["--ca-file", "ca.crt", "--cert-file", "me.crt", "--key-file", "me.key"];
    let (password, token) = (["--user", "ann", "--password-file", "password"], ["--bearer-token-file", "token"]);
    for right in [[&shown[..], &password].concat(), [&shown[..], &token].concat()] {
        let output = ask(&right)?;
        assert!(output.status.success(), "{right:?}: {output:?}");
    }
    for (wrong, says) in [
        ([&shown[..], &["--bearer-token-file", "wrong"]].concat(), "401"),
        (shown.to_vec(), "a user with the right password, or a token, is needed"),
        ([&["--ca-file", "ca.crt"], &token[..]].concat(), "403"),
        (token.to_vec(), "invalid peer certificate"),
    ] {
        let output = ask(&wrong)?;
        assert!(!output.status.success() && text(&output.stderr).contains(says), "{wrong:?}: {output:?}");
    }
    Ok(())
}
