/** What `fairlead serve --embedded` was started with. */
export interface EmbeddedStart {
  /** The name on the command line. */
  readonly directory: string;
  /** Options that replace files of the directory. */
  readonly given: {
    readonly policy?: string | undefined;
    readonly key?: string | undefined;
    readonly unsigned?: boolean | undefined;
    readonly tokenFile?: string | undefined;
    readonly ociLayout?: string | undefined;
  };
  /** True if it has profiles from the start. */
  readonly isSeeded?: boolean;
  /** URLs of the services. */
  readonly push?: string | undefined;
  readonly pull?: string | undefined;
}

/**
 * Returns where to look after `serve --embedded`, and commands to try; where they are, if there are
 * profiles already. They work with the files of the directory; if an option replaces one, the
 * commands have placeholders.
 */
export function embeddedGreeting({ directory, given, isSeeded = false, push, pull }: EmbeddedStart): string {
  const signsOtherwise = given.key !== undefined || given.unsigned === true;
  const held = [
    given.ociLayout === undefined && 'registry',
    !signsOtherwise && 'key',
    given.policy === undefined && 'policy',
    given.tokenFile === undefined && 'token',
  ].filter((name) => name !== false);
  const last = held.pop();
  const lines = pull === undefined ? [] : [`Open ${pull}/ in a browser to see what is published.`];
  const places =
    last === undefined
      ? []
      : [
          held.length === 0
            ? `${capitalized(last)} is in ${directory}.`
            : `${capitalized(held.join(', '))} and ${last} are in ${directory}.`,
        ];
  lines.push(...places);
  // The policy of the directory allows whatever its key signs.
  const ready = given.policy === undefined && !signsOtherwise;
  if (!ready)
    lines.push(`The policy ${given.policy ?? `${directory}/policy.yaml`} specifies what may be published and fetched.`);
  if (isSeeded) return `${lines.join('\n')}\nfairlead serve --help has commands that publish and fetch a profile.\n`;
  const reference = ready ? 'localhost/security/nginx:1.27' : 'REGISTRY/REPOSITORY:TAG';
  const url = (base: string): string => `"${base}/v1/profiles?reference=${reference}"`;
  if (push !== undefined) {
    const token = `-H "Authorization: Bearer $(cat ${given.tokenFile ?? `${directory}/token`})"`;
    lines.push(
      'Publish:',
      `  curl ${token} -H "Content-Type: application/json" --data-binary @nginx.json ${url(push)}`,
    );
  }
  if (pull !== undefined) lines.push('Fetch:', `  curl ${url(pull)}`);
  return `${lines.join('\n')}\n`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
