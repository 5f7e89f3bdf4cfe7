//! A Postgres that says nothing: its link is cut without a word, as when its machine loses power. Whoever asks is told in
//! time, and the connections that hang do not keep their places for ever.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness::postgres::Postgres;
use ledger::{Ledger, LedgerConfig, LedgerError, Transaction};
use shared::env::Env;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Well above the three seconds for which a statement is waited for here.
const IN_TIME: Duration = Duration::from_secs(8);

/// Passes bytes on for as long as it is not cut; then it keeps its connections, and says nothing on them.
struct Link {
    address: SocketAddr,
    is_cut: watch::Sender<bool>,
}

impl Link {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_cut, cut) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                let (inside, _) = listener.accept().await.unwrap();
                let (from_client, to_client) = inside.into_split();
                let (from_server, to_server) = TcpStream::connect(server).await.unwrap().into_split();
                tokio::spawn(pass(from_client, to_server, cut.clone()));
                tokio::spawn(pass(from_server, to_client, cut.clone()));
            }
        });
        Self { address, is_cut }
    }

    fn cut(&self, is_cut: bool) {
        self.is_cut.send_replace(is_cut);
    }
}

/// What comes while the link is cut is never passed on, not even later: those bytes are lost, and so is the word that
/// the server has hung up.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, cut: watch::Receiver<bool>) {
    let mut bytes = [0; 4096];
    let mut was_cut = false;
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        was_cut |= *cut.borrow();
        if !was_cut && to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
    if was_cut || *cut.borrow() {
        std::future::pending::<()>().await;
    }
}

async fn one(tx: &mut Transaction) -> Result<(), LedgerError> {
    tx.policies().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_says_nothing_is_given_up_in_time_and_used_again_when_it_answers() {
    let server = Postgres::shared().await;
    let url = server.ledger("silence").await.unwrap();
    let port = url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse::<u16>().unwrap();
    let link = Link::to(SocketAddr::from(([127, 0, 0, 1], port))).await;
    let url = url.replace(&format!(":{port}/"), &format!(":{}/", link.address.port()));
    // Of two connections, the second that hung for ever would be the end.
    let env =
        Env::of(&[("DATABASE_URL", &url), ("DATABASE_DEADLINE_SECS", "1"), ("DATABASE_CONNECTIONS", "2")]);
    let ledger = Ledger::open(&LedgerConfig::from_env(&env).unwrap()).await.unwrap();

    for what in ["a statement", "a commit", "a statement"] {
        let mut tx = ledger.begin().await.unwrap();
        one(&mut tx).await.unwrap();
        link.cut(true);
        let begun = Instant::now();
        let told = match what {
            "a statement" => {
                let told = one(&mut tx).await;
                drop(tx);
                told
            }
            _ => tx.commit().await,
        };
        let error = told.unwrap_err();
        assert!(
            error.is_transient() && error.to_string().contains("has said nothing for"),
            "{what}: {error}"
        );
        assert!(begun.elapsed() < IN_TIME, "{what}: after {:?}", begun.elapsed());
        // Nobody else hangs either.
        let refused = ledger.begin().await.unwrap_err();
        assert!(refused.is_transient(), "{what}: {refused}");
        link.cut(false);
        let until = Instant::now() + 2 * IN_TIME;
        loop {
            match ledger.begin().await {
                Ok(mut tx) => break one(&mut tx).await.unwrap(),
                Err(error) => assert!(Instant::now() < until, "{what}: {error}"),
            }
        }
    }
    ledger.close().await;
}
