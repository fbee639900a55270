//! TLS on both sides.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::world::{Gateway, Upstream, chat, settings, upstream_tables};

/// A certificate for `localhost`, in files of a folder.
struct Identity {
    folder: tempfile::TempDir,
    certified: rcgen::CertifiedKey<rcgen::KeyPair>,
}

impl Identity {
    fn new() -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), certified.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), certified.signing_key.serialize_pem())
            .unwrap();
        Self { folder, certified }
    }

    fn path(&self, name: &str) -> String {
        Path::new(self.folder.path()).join(name).display().to_string()
    }

    fn table(&self) -> String {
        let (certificate, key) = (self.path("cert.pem"), self.path("key.pem"));
        format!("[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n")
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The answer to a request over TLS with this protocol, and whether the certificate is trusted.
async fn ask(gateway: &Gateway, trusted: &Identity, request: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certified.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(gateway.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

#[tokio::test]
async fn the_listener_speaks_tls_and_its_certificate_can_be_changed_while_running() {
    let upstream =
        Upstream::start(|peer| async move { peer.reply("200 OK", "", "{}").await }).await;
    let (first, second) = (Identity::new(), Identity::new());
    let configured = |identity: &Identity| identity.table() + &upstream_tables(&[&upstream]);
    let gateway = Gateway::start(&configured(&first));
    assert!(ask(&gateway, &first, &chat(false)).await.unwrap().starts_with("HTTP/1.1 200"));
    gateway.handle.reload(settings(&configured(&second))).unwrap();
    assert!(ask(&gateway, &second, &chat(false)).await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask(&gateway, &first, &chat(false)).await.is_err());
}

/// An upstream with TLS that agrees to HTTP/2 where `http2`, and answers `{}`.
async fn tls_upstream(identity: &Identity, http2: bool) -> (u16, JoinSet<()>) {
    let chain = vec![CertificateDer::from(identity.certified.cert.der().to_vec())];
    let key = PrivateKeyDer::try_from(identity.certified.signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = hyper::service::service_fn(|request: http::Request<_>| async move {
                    let _: hyper::body::Incoming = request.into_body();
                    Ok::<_, std::convert::Infallible>(http::Response::new("{}".to_owned()))
                });
                let executor = hyper_util::rt::TokioExecutor::new();
                let builder = hyper_util::server::conn::auto::Builder::new(executor);
                let io = hyper_util::rt::TokioIo::new(stream);
                let _ = builder.serve_connection(io, service).await;
            });
        }
    });
    (port, tasks)
}

#[tokio::test]
async fn an_upstream_is_trusted_by_its_ca_alone_and_the_protocol_is_negotiated() {
    for http2 in [true, false] {
        let identity = Identity::new();
        let (port, _tasks) = tls_upstream(&identity, http2).await;
        let table = |ca: &Identity| {
            format!(
                "[retry]\nattempts = 1\n[[upstream]]\nname = \"a\"\nurl = \"https://localhost:{port}\"\nca = \"{}\"\n",
                ca.path("cert.pem")
            )
        };
        let gateway = Gateway::start(&table(&identity));
        for _ in 0..3 {
            let answer = gateway.ask(&chat(false)).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "http2: {http2}");
        }
        let gateway = Gateway::start(&table(&Identity::new()));
        assert_eq!(gateway.ask(&chat(false)).await.status, 502);
    }
}
