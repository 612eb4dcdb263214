//! The templates of one option.

use super::Template;
use super::facts::Facts;
use super::hole::Source;
use super::render::{Rendered, Use};

/// The templates of one option, and what is wrong with those that are none.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Templates {
    all: Vec<Template>,
    mistakes: Vec<String>,
}

/// What cannot be made: a hole has nothing that fits, or there was a mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unfit;

impl Templates {
    pub(crate) fn add(&mut self, text: &str) {
        match Template::parse(text) {
            Ok(template) if self.all.contains(&template) => {}
            Ok(template) => self.all.push(template),
            Err(mistake) => self.mistakes.push(mistake.to_string()),
        }
    }

    /// What is wrong with them where a path has these parameters.
    pub(crate) fn mistakes(&self, parameters: &[&str]) -> Vec<String> {
        let mut mistakes = self.mistakes.clone();
        for template in &self.all {
            for hole in template.holes() {
                let Source::Path(name) = hole.source() else {
                    continue;
                };
                if !parameters.contains(&&**name) {
                    mistakes.push(unknown(template.text(), name, parameters));
                }
            }
        }
        mistakes
    }

    /// Each as it was written, and what it looks like: a hole is a hole, whatever fills
    /// it.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = (&str, String)> {
        self.all.iter().map(|one| (one.text(), one.shape()))
    }

    /// Whether one of them is no template.
    pub(crate) fn is_broken(&self) -> bool {
        !self.mistakes.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.mistakes.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Template> {
        self.all.iter()
    }

    /// All texts, without those that are left out.
    pub(crate) fn texts(&self, facts: &Facts<'_>) -> Result<Vec<String>, Unfit> {
        if self.is_broken() {
            return Err(Unfit);
        }
        let rendered = self.all.iter().map(|one| one.render(facts, Use::Tag));
        rendered
            .filter_map(|one| match one {
                Rendered::Whole(text) => Some(Ok(text)),
                Rendered::LeftOut => None,
                Rendered::Open(..) => Some(Err(Unfit)),
            })
            .collect()
    }
}

fn unknown(template: &str, name: &str, parameters: &[&str]) -> String {
    let known = match parameters {
        [] => "there are none".to_owned(),
        names => format!("there is {}", names.join(", ")),
    };
    format!(
        "template {template:?}: the path has no parameter `{name}`: {known}; for other sources write query.{name}, header.{name}, cookie.{name} or response.{name}"
    )
}
