// Names as JavaScript writes them, and as the document does.

/** `recoveryTimeout` as `recovery_timeout`. @internal */
export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `recovery_timeout` as `recoveryTimeout`. @internal */
export function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
