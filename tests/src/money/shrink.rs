//! Makes a history that fails as short as it goes: every step that is not needed is left out.

use super::Tale;

/// The shortest found that still fails.
pub fn shrink(tale: &Tale, fails: impl Fn(&Tale) -> bool) -> Tale {
    let mut least = tale.clone();
    loop {
        let shorter = (0..least.steps.len()).rev().find_map(|left_out| {
            let mut shorter = least.clone();
            shorter.steps.remove(left_out);
            fails(&shorter).then_some(shorter)
        });
        match shorter {
            Some(shorter) => least = shorter,
            None => return least,
        }
    }
}
