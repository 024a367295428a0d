import { type ErrorKind, type FairleadError, shownMessage } from '#lib/errors';
import { nameOptions } from '#lib/text/name-options';
import { sentence, withNextStep } from '#lib/text/sentence';
import type { Refusal } from './check.ts';

/** The kinds of errors that are decisions about an artifact, for any caller and at any time. */
const decisions: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['NotAllowed', 'SignatureInvalid', 'ProfileInvalid']);

/** Next steps that are others for an object of the cluster than on a command line. */
const hints: Readonly<Partial<Record<ErrorKind, string>>> = {
  Unauthenticated:
    'Name a Secret of type kubernetes.io/dockerconfigjson in spec.pullSecret, or check the repository name: many registries ' +
    'answer this for a repository that does not exist.',
};

/** Options of the functions that pull, and what is set in the object or where the operator runs. */
const settings: Readonly<Record<string, string>> = {
  kind: 'spec.kind',
  plainHttp: 'the server http://… in its hosts.toml',
};

/** Returns why an artifact is not used, from the error of a pull. */
export function refusalOf(error: FairleadError, digest?: string): Refusal {
  const { kind } = error;
  const hint = hints[kind] ?? (error.hint && nameOptions(error.hint, settings));
  // Conditions, events and lists show one line.
  const [summary = '', ...details] = shownMessage(error).split('\n');
  const message = [summary, details.map((detail) => detail.trim()).join('; ')].join(' ').trim();
  return {
    ...(digest !== undefined && { digest }),
    reason: kind,
    message: hint === undefined ? sentence(message) : withNextStep(message, hint),
    isDecision: decisions.has(kind),
  };
}
