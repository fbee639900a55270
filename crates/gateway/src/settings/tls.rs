//! Certificates: the listener's own, and those of upstreams to trust.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use toml::Spanned;

use super::check::{Check, Checked};
use super::{TlsIdentity, TlsTrust};
use crate::config;

/// The protocols that we offer, the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

pub(super) fn identity(check: Check<'_>, written: &config::Tls) -> Checked<TlsIdentity> {
    let chain = certificates(check, "tls.certificate", &written.certificate)?;
    let pem = read(check, "tls.key", &written.key)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        let message = format!("there is no private key in it ({error})");
        check.source.error(Some(written.key.span()), "tls.key", message, "name a PEM file")
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_no_client_auth())
        .and_then(|builder| builder.with_single_cert(chain, key))
        .map_err(|error| {
            let remedy = "name the key of the first certificate in the chain";
            check.source.error(Some(written.key.span()), "tls.key", error.to_string(), remedy)
        })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(TlsIdentity(Arc::new(config)))
}

pub(super) fn trust(check: Check<'_>, ca: Option<&Spanned<PathBuf>>) -> Checked<TlsTrust> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in certificates(check, "upstream.ca", path)? {
                roots.add(certificate).map_err(|error| {
                    let message = format!("a certificate cannot be used: {error}");
                    check.source.error(Some(path.span()), "upstream.ca", message, "")
                })?;
            }
        }
        None => {
            // Single broken certificates of the system are its business, not ours.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let remedy = "install the system's certificates (ca-certificates), or name a file by `ca`";
        return Err(check.source.error(
            None,
            "upstream.ca",
            "there are no certificates to trust",
            remedy,
        ));
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| check.source.error(None, "upstream.url", error.to_string(), ""))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(TlsTrust(Arc::new(config)))
}

fn certificates(
    check: Check<'_>,
    key: &str,
    path: &Spanned<PathBuf>,
) -> Checked<Vec<CertificateDer<'static>>> {
    let pem = read(check, key, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => {
            let message = "there is no certificate in it";
            Err(check.source.error(Some(path.span()), key, message, "name a PEM file"))
        }
    }
}

fn read(check: Check<'_>, key: &str, path: &Spanned<PathBuf>) -> Checked<Vec<u8>> {
    (check.surroundings.file)(path.get_ref()).map_err(|error: io::Error| {
        let message = format!("{} cannot be read: {error}", path.get_ref().display());
        check.source.error(
            Some(path.span()),
            key,
            message,
            "paths are relative to the configuration file",
        )
    })
}
