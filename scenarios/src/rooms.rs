//! `[rooms]`: who meets whom.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer, value::StrDeserializer},
};

use crate::{
    draw::{Draw, Purpose},
    spread::{Spread, Written},
};

/// The exponent for which none is named: what large systems see.
const ZIPF: f64 = 0.99;
/// How often a client draws a room before it takes the next one that it is not in.
const TRIES: u64 = 32;

/// Who meets whom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rooms {
    /// Rooms of one size: client `c` is in room `c / size`, and the last room takes the rest.
    OfSize(u32),
    /// So many rooms, some of which may have more members than others.
    Popular {
        /// How many.
        count: u32,
        /// Which of them clients choose.
        popularity: Popularity,
        /// How many each client is in.
        per_client: Spread,
    },
}

/// Which rooms clients choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Popularity {
    /// Any, with equal chance.
    Uniform,
    /// The n-th one with a chance in proportion to 1/n^s.
    Zipf(f64),
    /// A few rooms take most of the clients.
    Hotspot {
        /// The share of rooms that is hot.
        rooms: f64,
        /// The share of choices that falls on them.
        clients: f64,
    },
}

/// `[rooms]` as it is written: `size` alone, or the others.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Rooms"))]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Members per room: clients 0 to size - 1 are in the first one, and so on. Not beside the others.
    pub(crate) size: Option<u32>,
    /// How many rooms there are.
    pub(crate) count: Option<u32>,
    /// Which of them clients choose; `uniform` if not named.
    pub(crate) popularity: Option<PopularityFile>,
    /// How many rooms each client is in; 1 if not named.
    pub(crate) per_client: Option<Written<u32>>,
}

/// A popularity as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PopularityFile {
    /// One room for everyone.
    Single,
    /// Anything else.
    Of(Popularity),
}

/// A popularity in a word.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PopularityInAWord"))]
#[serde(rename_all = "kebab-case")]
enum Word {
    /// Any room, with equal chance.
    Uniform,
    /// The n-th room with a chance in proportion to 1/n^0.99.
    Zipf,
    /// One room for everyone.
    Single,
}

/// A popularity with its numbers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PopularityTable"))]
#[serde(rename_all = "kebab-case")]
enum Table {
    /// The n-th room with a chance in proportion to 1/n^s; s is above 0 and at most 10.
    Zipf(f64),
    /// A few rooms take most of the clients.
    Hotspot(Hotspot),
}

/// A few rooms take most of the clients.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Hotspot {
    /// The share of rooms that is hot, between 0 and 1.
    rooms: f64,
    /// The share of choices that falls on them, between 0 and 1.
    clients: f64,
}

impl<'de> Deserialize<'de> for PopularityFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PopularityVisitor)
    }
}

struct PopularityVisitor;

impl<'de> Visitor<'de> for PopularityVisitor {
    type Value = PopularityFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "\"uniform\", \"zipf\", \"single\", { zipf = … } or { hotspot = { rooms = …, clients = … } }",
        )
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<PopularityFile, E> {
        Ok(match Word::deserialize(StrDeserializer::new(word))? {
            Word::Uniform => PopularityFile::Of(Popularity::Uniform),
            Word::Zipf => PopularityFile::Of(Popularity::Zipf(ZIPF)),
            Word::Single => PopularityFile::Single,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PopularityFile, A::Error> {
        Ok(PopularityFile::Of(match Table::deserialize(MapAccessDeserializer::new(map))? {
            Table::Zipf(s) => Popularity::Zipf(s),
            Table::Hotspot(Hotspot { rooms, clients }) => Popularity::Hotspot { rooms, clients },
        }))
    }
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator};

    use super::{PopularityFile, Table, Word};

    /// A word or a table.
    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Either {
        Word(Word),
        Table(Table),
    }

    impl JsonSchema for PopularityFile {
        fn schema_name() -> Cow<'static, str> {
            "Popularity".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            Either::json_schema(generator)
        }
    }
}

/// Who is in which room, both ways.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Membership {
    rooms: Lists,
    members: Lists,
}

/// Many short lists in one.
#[derive(Clone, Debug, PartialEq)]
struct Lists {
    ends: Vec<u32>,
    all: Vec<u32>,
}

impl Lists {
    fn of(lists: impl Iterator<Item = Vec<u32>>) -> Self {
        let (mut ends, mut all) = (vec![0], Vec::new());
        for list in lists {
            all.extend(list);
            ends.push(u32::try_from(all.len()).expect("memberships are fewer than 2^32"));
        }
        Self { ends, all }
    }

    fn get(&self, index: u32) -> &[u32] {
        let index = index as usize;
        &self.all[self.ends[index] as usize..self.ends[index + 1] as usize]
    }
}

impl Membership {
    /// Lets so many clients choose their rooms.
    pub(crate) fn new(rooms: Rooms, clients: u32, seed: u64) -> Self {
        let (count, chosen) = match rooms {
            Rooms::OfSize(size) => {
                let size = size.min(clients);
                (clients.div_ceil(size), (0..clients).map(|client| vec![client / size]).collect())
            }
            Rooms::Popular { count, popularity, per_client } => {
                (count, choose(count, popularity, per_client, clients, seed))
            }
        };
        let mut members = vec![Vec::new(); count as usize];
        for (client, rooms) in (0..).zip(&chosen) {
            rooms.iter().for_each(|&room| members[room as usize].push(client));
        }
        Self { rooms: Lists::of(chosen.into_iter()), members: Lists::of(members.into_iter()) }
    }

    /// How many rooms there are.
    pub(crate) fn rooms(&self) -> u32 {
        u32::try_from(self.members.ends.len() - 1).expect("rooms are numbered in 32 bits")
    }

    /// The rooms of a client.
    pub(crate) fn rooms_of(&self, client: u32) -> &[u32] {
        self.rooms.get(client)
    }

    /// The members of a room.
    pub(crate) fn members_of(&self, room: u32) -> &[u32] {
        self.members.get(room)
    }
}

/// By client: the rooms they choose.
fn choose(count: u32, popularity: Popularity, per_client: Spread, clients: u32, seed: u64) -> Vec<Vec<u32>> {
    let draw = Draw::new(seed, Purpose::Membership, "rooms");
    let limits = cumulative(count, popularity);
    let total = limits.last().copied().unwrap_or_default();
    let pick = |client: Draw, index| {
        let at = client.unit(index) * total;
        u32::try_from(limits.partition_point(|&limit| limit <= at)).unwrap_or(u32::MAX).min(count - 1)
    };
    let rooms_of = |client: u32| {
        let draw = draw.part(client.into());
        let wanted = per_client.draw(draw.part(0), 0, 1, count.into());
        let (mut rooms, mut index) = (Vec::new(), 0);
        while (rooms.len() as u64) < wanted {
            let first = index;
            let mut room = pick(draw.part(1), index);
            while rooms.contains(&room) {
                index += 1;
                // Where all but a few rooms are hardly ever chosen, drawing on would take for ever.
                room = if index < first + TRIES { pick(draw.part(1), index) } else { (room + 1) % count };
            }
            rooms.push(room);
            index += 1;
        }
        rooms.sort_unstable();
        rooms
    };
    (0..clients).map(rooms_of).collect()
}

/// By room: the sum of its weight and those of all before.
fn cumulative(count: u32, popularity: Popularity) -> Vec<f64> {
    let weight = |room: u32| match popularity {
        Popularity::Uniform => 1.0,
        Popularity::Zipf(s) => f64::from(room + 1).powf(-s),
        Popularity::Hotspot { rooms, clients } => {
            let hot = (f64::from(count) * rooms).ceil().clamp(1.0, f64::from(count));
            if f64::from(room) < hot { clients / hot } else { (1.0 - clients) / (f64::from(count) - hot) }
        }
    };
    let mut sum = 0.0;
    let add = |room| {
        sum += weight(room);
        sum
    };
    (0..count).map(add).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn popular(count: u32, popularity: Popularity, per_client: Spread) -> Membership {
        Membership::new(Rooms::Popular { count, popularity, per_client }, 10_000, 3)
    }

    fn sizes(membership: &Membership) -> Vec<usize> {
        (0..membership.rooms()).map(|room| membership.members_of(room).len()).collect()
    }

    #[test]
    fn rooms_of_one_size_follow_one_another() {
        let membership = Membership::new(Rooms::OfSize(4), 10, 1);
        assert_eq!(sizes(&membership), [4, 4, 2]);
        assert_eq!(membership.members_of(2), [8, 9]);
        assert_eq!(membership.rooms_of(5), [1]);
    }

    #[test]
    fn uniform_rooms_are_about_alike() {
        let sizes = sizes(&popular(10, Popularity::Uniform, Spread::Fixed(1)));
        assert!(sizes.iter().all(|size| (880..1_120).contains(size)), "{sizes:?}");
    }

    #[test]
    fn the_nth_room_of_zipf_has_an_nth_of_the_first_ones_members() {
        let sizes = sizes(&popular(100, Popularity::Zipf(1.0), Spread::Fixed(1)));
        // The sum of 1/n up to 100 is 5.187.
        assert!((1_800..2_060).contains(&sizes[0]), "{}", sizes[0]);
        assert!((160..230).contains(&sizes[9]), "{}", sizes[9]);
    }

    #[test]
    fn a_hotspot_takes_its_share() {
        let hotspot = Popularity::Hotspot { rooms: 0.1, clients: 0.8 };
        let sizes = sizes(&popular(50, hotspot, Spread::Fixed(1)));
        let hot: usize = sizes[..5].iter().sum();
        assert!((7_850..8_150).contains(&hot), "{hot}");
        assert!(sizes[5..].iter().all(|size| (20..80).contains(size)), "{sizes:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn everyone_is_in_as_many_different_rooms_as_wanted(
            count in 1u32..40, s in 0.1f64..8.0, min in 1u64..5, more in 0u64..40, seed: u64,
        ) {
            let rooms = Rooms::Popular {
                count,
                popularity: Popularity::Zipf(s),
                per_client: Spread::Uniform { min, max: min + more },
            };
            let membership = Membership::new(rooms, 50, seed);
            for client in 0..50 {
                let rooms = membership.rooms_of(client);
                prop_assert!(rooms.is_sorted_by(|a, b| a < b), "none twice");
                prop_assert!(rooms.len() as u64 >= min.min(count.into()));
                prop_assert!(rooms.len() as u64 <= (min + more).min(count.into()));
                prop_assert!(rooms.iter().all(|&room| membership.members_of(room).contains(&client)));
            }
            let members: usize = (0..count).map(|room| membership.members_of(room).len()).sum();
            let rooms: usize = (0..50).map(|client| membership.rooms_of(client).len()).sum();
            prop_assert_eq!(members, rooms);
        }
    }
}
