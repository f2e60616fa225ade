use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// Runs futures, at most `most` at once, started in order; answers in order, or with the first error.
///
/// Started means polled: a call is handed to the connection at its first poll, so calls reach Redis in order.
pub(crate) async fn in_flight<F, T, E>(futures: impl Iterator<Item = F>, most: usize) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut futures = futures.fuse();
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::with_capacity(most);
    let mut answers: Vec<Option<T>> = Vec::new();
    poll_fn(|context| {
        let mut i = 0;
        while i < running.len() {
            match running[i].1.as_mut().poll(context) {
                Poll::Pending => i += 1,
                Poll::Ready(Ok(answer)) => {
                    let (place, _) = running.remove(i);
                    answers[place] = Some(answer);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        while running.len() < most {
            let Some(next) = futures.next() else { break };
            // Polled at once: Redis works on it while the next one is made.
            let mut next = Box::pin(next);
            match next.as_mut().poll(context) {
                Poll::Pending => {
                    running.push((answers.len(), next));
                    answers.push(None);
                }
                Poll::Ready(Ok(answer)) => answers.push(Some(answer)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        if running.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    Ok(answers.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn futures_start_in_order_and_never_too_many_at_once() {
        let (started, now, most) = (RefCell::new(Vec::new()), Cell::new(0), Cell::new(0));
        let futures = (0..50_u64).map(|n| {
            let (started, now, most) = (&started, &now, &most);
            async move {
                started.borrow_mut().push(n);
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                tokio::time::sleep(std::time::Duration::from_millis(n * 37 % 11)).await;
                now.set(now.get() - 1);
                Ok::<_, ()>(n)
            }
        });
        let answers = in_flight(futures, 4).await.unwrap();
        assert_eq!(answers, (0..50).collect::<Vec<_>>());
        assert_eq!(*started.borrow(), answers);
        assert_eq!(most.get(), 4);
    }

    #[tokio::test]
    async fn the_first_error_ends_it_and_nothing_is_answered_with_nothing() {
        let none: Vec<std::future::Ready<Result<u8, u8>>> = Vec::new();
        assert_eq!(in_flight(none.into_iter(), 4).await, Ok(vec![]));
        let futures = [Ok(1), Err(2), Ok(3), Err(4)].map(std::future::ready);
        assert_eq!(in_flight(futures.into_iter(), 1).await, Err(2));
        let futures = [Ok::<u8, u8>(1), Ok(2)].map(std::future::ready);
        assert_eq!(in_flight(futures.into_iter(), 2).await, Ok(vec![1, 2]));
    }
}
