//! Display names of runs: the name given by the user, or the phase and number.

use super::Run;
use crate::tr;
use crate::wording::percent;
use protocol::{Phase, StartFrom};

impl Run {
    /// Returns the display name: `Pre-training 1`, `Fine-tuning 2 from scratch`.
    pub fn name(&self) -> String {
        if let Some(title) = &self.title {
            return title.clone();
        }
        let run = self.numbered();
        match (self.old, &self.begun) {
            (false, _) => run,
            _ if self.is_imported() => run,
            (true, Some(begun)) => tr!("{run}, earlier ({begun})", run, begun),
            (true, None) => tr!("{run}, earlier", run),
        }
    }

    /// Returns the name by phase and number.
    fn numbered(&self) -> String {
        if let Some((number, run)) = self.part_of_comparison() {
            return tr!("Comparison {number}: {run}", number, run);
        }
        if self.is_imported() {
            return match self.phase {
                Phase::Pretrain => tr!("Imported pre-training"),
                Phase::Finetune => tr!("Imported fine-tuning"),
            };
        }
        let id = self.id.split('@').next().unwrap_or_default();
        let number = id
            .rsplit('-')
            .next()
            .filter(|number| number.parse::<u64>().is_ok());
        let Some(number) = number else {
            return self.id.clone();
        };
        let run = match self.phase {
            _ if self.id.starts_with("compare") => tr!("Comparison {number}", number),
            _ if self.id.starts_with("counting") => tr!("Counting task {number}", number),
            Phase::Pretrain => tr!("Pre-training {number}", number),
            Phase::Finetune => tr!("Fine-tuning {number}", number),
        };
        match self.from {
            Some(StartFrom::Pretrained) => tr!("{run}, pre-trained", run),
            Some(StartFrom::Scratch) => tr!("{run}, from scratch", run),
            None => run,
        }
    }

    /// Returns whether the run is part of a comparison.
    pub fn is_part_of_comparison(&self) -> bool {
        self.part_of_comparison().is_some()
    }

    /// Returns the number of the comparison that the run belongs to, and a description of the run;
    /// parses ids such as `compare-1-scratch-0.5-0.003-seed-2`.
    fn part_of_comparison(&self) -> Option<(&str, String)> {
        let (number, part) = self.id.strip_prefix("compare-")?.split_once('-')?;
        // A resumed comparison has a date after its number.
        let number = number.split('@').next().unwrap_or(number);
        let [start, share, rate, _, seed] = part.split('-').collect::<Vec<_>>().try_into().ok()?;
        let start = if start == "scratch" {
            tr!("from scratch")
        } else {
            tr!("pre-trained")
        };
        let share = percent(share.parse().unwrap_or(1.0));
        Some((
            number,
            tr!(
                "{start}, {share} of the labels, rate {rate}, seed {seed}",
                start,
                share,
                rate,
                seed
            ),
        ))
    }
}
