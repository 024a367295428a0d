import { type ErrorKind, errorMapping, FairleadError } from '#lib/errors';
import { type PinnedReference, parsePinned } from '#lib/registry/pinned-reference';
import { formatReference } from '#lib/registry/reference';
import { escapeControls, quote, shorten } from '#lib/text/quote';

/** What a profile was refused for. */
export interface RefusedFor {
  /** The artifact; absent if the request for it could not be read. */
  readonly reference?: PinnedReference | undefined;
  /** The name of the container; absent for the sandbox of the pod. */
  readonly container?: string | undefined;
}

/** A refusal, as it is read from the status of a pod or from an event. */
export interface ReadRefusal {
  /** The artifact, as registry/repository@digest. */
  readonly reference: string;
  readonly kind: ErrorKind;
  /** Why, with the next step: at most 1024 characters of the node's text, on one line. */
  readonly reason: string;
}

/** Begins the message of each refusal. The kubelet writes other words before it. */
const marker = 'Fairlead refuses the security profile';
/** What is read of a text: the marker of a refusal stands near its beginning. */
const longestText = 16_384;
const longestReason = 1024;
const pattern = new RegExp(
  `${marker} ([^\\s@]{1,1000}@sha(?:256|384|512):[0-9a-f]{64,128}) of (?:the pod sandbox|container "(?:[^"\\\\]|\\\\.)*"): ([A-Za-z]{1,40}): (.*)`,
  's',
);

/**
 * Returns an error of a node as the refusal of a profile: of the same kind, with a message that
 * names the artifact, the container and the kind. {@link readProfileRefusal} reads it.
 */
export function profileRefusal(error: FairleadError, { reference, container }: RefusedFor): FairleadError {
  const { kind, summary, hint, pointer, local, details } = error;
  const what = reference === undefined ? '' : ` ${formatReference(reference)}`;
  const bearer = container === undefined ? 'the pod sandbox' : `container ${quote(container)}`;
  return new FairleadError(kind, `${marker}${what} of ${bearer}: ${kind}: ${summary}`, {
    cause: error,
    ...(hint !== undefined && { hint }),
    ...(pointer !== undefined && { pointer }),
    ...(local !== undefined && { local }),
    ...(details !== undefined && { details }),
  });
}

/**
 * Reads the refusal of an artifact from a text of the kubelet: the message of a waiting container,
 * or of an event. Returns undefined for any other text, and for a refusal that names no artifact.
 */
export function readProfileRefusal(text: string): ReadRefusal | undefined {
  const [, reference = '', kind = '', reason = ''] = pattern.exec(text.slice(0, longestText)) ?? [];
  if (!isErrorKind(kind) || !isPinned(reference)) return undefined;
  const line = escapeControls(reason.slice(0, longestReason).replaceAll(/\s+/g, ' '));
  return { reference, kind, reason: shorten(line, longestReason) };
}

function isErrorKind(text: string): text is ErrorKind {
  return Object.hasOwn(errorMapping, text);
}

function isPinned(text: string): boolean {
  try {
    return formatReference(parsePinned(text)) === text;
  } catch {
    return false;
  }
}
