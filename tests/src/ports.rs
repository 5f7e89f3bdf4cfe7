//! Free ports that nobody else takes: below the range that the kernel gives to outgoing connections, in
//! blocks that a test process holds by listening on the block's first port for as long as it lives.

use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

const BLOCKS: Range<u16> = 200..320;
const BLOCK_PORTS: u16 = 100;

/// The block in use. Its listener is never closed, so another test process takes another block.
struct Block {
    _held: TcpListener,
    left: Range<u16>,
}

static BLOCK: Mutex<Option<Block>> = Mutex::new(None);

/// A loopback port that nobody listens on and that this process has not handed out before.
pub fn free_port() -> u16 {
    let mut block = BLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let left = block.as_mut().map(|block| &mut block.left);
        match left.and_then(Iterator::next) {
            Some(port) if TcpListener::bind(("127.0.0.1", port)).is_ok() => return port,
            Some(_) => {}
            None => {
                if let Some(full) = block.take() {
                    std::mem::forget(full); // its ports are still in use
                }
                *block = Some(Block::reserve());
            }
        }
    }
}

/// The first of so many ports in a row.
pub fn free_range(count: u16) -> u16 {
    loop {
        let first = free_port();
        if (1..count).all(|next| free_port() == first + next) {
            return first;
        }
    }
}

/// A free port as an address.
pub fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// `user:password` of a URL.
pub fn credentials(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    Some(rest.rsplit_once('@')?.0)
}

impl Block {
    fn reserve() -> Self {
        BLOCKS
            .map(|number| number * BLOCK_PORTS)
            .find_map(|first| {
                let held = TcpListener::bind(("127.0.0.1", first)).ok()?;
                Some(Self { _held: held, left: first + 1..first + BLOCK_PORTS })
            })
            .expect("a block of 100 loopback ports between 20000 and 32000 is free")
    }
}
