//! A report as one file: a tar archive (POSIX ustar) of its folder. The same folder gives the same bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const BLOCK: usize = 512;
const PART_BYTES: usize = 64 * 1024;

/// Hands out the archive of the files of a folder, in the order of their names, a part at a time.
pub fn archive(folder: &Path, mut take: impl FnMut(Vec<u8>) -> io::Result<()>) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort_unstable();
    for name in names {
        let mut file = File::open(folder.join(&name))?;
        let bytes = file.metadata()?.len();
        take(header(&name, bytes).to_vec())?;
        let mut left = bytes;
        while left > 0 {
            let mut part = vec![0; PART_BYTES.min(usize::try_from(left).unwrap_or(PART_BYTES))];
            file.read_exact(&mut part)?;
            left -= part.len() as u64;
            take(part)?;
        }
        let behind = usize::try_from(bytes % BLOCK as u64).unwrap_or_default();
        if behind > 0 {
            take(vec![0; BLOCK - behind])?;
        }
    }
    take(vec![0; 2 * BLOCK])
}

/// The names of a report's files are short and plain. All are of the same moment: when they were made is no part of them.
fn header(name: &str, bytes: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put =
        |place: usize, text: &str| header[place..place + text.len()].copy_from_slice(text.as_bytes());
    put(0, &name[..name.len().min(100)]);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{bytes:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn others_unpack_it_and_the_same_folder_gives_the_same_bytes() {
        let folder = std::env::temp_dir().join(format!("tidegate-archive-{}", std::process::id()));
        let files = folder.join("files");
        std::fs::create_dir_all(&files).unwrap();
        let texts =
            [("empty.csv", String::new()), ("b.csv", "x".repeat(200_001)), ("a.json", "{}".repeat(256))];
        for (name, text) in &texts {
            std::fs::write(files.join(name), text).unwrap();
        }
        let packed = || {
            let mut all = Vec::new();
            let take = |part: Vec<u8>| {
                all.extend(part);
                Ok(())
            };
            archive(&files, take).unwrap();
            all
        };
        assert_eq!(packed(), packed());
        let (packed_file, unpacked) = (folder.join("report.tar"), folder.join("unpacked"));
        std::fs::write(&packed_file, packed()).unwrap();
        std::fs::create_dir(&unpacked).unwrap();
        let done =
            Command::new("tar").arg("-xf").arg(&packed_file).arg("-C").arg(&unpacked).status().unwrap();
        assert!(done.success());
        for (name, text) in &texts {
            assert_eq!(&std::fs::read_to_string(unpacked.join(name)).unwrap(), text, "{name}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
