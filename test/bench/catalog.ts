import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { type BuiltCatalog, buildCatalog } from '#lib/catalog/build-catalog';
import { entriesOf, readCatalog } from '#lib/catalog/read-catalog';
import { CatalogSearch } from '#lib/catalog/search';
import type { SearchQuery } from '#lib/catalog/search-query';
import { forEachOf } from '#lib/concurrency/for-each-of';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { readProfile } from '#lib/profile/read-profile';
import { parseReference } from '#lib/registry/reference';
import { remoteCatalog } from '#lib/registry/remote/catalog';
import { remoteRepository } from '#lib/registry/remote/repository';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { keyPolicy } from '#lib/trust/policy/key-policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { peer } from '#test/peers/peer';
import { type Refreg, startRefreg } from '#test/peers/refreg';
import { catalogEntry } from '#test/support/catalog-entries';
import { commonProfile } from './common-profile.ts';
import { median } from './samples.ts';

/** FAIRLEAD_BENCH_ARTIFACTS=1000 for a quick look. */
const artifacts = Number(process.env['FAIRLEAD_BENCH_ARTIFACTS'] ?? 10_000);
const versions = 5;
const changes = 10;
/** Artifacts that crane reads beside us: each takes two processes. */
const byCrane = 100;
const targets = { build: 120_000, again: 5000, search: 15 };

const profile = readProfile(Buffer.from(commonProfile()), 'common', 'Seccomp');

type Report = (line: string) => void;

/**
 * A catalog of 10,000 signed profiles in 2,000 repositories of a registry in memory on loopback:
 * the first build, the same with 10 new versions, and searching it. Beside the first build crane,
 * which resolves and reads manifests only: it verifies nothing and reads no profile.
 */
export async function bench(report: Report): Promise<void> {
  const registry = await startRefreg();
  try {
    const pair = await generateKeyPair();
    const signer = keySigner(await loadPrivateKey(pair.privateKey));
    const began = performance.now();
    await fill(registry, signer);
    report(`${artifacts} signed profiles were published in ${seconds(performance.now() - began)}`);
    const reference = parseReference(`${registry.host}/security/catalog:latest`);
    const policy = { ...keyPolicy('bench.pub', pair.publicKey), limits: defaultPublicationLimits };
    const build = (): Promise<BuiltCatalog> =>
      buildCatalog(
        { reference, sources: { registries: [registry.host], prefixes: [], repositories: [], images: [] } },
        {
          policy,
          signer,
          connect: (of) => remoteRepository(of),
          listRepositories: (of) => remoteCatalog(of),
          clock: () => new Date(),
        },
      );

    const first = await timed(build);
    report(verdict(`first build of ${first.result.entries.length}`, first.took, targets.build));
    const crane = await timed(() => readWithCrane(registry));
    const [own, theirs] = [first.took / artifacts, crane.took / byCrane];
    report(
      `  for each artifact ${own.toFixed(2)} ms; crane digest and manifest, nothing verified: ${theirs.toFixed(2)} ms, ${(theirs / own).toFixed(1)} times as long`,
    );

    for (let n = 0; n < changes; n++) await publish(registry, signer, { repository: n, version: versions });
    const second = await timed(build);
    const { read, shards, isChanged } = second.result;
    report(verdict(`second build, ${read} new, ${shards.written} shards written`, second.took, targets.again));
    if (!isChanged || read !== changes) throw new Error(`the second build read ${read} artifacts`);
    const third = await timed(build);
    report(verdict('third build, nothing changed', third.took, targets.again));

    const catalog = await timed(() => readCatalog(reference, { policy, connect: (of) => remoteRepository(of) }));
    report(`read and verified in ${seconds(catalog.took)}`);
    if (entriesOf(catalog.result).length !== artifacts + changes) throw new Error('the catalog is incomplete');
  } finally {
    await registry.stop();
  }
  benchSearch(report);
}

/** Searches 10,000 profiles of as many repositories. */
function benchSearch(report: Report): void {
  const before = heap();
  const search = new CatalogSearch(Array.from({ length: 10_000 }, (_, n) => searchedEntry(n)));
  report(`heap with ${search.size} profiles: ${((heap() - before) / 2 ** 20).toFixed(0)} MiB more`);
  const { next } = search.search({ limit: 1000 });
  const queries: readonly SearchQuery[] = [
    {},
    { text: 'nginx' },
    { text: 'acme 12' },
    { text: 'nothing has this' },
    { kind: 'Seccomp', architecture: 'arm64' },
    { image: 'docker.io/library/image17', sort: 'updated' },
    { signer: 'none', sort: 'calls' },
    { ...(next !== undefined && { after: next }) },
  ];
  for (let round = 0; round < 20; round++) for (const query of queries) search.search(query);
  const [clock, processor]: [number[], number[]] = [[], []];
  for (let round = 0; round < 100; round++) {
    for (const query of queries) {
      const [began, used] = [performance.now(), process.threadCpuUsage()];
      search.search(query);
      clock.push(performance.now() - began);
      const { user, system } = process.threadCpuUsage(used);
      processor.push((user + system) / 1000);
    }
  }
  // By the clock, other processes of the machine count as well.
  report(verdict(`search, p99 of ${processor.length}, processor time`, p99(processor), targets.search));
  report(`  by the clock: median ${median(clock).toFixed(1)} ms, p99 ${p99(clock).toFixed(1)} ms`);
}

function p99(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length * 0.99)] ?? Number.NaN;
}

function searchedEntry(n: number) {
  return catalogEntry({
    of: `registry.example.com/acme${n % 50}/${['nginx', 'redis', 'node'][n % 3]}-${n}`,
    seed: String(n),
    kind: n % 10 === 0 ? 'AppArmor' : 'Seccomp',
    tags: [`1.${n % 30}.0`, 'latest'],
    architectures: n % 2 === 0 ? ['amd64', 'arm64'] : ['amd64'],
    signers: n % 5 === 0 ? [] : [{ issuer: 'https://issuer.example', identity: `https://ci.example/acme${n % 412}` }],
    calls: { allowed: n % 352, baseline: 352, asked: n % 5 },
    annotations: {
      'org.opencontainers.image.created': new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
      'dev.fairlead.profile.summary': `Files, sockets and threads of program ${n}; denies mounts and tracing.`,
      'dev.fairlead.profile.images': `docker.io/library/image${n % 3000}`,
    },
  });
}

async function fill(registry: Refreg, signer: KeySigner): Promise<void> {
  const numbers = Array.from({ length: artifacts }, (_, n) => n);
  await forEachOf(numbers, 32, (n) =>
    publish(registry, signer, { repository: Math.floor(n / versions), version: n % versions }),
  );
}

async function publish(
  registry: Refreg,
  signer: KeySigner,
  { repository, version }: { readonly repository: number; readonly version: number },
): Promise<void> {
  const artifact = packArtifact(profile, {
    layout: 'runtime',
    annotations: { 'org.opencontainers.image.version': `1.${version}.0`, 'example.com/repository': String(repository) },
  });
  const signature = packSignature(artifact.descriptor, await signArtifact(artifact.descriptor, signer));
  const target = remoteRepository({ registry: registry.host, repository: `acme${repository % 50}/p${repository}` });
  await pushArtifact(target, artifact, signature, `1.${version}.0`);
}

async function readWithCrane(registry: Refreg): Promise<void> {
  const run = promisify(execFile);
  for (let n = 0; n < byCrane; n++) {
    const repository = n % Math.floor(artifacts / versions);
    const reference = `${registry.host}/acme${repository % 50}/p${repository}:1.0.0`;
    await run(peer('crane'), ['digest', '--insecure', reference]);
    await run(peer('crane'), ['manifest', '--insecure', reference]);
  }
}

async function timed<T>(run: () => Promise<T>): Promise<{ readonly result: T; readonly took: number }> {
  const began = performance.now();
  const result = await run();
  return { result, took: performance.now() - began };
}

/** The heap after a collection, which Node offers only if it is asked to. */
function heap(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function verdict(what: string, took: number, target: number): string {
  const shown = target < 1000 ? `${took.toFixed(1)} ms` : seconds(took);
  const wanted = target < 1000 ? `${target} ms` : seconds(target);
  return `${what}: ${shown} (target: under ${wanted}${took < target ? '' : ', MISSED'})`;
}
