//! What strace wrote, as calls in their order. A call that others overtook was begun on one line and ended
//! on another; only both together tell what came before what.

use std::collections::HashMap;

/// One system call; `begun` and `ended` are line numbers of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) thread: u32,
    pub(crate) name: String,
    /// Arguments and result, as far as strace shows them.
    pub(crate) text: String,
    pub(crate) begun: usize,
    /// Never, for what was cut off.
    pub(crate) ended: usize,
}

/// In the order in which they were begun.
pub(crate) fn read(record: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: HashMap<u32, usize> = HashMap::new();
    for (line, text) in record.lines().enumerate() {
        let Some((thread, text)) = text.split_once(' ') else { continue };
        let (Ok(thread), text) = (thread.parse::<u32>(), text.trim_start()) else { continue };
        if let Some((_, rest)) = text.strip_prefix("<... ").and_then(|text| text.split_once(" resumed>")) {
            if let Some(call) = unfinished.remove(&thread).and_then(|begun| calls.get_mut(begun)) {
                call.text.push_str(rest);
                call.ended = line;
            }
        } else if let Some((name, text)) = text.split_once('(') {
            let (text, ended) = match text.strip_suffix("<unfinished ...>") {
                Some(text) => (text, usize::MAX),
                None => (text, line),
            };
            if ended == usize::MAX {
                unfinished.insert(thread, calls.len());
            }
            let (name, text) = (name.to_owned(), text.to_owned());
            calls.push(Call { thread, name, text, begun: line, ended });
        }
    }
    calls
}

impl Call {
    /// What the first argument is: `16</folder/queue.db-wal>`, `21<socket:[310208]>`.
    pub(crate) fn file(&self) -> &str {
        self.text.split([',', ')']).next().unwrap_or_default().trim_end()
    }

    pub(crate) fn writes_to(&self, name: &str) -> bool {
        self.name == "pwrite64" && self.file().ends_with(&format!("/{name}>"))
    }

    pub(crate) fn syncs(&self, name: &str) -> bool {
        matches!(&*self.name, "fsync" | "fdatasync") && self.file().ends_with(&format!("/{name}>"))
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.text.ends_with(" = 0")
    }
}

#[test]
fn a_call_that_others_overtook_has_its_own_end() {
    let calls = read(
        "7  fsync(3</d/queue.db-wal> <unfinished ...>\n\
         8  write(4<socket:[1]>, \"a, (b\", 5) = 5\n\
         7  <... fsync resumed>)              = 0\n\
         8  +++ exited with 0 +++\n",
    );
    assert_eq!(calls.len(), 2);
    assert!(calls[0].syncs("queue.db-wal") && calls[0].succeeded());
    assert_eq!((calls[0].begun, calls[0].ended), (0, 2));
    assert_eq!((calls[1].file(), calls[1].ended), ("4<socket:[1]>", 1));
}
