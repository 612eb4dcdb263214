//! What the wall clock says is asked for in one place: for the age of a response
//! that its handler has dated. So a wall clock that jumps moves nothing else.

use crate::source::{Source, all};

const ASKS: &str = "src/middleware/draft.rs";

#[test]
fn the_wall_clock_is_asked_for_in_one_place() {
    let asks: Vec<String> = all().iter().flat_map(asking).collect();
    assert_eq!(asks, [ASKS]);
}

/// The path of the file, once for each time that it asks.
fn asking(source: &Source) -> Vec<String> {
    let called = |three: &&[crate::token::Token]| {
        three[0].text == "." && three[1].text == "wall" && three[2].text == "("
    };
    let times = source.tokens.windows(3).filter(called).count();
    vec![source.path.clone(); times]
}

#[test]
fn each_question_is_found_and_the_definition_is_not_one() {
    let found = |text: &str| asking(&Source::new("src/x.rs", text)).len();
    assert_eq!(found("fn f() { a.clock.wall(); b.wall() }"), 2);
    assert_eq!(found("fn wall(&self) {} // clock.wall()"), 0);
    assert_eq!(found("#[cfg(test)] mod tests { fn f() { a.wall(); } }"), 0);
}
