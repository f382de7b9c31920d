//! What a life of the process promises, in the file `life`: text, with a crc in its last line.

use std::io;

use super::{
    Disk, Durability, OpenError,
    disk::{read_all, replace},
    header::FORMAT,
    names::LIFE,
};

/// What a life of the process promises.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LifeRecord {
    /// Which data directory this is.
    pub identity: u64,
    /// How many shards it has.
    pub shards: u32,
    /// When what is appended counts as kept.
    pub durability: Durability,
    /// The machine's boot.
    pub boot: String,
    /// Whether entries may be gone that were applied, and somebody may not know.
    pub unsettled: bool,
    /// The last index of every shard, after a clean end.
    pub clean: Option<Vec<u64>>,
}

impl LifeRecord {
    /// Whether entries may be gone that were applied, if this life is over and the machine's boot is now `boot`.
    pub(super) fn lost(&self, boot: &str) -> bool {
        let by_its_end = match self.durability {
            Durability::None => true,
            Durability::Interval => !self.is_same_boot(boot),
            Durability::Commit => false,
        };
        self.unsettled || (by_its_end && self.clean.is_none())
    }

    /// Whether the machine has certainly not been started again.
    pub(super) fn is_same_boot(&self, boot: &str) -> bool {
        !self.boot.is_empty() && self.boot == word(boot)
    }

    /// What is stored, if anything is.
    pub(super) fn read<D: Disk>(disk: &D) -> Result<Self, OpenError> {
        let bytes = read_all(disk, LIFE).map_err(OpenError::io("read `life`"))?;
        Self::decode(&bytes)
    }

    pub(super) fn write<D: Disk>(&self, disk: &D) -> io::Result<()> {
        replace(disk, LIFE, |temporary| disk.append(temporary, self.encode().as_bytes()))
    }

    fn encode(&self) -> String {
        let heads = |heads: &Vec<u64>| heads.iter().map(|head| format!(" {head}")).collect::<String>();
        let lines = format!(
            "{TITLE}{FORMAT}\nidentity {:016x}\nshards {}\ndurability {}\nboot {}\nunsettled {}\nclean{}\n",
            self.identity,
            self.shards,
            self.durability,
            self.boot,
            self.unsettled,
            self.clean.as_ref().map_or_else(|| " no".into(), heads),
        );
        format!("{lines}crc {:08x}\n", crc32fast::hash(lines.as_bytes()))
    }

    fn decode(bytes: &[u8]) -> Result<Self, OpenError> {
        let damaged = || OpenError::damaged(LIFE, 0, "it is not what was written");
        if !bytes.starts_with(TITLE.as_bytes()) {
            let why = format!("it does not begin with `{TITLE}`");
            return Err(OpenError::Foreign { file: LIFE.into(), why });
        }
        let text = str::from_utf8(bytes).map_err(|_| damaged())?;
        let (lines, crc) = text.rsplit_once("crc ").ok_or_else(damaged)?;
        if crc != format!("{:08x}\n", crc32fast::hash(lines.as_bytes())) {
            return Err(damaged());
        }
        let mut lines = lines.lines();
        let found =
            lines.next().and_then(|line| line.strip_prefix(TITLE)?.parse().ok()).ok_or_else(damaged)?;
        if found != FORMAT {
            return Err(OpenError::OtherFormat { file: LIFE.into(), found, supported: FORMAT });
        }
        Self::fields(&mut lines).ok_or_else(damaged)
    }

    fn fields<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let record = Self {
            identity: u64::from_str_radix(field("identity")?, 16).ok()?,
            shards: field("shards")?.parse().ok()?,
            durability: field("durability")?.parse().ok()?,
            boot: field("boot")?.into(),
            unsettled: field("unsettled")?.parse().ok()?,
            clean: match field("clean")? {
                "no" => None,
                heads => Some(heads.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?),
            },
        };
        let is_whole = record.clean.as_ref().is_none_or(|heads| heads.len() == record.shards as usize);
        is_whole.then_some(record)
    }
}

/// The machine's boot as it is stored: the system ends its line, and a field has but one.
pub(super) fn word(boot: &str) -> String {
    boot.split_whitespace().collect()
}

/// This life of the process. If it is dropped, its end was not clean.
#[derive(Debug)]
pub struct Life<D> {
    disk: D,
    record: LifeRecord,
}

impl<D: Disk> Life<D> {
    pub(super) fn begin(disk: D, record: LifeRecord) -> io::Result<Self> {
        record.write(&disk)?;
        Ok(Self { disk, record })
    }

    /// Whoever had to know of a loss knows, and that is synced: the next life need not be told again.
    ///
    /// # Errors
    /// What the disk says. The next life may be told again then.
    pub fn settle(&mut self) -> io::Result<()> {
        if !self.record.unsettled {
            return Ok(());
        }
        let settled = LifeRecord { unsettled: false, ..self.record.clone() };
        settled.write(&self.disk)?;
        self.record = settled;
        Ok(())
    }

    /// Entries may be gone that were applied: the next life has to be told.
    ///
    /// # Errors
    /// What the disk says. The next life may not be told then.
    pub(super) fn doubt(&mut self) -> io::Result<()> {
        self.record.unsettled = true;
        self.record.write(&self.disk)
    }

    /// A clean end. Every shard's log has been synced, and `heads` are their last indexes: with others, the next life
    /// does not begin.
    ///
    /// # Errors
    /// What the disk says. The end may count as unclean then.
    ///
    /// # Panics
    /// If there is not one head for each shard.
    pub fn end(self, heads: &[u64]) -> io::Result<()> {
        assert_eq!(heads.len(), self.record.shards as usize, "each shard has one head");
        LifeRecord { clean: Some(heads.into()), ..self.record }.write(&self.disk)
    }
}

/// Before the format.
const TITLE: &str = "chinwag data ";

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> LifeRecord {
        LifeRecord {
            identity: 0xabc,
            shards: 2,
            durability: Durability::Interval,
            boot: "b-1".into(),
            unsettled: false,
            clean: None,
        }
    }

    #[test]
    fn a_life_is_read_as_it_was_written() {
        let clean =
            LifeRecord { clean: Some(vec![0, u64::MAX]), boot: String::new(), unsettled: true, ..record() };
        for record in [record(), clean] {
            assert_eq!(LifeRecord::decode(record.encode().as_bytes()).unwrap(), record);
        }
    }

    #[test]
    fn no_bit_and_no_byte_can_be_missing() {
        let bytes = record().encode().into_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(LifeRecord::decode(&flipped).is_err(), "{bit}");
        }
        for length in 0..bytes.len() {
            assert!(LifeRecord::decode(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let lines = format!("{TITLE}7\nanything else\n");
        let newer = format!("{lines}crc {:08x}\n", crc32fast::hash(lines.as_bytes()));
        let newer = LifeRecord::decode(newer.as_bytes());
        assert!(matches!(newer, Err(OpenError::OtherFormat { found: 7, supported: FORMAT, .. })));
    }

    #[test]
    fn only_what_was_not_promised_is_lost() {
        let lost = |durability, clean: bool, boot| {
            let clean = clean.then(|| vec![1, 2]);
            LifeRecord { durability, clean, ..record() }.lost(boot)
        };
        for (durability, kill, power_cut) in [
            (Durability::None, true, true),
            (Durability::Interval, false, true),
            (Durability::Commit, false, false),
        ] {
            assert_eq!(lost(durability, false, "b-1\n"), kill, "{durability}");
            assert_eq!(lost(durability, false, "b-2"), power_cut, "{durability}");
            assert_eq!(lost(durability, false, ""), power_cut, "{durability}: who knows");
            assert!(!lost(durability, true, "b-2"), "{durability}");
        }
    }

    #[test]
    fn a_loss_is_told_until_it_is_settled() {
        let unsettled = LifeRecord { unsettled: true, durability: Durability::Commit, ..record() };
        assert!(unsettled.lost("b-1"));
        assert!(LifeRecord { clean: Some(vec![1, 2]), ..unsettled }.lost("b-1"));
    }
}
