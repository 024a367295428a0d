import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
import { type Registry, startRegistry } from '#test/peers/registry';
import { median } from './samples.ts';

const rounds = 15;
const many = 200;
/**
 * How many of the many go in one turn: the contenders take turns, so that a noisy minute hits all
 * of them.
 */
const turn = 20;
/** How many profiles are on their way at once, for us and as processes of the others. */
const atOnce = [1, 4];
/** A directory whose files are in memory. */
const memory = '/dev/shm';

/**
 * Profiles of 20 KiB to and from docker-registry on loopback, whose content is in memory where the
 * system has a directory for that, so that no disk is measured: library calls of one process
 * against a process of oras, crane and skopeo for each, as their users call them. Everybody does
 * the same work: no referrers are asked for. One at a time, and 200 of them, one after another and
 * four at once.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-bench-'));
  const storages: string[] = [];
  const start = async (): Promise<Registry> => {
    const storage = await mkdtemp(join(existsSync(memory) ? memory : directory, 'fairlead-bench-'));
    storages.push(storage);
    return startRegistry({ storage });
  };
  const registry = await start();
  try {
    report(
      `docker-registry with its content in ${storages[0]?.startsWith(memory) ? 'memory' : 'files'}; no referrers asked for`,
    );
    const remote = (repository: string) => remoteRepository({ registry: registry.host, repository });
    const profiles = new Profiles(directory);
    const oras = (...args: string[]) => runProgram(peer('oras'), args, directory);
    const crane = (...args: string[]) => runProgram(peer('crane'), args, directory);
    const skopeo = (...args: string[]) => runProgram(peer('skopeo'), args, directory);
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

    const tags = Array.from({ length: many }, (_, n) => `t${n}`);
    const stored = await Promise.all(tags.map(() => profiles.next()));
    // Each to repositories of its own in another registry, so that none holds what another client
    // pushed.
    const other = await start();
    try {
      for (const together of atOnce) {
        const source = remote(`own/many-${together}`);
        const measure = async (what: string, contenders: Contenders): Promise<void> => {
          const { times, requests } = await manyInTurns(contenders, tags, together, [registry, other]);
          const how = together === 1 ? 'one after another' : `${together} at once`;
          say(report, `${what}, ${many} profiles ${how}`, times, requests);
        };
        await measure('push', {
          fairlead: (tag, at) => pushArtifact(source, stored[at]?.artifact as Artifact, undefined, tag),
          oras: (tag, at) =>
            oras('push', '--plain-http', `${registry.host}/oras/many-${together}:${tag}`, stored[at]?.file as string),
        });
        const from = `${registry.host}/own/many-${together}`;
        const target = (name: string) => `${other.host}/${name}/many-${together}`;
        const into = remoteRepository({ registry: other.host, repository: `fairlead/many-${together}` });
        await measure('copy to another registry', {
          fairlead: (tag) => copy(source, into, tag, { withReferrers: false }),
          'oras cp': (tag) =>
            oras('cp', '--from-plain-http', '--to-plain-http', `${from}:${tag}`, `${target('oras')}:${tag}`),
          'crane cp': (tag) => crane('cp', '--insecure', `${from}:${tag}`, `${target('crane')}:${tag}`),
          'skopeo copy': (tag) =>
            skopeo(
              ...['copy', '--src-tls-verify=false', '--dest-tls-verify=false'],
              ...[`docker://${from}:${tag}`, `docker://${target('skopeo')}:${tag}`],
            ),
        });
        const kept = memoryRepository();
        await measure('pull', {
          fairlead: (tag) => copy(source, kept, tag, { withReferrers: false }),
          oras: (tag) => oras('pull', '--plain-http', '--output', `pulled-${tag}`, `${from}:${tag}`),
          crane: (tag) => crane('export', '--insecure', `${from}:${tag}`, `exported-${tag}`),
        });
      }
    } finally {
      await other.stop();
    }
  } finally {
    await registry.stop();
    for (const used of [...storages, directory]) await rm(used, { recursive: true });
  }
}

/** Profiles of 20 KiB, no two of which are the same, as artifacts and as files. */
class Profiles {
  readonly #directory: string;
  #count = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async next(): Promise<{ readonly artifact: Artifact; readonly file: string }> {
    const names = Array.from({ length: 1150 }, (_, index) => `syscall_${this.#count}_${index}`);
    const text = JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });
    const file = `${this.#count++}.json`;
    await mkdir(this.#directory, { recursive: true });
    await writeFile(join(this.#directory, file), text);
    return { artifact: packArtifact(readProfile(new TextEncoder().encode(text)), { layout: 'runtime' }), file };
  }
}

/**
 * Prepares and times one action of each contender in turn; gives milliseconds. The first round
 * warms up.
 */
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

type Contenders = Readonly<Record<string, (tag: string, at: number) => Promise<unknown>>>;

/**
 * Has each contender do all of the tags, some at a time in turn. Gives the milliseconds of all
 * together, by the median of the turns, and the requests that the registries got.
 */
async function manyInTurns(
  contenders: Contenders,
  tags: readonly string[],
  together: number,
  registries: readonly Registry[],
): Promise<{ times: Record<string, number>; requests: Record<string, number> }> {
  const samples: Record<string, number[]> = {};
  const requests: Record<string, number> = {};
  for (let first = 0; first < tags.length; first += turn) {
    for (const [name, action] of Object.entries(contenders)) {
      const before = await requestsOf(registries);
      const begun = performance.now();
      const waiting = tags.slice(first, first + turn).map((tag, at) => ({ tag, at: first + at }));
      const work = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await action(next.tag, next.at);
      };
      await Promise.all(Array.from({ length: together }, work));
      samples[name] ??= [];
      samples[name].push(performance.now() - begun);
      requests[name] = (requests[name] ?? 0) + (await requestsOf(registries)) - before;
    }
  }
  const turns = tags.length / turn;
  const times = Object.fromEntries(Object.entries(samples).map(([name, found]) => [name, median(found) * turns]));
  return { times, requests };
}

/** How many requests some registries have answered. */
async function requestsOf(registries: readonly Registry[]): Promise<number> {
  const logs = await Promise.all(registries.map(({ log }) => readFile(log, 'latin1')));
  return logs.reduce((sum, log) => sum + log.split('msg="response completed').length - 1, 0);
}

/** Reports times in milliseconds; those of many with what one took, in time and requests. */
function say(
  report: (line: string) => void,
  what: string,
  times: Record<string, number>,
  requests?: Record<string, number>,
): void {
  const own = times['fairlead'] ?? Number.NaN;
  const parts = Object.entries(times).map(([name, time]) => {
    const asked = requests?.[name] ?? 0;
    const each =
      requests === undefined ? '' : ` (${(time / many).toFixed(1)} ms and ${(asked / many).toFixed(1)} requests each)`;
    return `${name} ${time.toFixed(1)} ms${each}${name === 'fairlead' ? '' : `, ratio ${(time / own).toFixed(1)}`}`;
  });
  report(`${what}: ${parts.join('; ')}`);
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
