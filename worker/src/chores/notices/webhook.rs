//! Webhooks as Standard Webhooks has them: the id stays the same however often a notice is sent, and each secret of the
//! target signs, so that one can be replaced while the other still counts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::notices::delivery::Sent;
use domain::notices::{Notice, Target};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::receiver;

const PREFIX: &str = "whsec_";
/// The specification's own advice.
const LONGEST_BODY_BYTES: usize = 20_000;

pub(super) async fn send(
    target: &Target,
    secrets: &SecretString,
    notice: &Notice,
    now: DateTime<Utc>,
) -> Sent {
    let body = notice.body();
    if body.len() > LONGEST_BODY_BYTES {
        return Sent::Never(format!("the notice is larger than {LONGEST_BODY_BYTES} bytes"));
    }
    let timestamp = now.timestamp();
    let Some(signature) = signature(secrets, notice.id(), timestamp, &body) else {
        return Sent::Later(
            "the target's secret is not whsec_ and base64: add the target again".to_owned(),
            None,
        );
    };
    let headers = [
        ("webhook-id", notice.id().to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signature),
    ];
    receiver::post(&target.address, &headers, body, target.allows_private).await
}

/// A chat's incoming webhook, whose whole address is the secret.
pub(super) async fn send_to_chat(target: &Target, url: &SecretString, text: &str) -> Sent {
    let body = json!({"text": text}).to_string();
    receiver::post(url.expose_secret(), &[], body, target.allows_private).await
}

/// One signature for each secret, newest first.
fn signature(secrets: &SecretString, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let signed = format!("{id}.{timestamp}.{body}");
    let each = secrets.expose_secret().lines().map(|secret| {
        let key = STANDARD.decode(secret.trim().strip_prefix(PREFIX)?).ok()?;
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        Some(format!("v1,{}", STANDARD.encode(signature)))
    });
    let all = each.collect::<Option<Vec<_>>>()?.join(" ");
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_signs_the_id_the_time_and_the_body() {
        // The example of the specification's own libraries.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = r#"{"test": 2432232314}"#;
        let signed = |secrets: &str| {
            signature(&secrets.to_owned().into(), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)
        };
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed(secret).as_deref(), Some(expected));
        let two = signed(&format!("whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\n{secret}")).unwrap();
        assert!(two.starts_with("v1,") && two.ends_with(&format!(" {expected}")), "{two}");
        assert!(signed("hunter2").is_none() && signed("").is_none());
    }
}
