import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { openContent } from '#lib/registry/content';
import { mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import type { ManifestResolver } from '#lib/registry/one-request';
import { parseReference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { bundleMediaType } from '#lib/trust/signature/signature';
import { FairBudget } from '../../concurrency/fair-budget.ts';
import type { PullPolicy } from './pull-dependencies.ts';
import { PullLimiter, pullLimits } from './pull-limiter.ts';
import { pullProfile } from './pull-profile.ts';

const mebibyte = 1024 * 1024;

describe('turns', () => {
  it('are never more than allowed, in all and of one key, and all come, whichever callers leave', async () => {
    const job = fc.record({ key: fc.constantFrom('a', 'b', 'c'), ticks: fc.nat(5), leavesAfter: fc.option(fc.nat(5)) });
    const limits = fc.record({ most: fc.integer({ min: 1, max: 5 }), mostOfKey: fc.integer({ min: 1, max: 5 }) });
    await fc.assert(
      fc.asyncProperty(limits, fc.array(job, { maxLength: 30 }), async ({ most, mostOfKey }, jobs) => {
        const turns = new FairBudget({ total: most, share: mostOfKey });
        const running: string[] = [];
        let ended = 0;
        const run = async ({ key, ticks, leavesAfter }: (typeof jobs)[number]): Promise<void> => {
          const leaving = new AbortController();
          const taken = turns.acquire(key, 1, leaving.signal);
          taken.catch(() => undefined);
          if (leavesAfter !== null) {
            for (let tick = 0; tick < leavesAfter; tick++) await turn();
            leaving.abort(new Error('left'));
          }
          try {
            const end = await taken;
            running.push(key);
            assert.ok(running.length <= most);
            assert.ok(running.filter((other) => other === key).length <= mostOfKey);
            for (let tick = 0; tick < ticks; tick++) await turn();
            running.splice(running.indexOf(key), 1);
            end();
          } catch (error) {
            assert.ok(leavesAfter !== null && error instanceof Error && error.message === 'left', String(error));
          }
          ended++;
        };
        await Promise.all(jobs.map(run));
        assert.equal(ended, jobs.length);
        assert.deepEqual(running, []);
      }),
      { numRuns: 100 },
    );
  });

  it('come in the order in which they were asked for', async () => {
    const turns = new FairBudget({ total: 1, share: 1 });
    const never = new AbortController().signal;
    const order: number[] = [];
    await Promise.all(
      [0, 1, 2, 3].map(async (number) => {
        const end = await turns.acquire(String(number), 1, never);
        order.push(number);
        await turn();
        end();
      }),
    );
    assert.deepEqual(order, [0, 1, 2, 3]);
  });
});

describe('a limiter for pulls', () => {
  const bundle = Buffer.alloc(256 * 1024, '{');

  /**
   * An artifact with 128 bundles of 256 KiB, in a repository that counts what was fetched of it.
   */
  async function crowded(
    number: number,
    counted: (bytes: number) => void,
  ): Promise<{ target: ReadTarget; digest: string }> {
    const target = memoryRepository();
    const profile = { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } } as const;
    const artifact = packArtifact(profile, { layout: 'runtime', title: `${number}.json` });
    await pushArtifact(target, artifact, undefined, undefined);
    const contents = new Map<string, Buffer>([[digestOf(bundle), bundle]]);
    const referrers = Array.from({ length: 128 }, (_, referrer) => {
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.manifest,
          artifactType: bundleMediaType,
          config: { mediaType: mediaTypes.emptyConfig, digest: digestOf(Buffer.from('{}')), size: 2 },
          layers: [{ mediaType: bundleMediaType, digest: digestOf(bundle), size: bundle.length }],
          subject: artifact.descriptor,
          annotations: { referrer: String(referrer) },
        }),
      );
      const digest = digestOf(manifest);
      contents.set(digest, manifest);
      return { mediaType: mediaTypes.manifest, artifactType: bundleMediaType, digest, size: manifest.length };
    });
    return {
      digest: artifact.descriptor.digest,
      target: {
        resolve: (tagOrDigest) => target.resolve(tagOrDigest),
        referrers: async () => referrers,
        async fetch(descriptor, options) {
          const bytes = contents.get(descriptor.digest);
          if (bytes === undefined) return target.fetch(descriptor, options);
          await turn();
          counted(bytes.length);
          return openContent(descriptor, bytes, descriptor.digest);
        },
      },
    };
  }

  it('keeps pulls of artifacts with 128 bundles of 256 KiB each within what two of them take', async () => {
    const { publicKey } = await loadPrivateKey((await generateKeyPair()).privateKey);
    const policy: PullPolicy = {
      source: 'policy.yaml',
      rules: [{ match: '**', unsigned: false, require: [{ anyOf: [{ key: 'a.pub', publicKey }] }] }],
      limits: defaultPublicationLimits,
      revision: 'r',
    };
    const limiter = new PullLimiter();
    const pulls = 6;
    let [inFlight, most] = [0, 0];
    const outcomes = await Promise.all(
      Array.from({ length: pulls }, async (_, number) => {
        let bytes = 0;
        const { target, digest } = await crowded(number, (fetched) => {
          bytes += fetched;
          inFlight += fetched;
          most = Math.max(most, inFlight);
        });
        const connect = (): ReadTarget => target;
        const reference = parseReference(`registry-${number % 3}.example.com/p/q@${digest}`);
        const outcome = await pullProfile({ reference, kind: 'Seccomp' }, { policy, connect, limiter }).then(
          () => 'pulled',
          (error: Error & { kind?: string }) => error.kind ?? String(error),
        );
        assert.ok(bytes > 32 * mebibyte, 'all of its bundles were looked at');
        inFlight -= bytes;
        return outcome;
      }),
    );
    assert.deepEqual(new Set(outcomes), new Set(['SignatureInvalid']));
    assert.ok(most < 2 * 33 * mebibyte + pulls * 2 * mebibyte, `${most / mebibyte} MiB in flight`);
  });

  it('has room for a small pull while large ones hold all that there is for them', async () => {
    const limiter = new PullLimiter();
    const target = memoryRepository();
    const large = { mediaType: 'a/b', digest: digestOf(Buffer.from('x')), size: 2 * mebibyte };
    const { promise: held, resolve: end } = Promise.withResolvers<void>();
    const stuck = ['a', 'b', 'c'].map(async (registry) => {
      const begun = await limiter.begin(registry, undefined);
      await begun
        .meter(target)
        .fetch(large)
        .catch(() => undefined); // nothing is there: its bytes count
      await held;
      begun.end();
    });
    await turn();
    (await limiter.begin('d', undefined)).end();
    end();
    await Promise.all(stuck);
  });

  it('counts the lists and the manifests that a registry sends, too', async () => {
    const bytes = Buffer.alloc(2 * mebibyte);
    const descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
    const source: ReadTarget & ManifestResolver = {
      ...memoryRepository(),
      referrers: async () => Array.from({ length: 20_000 }, () => descriptor),
      resolveManifest: async () => ({ descriptor, bytes }),
    };
    const asks: readonly ((target: ReadTarget) => Promise<unknown>)[] = [
      (target) => target.referrers(descriptor),
      (target) =>
        'resolveManifest' in target ? (target as typeof source).resolveManifest(descriptor.digest) : assert.fail(),
    ];
    for (const ask of asks) {
      const limiter = new PullLimiter({ wait: 50 });
      const [first, second] = [await limiter.begin('a', undefined), await limiter.begin('a', undefined)];
      await ask(first.meter(source));
      // A registry has one turn for a large pull.
      await assert.rejects(ask(second.meter(source)), { kind: 'Unavailable' });
      first.end();
      second.end();
    }
  });

  it('ends a wait that is too long as Unavailable, and one whose caller leaves with his reason', async () => {
    const limiter = new PullLimiter({ wait: 50 });
    const { share } = pullLimits.pulls;
    const stuck = await Promise.all(Array.from({ length: share }, () => limiter.begin('slow', undefined)));
    await assert.rejects(limiter.begin('slow', undefined), {
      kind: 'Unavailable',
      message: /the pull from slow waited 0\.05 seconds/,
    });
    await assert.rejects(limiter.begin('slow', AbortSignal.abort(new Error('gone'))), { message: 'gone' });
    // Another registry has its own turns.
    (await limiter.begin('quick', undefined)).end();
    for (const begun of stuck) begun.end();
    (await limiter.begin('slow', undefined)).end();
  });
});
