//! How a server is proven to the commands that ask one, and they to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// What a server with TLS or authentication wants. Secrets are named by file, for other users see the flags.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "TLS and authentication")]
pub(super) struct Access {
    /// Certificates (PEM) that prove the server, in the place of those that this machine trusts.
    #[arg(long, env = "HEADROOM_CA_FILE", value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// A certificate (PEM) that proves you to the server; needs --ca-file.
    #[arg(long, env = "HEADROOM_CERT_FILE", value_name = "FILE", requires_all = ["key_file", "ca_file"])]
    pub(super) cert_file: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, env = "HEADROOM_KEY_FILE", value_name = "FILE", requires = "cert_file")]
    pub(super) key_file: Option<PathBuf>,
    /// The user as whom you come.
    #[arg(long, env = "HEADROOM_USER", value_name = "NAME", requires = "password_file")]
    pub(super) user: Option<String>,
    /// A file with the user's password.
    #[arg(long, env = "HEADROOM_PASSWORD_FILE", value_name = "FILE", requires = "user")]
    pub(super) password_file: Option<PathBuf>,
    /// A file with a token, in the place of a user and a password.
    #[arg(long, env = "HEADROOM_BEARER_TOKEN_FILE", value_name = "FILE", conflicts_with = "user")]
    pub(super) bearer_token_file: Option<PathBuf>,
}

impl Access {
    /// The header `Authorization`, where there is to be one.
    pub(super) fn authorization(&self) -> anyhow::Result<Option<HeaderValue>> {
        let text = match (&self.user, &self.password_file, &self.bearer_token_file) {
            (Some(user), Some(file), _) => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{}", secret(file)?)))
            }
            (_, _, Some(file)) => format!("Bearer {}", secret(file)?),
            _ => return Ok(None),
        };
        let mut value = HeaderValue::from_str(&text).context("a token is one line of ASCII")?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// The way to a server with TLS.
    pub(super) fn connector(&self) -> anyhow::Result<HttpsConnector<HttpConnector>> {
        let builder = HttpsConnectorBuilder::new();
        let builder = match &self.ca_file {
            None => builder.try_with_platform_verifier().context("this machine's certificates can't be used")?,
            Some(file) => builder.with_tls_config(self.config(file)?),
        };
        Ok(builder.https_only().enable_http1().build())
    }

    fn config(&self, ca_file: &Path) -> anyhow::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(ca_file)? {
            roots.add(certificate).with_context(|| ca_file.display().to_string())?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions()?.with_root_certificates(roots);
        let (Some(cert_file), Some(key_file)) = (&self.cert_file, &self.key_file) else {
            return Ok(config.with_no_client_auth());
        };
        // What is wrong with a key is not told: there may be some of it in there.
        let key = PrivateKeyDer::from_pem_file(key_file).ok();
        let key = key.with_context(|| format!("there is no private key (PEM) in {}", key_file.display()))?;
        let config = config.with_client_auth_cert(certificates(cert_file)?, key);
        config.with_context(|| format!("{} and {} can't be used together", cert_file.display(), key_file.display()))
    }
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>();
    let certificates = read().with_context(|| format!("can't use the certificates in {}", file.display()))?;
    if certificates.is_empty() {
        bail!("there is no certificate (PEM) in {}", file.display());
    }
    Ok(certificates)
}

/// What a file holds; white space at its ends is not part of the secret.
fn secret(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    let text = text.trim();
    if text.is_empty() {
        bail!("{} is empty; write the secret into it", file.display());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_become_a_header_that_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, " s3cret\n").unwrap();
        let basic = Access { user: Some("ann".to_owned()), password_file: Some(file.clone()), ..Access::default() };
        let bearer = Access { bearer_token_file: Some(file.clone()), ..Access::default() };
        let header = |access: &Access| access.authorization().unwrap().unwrap();
        assert_eq!(header(&basic), "Basic YW5uOnMzY3JldA==");
        assert_eq!(header(&bearer), "Bearer s3cret");
        assert_eq!(format!("{:?}", header(&bearer)), "Sensitive");
        assert!(Access::default().authorization().unwrap().is_none());
        std::fs::write(&file, "\n").unwrap();
        assert!(bearer.authorization().unwrap_err().to_string().ends_with("write the secret into it"));
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, "hello").unwrap();
        let access = Access { ca_file: Some(file), ..Access::default() };
        let error = access.connector().unwrap_err().to_string();
        assert!(error.contains("no certificate (PEM) in "), "{error}");
    }
}
