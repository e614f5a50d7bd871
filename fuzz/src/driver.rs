//! Runs a target where there is no libFuzzer: the corpus first, then mutations of it, with nothing but a seed to guide
//! them.
//!
//! `driver TARGET [--seconds N] [--seed N] [--dict FILE] [--artifacts DIR] (FILE | DIR)...`

use std::error::Error;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

/// Longest input, in bytes.
const LONGEST: usize = 4_096;

struct Options {
    target: fusewire_fuzz::Target,
    seconds: u64,
    seed: u64,
    artifacts: PathBuf,
    dict: Vec<Vec<u8>>,
    corpus: Vec<Vec<u8>>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let known = fusewire_fuzz::TARGETS.iter().find(|(n, _)| *n == name);
    let target = known.ok_or_else(|| format!("no target {name:?}; there are document and operations"))?.1;
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos() as u64;
    let (dict, corpus) = (Vec::new(), vec![Vec::new()]);
    let mut o = Options { target, seconds: 0, seed, artifacts: ".".into(), dict, corpus };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--seconds" => o.seconds = value()?.parse()?,
            "--seed" => o.seed = value()?.parse()?,
            "--artifacts" => o.artifacts = value()?.into(),
            "--dict" => o.dict = words(&std::fs::read_to_string(value()?)?),
            path => read(Path::new(path), &mut o.corpus)?,
        }
    }
    Ok(o)
}

/// A libFuzzer dictionary: a word in quotation marks on each line.
fn words(dict: &str) -> Vec<Vec<u8>> {
    let quoted = dict.lines().filter_map(|l| l.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(|w| w.replace("\\\"", "\"").into_bytes()).collect()
}

fn read(path: &Path, corpus: &mut Vec<Vec<u8>>) -> Result<(), Box<dyn Error>> {
    if path.is_dir() {
        let mut files =
            std::fs::read_dir(path)?.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>()?;
        files.sort();
        return files.iter().try_for_each(|file| read(file, corpus));
    }
    corpus.push(std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?);
    Ok(())
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    fn part(&mut self, of: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(of.len() + 1);
        start..start + self.below((of.len() - start).min(64) + 1)
    }
}

fn mutate(o: &Options, random: &mut Random) -> Vec<u8> {
    let mut data = o.corpus[random.below(o.corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let (at, part) = (random.below(data.len()), random.part(&data));
        let other = &o.corpus[random.below(o.corpus.len())];
        match random.below(7) {
            0 if !data.is_empty() => data[at] ^= 1 << random.below(8),
            1 if !data.is_empty() => data[at] = random.below(256) as u8,
            2 if !o.dict.is_empty() => drop(data.splice(part, o.dict[random.below(o.dict.len())].clone())),
            3 => drop(data.drain(part)),
            4 => drop(data.splice(at..at, data[part].to_vec())),
            5 => drop(data.splice(part, other[random.part(other)].to_vec())),
            _ => data.insert(at, b"0123456789-.e\"{}[],:nsmh "[random.below(24)]),
        }
    }
    data.truncate(LONGEST);
    data
}

fn run() -> Result<bool, Box<dyn Error>> {
    let o = options()?;
    let (began, mut random) = (Instant::now(), Random(o.seed));
    println!("{} inputs, then {} s of mutations, seed {}", o.corpus.len(), o.seconds, o.seed);
    for n in 0.. {
        let fresh = (n >= o.corpus.len()).then(|| mutate(&o, &mut random));
        let input = fresh.as_ref().unwrap_or_else(|| &o.corpus[n]);
        if catch_unwind(|| (o.target)(input)).is_err() {
            std::fs::create_dir_all(&o.artifacts)?;
            let file = o.artifacts.join(format!("crash-{}-{n}", o.seed));
            std::fs::write(&file, input)?;
            println!("the input that failed is in {}", file.display());
            return Ok(false);
        }
        if n + 1 >= o.corpus.len() && began.elapsed() >= Duration::from_secs(o.seconds) {
            println!("{} runs in {:.0?}", n + 1, began.elapsed());
            break;
        }
    }
    Ok(true)
}

fn main() -> ExitCode {
    match run() {
        Ok(held) => ExitCode::from(u8::from(!held)),
        Err(e) => {
            eprintln!("driver: {e}");
            ExitCode::from(2)
        }
    }
}
