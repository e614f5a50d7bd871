// The command line.

export const HELP = `\
bench-node: what a call through a circuit breaker costs, fusewire and its peers side by side

Usage: bench-node [--quick] [--case TEXT] [--help]

  --quick       fewer and shorter rounds: a first look, with more noise
  --case TEXT   only the cases whose name contains TEXT
  --help        this text

Prints one table of nanoseconds a call over the bare call (median, and minimum in brackets), then the targets.
Writes what it measured to build/bench/node.jsonl, or where FUSEWIRE_BENCH_OUT says. The exit code says that it ran,
not what it found.`;

export function parse(words) {
  const args = { help: false, quick: false, text: '' };
  for (let i = 0; i < words.length; i++) {
    if (words[i] === '--help' || words[i] === '-h') args.help = true;
    else if (words[i] === '--quick') args.quick = true;
    else if (words[i] === '--case') {
      if ((args.text = words[++i]) === undefined) throw new Error('--case needs a text');
    } else throw new Error(`unknown option ${words[i]}; see --help`);
  }
  return args;
}

/**
 * How often the list of cases is gone through with new breakers, how many turns each subject takes, how long a turn is
 * (shorter than what a scheduler gives to others meanwhile), and how often windows are filled.
 */
export function effort({ quick }) {
  return quick ? { passes: 1, rounds: 31, turnMs: 1, fillings: 3 } : { passes: 3, rounds: 41, turnMs: 2, fillings: 11 };
}
