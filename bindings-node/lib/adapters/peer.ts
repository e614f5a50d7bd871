// Packages that the user installs.

/** What the package exports, or an error that says how to get it. */
export function peer<T>(name: string, entry: string, load: () => T): T {
  try {
    return load();
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw cause;
    throw new Error(`${entry} needs the package '${name}'; install it with \`npm install ${name}\``, { cause });
  }
}
