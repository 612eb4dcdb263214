//! What stands in a file, whatever its format.

/// Where in the text something begins, in bytes; `None`: the format does not tell.
pub(super) type Place = Option<usize>;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Place,
}

#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    /// As it was written, or nearly so.
    Number(String),
    List(Vec<Node>),
    /// In the order of the file, each name once.
    Table(Vec<Field>),
    /// What no setting has: a date, or nothing at all.
    Other(&'static str),
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) at: Place,
    pub(super) node: Node,
}

impl Node {
    /// For mistakes: itself if it is short, else what it is.
    pub(super) fn said(&self) -> String {
        match &self.value {
            Value::Text(text) => shown(text),
            Value::Flag(flag) => flag.to_string(),
            Value::Number(number) => number.chars().take(40).collect(),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a table".to_owned(),
            Value::Other(what) => (*what).to_owned(),
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        let Value::Table(fields) = &self.value else {
            return None;
        };
        fields.iter().find(|field| field.name == name)
    }
}

/// A text in quotes, not longer than a line.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}..", &text[..end]),
    }
}

/// Names of the file, as many as stand in a line.
pub(super) fn some(names: &[&str]) -> String {
    const MOST: usize = 10;
    let shown = names.iter().take(MOST).map(|name| named(name));
    let mut shown = shown.collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        shown.push_str(", ..");
    }
    shown
}

/// A name in the path of a mistake, in quotes where it could be taken for more.
pub(super) fn named(name: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-".contains(letter);
    if !name.is_empty() && name.len() <= 60 && name.chars().all(plain) {
        name.to_owned()
    } else {
        shown(name)
    }
}
