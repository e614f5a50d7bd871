// What prebuilt files of this system are called; `lib/native.ts` asks for the same names.

const libc = () => (process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc');

/** Of the system that this runs on: as in a package's `os`, `cpu` and `libc`. */
export function system() {
  const { platform: os, arch: cpu } = process;
  return os === 'linux' ? { os: [os], cpu: [cpu], libc: [libc()] } : { os: [os], cpu: [cpu] };
}

/** `linux-x64-gnu`, `darwin-arm64`, … */
export function platform() {
  const { os, cpu, libc } = system();
  return [...os, ...cpu, ...(libc ?? []).map((name) => (name === 'glibc' ? 'gnu' : name))].join('-');
}
