//! Some of several that have names, as an option of a battery lists them.

/// Those whose names stand between commas, or `all`.
pub fn chosen<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<Vec<T>, String> {
    if text == "all" {
        return Ok(all.to_vec());
    }
    let find = |wanted: &str| all.iter().copied().find(|one| name(*one) == wanted.trim());
    let names = || all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", ");
    text.split(',')
        .map(|wanted| find(wanted).ok_or_else(|| format!("not all, nor any of {}", names())))
        .collect()
}
