//! The least that any program could do to fill a Redis with the bytes that Asof has put there: it reads them all, empties
//! the Redis, and sends one `HSET` per row, many at a time, without looking at any, over one connection.
//!
//! usage: redis-floor HOST:PORT [ROWS PER PIPELINE]
//!
//! Prints one JSON object: `rows`, `seconds` (of writing alone), `rows_per_second`.

mod wire;

use std::collections::BTreeMap;
use std::time::Instant;

use wire::{Link, Reply};

/// Rows by the field that they stand in: Asof writes one view after the other, too.
type Rows = BTreeMap<Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>>;

/// What the rows' keys begin with; everything else that Asof keeps is for itself.
const PREFIXES: [&[u8]; 2] = [b"asof:p:", b"asof:t:"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = arguments
        .first()
        .ok_or("usage: redis-floor HOST:PORT [ROWS PER PIPELINE]")?;
    let at_once = arguments.get(1).map_or(Ok(1_000), |rows| rows.parse())?;
    let mut link = Link::open(address)?;
    let rows = all_rows(&mut link)?;
    link.ask(&[b"FLUSHALL"])?;
    let count: usize = rows.values().map(Vec::len).sum();
    let started = Instant::now();
    for (field, rows) in &rows {
        write(&mut link, field, rows, at_once)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{{\"rows\": {count}, \"seconds\": {seconds:.3}, \"rows_per_second\": {:.0}}}",
        count as f64 / seconds
    );
    Ok(())
}

fn write(link: &mut Link, field: &[u8], rows: &[(Vec<u8>, Vec<u8>)], at_once: usize) -> std::io::Result<()> {
    // The next rows are sent before the answers to the last ones are read, so that neither side waits.
    let mut awaited = 0;
    for rows in rows.chunks(at_once) {
        for (key, row) in rows {
            link.add(&[b"HSET", key, field, row]);
        }
        link.send()?;
        for _ in 0..awaited {
            link.reply()?;
        }
        awaited = rows.len();
    }
    for _ in 0..awaited {
        link.reply()?;
    }
    Ok(())
}

fn all_rows(link: &mut Link) -> std::io::Result<Rows> {
    let mut rows = Rows::new();
    let mut cursor = b"0".to_vec();
    loop {
        let Reply::Array(answer) = link.ask(&[b"SCAN", &cursor, b"COUNT", b"2000"])? else {
            return Err(std::io::Error::other("SCAN was not answered with a list"));
        };
        let mut answer = answer.into_iter();
        let (Some(Reply::Text(next)), Some(Reply::Array(keys))) = (answer.next(), answer.next()) else {
            return Err(std::io::Error::other("SCAN was not answered with a cursor and keys"));
        };
        let keys: Vec<Vec<u8>> = keys
            .into_iter()
            .filter_map(Reply::text)
            .filter(|key| PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
            .collect();
        for key in &keys {
            link.add(&[b"HGETALL", key]);
        }
        link.send()?;
        for key in keys {
            let Reply::Array(fields) = link.reply()? else {
                return Err(std::io::Error::other("HGETALL was not answered with a list"));
            };
            let texts: Vec<Vec<u8>> = fields.into_iter().filter_map(Reply::text).collect();
            for pair in texts.chunks(2) {
                rows.entry(pair[0].clone())
                    .or_default()
                    .push((key.clone(), pair[1].clone()));
            }
        }
        cursor = next;
        if cursor == b"0" {
            return Ok(rows);
        }
    }
}
