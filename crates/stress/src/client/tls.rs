//! TLS: which certificates are trusted, and what is said when one is not.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use thiserror::Error;

use super::detail::{Detail, generalise, of_io};

/// ALPN name of HTTP/2.
pub(super) const ALPN_HTTP2: &[u8] = b"h2";

/// Which servers are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// A PEM file of certificates that are trusted beside the system's.
    pub cacert: Option<PathBuf>,
    /// Trust any certificate. Only for tests against one's own servers.
    pub insecure: bool,
    /// Offer HTTP/1.1 alone.
    pub http1_only: bool,
}

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file of `--cacert` cannot be read as PEM.
    #[error("{path} holds no PEM certificate that can be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The file of `--cacert` has no usable certificate.
    #[error("{path} holds no certificate that can be trusted as a root")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The system has no root certificates.
    #[error(
        "this machine has no root certificates: install `ca-certificates`, or name a file with --cacert"
    )]
    NoRoots,
    /// The target's host is neither a DNS name nor an address.
    #[error("{0:?} is no host name that a certificate can be checked against")]
    Host(String),
    /// The TLS library refuses the configuration.
    #[error("TLS cannot be set up")]
    Configuration(#[from] rustls::Error),
}

/// The configuration that all connections of a run share.
///
/// # Errors
/// [`TlsError`] for files and machines without certificates.
pub fn client_config(settings: &TlsSettings) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let mut config = if settings.insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TrustAnything { provider }))
            .with_no_client_auth()
    } else {
        let roots = Arc::new(roots(settings.cacert.as_deref())?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider)
            .build()
            .map_err(|_| TlsError::NoRoots)?;
        builder.with_webpki_verifier(verifier).with_no_client_auth()
    };
    config.alpn_protocols = if settings.http1_only {
        vec![b"http/1.1".to_vec()]
    } else {
        vec![ALPN_HTTP2.to_vec(), b"http/1.1".to_vec()]
    };
    Ok(Arc::new(config))
}

/// The name that the server's certificate must be valid for.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Host(host.to_owned()))
}

/// What went wrong in a handshake.
pub(super) fn handshake_detail(error: &io::Error) -> Detail {
    let tls = error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>());
    match tls {
        None => format!("{} during the TLS handshake", of_io(error)).into(),
        Some(rustls::Error::InvalidCertificate(certificate)) => format!(
            "certificate not trusted: {}; use --cacert or --insecure",
            certificate_reason(certificate)
        )
        .into(),
        Some(rustls::Error::InvalidMessage(_)) => "the server does not speak TLS".into(),
        Some(other) => format!("TLS handshake failed: {}", generalise(&other.to_string())).into(),
    }
}

fn certificate_reason(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "unknown issuer".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "not valid for this host name".to_owned()
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "a root certificate is used as the server's own".to_owned()
        }
        other => generalise(&other.to_string()),
    }
}

fn roots(cacert: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = cacert {
        let read = |source| TlsError::Read { path: path.to_owned(), source };
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(read)?;
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(TlsError::NoCertificate { path: path.to_owned() });
        }
    }
    if roots.is_empty() { Err(TlsError::NoRoots) } else { Ok(roots) }
}

/// `--insecure`: any certificate will do, but the handshake's signatures are still checked.
#[derive(Debug)]
struct TrustAnything {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for TrustAnything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let directory = std::env::temp_dir().join(format!("weir-tls-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let empty = directory.join("empty.pem");
        std::fs::write(&empty, "no certificate here").unwrap();
        let missing = directory.join("missing.pem");
        for path in [&empty, &missing] {
            let settings = TlsSettings { cacert: Some(path.clone()), ..TlsSettings::default() };
            let message = client_config(&settings).unwrap_err().to_string();
            assert!(message.contains(path.to_str().unwrap()), "{message}");
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn addresses_and_names_can_be_checked_and_nonsense_cannot() {
        assert!(server_name("127.0.0.1").is_ok());
        assert!(server_name("::1").is_ok());
        assert!(server_name("api.example.com").is_ok());
        assert!(server_name("a b").is_err());
    }
}
