import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { meaningOf } from '#lib/profile/seccomp/algebra/meaning';
import { deniedNeeds } from '#lib/profile/seccomp/lint/lint-start';
import type { SeccompProfile, SeccompRule } from '#lib/profile/seccomp/model';
import { type RuntimeNeed, runtimeNeeds } from '#lib/profile/seccomp/tables/runtime-needs';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';
import { type ContainerKind, StartedContainer } from '../../support/kernel/start-container.ts';
import { someOf } from '../../support/some-of.ts';

/** A profile, and whether a container starts under it. */
interface Case {
  readonly name: string;
  readonly profile: SeccompProfile;
  readonly starts: boolean;
}

const kinds: readonly ContainerKind[] = (['runc', 'crun'] as const).flatMap((runtime) => [
  { runtime, noNewPrivileges: true, user: 'other' },
  { runtime, noNewPrivileges: false, user: 'other' },
  { runtime, noNewPrivileges: false, user: 'root' },
]);

function applies(need: RuntimeNeed, { runtime, noNewPrivileges, user }: ContainerKind): boolean {
  if (need.runtime !== runtime || (need.whileGaining && noNewPrivileges)) return false;
  return !need.forOthersThanRoot || user === 'other';
}

function denied(names: readonly string[], more: Partial<SeccompRule>): SeccompProfile {
  return { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names, action: 'SCMP_ACT_ERRNO', ...more }] };
}

function allowed(names: readonly string[], defaultErrnoRet: number): SeccompProfile {
  return { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet, syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] };
}

/** A failure for which no runtime has a way round. */
const eacces = 13;
/** Success without effect, EPERM, EACCES and ENOSYS. */
const errnos = [0, 1, eacces, 38];
/** Of an argument that runtimes call with other values. */
const unusedValue = 0xffffn;

/**
 * Ways to deny one call, and whether a container starts then. Root's containers differ little:
 * fewer of theirs are tried.
 */
function casesOf(need: RuntimeNeed, all: readonly string[], user: ContainerKind['user']): readonly Case[] {
  const { names, survives, argument } = need;
  const name = names.join(' or ');
  // Who goes on after some numbers may do so after any other.
  const isPicky = survives === 'every' || survives.some((errno) => errno > 0);
  const numbers = user === 'root' ? [1] : errnos.filter((errno) => isPicky || errno <= 1);
  const isSurvived = (errno: number) => survives === 'every' || survives.includes(errno);
  const missing = allowed(
    // A runtime that fails and may not end itself keeps the test waiting.
    [...all.filter((other) => !names.includes(other)), 'exit_group'],
    isSurvived(1) ? eacces : 1,
  );
  const withArgument = (value: bigint): SeccompProfile =>
    denied(names, { args: [{ index: argument?.index ?? 0, value, op: 'SCMP_CMP_EQ' }] });
  return [
    { name: `${name} ends the process`, profile: denied(names, { action: 'SCMP_ACT_KILL_PROCESS' }), starts: false },
    ...numbers.map((errnoRet) => ({
      name: `${name} fails with ${errnoRet}`,
      profile: denied(names, { errnoRet }),
      starts: isSurvived(errnoRet),
    })),
    ...(survives === 'every' ? [] : [{ name: `the list has no ${name}`, profile: missing, starts: false }]),
    ...(survives === 'every' ? [] : (argument?.values ?? [])).map((value) => ({
      name: `${name} fails for ${value}`,
      profile: withArgument(value),
      starts: false,
    })),
    ...(argument === undefined ? [] : [unusedValue]).map((value) => ({
      name: `${name} fails for ${value}`,
      profile: withArgument(value),
      starts: true,
    })),
    // Of several, each alone is enough.
    ...(names.length === 1 ? [] : names).map((one) => ({
      name: `of ${name} there is ${one} alone`,
      profile: denied(
        names.filter((other) => other !== one),
        {},
      ),
      starts: true,
    })),
  ];
}

describePeers(['runc', 'crun', 'cc', 'root'], 'what runtimes call under the filter', () => {
  let directory: string;
  let container: StartedContainer;
  before(() => {
    directory = temporaryFolder('runtime-needs');
    container = new StartedContainer(directory);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const kind of kinds) {
    const { runtime, noNewPrivileges, user } = kind;
    const needs = runtimeNeeds.filter((need) => applies(need, kind));
    const all = [...new Set(needs.flatMap(({ names }) => names))];
    const title = `${runtime}, noNewPrivileges ${noNewPrivileges}, ${user === 'root' ? 'root' : 'another user'}`;
    /** Whether lint says that containers of this kind do not start. */
    const isReported = ({ architectures = [], ...profile }: SeccompProfile) =>
      deniedNeeds(architectures, meaningOf(profile)).some((need) => applies(need, kind) && !need.sometimes);

    it(`is enough to start a container: ${title}`, () => {
      for (const number of errnos.slice(1)) {
        const profile = allowed(all, number);
        assert.equal(isReported(profile), false);
        for (let tries = 0; tries < 3; tries += 1) assert.ok(container.starts(kind, profile), `errno ${number}`);
      }
    });

    it(`keeps a container from starting where it is denied, and lint says so: ${title}`, () => {
      const cases = needs.filter(({ sometimes }) => !sometimes).flatMap((need) => casesOf(need, all, user));
      for (const { name, profile, starts } of cases) assert.equal(isReported(profile), !starts, `lint: ${name}`);
      for (const { name, profile, starts } of someOf(cases, 12)) {
        const started = container.starts(kind, profile);
        // If a call only pretends to succeed, it depends on the container; what lint reports never
        // starts.
        const isSure = !name.endsWith('fails with 0') || !starts;
        if (isSure) assert.equal(started, starts, name);
      }
    });
  }
});
