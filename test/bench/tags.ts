import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { forEachOf } from '#lib/concurrency/for-each-of';
import { readProfile } from '#lib/profile/read-profile';
import { remoteRepository } from '#lib/registry/remote/repository';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { attachSignature } from '#lib/trust/sign/attach-signature';
import { keySigner } from '#lib/trust/sign/key-signer';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { installExecutable } from './installed-programs.ts';
import { buildMeasure, type Command, type Measure, type Usage } from './measured-program.ts';
import { median, renderSpread } from './samples.ts';

/** The first round, which warms up, is not counted. */
const rounds = 7;
/** Tags that are copied: 100, so that the bench ends within minutes. FAIRLEAD_BENCH_TAGS=300. */
const copied = Number(process.env['FAIRLEAD_BENCH_TAGS'] ?? 100);
const listed = 10_000;
/** Milliseconds that `ls` of these may take longer than `--version`. */
const listTarget = 60;
/** A directory whose files are in memory. */
const memory = '/dev/shm';

type Report = (line: string) => void;

/**
 * Many tags: copying a repository in one run, and listing one. Whole processes: the executable
 * beside crane, with two docker-registries on loopback. Both copy everything that the repository
 * has. Of signed artifacts, fairlead copies each with its signatures; crane copies the lists of
 * signatures as further tags, and replaces those of the destination.
 */
export async function bench(report: Report): Promise<void> {
  const directory = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), 'fairlead-bench-'));
  const registries: Registry[] = [];
  try {
    const measure = buildMeasure(directory);
    const executable = await installExecutable(directory);
    const start = async (): Promise<Registry> => {
      const registry = await startRegistry({ storage: join(directory, `storage-${registries.length}`) });
      registries.push(registry);
      return registry;
    };
    const [source, target] = [await start(), await start()];
    for (const format of ['unsigned', 'signed'] as const) {
      const from = `${source.host}/${format}`;
      await fill(source.host, format, copied);
      const copy = (round: number): Contender[] => [
        { name: 'fairlead', command: [executable, 'copy', '--all-tags', from, `${target.host}/f/${format}-${round}`] },
        {
          name: 'crane',
          command: [peer('crane'), 'cp', '--insecure', '--all-tags', from, `${target.host}/c/${format}-${round}`],
        },
      ];
      reportRatio(report, `copy ${copied} tags, ${format}`, takeTurns(copy, measure));
      reportRatio(report, `the same again, ${format}`, takeTurns(copy, measure));
    }
    await fill(source.host, 'listed', 1);
    await addTags(source, 'listed', listed);
    const list = takeTurns(
      () => [
        { name: '--version', command: [executable, '--version'] },
        { name: 'fairlead', command: [executable, 'ls', `${source.host}/listed`] },
        { name: 'crane', command: [peer('crane'), 'ls', '--insecure', `${source.host}/listed`] },
      ],
      measure,
    );
    reportRatio(report, `list ${listed} tags`, list);
    reportDifference(report, list);
  } finally {
    for (const registry of registries) await registry.stop();
    await rm(directory, { recursive: true });
  }
}

interface Contender {
  readonly name: string;
  readonly command: Command;
}

type Samples = ReadonlyMap<string, readonly Usage[]>;

/** Pushes different profiles of 20 KiB, each with a tag of its own. */
async function fill(registry: string, repository: 'unsigned' | 'signed' | 'listed', count: number): Promise<void> {
  const target = remoteRepository({ registry, repository });
  const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  await forEachOf(
    Array.from({ length: count }, (_, at) => at),
    4,
    async (at) => {
      const names = Array.from({ length: 1150 }, (_, n) => `syscall_${at}_${n}`);
      const text = JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });
      const artifact = packArtifact(readProfile(new TextEncoder().encode(text)), { layout: 'runtime' });
      const { descriptor } = artifact;
      await pushArtifact(target, artifact, undefined, undefined);
      if (repository === 'signed') {
        await attachSignature(target, { descriptor, reference: { registry, repository }, signer, format: 'bundle' });
      }
      await target.tag(descriptor, `1.${at}`);
    },
  );
}

/** Adds tags to a repository in the files of docker-registry: pushing them would take minutes. */
async function addTags({ storage }: Registry, repository: string, count: number): Promise<void> {
  const manifests = join(storage, 'docker/registry/v2/repositories', repository, '_manifests');
  const [hex] = await readdir(join(manifests, 'revisions/sha256'));
  for (let at = 0; at < count; at++) {
    const current = join(manifests, 'tags', `2.${at % 40}.${Math.floor(at / 40)}`, 'current');
    await mkdir(current, { recursive: true });
    await writeFile(join(current, 'link'), `sha256:${hex}`);
  }
}

/** Runs each contender once a round, so that a noisy minute hits all of them. */
function takeTurns(contenders: (round: number) => readonly Contender[], measure: Measure): Samples {
  const samples = new Map<string, Usage[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const { name, command } of contenders(round)) {
      const used = measure(command);
      const found = samples.get(name) ?? [];
      samples.set(name, found);
      if (round > 0) found.push(used);
    }
  }
  return samples;
}

function reportRatio(report: Report, what: string, samples: Samples): void {
  const own = samples.get('fairlead') ?? [];
  const parts = [...samples].map(([name, usage]) => {
    const wall = renderSpread(
      usage.map((each) => each.wall),
      0,
    );
    if (name === 'fairlead') return `${name} ${wall} ms`;
    const ratios = own.map((each, round) => each.wall / (usage[round]?.wall ?? Number.NaN));
    return `${name} ${wall} ms, fairlead / ${name} ${renderSpread(ratios, 2)}`;
  });
  report(`${what}, median of ${rounds} (quartiles): ${parts.join('; ')}`);
}

function reportDifference(report: Report, samples: Samples): void {
  const version = samples.get('--version') ?? [];
  const more = (samples.get('fairlead') ?? []).map(({ wall }, round) => wall - (version[round]?.wall ?? Number.NaN));
  const reached = median(more) <= listTarget;
  report(
    `ls takes ${renderSpread(more, 0)} ms more than --version; at most ${listTarget}: ${reached ? 'reached' : 'missed'}`,
  );
}
