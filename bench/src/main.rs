//! Measures Tidegate beside the physical limit, in the same run, because absolute figures drift on shared machines.
//! Every comparison runs its contestants in turn, A B A B, and speaks of medians.

mod measure;
mod worker;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let mut number = |default: usize| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    worker::run(&what, number(30_000), number(3)).await
}
