//! Passwords as argon2id keeps them. Hashing takes time and memory on purpose: a few at once, away from the runtime's
//! threads.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// Each takes 19 MiB.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
const SALT_BYTES: usize = 16;

/// The hash to keep, with its salt and costs in it.
pub(crate) async fn hashed(password: SecretString) -> String {
    away(move || {
        let mut salt = [0_u8; SALT_BYTES];
        getrandom::fill(&mut salt).expect("the operating system gives random bytes");
        let hash = Argon2::default().hash_password_with_salt(password.expose_secret().as_bytes(), &salt);
        hash.expect("a password and a salt of these lengths can be hashed").to_string()
    })
    .await
}

/// Whether the password is the one. Where nobody has that name, as much time is taken.
pub(crate) async fn fits(password: SecretString, hash: Option<String>) -> bool {
    away(move || {
        let password = password.expose_secret().as_bytes();
        match hash {
            Some(hash) => Argon2::default().verify_password(password, hash.as_str()).is_ok(),
            None => Argon2::default().hash_password_with_salt(password, &[0; SALT_BYTES]).is_err(),
        }
    })
    .await
}

async fn away<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let _place = AT_ONCE.acquire().await.expect("it is never closed");
    tokio::task::spawn_blocking(work).await.expect("hashing does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let hash = hashed("tall ship at dusk".into()).await;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(fits("tall ship at dusk".into(), Some(hash.clone())).await);
        assert!(!fits("tall ship at dawn".into(), Some(hash.clone())).await);
        assert!(!fits("tall ship at dusk".into(), None).await);
        assert_ne!(hash, hashed("tall ship at dusk".into()).await, "each has a salt of its own");
    }
}
