import { plainText } from './plain-text.ts';

/**
 * Returns a JSON pointer (RFC 6901) as Kubernetes writes fields: `/spec/syscalls/3/action` is
 * `spec.syscalls[3].action`.
 */
export function fieldOf(pointer: string): string {
  return fieldOfSteps(
    pointer
      .split('/')
      .slice(1)
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~')),
  );
}

/** Returns a path as Kubernetes writes fields; steps that are numbers are items of lists. */
export function fieldOfSteps(steps: readonly unknown[]): string {
  return steps
    .map((step) => (/^[0-9]+$/.test(String(step)) ? `[${step}]` : `.${plainText(String(step))}`))
    .join('')
    .replace(/^\./, '');
}
