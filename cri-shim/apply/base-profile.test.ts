import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { seccompOf } from '#lib/profile/profile';
import { readBaseProfile } from './base-profile.ts';

describe('base profile', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-base-'));
    await mkdir(join(directory, 'operator'));
    await writeFile(join(directory, 'operator', 'good.json'), '{"defaultAction": "SCMP_ACT_ERRNO"}');
    await symlink(join(directory, 'operator'), join(directory, 'linked'));
    await writeFile(join(directory, 'broken.json'), '{"defaultAction": ');
    await writeFile(join(directory, 'large.json'), Buffer.alloc(1024 * 1024 + 1, 32));
    execFileSync('mkfifo', [join(directory, 'pipe.json')]);
  });
  after(() => rm(directory, { recursive: true }));

  it('is read from a file, also through a link', async () => {
    for (const name of ['operator/good.json', 'linked/good.json']) {
      assert.equal(seccompOf(await readBaseProfile(join(directory, name), 'Seccomp')).defaultAction, 'SCMP_ACT_ERRNO');
    }
  });

  it('is refused where the runtime reads it otherwise than it is meant', async () => {
    const path = join(directory, 'other-form.json');
    const entry = { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_PTRACE'] } };
    const texts = [
      { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [entry] },
      { defaultAction: 'SCMP_ACT_ERRNO', Syscalls: [] },
      { defaultAction: 'SCMP_ACT_ERRNO', why: '' },
      { network: {} },
    ];
    for (const text of texts) {
      await writeFile(path, JSON.stringify(text));
      await assert.rejects(
        readBaseProfile(path, 'Seccomp'),
        (error: { kind: string; message: string; hint: string }) => {
          assert.equal(error.kind, 'ProfileInvalid');
          assert.ok(error.message.startsWith(`base profile ${path}:`), error.message);
          if (!('network' in text)) assert.match(error.hint, /fairlead convert --to runtime FILE/);
          return true;
        },
      );
    }
  });

  it('is refused where it is not a readable profile, without waiting for a pipe', async () => {
    await symlink('/proc/kallsyms', join(directory, 'sizeless.json'));
    await assert.rejects(readBaseProfile(join(directory, 'sizeless.json'), 'Seccomp'), {
      kind: 'ProfileInvalid',
      message: /too large/,
    });
    await writeFile(join(directory, 'spaced.json'), '{"defaultAction": "SCMP_ACT_ERRNO"}'.padEnd(1024 * 1024));
    assert.equal(
      seccompOf(await readBaseProfile(join(directory, 'spaced.json'), 'Seccomp')).defaultAction,
      'SCMP_ACT_ERRNO',
    );
    await appendFile(join(directory, 'spaced.json'), ' ');
    await assert.rejects(readBaseProfile(join(directory, 'spaced.json'), 'Seccomp'), {
      kind: 'ProfileInvalid',
      message: /too large/,
    });
    for (const name of ['missing.json', 'broken.json', 'large.json', 'pipe.json', 'operator']) {
      await assert.rejects(readBaseProfile(join(directory, name), 'Seccomp'), { kind: 'ProfileInvalid' }, name);
    }
  });
});
