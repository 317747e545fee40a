//! Command lines as words: what a shell would split, and `$(NAME)` where NAME is known.

use std::collections::BTreeMap;

/// Words of one command that are looked at.
const MOST: usize = 10_000;

/// Splits a line as a shell does: quotes, backslashes, and the end of one command at `;`, `&`, `|` or a line's end.
/// Nothing is executed or expanded.
pub(super) fn shell(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut characters = line.chars().peekable();
    let mut count = 0_usize;
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('\n') | None => {}
                Some(next) => word.get_or_insert_default().push(next),
            },
            '\'' | '"' => {
                let text = word.get_or_insert_default();
                while let Some(next) = characters.next() {
                    if next == c {
                        break;
                    }
                    if c == '"' && next == '\\' && characters.peek().is_some_and(|n| "\"\\$`\n".contains(*n))
                    {
                        text.extend(characters.next().filter(|n| *n != '\n'));
                    } else {
                        text.push(next);
                    }
                }
            }
            ' ' | '\t' | ';' | '&' | '|' | '\n' => {
                if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
                    count = count.saturating_add(1);
                    command.push(word);
                }
                if !matches!(c, ' ' | '\t') && commands.last().is_some_and(|command| !command.is_empty()) {
                    commands.push(Vec::new());
                }
                if count >= MOST {
                    break;
                }
            }
            '#' if word.is_none() => {
                // A comment ends with its line.
                while characters.next_if(|next| *next != '\n').is_some() {}
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    if let (Some(word), Some(command)) = (word, commands.last_mut()) {
        command.push(word);
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// Replaces `$(NAME)` and `${NAME}`; a name that is not known stays as it is written.
pub(super) fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let close = match from.get(1..2) {
            Some("(") => ')',
            Some("{") => '}',
            _ => {
                out.push('$');
                rest = from.get(1..).unwrap_or_default();
                continue;
            }
        };
        let inner = from.get(2..).and_then(|text| text.split_once(close));
        let name = inner.map(|(name, _)| name.split_once(":-").map_or(name, |(name, _)| name));
        match (inner, name.and_then(|name| known.get(name))) {
            // What is put in is not looked at again, so nothing grows without end.
            (Some((_, after)), Some(value)) if out.len().saturating_add(value.len()) <= 1 << 20 => {
                out.push_str(value);
                rest = after;
            }
            _ => {
                out.push('$');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_commands() {
        for (line, expected) in [
            ("a b", vec![vec!["a", "b"]]),
            ("a 'b c' \"d \\\" e\"", vec![vec!["a", "b c", "d \" e"]]),
            ("a && b; c | d", vec![vec!["a"], vec!["b"], vec!["c"], vec!["d"]]),
            ("a \\\n  --b c", vec![vec!["a", "--b", "c"]]),
            ("# x\na #y", vec![vec!["a"]]),
            ("a ''", vec![vec!["a", ""]]),
            ("", vec![]),
        ] {
            assert_eq!(shell(line), expected, "{line:?}");
        }
    }

    #[test]
    fn known_names_are_replaced() {
        let known = BTreeMap::from([("M".to_owned(), "q".to_owned())]);
        for (text, expected) in
            [("--model=$(M)", "--model=q"), ("${M:-x}/y", "q/y"), ("$(X) $M $", "$(X) $M $"), ("$(", "$(")]
        {
            assert_eq!(expand(text, &known), expected);
        }
    }
}
