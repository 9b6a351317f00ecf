//! Texts with their lines, spans in them, and the sink that turns spans into diagnostics.

use crate::{Diagnostic, DiagnosticCode, Place, Severity, SourceFile};

/// Some bytes of one of the texts that are being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    /// The text's position in [`Sink::texts`].
    pub(crate) file: u32,
    /// The first byte.
    pub(crate) start: u32,
    /// The byte behind the last.
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// This span, or `other` where this one has nothing to underline.
    pub(crate) fn or(self, other: Self) -> Self {
        if self.is_empty() { other } else { self }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A text with its lines.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) path: String,
    pub(crate) content: String,
    /// The byte at which each line starts.
    lines: Vec<usize>,
}

impl Text {
    pub(crate) fn new(path: &str, text: String) -> Self {
        let starts = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Self {
            path: path.to_owned(),
            content: text,
            lines,
        }
    }

    /// Line and column of a byte, from 1. A column inside a very long line costs the length of the line.
    fn line_column(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= at);
        let start = self.lines[line - 1];
        (line, self.content[start..at].chars().count() + 1)
    }

    /// The place of `start..end`, cut at the end of its first line, and never empty unless the text is.
    fn place(&self, start: usize, end: usize) -> Place {
        let mut start = self.content.floor_char_boundary(start);
        let mut end = self.content.ceil_char_boundary(end).max(start);
        if let Some(line) = self.content[start..end].find('\n') {
            end = start + self.content[start..start + line].trim_end().len();
        }
        if start >= end {
            let next = self.content[start..].chars().next().filter(|c| !c.is_whitespace());
            let before = self.content[..start].trim_end();
            match (next, before.chars().next_back()) {
                (Some(c), _) => end = start + c.len_utf8(),
                (None, Some(c)) => {
                    end = before.len();
                    start = end - c.len_utf8();
                }
                (None, None) => {}
            }
            end = end.max(start);
        }
        let (line, column) = self.line_column(start);
        let (end_line, end_column) = self.line_column(end);
        Place {
            file: self.path.clone(),
            line,
            column,
            end_line,
            end_column,
            start,
            end,
        }
    }
}

/// Where problems are reported to: the texts that are being read, and what is wrong with them so far.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    pub(crate) texts: Vec<Text>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Sink {
    /// Takes in the files' texts. Bytes that are not UTF-8 are replaced, which moves nothing before the first of them.
    pub(crate) fn new(files: &[&SourceFile]) -> Self {
        let text = |file: &&SourceFile| {
            let kept = &file.bytes[..file.bytes.len().min(crate::MAX_FILE_BYTES)];
            Text::new(&file.path, String::from_utf8_lossy(kept).into_owned())
        };
        Self {
            texts: files.iter().map(text).collect(),
            diagnostics: Vec::new(),
        }
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        self.texts[span.file as usize].place(span.start as usize, span.end as usize)
    }

    /// The text under a span.
    pub(crate) fn slice(&self, span: Span) -> &str {
        let text = &self.texts[span.file as usize].content;
        text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Reports an error at `span`; what is returned takes label, hints and related places.
    pub(crate) fn error(&mut self, code: DiagnosticCode, span: Span, message: impl Into<String>) -> Report<'_> {
        let place = self.place(span);
        self.diagnostics.push(Diagnostic::error(code, place, message));
        Report {
            diagnostic: self.diagnostics.last_mut().expect("one was just pushed"),
            texts: &self.texts,
        }
    }

    /// Reports an error of a file as a whole.
    pub(crate) fn file_error(&mut self, code: DiagnosticCode, file: &str, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::error(code, Place::file(file), message));
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Everything reported, by place, each once: a value that is used twice by an alias has its problem once.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.diagnostics;
        diagnostics.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.place.clone(), d.code);
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
        diagnostics.dedup();
        diagnostics
    }
}

/// A diagnostic that was just reported.
pub(crate) struct Report<'a> {
    diagnostic: &'a mut Diagnostic,
    texts: &'a [Text],
}

impl Report<'_> {
    pub(crate) fn label(self, label: impl Into<String>) -> Self {
        self.diagnostic.label = label.into();
        self
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        self.diagnostic.hints.push(hint.into());
        self
    }

    /// Hints at the known name nearest to `name`, if one is near.
    pub(crate) fn nearest<'n>(self, name: &str, known: impl Iterator<Item = &'n str>) -> Self {
        match asof_model::nearest::nearest(name, known) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    pub(crate) fn related(self, span: Span, label: impl Into<String>) -> Self {
        let place = self.texts[span.file as usize].place(span.start as usize, span.end as usize);
        self.diagnostic.related.push(crate::Related {
            place,
            label: label.into(),
        });
        self
    }

    /// Makes it a warning.
    pub(crate) fn warning(self) -> Self {
        self.diagnostic.severity = Severity::Warning;
        self
    }
}
