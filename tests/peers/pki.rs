//! The keys and certificates of one test cluster, made anew each time.
//!
//! One authority signs the API server's certificate and those of its clients; a further key pair
//! signs service-account tokens. All of it lives in the run's folder and goes with it.

use std::path::PathBuf;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use super::process::Folder;

/// A certificate and its key, as files.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

#[derive(Debug)]
pub(super) struct Pki {
    /// The authority's certificate, which everybody trusts.
    pub(super) authority: PathBuf,
    pub(super) server: Identity,
    /// Of the group `system:masters`: may do everything.
    pub(super) admin: Identity,
    pub(super) controller_manager: Identity,
    /// The API server, as a client of the servers that it stands before.
    pub(super) front_proxy: Identity,
    /// One of those servers.
    pub(super) extension: Identity,
    /// Signs and proves the tokens of ServiceAccount objects.
    pub(super) tokens_private: PathBuf,
    pub(super) tokens_public: PathBuf,
}

impl Pki {
    pub(super) fn create(folder: &Folder) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([])?;
        params.distinguished_name.push(DnType::CommonName, "headroom-test-authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority = folder.write("ca.crt", &params.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(params, key);

        let mut server =
            CertificateParams::new(["127.0.0.1", "localhost", "kubernetes.default.svc"].map(String::from))?;
        server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        server.insert_extended_key_usage(ExtendedKeyUsagePurpose::ServerAuth);

        let mut extension = CertificateParams::new(["metrics.default.svc".to_owned()])?;
        extension.distinguished_name.push(DnType::CommonName, "metrics");
        extension.insert_extended_key_usage(ExtendedKeyUsagePurpose::ServerAuth);

        let tokens = KeyPair::generate()?;
        Ok(Self {
            authority,
            server: sign(folder, "server", server, &issuer)?,
            admin: sign(folder, "admin", client("admin", Some("system:masters"))?, &issuer)?,
            controller_manager: sign(
                folder,
                "controller-manager",
                client("system:kube-controller-manager", None)?,
                &issuer,
            )?,
            front_proxy: sign(folder, "front-proxy", client("front-proxy", None)?, &issuer)?,
            extension: sign(folder, "extension", extension, &issuer)?,
            tokens_private: folder.write("tokens.key", &tokens.serialize_pem())?,
            tokens_public: folder.write("tokens.pub", &tokens.public_key_pem())?,
        })
    }
}

/// A client as Kubernetes reads it: the common name is the user, the organization its group.
fn client(user: &str, group: Option<&str>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new([])?;
    params.distinguished_name.push(DnType::CommonName, user);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.insert_extended_key_usage(ExtendedKeyUsagePurpose::ClientAuth);
    Ok(params)
}

fn sign(folder: &Folder, name: &str, mut params: CertificateParams, issuer: &Issuer<'_, KeyPair>) -> Result<Identity> {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    Ok(Identity {
        certificate: folder.write(&format!("{name}.crt"), &certificate.pem())?,
        key: folder.write(&format!("{name}.key"), &key.serialize_pem())?,
    })
}
