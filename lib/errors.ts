/**
 * What went wrong, as a closed set; each kind has one exit code, one HTTP status and one gRPC
 * status (see {@link errorMapping}).
 */
export type ErrorKind =
  | 'InvalidInput'
  | 'ProfileInvalid'
  | 'NotAllowed'
  | 'SignatureInvalid'
  | 'Unauthenticated'
  | 'NotFound'
  | 'Unavailable'
  | 'Conflict'
  | 'LimitExceeded'
  | 'Internal';

/** How one error kind is said at each rim of the program. */
export interface ErrorMapping {
  /** Exit code of the CLI. */
  readonly exit: number;
  /** HTTP status of the services. */
  readonly http: number;
  /** gRPC status code number (https://grpc.io/docs/guides/status-codes/). */
  readonly grpc: number;
  /**
   * Well-known prefix of k8s.io/cri-api/pkg/errors and KEP-6061 that the kubelet looks for in the
   * gRPC message.
   */
  readonly criPrefix?: string;
}

/** Exit code, HTTP status, gRPC status and CRI prefix of each kind of error. */
export const errorMapping: Readonly<Record<ErrorKind, ErrorMapping>> = {
  InvalidInput: { exit: 2, http: 400, grpc: 3 },
  ProfileInvalid: { exit: 3, http: 422, grpc: 3, criPrefix: 'SecurityProfileInvalid' },
  NotAllowed: { exit: 4, http: 403, grpc: 7 },
  SignatureInvalid: { exit: 5, http: 403, grpc: 9, criPrefix: 'SignatureValidationFailed' },
  Unauthenticated: { exit: 6, http: 401, grpc: 16 },
  NotFound: { exit: 7, http: 404, grpc: 5 },
  Unavailable: { exit: 8, http: 503, grpc: 14, criPrefix: 'RegistryUnavailable' },
  Conflict: { exit: 9, http: 409, grpc: 10 },
  LimitExceeded: { exit: 10, http: 413, grpc: 8 },
  Internal: { exit: 70, http: 500, grpc: 13 },
};

/**
 * The one error type of Fairlead: `message` names the thing, `cause` is what lay behind it, `hint`
 * says what to do next.
 */
export class FairleadError extends Error {
  override readonly name = 'FairleadError';
  readonly kind: ErrorKind;
  readonly hint?: string;
  /** Where in the caller's document the fault lies, as a JSON pointer (RFC 6901). */
  readonly pointer?: string;
  /** The message without its details. */
  readonly summary: string;
  /** True if it lies on this machine, in its runtime or its limits, and not with a registry. */
  readonly local?: boolean;
  /** What the message ends with, each on a line of its own: no other line of it is one of ours. */
  readonly details?: readonly string[];

  constructor(
    kind: ErrorKind,
    summary: string,
    options: {
      cause?: unknown;
      hint?: string;
      pointer?: string;
      local?: boolean;
      details?: readonly string[];
    } = {},
  ) {
    super(
      [summary, ...(options.details ?? [])].join('\n  '),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.kind = kind;
    this.summary = summary;
    if (options.details !== undefined) this.details = options.details;
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.pointer !== undefined) this.pointer = options.pointer;
    if (options.local !== undefined) this.local = options.local;
  }
}

/** What the system says if this process, or the machine, has no more files or memory. */
const codesOfExhaustion: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/**
 * Says whether the system had no more files or memory for something: that passes, and says nothing
 * of what was asked for.
 */
export function isExhausted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && codesOfExhaustion.has(error.code);
}

/**
 * The message of an error as it can be shown wherever it ends up: in an event of Kubernetes, an
 * answer, a log. Messages quote what strangers wrote: control and format characters, which could
 * play with a terminal or make lines of their own, are written as escapes.
 */
export function shownMessage({ summary, details = [] }: FairleadError): string {
  const shown = [summary, ...details].map((line) =>
    line.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`),
  );
  return shown.join('\n  ');
}

/**
 * Makes any thrown value a FairleadError. What is not one already is our own defect and becomes
 * `Internal`, unless the machine is exhausted, which is `Unavailable`.
 */
export function toFairleadError(thrown: unknown): FairleadError {
  if (thrown instanceof FairleadError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (isExhausted(thrown)) {
    return new FairleadError('Unavailable', message, {
      cause: thrown,
      hint: 'Raise the limit of open files (ulimit -n, LimitNOFILE= of a unit) or of memory, or try again later.',
      local: true,
    });
  }
  return new FairleadError('Internal', message, {
    cause: thrown,
    hint: 'This is a defect of Fairlead. Please report it with the command that you ran.',
  });
}
