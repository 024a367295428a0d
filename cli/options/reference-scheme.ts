/** What may precede a reference on the command line, and nowhere else. */
const scheme = 'oci://';

/** Reports whether an argument is marked as a reference, so that it names no file. */
export function hasScheme(argument: string): boolean {
  return argument.startsWith(scheme);
}

/**
 * Returns an argument that names content in a registry, as parseReference takes it. All commands
 * accept `oci://` before it, also those that take no file: what one command accepts can be pasted
 * to the next.
 */
export function withoutScheme(argument: string): string {
  return hasScheme(argument) ? argument.slice(scheme.length) : argument;
}

/** Returns a reference as an argument that cannot be a file. */
export function withScheme(reference: string): string {
  return `${scheme}${reference}`;
}
