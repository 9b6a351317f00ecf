//! Work in threads that do nothing else.

use parking_lot::Mutex;

/// What `work` makes of each item, in the items' order. The last items are begun first. Blocks until all are done, or
/// one has failed.
pub(crate) fn in_parallel<T: Send, R: Send, E: Send>(
    threads: usize,
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = threads.clamp(1, items.len().max(1));
    let queue = Mutex::new(items.into_iter().enumerate().collect::<Vec<_>>());
    let next = || queue.lock().pop();
    let run = || {
        let mut done = Vec::new();
        while let Some((at, item)) = next() {
            match work(item) {
                Ok(result) => done.push((at, result)),
                Err(error) => {
                    queue.lock().clear();
                    return Err(error);
                }
            }
        }
        Ok(done)
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut done = run()?;
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(done)
    })?;
    done.sort_unstable_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_items_whatever_the_number_of_threads() {
        for threads in [0, 1, 3, 100] {
            let found: Result<Vec<u32>, ()> = in_parallel(threads, (0..50).collect(), |item: u32| Ok(item * 2));
            assert_eq!(found, Ok((0..50).map(|item| item * 2).collect()));
            let found = in_parallel(
                threads,
                (0..50).collect(),
                |item: u32| if item == 20 { Err(item) } else { Ok(()) },
            );
            assert_eq!(found, Err(20));
        }
        assert_eq!(in_parallel(4, Vec::<u32>::new(), Ok::<u32, ()>), Ok(Vec::new()));
    }
}
