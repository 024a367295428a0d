import { type ErrorKind, errorMapping } from '#lib/errors';
import { gateExit } from './gate.ts';

/** What exit codes mean, by the kind of the error; `gate` is that of `--fail-on`. */
type ExitMeanings = Readonly<Partial<Record<ErrorKind | 'gate', string>>>;

/** Meanings for commands that ask a registry. */
export const registryErrors = {
  InvalidInput: 'invalid request',
  Unauthenticated: 'credentials missing or refused',
  NotFound: 'no such artifact',
  Unavailable: 'registry unreachable',
  Conflict: 'the registry answered with other content',
  LimitExceeded: 'too large',
} as const satisfies ExitMeanings;

/** Meanings for commands that read a profile from a registry, under a policy or a key. */
export const profileErrors = {
  ...registryErrors,
  InvalidInput: 'no such file or another invalid request',
  ProfileInvalid: 'invalid profile',
  NotAllowed: 'no rule of the policy allows it',
  SignatureInvalid: 'signature missing or invalid',
} as const satisfies ExitMeanings;

/** Meanings for commands that ask an API server of Kubernetes. */
export const clusterErrors = {
  InvalidInput: 'invalid kubeconfig or another invalid request',
  NotAllowed: 'a right is missing in the cluster',
  Unauthenticated: 'credentials missing or refused',
  NotFound: 'the APIs are not installed',
  Unavailable: 'API server unreachable',
} as const satisfies ExitMeanings;

/** Returns the paragraph of a help about exit codes, in their order; 0 is `success`. */
export function exitCodes(success: string, meanings: ExitMeanings, note = ''): string {
  const { gate, ...ofKinds } = meanings;
  const codes = Object.entries(ofKinds).map(
    ([kind, meaning]) => [errorMapping[kind as ErrorKind].exit, meaning] as const,
  );
  const all = [[0, success] as const, ...(gate === undefined ? [] : [[gateExit, gate] as const]), ...codes];
  const listed = all.sort(([one], [other]) => one - other).map(([code, meaning]) => `${code} ${meaning}`);
  return `\nExit codes: ${listed.join(', ')}.${note === '' ? '' : ` ${note}`}`;
}
