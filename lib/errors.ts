/**
 * The kinds of errors. Each kind has one exit code, one HTTP status and one gRPC status (see {@link
 * errorMapping}).
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

/** What a kind of error means, and how the command, the services and the shim report it. */
export interface ErrorMapping {
  /** What the kind means; the `title` of problem details (RFC 9457). */
  readonly meaning: string;
  /** Exit code of the command. */
  readonly exit: number;
  /** HTTP status of the services. */
  readonly http: number;
  /** gRPC status code number (https://grpc.io/docs/guides/status-codes/). */
  readonly grpc: number;
  /**
   * Prefix of the gRPC message that the kubelet recognizes (k8s.io/cri-api/pkg/errors, KEP-6061).
   */
  readonly criPrefix?: string;
}

/** Meaning, exit code, HTTP status, gRPC status and CRI prefix of each kind of error. */
export const errorMapping: Readonly<Record<ErrorKind, ErrorMapping>> = {
  InvalidInput: { meaning: 'The request is invalid', exit: 2, http: 400, grpc: 3 },
  ProfileInvalid: {
    meaning: 'The profile is invalid',
    exit: 3,
    http: 422,
    grpc: 3,
    criPrefix: 'SecurityProfileInvalid',
  },
  NotAllowed: {
    meaning: 'No rule of the trust policy or of the authorization file allows it',
    exit: 4,
    http: 403,
    grpc: 7,
  },
  SignatureInvalid: {
    meaning: 'A signature is missing, invalid or from another signer',
    exit: 5,
    http: 403,
    grpc: 9,
    criPrefix: 'SignatureValidationFailed',
  },
  Unauthenticated: { meaning: 'Credentials are missing or refused', exit: 6, http: 401, grpc: 16 },
  NotFound: { meaning: 'It does not exist', exit: 7, http: 404, grpc: 5 },
  Unavailable: {
    meaning: 'A registry, runtime or log service is unreachable or too slow',
    exit: 8,
    http: 503,
    grpc: 14,
    criPrefix: 'RegistryUnavailable',
  },
  Conflict: { meaning: 'Something else has changed or created it', exit: 9, http: 409, grpc: 10 },
  LimitExceeded: { meaning: 'Too large, too many or too long', exit: 10, http: 413, grpc: 8 },
  Internal: { meaning: 'A bug in Fairlead', exit: 70, http: 500, grpc: 13 },
};

/**
 * The error type of Fairlead: `message` states what is wrong with which object, `hint` the next
 * step, and `cause` is the error behind it.
 */
export class FairleadError extends Error {
  override readonly name = 'FairleadError';
  readonly kind: ErrorKind;
  readonly hint?: string;
  /** Where in the caller's document the fault is, as a JSON pointer (RFC 6901). */
  readonly pointer?: string;
  /** The message without its details. */
  readonly summary: string;
  /**
   * True if the cause is on this machine (its runtime, its limits, what it trusts), not at a
   * registry.
   */
  readonly local?: boolean;
  /** Seconds after which the caller may try again: the Retry-After header of an answer. */
  readonly retryAfter?: number;
  /** The lines after the first line of the message. A line break in a detail starts no new line. */
  readonly details?: readonly string[];

  constructor(
    kind: ErrorKind,
    summary: string,
    options: {
      cause?: unknown;
      hint?: string;
      pointer?: string;
      local?: boolean;
      retryAfter?: number;
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
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
  }
}

/** Codes of the system for a process or machine that is out of files or memory. */
const codesOfExhaustion: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/**
 * Returns whether the system was out of files or memory: that passes, and does not depend on the
 * request.
 */
export function isExhausted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && codesOfExhaustion.has(error.code);
}

/**
 * Returns the message of an error for events of Kubernetes, answers and logs. Messages quote
 * untrusted text: control and format characters, which could control a terminal or start new lines,
 * are written as escapes.
 */
export function shownMessage({ summary, details = [] }: FairleadError): string {
  const shown = [summary, ...details].map((line) =>
    line.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`),
  );
  return shown.join('\n  ');
}

/**
 * Returns any thrown value as a FairleadError. Another error is a bug and becomes `Internal`, or
 * `Unavailable` if the system was out of files or memory.
 */
export function toFairleadError(thrown: unknown): FairleadError {
  if (thrown instanceof FairleadError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (isExhausted(thrown)) {
    return new FairleadError('Unavailable', message, {
      cause: thrown,
      hint: 'Raise the limit of open files (ulimit -n, LimitNOFILE= of a systemd unit) or of memory, or try again later.',
      local: true,
    });
  }
  return new FairleadError('Internal', message, {
    cause: thrown,
    hint: 'This is a bug in Fairlead. Please report it with the command that you ran.',
  });
}
