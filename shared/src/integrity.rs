//! What SQLite's own check of a file found, told from what kept it from looking.

/// Whether the disk did not give a page: the page may be sound. The check answers in words alone, with the code of such an
/// error at their end.
pub fn is_disk_failure(found: &str) -> bool {
    const IO_ERROR: u32 = 10;
    let code = found.rsplit_once("error code=").map(|(_, code)| code.trim());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == IO_ERROR)
}

#[test]
fn a_page_that_the_disk_does_not_give_is_no_damage() {
    assert!(is_disk_failure("Tree 86 page 86: unable to get the page. error code=8458"));
    assert!(is_disk_failure("Freelist: failed to get page 12 error code=266"));
    assert!(!is_disk_failure("Tree 86 page 86: unable to get the page. error code=11"));
    assert!(!is_disk_failure("Tree 86 page 86: btreeInitPage() returns error code 11"));
    assert!(!is_disk_failure("row 7 missing from index messages_by_age"));
}
