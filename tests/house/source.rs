//! A file of `src`, read without its tests.

use crate::token::{Token, tokens};
use std::path::{Path, PathBuf};
use std::{fs, io};

pub(crate) struct Source {
    /// From the crate's root, with `/`, such as `src/bus/mod.rs`.
    pub(crate) path: String,
    /// What is compiled outside tests.
    pub(crate) tokens: Vec<Token>,
    /// Lines of the file that belong to no test.
    pub(crate) lines: usize,
    /// Files that are modules of tests only, or begin the paths of such.
    test_files: Vec<String>,
}

/// A rule broken somewhere.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offence {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl std::fmt::Debug for Offence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Fails with one line for each offence.
pub(crate) fn none(mut offences: Vec<Offence>) {
    offences.sort();
    let list: Vec<String> = offences.iter().map(|o| format!("{o:?}")).collect();
    assert!(
        list.is_empty(),
        "{} offences:\n{}",
        list.len(),
        list.join("\n")
    );
}

/// All files of `src`, without those that are tests.
pub(crate) fn all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    rust_files(&root.join("src"), &mut paths).expect("src is readable");
    let read = |path: &PathBuf| {
        let name = path
            .strip_prefix(root)
            .expect("the path is inside the root");
        let name: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
        let text = fs::read_to_string(path).expect("a source file is readable");
        Source::new(&name.join("/"), &text)
    };
    let sources = without_tests(paths.iter().map(read).collect());
    assert!(sources.len() >= 10, "only {} files found", sources.len());
    sources
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

pub(crate) fn without_tests(sources: Vec<Source>) -> Vec<Source> {
    let tests: Vec<String> = sources.iter().flat_map(|s| s.test_files.clone()).collect();
    let is_test = |path: &str| {
        path.ends_with("/tests.rs")
            || path.contains("/tests/")
            || tests.iter().any(|test| path.starts_with(test.as_str()))
    };
    sources.into_iter().filter(|s| !is_test(&s.path)).collect()
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let all = tokens(text);
        let mut source = Self {
            path: path.to_owned(),
            tokens: Vec::new(),
            lines: text.lines().count(),
            test_files: Vec::new(),
        };
        let mut at = 0;
        while at < all.len() {
            if !is_test_attribute(&all[at..]) {
                source.tokens.push(all[at].clone());
                at += 1;
                continue;
            }
            let end = item_end(&all, at);
            source.leave_out(&all[at..end]);
            at = end;
        }
        if is_whole_test(&all) {
            source.test_files.push(path.to_owned());
        }
        source
    }

    /// The modules from the crate's root down to this file.
    pub(crate) fn module(&self) -> Vec<&str> {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut module: Vec<&str> = inside.split('/').collect();
        if matches!(module.last(), Some(&("mod" | "lib"))) {
            module.pop();
        }
        module
    }

    pub(crate) fn offence(&self, line: usize, what: impl Into<String>) -> Offence {
        Offence {
            path: self.path.clone(),
            line,
            what: what.into(),
        }
    }

    fn leave_out(&mut self, item: &[Token]) {
        let (Some(first), Some(last)) = (item.first(), item.last()) else {
            return;
        };
        self.lines = self.lines.saturating_sub(last.line - first.line + 1);
        for three in item.windows(3) {
            if three[0].text == "mod" && three[2].text == ";" {
                let folder = ["src"].into_iter().chain(self.module()).collect::<Vec<_>>();
                let stem = format!("{}/{}", folder.join("/"), three[1].text);
                self.test_files.push(format!("{stem}.rs"));
                self.test_files.push(format!("{stem}/"));
            }
        }
    }
}

fn starts(tokens: &[Token], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(t, text)| t.text == *text)
}

fn is_test_attribute(tokens: &[Token]) -> bool {
    starts(tokens, &["#", "[", "cfg", "(", "test", ")", "]"])
        || starts(tokens, &["#", "[", "cfg", "(", "all", "(", "test", ","])
}

fn is_whole_test(tokens: &[Token]) -> bool {
    tokens
        .windows(8)
        .any(|window| starts(window, &["#", "!", "[", "cfg", "(", "test", ")", "]"]))
}

/// Words that begin something which ends with `;` or a block, never with `,`.
const ITEMS: [&str; 15] = [
    "pub",
    "fn",
    "mod",
    "use",
    "impl",
    "struct",
    "enum",
    "const",
    "static",
    "type",
    "trait",
    "async",
    "extern",
    "macro_rules",
    "let",
];

/// Where the item ends that begins, with its attributes, at `at`.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while starts(&tokens[at..], &["#", "["]) {
        at = matching(tokens, at + 1) + 1;
    }
    let is_item = tokens
        .get(at)
        .is_some_and(|token| ITEMS.contains(&token.text.as_str()));
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            "}" | ")" => return at,
            "{" => return matching(tokens, at) + 1,
            "(" | "[" => at = matching(tokens, at),
            _ => {}
        }
        at += 1;
    }
    tokens.len()
}

/// The index of the bracket that closes the one at `open`.
pub(crate) fn matching(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_items_are_left_out_and_their_lines_not_counted() {
        let text =
            "use a;\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    fn b() { c() }\n}\nuse d;\n";
        let source = Source::new("src/x.rs", text);
        let left: Vec<&str> = source.tokens.iter().map(|t| t.text.as_str()).collect();
        assert_eq!(left, ["use", "a", ";", "use", "d", ";"]);
        assert_eq!(source.lines, 2);
    }

    #[test]
    fn a_file_of_a_test_module_is_no_source() {
        let sources = vec![
            Source::new("src/store/mod.rs", "mod real; #[cfg(test)] mod model;"),
            Source::new("src/store/real.rs", ""),
            Source::new("src/store/model.rs", "use crate::bus;"),
            Source::new("src/store/model/deep.rs", "use crate::bus;"),
            Source::new("src/store/real/tests.rs", "use crate::bus;"),
            Source::new("src/store/whole.rs", "#![cfg(test)] use crate::bus;"),
        ];
        let left: Vec<String> = without_tests(sources).into_iter().map(|s| s.path).collect();
        assert_eq!(left, ["src/store/mod.rs", "src/store/real.rs"]);
    }

    #[test]
    fn what_is_compiled_outside_tests_stays() {
        let source = Source::new(
            "src/x.rs",
            "#[cfg(not(test))] use a; #[cfg(feature = \"f\")] use b;",
        );
        assert!(source.tokens.iter().any(|t| t.text == "a"));
        assert!(source.tokens.iter().any(|t| t.text == "b"));
    }
}
