// SPDX-License-Identifier: GPL-2.0-only
//! Cuts a run into shards for several machines. What shares a kernel stays together, so that no kernel is built twice.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crate::results::{Run, Shard};

/// The kernels of shard `shard`. `kernels` are all of them, each with how many boots it has; `before` is a run whose times are
/// known. The heaviest go first, each to the shard that has the least, so that every machine that is given the same comes to
/// the same shards.
///
/// # Errors
/// A fragment: there are fewer kernels than shards.
pub fn kernels(
    kernels: &BTreeMap<String, usize>,
    before: Option<&Run>,
    shard: Shard,
) -> Result<BTreeSet<String>, String> {
    if kernels.len() < shard.of {
        return Err(format!(
            "failed to cut the run into {} shards: it has {} kernels, and what shares a kernel stays together",
            shard.of,
            kernels.len()
        ));
    }
    let mut heaviest: Vec<(&String, f64)> = weights(kernels, before).into_iter().collect();
    heaviest.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
    let mut shards: Vec<(f64, BTreeSet<String>)> = vec![Default::default(); shard.of];
    for (kernel, weight) in heaviest {
        // Every shard has something before one has two: a shard without a boot would prove nothing.
        let lightest = shards.iter_mut().min_by(|(a, x), (b, y)| {
            x.is_empty()
                .cmp(&y.is_empty())
                .reverse()
                .then(a.total_cmp(b))
        });
        if let Some((sum, names)) = lightest {
            *sum += weight;
            names.insert(kernel.clone());
        }
    }
    Ok(shards.swap_remove(shard.number - 1).1)
}

/// Seconds of each kernel: what its build and its boots took in `before`, else as much for each boot as the others took.
fn weights<'a>(
    kernels: &'a BTreeMap<String, usize>,
    before: Option<&Run>,
) -> BTreeMap<&'a String, f64> {
    let mut known: BTreeMap<&str, f64> = BTreeMap::new();
    let mut boots = 0u32;
    for cell in before.iter().flat_map(|run| &run.cells) {
        let took = cell.build_s + cell.boot_s;
        if let Some(built) = &cell.built
            && took.is_finite()
        {
            *known.entry(built).or_default() += took;
            boots += 1;
        }
    }
    let each = match boots {
        0 => 1.0,
        n => known.values().sum::<f64>() / f64::from(n),
    };
    let weight = |(name, boots): (&'a String, &usize)| {
        let boots = u32::try_from(*boots).unwrap_or(u32::MAX);
        let weight = known.get(name.as_str()).copied();
        (name, weight.unwrap_or(each * f64::from(boots)))
    };
    kernels.iter().map(weight).collect()
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let read = || {
            let (number, of) = text.split_once('/')?;
            let shard = Shard {
                number: number.parse().ok()?,
                of: of.parse().ok()?,
            };
            (1..=shard.of).contains(&shard.number).then_some(shard)
        };
        read().ok_or_else(|| "I/N is needed, where I is from 1 to N".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Cell, Identity};

    fn all(before: Option<&Run>, of: usize) -> Vec<Vec<String>> {
        let names = ["arm-v5", "arm-v6v7", "mips-be", "mips-le", "parisc"];
        let boots = [1, 2, 2, 1, 1];
        let known = names.map(String::from).into_iter().zip(boots).collect();
        let shard = |number| kernels(&known, before, Shard { number, of });
        let shards = (1..=of).map(|number| shard(number).expect("enough kernels"));
        shards.map(|names| names.into_iter().collect()).collect()
    }

    #[test]
    fn every_kernel_is_in_one_shard_and_no_shard_is_empty() {
        for of in 1..=5 {
            let shards = all(None, of);
            assert!(shards.iter().all(|names| !names.is_empty()), "{shards:?}");
            let mut names: Vec<String> = shards.concat();
            names.sort();
            assert_eq!(
                names,
                ["arm-v5", "arm-v6v7", "mips-be", "mips-le", "parisc"]
            );
        }
        let said = kernels(&[("a".into(), 1)].into(), None, Shard { number: 1, of: 2 });
        assert!(said.unwrap_err().contains("it has 1 kernels"));
    }

    #[test]
    fn shards_are_balanced_by_known_times() {
        let cell = |built: &str, boot_s| Cell {
            built: Some(built.into()),
            boot_s,
            ..Cell::default()
        };
        let cells = vec![
            cell("parisc", 61.0),
            cell("arm-v5", 10.0),
            cell("arm-v6v7", 10.0),
            cell("arm-v6v7", 10.0),
            cell("mips-be", 20.0),
            // Nobody knows this one any more, and mips-le is new: a boot takes about 20 s.
            cell("gone", 10.0),
        ];
        let before = Run::new(Identity::default(), cells, 0.0);
        let shards = all(Some(&before), 2);
        assert_eq!(shards[0], ["parisc"]);
        assert_eq!(shards[1], ["arm-v5", "arm-v6v7", "mips-be", "mips-le"]);
    }

    #[test]
    fn a_shard_is_one_of_so_many() {
        assert_eq!("2/3".parse(), Ok(Shard { number: 2, of: 3 }));
        for bad in ["", "2", "0/3", "4/3", "1/0", "a/b", "-1/2"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
