import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { readProfile } from '#lib/profile/read-profile';
import { memoryRepository } from '#lib/registry/memory';
import { createPullServer } from '../server.ts';

const mebibyte = 1024 * 1024;

it('remembers a bounded number of bytes of a profile that is requested in many spellings', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const target = memoryRepository();
  const content = new TextEncoder().encode(`{"defaultAction":"SCMP_ACT_ERRNO"}${' '.repeat(mebibyte)}\n`);
  const artifact = packArtifact(readProfile(content), { layout: 'runtime', content });
  await pushArtifact(target, artifact, undefined, '1');
  const app = await createPullServer({
    version: '0',
    logger: pino({ level: 'silent' }),
    policy: {
      current: {
        source: 'policy.yaml',
        rules: [{ match: '**', require: [], unsigned: true }],
        baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
        limits: { artifactBytes: 2 * mebibyte, entriesPerSyscall: 2 },
        revision: '1',
      },
      inForce: true,
    },
    connect: () => target,
  });
  try {
    const request = async (count: number): Promise<number> => {
      for (let at = 0; at < count; at++) {
        const reference = `registry.example.com/a:${at}@${artifact.descriptor.digest}`;
        const url = `/v1/profiles?reference=${reference}`;
        assert.equal((await app.inject({ url, headers: { accept: 'application/octet-stream' } })).statusCode, 200);
      }
      collect();
      return process.memoryUsage().arrayBuffers;
    };
    const before = await request(1);
    const grown = ((await request(100)) - before) / mebibyte;
    assert.ok(grown < 75, `${grown.toFixed()} MiB more`);
  } finally {
    await app.close();
  }
});
