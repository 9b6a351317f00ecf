//! The last row of every entity at one time, for entities that are found while rows come.

use asof_model::{Admission, Timestamp};

use super::collect::Answers;
use super::int_table::NO_ENTITY;
use super::values::NO_ROW;
use crate::source::{Place, RowId, Scanned};

/// The last row of each entity among some of the rows, in any order.
#[derive(Debug)]
pub(crate) struct Latest {
    admission: Admission,
    at: Timestamp,
    best: Vec<Place>,
}

impl Latest {
    pub(crate) fn new(admission: Admission, at: i64) -> Self {
        Self {
            admission,
            at: Timestamp::from_micros(at),
            best: Vec::new(),
        }
    }

    /// The same for other rows.
    pub(crate) fn share(&self) -> Self {
        Self {
            best: Vec::new(),
            ..*self
        }
    }

    /// Lets every row of a batch compete; `entities` says whose each is.
    pub(crate) fn offer(&mut self, entities: &[u32], batch: &Scanned) {
        for (row, entity) in entities.iter().enumerate() {
            if *entity == NO_ENTITY {
                continue;
            }
            let place = batch.place(row);
            let order = place.stored();
            let counts = self.admission.is_visible(order.event_time, order.created_time, self.at)
                && self.admission.is_fresh(order.event_time, self.at);
            if counts {
                self.enter(*entity as usize, place);
            }
        }
    }

    /// Takes in the rows of another partition. `entities` says what its entities are here, if not the same.
    pub(crate) fn absorb(&mut self, other: &Self, entities: Option<&[u32]>) {
        for (entity, place) in other.best.iter().enumerate() {
            let entity = entities.map_or(entity, |entities| entities[entity] as usize);
            self.enter(entity, *place);
        }
    }

    fn enter(&mut self, entity: usize, place: Place) {
        if self.best.len() <= entity {
            self.best.resize(entity + 1, Place::NONE);
        }
        let best = &mut self.best[entity];
        *best = place.max(*best);
    }

    /// The answer for each of `entities` entities.
    pub(crate) fn finish(mut self, entities: usize) -> Answers {
        self.best.resize(entities, Place::NONE);
        let winner = |place: &Place| place.id().map_or(NO_ROW, RowId::bits);
        Answers {
            winners: self.best.iter().map(winner).collect(),
            orders: self.best.iter().map(Place::stored).collect(),
            values: None,
            outcome: None,
        }
    }
}
