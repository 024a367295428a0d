import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { convertProfile } from '#lib/profile/convert-profile';
import { diffProfiles } from '#lib/profile/diff-profiles';
import { importProfile } from '#lib/profile/import-profile';
import { lint } from '#lib/profile/lint';
import { type Profile, seccompOf } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { effectiveAsWritten } from '#lib/profile/seccomp/effective-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { unionSeccomp } from '#lib/profile/seccomp/union';
import { minimize } from '#lib/profile/seccomp/write/minimize';
import { validateArtifact } from '#lib/profile/validate-artifact';
import { usualDefault } from '#test/support/runtime-default';
import { cornerCalls } from '../../oracle/seccomp-arbitrary.ts';
import { evaluate, rank } from '../../oracle/seccomp-evaluate.ts';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';
import { RecordedContainer, recordedPrograms } from '../../support/recordings/recorded-container.ts';

const native = 'SCMP_ARCH_X86_64';
const baseline = usualDefault({ architecture: 'amd64', capabilities: ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE'] });
const names = Object.keys(recordedPrograms);

const at = (file: string) => importProfile(readFileSync(new URL(`../../../${file}`, import.meta.url)), file);
const recorded = (name: string) => at(`test/support/recordings/${name}.yaml`);
const base = (runtime: string) => seccompOf(at(`examples/base-${runtime}.json`));

/**
 * Returns what is published: the recording with what the runtime needs by itself, which recordings
 * leave out.
 */
function artifactOf(name: string, runtime: string): SeccompProfile {
  return unionSeccomp([base(runtime), seccompOf(recorded(name))], native).profile;
}

describe('recorded profiles', () => {
  for (const name of names) {
    it(`are read, linted, checked and converted: ${name}`, () => {
      const profile = recorded(name);
      const seccomp = seccompOf(profile);
      assert.equal(profile.name, `recorded-${name}`);
      assert.equal(profile.unknownFields, undefined);
      assert.deepEqual(
        lint(profile).map(({ code }) => code),
        ['resource-form', 'missing-architecture', 'missing-runtime-syscalls'],
      );
      const everywhere = unionSeccomp([artifactOf(name, 'runc'), artifactOf(name, 'crun')], native).profile;
      const complete: Profile = { kind: 'Seccomp', seccomp: everywhere };
      assert.deepEqual(lint(complete), []);
      validateArtifact({ kind: 'Seccomp', seccomp }, { entriesPerSyscall: 128 });
      for (const form of ['runtime', 'docker', 'spo'] as const) {
        const text = new TextEncoder().encode(convertProfile(profile, form, name));
        const host = { architecture: 'amd64', kernel: '6.1', capabilities: [] } as const;
        assert.deepEqual(diffProfiles(importProfile(text, name, { host }), profile, native).changes, [], form);
      }
      const runtime = readProfile(new TextEncoder().encode(convertProfile(profile, 'runtime', name)));
      assert.deepEqual(seccompOf(runtime), seccomp);
      assert.deepEqual(minimize(seccomp, native), seccomp, 'it is as short as can be');
    });

    it(`are never loosened by what they meet: ${name}`, () => {
      const artifact = artifactOf(name, 'runc');
      const inputs = { baseline, base: base('runc'), artifact };
      const effective = effectiveAsWritten(inputs, native).profile;
      const calls = [...new Set([baseline, artifact].flatMap(({ syscalls = [] }) => syscalls.flatMap((s) => s.names)))];
      for (const call of cornerCalls([baseline, artifact], calls, [native, 'SCMP_ARCH_X86'], 5_000, Math.random)) {
        const result = evaluate(effective, call);
        const strictest = Math.max(...Object.values(inputs).map((input) => rank(evaluate(input, call))));
        assert.equal(rank(result), strictest, `${result}: ${call.syscall}(${call.args.join()})`);
        assert.equal(evaluate(minimize(effective, native), call), result);
      }
    });
  }
});

describePeers(['runc', 'crun', 'busybox', 'docker-registry', 'root'], 'recorded profiles in the kernel', () => {
  let directory: string;
  let container: RecordedContainer;
  before(() => {
    directory = temporaryFolder('recorded');
    container = new RecordedContainer(directory);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const runtime of ['runc', 'crun'] as const) {
    for (const [name, script] of Object.entries(recordedPrograms)) {
      it(`let the program run under ${runtime}, and nothing that it did not do: ${name}`, () => {
        const artifact = artifactOf(name, runtime);
        const { profile } = effectiveAsWritten({ baseline, artifact }, native);
        for (const seccomp of [profile, minimize(profile, native)]) {
          const { status, stdout, stderr } = container.run(runtime, script, { seccomp });
          assert.deepEqual([status, stdout.split('\n').at(-2)], [0, 'done'], stderr);
        }
        // Without a filter it may: the profile refuses it, and not the container.
        const outside = `chmod 700 /tmp; echo "chmod $?"; ${script}`;
        assert.match(container.run(runtime, outside, {}).stdout, /^chmod 0\n/);
        const { stdout, stderr } = container.run(runtime, outside, { seccomp: profile });
        assert.match(stdout, /^chmod 1\n(?:.*\n)*done\n$/);
        assert.match(stderr, /chmod: \/tmp: Operation not permitted/);
      });
    }
  }
});
