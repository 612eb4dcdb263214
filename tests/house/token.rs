//! Enough of a Rust lexer to read imports and count lines: identifiers and
//! punctuation with their lines, without comments, and with every literal
//! reduced to a mark.

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// What a string, character or number literal is reduced to.
pub(crate) const LITERAL: &str = "\"\"";

pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        chars: source.chars().collect(),
        at: 0,
        line: 1,
        tokens: Vec::new(),
    };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn advance(&mut self) {
        if self.peek(0) == '\n' {
            self.line += 1;
        }
        self.at += 1;
    }

    fn push(&mut self, text: impl Into<String>, line: usize) {
        self.tokens.push(Token {
            text: text.into(),
            line,
        });
    }

    fn step(&mut self) {
        let line = self.line;
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => self.line_comment(),
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(),
            ('\'', _) => self.quote(),
            (':', ':') => {
                self.at += 2;
                self.push("::", line);
            }
            (c, _) if is_word(c) => self.word(),
            (c, _) => {
                self.advance();
                if !c.is_whitespace() {
                    self.push(c, line);
                }
            }
        }
    }

    fn line_comment(&mut self) {
        while self.at < self.chars.len() && self.peek(0) != '\n' {
            self.at += 1;
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.chars.len() {
            let step = match (self.peek(0), self.peek(1)) {
                ('/', '*') => 1,
                ('*', '/') => -1,
                _ => 0,
            };
            depth += step;
            self.advance();
            if step != 0 {
                self.advance();
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        let line = self.line;
        self.advance();
        while self.at < self.chars.len() && self.peek(0) != '"' {
            if self.peek(0) == '\\' {
                self.advance();
            }
            self.advance();
        }
        self.advance();
        self.push(LITERAL, line);
    }

    fn raw_string(&mut self) {
        let line = self.line;
        let mut hashes = 0;
        while self.peek(0) == '#' {
            hashes += 1;
            self.advance();
        }
        self.advance();
        while self.at < self.chars.len() {
            let ends = self.peek(0) == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == '#');
            self.advance();
            if ends {
                self.at += hashes;
                break;
            }
        }
        self.push(LITERAL, line);
    }

    /// A character literal or a lifetime.
    fn quote(&mut self) {
        let line = self.line;
        let lifetime = is_word(self.peek(1)) && self.peek(2) != '\'';
        self.advance();
        if lifetime {
            while is_word(self.peek(0)) {
                self.advance();
            }
            return;
        }
        if self.peek(0) == '\\' {
            self.advance();
        }
        self.advance();
        while self.at < self.chars.len() && self.peek(0) != '\'' {
            self.advance();
        }
        self.advance();
        self.push(LITERAL, line);
    }

    /// An identifier, a number, or what stands before a string.
    fn word(&mut self) {
        let line = self.line;
        let mut word = String::new();
        while is_word(self.peek(0)) {
            word.push(self.peek(0));
            self.advance();
        }
        match (word.as_str(), self.peek(0), self.peek(1)) {
            ("r" | "br" | "cr", '"', _) | ("r" | "br" | "cr", '#', '"' | '#') => self.raw_string(),
            ("b" | "c", '"', _) => self.string(),
            ("b", '\'', _) => self.quote(),
            // `r#name` is the name.
            ("r", '#', next) if is_word(next) => self.advance(),
            _ if word.starts_with(|c: char| c.is_ascii_digit()) => self.push(LITERAL, line),
            _ => self.push(word, line),
        }
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        let source = r##"
            // use crate::a;
            /* use /* nested */ crate::b; */
            let s = "crate::c \" crate::d"; let r = r#"crate::e "#; let c = '"'; let l: &'a str = b"x";
            let e = '\''; let u = '\u{1F600}'; let end = 1;
        "##;
        assert!(!texts(source).contains(&"crate".to_owned()));
        assert!(texts(source).contains(&"end".to_owned()));
    }

    #[test]
    fn a_token_knows_its_line() {
        let tokens = tokens("a\n\"one\ntwo\" b");
        let lines: Vec<usize> = tokens.iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2, 3]);
    }
}
