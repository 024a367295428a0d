/** What a container has called. */
export interface Calls {
  readonly names: ReadonlySet<string>;
  /** Address families that sockets were made of, such as AF_INET. */
  readonly families: ReadonlySet<string>;
}

/** The runtime becomes the program by this call; what was called before is the runtime's. */
const isProgram = (line: string) => / execve\("(?:[^"]*)"/.test(line) && !/ execve\("[^"]*(?:runc|crun)"/.test(line);

/**
 * Returns the calls of a container in an output of `strace -f` of its runtime: those of the
 * processes that descend from the first one that executes another program than the runtime.
 *
 * @throws Error if no process does.
 */
export function callsOf(trace: string): Calls {
  const lines = trace.split('\n');
  const start = lines.findIndex(isProgram);
  if (start === -1) throw new Error('the runtime executes no program');
  const processOf = (line: string | undefined) => /^\d+/.exec(line ?? '')?.[0];
  const others = new Set(lines.slice(0, start).map(processOf));
  others.delete(processOf(lines[start]));
  const inside = lines.slice(start + 1).filter((line) => !others.has(processOf(line)));
  return {
    names: new Set(inside.flatMap((line) => /^\d+ +([a-z0-9_]+)\(/.exec(line)?.[1] ?? [])),
    families: new Set(inside.flatMap((line) => /^\d+ +socket(?:pair)?\((AF_[A-Z0-9_]+)/.exec(line)?.[1] ?? [])),
  };
}
