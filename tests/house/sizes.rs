//! How long things may be, and what is never written in `src`.

use crate::source::{Offence, Source, all, matching, none};

const MAX_FILE: usize = 500;
const MAX_FUNCTION: usize = 60;

/// Macros that end the process's patience. An invariant of ours is an `expect`
/// whose message states it.
const FORBIDDEN_MACROS: [&str; 4] = ["panic", "todo", "unimplemented", "dbg"];

#[test]
fn a_file_has_at_most_500_lines_beside_its_tests() {
    none(all().iter().flat_map(file_offences).collect());
}

#[test]
fn a_function_has_at_most_60_lines() {
    none(all().iter().flat_map(function_offences).collect());
}

#[test]
fn nothing_in_src_unwraps_or_panics_by_name() {
    none(all().iter().flat_map(panic_offences).collect());
}

fn file_offences(source: &Source) -> Option<Offence> {
    (source.lines > MAX_FILE)
        .then(|| source.offence(source.lines, format!("has {} lines", source.lines)))
}

fn function_offences(source: &Source) -> Vec<Offence> {
    let tokens = &source.tokens;
    let mut offences = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let name = tokens.get(at + 1).map_or("(", |name| &name.text);
        // `fn(u8)` is a type.
        if token.text != "fn" || name == "(" {
            continue;
        }
        let Some(end) = body_end(source, at) else {
            continue;
        };
        let lines = tokens[end].line - token.line + 1;
        if lines > MAX_FUNCTION {
            offences.push(source.offence(token.line, format!("`{name}` has {lines} lines")));
        }
    }
    offences
}

/// The index of the brace that closes the body; `None` for a function without one.
fn body_end(source: &Source, mut at: usize) -> Option<usize> {
    while let Some(token) = source.tokens.get(at) {
        match token.text.as_str() {
            ";" => return None,
            "{" => return Some(matching(&source.tokens, at)),
            "(" | "[" => at = matching(&source.tokens, at),
            _ => {}
        }
        at += 1;
    }
    None
}

fn panic_offences(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for pair in source.tokens.windows(2) {
        let name = pair[0].text.as_str();
        let is_macro = FORBIDDEN_MACROS.contains(&name) && pair[1].text == "!";
        if is_macro || name == "unwrap" {
            offences.push(source.offence(pair[0].line, format!("says `{name}`")));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("src/x.rs", text)
    }

    fn function(lines: usize) -> String {
        format!(
            "fn long(a: [u8; 2]) {{\n{}}}\n",
            "let b = 1;\n".repeat(lines - 2)
        )
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        assert!(file_offences(&source(&"// line\n".repeat(500))).is_none());
        assert!(file_offences(&source(&"// line\n".repeat(501))).is_some());
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(100));
        assert!(file_offences(&source(&("// line\n".repeat(450) + &tests))).is_none());
    }

    #[test]
    fn a_long_function_is_found_wherever_it_stands() {
        assert!(function_offences(&source(&function(60))).is_empty());
        let found = function_offences(&source(&format!("impl X {{\n{}}}", function(61))));
        assert_eq!(format!("{found:?}"), "[src/x.rs:2: `long` has 61 lines]");
        assert!(
            function_offences(&source("trait T { fn a(&self); }\ntype F = fn(u8);")).is_empty()
        );
    }

    #[test]
    fn a_panic_by_name_is_found_and_one_in_a_test_is_not() {
        let found = |text: &str| panic_offences(&source(text)).len();
        assert_eq!(found("fn f() { a.unwrap(); }"), 1);
        assert_eq!(found("fn f() { a.map(Option::unwrap); todo!() }"), 2);
        assert_eq!(found("fn f() { unimplemented!(); panic!(\"x\") }"), 2);
        assert_eq!(
            found("fn f() { a.unwrap_or(1); b.expect(\"held\"); } // unwrap()"),
            0
        );
        assert_eq!(
            found("#[cfg(test)] mod tests { fn f() { a.unwrap(); } }"),
            0
        );
    }
}
