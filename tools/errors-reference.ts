import { table } from './cli-reference.ts';

/** The row of one kind of error. */
interface Mapping {
  readonly meaning: string;
  readonly exit: number;
  readonly http: number;
  readonly grpc: number;
  readonly criPrefix?: string;
}

const grpcNames: Readonly<Record<number, string>> = {
  3: 'INVALID_ARGUMENT',
  5: 'NOT_FOUND',
  7: 'PERMISSION_DENIED',
  8: 'RESOURCE_EXHAUSTED',
  9: 'FAILED_PRECONDITION',
  10: 'ABORTED',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
  16: 'UNAUTHENTICATED',
};

const intro = `# Errors

Every error has one of these kinds. The command exits with the code of the kind, the services answer with its HTTP status,
and the shim with its gRPC status. The kubelet recognizes the prefix in the message of the shim.
`;

const outro = `
- \`fairlead lint\`, \`fairlead diff\` and \`fairlead push\` exit with 1 if \`--fail-on\` finds something, and push also if
  \`--no-overwrite\` stops a profile: in its JSON document, the kind of that error is null. The command exits with 0 if it
  succeeds. \`fairlead COMMAND --help\` lists the codes of a command; 70 is possible for each.
- A signal ends a command. Shells report that as 128 and the number of the signal: 130 for SIGINT (Ctrl-C), 143 for SIGTERM.
  Nothing incomplete is tagged; run the same command again to complete it.
- A command prints \`error:\`, causes and \`hint:\`, the next step, on stderr. With \`--output json\` it prints
  \`{"error": {"kind", "message", "causes", "hint", "pointer"}}\`.
- A registry or another server has 10 s to accept a connection, 30 s to begin its answer, and 30 s between two pieces of it. A
  request is sent up to four times if the connection fails or the server is overloaded, and twice if there is no answer. After
  10 s without progress, a note on stderr names the host, except with \`--quiet\` and \`--output json\`.
- The services answer with problem details (RFC 9457): \`type\`, \`title\`, \`status\`, \`detail\`, and in addition \`kind\`,
  \`hint\` and \`pointer\`. \`LimitExceeded\` has status 429 if a limit of requests is exceeded. Requests that HTTP has a status
  for keep that status: 405, 406 and 415.
- In the message of a Kubernetes event, the hint follows the message in parentheses. An error that is caused by the node
  itself, such as too many open files, has no prefix.
- \`Internal\` is a bug: please report it.
`;

/** Returns the reference page of errors. */
export function errorsReference(mapping: Readonly<Record<string, Mapping>>): string {
  const rows = Object.entries(mapping).map(([kind, { meaning, exit, http, grpc, criPrefix }]) => [
    `\`${kind}\``,
    meaning,
    String(exit),
    String(http),
    grpcNames[grpc] ?? String(grpc),
    criPrefix === undefined ? '' : `\`${criPrefix}\``,
  ]);
  return `${intro}\n${table(['kind', 'meaning', 'exit code', 'HTTP', 'gRPC', 'CRI prefix'], rows)}${outro}`;
}
