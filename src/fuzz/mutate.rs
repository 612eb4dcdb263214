//! Edits, each told by one number.

/// Longer inputs are cut.
const MAX_BYTES: usize = 16 << 10;

/// Bytes that end something or are nearly too large for it.
const ODD: &[u8] = b"\0\x01\x7f\x80\xfa\xfb\xfc\xfd\xfe\xff,;:=\"\\ \t/?#%@-.{}[]()0";

/// The number of an edit, taken apart from below.
struct Digits(u64);

impl Digits {
    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        let digit = self.0 % limit;
        // What is left of it is mixed, so that it does not run out.
        self.0 = (self.0 / limit).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (self.0 >> 29);
        usize::try_from(digit).unwrap_or_default()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }
}

/// The input of this number in the corpus, after these edits.
pub(super) fn mutated(corpus: &[Vec<u8>], words: &[&str], start: usize, edits: &[u64]) -> Vec<u8> {
    let mut bytes = corpus[start % corpus.len()].clone();
    for edit in edits {
        apply(&mut bytes, corpus, words, &mut Digits(*edit));
        bytes.truncate(MAX_BYTES);
    }
    bytes
}

fn apply(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], digits: &mut Digits) {
    let kind = digits.below(24);
    let at = digits.below(bytes.len() + 1);
    let some = at..(at + 1 + digits.below(8)).min(bytes.len());
    let word = words[digits.below(words.len())].as_bytes();
    match kind {
        0 | 1 => {
            let bit = 1 << digits.below(8);
            bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= bit);
        }
        2 => (bytes.iter_mut().skip(at).take(1)).for_each(|byte| *byte = digits.byte()),
        3 | 4 => {
            let odd = ODD[digits.below(ODD.len())];
            bytes.insert(at, odd);
        }
        5 => {
            let odd = ODD[digits.below(ODD.len())];
            bytes.iter_mut().skip(at).take(1).for_each(|b| *b = odd);
        }
        6..=8 => drop(bytes.drain(some)),
        9..=13 => insert(bytes, at, word),
        14 | 15 => drop(bytes.splice(some, word.iter().copied())),
        16 | 17 => {
            let copy = bytes[some].to_vec();
            let to = digits.below(bytes.len() + 1);
            insert(bytes, to, &copy);
        }
        18 => bytes.truncate(at),
        19 | 20 => {
            let other = &corpus[digits.below(corpus.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[digits.below(other.len() + 1)..]);
        }
        21 => {
            let random: Vec<u8> = (0..=digits.below(12)).map(|_| digits.byte()).collect();
            insert(bytes, at, &random);
        }
        22 => {
            let case = bytes.iter_mut().skip(at).take(some.len());
            case.for_each(|byte| {
                *byte = if byte.is_ascii_alphabetic() {
                    *byte ^ 32
                } else {
                    *byte
                }
            });
        }
        // What only many of something reach; seldom, since it is slow.
        _ => {
            let many = 1 << digits.below(9);
            insert(bytes, at, &word.repeat(many));
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, more: &[u8]) {
    bytes.splice(at..at, more.iter().copied());
}

#[test]
fn every_edit_of_every_place_can_be_made() {
    let corpus = [b"abc".to_vec(), Vec::new()];
    let mut seen = std::collections::HashSet::new();
    for edit in 0..20_000_u64 {
        for start in 0..2 {
            let edits = [edit, edit.wrapping_mul(0x9e37_79b9_7f4a_7c15)];
            seen.insert(mutated(&corpus, &["word"], start, &edits));
        }
    }
    assert!(seen.len() > 10_000, "only {} inputs", seen.len());
    assert!(seen.iter().any(|input| input.len() > 200));
}
