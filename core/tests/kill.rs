//! A process that dies at any instant leaves a valid cell: a child works on one in a mapped file, is killed, and the
//! file is taken up again and works on. `FUSEWIRE_KILL_ROUNDS` sets how often (default 400).
#![allow(missing_docs)]
#![cfg(unix)]

use fusewire::{By, CircuitBreaker, Mode, Outcome, State};
use memmap2::MmapMut;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

const FILE: &str = "FUSEWIRE_KILL_FILE";
const DOCUMENT: &str = "FUSEWIRE_KILL_DOCUMENT";

/// Each exercises other words of the cell.
const DOCUMENTS: [&str; 4] = [
    r#"{"failure_threshold":2,"recovery_timeout":"1ms","half_open_max_calls":3,"half_open_timeout":"1ms"}"#,
    r#"{"window":{"kind":"count","size":20,"min_calls":5},"recovery_timeout":"1ms","ramp":{"initial":0.5,"step":0.2}}"#,
    r#"{"window":{"kind":"adaptive","period":"1s","min_calls":5,"min_failures":2},"recovery_timeout":"1ms"}"#,
    r#"{"recovery_timeout":"1ms","backoff":{"kind":"decorrelated_jitter"},"half_open_max_calls":9,"success_threshold":4}"#,
];

/// The words of a file, mapped for as long as the process lives.
fn words(file: &Path) -> &'static [AtomicU64] {
    let file = OpenOptions::new().read(true).write(true).open(file).expect("the file is there");
    // SAFETY: nobody shortens the file, and only one process at a time writes it.
    let map: &'static mut MmapMut = Box::leak(Box::new(unsafe { MmapMut::map_mut(&file) }.expect("mapped")));
    // SAFETY: a map is page-aligned and consists of plain bytes, which any word may hold.
    unsafe { std::slice::from_raw_parts(map.as_ptr().cast(), map.len() / size_of::<AtomicU64>()) }
}

fn open(file: &Path, document: &str) -> CircuitBreaker {
    let builder = fusewire::Builder::from_json(document).expect("a document");
    builder.build_in("killed", words(file)).expect("a valid cell")
}

/// All that can happen to a breaker, at random, on two threads, until the parent ends it.
fn work(breaker: &CircuitBreaker, mut random: u64) -> ! {
    loop {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match (random >> 33) % 64 {
            0 => breaker.trip(None, By::default()).expect("no duration"),
            1 => breaker.half_open(By::default()),
            2 => breaker.reset(By::default()),
            3 => breaker.set_mode(Mode::ALL[(random >> 50) as usize % 4], By::default()),
            4..=8 => breaker.set_mode(Mode::Auto, By::default()),
            9..=12 => breaker.poll(),
            n => {
                if let Ok(permit) = breaker.try_acquire() {
                    permit.settle(Outcome::ALL[n as usize % 3], None, None);
                }
            }
        }
    }
}

#[test]
fn child_that_works_until_it_is_killed() {
    let (Ok(file), Ok(document)) = (std::env::var(FILE), std::env::var(DOCUMENT)) else { return };
    let breaker = open(Path::new(&file), &document);
    let other = breaker.clone();
    std::thread::spawn(move || work(&other, 7));
    println!("\nworking");
    work(&breaker, u64::from(std::process::id()))
}

/// Starts a child on the file and kills it after `after`.
fn kill_a_child(file: &Path, document: &str, after: Duration) {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "child_that_works_until_it_is_killed", "--nocapture"])
        .env(FILE, file)
        .env(DOCUMENT, document)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(lines.any(|line| line.is_ok_and(|l| l == "working")), "the child did not start");
    // Not a wait for something: the instant of death is to be anywhere.
    std::thread::sleep(after);
    child.kill().expect("killed");
    child.wait().expect("waited");
}

fn rounds() -> u64 {
    std::env::var("FUSEWIRE_KILL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
}

fn new_file(number: usize, document: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cell-{number}-{}", std::process::id()));
    let builder = fusewire::Builder::from_json(document).expect("a document");
    let bytes = builder.cell_words().expect("a layout") * size_of::<AtomicU64>();
    File::create(&path).expect("a file").set_len(bytes as u64).expect("zeros");
    path
}

/// The cell says nothing that cannot be, and what was counted is not lost.
fn check(breaker: &CircuitBreaker, generation: &mut u64, settled: &mut u64) {
    let s = breaker.snapshot();
    assert!(s.generation >= *generation, "the generation went back: {s:?}");
    let sum = s.totals.success + s.totals.failure + s.totals.ignored;
    assert!(sum >= *settled, "totals went back: {s:?}");
    (*generation, *settled) = (s.generation, sum);
    assert!(s.half_open.in_flight + s.half_open.successes + s.half_open.failures <= 9, "{s:?}");
    assert!(s.openings_in_a_row <= s.opened && s.opened <= s.generation, "{s:?}");
    if let Some(window) = &s.window {
        assert!(window.failures <= window.total && window.slow == 0, "{s:?}");
    }
}

/// It opens, probes and closes as a new one does.
fn works_on(breaker: &CircuitBreaker) {
    breaker.set_mode(Mode::Auto, By::default());
    breaker.trip(Some(Duration::from_secs(60)), By::default()).expect("in range");
    assert!(breaker.try_acquire().is_err());
    breaker.half_open(By::default());
    // A probe's lease is a millisecond: who is kept from the processor for as long has failed, and begins again.
    for _ in 0..10_000 {
        match breaker.try_acquire() {
            Ok(permit) => _ = permit.success(),
            Err(_) if breaker.state() == State::Open => breaker.half_open(By::default()),
            Err(_) => {}
        }
        if breaker.state() == State::Closed {
            return;
        }
    }
    panic!("it does not close: {:?}", breaker.snapshot());
}

#[test]
fn a_killed_process_leaves_a_valid_cell_at_whatever_instant_it_dies() {
    let rounds = rounds();
    for (number, document) in DOCUMENTS.iter().enumerate() {
        let file = new_file(number, document);
        let (mut generation, mut settled) = (0, 0);
        for round in 0..rounds / DOCUMENTS.len() as u64 {
            kill_a_child(&file, document, Duration::from_micros(round * 7_919 % 5_000));
            let breaker = open(&file, document);
            check(&breaker, &mut generation, &mut settled);
            works_on(&breaker);
            check(&breaker, &mut generation, &mut settled);
        }
        assert!(generation > rounds, "the children did work");
        std::fs::remove_file(file).expect("removed");
    }
}

#[test]
fn a_cell_of_another_layout_is_refused() {
    let file = new_file(99, DOCUMENTS[1]);
    drop(open(&file, DOCUMENTS[1]));
    let other = fusewire::Builder::from_json(DOCUMENTS[0]).expect("a document");
    let error = other.build_in("killed", words(&file)).expect_err("another layout").to_string();
    assert!(error.contains("layout"), "{error}");
    std::fs::remove_file(file).expect("removed");
}
