//! Authorities and certificates, made anew for each test.

use std::path::PathBuf;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

use crate::peers::process::Folder;

/// Somebody who signs certificates.
pub(super) struct Authority {
    /// Its own certificate (PEM).
    pub(super) file: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as files.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Authority {
    pub(super) fn create(folder: &Folder, name: &str) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let file = folder.write(&format!("{name}.crt"), &params.self_signed(&key)?.pem())?;
        Ok(Self { file, issuer: Issuer::new(params, key) })
    }

    /// For a server on loopback, as `<name>.crt` and `<name>.key`.
    pub(super) fn server(&self, folder: &Folder, name: &str) -> Result<Identity> {
        let mut params = CertificateParams::new(["127.0.0.1", "localhost"].map(String::from))?;
        params.insert_extended_key_usage(ExtendedKeyUsagePurpose::ServerAuth);
        self.sign(folder, name, params)
    }

    /// For a client with alternative names: IP addresses, URIs (with a colon) and DNS names.
    pub(super) fn client(&self, folder: &Folder, name: &str, sans: &[&str]) -> Result<Identity> {
        let mut params = CertificateParams::new([])?;
        for san in sans {
            params.subject_alt_names.push(match san.parse() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) if san.contains(':') => SanType::URI((*san).try_into()?),
                Err(_) => SanType::DnsName((*san).try_into()?),
            });
        }
        params.insert_extended_key_usage(ExtendedKeyUsagePurpose::ClientAuth);
        self.sign(folder, name, params)
    }

    fn sign(&self, folder: &Folder, name: &str, mut params: CertificateParams) -> Result<Identity> {
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity {
            certificate: folder.write(&format!("{name}.crt"), &certificate.pem())?,
            key: folder.write(&format!("{name}.key"), &key.serialize_pem())?,
        })
    }
}
