//! Certificates for one test: an authority and what it signed.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use tempfile::TempDir;

/// An authority, a server's certificate for 127.0.0.1 and `localhost`, and a client's, as PEM files.
///
/// The files go with the last clone. Those of another `Certificates` are strangers to these.
#[derive(Debug, Clone)]
pub struct Certificates {
    folder: Arc<TempDir>,
}

impl Certificates {
    /// Makes them.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn create() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("asof-test-").tempdir()?;
        let certificates = Self {
            folder: Arc::new(folder),
        };
        let mut authority = params("Asof's tests");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        fs_err::write(certificates.ca_path(), authority.pem())?;

        let mut server = params("server");
        server.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ];
        // Both, as a server is a client of the one that it is a replica of.
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let mut client = params("client");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        for (params, certificate, key) in [
            (server, certificates.server_cert_path(), certificates.server_key_path()),
            (client, certificates.client_cert_path(), certificates.client_key_path()),
        ] {
            let pair = KeyPair::generate()?;
            fs_err::write(certificate, params.signed_by(&pair, &authority)?.pem())?;
            fs_err::write(key, pair.serialize_pem())?;
        }
        Ok(certificates)
    }

    /// The authority's certificate: what both sides trust.
    pub fn ca_path(&self) -> PathBuf {
        self.path().join("ca.crt")
    }

    /// The client's certificate.
    pub fn client_cert_path(&self) -> PathBuf {
        self.path().join("client.crt")
    }

    /// The client's private key.
    pub fn client_key_path(&self) -> PathBuf {
        self.path().join("client.key")
    }

    /// The server's certificate.
    pub fn server_cert_path(&self) -> PathBuf {
        self.path().join("server.crt")
    }

    /// The server's private key.
    pub fn server_key_path(&self) -> PathBuf {
        self.path().join("server.key")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    params
}
