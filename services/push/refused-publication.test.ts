import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { profileMediaTypes } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { parseReference } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import { attachSignature } from '#lib/trust/sign/attach-signature';
import {
  allowing,
  common,
  counted,
  lax,
  put,
  reference,
  refused,
  repository,
  signer,
  stranger,
  strict,
  version,
} from '#test/support/publication';
import { publish } from './publish.ts';
import { loosens, notCompared } from './refused-publication.ts';

describe('publish with failOn', () => {
  it('refuses a profile that permits more than what the tag holds, and sends nothing', async () => {
    const target = counted();
    await put(target, strict);
    target.writes.length = 0;
    await assert.rejects(
      put(target, lax, { failOn: 'loosened' }),
      refused(/permits what registry\.example\.com\/security\/nginx:stable does not: ptrace$/),
    );
    assert.deepEqual(target.writes, []);
  });

  it('publishes a stricter one, and a first one', async () => {
    const target = counted();
    const first = await put(target, lax, { failOn: 'loosened' });
    assert.deepEqual(first.comparisons, []);
    const second = await put(target, strict, { failOn: 'loosened' });
    assert.equal(loosens(second), false);
    assert.deepEqual(second.comparisons[0]?.reference, { ...reference, digest: first.reference.digest });
  });

  it('states that it compared a profile with nothing', async () => {
    const target = counted();
    const failing = { reference, failOn: 'loosened' } as const;
    const first = await put(target, strict, failing);
    assert.equal(notCompared(first, failing), 'tag stable is new');
    assert.equal(notCompared(first, {}), undefined, 'was not asked to compare');
    assert.equal(notCompared(await put(target, strict, failing), failing), undefined, 'the tag holds it');
    assert.equal(notCompared(await put(target, allowing('read'), { reference }), failing), undefined, 'was compared');
    const released = { ...failing, ...version('1.4.0') };
    assert.equal(notCompared(await put(target, strict, released), released), 'tag 1.4.0 is new');
  });

  const unverifiable: readonly (readonly [
    what: string,
    hold: (target: Repository) => Promise<unknown>,
    why: RegExp,
  ])[] = [
    [
      'an unsigned profile',
      (target) => publish(lax, { reference }, { ...common, signer: undefined, target }),
      /signature/,
    ],
    ['a profile of another signer', (target) => put(target, lax, {}, stranger), /signature/],
  ];
  for (const [what, hold, why] of unverifiable) {
    it(`refuses if the tag holds ${what}`, async () => {
      const target = counted();
      await hold(target);
      await assert.rejects(put(target, strict, { failOn: 'loosened' }), refused(why));
      assert.equal(loosens(await put(target, strict)), undefined);
    });
  }

  it('compares a version with each tag that it moves, or with the version before it', async () => {
    const target = counted();
    await put(target, lax, version('1.3.0'));
    await put(target, strict, version('1.4.0'));
    await assert.rejects(put(target, lax, { ...version('1.4.1'), failOn: 'loosened' }), refused(/:1\.4 does not/));
    await assert.rejects(put(target, lax, { ...version('2.0.0'), failOn: 'loosened' }), refused(/:1\.4\.0 does not/));
    await assert.rejects(
      put(target, lax, { ...version('1.5.0-rc.1'), failOn: 'loosened' }),
      refused(/:1\.4\.0 does not/),
    );
    await put(target, lax, { ...version('1.3.1'), failOn: 'loosened' });
  });

  it('compares a patch of an older version with the version before it, also if shorter tags are kept', async () => {
    const target = counted();
    await put(target, strict, version('1.4.0'));
    await put(target, strict, version('1.4.3'));
    await assert.rejects(put(target, lax, { ...version('1.4.1'), failOn: 'loosened' }), refused(/:1\.4\.0 does not/));
    await put(target, lax, { reference: parseReference('registry.example.com/security/nginx:1.99.0') }, stranger);
    await assert.rejects(put(target, lax, { ...version('1.5.0'), failOn: 'loosened' }), refused(/:1\.4\.3 does not/));
  });

  it('refuses if what the tag holds depends on the container', async () => {
    const target = counted();
    const docker = { includes: { caps: ['CAP_SYS_PTRACE'] }, names: ['ptrace'], action: 'SCMP_ACT_ALLOW' };
    const text = JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [docker] });
    const config = blob(profileMediaTypes.Seccomp, emptyConfigBytes);
    const layer = blob(mediaTypes.imageLayer, new TextEncoder().encode(text), {
      'org.opencontainers.image.title': 'seccomp.json',
    });
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor } as const;
    const held = assembleArtifact({ ...manifest, layers: [layer.descriptor] }, [config, layer]);
    await pushArtifact(target, held, undefined, 'stable');
    const signing = { descriptor: held.descriptor, reference, signer, format: 'bundle' } as const;
    await attachSignature(target, signing);
    await assert.rejects(put(target, strict, { failOn: 'loosened' }), refused(/depends on the container/));
  });

  it('needs a tag', async () => {
    await assert.rejects(put(counted(), strict, { reference: repository, failOn: 'loosened' }), {
      kind: 'InvalidInput',
    });
  });

  it('notices a tag that another publisher writes meanwhile', async () => {
    const target = counted();
    const rival = await put(target, allowing('read', 'write'), { reference: repository });
    await put(target, lax);
    const racing: Repository = {
      ...target,
      push: async (descriptor, content, options) => {
        await target.push(descriptor, content, options);
        await target.tag(rival.artifact.descriptor, 'stable');
      },
    };
    await assert.rejects(put(racing, allowing('ptrace'), { failOn: 'loosened' }), {
      kind: 'Conflict',
      message: /^sent, but not tagged: another publisher/,
    });
    assert.equal((await target.resolve('stable')).digest, rival.reference.digest);
  });

  it('needs a signer or a policy to verify with', async () => {
    const request = { reference, failOn: 'loosened' } as const;
    await assert.rejects(publish(strict, request, { ...common, signer: undefined, target: counted() }), {
      kind: 'InvalidInput',
    });
  });

  it('hands on errors of the registry', async () => {
    const target = counted();
    await put(target, strict);
    const failing: Repository = {
      ...target,
      fetch: async () => {
        throw new FairleadError('Unavailable', 'gone');
      },
    };
    await assert.rejects(put(failing, lax), { kind: 'Unavailable' });
  });
});

describe('publish without overwriting', () => {
  it('refuses another artifact, and accepts the same one', async () => {
    const target = counted();
    await put(target, strict, { overwrite: false });
    await put(target, strict, { overwrite: false });
    await assert.rejects(put(target, lax, { overwrite: false }), refused(/:stable exists and holds another artifact/));
    await put(target, strict, { ...version('1.4.0'), overwrite: false });
    await put(target, lax, { ...version('1.4.1'), overwrite: false });
    await assert.rejects(put(target, strict, { ...version('1.4.1'), overwrite: false }), refused(/:1\.4\.1 exists/));
  });

  for (const by of [signer, undefined]) {
    it(`notices a tag that another publisher writes meanwhile, ${by === undefined ? 'unsigned' : 'signed'}`, async () => {
      const target = counted();
      const rival = await put(target, lax, { reference: repository });
      const racing: Repository = {
        ...target,
        push: async (descriptor, content, options) => {
          await target.push(descriptor, content, options);
          await target.tag(rival.artifact.descriptor, 'stable');
        },
      };
      const request = { reference, overwrite: false };
      await assert.rejects(publish(strict, request, { ...common, signer: by, target: racing }), {
        kind: 'Conflict',
        message: /^sent, but not tagged/,
      });
      assert.equal((await target.resolve('stable')).digest, rival.reference.digest);
    });
  }
});
