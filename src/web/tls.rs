//! TLS: files → what the server shows and asks for, and whom a client's certificate names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use super::files::{FileError, Files};
use crate::config::{AllowedSan, ClientAuth, TlsServer, TlsVersion};

/// Why there is no TLS. No text has anything of a key in it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: there is no certificate (PEM) in it", file.display())]
    NoCertificate { file: PathBuf },
    #[error("{}: there is no private key (PEM) in it", file.display())]
    NoKey { file: PathBuf },
    #[error("{}: this certificate can't be used: {cause}", file.display())]
    Certificate { file: PathBuf, cause: rustls::Error },
    #[error("{} and {} can't be used together: {cause}", cert_file.display(), key_file.display())]
    Pair { cert_file: PathBuf, key_file: PathBuf, cause: rustls::Error },
    #[error("clients' certificates can't be verified: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// What handshakes are made with. Sessions live in it, so none outlives a change of the authority.
pub(super) fn server_config(tls: &TlsServer, files: &Files, http2: bool) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&versions(tls))?;
    let builder = match &tls.client_ca_file {
        Some(file) if tls.client_auth != ClientAuth::None => {
            let roots = Arc::new(authorities(file, files)?);
            // Who shows none gets as far as a request, for probes have none; then it is answered 403.
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).allow_unauthenticated();
            builder.with_client_cert_verifier(verifier.build()?)
        }
        _ => builder.with_no_client_auth(),
    };
    let chain = certificates(&tls.cert_file, files)?;
    let key = PrivateKeyDer::from_pem_slice(files.get(&tls.key_file)?)
        .map_err(|_| TlsError::NoKey { file: tls.key_file.clone() })?;
    let (cert_file, key_file) = (tls.cert_file.clone(), tls.key_file.clone());
    let mut config =
        builder.with_single_cert(chain, key).map_err(|cause| TlsError::Pair { cert_file, key_file, cause })?;
    config.alpn_protocols = if http2 { vec![b"h2".to_vec()] } else { Vec::new() };
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(Arc::new(config))
}

fn versions(tls: &TlsServer) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::Tls12, &version::TLS12), (TlsVersion::Tls13, &version::TLS13)];
    let within = all.into_iter().filter(|(version, _)| (tls.min_version..=tls.max_version).contains(version));
    within.map(|(_, version)| version).collect()
}

fn certificates(file: &Path, files: &Files) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let none = || TlsError::NoCertificate { file: file.to_owned() };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(files.get(file)?).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(none)
}

fn authorities(file: &Path, files: &Files) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file, files)? {
        roots.add(certificate).map_err(|cause| TlsError::Certificate { file: file.to_owned(), cause })?;
    }
    Ok(roots)
}

/// Whether a certificate, which has been verified, has one of the names. They are compared as they stand: a wildcard
/// is no other name than itself.
pub(super) fn has_name(certificate: &CertificateDer<'_>, allowed: &[AllowedSan]) -> bool {
    let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return false };
    allowed.iter().any(|allowed| match allowed {
        AllowedSan::Dns(name) => certificate.valid_dns_names().any(|own| own.eq_ignore_ascii_case(name)),
        AllowedSan::Uri(uri) => certificate.valid_uri_names().any(|own| own == uri),
        AllowedSan::Ip(ip) => {
            certificate.verify_is_valid_for_subject_name(&ServerName::IpAddress((*ip).into())).is_ok()
        }
    })
}
