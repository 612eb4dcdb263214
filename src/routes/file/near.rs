//! What somebody may have meant.

/// The end of a sentence: `did you mean "tags"? Allowed are ..`, or what is allowed alone.
pub(super) fn instead<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    allowed: &str,
) -> String {
    match meant(name, known) {
        None => format!("allowed are {allowed}"),
        Some(one) => format!("did you mean {one:?}? Allowed are {allowed}"),
    }
}

fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known = known.into_iter();
    let near = known.filter_map(|one| Some((distance(name, one)?, one)));
    Some(near.min_by_key(|(distance, _)| *distance)?.1)
}

/// How many letters have to change, if it is few of them.
fn distance(one: &str, other: &str) -> Option<usize> {
    const LONGEST: usize = 40;
    if one.len() > LONGEST || other.len() > LONGEST {
        return None;
    }
    let letters: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=letters.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], at + 1);
        for (column, known) in letters.iter().enumerate() {
            let swapped = corner + usize::from(letter != *known);
            corner = row[column + 1];
            row[column + 1] = swapped.min(corner + 1).min(row[column] + 1);
        }
    }
    let distance = row[letters.len()];
    (distance <= 2 && 2 * distance < letters.len()).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["tags", "settle", "while_deaf"];
        for (name, near) in [
            ("tag", Some("tags")),
            ("tugz", None),
            ("settled", Some("settle")),
            ("while-deaf", Some("while_deaf")),
            ("whiledeav", Some("while_deaf")),
            ("lifetime", None),
            ("", None),
        ] {
            assert_eq!(meant(name, known), near, "{name}");
        }
        assert_eq!(meant("é", ["ab"]), None);
        assert_eq!(meant(&"x".repeat(1_000_000), known), None);
        let told = instead("tag", known, "all");
        assert_eq!(told, "did you mean \"tags\"? Allowed are all");
    }
}
