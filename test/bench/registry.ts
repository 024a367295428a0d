import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Artifact } from '#lib/artifact/artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { readProfile } from '#lib/profile/read-profile';
import { copy } from '#lib/registry/copy';
import { memoryRepository } from '#lib/registry/memory';
import { remoteRepository } from '#lib/registry/remote/repository';
import { peer } from '#test/peers/peer';
import { startRegistry } from '#test/peers/registry';

const rounds = 15;
const many = 200;
/** How many of the many go in one turn: the contenders take turns, so that a noisy minute hits all of them. */
const turn = 20;
/** How many profiles are on their way at once, for us and as processes of the others. */
const atOnce = 4;

/**
 * Profiles of 20 KiB to and from one docker-registry on loopback: library calls of one process against a process of oras, crane and skopeo
 * for each. One at a time, and 200 of them, four at once for everybody.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-bench-'));
  const registry = await startRegistry();
  try {
    const remote = (repository: string) => remoteRepository({ registry: registry.host, repository });
    const profiles = new Profiles(folder);
    const oras = (...args: string[]) => runProgram(peer('oras'), args, folder);
    const crane = (...args: string[]) => runProgram(peer('crane'), args, folder);
    const skopeo = (...args: string[]) => runProgram(peer('skopeo'), args, folder);
    const own = remote('own/one');

    const push = {
      fairlead: async () => {
        const { artifact } = await profiles.next();
        return () => pushArtifact(own, artifact, undefined, 'v1');
      },
      oras: async () => {
        const { file } = await profiles.next();
        return () => oras('push', '--plain-http', `${registry.host}/oras/one:v1`, file);
      },
    };
    say(report, 'push one profile', await inTurns(push, rounds));

    const pull = {
      fairlead: async () => () => copy(own, memoryRepository(), 'v1', { withReferrers: false }),
      oras: async () => () => oras('pull', '--plain-http', '--output', 'pulled', `${registry.host}/oras/one:v1`),
      crane: async () => () => crane('export', '--insecure', `${registry.host}/own/one:v1`, 'exported'),
    };
    say(report, 'pull one profile', await inTurns(pull, rounds));

    const source = remote('own/many');
    const tags = Array.from({ length: many }, (_, n) => `t${n}`);
    const stored = await Promise.all(tags.map(() => profiles.next()));
    const pushMany = {
      fairlead: (tag: string, at: number) => pushArtifact(source, stored[at]?.artifact as Artifact, undefined, tag),
      oras: (tag: string, at: number) =>
        oras('push', '--plain-http', `${registry.host}/oras/many:${tag}`, stored[at]?.file as string),
    };
    say(report, `push ${many} profiles`, await manyInTurns(pushMany, tags), many);

    // Each to a repository of its own in another registry, so that nobody finds there what others brought.
    const other = await startRegistry();
    try {
      const target = (name: string) => `${other.host}/${name}/many`;
      const from = `${registry.host}/own/many`;
      const [kept, into] = [
        memoryRepository(),
        remoteRepository({ registry: other.host, repository: 'fairlead/many' }),
      ];
      const copyMany = {
        fairlead: (tag: string) => copy(source, into, tag, { withReferrers: true }),
        'oras cp': (tag: string) =>
          oras('cp', '--from-plain-http', '--to-plain-http', `${from}:${tag}`, `${target('oras')}:${tag}`),
        'crane cp': (tag: string) => crane('cp', '--insecure', `${from}:${tag}`, `${target('crane')}:${tag}`),
        'skopeo copy': (tag: string) =>
          skopeo(
            ...['copy', '--src-tls-verify=false', '--dest-tls-verify=false'],
            ...[`docker://${from}:${tag}`, `docker://${target('skopeo')}:${tag}`],
          ),
      };
      say(report, `copy ${many} profiles to another registry`, await manyInTurns(copyMany, tags), many);
      const pullMany = {
        fairlead: (tag: string) => copy(source, kept, tag, { withReferrers: false }),
        oras: (tag: string) => oras('pull', '--plain-http', '--output', `pulled-${tag}`, `${from}:${tag}`),
        crane: (tag: string) => crane('export', '--insecure', `${from}:${tag}`, `exported-${tag}`),
      };
      say(report, `pull ${many} profiles`, await manyInTurns(pullMany, tags), many);
    } finally {
      await other.stop();
    }
  } finally {
    await registry.stop();
    await rm(folder, { recursive: true });
  }
}

/** Profiles of 20 KiB, no two of which are the same, as artifacts and as files. */
class Profiles {
  readonly #folder: string;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async next(): Promise<{ readonly artifact: Artifact; readonly file: string }> {
    const names = Array.from({ length: 1150 }, (_, index) => `syscall_${this.#count}_${index}`);
    const text = JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });
    const file = `${this.#count++}.json`;
    await mkdir(this.#folder, { recursive: true });
    await writeFile(join(this.#folder, file), text);
    return { artifact: packArtifact(readProfile(new TextEncoder().encode(text)), { layout: 'runtime' }), file };
  }
}

/** Prepares and times one action of each contender in turn; gives milliseconds. The first round warms up. */
async function inTurns(
  contenders: Readonly<Record<string, () => Promise<() => Promise<unknown>>>>,
  times: number,
): Promise<Record<string, number>> {
  const samples: Record<string, number[]> = {};
  for (let round = 0; round <= times; round++) {
    for (const [name, prepare] of Object.entries(contenders)) {
      const action = await prepare();
      const begun = performance.now();
      await action();
      samples[name] ??= [];
      if (round > 0) samples[name].push(performance.now() - begun);
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, found]) => [name, median(found)]));
}

/** Has each contender do all of the tags, some at a time in turn; gives the milliseconds of all together, by the median of the turns. */
async function manyInTurns(
  contenders: Readonly<Record<string, (tag: string, at: number) => Promise<unknown>>>,
  tags: readonly string[],
): Promise<Record<string, number>> {
  const samples: Record<string, number[]> = {};
  for (let first = 0; first < tags.length; first += turn) {
    for (const [name, action] of Object.entries(contenders)) {
      const begun = performance.now();
      const waiting = tags.slice(first, first + turn).map((tag, at) => ({ tag, at: first + at }));
      const work = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await action(next.tag, next.at);
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      samples[name] ??= [];
      samples[name].push(performance.now() - begun);
    }
  }
  const turns = tags.length / turn;
  return Object.fromEntries(Object.entries(samples).map(([name, found]) => [name, median(found) * turns]));
}

function say(report: (line: string) => void, what: string, times: Record<string, number>, count = 1): void {
  const own = times['fairlead'] ?? Number.NaN;
  const parts = Object.entries(times).map(([name, time]) => {
    const each = count === 1 ? '' : ` (${(time / count).toFixed(1)} each)`;
    return `${name} ${time.toFixed(1)} ms${each}${name === 'fairlead' ? '' : `, ratio ${(time / own).toFixed(1)}`}`;
  });
  report(`${what}: ${parts.join('; ')}`);
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}

function runProgram(command: string, args: readonly string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env['PATH'], HOME: tmpdir() };
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')}: ${complaint}`));
    });
  });
}
