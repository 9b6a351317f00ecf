//! On-demand views can be computed one after the other: they read each other in no circle, and in no chain that is
//! longer than anyone would follow.

use std::collections::HashMap;

use crate::DiagnosticCode;
use crate::syntax::{OnDemandSyntax, ProjectionSyntax, Syntax};
use crate::text::Sink;

/// On-demand views may read each other over this many steps.
pub(crate) const MAX_CHAIN: usize = 64;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax) {
    let mut graph = Graph::new(syntax);
    loop {
        graph.settle();
        let Some(start) = (0..graph.level.len()).find(|at| graph.level[*at].is_none()) else {
            break;
        };
        let circle = graph.circle(start);
        report(sink, &circle.iter().map(|at| graph.views[*at]).collect::<Vec<_>>());
        // Their consequences are not reported; what else waits for them settles after them.
        for at in &circle {
            graph.level[*at] = Some(0);
        }
        for at in circle {
            graph.finish(at, 0);
        }
    }
    for (view, level) in graph.views.iter().zip(&graph.level) {
        if *level == Some(MAX_CHAIN + 1) {
            sink.error(
                DiagnosticCode::OnDemandChain,
                view.name.span,
                format!(
                    "on-demand feature view `{}` reads others over more than {MAX_CHAIN} steps",
                    view.name.value
                ),
            );
        }
    }
}

/// Which on-demand view reads which.
struct Graph<'a> {
    views: Vec<&'a OnDemandSyntax>,
    reads: Vec<Vec<usize>>,
    read_by: Vec<Vec<usize>>,
    /// How many of the views it reads are not settled.
    waits: Vec<usize>,
    /// The steps up to a view, once everything it reads is settled.
    level: Vec<Option<usize>>,
    ready: Vec<usize>,
}

impl<'a> Graph<'a> {
    fn new(syntax: &'a Syntax) -> Self {
        let views: Vec<&OnDemandSyntax> = syntax.on_demand.iter().collect();
        let places: HashMap<&str, usize> = views
            .iter()
            .zip(0..)
            .map(|(view, at)| (view.name.value.as_str(), at))
            .collect();
        let reads: Vec<Vec<usize>> = views
            .iter()
            .map(|view| {
                view.inputs
                    .iter()
                    .filter_map(|input| places.get(input.view.value.as_str()).copied())
                    .collect()
            })
            .collect();
        let mut read_by = vec![Vec::new(); views.len()];
        for (reader, read) in reads.iter().enumerate() {
            for at in read {
                read_by[*at].push(reader);
            }
        }
        let waits: Vec<usize> = reads.iter().map(Vec::len).collect();
        Self {
            ready: (0..views.len()).filter(|at| waits[*at] == 0).collect(),
            level: vec![None; views.len()],
            views,
            reads,
            read_by,
            waits,
        }
    }

    /// Settles every view whose inputs are settled.
    fn settle(&mut self) {
        while let Some(at) = self.ready.pop() {
            if self.level[at].is_some() {
                continue;
            }
            let below = self.reads[at].iter().filter_map(|read| self.level[*read]).max();
            self.finish(at, below.map_or(1, |below| below + 1));
        }
    }

    fn finish(&mut self, at: usize, level: usize) {
        self.level[at] = Some(level);
        for reader in &self.read_by[at] {
            self.waits[*reader] -= 1;
            if self.waits[*reader] == 0 && self.level[*reader].is_none() {
                self.ready.push(*reader);
            }
        }
    }

    /// A circle that `start` is on or leads to: each view reads the next, the last one reads the first.
    fn circle(&self, start: usize) -> Vec<usize> {
        let mut path = vec![start];
        let mut place = HashMap::from([(start, 0)]);
        loop {
            let last = path[path.len() - 1];
            let next = self.reads[last]
                .iter()
                .copied()
                .find(|read| self.level[*read].is_none());
            // A view that is not settled reads one that is not.
            let Some(next) = next else { return path };
            if let Some(first) = place.insert(next, path.len()) {
                return path.split_off(first);
            }
            path.push(next);
        }
    }
}

fn report(sink: &mut Sink, circle: &[&OnDemandSyntax]) {
    let Some(first) = circle.first() else { return };
    let names = circle.iter().chain([first]).map(|view| view.name.value.as_str());
    let message = format!(
        "on-demand feature views read each other in a circle: {}",
        names.collect::<Vec<_>>().join(" -> ")
    );
    let input = |reader: &'_ OnDemandSyntax, read: &str| {
        let reads = |input: &&ProjectionSyntax| input.view.value == read;
        reader
            .inputs
            .iter()
            .find(reads)
            .map_or(reader.name.span, |input| input.view.span)
    };
    let next = |at: usize| circle[(at + 1) % circle.len()].name.value.as_str();
    let mut report = sink
        .error(DiagnosticCode::OnDemandCycle, input(first, next(0)), message)
        .label(format!("`{}` reads `{}`", first.name.value, next(0)));
    for (at, view) in circle.iter().enumerate().skip(1) {
        report = report.related(
            input(view, next(at)),
            format!("`{}` reads `{}`", view.name.value, next(at)),
        );
    }
    report.hint("remove one of these inputs");
}
