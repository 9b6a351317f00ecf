//! JSON documents as the same trees, with places in the text that is written here.

use serde_json::Value;

use super::{Content, Entry, Node, Scalar};
use crate::text::{Sink, Span, Spanned, Text};

/// The tree of `value`. Its text, written out over lines, becomes a text of `sink` called `name`, so that problems
/// of a stored document have places as well.
pub(crate) fn from_json(sink: &mut Sink, name: &str, value: &Value) -> Node {
    let mut writer = Writer {
        file: sink.texts.len() as u32,
        text: String::new(),
    };
    let node = writer.node(value, 0);
    sink.texts.push(Text::new(name, writer.text));
    node
}

struct Writer {
    file: u32,
    text: String,
}

impl Writer {
    fn node(&mut self, value: &Value, depth: usize) -> Node {
        let start = self.text.len() as u32;
        let content = match value {
            Value::Array(items) => {
                let nodes = items.iter().zip(0..).map(|(item, at)| {
                    self.separate('[', at, depth);
                    self.node(item, depth + 1)
                });
                let nodes = nodes.collect();
                self.close("[]", items.is_empty(), depth);
                Content::List(nodes)
            }
            Value::Object(members) => {
                let entries = members.iter().zip(0..).map(|((key, value), at)| {
                    self.separate('{', at, depth);
                    let key = self.scalar(key, &Value::from(key.as_str()));
                    self.text.push_str(": ");
                    let value = self.node(value, depth + 1);
                    Entry { key, value }
                });
                let entries = entries.collect();
                self.close("{}", members.is_empty(), depth);
                Content::Mapping(entries)
            }
            Value::String(text) => {
                let text = self.scalar(text, value).value;
                Content::Scalar(Scalar { text, plain: false })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                let text = self.scalar(&value.to_string(), value).value;
                Content::Scalar(Scalar { text, plain: true })
            }
        };
        let end = self.text.len() as u32;
        let file = self.file;
        Node {
            span: Span { file, start, end },
            content,
        }
    }

    fn scalar(&mut self, text: &str, written: &Value) -> Spanned<String> {
        let start = self.text.len() as u32;
        self.text.push_str(&written.to_string());
        let end = self.text.len() as u32;
        let file = self.file;
        Spanned {
            value: text.to_owned(),
            span: Span { file, start, end },
        }
    }

    /// Writes what stands before element `at`.
    fn separate(&mut self, opening: char, at: usize, depth: usize) {
        self.text.push(if at == 0 { opening } else { ',' });
        self.line(depth + 1);
    }

    fn close(&mut self, brackets: &str, empty: bool, depth: usize) {
        if empty {
            self.text.push_str(brackets);
        } else {
            self.line(depth);
            self.text.push_str(&brackets[1..]);
        }
    }

    fn line(&mut self, depth: usize) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", depth));
    }
}
