import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Registry, startRegistry } from '#test/peers/registry';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { startServe } from '#test/support/cli/serve';
import { type LoadResult, runLoad } from '#test/support/load/run-load';
import { commonProfile } from './common-profile.ts';
import { median, renderSpread } from './samples.ts';

/** The first round, which warms up, is not counted. */
const rounds = 7;
const load = { connections: 64, milliseconds: Number(process.env['FAIRLEAD_BENCH_LOAD_MS'] ?? 3_000) };
const bare = fileURLToPath(new URL('./bare-fastify.ts', import.meta.url));
/** Distinct profiles whose tags are requested in turn. */
const tags = 16;
const targets = { ratio: 0.6, tagRate: 400, tagRequests: 1, p99: 30 };

/**
 * The pull service at 64 connections, in front of docker-registry: a profile of 20 KiB by its
 * digest beside a bare Fastify handler with the same bytes, and 16 profiles by tag with the
 * requests that reach the registry.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-bench-pull-'));
  const registry = await startRegistry();
  const stops: (() => unknown)[] = [() => registry.stop()];
  try {
    const digest = await publish(registry, directory);
    const policy = `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", require: [{key: fairlead.pub}]}\n`;
    await writeFile(join(directory, 'policy.yaml'), policy);
    const listen = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'];
    const services = await startServe(['--policy', 'policy.yaml', '--key', 'fairlead.key', ...listen], {
      cwd: directory,
      env: { FAIRLEAD_PUSH_TOKEN: 'a-token-for-the-bench-only' },
    });
    stops.push(() => services.stop());
    const urlOf = (reference: string): string =>
      `${services.pull}/v1/profiles?reference=${encodeURIComponent(`${registry.host}/${reference}`)}`;
    const byDigest = urlOf(`p0@${digest}`);
    const body = await (await fetch(byDigest)).text();
    await writeFile(join(directory, 'body.json'), body);
    const beside = await startBare(join(directory, 'body.json'));
    stops.push(() => beside.process.kill());
    const byTag = Array.from({ length: tags }, (_, at) => urlOf(`p${at}:v1`));
    await measure(report, { byDigest, byTag, bare: beside.url, registry });
  } finally {
    for (const stop of stops.toReversed()) await stop();
    await rm(directory, { recursive: true });
  }
}

interface Measured {
  readonly byDigest: string;
  readonly byTag: readonly string[];
  readonly bare: string;
  readonly registry: Registry;
}

async function measure(report: (line: string) => void, urls: Measured): Promise<void> {
  const digest: LoadResult[] = [];
  const handler: LoadResult[] = [];
  const tag: LoadResult[] = [];
  const requests: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const results = [await runLoad([urls.bare], load), await runLoad([urls.byDigest], load)] as const;
    const before = requestsOf(urls.registry);
    const tagged = await runLoad(urls.byTag, load);
    if (round === 0) continue;
    handler.push(results[0]);
    digest.push(results[1]);
    tag.push(tagged);
    requests.push((requestsOf(urls.registry) - before) / tagged.count);
  }
  for (const { statuses } of [...digest, ...tag]) {
    if (Object.keys(statuses).some((status) => status !== '200')) throw new Error(JSON.stringify(statuses));
  }
  const ratios = digest.map(({ rate }, at) => rate / (handler[at]?.rate ?? Number.NaN));
  const reached = (good: boolean): string => (good ? 'reached' : 'missed');
  report(
    `by digest, cached: ${rates(digest)} requests/s, bare Fastify handler ${rates(handler)}, ratio ` +
      `${renderSpread(ratios, 2)} (at least ${targets.ratio}: ${reached(median(ratios) >= targets.ratio)}), ` +
      `p99 ${latency(digest)} (bare ${latency(handler)} ms)`,
  );
  const tagRate = median(tag.map(({ rate }) => rate));
  report(
    `by tag, ${tags} profiles: ${rates(tag)} requests/s (at least ${targets.tagRate}: ${reached(tagRate >= targets.tagRate)}), ` +
      `registry requests for each ${renderSpread(requests, 2)} (at most ${targets.tagRequests}: ` +
      `${reached(median(requests) <= targets.tagRequests)}), p99 ${latency(tag)}`,
  );
}

function rates(results: readonly LoadResult[]): string {
  return renderSpread(
    results.map(({ rate }) => rate),
    0,
  );
}

function latency(results: readonly LoadResult[]): string {
  const p99 = results.map((result) => result.p99);
  return `${renderSpread(p99, 1)} ms (under ${targets.p99}: ${median(p99) < targets.p99 ? 'reached' : 'missed'})`;
}

/** Publishes signed profiles `p0` to `p15` with the tag v1; returns the digest of the first. */
async function publish(registry: Registry, directory: string): Promise<string> {
  succeeded(await runFairlead(['keygen'], { cwd: directory }));
  for (let at = 0; at < tags; at++) {
    // Blanks, so that no two profiles have the same digest.
    await writeFile(join(directory, `p${at}.json`), `${commonProfile()}${' '.repeat(at)}\n`);
  }
  const files = Array.from({ length: tags }, (_, at) => `p${at}.json`);
  const args = [...files, `${registry.host}/`, '--tag', 'v1', '--key', 'fairlead.key', '--output', 'json'];
  const printed = JSON.parse(succeeded(await runFairlead(['push', ...args], { cwd: directory })));
  const first = (printed.profiles ?? printed.published ?? [printed])[0];
  return first.digest;
}

/** Number of requests that the registry has logged. */
function requestsOf({ log }: Registry): number {
  return readFileSync(log, 'utf8').match(/"(GET|HEAD) \/v2\/\S+ HTTP/g)?.length ?? 0;
}

async function startBare(file: string): Promise<{ readonly process: ChildProcess; readonly url: string }> {
  const child = spawn(process.execPath, [bare, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [url] = await once(createInterface(child.stdout), 'line');
  return { process: child, url: `${url}/` };
}
