//! Reads a text into trees, one per YAML document.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{ALIAS_BUDGET, Content, Entry, MAX_DEPTH, Node, Scalar};
use crate::DiagnosticCode;
use crate::text::{Sink, Span, Spanned};

/// The documents of text number `file`, without the empty ones. What is wrong goes to `sink`; `None` when the text
/// could not be read to its end.
pub(crate) fn load(sink: &mut Sink, file: u32) -> Option<Vec<Node>> {
    let text = sink.texts[file as usize].content.clone();
    let body = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let offsets = Offsets::new(body, text.len() - body.len());
    let mut loader = Loader {
        sink,
        text: &text,
        open: Vec::new(),
        anchors: HashMap::new(),
        spent: 0,
        documents: Vec::new(),
    };
    let mut parser = Parser::new_from_str(body);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                let span = Span {
                    file,
                    start: offsets.byte(span.start.index()),
                    end: offsets.byte(span.end.index()),
                };
                loader.event(event, span)?;
            }
            Err(error) => {
                let at = offsets.byte(error.marker().index());
                let span = Span {
                    file,
                    start: at,
                    end: at,
                };
                let message = format!("this is not YAML: {}", error.info());
                loader.sink.error(DiagnosticCode::NotYaml, span, message);
                return None;
            }
        }
    }
    Some(loader.documents)
}

/// Turns the parser's positions, counted in characters, into bytes.
struct Offsets {
    /// The byte of each character; empty where all characters are one byte.
    bytes: Vec<u32>,
    shift: u32,
    len: u32,
}

impl Offsets {
    fn new(body: &str, shift: usize) -> Self {
        let bytes = if body.is_ascii() {
            Vec::new()
        } else {
            body.char_indices().map(|(at, _)| at as u32).collect()
        };
        Self {
            bytes,
            shift: shift as u32,
            len: body.len() as u32,
        }
    }

    fn byte(&self, character: usize) -> u32 {
        let byte = match self.bytes.get(character) {
            Some(byte) => *byte,
            None if self.bytes.is_empty() => (character as u32).min(self.len),
            None => self.len,
        };
        byte + self.shift
    }
}

/// A list or mapping that is not yet closed.
struct Open {
    span: Span,
    anchor: usize,
    /// Levels of lists and mappings inside.
    height: usize,
    content: Content,
    key: Pending,
    /// Where each key of the mapping was written.
    seen: HashMap<String, Span>,
}

/// The key of a mapping that waits for its value.
#[derive(Default)]
enum Pending {
    /// What comes next is a key.
    #[default]
    Nothing,
    Key(Spanned<String>),
    /// The key is no good, and its value is dropped.
    Bad,
}

struct Anchored {
    node: Node,
    height: usize,
    cost: usize,
}

struct Loader<'a> {
    sink: &'a mut Sink,
    text: &'a str,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    /// What aliases have cost so far, of [`ALIAS_BUDGET`].
    spent: usize,
    documents: Vec<Node>,
}

impl Loader<'_> {
    /// Takes in one event; `None` when reading must stop.
    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span);
                let content = Content::Scalar(Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                });
                self.push(Node { span, content }, anchor, 0);
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span);
                self.open(span, anchor, Content::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span);
                self.open(span, anchor, Content::Mapping(Vec::new()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn refuse_tag(&mut self, tag: Option<&saphyr_parser::Tag>, span: Span) {
        // `!` alone only says that a scalar is a text.
        if let Some(tag) = tag.filter(|tag| !tag.suffix.is_empty()) {
            let message = format!("definitions have no YAML tags, this value has `{tag}`");
            self.sink
                .error(DiagnosticCode::Tag, span, message)
                .hint("remove the tag");
        }
    }

    fn open(&mut self, span: Span, anchor: usize, content: Content) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            return self.too_deep(span);
        }
        self.open.push(Open {
            span,
            anchor,
            height: 1,
            content,
            key: Pending::Nothing,
            seen: HashMap::new(),
        });
        Some(())
    }

    fn too_deep(&mut self, span: Span) -> Option<()> {
        let message = format!("lists and mappings are nested more than {MAX_DEPTH} levels deep");
        self.sink.error(DiagnosticCode::TooDeep, span, message);
        None
    }

    fn close(&mut self, end: Span) {
        let Some(open) = self.open.pop() else { return };
        let mut span = open.span;
        let in_flow = matches!(self.text.as_bytes().get(span.start as usize), Some(b'[' | b'{'));
        let last = match &open.content {
            Content::List(items) => items.last().map(|node| node.span),
            Content::Mapping(entries) => entries.last().map(|entry| entry.value.span.or(entry.key.span)),
            Content::Scalar(_) => None,
        };
        // The end of a block is only noticed at the next token, so that it ends where its last value does. An alias
        // as the last value keeps its own place, which may be anywhere.
        span.end = match last {
            _ if in_flow => end.end,
            Some(last) => last.end.max(span.end),
            None => span.end,
        };
        let node = Node {
            span,
            content: open.content,
        };
        self.push(node, open.anchor, open.height);
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Option<()> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            self.sink.error(
                DiagnosticCode::BadAlias,
                span,
                "an alias stands inside the value that it repeats",
            );
            return None;
        };
        self.spent += anchored.cost;
        if self.spent > ALIAS_BUDGET {
            let message = format!("the aliases of this file expand to more than {ALIAS_BUDGET} bytes");
            self.sink.error(DiagnosticCode::AliasBomb, span, message);
            return None;
        }
        if self.open.len() + anchored.height > MAX_DEPTH {
            return self.too_deep(span);
        }
        let (node, height) = (anchored.node.clone(), anchored.height);
        self.push(node, 0, height);
        Some(())
    }

    /// Puts a finished value where it belongs.
    fn push(&mut self, node: Node, anchor: usize, height: usize) {
        if anchor != 0 {
            let cost = cost(&node);
            let node = node.clone();
            self.spent += cost;
            self.anchors.insert(anchor, Anchored { node, height, cost });
        }
        let Some(open) = self.open.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return;
        };
        open.height = open.height.max(height + 1);
        match (&mut open.content, std::mem::take(&mut open.key)) {
            (Content::List(items), _) => items.push(node),
            (Content::Mapping(entries), Pending::Key(key)) => entries.push(Entry { key, value: node }),
            (Content::Mapping(_), Pending::Nothing) => {
                let key = self.key(&node).map_or(Pending::Bad, Pending::Key);
                if let Some(open) = self.open.last_mut() {
                    open.key = key;
                }
            }
            (Content::Mapping(_), Pending::Bad) | (Content::Scalar(_), _) => {}
        }
    }

    /// The key of an entry; `None` when it cannot be one, or is there already.
    fn key(&mut self, node: &Node) -> Option<Spanned<String>> {
        let Content::Scalar(scalar) = &node.content else {
            let message = format!("a key must be a text, this one is {}", node.kind());
            self.sink.error(DiagnosticCode::BadKey, node.span, message);
            return None;
        };
        let key = Spanned {
            value: scalar.text.clone(),
            span: node.span,
        };
        let seen = &mut self.open.last_mut()?.seen;
        if let Some(first) = seen.insert(key.value.clone(), key.span) {
            let message = format!("key `{}` is there twice", key.value);
            self.sink
                .error(DiagnosticCode::DuplicateKey, key.span, message)
                .label("again here")
                .related(first, "first here");
            return None;
        }
        Some(key)
    }
}

/// What a copy of a value costs.
fn cost(node: &Node) -> usize {
    1 + match &node.content {
        Content::Scalar(scalar) => scalar.text.len(),
        Content::List(items) => items.iter().map(cost).sum(),
        Content::Mapping(entries) => entries
            .iter()
            .map(|entry| entry.key.value.len() + cost(&entry.value))
            .sum(),
    }
}
