//! TLS in front of a server that speaks plainly: what arrives is decrypted and passed on, both ways.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Shows the certificate `NAME.pem` of a folder and passes connections on to `server`. Gives the port at which it
/// listens until the test's runtime ends.
pub async fn before(server: SocketAddr, folder: &Path, name: &str) -> anyhow::Result<u16> {
    let certificate = CertificateDer::from_pem_file(folder.join(format!("{name}.pem")))
        .map_err(|error| anyhow::anyhow!("{name}.pem: {error}"))?;
    let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key")))
        .map_err(|error| anyhow::anyhow!("{name}.key: {error}"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.context("loopback has a free port")?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate goes away here.
                let mut outside = acceptor.accept(stream).await.ok()?;
                let mut inside = TcpStream::connect(server).await.ok()?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await.ok()
            });
        }
    });
    Ok(port)
}
