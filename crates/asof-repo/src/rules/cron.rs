//! Schedules are cron expressions of five fields.

use croner::parser::{CronParser, Seconds, Year};

use crate::DiagnosticCode;
use crate::text::{Sink, Span};
use crate::whose::Whose;

pub(crate) fn check(sink: &mut Sink, text: &str, span: Span, whose: Whose<'_>) {
    let fields = text.split_whitespace().count();
    let problem = if fields == 5 {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        match parser.parse(text) {
            Ok(_) => return,
            Err(problem) => problem.to_string().trim_end_matches('.').to_lowercase(),
        }
    } else {
        format!("its number of fields is {fields}, not 5")
    };
    sink.error(
        DiagnosticCode::BadCron,
        span,
        format!("{whose} is not a cron expression: {problem}"),
    )
    .hint("write minute, hour, day of month, month and day of week, as in `15 * * * *`");
}
