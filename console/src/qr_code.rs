//! QR codes (ISO/IEC 18004) for short texts, such as the address of a second factor: bytes, error correction M, versions 1 to 10.
//! Text in, dark and light modules out; how they are drawn is the page's.

/// What a version of the code holds: error correction bytes of a block, and how many blocks have how many data bytes.
struct Version {
    correction: usize,
    blocks: &'static [(usize, usize)],
    /// Where the centres of its alignment patterns are.
    alignment: &'static [usize],
}

const VERSIONS: [Version; 10] = [
    Version { correction: 10, blocks: &[(1, 16)], alignment: &[] },
    Version { correction: 16, blocks: &[(1, 28)], alignment: &[6, 18] },
    Version { correction: 26, blocks: &[(1, 44)], alignment: &[6, 22] },
    Version { correction: 18, blocks: &[(2, 32)], alignment: &[6, 26] },
    Version { correction: 24, blocks: &[(2, 43)], alignment: &[6, 30] },
    Version { correction: 16, blocks: &[(4, 27)], alignment: &[6, 34] },
    Version { correction: 18, blocks: &[(4, 31)], alignment: &[6, 22, 38] },
    Version { correction: 22, blocks: &[(2, 38), (2, 39)], alignment: &[6, 24, 42] },
    Version { correction: 22, blocks: &[(3, 36), (2, 37)], alignment: &[6, 26, 46] },
    Version { correction: 26, blocks: &[(4, 43), (1, 44)], alignment: &[6, 28, 50] },
];

/// Versions with so many modules a side and more say which one they are.
const SIDE_WITH_VERSION: usize = 45;
const MASKS: u8 = 8;

/// A code, module by module.
#[derive(Clone)]
pub(crate) struct QrCode {
    side: usize,
    dark: Vec<bool>,
    /// Modules that no data is put into.
    fixed: Vec<bool>,
}

impl QrCode {
    /// `None` where the text is too long.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (number, version) = (1..).zip(&VERSIONS).find(|(number, version)| {
            let header = if *number < 10 { 2 } else { 3 };
            text.len() + header <= data_bytes(version)
        })?;
        let bytes = with_correction(&encoded(text, number, data_bytes(version)), version);
        let mut code = Self::empty(number, version);
        code.place(&bytes);
        let masked = (0..MASKS).map(|mask| code.masked(mask));
        masked.min_by_key(Self::penalty)
    }

    pub(crate) fn side(&self) -> usize {
        self.side
    }

    pub(crate) fn is_dark(&self, column: usize, row: usize) -> bool {
        self.dark[row * self.side + column]
    }

    /// All that stands in every code of a version.
    fn empty(number: usize, version: &Version) -> Self {
        let side = 17 + 4 * number;
        let mut code = Self { side, dark: vec![false; side * side], fixed: vec![false; side * side] };
        for at in 0..side {
            code.fix(6, at, at % 2 == 0);
            code.fix(at, 6, at % 2 == 0);
        }
        for (left, top) in [(0, 0), (side - 7, 0), (0, side - 7)] {
            code.finder(left, top);
        }
        let last = version.alignment.len().wrapping_sub(1);
        for (i, x) in version.alignment.iter().enumerate() {
            for (j, y) in version.alignment.iter().enumerate() {
                let is_finder = (i, j) == (0, 0) || (i, j) == (0, last) || (i, j) == (last, 0);
                if !is_finder {
                    code.square(x - 2, y - 2, 5);
                }
            }
        }
        code.format(0); // reserves its place
        if side >= SIDE_WITH_VERSION {
            code.version(number);
        }
        code
    }

    fn fix(&mut self, column: usize, row: usize, is_dark: bool) {
        self.dark[row * self.side + column] = is_dark;
        self.fixed[row * self.side + column] = true;
    }

    /// A pattern to find the code by, with the light modules around it.
    fn finder(&mut self, left: usize, top: usize) {
        for row in top.saturating_sub(1)..(top + 8).min(self.side) {
            for column in left.saturating_sub(1)..(left + 8).min(self.side) {
                self.fix(column, row, false);
            }
        }
        self.square(left, top, 7);
    }

    /// A dark ring, a light one, and what is left within dark.
    fn square(&mut self, left: usize, top: usize, size: usize) {
        for row in 0..size {
            for column in 0..size {
                let ring = row.min(column).min(size - 1 - row).min(size - 1 - column);
                self.fix(left + column, top + row, ring != 1);
            }
        }
    }

    /// Level of correction and mask, twice.
    fn format(&mut self, mask: u8) {
        let level_m_and_mask = u32::from(mask);
        let bits = (level_m_and_mask << 10 | remainder(level_m_and_mask, 10, 0x537)) ^ 0x5412;
        let bit = |at: usize| bits >> at & 1 == 1;
        let side = self.side;
        for at in 0..15 {
            let (column, row) = match at {
                0..=5 => (8, at),
                6 => (8, 7),
                7 => (8, 8),
                8 => (7, 8),
                _ => (14 - at, 8),
            };
            self.fix(column, row, bit(at));
            if at < 8 {
                self.fix(side - 1 - at, 8, bit(at));
            } else {
                self.fix(8, side - 15 + at, bit(at));
            }
        }
        self.fix(8, side - 8, true);
    }

    fn version(&mut self, number: usize) {
        let number = u32::try_from(number).unwrap_or_default();
        let bits = number << 12 | remainder(number, 12, 0x1f25);
        for at in 0..18 {
            let is_dark = bits >> at & 1 == 1;
            let (far, near) = (self.side - 11 + at % 3, at / 3);
            self.fix(far, near, is_dark);
            self.fix(near, far, is_dark);
        }
    }

    /// Puts the bytes where nothing stands: two columns at a time, from the right, up and down.
    fn place(&mut self, bytes: &[u8]) {
        let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1));
        let mut upwards = true;
        for right in (1..self.side).rev().step_by(2).map(|right| if right <= 6 { right - 1 } else { right }) {
            for step in 0..self.side {
                let row = if upwards { self.side - 1 - step } else { step };
                for column in [right, right - 1] {
                    let place = row * self.side + column;
                    if !self.fixed[place] {
                        self.dark[place] = bits.next().unwrap_or(false);
                    }
                }
            }
            upwards = !upwards;
        }
    }

    fn masked(&self, mask: u8) -> Self {
        let mut code = self.clone();
        for row in 0..self.side {
            for column in 0..self.side {
                let flips = match mask {
                    0 => (row + column).is_multiple_of(2),
                    1 => row.is_multiple_of(2),
                    2 => column.is_multiple_of(3),
                    3 => (row + column).is_multiple_of(3),
                    4 => (row / 2 + column / 3).is_multiple_of(2),
                    5 => row * column % 2 + row * column % 3 == 0,
                    6 => (row * column % 2 + row * column % 3).is_multiple_of(2),
                    _ => ((row + column) % 2 + row * column % 3).is_multiple_of(2),
                };
                let place = row * self.side + column;
                code.dark[place] ^= flips && !self.fixed[place];
            }
        }
        code.format(mask);
        code
    }

    /// How hard it is to read: long runs, blocks, what looks like a finder, and an uneven number of dark modules.
    fn penalty(&self) -> usize {
        let side = self.side;
        let row = |at: usize| -> Vec<bool> { (0..side).map(|column| self.is_dark(column, at)).collect() };
        let column = |at: usize| -> Vec<bool> { (0..side).map(|row| self.is_dark(at, row)).collect() };
        let lines =
            (0..side).flat_map(|at| [row(at), column(at)]).map(|line| line_penalty(&line)).sum::<usize>();
        let is_block = |x: usize, y: usize| {
            let first = self.is_dark(x, y);
            [(x + 1, y), (x, y + 1), (x + 1, y + 1)].iter().all(|(x, y)| self.is_dark(*x, *y) == first)
        };
        let blocks = (0..side - 1).flat_map(|y| (0..side - 1).map(move |x| (x, y)));
        let blocks = 3 * blocks.filter(|(x, y)| is_block(*x, *y)).count();
        let dark = self.dark.iter().filter(|dark| **dark).count();
        let uneven = (dark * 20).abs_diff(side * side * 10) / (side * side);
        lines + blocks + 10 * uneven
    }
}

fn line_penalty(line: &[bool]) -> usize {
    const LIKE_A_FINDER: [bool; 7] = [true, false, true, true, true, false, true];
    let runs = line.chunk_by(|a, b| a == b).map(<[bool]>::len).filter(|run| *run >= 5);
    let is_light = |from: Option<usize>| {
        from.is_some_and(|from| line.get(from..from + 4).is_some_and(|part| part.iter().all(|dark| !dark)))
    };
    let finders = line.windows(7).enumerate().filter(|(at, part)| {
        *part == LIKE_A_FINDER && (is_light(at.checked_sub(4)) || is_light(Some(at + 7)))
    });
    runs.map(|run| run - 2).sum::<usize>() + 40 * finders.count()
}

fn data_bytes(version: &Version) -> usize {
    version.blocks.iter().map(|(count, bytes)| count * bytes).sum()
}

/// Mode, length, the text, its end, and filling.
fn encoded(text: &str, number: usize, room: usize) -> Vec<u8> {
    const BYTES: u32 = 0b0100;
    let mut bits: Vec<bool> = Vec::with_capacity(room * 8);
    let mut push = |value: u32, count: u32| bits.extend((0..count).rev().map(|at| value >> at & 1 == 1));
    push(BYTES, 4);
    push(u32::try_from(text.len()).unwrap_or_default(), if number < 10 { 8 } else { 16 });
    text.bytes().for_each(|byte| push(u32::from(byte), 8));
    push(0, 4);
    let mut bytes: Vec<u8> = bits
        .chunks(8)
        .map(|bits| (0..8).fold(0, |byte, at| byte << 1 | u8::from(bits.get(at) == Some(&true))))
        .collect();
    bytes.truncate(room);
    let filling = [0xec, 0x11].into_iter().cycle().take(room - bytes.len());
    bytes.extend(filling);
    bytes
}

/// The blocks with their correction, interleaved.
fn with_correction(data: &[u8], version: &Version) -> Vec<u8> {
    let lengths = version.blocks.iter().flat_map(|(count, bytes)| std::iter::repeat_n(*bytes, *count));
    let mut rest = data;
    let mut blocks: Vec<&[u8]> = Vec::new();
    for length in lengths {
        let (block, others) = rest.split_at(length);
        blocks.push(block);
        rest = others;
    }
    let divisor = divisor(version.correction);
    let corrections: Vec<Vec<u8>> = blocks.iter().map(|block| correction(block, &divisor)).collect();
    let longest = blocks.iter().map(|block| block.len()).max().unwrap_or(0);
    let of_data = (0..longest).flat_map(|at| blocks.iter().filter_map(move |block| block.get(at)));
    let of_correction =
        (0..version.correction).flat_map(|at| corrections.iter().filter_map(move |block| block.get(at)));
    of_data.chain(of_correction).copied().collect()
}

/// In the field of 256 elements whose polynomial is 0x11d.
fn product(a: u8, b: u8) -> u8 {
    (0..8).rev().fold(0_u8, |sum, at| {
        let doubled = sum << 1 ^ if sum & 0x80 == 0 { 0 } else { 0x1d };
        if b >> at & 1 == 1 { doubled ^ a } else { doubled }
    })
}

/// (x - 1)(x - 2)(x - 4)…, without its first coefficient, which is 1.
fn divisor(degree: usize) -> Vec<u8> {
    let mut coefficients = vec![0; degree];
    coefficients[degree - 1] = 1;
    let mut root = 1;
    for _ in 0..degree {
        for at in 0..degree {
            let next = coefficients.get(at + 1).copied().unwrap_or(0);
            coefficients[at] = product(coefficients[at], root) ^ next;
        }
        root = product(root, 2);
    }
    coefficients
}

fn correction(block: &[u8], divisor: &[u8]) -> Vec<u8> {
    let mut rest = vec![0; divisor.len()];
    for byte in block {
        let factor = byte ^ rest[0];
        rest.rotate_left(1);
        if let Some(last) = rest.last_mut() {
            *last = 0;
        }
        rest.iter_mut().zip(divisor).for_each(|(rest, coefficient)| *rest ^= product(*coefficient, factor));
    }
    rest
}

/// What a BCH code appends: `degree` bits under this generator.
fn remainder(value: u32, degree: u32, generator: u32) -> u32 {
    (0..degree).fold(value, |rest, _| {
        let doubled = rest << 1;
        if doubled >> degree & 1 == 1 { doubled ^ generator } else { doubled }
    }) & ((1 << degree) - 1)
}

#[cfg(test)]
mod tests {
    use envelope::hex::hex;
    use sha2::{Digest, Sha256};

    use super::*;

    /// Hashes of what python-qrcode 8.2 draws of the same texts under each of the eight masks.
    #[test]
    fn every_module_is_where_another_encoder_has_it() {
        for (length, expected) in [
            (1, "f64bd23dda4cb18b83eb53750114f37e"),
            (14, "d31689322e58ec1147e28436afe32f63"),
            (123, "f487047feeeed06357e550191bccb5b3"),
            (213, "3163f784de6baefdcf5af4910113213c"),
        ] {
            let text: String = (0..length)
                .map(|at: usize| char::from(b"abcdefghijklmnopqrstuvwxyz"[(at * 7 + length) % 26]))
                .collect();
            let mut hash = Sha256::new();
            let chosen = QrCode::of(&text).unwrap();
            let (number, version) = ((chosen.side() - 17) / 4, &VERSIONS[(chosen.side() - 17) / 4 - 1]);
            let mut code = QrCode::empty(number, version);
            code.place(&with_correction(&encoded(&text, number, data_bytes(version)), version));
            let masked: Vec<QrCode> = (0..MASKS).map(|mask| code.masked(mask)).collect();
            for code in &masked {
                hash.update(code.dark.iter().map(|dark| b'0' + u8::from(*dark)).collect::<Vec<u8>>());
            }
            assert_eq!(hex(&hash.finalize())[..32], *expected, "{length}");
            assert!(masked.iter().any(|code| code.dark == chosen.dark), "{length}: one of them is drawn");
        }
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        assert!(QrCode::of(&"x".repeat(213)).is_some());
        assert!(QrCode::of(&"x".repeat(214)).is_none());
    }
}
