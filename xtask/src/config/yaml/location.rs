// SPDX-License-Identifier: GPL-2.0-only
//! Where in a YAML text something is, and how that is shown.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use saphyr::{LoadableYamlNode, MarkedYaml, YamlData};

/// A part of a line.
#[derive(Debug)]
pub(super) struct Location {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The line, and marks below that part.
    pub shown: String,
}

impl Location {
    /// The place of the value at `key`: names and, from 0, numbers of list items, with dots between, from the document's
    /// root. Of a key that is missing, the map in which it should be. None for a text that is no YAML.
    pub(super) fn of_key(text: &str, key: &str) -> Option<Location> {
        let documents = MarkedYaml::load_from_str(text).ok()?;
        let value = find(documents.first()?, key);
        Some(Location::of(
            text,
            value.span.start.index()..value.span.end.index(),
        ))
    }

    /// The place of a key that stands in a map for the second time, for which serde has that of the map.
    pub(super) fn of_second_key(text: &str) -> Option<Location> {
        let refused = MarkedYaml::load_from_str(text).err()?;
        let at = refused.marker();
        Some(Location::at(text, at.line(), at.col() + 1))
    }

    /// The place at a line and column, both 1-based, up to the end of the word there.
    pub(super) fn at(text: &str, line: usize, column: usize) -> Location {
        let before = text.split_inclusive('\n').take(line.saturating_sub(1));
        let start = before.map(|line| line.chars().count()).sum::<usize>() + column - 1;
        let word = text.chars().skip(start);
        let word = word.take_while(|c| !c.is_whitespace() && *c != ':').count();
        Location::of(text, start..start + word.max(1))
    }

    /// The place of some characters, as far as they are on one line.
    fn of(text: &str, chars: Range<usize>) -> Location {
        let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(i, _)| i);
        let start = byte(chars.start);
        let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
        let end = byte(chars.end).min(line_end);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |n| n + 1);
        let line = before.matches('\n').count() + 1;
        // What else is in the file is not looked through for what must be escaped.
        let source = Snippet::source(&text[line_start..line_end]).line_start(line);
        let marks = AnnotationKind::Primary.span(start - line_start..end.max(start) - line_start);
        let group = Group::with_level(Level::ERROR).element(source.annotation(marks));
        Location {
            line,
            column: text[line_start..start].chars().count() + 1,
            shown: Renderer::plain().render(&[group]),
        }
    }
}

/// The value at `key` below `node`, or the last one on the way there.
fn find<'n, 'input>(node: &'n MarkedYaml<'input>, key: &str) -> &'n MarkedYaml<'input> {
    let found = match &node.data {
        YamlData::Sequence(items) => {
            let (number, rest) = key.split_once('.').unwrap_or((key, ""));
            let item = number.parse::<usize>().ok().and_then(|at| items.get(at));
            item.map(|item| (item, rest))
        }
        // Keys may have dots of their own; the longest is meant.
        YamlData::Mapping(map) => map
            .iter()
            .filter_map(|(name, value)| {
                let rest = key.strip_prefix(name.data.as_str()?)?;
                let rest = if rest.is_empty() {
                    rest
                } else {
                    rest.strip_prefix('.')?
                };
                Some((value, rest))
            })
            .min_by_key(|(_, rest)| rest.len()),
        _ => None,
    };
    match found {
        Some((value, "")) => value,
        Some((value, rest)) => find(value, rest),
        None => node,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# é\na: 1\nlist:\n  - x: 'é ä'\n    y: {z: [1, two]}\n  - |\n    more\n    lines\nmap:\n  /usr/bin/a.b: c\n";

    fn at(key: &str) -> (usize, usize, String) {
        let place = Location::of_key(TEXT, key).expect("it is YAML");
        let marks = place.shown.lines().nth(2).unwrap_or_default();
        let column = marks.find('^').expect("there are marks");
        let line = place.shown.lines().nth(1).expect("the line");
        let marked = line.chars().skip(column);
        let marked = marked.take(marks.matches('^').count()).collect();
        (place.line, place.column, marked)
    }

    #[test]
    fn a_value_is_found_by_its_key_at_any_depth() {
        for (key, line, column, marked) in [
            ("a", 2, 4, "1"),
            ("list.0.x", 4, 8, "'é ä'"),
            ("list.0.y.z.1", 5, 16, "two"),
            ("list.1", 7, 5, "more"),
            ("map./usr/bin/a.b", 10, 17, "c"),
        ] {
            assert_eq!(at(key), (line, column, marked.into()), "{key}");
        }
    }

    #[test]
    fn of_a_missing_key_the_map_around_it_is_shown() {
        assert_eq!(at("list.0.gone"), (4, 5, "x: 'é ä'".into()));
        assert_eq!(at("list.7.x"), (4, 3, "- x: 'é ä'".into()));
        assert_eq!(at("gone").0, 2);
    }

    #[test]
    fn a_text_that_is_no_yaml_has_no_places() {
        for text in ["a: [", "", "a: *b", "a: 1\na: 2\n"] {
            assert!(Location::of_key(text, "a").is_none(), "{text}");
        }
    }

    #[test]
    fn any_line_and_column_can_be_shown() {
        for (line, column) in [(1, 1), (4, 9), (10, 99), (99, 1), (1, 4)] {
            assert!(Location::at(TEXT, line, column).shown.contains('^'));
        }
        Location::at("", 1, 1);
        Location::at("é", 1, 2);
    }
}
