//! One request to a fake Stripe, on a connection of its own.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The status and the body; `None` where the connection was cut.
pub(crate) async fn ask_at(
    host: &str,
    secret: &str,
    line: &str,
    key: Option<&str>,
    form: &str,
) -> Option<(u16, Value)> {
    let idempotency = key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {secret}\r\nConnection: close\r\n{idempotency}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).unwrap_or(Value::Null)))
}
